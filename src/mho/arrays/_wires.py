"""`Wires`: the resistance of word and bit lines, how they end, and how exactly it is taken into account."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mho.core import Farad, NotNegative, Ohm, Positive, Ratio, Scaling, Source

from ._ladder import ladder
from ._lines import Ends, attenuation
from ._rails import Rail, rail_currents, rail_voltages
from ._solve import Network, check_conductances, sweep

Pairs = Literal["bit lines", "word lines", "source line"]


@dataclass(frozen=True)
class Wires:
    """The wires of an array: word lines that drive the cells of a row, bit lines that gather those of a column.

    Rows count from the top, columns from the left; a segment joins neighbouring cells, and one more segment leads from
    the outermost cell to each driver and read-out. A line end without either is open. The read-out holds its line at
    0 V behind `sense`.

    `ir_drop` says how exactly the voltage lost on the wires is computed:

    - `off`: not at all;
    - `closed`: G x attenuation along the word line x attenuation along the bit line, each line as if the crossing ones
      were ideal; cheap, and differentiable in training;
    - `sweeps(k)`: k alternating exact solutions of all word and all bit lines; `sweeps(1)` is `closed`;
    - `exact`: Kirchhoff's laws at every node;
    - `newton`: the same for cells that are not ohmic, input by input (`arrays.newton`). There is no matrix then; where
      one is asked for, it is that of ohmic cells.

    With `gates` word lines switch access transistors and carry no current: it flows along each column, from a bit line
    that is driven at its top to a source line beside it that is read. What a column gives depends on which of its rows
    are on, so no matrix is exact: `exact` solves it input by input (`gated_currents`), and `closed` finds the share of
    the voltage that each cell has when all conduct `load` of what they would (`gated_shares`); a tile scales what is
    lost with the share of a column's conductance that is on.

    Source: the circuit of [chen2013]; the methods are derived in `docs/concepts/wires.md`.
    """

    word_line: Annotated[Ohm, NotNegative]
    """Resistance of a word line from one cell to the next."""
    bit_line: Annotated[Ohm, NotNegative]
    """Resistance of a bit line from one cell to the next."""
    driver: Annotated[Ohm, NotNegative] = 0.0
    """Output resistance of a word line's driver."""
    sense: Annotated[Ohm, NotNegative] = 0.0
    """Input resistance of a bit line's read-out."""
    drive: Literal["left", "right", "both"] = "left"
    read: Literal["bottom", "top", "both"] = "bottom"
    pairs: Pairs = "bit lines"
    """Where the two cells of a differential pair differ: on neighbouring bit lines, or on neighbouring word lines that
    are driven in opposition, so that their currents cancel in the cell. With `gates` the two cells of a row may hang on
    bit lines of opposite voltage and share the "source line" (SW-2T2R [liu2020]).
    """
    ir_drop: str = "exact"
    word_capacitance: Annotated[Farad, NotNegative] = 0.0
    """Capacitance of a word line per cell."""
    bit_capacitance: Annotated[Farad, NotNegative] = 0.0
    """Capacitance of a bit line per cell."""
    gates: bool = False
    """Whether inputs are on the gates of access transistors, in place of voltages of the word lines."""
    source_line: Annotated[Ohm, NotNegative] = 0.0
    """Resistance of a source line from one cell to the next; `driver` is then that of a bit line, `sense` its own."""
    load: Annotated[Ratio, Positive] = 0.4
    """Share of the rows that is on where `closed` is solved, with `gates`; it hardly matters."""
    sources: tuple[Source, ...] = ()

    def scaled(self, to: Scaling, side: Ratio) -> Wires:
        """Return these wires at another node, for cells whose side changes by `side`.

        Capacitance goes with the length of a segment, and so does resistance, over the cross-section: the square of the
        metal pitch. Thinner wires also conduct less for their cross-section; that is left out.
        """
        ohmic = side / to.metal_pitch**2
        return replace(
            self,
            word_line=self.word_line * ohmic,
            bit_line=self.bit_line * ohmic,
            source_line=self.source_line * ohmic,
            word_capacitance=self.word_capacitance * side,
            bit_capacitance=self.bit_capacitance * side,
        )

    def __post_init__(self) -> None:
        self.sweeps  # noqa: B018 - reads the mode, and complains if it is none
        if self.gates and (self.ir_drop not in ("off", "closed", "exact") or self.read == "both"):
            raise ValueError(
                'with gates ir_drop must be "off", "closed" or "exact" and read "bottom" or "top", '
                f'not "{self.ir_drop}" and "{self.read}"'
            )
        if not 0 < self.load <= 1:
            raise ValueError(f"load must be above 0 and at most 1, not {self.load}")
        if self.pairs == ("word lines" if self.gates else "source line"):
            raise ValueError(f'pairs on "{self.pairs}" need gates = {str(not self.gates).lower()}')
        resistances = (self.word_line, self.bit_line, self.driver, self.sense, self.source_line)
        if not all(0 <= r < math.inf for r in resistances):
            raise ValueError(
                "resistances of wires, drivers and read-outs must be at least 0 ohm and finite, "
                f"not {', '.join(map(str, resistances))}; open bit lines have `open_voltages`"
            )
        capacitances = (self.word_capacitance, self.bit_capacitance)
        if not all(c >= 0 for c in capacitances):
            raise ValueError(f"capacitances of lines must be at least 0 F, not {', '.join(map(str, capacitances))}")

    @property
    def sweeps(self) -> float:
        """How many sweeps the fidelity stands for: 0 for off, 1 for closed, infinity for exact and newton.

        Raises:
            ValueError: if `ir_drop` is none of the fidelities.
        """
        known = {"off": 0.0, "closed": 1.0, "exact": math.inf, "newton": math.inf}
        counted = re.fullmatch(r"sweeps\(([1-9]\d*)\)", self.ir_drop)
        if not counted and self.ir_drop not in known:
            raise ValueError(
                f'ir_drop must be "off", "closed", "sweeps(k)" with k from 1, "exact" or "newton", not "{self.ir_drop}"'
            )
        return float(counted[1]) if counted else known[self.ir_drop]

    @property
    def resistive(self) -> bool:
        """Whether anything has a resistance that currents meet."""
        if self.gates:
            return max(self.bit_line, self.source_line, self.driver, self.sense) > 0
        return max(self.word_line, self.bit_line, self.driver, self.sense) > 0

    @property
    def drive_ends(self) -> Ends:
        """Resistance from the first and last cell of a word line to a driver (infinite: none), in ohm."""
        r = self.word_line + self.driver
        return (math.inf if self.drive == "right" else r, math.inf if self.drive == "left" else r)

    @property
    def read_ends(self) -> Ends:
        """Resistance from the first and last cell of a bit line to a read-out (infinite: none), in ohm."""
        r = self.bit_line + self.sense
        return (math.inf if self.read == "bottom" else r, math.inf if self.read == "top" else r)

    def network(self, unused: tuple[int, int] = (0, 0)) -> Network:
        """Return the same as plain resistances; see `effective` for `unused`."""
        rows, cols = unused
        return Network(
            self.word_line,
            self.bit_line,
            (self.drive_ends[0], self.drive_ends[1] + cols * self.word_line),
            (self.read_ends[0], self.read_ends[1] + rows * self.bit_line),
        )

    def effective(
        self, g: Float[Tensor, "*tiles rows cols"], unused: tuple[int, int] = (0, 0)
    ) -> Float[Tensor, "*tiles rows cols"]:
        """Return the current into each read-out per volt at each driver, in S: what the array multiplies with.

        Args:
            g: cell conductances, in S, at least 0. Leading dimensions are arrays that are solved at once.
            unused: rows below and columns to the right of these cells that the lines pass but that conduct nothing.

        Raises:
            ValueError: if a conductance is negative, infinite or not a number.
        """
        if self.sweeps == 0 or g.numel() == 0:
            return g
        check_conductances(g)
        if self.gates:
            columns = g.mT.unsqueeze(-1).double()
            return g * self.gated_shares(columns, unused[0]).squeeze(-1).mT.to(g)
        network = self.network(unused)
        if self.sweeps == math.inf:
            return ladder(g, network.word, network.bit, network.drive, network.read)
        if self.sweeps == 1:
            rows = attenuation(g, network.word, network.drive_siemens)
            columns = attenuation(g.mT.contiguous(), network.bit, network.read_siemens)
            return g * rows * columns.mT
        identity = torch.eye(g.shape[-2], dtype=g.dtype, device=g.device).expand(*g.shape[:-1], g.shape[-2])
        return sweep(g, network, identity, int(self.sweeps)).mT

    def _column(self, cells: int, unused: int) -> tuple[list[Rail], list[tuple[int, int]]]:
        """Return the rails of a column at 1 V, the source line second, and which of them the cells of a row join."""
        volts = (1.0, -1.0)[:cells]
        below = unused * self.source_line if self.read == "bottom" else 0.0
        source = Rail(0.0, self.source_line, self.read == "top", self.read == "bottom", self.sense + below)
        driven = [Rail(v, self.bit_line, True, False, self.driver) for v in volts]
        return [driven[0], source, *driven[1:]], [(0, 1), (1, 2)][:cells]

    def gated_currents(self, g: Float[Tensor, "*b rows cells"], unused: int = 0) -> Float[Tensor, "*b"]:
        """Return what the source line of each column takes per volt, in S; exact.

        Args:
            g: conductance of the cells whose transistors are on, 0 of the others; one cell a row, or the two of a pair,
                whose second one counts negative.
            unused: rows below that the lines pass.
        """
        return rail_currents(g, *self._column(g.shape[-1], unused))[..., 1]

    def gated_shares(self, g: Float[Tensor, "*b rows cells"], unused: int = 0) -> Float[Tensor, "*b rows cells"]:
        """Return the share of the voltage that each cell has while every cell conducts `load` of its conductance."""
        rails, between = self._column(g.shape[-1], unused)
        at = rail_voltages(self.load * g, rails, between)
        return torch.stack([at[..., a] - at[..., b] for a, b in between], -1)

    def open_voltages(
        self, g: Float[Tensor, "*tiles rows cols"], unused: tuple[int, int] = (0, 0)
    ) -> Float[Tensor, "*tiles rows cols"]:
        """Return the voltage at each read-out per volt at each driver where read-outs draw no current (voltage mode).

        Found with read-outs of a resistance 10^12 times that of the highest cell; at each bit line a cell must conduct.
        The voltages of a column sum to 1, as those of a divider. Arguments and errors as for `effective`; `sense` does
        not matter, and `ir_drop` is `exact` unless it is `off`: then lines are ideal, and a column takes the mean.
        """
        check_conductances(g)
        if self.sweeps == 0:
            return g / g.sum(-2, keepdim=True)
        sense = 1e12 / float(g.max())
        return replace(self, sense=sense, ir_drop="exact").effective(g.double(), unused).to(g.dtype) * sense

    def settling(self, rows: int, cols: int, bits: int) -> float:
        """Return how long the lines of an array take to settle to half an LSB of `bits` bits, in s.

        The Elmore delay of an open-ended word line and of a bit line read at one end, each with its distributed
        resistance and capacitance and the terminal's resistance, one after the other, times ln 2^(bits + 1). The cells,
        which shorten it, are neglected. Source: [elmore1948].
        """

        def elmore(n: int, segment: float, end: float, capacitance: float, both: bool) -> float:
            """Two terminals halve their resistance, and the way to the nearer one is half as long."""
            way = segment * (n + 1) ** 2 / (8 * n) if both else segment * (n + 1) / 2
            return n * capacitance * (end / (1 + both) + way)

        word = elmore(cols, self.word_line, self.driver, self.word_capacitance, self.drive == "both")
        bit = elmore(rows, self.bit_line, self.sense, self.bit_capacitance, self.read == "both")
        return (word + bit) * (bits + 1) * math.log(2)


def transposed(wires: Wires) -> Wires:
    """Exchange word and bit lines: the array as it computes with the transposed matrix.

    Raises:
        ValueError: if inputs are on gates, which only the rows have.
    """
    if wires.gates:
        raise ValueError("an array with inputs on gates has no transpose: its transistors are switched by rows")
    read: dict[str, Literal["bottom", "top", "both"]] = {"left": "top", "right": "bottom", "both": "both"}
    drive: dict[str, Literal["left", "right", "both"]] = {"top": "left", "bottom": "right", "both": "both"}
    return replace(
        wires,
        word_line=wires.bit_line,
        bit_line=wires.word_line,
        driver=wires.sense,
        sense=wires.driver,
        drive=drive[wires.read],
        read=read[wires.drive],
        pairs="word lines" if wires.pairs == "bit lines" else "bit lines",
        word_capacitance=wires.bit_capacitance,
        bit_capacitance=wires.word_capacitance,
    )
