"""The digital tile: SRAM, an AND gate at each bit, an adder tree at each column; exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Scaling, Seed, Source, SpecError, matrix_units
from mho.devices import Sram
from mho.digital import Logic

from ._base import AbstractTile, Activity, Condition, DesignPoint
from ._inputs import BitSerial
from ._layout import AbstractLayout
from ._weights import fewer

_EXACT = 2**24
"""float32 sums of integers are exact below this."""


@dataclass(frozen=True)
class DigitalTile(AbstractTile):
    """The digital in-memory-computing tile: bit-serial inputs, bit-parallel weights, exact integers.

    Each clock, one bit of every input meets all weight bits of its row in AND gates; a tree per column adds the
    products of all rows, and an accumulator shifts and adds over the input bits.

    Source: [zigzagimc2023] for the cost, [chih2021] for the architecture.
    """

    rows: int
    cols: int
    weight_bits: int
    inputs: BitSerial
    cell: Sram
    logic: Logic
    pipeline: int = 1
    """Stages into which registers cut the tree; the clock period is the tree's delay over this."""
    idle_bits: int = 0
    """Bits of each weight beyond `weight_bits` that hold zeros, so that their gates and adders do not switch."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if not 2 <= self.weight_bits <= 8:
            raise ValueError(f"weights have 2 to 8 bits, not {self.weight_bits}")
        if not 0 <= self.idle_bits <= 8 - self.weight_bits:
            raise ValueError(f"idle_bits must leave at most 8 bits with those in use, not {self.idle_bits}")
        if self.rows * 2 ** (self.weight_bits - 1) * 2**self.inputs.bits > _EXACT:
            raise ValueError(
                f"rows x largest weight x largest input must stay within 2^24 to be exact, "
                f"but {self.rows} rows of {self.weight_bits} x {self.inputs.bits} bits exceed it; use fewer rows"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of weights."""
        return (self.rows, self.cols)

    @property
    def weight_range(self) -> tuple[int, int]:
        """Two's complement."""
        return (-(2 ** (self.weight_bits - 1)), 2 ** (self.weight_bits - 1) - 1)

    @property
    def gates(self) -> Logic:
        """Its logic."""
        return self.logic

    def scaled(self, to: Scaling) -> DigitalTile:
        """Return this tile at another node and supply: gates by the table of gates, cells by that of cells."""
        return replace(self, logic=self.logic.scaled(to), cell=self.cell.scaled(to))

    def input_range(self, signed: bool) -> tuple[int, int]:
        """Two's complement, or all bits."""
        return self.inputs.input_range(signed)

    @property
    def exact(self) -> bool:
        """Yes."""
        return True

    def at_bits(
        self, weights: int | None = None, inputs: int | None = None, converter: int | None = None
    ) -> DigitalTile:
        """Let weight bits idle, and clock in fewer input bits; the clock stays."""
        if converter is not None:
            raise SpecError([f"a digital tile has no converter whose bits could be {converter}; leave them out"])
        bits = self.weight_bits if weights is None else fewer(self.weight_bits, weights)
        return replace(
            self,
            weight_bits=bits,
            idle_bits=self.idle_bits + self.weight_bits - bits,
            inputs=self.inputs if inputs is None else self.inputs.at_bits(inputs),
        )

    def full_scale(
        self, layout: AbstractLayout, weights: Tensor, x: Tensor, signed: bool, clip: bool = False
    ) -> Float[Tensor, "R S"]:
        """Nothing to choose: nothing is rounded."""
        return torch.ones(layout.row_tiles, 1)

    def program(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        full_scale: Float[Tensor, "R S"],
        chips: Sequence[Seed],
        conditions: Sequence[Condition],
        signed: bool,
        codebook: Tensor | None = None,
    ) -> Tensor:
        """Store the weights; every chip and every time is the same."""
        matrix = layout.split_weight(weights)[None, :, :, None]
        return layout.fixed(layout.arrange(matrix.expand(len(chips) * len(conditions), *matrix.shape[1:])))

    def design(
        self,
        layout: AbstractLayout,
        weights: Tensor,
        full_scale: Float[Tensor, "R S"],
        signed: bool,
        point: DesignPoint,
        z: Float[Tensor, "S *weights"] | None = None,
        codebook: Tensor | None = None,
        spread: Tensor | None = None,
    ) -> Tensor:
        """Store the weights."""
        return layout.arrange(layout.split_weight(weights)[None, :, :, None])

    def noise_shape(self, layout: AbstractLayout, positions: int, signed: bool) -> tuple[int, ...] | None:
        """None."""
        return None

    def multiply(self, layout: AbstractLayout, state: Tensor, x: Tensor, signed: bool, noise: Tensor | None) -> Tensor:
        """Return the exact integer product; row tiles are summed in float64 where float32 could round."""
        instances = _instances(state, layout)
        if x.shape[0] != instances:
            x = x.expand(instances, *x.shape[1:])
        with matrix_units(False) if self.inputs.bits > 8 else nullcontext():
            p = layout.partials(state, x.unsqueeze(0))
        largest = layout.row_tiles * layout.rows * 2 ** (self.weight_bits - 1) * 2**self.inputs.bits
        y = layout.combine(p.double() if largest > _EXACT else p, x)
        return layout.output(y, x).to(x.dtype)

    def activity(self, layout: AbstractLayout, state: Tensor, x: Tensor, signed: bool) -> Activity:
        """Count the ones among the input bits."""
        bits = self.inputs.encode(x, signed)
        rows = layout.row_sums(bits.sum(0).mean((0, 1)))
        positions = layout.positions(x)
        density = float(rows.sum()) / (positions * layout.groups * layout.row_tiles * layout.rows * self.inputs.bits)
        return Activity(positions, 0.0, 0.0, density)

    def expected_activity(
        self, layout: AbstractLayout, weights: Tensor, values: Tensor, shape: Sequence[int], signed: bool
    ) -> Activity:
        """Take the share of ones among the bits of a sample of inputs, as often as rows are used."""
        ones = float(self.inputs.encode(values, signed).mean())
        uses = float(layout.row_sums(torch.ones(tuple(shape))).sum())
        positions = layout.positions(torch.empty(1, 1, *shape))
        return Activity(positions, 0.0, 0.0, ones * uses / (positions * layout.groups * layout.row_tiles * layout.rows))

    @property
    def _built(self) -> int:
        """Weight bits that there are, used or idle."""
        return self.weight_bits + self.idle_bits

    def _tree(self) -> Cost:
        return self.logic.adder_tree(self.rows, self._built)

    def _stages(self) -> Cost:
        """Return the cost of clocking the registers that cut the tree of one column into its stages, once."""
        levels = (self.rows - 1).bit_length()
        cuts = [levels * i // self.pipeline for i in range(1, self.pipeline)]
        return self.logic.register(sum((self.rows >> level) * (self._built + level) for level in cuts))

    def _accumulator(self) -> Cost:
        bits = self.inputs.bits + self._built + (self.rows - 1).bit_length()
        return self.logic.adder(bits) + self.logic.register(bits)

    def product_bits(self, rows: int, columns: int) -> tuple[int, int]:
        """All inputs, and sums as wide as the products in them."""
        return rows * self.inputs.bits, columns * (self.inputs.bits + self.weight_bits)

    def mvm_cost(self, rows: int, columns: int, signed: bool) -> Mapping[str, Cost]:
        """Return what does not depend on the data: word lines, accumulators, registers."""
        bits = self.inputs.bits
        line = self.logic.gates(0.5 * self.cols * self._built, 0)
        accumulate = self._accumulator()
        stages = self._stages()
        period = max(self._tree().latency / self.pipeline, accumulate.latency)
        transfer = sum(self.product_bits(rows, columns))
        return {
            "input encoding": Cost(rows * bits * line.energy),
            "adder trees": Cost(
                columns * bits * (accumulate.energy + stages.energy), (bits + self.pipeline - 1) * period
            ),
            "digital": Cost(self.logic.register(transfer).energy + self.logic.buffer_access(transfer).energy),
        }

    def cell_cost(self, activity: Activity, weights: int) -> Mapping[str, Cost]:
        """Return AND gates (cells) and adder trees, in proportion to the ones at the inputs.

        Gate energies are for half of all input bits at one; a tree is charged by the share of its rows in use.
        """
        ones = activity.density / 0.5
        gates = self.logic.gates(self.weight_bits, 0).energy
        tree = self.logic.adder_tree(self.rows, self.weight_bits).energy / self.rows
        times = activity.positions * self.inputs.bits * weights * ones
        return {"cells": Cost(energy=gates * times), "adder trees": Cost(energy=tree * times)}

    def write_cost(self, rows: int, columns: int) -> Cost:
        """Row after row, all bits of a row at once."""
        write = self.cell.costs()["write"]
        return Cost(energy=write.energy * rows * columns * self._built, latency=write.latency * rows)

    def parts(self) -> Mapping[str, Cost]:
        """Return area and leakage by block."""
        bits = self.rows * self.cols * self._built
        gate = self.logic.gates(0, 1.0)
        column = self._tree() + self._accumulator() + self._stages()
        column = Cost(area=column.area, leakage=column.leakage)
        registers = self.logic.register(self.rows * self.inputs.bits + self.cols * 2 * self.inputs.bits)
        cells = self.cell.costs()["part"] * bits + Cost(area=gate.area, leakage=gate.leakage) * bits
        return {
            "cells": cells,
            "adder trees": column * self.cols,
            "digital": Cost(area=registers.area, leakage=registers.leakage),
        }


def _instances(state: Tensor, layout: AbstractLayout) -> int:
    """Recover I from an arranged matrix, whose leading axis is I times a count of the layout."""
    one = layout.arrange(torch.empty(1, layout.groups, layout.row_tiles, 1, layout.rows, layout.columns, device="meta"))
    return state.shape[0] // one.shape[0]
