"""`calibrate`: find the number formats of all layers on tiles from some inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mho.core import MhoError
from mho.tiles import Ranges

from ._convert import tiled_layers
from ._tiled import TiledMatrix


def matrices(network: nn.Module) -> dict[str, tuple[TiledMatrix, Tensor]]:
    """Return every matrix on tiles with its weights, by name.

    Raises:
        MhoError: if there is none.
    """
    names = {id(m): name for name, m in network.named_modules() if isinstance(m, TiledMatrix)}
    found = {
        names[id(tiled)].removesuffix(".tiles"): (tiled, weight)
        for layer in tiled_layers(network).values()
        for tiled, weight in layer.matrices().items()
    }
    if not found:
        raise MhoError("the network has no layer on tiles; convert it first, with mho.nn.convert")
    return found


def calibrate(network: nn.Module, data: Tensor | Iterable[Any]) -> dict[str, Ranges]:
    """Choose ranges of inputs and converters of all layers, in place, as `mho.quantize` does; return them by name.

    Args:
        network: converted, in any mode; it runs exactly and in evaluation meanwhile.
        data: a batch `[batch, *]`, or batches; a tuple or list is passed as positional, a mapping as named arguments.

    Raises:
        MhoError: if the network has no layer on tiles, or a layer has seen no input.
    """
    found = matrices(network)
    modes = {module: module.training for module in network.modules()}
    network.eval()
    for tiled, _ in found.values():
        tiled.watch()
    try:
        with torch.no_grad():
            for batch in (data,) if isinstance(data, Tensor | Mapping) else data:
                if isinstance(batch, Mapping):
                    network(**batch)
                else:
                    network(*(batch if isinstance(batch, tuple | list) else (batch,)))
    finally:
        unseen = [name for name, (tiled, _) in found.items() if not tiled.seen]
        known: dict[Any, Tensor | None] = {}
        for tiled, weight in found.values():
            tiled.learn(weight, known)
        for module, mode in modes.items():
            module.training = mode
    if unseen:
        raise MhoError(f"calibration gave no input to {', '.join(unseen)}; give data that reach every layer, or filter")
    return ranges(network)


def ranges(network: nn.Module) -> dict[str, Ranges]:
    """Return the ranges of all calibrated layers by name, to be set in another copy of the network."""
    return {name: tiled.ranges for name, (tiled, _) in matrices(network).items() if tiled.ranges is not None}


def set_ranges(network: nn.Module, values: Mapping[str, Ranges]) -> None:
    """Set ranges that `calibrate` or `ranges` gave.

    Raises:
        MhoError: if names differ from those of the network's layers.
    """
    found = matrices(network)
    if set(values) != set(found):
        odd = sorted(set(values) ^ set(found))
        raise MhoError(f"ranges must be those of this network's layers; {', '.join(odd)} is only in one of both")
    known: dict[Any, Tensor | None] = {}
    for name, (tiled, weight) in found.items():
        tiled.set_ranges(values[name], weight, known)
