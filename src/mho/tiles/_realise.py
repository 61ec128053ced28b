"""From integer weights to what the columns of real chips hold: writing, repair, trimming, calibration, ageing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mho.arrays import Ohmic
from mho.core import MhoError, RangeWarning, Seed, normal_per_instance

from ._base import Condition
from ._circuit import Circuit
from ._layout import AbstractLayout
from ._order import Order
from ._repair import repaired
from ._state import Realisation
from ._wiring import Wiring

if TYPE_CHECKING:
    from ._analog import AnalogTile

_CALIBRATION_VECTORS = 64
_LEVEL_ROUNDS = 3
"""Rounds in which levels follow what the calibration vectors give."""
ROOM = 300.0
"""Temperature in K at which chips are written and calibrated."""


def realise(
    tile: AnalogTile,
    layout: AbstractLayout,
    weights: Tensor,
    full_scale: Float[Tensor, "R S"],
    chips: Sequence[Seed],
    conditions: Sequence[Condition],
    signed: bool,
    codebook: Tensor | None = None,
) -> Realisation:
    """Write the cells, trim and calibrate the converters, let time pass, find the drift factors."""
    _warn_of_heat(tile, conditions)
    bottom, top = tile.cell.range
    targets = bottom + tile.weights.targets(layout.split_weight(weights)) * (top - bottom)
    factor_written = 1.0
    reference = int(tile.weights.reference_column)
    wiring = None
    if tile.wires is not None and tile.wires.sweeps:
        order = Order(tile.wires, targets, tile.cols - reference, reference) if tile.sorted_lines else None
        wiring = Wiring(tile.wires, tile.weights, tile.rows, tile.cols, tile.spare_columns, order)
        targets, factor_written = wiring.converted(targets, (bottom, top), tile.conversion_rounds)
    draws = {name: normal_per_instance([c.child(name) for c in chips], targets.shape) for name in tile.cell.draws}
    fresh_reads = tile.fresh_reads and "read" in draws
    if fresh_reads:
        draws["read"].zero_()
    if tile.spare_columns:
        worth = torch.tensor(tile.weights.significance) * torch.tensor(tile.weights.full_digits)
        # Spares belong to a tile, so columns are repaired as they lie.
        lay = lift = _same
        if wiring is not None and wiring.order is not None:
            lay, lift = wiring.order.lay, wiring.order.lift
        lain = {name: lay(z) for name, z in draws.items()}
        most = tile.cols - reference
        lain = repaired(tile.cell, lay(targets), lain, chips, most, reference, tile.spare_columns, worth)
        draws = {name: lift(z) for name, z in lain.items()}
    varied = None
    if tile.variation is not None:
        # Both signs of a pair on one bit line have that line in common.
        together = tile.wires is not None and tile.wires.pairs == "word lines"
        varied = tile.variation.factors(chips, targets.shape, 1 if together else tile.weights.sides)
    if tile.dac.mismatch:  # all cells of a word line are driven by one converter, as if they all were larger
        rows = _row_gains(tile, chips, targets.shape)
        varied = rows if varied is None else varied * rows
    low, high = tile.converter.codes(tile.bipolar(signed))
    lsb = (full_scale / high)[:, :, None]  # [R, S, 1]
    _, groups, row_tiles, slices, _, columns = targets.shape
    column_draws = _column_draws(tile, chips, (groups, row_tiles, slices, columns))
    errors = tile.converter.errors(column_draws, codebook)
    correction = tile.post.held(tile.converter.calibrate(errors, low, high))
    significance = torch.tensor(tile.weights.significance)[:, None]
    unit = torch.tensor(tile.weights.full_digits) * tile.inputs.pulse_steps / (full_scale / high)  # [R, S]
    ideal = tile.ideal_digits(layout.split_weight(weights))
    x = _calibration_inputs(ideal / lsb.unsqueeze(-2), tile.inputs.pulse_steps, high)
    mac_draws = {
        name: normal_per_instance([c.child("array", name) for c in chips], targets.shape)
        for name in (tile.principle.draws if tile.principle is not None else ())
    }

    def cells(condition: Condition) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return states and digits per chip, the conductance of each row's cells, and of each cell."""
        cell = tile.cell if condition.temperature is None else tile.cell.at_temperature(condition.temperature)
        g = cell.conductance(targets.expand(len(chips), *targets.shape), draws, condition.time)
        g = g if varied is None else g * varied
        drawn, bare = g.sum((1, 4, 6)), g
        if wiring is not None:
            g = wiring.through(g)
        states = (g / factor_written - bottom) / (top - bottom)
        seen = states if tile.principle is None else tile.principle.weights(states, mac_draws)
        return states, _coupled(tile, tile.weights.digits(seen.transpose(0, 1))), drawn, bare

    def warmed(condition: Condition) -> Tensor:
        """Gain of the converters per chip and column; they were calibrated at 300 K."""
        if condition.temperature is None:
            return errors.gain
        return errors.gain * (1 + tile.converter.gain_per_kelvin * (condition.temperature - ROOM))

    def outputs(digits: Tensor, gain: Tensor, profile: Tensor | None = errors.profile) -> Tensor:
        """Outputs per chip, G, R, calibration vector and column, as measured on chip."""
        signal = torch.matmul(tile.driven(x), digits / lsb.unsqueeze(-2))
        if tile.principle is not None and not tile.principle.linear:
            own = unit[:, :, None, None]
            signal = tile.principle.transfer(signal / own, tile.rows) * own
        signal = signal * gain.unsqueeze(-2) + errors.offset.unsqueeze(-2)
        profile = None if profile is None else profile.unsqueeze(-3)
        codes = tile.converter.quantise_(signal, low, high, profile)
        value = (codes - correction.offset.unsqueeze(-2)) * (lsb * significance / correction.gain).unsqueeze(-2)
        return value.sum(3)

    def response(digits: Tensor, gain: Tensor, profile: Tensor | None = errors.profile) -> Tensor:
        """Mean absolute output per chip, G, R and column."""
        return outputs(digits, gain, profile).abs().mean(-2)

    def moved(digits: Tensor, gain: Tensor, fresh: Tensor) -> Tensor | None:
        """Profile with levels that have followed the sums: scaled until a row tile answers as it did when fresh."""
        if codebook is None:
            raise MhoError(
                f"compensation by levels needs converters whose levels are programmed, not "
                f"{type(tile.converter).__name__}; take Memristive ones, or global compensation"
            )
        share = torch.ones(len(chips), groups, row_tiles, 1)
        profile = errors.profile
        for _ in range(_LEVEL_ROUNDS):
            now = response(digits, gain, profile).sum(-1, keepdim=True)
            share = share * (now / fresh.sum(-1, keepdim=True).clamp(min=1e-9)).clamp(min=1e-3)
            transitions = (codebook[..., 0, :] + low) * share[..., None, None] - low
            book = torch.stack([transitions, codebook[..., 1, :].expand_as(transitions)], -2)
            profile = tile.converter.errors(column_draws, book).profile
        return profile

    def variance(condition: Condition) -> Tensor:
        """Variance of the digits between reads: cells fluctuate by themselves, and digits are linear in them."""
        cell = tile.cell if condition.temperature is None else tile.cell.at_temperature(condition.temperature)
        wanted = targets.expand(len(chips), *targets.shape)
        still = cell.conductance(wanted, draws, condition.time)
        moved = cell.conductance(wanted, draws | {"read": torch.ones_like(draws["read"])}, condition.time)
        spread = (moved - still).abs()
        if varied is not None:
            spread, still = spread * varied, still * varied
        if wiring is not None:
            spread = spread * (wiring.through(still) / still.clamp(min=1e-3 * top))
        states = (spread / factor_written / (top - bottom)).transpose(0, 1)
        one_by_one = [torch.zeros_like(states).index_copy(0, torch.tensor([c]), s[None]) for c, s in enumerate(states)]
        return sum((tile.weights.digits(s).square() for s in one_by_one), start=torch.zeros(()))

    all_digits: list[Tensor] = []
    conductances: list[Tensor] = []
    factors: list[Tensor] = []
    fresh: Tensor | None = None
    calibration = torch.ones(len(chips), groups, row_tiles, columns)
    if tile.column_calibration:
        got = outputs(cells(Condition(None))[1], errors.gain)
        wanted = (torch.matmul(x, ideal) * significance.unsqueeze(-1)).sum(2).expand_as(got)
        # The slope of what came against what should: about the means, so that offsets do not count.
        got, wanted = got - got.mean(-2, keepdim=True), wanted - wanted.mean(-2, keepdim=True)
        power = wanted.square().sum(-2)
        slope = (got * wanted).sum(-2) / power.clamp(min=1e-9)
        mean = (got * wanted).sum((-2, -1)) / power.sum(-1).clamp(min=1e-9)
        # A column that should hardly answer says nothing of its gain: it gets the mean.
        weak = power < 0.1 * power.mean(-1, keepdim=True)
        calibration = 1 / torch.where(weak, mean.unsqueeze(-1), slope).clamp(min=0.1)
    states: Tensor | None = None
    bares: list[Tensor] = []
    slopes: list[Tensor] = []
    shares: list[Tensor] = []
    gains: list[Tensor] = []
    variances: list[Tensor] = []
    profiles: list[Tensor | None] = []
    for condition in conditions:
        if fresh_reads:
            variances.append(variance(condition))
        now_states, digits, conductance, bare = cells(condition)
        bares.append(bare)
        if wiring is not None and tile.gated and wiring.wires.ir_drop == "closed":
            ideal_states = (bare / factor_written - bottom) / (top - bottom)
            unloaded = _coupled(tile, tile.weights.digits(ideal_states.transpose(0, 1)))
            slopes.append((digits - unloaded) / wiring.wires.load)
            total = bare.sum(1)  # both sides: to first order their sum is what a difference loses by
            shares.append(total / total.sum(-2, keepdim=True).clamp(min=1e-30))
        gains.append(warmed(condition))
        states = now_states[0] if states is None else states
        factor = torch.ones(len(chips), groups, row_tiles, columns)
        profile = errors.profile
        if condition.compensation != "none":
            fresh = response(cells(Condition(0.0))[1], errors.gain) if fresh is None else fresh
            if condition.compensation == "levels":
                profile = moved(digits, gains[-1], fresh)
            elif condition.compensation == "global":
                now = response(digits, gains[-1])
                factor = factor * (fresh.sum(-1, keepdim=True) / now.sum(-1, keepdim=True).clamp(min=1e-9))
            else:
                now = response(digits, gains[-1])
                # A column that hardly answers (all weights near zero) says nothing of drift: it gets the mean.
                mean = fresh.sum(-1, keepdim=True) / now.sum(-1, keepdim=True).clamp(min=1e-9)
                weak = fresh < 0.1 * fresh.mean(-1, keepdim=True)
                factor = torch.where(weak, mean, fresh / now.clamp(min=1e-9))
        all_digits.append(digits)
        conductances.append(conductance)
        factors.append(factor * calibration)
        profiles.append(profile)

    circuit = None
    law = Ohmic() if tile.gated else tile.current_law
    if wiring is not None and law is not None and wiring.wires.ir_drop == ("exact" if tile.gated else "newton"):
        limits, steps = (bottom, top), tile.inputs.pulse_steps
        circuit = Circuit(wiring, law, torch.cat(bares), limits, factor_written, tile.read_voltage, steps)

    def repeat(x: Tensor) -> Tensor:
        return x.repeat(len(conditions), *[1] * (x.dim() - 1))

    return Realisation(
        digits=torch.cat(all_digits),
        gain=torch.cat(gains),
        offset=repeat(errors.offset),
        profile=_together([p for p in profiles if p is not None], len(chips), slices, columns),
        gain_correction=repeat(correction.gain),
        offset_correction=repeat(correction.offset),
        lsb=full_scale / high,
        drift_factor=torch.cat(factors),
        low=low,
        high=high,
        row_conductance=torch.cat(conductances),
        chips=len(chips),
        noise=_noise(tile, unit),
        unit=unit,
        states=states if tile.principle is not None else None,
        circuit=circuit,
        read_variance=torch.cat(variances) if variances else None,
        slope=torch.cat(slopes) if slopes else None,
        share=torch.cat(shares) if shares else None,
        load=tile.wires.load if slopes and tile.wires is not None else 0.0,
    )


