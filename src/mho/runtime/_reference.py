"""The reference backend: one product, one conversion, one addition at a time, in numpy float64; slow and literal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mho.converters import AbstractThresholdConverter, Cco, IntegrateFire, Memristive, Pipeline, Sar
from mho.core import Seed, UnsupportedOpError
from mho.ir import QuantLayer
from mho.tiles import AbstractLayout, Activity, AnalogTile, BitSerial, Circuit, Condition, Realisation, Split

from ._backend import AbstractBackend


@dataclass(frozen=True)
class ReferenceBackend(AbstractBackend):
    """Runs a program literally. For small cases: it is the judge of the fast backend."""

    def prepare_layer(
        self,
        layout: AbstractLayout,
        layer: QuantLayer,
        chips: Sequence[Seed],
        conditions: Sequence[Condition],
    ) -> Any:
        """Realise the cells and converters; the integers themselves for an exact tile."""
        tile = layer.tile(self.program.chip.tile)
        if isinstance(tile, AnalogTile):
            return tile.realise(
                layout, layer.weight.float(), layer.full_scale, chips, conditions, layer.signed, layer.codebook
            )
        if tile.exact:
            return len(chips) * len(conditions)
        raise UnsupportedOpError(f"the reference backend knows analog and exact tiles, not {type(tile).__name__}")

    def multiply(
        self, layout: AbstractLayout, layer: QuantLayer, state: Any, x: Tensor, noise: Tensor | None
    ) -> tuple[Tensor, Activity | None]:
        """Loop over instances, images, groups, row tiles, positions, columns, phases and slices."""
        instances = state.digits.shape[0] if isinstance(state, Realisation) else int(state)
        x = x.expand(instances, *x.shape[1:])
        positions = layout.positions(x)
        y = np.zeros((instances, x.shape[1], layout.groups, layout.columns, positions))
        weights = layout.split_weight(layer.weight.float()).numpy().astype(np.float64)
        for i, b in np.ndindex(*y.shape[:2]):
            rows = layout.gather(x[i, b : b + 1]).numpy()  # [G, R, positions, K]
            for g, r, m in np.ndindex(*rows.shape[:3]):
                vector = rows[g, r, m]
                if isinstance(state, Realisation):
                    own = None if noise is None else noise[i % state.chips, b, :, g, r, :, :, m].numpy()
                    y[i, b, g, :, m] += self._columns(state, layer, vector, (i, g, r), own)
                else:
                    y[i, b, g, :, m] += vector @ weights[g, r]
        return layout.output(torch.from_numpy(y).float(), x), None

    def _columns(
        self,
        real: Realisation,
        layer: QuantLayer,
        vector: np.ndarray,
        at: tuple[int, int, int],
        noise: np.ndarray | None,
    ) -> np.ndarray:
        """Return one row tile's contribution to every column for one input vector."""
        tile = layer.tile(self.program.chip.tile)
        assert isinstance(tile, AnalogTile)
        i, g, r = at
        digits = real.digits[i, g, r].numpy().astype(np.float64)
        slope, share = (None if m is None else m[i, g, r].numpy().astype(np.float64) for m in (real.slope, real.share))
        phases = _phases(tile.inputs, vector, layer.signed)
        levels = [_bent(tile, p) for _, p in phases] if tile.inputs.energy_exponent == 2 else [p for _, p in phases]
        solved = None if real.circuit is None else _solved(real.circuit, levels, at)
        if (tile.current_law is not None or tile.dac.inl) and tile.inputs.energy_exponent == 2:
            phases = [(w, _driven(tile, p)) for w, p in phases]
        profile = None if real.profile is None else real.profile.expand(*real.gain.shape, -1)
        value = np.zeros(digits.shape[-1])
        for n in range(digits.shape[-1]):
            for p, (weight, pulses) in enumerate(phases):
                for s, significance in enumerate(tile.weights.significance):
                    lsb = float(real.lsb[r, s])
                    column = digits[s, :, n]
                    if slope is not None and share is not None:  # the more of a column is on, the more is lost
                        column = column + (np.dot(pulses, share[s, :, n]) - real.load) * slope[s, :, n]
                    total = np.dot(pulses, column) if solved is None else solved[s, p, n]
                    signal = float(total) / lsb
                    if tile.principle is not None:
                        unit = float(real.unit[r, s])
                        sums = torch.tensor(signal / unit, dtype=torch.float64)
                        signal = float(tile.principle.transfer(sums, tile.rows)) * unit
                    signal *= float(real.gain[i, g, r, s, n])
                    signal += float(real.offset[i, g, r, s, n])
                    if noise is not None:
                        power = float(real.noise[r, s]) ** 2
                        if real.read_variance is not None:
                            each = real.read_variance[i, g, r, s, :, n].numpy().astype(np.float64)
                            power += np.dot(pulses**2, each) * (float(real.gain[i, g, r, s, n]) / lsb) ** 2
                        if tile.dac.noise:  # of every row that is driven
                            still = digits[s, :, n] - (0.0 if slope is None else real.load * slope[s, :, n])
                            each = (pulses != 0) * (still * float(real.gain[i, g, r, s, n]) / lsb) ** 2
                            power += tile.dac.noise**2 * float(each.sum())
                        signal += math.sqrt(power) * float(noise[p, s, n])
                    bits = None if profile is None else profile[i, g, r, s, n].numpy()
                    code = _convert(tile.converter, signal, real.low, real.high, bits)
                    corrected = (code - float(real.offset_correction[i, g, r, s, n])) / float(
                        real.gain_correction[i, g, r, s, n]
                    )
                    value[n] += weight * significance * corrected * lsb * float(real.drift_factor[i, g, r, n])
        return value[:-1] - value[-1] if tile.weights.reference_column else value


