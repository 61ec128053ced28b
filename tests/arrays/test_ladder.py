"""The exact matrix of an array: what Kirchhoff's laws at every node give, for every shape and termination."""

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.arrays import Wires, _ladder, transposed

Cells = Callable[..., torch.Tensor]
Literal = Callable[[torch.Tensor, Wires], torch.Tensor]

TERMINATIONS = list(itertools.product(("left", "right", "both"), ("bottom", "top", "both")))
SHAPES = [(1, 1), (1, 6), (6, 1), (2, 2), (7, 3), (3, 7), (9, 9)]
ENDS = [(1.0, 1.0, 0.0, 0.0), (2.5, 0.7, 1000.0, 50.0), (200.0, 3000.0, 0.0, 5000.0), (0.01, 20.0, 3.0, 0.0)]


def _same(ours: torch.Tensor, truth: torch.Tensor) -> None:
    """Compare each element by itself: paths around a cell of 0 S are a billionth of the rest, and right as well."""
    torch.testing.assert_close(ours, truth, rtol=1e-12, atol=1e-30)


def _error(ours: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the largest deviation, relative to the largest conductance."""
    return float((ours.double() - truth).abs().max() / truth.abs().max())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
def test_it_solves_all_nodes(shape: tuple[int, int], drive: str, read: str, cells: Cells, literal: Literal) -> None:
    for ends in ENDS:
        wires = Wires(*ends, drive, read)
        g = cells((shape, drive, read, ends), *shape, zeros=0.2 if shape != (1, 1) else 0.0)
        truth = literal(g, wires)
        _same(wires.effective(g), truth)
        assert _error(wires.effective(g.float()), truth) < 1e-5


@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    ends=st.tuples(st.sampled_from(["left", "right", "both"]), st.sampled_from(["bottom", "top", "both"])),
    wires=st.tuples(*[st.floats(0.1, 1e4)] * 2, *[st.just(0.0) | st.floats(0.1, 1e5)] * 2),
    unused=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    zeros=st.floats(0, 1),
)
def test_it_solves_all_nodes_of_any_array(
    shape: tuple[int, int],
    ends: tuple[str, str],
    wires: tuple[float, float, float, float],
    unused: tuple[int, int],
    zeros: float,
    cells: Cells,
    literal: Literal,
) -> None:
    """Also with lines that run on over rows and columns without cells, and with lines that have no cell at all."""
    array = Wires(*wires, *ends)
    g = cells((shape, ends, wires, zeros), *shape, zeros=zeros)
    padded = torch.nn.functional.pad(g, (0, unused[1], 0, unused[0]))
    truth = literal(padded, array)
    _same(array.effective(padded), truth)
    _same(array.effective(g, unused), truth[: shape[0], : shape[1]])


def test_the_series_of_one_cell(cells: Cells) -> None:
    for drive, read in TERMINATIONS:
        wires = Wires(100.0, 30.0, 2000.0, 500.0, drive, read)
        word = 2100.0 / (2 if drive == "both" else 1)  # two drivers at one node are in parallel
        bit = 530.0 / (2 if read == "both" else 1)
        expected = 1 / (word + 1 / 4e-5 + bit)
        assert float(wires.effective(torch.tensor([[4e-5]], dtype=torch.float64))) == pytest.approx(
            expected, rel=1e-13, abs=0
        )


def test_one_row_of_two_cells_by_hand() -> None:
    g, r, s = (4e-5, 7e-5), 3000.0, 800.0 + 500.0  # a cell and its own bit line are in series
    first, second = (1 / (1 / x + s) for x in g)
    behind = second / (1 + r * second)  # what the first node sees of the second
    node = 1 / (1 + (r + 2000.0) * (first + behind))
    wires = Wires(r, 800.0, 2000.0, 500.0)
    ours = wires.effective(torch.tensor([g], dtype=torch.float64))
    assert ours.flatten().tolist() == pytest.approx([first * node, behind * node], rel=1e-13, abs=0)


def test_one_column_of_two_cells_by_hand() -> None:
    """Driver 0 on: cell 1 leads part of the current back into the other, quiet driver. And the other way round."""
    r, end = 3000.0, 1 / (3000.0 + 500.0)
    upper, lower = (1 / (1 / x + 800.0 + 2000.0) for x in (4e-5, 7e-5))
    onward = 1 / (r + 1 / (lower + end))
    from_upper = upper * onward / (upper + onward) * end / (lower + end)
    from_lower = lower * end / (lower + end + upper / (1 + r * upper))
    wires = Wires(800.0, r, 2000.0, 500.0)
    ours = wires.effective(torch.tensor([[4e-5], [7e-5]], dtype=torch.float64))
    assert ours.flatten().tolist() == pytest.approx([from_upper, from_lower], rel=1e-13, abs=0)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (1, 6), (6, 6)], ids=str)
def test_many_arrays_are_solved_like_one(shape: tuple[int, int], cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    wires = Wires(20.0, 50.0, 300.0, 10.0, "both", "top")
    g = cells(shape, 2, 3, *shape)
    together = wires.effective(g)
    one_by_one = torch.stack([wires.effective(a) for a in g.flatten(0, 1)]).unflatten(0, (2, 3))
    torch.testing.assert_close(together, one_by_one, rtol=1e-13, atol=1e-20)
    monkeypatch.setattr(_ladder, "_CHUNK", 1)  # one array at a time
    torch.testing.assert_close(wires.effective(g), together, rtol=1e-13, atol=1e-20)


@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
@pytest.mark.parametrize("fidelity", ["exact", "closed"])
def test_drivers_and_read_outs_may_change_places(drive: str, read: str, fidelity: str, cells: Cells) -> None:
    """A network of resistors is reciprocal; both fidelities keep that."""
    wires = Wires(20.0, 50.0, 300.0, 1000.0, drive, read, ir_drop=fidelity)
    for shape in ((8, 3), (3, 8), (5, 5)):
        g = cells((shape, "reciprocal"), *shape)
        back = transposed(wires).effective(g.mT).mT
        torch.testing.assert_close(back, wires.effective(g), rtol=1e-12, atol=1e-19)


def test_a_flipped_array_is_driven_from_the_other_side(cells: Cells) -> None:
    g = cells("flip", 6, 4)
    left, right = Wires(20.0, 50.0, 300.0, 9.0), Wires(20.0, 50.0, 300.0, 9.0, "right", "top")
    flipped = right.effective(g.flip(0, 1)).flip(0, 1)
    torch.testing.assert_close(flipped, left.effective(g), rtol=1e-13, atol=1e-20)
    assert _error(right.effective(g), left.effective(g)) > 0.01


def test_no_more_comes_out_than_goes_in(cells: Cells) -> None:
    """With all drivers at 1 V a read-out gets at most what its cells would take at 1 V, and all of it is positive."""
    g = cells("passive", 12, 9)
    wires = Wires(500.0, 300.0, drive="both")
    effective = wires.effective(g)
    assert (effective >= 0).all()
    assert (effective.sum(0) < g.sum(0)).all()
    assert (effective.sum(0) > 0.01 * g.sum(0)).all()


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)], ids=str)
@pytest.mark.parametrize(("drive", "read"), [("left", "bottom"), ("both", "top"), ("right", "both")])
def test_gradient(shape: tuple[int, int], drive: str, read: str) -> None:
    """Of arrays whose wires take a good part of the voltage, so that no term is too small to be seen."""
    wires = Wires(2e4, 1e4, 1e4, 5e3, drive, read)
    x = torch.linspace(0.2, 2.0, 2 * shape[0] * shape[1], dtype=torch.float64).reshape(2, *shape).requires_grad_()
    assert torch.autograd.gradcheck(lambda y: wires.effective(y * 1e-5) * 1e5, (x,))


def test_gradient_of_a_cell_that_conducts_nothing(cells: Cells) -> None:
    g = cells("zero", 4, 5, zeros=0.5).requires_grad_()
    assert (g == 0).any()
    (gradient,) = torch.autograd.grad(Wires(100.0, 100.0).effective(g).sum(), g)
    assert gradient.isfinite().all()
    assert (gradient > 0.5).all()  # a cell that is opened a little lets a little more through


@pytest.mark.parametrize(("count", "size", "seen"), [(1, 16, 1), (1, 64, 1), (64, 64, 2)])
def test_small_matrices_are_solved_on_one_thread(
    count: int, size: int, seen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be slower on two; the number of threads is restored, also where the solution fails."""
    counts: list[int] = []
    inner = _ladder._driven_left

    def spy(*args: Any) -> torch.Tensor:
        counts.append(torch.get_num_threads())
        if fail:
            raise RuntimeError("broken")
        return inner(*args)

    monkeypatch.setattr(_ladder, "_driven_left", spy)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for fail in (False, True):
            with pytest.raises(RuntimeError, match="broken") if fail else nullcontext():
                Wires(1.0, 1.0).effective(torch.full((count, size, size), 1e-5))
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert counts == [seen, seen]
