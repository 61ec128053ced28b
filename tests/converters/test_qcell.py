"""The Q-cell: the published sweep, monotone edges with an inverse, and the code of overlapping windows."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import ROOMS, QCell, johnson, windows
from mho.core import Loader

CELL = Loader(ROOMS).load(QCell, "readc")
# Input, node A and output of the published sweep (Fig. 2b), a row in 25.
SWEEP = [
    (0.750, 0.793826), (0.775, 0.787462), (0.800, 0.775222), (0.825, 0.752656), (0.850, 0.713080), (0.875, 0.647556),
    (0.900, 0.546363), (0.925, 0.409552), (0.950, 0.336357), (0.975, 0.320250), (1.000, 0.313107), (1.050, 0.306781),
    (1.100, 0.304208), (1.200, 0.302256), (1.300, 0.301540),
]  # fmt: skip


def test_node_a_follows_the_published_sweep() -> None:
    """The parameters were fitted to it: this is a check of the equation's form, 6 mV at most."""
    x, a = torch.tensor(SWEEP, dtype=torch.float64).T
    node = CELL.node(x, CELL.reference)
    assert float((node - a).abs().max()) < 6e-3
    assert float((node - a).square().mean().sqrt()) < 2.5e-3


def test_the_window_of_the_published_cell() -> None:
    """0.920 and 1.132 V: the first as fitted to node A, the second set by the strength of its branch."""
    g = torch.tensor(CELL.reference, dtype=torch.float64)
    assert float(CELL.edge(g, 0)) == pytest.approx(0.920, abs=2e-3)
    assert float(CELL.edge(g, 1)) == pytest.approx(1.132, abs=2e-3)
    x = torch.arange(0.75, 1.3, 1e-3, dtype=torch.float64)
    out = CELL.output(x, CELL.reference, CELL.reference)
    inside = x[out == 0]
    assert (float(inside.min()), float(inside.max())) == pytest.approx((0.920, 1.132), abs=3e-3)


@given(st.lists(st.floats(1e-5, 1e-3), min_size=2, max_size=20, unique=True), st.integers(0, 1))
def test_edges_rise_with_conductance_and_lead_back(values: list[float], branch: int) -> None:
    g = torch.tensor(sorted(values), dtype=torch.float64)
    edge = CELL.edge(g, branch)
    assert (edge.diff() >= 0).all()
    torch.testing.assert_close(CELL.conductance(edge, branch), g, rtol=1e-6, atol=0)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6])
def test_one_cell_changes_at_each_transition(bits: int) -> None:
    words = johnson(bits)
    assert len(words) == 2**bits
    assert len({tuple(w) for w in words}) == 2**bits
    for a, b in itertools.pairwise(words):
        assert sum(x != y for x, y in zip(a, b, strict=True)) == 1


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_words_are_what_the_windows_give(bits: int) -> None:
    """A cell is low inside of its window; the first one is low below the middle."""
    for code, word in enumerate(johnson(bits)):
        x = (code + 0.5) / 2**bits
        assert word == [int(not low <= x < high) for low, high in windows(bits)]


@given(st.floats(0.3, 1.5), st.floats(0.3, 0.81), st.integers(0, 1))
def test_the_expression_for_spice_is_the_current(v_in: float, v_node: float, branch: int) -> None:
    expression = CELL.spice("x", "y", branch)
    scope = {"ln": math.log, "exp": math.exp, "x": v_in - CELL.v_low, "y": v_node - CELL.v_low}
    x, y = torch.tensor([v_in, v_node], dtype=torch.float64)
    assert eval(expression, scope) == pytest.approx(float(CELL.current(x, y, branch)), rel=1e-9, abs=1e-18)


def test_what_the_memristors_draw() -> None:
    """Nothing while both transistors are off; with both on, nearly the whole supply is across the memristors."""
    rails = CELL.v_high - CELL.v_low
    off, on = CELL.power(torch.tensor([0.45, 1.6], dtype=torch.float64), 100e-6, 300e-6).tolist()
    assert off < 1e-3 * on
    assert on == pytest.approx(400e-6 * rails**2, rel=0.05)
    nodes = torch.stack(
        [CELL.node(torch.tensor([1.6], dtype=torch.float64), m, b) for b, m in enumerate((100e-6, 300e-6))]
    )
    currents = [CELL.current(torch.tensor(1.6, dtype=torch.float64), node, b) for b, node in enumerate(nodes)]
    assert on == pytest.approx(rails * float(sum(currents)), rel=1e-6)  # what flows through transistors