def _calibration_inputs(ideal: Float[Tensor, "G R S K N"], steps: int, high: float) -> Float[Tensor, "vectors K"]:
    """Return fixed random pulses, the same on every chip, that drive no line of this layer beyond 80 % of full scale.

    `ideal` is what the columns hold, in LSB per step. Where even single steps on all rows are too much, few rows pulse.
    """
    z = torch.rand((_CALIBRATION_VECTORS, ideal.shape[3]), generator=Seed(0).child("drift calibration").generator())
    peak = float(torch.matmul(z * steps, ideal).abs().max())
    largest = steps * min(1.0, 0.8 * high / max(peak, 1e-9))
    return (z * (largest + 1)).floor().clamp(max=steps)


def _coupled(tile: AnalogTile, digits: Float[Tensor, "I G R S K N"]) -> Float[Tensor, "I G R S K N"]:
    """Add what bit lines pick up from their neighbours; the slices of a column lie side by side."""
    if not tile.pre.crosstalk:
        return digits
    full = torch.tensor(tile.weights.full_digits).to(digits)
    lines = (digits.movedim(3, -1) / full).flatten(-2)  # [I, G, R, K, N S], in full cells
    padded = torch.nn.functional.pad(lines, (1, 1))
    lines = lines + tile.pre.crosstalk * (padded[..., :-2] + padded[..., 2:])
    return (lines.unflatten(-1, (-1, len(full))) * full).movedim(-1, 3)


