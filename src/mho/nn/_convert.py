"""`convert` and `to_digital`: a network of torch layers, and the same network on the tiles of a chip."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from mho.chip import Chip
from mho.core import SpecError, UnsupportedOpError, nearest
from mho.tiles import AbstractTile, Quantization

from ._attention import MultiheadAttention
from ._kinds import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Linear,
)
from ._recurrent import GRU, LSTM, RNN
from ._tiled import TiledMatrix, TrainingNoise

KINDS: dict[type[nn.Module], Any] = {
    nn.Linear: Linear,
    nn.Conv1d: Conv1d,
    nn.Conv2d: Conv2d,
    nn.Conv3d: Conv3d,
    nn.ConvTranspose1d: ConvTranspose1d,
    nn.ConvTranspose2d: ConvTranspose2d,
    nn.ConvTranspose3d: ConvTranspose3d,
    nn.LSTM: LSTM,
    nn.GRU: GRU,
    nn.RNN: RNN,
    nn.MultiheadAttention: MultiheadAttention,
}
"""What goes on tiles, and as what."""
_DIGITAL: dict[type[nn.Module], type[nn.Module]] = {tiled: digital for digital, tiled in KINDS.items()}


def convert(
    network: nn.Module,
    chip: Chip | AbstractTile | str | Path,
    *,
    filter: Callable[[str, nn.Module], bool] | None = None,
    noise: TrainingNoise | None = None,
    options: Quantization = Quantization(),  # noqa: B008  (a frozen value)
    layers: Mapping[str, Quantization] | None = None,
) -> nn.Module:
    """Return a copy of a network whose matrix layers sit on tiles; parameters and state dict are the same.

    Linear layers, convolutions (also transposed), LSTM, GRU and multi-head attention are converted; everything else
    stays what it is and is computed by the digital unit. Call `calibrate` before the first forward pass.

    Args:
        network: any module. It is copied, with its parameters.
        chip: a chip, its name or file; or a tile.
        filter: says of a layer's name and module whether it goes on tiles; all that can if left out.
        noise: what varies during training; see `TrainingNoise`.
        options: how layers become integers, as in `mho.quantize`: in evaluation, in training and on chips.
        layers: that of single layers by name, in place of `options`.

    Raises:
        UnsupportedOpError: if nothing was converted.
        SpecError: if a name in `layers` is none of a layer on tiles, or the tile has not so many bits.

    >>> net = convert(nn.Sequential(nn.Linear(8, 4), nn.ReLU()), "hermes")
    >>> type(net[0]).__module__.split(".")[0], list(net.state_dict())
    ('mho', ['0.weight', '0.bias'])
    """
    tile = _tile(chip)
    network = copy.deepcopy(network)
    found: list[str] = []
    own = layers or {}

    def visit(module: nn.Module, name: str) -> nn.Module:
        tiled = KINDS.get(type(module))
        if tiled is not None and (filter is None or filter(name, module)):
            found.append(name)
            how = own.get(name, options)
            return _as(tiled, module, lambda new: new.place(tile, noise or TrainingNoise(), how))
        for child_name, child in module.named_children():
            setattr(module, child_name, visit(child, f"{name}.{child_name}" if name else child_name))
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = 0  # torch's fused kernel would take the weights past the tiles
        return module

    network = visit(network, "")
    if not found:
        raise UnsupportedOpError(
            "the network has no layer that can sit on tiles, or the filter took none; "
            f"tiles take {', '.join(sorted(k.__name__ for k in KINDS))}"
        )
    if odd := [name for name in own if name not in found]:
        raise SpecError([f"the network has no layer {name!r} on tiles; {nearest(name, found)}" for name in odd])
    return network


def to_digital(network: nn.Module) -> nn.Module:
    """Return a copy of a converted network with the layers of torch again, its parameters as they are now."""
    network = copy.deepcopy(network)

    def visit(module: nn.Module) -> nn.Module:
        digital = _DIGITAL.get(type(module))
        if digital is not None:
            module = _as(digital, module, lambda new: None)
            for name, child in list(module.named_children()):
                if isinstance(child, TiledMatrix):
                    delattr(module, name)
            return module
        for name, child in module.named_children():
            setattr(module, name, visit(child))
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = {"relu": 1, "gelu": 2}.get(_activation(module), 0)
        return module

    return visit(network)


def _activation(layer: nn.TransformerEncoderLayer) -> str:
    activation: Any = layer.activation
    return str(getattr(activation, "__name__", type(activation).__name__)).lower()


def tiled_layers(network: nn.Module) -> dict[str, Any]:
    """Return the layers on tiles by name, in the order of the network."""
    return {name: module for name, module in network.named_modules() if type(module) in _DIGITAL}


def _tile(chip: Chip | AbstractTile | str | Path) -> AbstractTile:
    if isinstance(chip, AbstractTile):
        return chip
    return (chip if isinstance(chip, Chip) else Chip.load(chip)).tile


def _as(kind: type[nn.Module], module: nn.Module, then: Callable[[Any], None]) -> nn.Module:
    """Return a module of another class with the same parameters, buffers, children and hooks."""
    new = kind.__new__(kind)
    new.__dict__ = module.__dict__.copy()
    new.__dict__["_modules"] = module.__dict__["_modules"].copy()
    then(new)
    return new.train(module.training)  # what was added, too
