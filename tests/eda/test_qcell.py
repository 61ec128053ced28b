"""ngspice as the judge of the Q-cell: its nodes, its window, and the published sweep."""

import itertools
import math
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import ROOMS as CONVERTERS
from mho.converters import QCell
from mho.core import Loader
from mho.eda import (
    ROOMS,
    QCellPeriphery,
    ngspice,
    ngspice_version,
    qcell_evaluation_netlist,
    qcell_netlist,
)

judge = pytest.mark.skipif(
    ngspice_version() is None and "CI" not in os.environ, reason="ngspice is not installed (apt-get install ngspice)"
)
CELL = Loader(CONVERTERS).load(QCell, "readc")
LAWS: dict[str, QCellPeriphery] = {n: Loader(ROOMS).load(QCellPeriphery, f"readc-{n}") for n in ("weak", "square")}
STATES = [g * 1e-6 for g in range(100, 401, 50)]
SWEEP = (0.75, 1.30, 1e-3)
PUBLISHED = np.loadtxt(Path(__file__).with_name("qcell_sweep.csv"), delimiter=",")
"""Input, nodes A and B and output of the published sweep [hong2025], `[points, 4]`, in V."""
EDGES = (0.91968, 1.13150)
"""Inputs at which the published output, drawn straight from point to point, is at half of the supply."""


@cache
def _swept(law: str, m1: float = CELL.reference, m2: float = CELL.reference) -> dict[str, np.ndarray]:
    return dict(ngspice(qcell_netlist(CELL, m1, m2, LAWS[law], SWEEP)))


def _edges(raw: dict[str, np.ndarray]) -> list[float]:
    """Return the inputs at which the output passes half of the supply."""
    x, y = raw["v(in)"], raw["v(out)"] - 0.5
    at = np.flatnonzero(y[:-1] * y[1:] < 0)
    return [float(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k])) for k in at]


