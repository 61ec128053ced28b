"""The analog tile: cells that multiply, lines that add, converters that read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from mho.arrays import AbstractIV, AbstractPrinciple, Ohmic, Wires
from mho.converters import AbstractConverter, Dac
from mho.core import Cost, Farad, Metre, NotNegative, Positive, Scaling, Second, Seed, Source, Volt
from mho.devices import AbstractCell
from mho.digital import Logic, Technology

from ._analog_cost import activity, cell_cost, expected_activity, level_cost, mvm_cost, parts, upkeep
from ._base import AbstractTile, Activity, Condition, DesignPoint
from ._checks import check, contradictions
from ._converter_ranges import codebook, full_scale
from ._design import design, design_point
from ._inputs import AbstractInputEncoding
from ._layout import AbstractLayout
from ._multiply import multiply
from ._program import program
from ._readout import PostConversion, PreConversion
from ._realise import ROOM, realise
from ._scaled import scaled, together
from ._select import SelectLines
from ._state import ArrayState, Realisation
from ._variation import Variation
from ._weights import AbstractWeightEncoding


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
    dac: Dac
    """What drives a word line."""
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
    select: SelectLines | None = None
    """Lines that switch the cells' transistors, where these are not the lines of the inputs and their energy counts."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        check(self)

    @property
    def gated(self) -> bool:
        """Whether inputs are on gates."""
        return self.wires is not None and self.wires.gates

    @property
    def contradictions(self) -> tuple[str, ...]:
        """A converter that needs longer pulses, and numbers of the principle that the tile holds otherwise."""
        return contradictions(self)

    def _turns(self, slices: int, used: int) -> int:
        """Return how many lines the busiest converter takes in turn, if only the last slices of weights are used."""
        share = self.columns_per_converter
        read = [line % slices >= slices - used for line in range(math.lcm(share, slices))]
        return max(sum(read[i : i + share]) for i in range(0, len(read), share))

    @property
    def lines(self) -> tuple[int, int]:
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
        """Those of the cell, the wires, and the stages of the outputs: before the converter, of it, and behind it."""
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
        if self.dac.inl and self.inputs.energy_exponent == 2 and self.inputs.pulse_steps > 1:
            out["DAC non-linearity"] = replace(self, dac=replace(self.dac, inl=0.0))
        for name, field in (("DAC mismatch", "mismatch"), ("DAC noise", "noise")):
            if getattr(self.dac, field):
                out[name] = replace(self, dac=replace(self.dac, **{field: 0.0}))
        if self.pre.crosstalk:
            out["crosstalk"] = replace(self, pre=replace(self.pre, crosstalk=0.0))
        if self.pre.noise:
            out["read-out noise"] = replace(self, pre=replace(self.pre, noise=0.0))
        for name, converter in self.converter.effects.items():
            out[name] = replace(
                out.get(name, self), converter=converter
            )  # an array may have an effect of the same name
        if self.post.rounds:
            out["correction rounding"] = replace(self, post=replace(self.post, rounds=False))
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
        pulses = self.dac.levels(pulses, steps)
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

    def unrectified(self) -> AnalogTile:
        """Return this tile with converters that read sums of both signs: itself, unless they rectify."""
        return replace(self, converter=self.converter.unrectified()) if self.converter.rectifies else self

    def full_scale(
        self, layout: AbstractLayout, weights: Tensor, x: Tensor, signed: bool, clip: bool = False
    ) -> Float[Tensor, "R S"]:
        """Cover all but 1 in 10,000 of the partial sums of up to 512 input vectors a phase, with ideal cells.

        With `clip`, take the share of that whose codes have the least squared error. One LSB is never made smaller
        than one digit times one step: a finer one would resolve nothing.
        """
        return full_scale(self, layout, weights, x, signed, clip)

    def codebook(
        self, layout: AbstractLayout, weights: Tensor, full_scale: Float[Tensor, "R S"], x: Tensor, signed: bool
    ) -> Float[Tensor, "G_ R S_ N_ 2 levels"] | None:
        """Fit those of least squared error to the partial sums of some inputs, in LSB of each line; see `lloyd_max`.

        A converter has one codebook for all lines that it reads, as its `converters_per_codebook` says together with
        its neighbours or all of its row tile.
        """
        return codebook(self, layout, weights, full_scale, x, signed)

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
        return program(self, layout, weights, full_scale, chips, conditions, signed, codebook)

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
        silent = self.noise_lsb == self.dac.noise == 0 and not (self.fresh_reads and "read noise" in self.cell.effects)
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
        return multiply(self, layout, state, x, signed, noise)

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

    def at_node(self, node: Metre, supply: Volt | None = None, technology: Technology | None = None) -> AbstractTile:
        """Return this tile at another node; a converter of another node than that of the gates comes there first."""
        return AbstractTile.at_node(together(self, technology), node, supply, technology)

    def scaled(self, to: Scaling) -> AnalogTile:
        """Return this tile at another node and supply, each part by its own rule; see `_scaled.scaled`."""
        return scaled(self, to)

    def level_cost(self, columns: int) -> Cost:
        """Return the cost of writing the levels of the converters of so many columns, all of them at the same time."""
        return level_cost(self, columns)

    @property
    def word_capacitance(self) -> Farad:
        """Capacitance of a word line per cell."""
        return (self.wires.word_capacitance if self.wires is not None else 0.0) or self.line_capacitance

    @property
    def row_cells(self) -> int:
        """Cells on the word line of a row of weights, spare columns included."""
        return (self.cols + self.spare_columns) * self.weights.cells_per_weight