def _driven(tile: AnalogTile, pulses: np.ndarray) -> np.ndarray:
    """Return what levels count for by the DAC and the cells' law, one by one, in steps.

    A law that is not separable is left to the circuit.
    """
    law, most = tile.current_law, tile.inputs.pulse_steps
    levels = _bent(tile, pulses)
    if law is None or not law.separable:
        return levels
    one, full = torch.ones((), dtype=torch.float64), torch.tensor(tile.read_voltage, dtype=torch.float64)
    top = float(law.current(one, full))
    return np.array([most * float(law.current(one, full * p / most)) / top for p in levels])


def _bent(tile: AnalogTile, pulses: np.ndarray) -> np.ndarray:
    """Return what the DAC makes of levels, one by one, in steps."""
    most = tile.inputs.pulse_steps
    return np.array([float(p) + 4 * tile.dac.inl * float(p) / most * (1 - abs(float(p)) / most) for p in pulses])


def _solved(circuit: Circuit, phases: list[np.ndarray], at: tuple[int, int, int]) -> np.ndarray:
    """Solve the circuit for the pulses of all phases, all other row tiles at rest: `[S, P, N]`."""
    i, g, r = at
    groups, row_tiles, rows = (circuit.conductance.shape[d] for d in (2, 3, 5))
    pulses = torch.zeros(1, groups, row_tiles, len(phases), rows)
    pulses[0, g, r] = torch.from_numpy(np.stack(phases)).float()
    return circuit.sums(pulses)[i, g, r].numpy().astype(np.float64)


def _phases(encoding: Any, vector: np.ndarray, signed: bool) -> list[tuple[float, np.ndarray]]:
    """Encode literally: a list of (significance, pulses)."""
    integers = vector.astype(np.int64)
    bits = encoding.bits
    if isinstance(encoding, BitSerial):
        patterns = integers & (2**bits - 1)
        planes = [(2.0**i, ((patterns >> i) & 1).astype(float)) for i in range(bits)]
        if signed:
            planes[-1] = (-planes[-1][0], planes[-1][1])
        return planes
    width = encoding.digit_bits if isinstance(encoding, Split) else bits - 1
    parts = [(1.0, integers)]
    if signed and encoding.signing == "phases":
        parts = [(1.0, np.maximum(integers, 0)), (-1.0, np.maximum(-integers, 0))]
    out: list[tuple[float, np.ndarray]] = []
    for sign, part in parts:
        for low in range(0, bits - 1, width):
            digit = (np.abs(part) >> low) & (2**width - 1)
            out.append((sign * 2.0**low, digit * np.sign(part).astype(float)))
    return out


def _convert(converter: Any, signal: float, low: float, high: float, profile: np.ndarray | None) -> float:
    """Convert one number as the converter's own circuit does, step by step."""
    if isinstance(converter, IntegrateFire):
        spikes = math.floor(abs(signal)) if profile is None else _below(abs(signal), profile)
        code = math.copysign(spikes, signal)
        code = max(code, 0.0) if converter.rectifying else code
    elif isinstance(converter, Memristive) and profile is not None:
        code = low + _memristive(converter, signal - low, profile)
    elif isinstance(converter, Pipeline) and profile is not None:
        code = _pipeline(converter, signal, 0.0 if low else 2.0 ** (converter.bits - 1), profile)
    elif isinstance(converter, Sar) and profile is not None:
        rest, code = signal - (low - 0.5), low
        for bit in reversed(range(converter.bits)):
            if rest >= profile[bit]:
                rest -= float(profile[bit])
                code += 2.0**bit
    elif isinstance(converter, Cco | AbstractThresholdConverter) and profile is not None:
        code = low + _below(signal - low, profile)
    elif isinstance(converter, Cco):
        code = float(np.floor(signal))
    elif isinstance(converter, AbstractThresholdConverter | Memristive | Pipeline | Sar):
        code = float(np.round(signal))  # half to even, as torch rounds
    else:
        raise UnsupportedOpError(f"the reference backend does not know {type(converter).__name__}")
    return min(max(code, low), high)


def _below(signal: float, transitions: np.ndarray) -> int:
    """Count transition levels that a signal has reached."""
    return sum(signal >= float(t) for t in transitions)


def _memristive(converter: Memristive, signal: float, profile: np.ndarray) -> float:
    """Return the level of a signal above the lowest code."""
    n = 2**converter.bits - 1
    codes = [_below(signal, profile[i * n : (i + 1) * n]) for i in range(converter.copies)]
    wanted, levels = profile[converter.copies * n :][:n], profile[-n - 1 :]
    if converter.rule == "boundary" and len(set(codes)) > 1:
        return float(wanted[min(codes)])
    most = max(codes.count(c) for c in codes)
    return float(levels[min(c for c in codes if codes.count(c) == most)])


def _pipeline(converter: Pipeline, signal: float, middle: float, profile: np.ndarray) -> float:
    """Return the code of a signal stage by stage, about the middle of the range."""
    stages = converter.bits - 2
    rest, code = (signal - middle) / 2 ** (converter.bits - 1), middle
    for stage in range(stages):
        level = float(profile[stages + stage])
        digit = 1 if rest >= 0.25 + level else -1 if rest < -0.25 + level else 0
        rest = 2 * (1 + float(profile[stage])) * rest - digit
        code += digit * 2 ** (stages - stage)
    return code + min(max(float(np.round(2 * rest)), -2.0), 2.0)
