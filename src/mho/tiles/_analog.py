"""The analog tile: cells that multiply, lines that add, converters that read."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from mho.arrays import AbstractIV, AbstractPrinciple, Ohmic, Wires, excluded, memories, principles
from mho.converters import AbstractConverter, lloyd_max
from mho.core import Cost, Farad, NotNegative, Positive, RangeWarning, Scaling, Second, Seed, Source, Volt, matrix_units
from mho.devices import AbstractCell
from mho.digital import Logic

from ._analog_cost import activity, cell_cost, expected_activity, mvm_cost, parts, upkeep
from ._base import AbstractTile, Activity, Condition, DesignPoint
from ._design import design, design_point
from ._inputs import AbstractInputEncoding
from ._layout import AbstractLayout, subsample
from ._readout import PostConversion, PreConversion
from ._realise import ROOM, realise
from ._state import ArrayState, Realisation
from ._variation import Variation
from ._weights import AbstractWeightEncoding

_CHUNK = 1 << 22
"""Partial sums that are held at once: 16 MiB, so that the passes over them stay in cache, and calls are few."""
_AGREE = 0.01
"""How far numbers that a principle shares with its tile may be apart."""
_VALUES_PER_LEVEL = 10
"""So many sums for each level a codebook should be fitted to."""
_COVERAGE = 0.9999
"""Share of the partial sums of the calibration inputs that the full scale covers."""


@dataclass(frozen=True)
class AnalogTile(AbstractTile):
    """The analog in-memory-computing tile: input encoding, cells, pre-conversion, ADC, post-conversion.

    `rows` and `cols` count weights; a weight takes as many cells as its encoding says. `columns_per_converter`
    neighbouring lines share a converter in turn.

    Source: [singh2025] for the composition.
    """

    rows: int
    cols: int
    cell: AbstractCell
    weights: AbstractWeightEncoding
    inputs: AbstractInputEncoding
    pre: PreConversion
    converter: AbstractConverter
    post: PostConversion
    read_voltage: Volt
    supply: Annotated[Volt, Positive]
    line_capacitance: Annotated[Farad, NotNegative]
    """Capacitance of a word line per cell, where `wires` do not say."""
    dac_capacitance: Annotated[Farad, NotNegative]
    """Capacitance switched per bit by a row's driver."""
    columns_per_converter: int = 1
    wires: Wires | None = None
    """Wires with a resistance; without them lines are ideal."""
    principle: AbstractPrinciple | None = None
    """The physics of the multiply-accumulate; without one, currents of the cells add exactly."""
    column_calibration: bool = False
    """Whether each column's gain is set, just after writing, to what it should be on fixed calibration inputs."""
    conversion_rounds: int = 0
    """Rounds in which targets are raised by what the wires take from them, before they are written."""
    sorted_lines: bool = False
    """Whether rows and columns lie in the order in which the wires take least."""
    spare_columns: int = 0
    """Columns of weights beyond `cols`, to which the worst ones of a tile are moved after writing."""
    variation: Variation | None = None
    """Process variation; without any, cells differ only as they themselves say."""
    current_law: AbstractIV | None = None
    """The cells' current against voltage; without one they are ohmic. Matters to inputs that are levels."""
    fresh_reads: bool = False
    """Whether read noise of cells is drawn anew at each conversion, by its second moment on each line; else it is
    frozen for all reads under one condition, as the slow 1/f noise of the cells mostly is.
    """
    dac_inl: float = 0.0
    """Integral non-linearity of a row's DAC: how far a level of half the range is too high, in steps; a parabola."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if min(self.spare_columns, self.conversion_rounds) < 0:
            raise ValueError(
                "spare_columns and conversion_rounds must be at least 0, "
                f"not {self.spare_columns} and {self.conversion_rounds}"
            )
        if self.weights.lines_per_weight > len(self.weights.significance) and (self.wires or self.spare_columns):
            raise ValueError("slices that are combined before conversion go with ideal wires and no spare columns yet")
        if self.converter.rectifies and len(self.weights.significance) > 1:
            raise ValueError(
                "a rectifying converter must read the whole sum of a column, not its slices one by one; take weights "
                "of one slice, such as Differential"
            )
        if min(self.rows, self.cols, self.columns_per_converter) < 1:
            raise ValueError(
                f"rows, cols and columns_per_converter must be at least 1, "
                f"not {self.rows}, {self.cols}, {self.columns_per_converter}"
            )
        if not 0 < self.read_voltage <= self.supply:
            raise ValueError(
                f"read_voltage must be above 0 V and at most the supply of {self.supply} V, not {self.read_voltage} V"
            )
        solved = self.wires is not None and self.wires.ir_drop == "newton"
        if self.current_law is not None and not self.current_law.separable and not solved:
            raise ValueError(
                f"cells of the law {type(self.current_law).__name__} bend each in its own way, so they need wires "
                'with ir_drop = "newton"'
            )
        if self.current_law is not None and self.cell.range[1] >= self.current_law.largest(self.read_voltage):
            most = self.current_law.largest(self.read_voltage)
            raise ValueError(
                f"cells of up to {self.cell.range[1]:.3g} S at {self.read_voltage:g} V need a transistor that conducts "
                f"more, not {most:.3g} S; raise its k or overdrive"
            )
        if solved:
            if self.current_law is None or self.inputs.energy_exponent != 2:
                raise ValueError('wires with ir_drop = "newton" need a current_law and inputs that are levels')
            if self.principle is not None:
                raise ValueError('wires with ir_drop = "newton" solve for currents; leave the principle out')
        if self.gated:
            self._check_gates()
        if self.principle is not None:
            self._check_memory(type(self.principle).__name__)
            self._check_phase("the columns", self.principle.settling(self.rows, self.converter.resolution))
        if self.wires is not None:
            if self.wires.word_capacitance and self.line_capacitance not in (0.0, self.wires.word_capacitance):
                raise ValueError(
                    f"line_capacitance, {self.line_capacitance:g} F, and wires.word_capacitance, "
                    f"{self.wires.word_capacitance:g} F, are the same thing; make them equal or leave one at 0 F"
                )
            if self.wires.ir_drop != "off":
                loaded = replace(self.wires, word_capacitance=self.word_capacitance)
                self._check_phase("its wires", loaded.settling(*self._lines, self.converter.resolution))

    def _check_memory(self, principle: str) -> None:
        """Raise if the principle cannot be built of the cell's memory; parts that the table does not know may be."""
        memory = self.cell.memory
        if memory in memories() and principle in principles() and (reason := excluded(principle, memory)):
            raise ValueError(f"{principle} cannot be built of {memory}: {reason}; take another cell or principle")

    def _check_gates(self) -> None:
        if self.inputs.pulse_steps != 1:
            raise ValueError(
                "inputs on gates must be bits, one a phase: transistors are on or off; take BitSerial, "
                f"not {type(self.inputs).__name__}"
            )
        if self.current_law is not None or self.principle is not None or self.sorted_lines:
            raise ValueError(
                "columns with inputs on gates take no current_law, principle or sorted_lines; leave them out"
            )

    @property
    def gated(self) -> bool:
        """Whether inputs are on gates."""
        return self.wires is not None and self.wires.gates

    @property
    def contradictions(self) -> tuple[str, ...]:
        """Numbers of the principle that the cell or the tile holds as well, where they are not the same."""
        own = {
            "g_max": ("the cell's highest conductance", self.cell.range[1], "S"),
            "read_voltage": ("read_voltage of the tile", self.read_voltage, "V"),
            "pulse": ("a phase of the inputs", self.inputs.pulse_time, "s"),
        }
        principle = self.principle
        return (
            ()
            if principle is None
            else tuple(
                f"{name} of {type(principle).__name__} and {own[name][0]} must be the same, not {value:.3g} and "
                f"{own[name][1]:.3g} {own[name][2]}; change one of them"
                for name, value in principle.shared.items()
                if not math.isclose(value, own[name][1], rel_tol=_AGREE)
            )
        )

    def _check_phase(self, what: str, needed: float) -> None:
        given = self.inputs.pulse_time + self.pre.settling
        if needed > given:
            raise ValueError(
                f"a phase must last as long as {what} need to settle, {needed:.3g} s, not {given:.3g} s; "
                "lengthen inputs.hold, inputs.lsb_time or pre.settling"
            )

    def _turns(self, slices: int, used: int) -> int:
        """Return how many lines the busiest converter takes in turn, if only the last slices of weights are used."""
        share = self.columns_per_converter
        read = [line % slices >= slices - used for line in range(math.lcm(share, slices))]
        return max(sum(read[i : i + share]) for i in range(0, len(read), share))

    @property
    def _lines(self) -> tuple[int, int]:
        """Word and bit lines of the array: the two sides of a pair are neighbours on one or the other.

        Sides that are converted apart are driven apart where they have word lines of their own: each is an array.
        """
        word, bit = self.rows, (self.cols + self.spare_columns) * len(self.weights.significance)
        if self.wires is not None and self.wires.pairs == "word lines" and self.weights.paired:
            return word * self.weights.sides, bit // len(self.weights.significance)
        return word, bit * self.weights.sides

    # What it computes -------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of weights; a reference column takes one of them."""
        return (self.rows, self.cols - self.weights.reference_column)

    @property
    def weight_range(self) -> tuple[int, int]:
        """As the weight encoding says."""
        return self.weights.weight_range

    def input_range(self, signed: bool) -> tuple[int, int]:
        """As the input encoding says."""
        return self.inputs.input_range(signed)

    @property
    def exact(self) -> bool:
        """No."""
        return False

    @property
    def feels_heat(self) -> bool:
        """Whether the cell or the converter says what heat does."""
        warm = 2 * ROOM
        return self.cell.at_temperature(warm) != self.cell.at_temperature(ROOM) or self.converter.gain_per_kelvin != 0

    @property
    def common_columns(self) -> int:
        """The reference column."""
        return int(self.weights.reference_column)

    @property
    def effects(self) -> Mapping[str, AbstractTile]:
        """Those of the cell, the wires, the circuit before the converter, and the converter."""
        out: dict[str, AbstractTile] = {name: replace(self, cell=cell) for name, cell in self.cell.effects.items()}
        if self.variation is not None and self.variation != Variation(sources=self.variation.sources):
            out["process variation"] = replace(self, variation=None)
        bent = self.current_law is not None and not isinstance(self.current_law, Ohmic)
        if bent and self.inputs.energy_exponent == 2 and self.inputs.pulse_steps > 1:
            wires = self.wires
            if wires is not None and wires.ir_drop == "newton":
                wires = replace(wires, ir_drop="exact")
            out["I-V non-linearity"] = replace(self, current_law=None, wires=wires)
        if self.wires is not None and self.wires.sweeps and self.wires.resistive:
            # A law that only the circuit knows keeps its circuit, on wires without resistance.
            own = self.current_law is not None and not self.current_law.separable
            ideal = {"word_line": 0.0, "bit_line": 0.0, "driver": 0.0, "sense": 0.0} if own else {"ir_drop": "off"}
            out["IR drop"] = replace(self, wires=replace(self.wires, **ideal))
        if self.principle is not None:
            parts = self.principle.effects.items()
            out |= {name: replace(self, principle=principle) for name, principle in parts}
        if self.dac_inl and self.inputs.energy_exponent == 2 and self.inputs.pulse_steps > 1:
            out["DAC non-linearity"] = replace(self, dac_inl=0.0)
        if self.pre.crosstalk:
            out["crosstalk"] = replace(self, pre=replace(self.pre, crosstalk=0.0))
        if self.pre.noise:
            out["read-out noise"] = replace(self, pre=replace(self.pre, noise=0.0))
        for name, converter in self.converter.effects.items():
            out[name] = replace(
                out.get(name, self), converter=converter
            )  # an array may have an effect of the same name
        return out

    def bipolar(self, signed: bool) -> bool:
        """Whether partial sums can be negative."""
        return not self.weights.unsigned or self.inputs.signed_pulses(signed)

    def driven(self, pulses: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return what pulses count for, in steps: as much as they say, or for levels what DAC and cells make of them.

        The largest level counts for itself: the conductance of a cell is that at the read voltage. A law that is not
        separable leaves levels as they are: only the circuit knows more.
        """
        if self.inputs.energy_exponent != 2:
            return pulses
        steps = self.inputs.pulse_steps
        if self.dac_inl:
            pulses = pulses + 4 * self.dac_inl / steps * pulses * (1 - pulses.abs() / steps)
        if self.current_law is None or not self.current_law.separable:
            return pulses
        return self.current_law.share(pulses / steps, self.read_voltage) * steps

    def ideal_digits(self, split: Float[Tensor, "G R K N"]) -> Float[Tensor, "G R S K N_"]:
        """Return what the columns sum if every cell holds exactly what it should."""
        return self.weights.ideal_digits(split)

    def at_bits(
        self, weights: int | None = None, inputs: int | None = None, converter: int | None = None
    ) -> AnalogTile:
        """Change the encodings and the converter.

        Lines of slices that are left out are not read: a converter has fewer to take in turn. A word line keeps its
        capacitance, whatever cells are read; wires with a resistance are as in an array of the used lines alone.
        """
        tile = self
        if weights is not None:
            narrow = self.weights.at_bits(weights)
            longer = self.weights.cells_per_weight / narrow.cells_per_weight
            wires = self.wires
            if wires is not None:
                wires = replace(wires, word_capacitance=wires.word_capacitance * longer)
            tile = replace(
                tile,
                weights=narrow,
                wires=wires,
                line_capacitance=self.line_capacitance * longer,
                columns_per_converter=self._turns(len(self.weights.significance), len(narrow.significance)),
            )
        if inputs is not None:
            tile = replace(tile, inputs=self.inputs.at_bits(inputs))
        if converter is not None:
            tile = replace(tile, converter=self.converter.at_bits(converter))
        return tile

    def full_scale(self, layout: AbstractLayout, weights: Tensor, x: Tensor, signed: bool) -> Float[Tensor, "R S"]:
        """Cover all but 1 in 10,000 of the partial sums of up to 512 input vectors a phase, with ideal cells.

        One LSB is never made smaller than one digit times one step: a finer one would resolve nothing.
        """
        partial = self._ideal_partials(layout, weights, x, signed).abs().flatten(2)
        index = max(1, math.ceil(_COVERAGE * partial.shape[-1]))
        covered = partial.kthvalue(index, dim=-1).values
        return covered.clamp(min=self.converter.codes(self.bipolar(signed))[1])

    def _ideal_partials(
        self, layout: AbstractLayout, weights: Tensor, x: Tensor, signed: bool
    ) -> Float[Tensor, "R S P G M N"]:
        """Return what the lines sum for up to 512 input vectors a phase, with ideal cells."""
        digits = self.ideal_digits(layout.split_weight(weights))
        pulses = torch.stack([subsample(layout.gather(p)) for p in self.inputs.encode(x, signed)])
        return torch.einsum("pgrmk,grskn->rspgmn", pulses, digits)

    def codebook(
        self, layout: AbstractLayout, weights: Tensor, full_scale: Float[Tensor, "R S"], x: Tensor, signed: bool
    ) -> Float[Tensor, "G_ R S_ N_ 2 levels"] | None:
        """Fit those of least squared error to the partial sums of some inputs, in LSB of each line; see `lloyd_max`.

        A converter has one codebook for all lines that it reads, as its `converters_per_codebook` says together with
        its neighbours or all of its row tile.
        """
        if not self.converter.adaptive:
            return None
        low, high = self.converter.codes(self.bipolar(signed))
        partial = self._ideal_partials(layout, weights, x, signed)
        lines = partial * (high / full_scale)[:, :, None, None, None, None] - low
        slices, columns = lines.shape[1], lines.shape[5]
        lines = lines.permute(0, 3, 5, 1, 2, 4).flatten(4).flatten(2, 3)  # [R, G, N S, P M]: as they lie
        together = self.converter.converters_per_codebook * self.columns_per_converter
        if not together:
            found = lloyd_max(lines.flatten(1), self.converter.resolution).tensor()  # [R, 2, levels]
            return found[None, :, None, None]
        few = lines.shape[-1] * min(together, lines.shape[2])
        if few < _VALUES_PER_LEVEL * 2**self.converter.resolution:
            warnings.warn(
                f"levels of {self.converter.resolution} bits were fitted to {few} sums a converter; give at least "
                f"{_VALUES_PER_LEVEL * 2**self.converter.resolution}, by more images for calibration or a larger group",
                RangeWarning,
                stacklevel=4,
            )
        each = [
            lloyd_max(some.flatten(2), self.converter.resolution)
            .tensor()
            .unsqueeze(2)
            .expand(-1, -1, some.shape[2], -1, -1)
            for some in lines.split(together, 2)
        ]
        found = torch.cat(each, 2).unflatten(2, (columns, slices))  # [R, G, N, S, 2, levels]
        return found.permute(1, 0, 3, 2, 4, 5).contiguous()

    def realise(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        full_scale: Float[Tensor, "R S"],
        chips: Sequence[Seed],
        conditions: Sequence[Condition],
        signed: bool,
        codebook: Tensor | None = None,
    ) -> Realisation:
        """Write the cells, trim and calibrate the converters, let time pass, find the drift factors."""
        return realise(self, layout, weights, full_scale, chips, conditions, signed, codebook)

    def program(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        full_scale: Float[Tensor, "R S"],
        chips: Sequence[Seed],
        conditions: Sequence[Condition],
        signed: bool,
        codebook: Tensor | None = None,
    ) -> ArrayState:
        """Realise the layer and fold converter gain, corrections and drift factors into two tensors."""
        real = self.realise(layout, weights, full_scale, chips, conditions, signed, codebook)
        lsb = real.lsb[:, :, None]  # [R, S, 1]
        significance = torch.tensor(self.weights.significance)[:, None]
        coefficient = lsb * significance / real.gain_correction * real.drift_factor.unsqueeze(3)

        def arranged(digits: Tensor) -> Tensor:
            return layout.fixed(layout.arrange(digits * (real.gain / lsb).unsqueeze(-2)))

        return ArrayState(
            matrix=arranged(real.digits - real.load * real.slope if real.slope is not None else real.digits),
            slope=arranged(real.slope) if real.slope is not None else None,
            share=layout.fixed(layout.arrange(real.share)) if real.share is not None else None,
            offset=real.offset,
            biased=bool(real.offset.any()),
            coefficient=coefficient,
            constant=(coefficient * real.offset_correction).sum((2, 3)),
            low=real.low,
            high=real.high,
            profile=real.profile,
            row_conductance=real.row_conductance,
            chips=real.chips,
            noise=real.noise,
            unit=real.unit[:, :, None] * real.gain,
            states=real.states,
            circuit=real.circuit,
            scale=real.gain / lsb if real.circuit is not None else None,
            read_variance=self._read_variance(layout, real),
            integers=self._integers(layout, real),
        )

    def _read_variance(self, layout: AbstractLayout, real: Realisation) -> Tensor | None:
        if real.read_variance is None:
            return None
        scale = (real.gain / real.lsb[:, :, None]).square().unsqueeze(-2)
        return layout.fixed(layout.arrange(real.read_variance * scale)).bfloat16()

    def _integers(self, layout: AbstractLayout, real: Realisation) -> Tensor | None:
        """Return the matrix of integers if no code of any input differs from its partial sum; else None."""
        straight = real.circuit is None and real.slope is None and real.profile is None and real.read_variance is None
        straight = straight and self.principle is None and self.noise_lsb == 0
        straight = straight and self.dac_inl == 0 and (self.current_law is None or self.inputs.energy_exponent != 2)
        if not straight:
            return None
        exact = bool((real.gain == 1).all() and (real.lsb == 1).all() and (real.drift_factor == 1).all())
        exact = exact and not bool(real.offset.any())
        # What the digital correction of an ideal converter leaves is the rounding of its fit.
        exact = exact and bool(((real.gain_correction - 1).abs() < 1e-5).all())
        exact = exact and bool((real.offset_correction.abs() < 1e-3).all())
        digits, steps = real.digits.round(), self.inputs.pulse_steps
        # Sums may lie a little beside the middle of their codes: states have been conductances.
        beside = float((real.digits - digits).abs().sum(-2).max()) * steps
        if not exact or beside > 0.25 or float(digits.abs().sum(-2).max()) * steps > real.high:
            return None
        significance = torch.tensor(self.weights.significance).reshape(-1, 1, 1)
        return layout.fixed(layout.arrange((digits * significance).sum(3, keepdim=True)))

    def design_point(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        signed: bool,
        time: Second | None = 0.0,
        moments: Float[Tensor, "2 S weights"] | None = None,
    ) -> DesignPoint:
        """Fit a converter, solve the wires and survey the cells, once."""
        return design_point(self, layout, weights, signed, time, moments)

    def design(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        full_scale: Float[Tensor, "R S"],
        signed: bool,
        point: DesignPoint,
        z: Float[Tensor, "S *weights"] | None = None,
        codebook: Tensor | None = None,
        spread: Float[Tensor, "G R converters levels"] | None = None,
    ) -> ArrayState:
        """Lay the weights out on a chip without spread, but for what `z` and `spread` say."""
        return design(self, layout, weights, full_scale, signed, point, z, codebook, spread)

    def spread_shape(self, layout: AbstractLayout) -> tuple[int, ...] | None:
        """One number for each level of each converter."""
        if not self.converter.adaptive:
            return None
        lines = len(self.weights.significance) * (layout.columns + self.weights.reference_column)
        converters = -(-lines // self.columns_per_converter)
        return (layout.groups, layout.row_tiles, converters, self.converter.mismatches)

    @property
    def noise_lsb(self) -> float:
        """Standard deviation of the noise of converter and pre-conversion, in LSB."""
        return math.hypot(self.converter.noise, self.pre.noise * self.converter.codes(True)[1])

    def noise_shape(self, layout: AbstractLayout, positions: int, signed: bool) -> tuple[int, ...] | None:
        """One number for each conversion."""
        silent = self.noise_lsb == 0 and not (self.fresh_reads and "read noise" in self.cell.effects)
        if silent and (self.principle is None or self.principle.noise(self.rows) == 0):
            return None
        phases = len(self.inputs.significance(signed))
        columns = layout.columns + self.weights.reference_column
        return (phases, layout.groups, layout.row_tiles, len(self.weights.significance), columns, positions)

    def multiply(
        self, layout: AbstractLayout, state: ArrayState, x: Tensor, signed: bool, noise: Tensor | None
    ) -> Tensor:
        """Encode, multiply, convert and combine, in chunks of images that keep the partial sums in cache.

        Where no code can differ from its partial sum, all phases and slices are one product of integers.
        """
        instances = state.instances
        if x.shape[0] != instances:
            x = x.expand(instances, *x.shape[1:])
        if state.integers is not None:
            return self._collapsed(layout, state.integers, x)
        compiling = torch.compiler.is_compiling()  # a compiler fuses the passes, and wants any size of batch
        per_image = layout.positions(x) * state.offset.numel() * len(self.inputs.significance(signed))
        if instances > 1 and per_image > _CHUNK and state.circuit is None and not compiling:
            return torch.cat(
                [
                    self.multiply(
                        layout, state.alone(i), x[i : i + 1], signed,
                        None if noise is None else noise[i % state.chips : i % state.chips + 1],
                    )
                    for i in range(instances)
                ]
            )  # fmt: skip
        if compiling or x.shape[1] * per_image <= _CHUNK:
            return self._convert(layout, state, x, signed, noise)
        step = max(1, _CHUNK // per_image)
        starts = range(0, x.shape[1], step)
        images = (slice(start, start + step) for start in starts)
        return torch.cat(
            [
                self._convert(layout, state, x[:, some], signed, None if noise is None else noise[:, some])
                for some in images
            ],
            1,
        )

    def _collapsed(self, layout: AbstractLayout, integers: Tensor, x: Tensor) -> Tensor:
        largest = layout.row_tiles * layout.rows * max(map(abs, self.weight_range)) * 2**self.inputs.resolution
        with matrix_units(False):
            p = layout.partials(integers, x.unsqueeze(0))
        y = layout.combine(p.double() if largest > 2**24 else p, x)
        if self.weights.reference_column:
            y = y[..., :-1, :] - y[..., -1:, :]
        return layout.output(y, x).to(x.dtype)

    def _convert(
        self, layout: AbstractLayout, state: ArrayState, x: Tensor, signed: bool, noise: Tensor | None
    ) -> Tensor:
        """Multiply some images, conversion by conversion."""
        pulses = self.inputs.encode(x, signed)
        if state.circuit is None:
            driven = self.driven(pulses)
            # What matrix units would round: pulses of more than 8 bits, or between steps.
            coarse = self.inputs.pulse_steps > 256 or driven is not pulses
            with matrix_units(False) if coarse else nullcontext():
                p = layout.partials(state.matrix, driven)
                if state.slope is not None and state.share is not None:
                    p.addcmul_(layout.partials(state.slope, driven), layout.partials(state.share, driven))
        else:
            driven = pulses
            p = self._solved(layout, state, pulses)
        if self.principle is not None and not self.principle.linear:
            unit = layout.spread(state.unit)
            p = self.principle.transfer(p.div_(unit), self.rows).mul_(unit)
        if noise is not None:
            self._add_noise(layout, state, p, driven, layout.spread_noise(noise))
        if state.biased:
            p.add_(layout.spread(state.offset))
        weights = None if state.profile is None else layout.spread(state.profile)
        p = self.converter.quantise_(p, state.low, state.high, weights)
        p.mul_(layout.spread(state.coefficient))
        significance = self.inputs.significance(signed)
        if significance != (1.0,):
            p.mul_(layout.spread_phases(x.new_tensor(significance)))
        y = layout.combine(p, x)
        slices = state.offset.shape[3]
        if slices > 1:
            i, b, g, _, length = y.shape
            y = y.reshape(i, b, g, slices, -1, length).sum(3)
        y = y - (state.constant * sum(significance))[:, None, :, :, None]
        if self.weights.reference_column:
            y = y[..., :-1, :] - y[..., -1:, :]
        return layout.output(y, x)

    def _add_noise(self, layout: AbstractLayout, state: ArrayState, p: Tensor, driven: Tensor, z: Tensor) -> None:
        """Add standard normal `z` times the noise of each conversion to the partial sums."""
        view = layout.split_instances(p, state.chips)
        if self.principle is None and state.read_variance is None:
            view.add_(z, alpha=self.noise_lsb)
            return
        scale = layout.spread(state.noise[:, :, None].expand(1, *state.offset.shape[1:]))
        if state.read_variance is not None:
            power = layout.partials(state.read_variance, driven.square().to(state.read_variance.dtype)).float()
            scale = power.add_(scale.square()).sqrt_()
        view.addcmul_(z, layout.split_instances(scale, state.chips if scale.shape == p.shape else 1))

    def _solved(self, layout: AbstractLayout, state: ArrayState, pulses: Tensor) -> Tensor:
        """Return the partial sums of pulses `[P, I, B, ...]` as the circuit gives them, in the order of the layout."""
        assert state.circuit is not None
        assert state.scale is not None
        phases, instances, images = pulses.shape[:3]
        vectors = torch.stack([torch.cat([layout.gather(x) for x in pulses[:, i]], 2) for i in range(instances)])
        sums = state.circuit.sums(vectors) * state.scale.unsqueeze(-2)  # [I, G, R, S, P B L, N]
        sums = sums.unflatten(4, (phases, images, -1)).permute(0, 5, 4, 1, 2, 3, 7, 6)
        return layout.order_partials(sums)

    # What it costs ----------------------------------------------------------------------------------------------

    def activity(self, layout: AbstractLayout, state: ArrayState, x: Tensor, signed: bool) -> Activity:
        """Sum pulse energy per row over the images and weigh it with the conductance of the row."""
        return activity(self, layout, state, x, signed)

    def expected_activity(
        self, layout: AbstractLayout, weights: Tensor, values: Tensor, shape: Sequence[int], signed: bool
    ) -> Activity:
        """Multiply mean pulses with mean conductances."""
        return expected_activity(self, layout, weights, values, shape, signed)

    def product_bits(self, rows: int, columns: int) -> tuple[int, int]:
        """All inputs, and sums as wide as the accumulators."""
        return rows * self.inputs.resolution, columns * self.post.accumulator_bits

    def mvm_cost(self, rows: int, columns: int, signed: bool) -> Mapping[str, Cost]:
        """Return drivers, read-out and registers of one product."""
        return mvm_cost(self, rows, columns, signed)

    def cell_cost(self, activity: Activity, weights: int) -> Mapping[str, Cost]:
        """Return what the read current takes from the supply, by where it is lost."""
        return cell_cost(self, activity, weights)

    def write_cost(self, rows: int, columns: int) -> Cost:
        """Cell after cell."""
        cells = rows * columns * self.weights.cells_per_weight
        return self.cell.costs()["write"] * cells

    def upkeep(self) -> Mapping[str, Cost]:
        """Return the power of refreshing all cells of the tile, where cells forget."""
        return upkeep(self)

    def parts(self) -> Mapping[str, Cost]:
        """Return area and leakage by block."""
        return parts(self)

    @property
    def gates(self) -> Logic:
        """The logic behind the converters."""
        return self.post.logic

    def scaled(self, to: Scaling) -> AnalogTile:
        """Return this tile at another node and supply, each part by its own rule.

        Lines follow the side of the cell. Pulses last as long as before, since wires and cells set them; a read voltage
        that was the supply stays the supply, another one is the device's and stays, if the supply still gives it.
        """
        cell = self.cell.scaled(to)
        before, after = self.cell.costs()["part"].area, cell.costs()["part"].area
        side = math.sqrt(after / before) if before else to.new / to.old
        supply = self.supply * to.voltage
        full = math.isclose(self.read_voltage, self.supply)
        return replace(
            self,
            cell=cell,
            pre=self.pre.scaled(to),
            converter=self.converter.scaled(to),
            post=self.post.scaled(to),
            read_voltage=supply if full else min(self.read_voltage, supply),
            supply=supply,
            line_capacitance=self.line_capacitance * side,
            dac_capacitance=self.dac_capacitance * to.analog_capacitance,
            wires=None if self.wires is None else self.wires.scaled(to, side),
            principle=None if self.principle is None else self.principle.scaled(to),
        )

    @property
    def word_capacitance(self) -> Farad:
        """Capacitance of a word line per cell."""
        return (self.wires.word_capacitance if self.wires is not None else 0.0) or self.line_capacitance

    @property
    def row_cells(self) -> int:
        """Cells on the word line of a row of weights, spare columns included."""
        return (self.cols + self.spare_columns) * self.weights.cells_per_weight