def _warn_of_heat(tile: AnalogTile, conditions: Sequence[Condition]) -> None:
    kelvins = {c.temperature for c in conditions} - {None, ROOM}
    if kelvins and not tile.feels_heat:
        warnings.warn(
            f"neither the cell {type(tile.cell).__name__} nor the converter says what heat does: at "
            f"{', '.join(f'{k:g} K' for k in kelvins)} this tile is as at {ROOM:g} K",
            RangeWarning,
            stacklevel=4,
        )


def _same(x: Tensor) -> Tensor:
    return x


def _noise(tile: AnalogTile, unit: Float[Tensor, "R S"]) -> Float[Tensor, "R S"]:
    """Converter and pre-conversion, and the noise of the principle on lines of all rows of the tile, in LSB."""
    own = unit * tile.principle.noise(tile.rows) if tile.principle is not None else torch.zeros_like(unit)
    return (own.square() + tile.noise_lsb**2).sqrt()


def by_line(z: Tensor, share: int, slices: int, columns: int) -> Tensor:
    """Bring a value per converter, `[any, G, R, converters, *more]`, to the lines it reads, `[any, G, R, S, N, *more]`.

    Lines that share a converter are neighbours, and the slices of a column lie side by side.
    """
    lines = z.repeat_interleave(share, 3)[:, :, :, : slices * columns]
    return lines.unflatten(3, (columns, slices)).transpose(3, 4).contiguous()