def _there(raw: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return a node at the inputs of the published points."""
    return raw[f"v({name})"][[round((v - SWEEP[0]) / SWEEP[2]) for v in PUBLISHED[:, 0]]]


def _model(edge_of: float, branch: int) -> float:
    return float(CELL.edge(torch.tensor(edge_of, dtype=torch.float64), branch))


# The judge ------------------------------------------------------------------------------------------------------


@judge
@pytest.mark.parametrize(("m1", "m2"), [(250e-6, 250e-6), (100e-6, 400e-6), (400e-6, 100e-6)])
def test_nodes_under_the_memristors(m1: float, m2: float) -> None:
    raw = _swept("weak", m1, m2)
    x = torch.tensor(raw["v(in)"])
    assert len(x) == 551
    for name, conductance, branch in (("a", m1, 0), ("c", m2, 1)):
        ours = CELL.node(x, conductance, branch).numpy()
        assert raw[f"v({name})"] == pytest.approx(ours, rel=2e-8, abs=0)


@judge
def test_what_is_judged_matters() -> None:
    """A thousandth of the slope factor, or of a memristor, is seen."""
    raw = _swept("weak")
    x = torch.tensor(raw["v(in)"])
    for cell, m in ((replace(CELL, slope=CELL.slope * 1.001), CELL.reference), (CELL, CELL.reference * 1.001)):
        assert np.abs(cell.node(x, m).numpy() / raw["v(a)"] - 1).max() > 1e-4


@judge
@pytest.mark.parametrize("law", LAWS)
def test_the_published_window(law: str) -> None:
    """High, low, high; the edges of both laws are within 2 mV of the published ones, to which the cell was fitted."""
    raw = _swept(law)
    assert _edges(raw) == pytest.approx(EDGES, abs=2e-3)
    out = _there(raw, "out")
    clear = (np.abs(PUBLISHED[:, :1] - np.array(EDGES)) > 2e-3).all(1)
    assert clear.sum() == len(PUBLISHED) - 3
    assert out[clear] == pytest.approx(PUBLISHED[clear, 3], abs=0.02)


@judge
@pytest.mark.parametrize("law", LAWS)
def test_the_published_node_a(law: str) -> None:
    deviation = _there(_swept(law), "a") - PUBLISHED[:, 1]
    assert np.abs(deviation).max() < 6e-3
    assert np.sqrt((deviation**2).mean()) < 2e-3


@judge
def test_the_published_node_b() -> None:
    """Steep part: one number (`lowering`) was fitted to it. The foot below is not: ours is two to ten times as high."""
    b, theirs = _there(_swept("weak"), "b"), PUBLISHED[:, 2]
    assert np.abs(b - theirs).max() < 0.06
    assert np.sqrt(((b - theirs) ** 2).mean()) < 0.03
    steep = (PUBLISHED[:, 0] > 1.1275) & (PUBLISHED[:, 0] < 1.1365)
    ours, published = (np.polyfit(PUBLISHED[steep, 0], y[steep], 1)[0] for y in (b, theirs))
    assert published == pytest.approx(79, abs=1)
    assert ours == pytest.approx(published, rel=0.1)
    foot = (PUBLISHED[:, 0] > 1.08) & (PUBLISHED[:, 0] < 1.1255)
    ratio = b[foot] / theirs[foot]
    assert (np.diff(ratio) < 0).all()
    assert 1.5 < ratio.min() < 2.5
    assert 5 < ratio.max() < 12


@judge
def test_squares_have_no_foot_of_their_own() -> None:
    """SPICE's level 1 is more than three times as far from node B at most."""
    worst = {law: np.abs(_there(_swept(law), "b") - PUBLISHED[:, 2]).max() for law in LAWS}
    assert worst["square"] > 3 * worst["weak"]


@judge
@pytest.mark.parametrize("law", LAWS)
def test_edges_rise_with_the_memristors(law: str) -> None:
    """Each memristor moves its own edge, as the model says; the other one does not."""
    found = [_edges(_swept(law, m, m)) for m in STATES]
    for g, edges in zip(STATES, found, strict=True):
        assert edges == pytest.approx([_model(g, 0), _model(g, 1)], abs=1.5e-3)
    assert (np.diff(np.array(found), axis=0) > 5e-3).all()
    wide = _edges(_swept(law, STATES[0], STATES[-1]))
    assert wide == pytest.approx([found[0][0], found[-1][1]], abs=1e-6)


@judge
def test_where_the_first_inverter_switches_moves_the_upper_edge_only() -> None:
    """It is not published: balanced, at half of the supply, it would put the edge 19 mV lower."""
    balanced = replace(LAWS["weak"], first=LAWS["weak"].second)
    raw = dict(ngspice(qcell_netlist(CELL, CELL.reference, CELL.reference, balanced, SWEEP)))
    lower, upper = (a - b for a, b in zip(_edges(raw), _edges(_swept("weak")), strict=True))
    assert abs(lower) < 1e-6
    assert upper == pytest.approx(-0.019, abs=1.5e-3)


def _fall(v_in: float, line: float = LAWS["weak"].line) -> float:
    """Return when the line has lost half of the supply."""
    periphery = replace(LAWS["weak"], line=line)
    raw = ngspice(qcell_evaluation_netlist(CELL, CELL.reference, CELL.reference, periphery, v_in, 5e-8))
    assert raw["v(line)"][0] == pytest.approx(1.0, abs=1e-9)
    below = raw["v(line)"] < 0.5
    assert below.any()
    return float(raw["time"][below.argmax()])


@judge
def test_an_evaluation_takes_its_time() -> None:
    """At the edge, charge over the current that T5 would give; the edge moves by 20 to 30 mV with a decade of time."""
    gate = CELL.v_switch
    weak = LAWS["weak"]
    over, width = gate - weak.threshold[0] + 0.75 * weak.lowering, 2 * weak.slope * 0.02585
    current = weak.gain[0] * weak.pull_down * width * 0.02585 * math.log1p(math.exp(over / width)) ** 2
    at_edge = _fall(_model(CELL.reference, 0))
    assert at_edge == pytest.approx(weak.line * 0.5 / current, rel=0.1)
    times = [_fall(v) for v in (0.90, 0.91, 0.92, 0.93, 0.95)]
    assert times == sorted(times)
    assert 0.02 / math.log10(times[3] / times[1]) == pytest.approx(0.025, abs=0.005)
    assert _fall(0.92, 2 * weak.line) == pytest.approx(2 * times[2], rel=0.03)
    assert _fall(1.14) < at_edge


# The netlist ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_each_part_is_there_once(law: str) -> None:
    lines = qcell_netlist(CELL, 2.0**-12, 2.0**-13, LAWS[law], SWEEP, title="a cell").splitlines()
    assert (lines[0], lines[-1]) == ("* a cell", ".end")
    parts = {line.split()[0][1:]: line.split()[1:] for line in lines if line[0] in "BMRV"}
    rest = {"T2", "T4", "T5", "INV1n", "INV1p", "INV2n", "INV2p"}
    assert set(parts) == {"in", "dd", "high", "low", "M1", "M2", "T1", "T3"} | rest
    assert parts["M1"] == ["high", "a", "4096.0"]
    assert parts["M2"] == ["high", "c", "8192.0"]
    assert (parts["T1"][:2], parts["T3"][:2]) == (["a", "low"], ["c", "low"])
    assert ".dc Vin 0.75 1.3 0.001" in lines
    if law == "square":
        assert parts["T4"] == ["line", "b", "0", "0", "nmos", "W=1.0u", "L=1u"]
        assert parts["T5"] == ["line", "0", "vdd", "vdd", "pmos", "W=0.125u", "L=1u"]
        assert ".model pmos pMOS LEVEL=1 VTO=-0.35 KP=8e-05 LAMBDA=0.2" in lines
    else:
        assert not any(line.startswith(".model") for line in lines)


def test_an_evaluation_lets_go_of_the_line() -> None:
    lines = qcell_evaluation_netlist(CELL, 1e-4, 1e-4, LAWS["square"], 1, 1e-8).splitlines()
    assert "Vin in 0 1.0" in lines
    assert "MT5 line vdd vdd vdd pmos W=0.125u L=1u" in lines
    assert {"Cline line 0 1e-15", ".ic v(line)=1.0", f".tran {1e-8 / 1000} 1e-08 0 {1e-8 / 1000}"} <= set(lines)


def _value(expression: str, **volts: float) -> float:
    """Evaluate an expression of SPICE: voltages of nodes, and between two."""
    names = {n: n for n in volts} | {"vdd": "vdd"}
    scope = {"v": lambda a, b=None: volts[a] - (volts[b] if b else 0.0), "ln": math.log, "exp": math.exp}
    return float(eval(expression, scope | names))


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from("np"))
def test_a_transistor_of_the_law_weak(gate: float, drain: float, kind: Literal["n", "p"]) -> None:
    """Off at no voltage from drain to source, it takes more with either; both kinds are mirror images."""
    part = replace(LAWS["weak"], gain=(1e-4, 1e-4))

    def current(name: Literal["n", "p"], g: float, d: float) -> float:
        line = part.transistor("x", name, "d", "g", 2.0)
        if name == "p":
            g, d = 1 - g, 1 - d
        return _value(line.split("I=")[1], g=g, d=d, vdd=1.0)

    one = current(kind, gate, drain)
    assert one == pytest.approx(current("p" if kind == "n" else "n", gate, drain), rel=1e-9, abs=1e-20)
    assert current(kind, gate, 0.0) == 0
    assert one >= 0
    for g, d in itertools.product((gate, gate + 0.1), (drain, drain + 0.1)):
        assert current(kind, g, d) >= one


def test_a_transistor_far_above_its_threshold_is_a_square() -> None:
    part = replace(LAWS["weak"], lowering=0.0)
    line = part.transistor("x", "n", "d", "g", 3.0)
    current = _value(line.split("I=")[1], g=3.0, d=3.0)
    assert current == pytest.approx(3 * part.gain[0] * (3.0 - part.threshold[0]) ** 2 / (2 * part.slope), rel=1e-3)