def _together(profiles: Sequence[Tensor], chips: int, slices: int, columns: int) -> Tensor | None:
    """Return the profiles of all conditions one after another; one that all chips have at all times as it is."""
    if not profiles:
        return None
    if len(profiles[0]) == 1 and all(p is profiles[0] for p in profiles):
        return profile_by_line(profiles[0], slices, columns)
    lines = torch.broadcast_shapes(*(p.shape[1:] for p in profiles))
    return profile_by_line(torch.cat([p.expand(chips, *lines) for p in profiles]), slices, columns)


def profile_by_line(profile: Tensor, slices: int, columns: int) -> Tensor:
    """Bring a profile `[any, G_, R_, S_, N_, any]` to all lines of a row tile, or to one if they are alike."""
    alike = profile.shape[3:5] == (1, 1)
    return profile if alike else profile.expand(-1, -1, -1, slices, columns, -1)


def _row_gains(tile: AnalogTile, chips: Sequence[Seed], shape: Sequence[int]) -> Float[Tensor, "I cells G R S K N"]:
    """Return the gains of the converters of all word lines; `shape` is cells, G, R, S, K, N.

    Columns beyond a tile, and sides of a pair on word lines of their own, have converters of their own.
    """
    cells, groups, row_tiles, slices, rows, columns = shape
    apart = tile.wires is not None and tile.wires.pairs == "word lines" and tile.weights.paired
    sides = tile.weights.sides if apart else 1
    own = slices if apart and tile.weights.sides == 1 else 1  # sides that are converted apart are slices
    tiles = -(-columns // tile.cols)
    gains = tile.dac.gains(chips, (sides, groups, row_tiles, own, rows, tiles))
    return gains.repeat_interleave(cells // sides, 1).repeat_interleave(-(-columns // tiles), -1)[..., :columns]


def _column_draws(tile: AnalogTile, chips: Sequence[Seed], columns: tuple[int, ...]) -> dict[str, Tensor]:
    """Draw the errors of the physical converters; lines that share one get the same, and so do converters that share
    what is mismatched.
    """
    g, r, s, n = columns
    converters = -(-s * n // tile.columns_per_converter)
    # What converters of a tile have in common ends with it.
    own = min(converters, -(-tile.cols * s // tile.columns_per_converter))
    together = min(tile.converter.converters_per_mismatch, own)

    def draw(name: str, sets: int, share: int, *extra: int) -> Tensor:
        z = normal_per_instance([c.child("converter", name) for c in chips], (g, r, sets, *extra))
        return by_line(z, share, s, n)

    share = tile.columns_per_converter
    return {
        "gain": draw("gain", converters, share),
        "offset": draw("offset", converters, share),
        "mismatch": draw("mismatch", -(-converters // together), share * together, tile.converter.mismatches),
    }
