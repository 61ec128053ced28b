"""One wire with many taps, by two methods, against the plain matrix and against exact arithmetic."""

from fractions import Fraction

import pytest
import torch

from mho.arrays import _lines
from mho.arrays._lines import attenuation, conductances, solve_lines
from mho.core import Seed


def _draw(name: object, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=Seed(0).child(str(name)).generator(), dtype=torch.float64)


def _matrix(shunt: list[float], segment: float, ends: tuple[float, float], exact: bool = False) -> list[list[Fraction]]:
    """Write Kirchhoff's current law of each node of one line."""
    n = len(shunt)
    number = Fraction if exact else float
    rows = [[number(0)] * n for _ in range(n)]
    for k in range(n):
        rows[k][k] += number(shunt[k])
        for other in (k - 1, k + 1):
            if 0 <= other < n:
                rows[k][k] += 1 / number(segment)
                rows[k][other] -= 1 / number(segment)
    rows[0][0] += number(ends[0])
    rows[-1][-1] += number(ends[1])
    return rows


def _solve_exactly(matrix: list[list[Fraction]], right: list[float]) -> list[float]:
    """Eliminate as at school, with fractions."""
    n = len(right)
    rows = [[*matrix[k], Fraction(right[k])] for k in range(n)]
    for k in range(n):
        for other in range(n):
            if other != k:
                factor = rows[other][k] / rows[k][k]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[k], strict=True)]
    return [float(rows[k][n] / rows[k][k]) for k in range(n)]


@pytest.fixture(params=["LAPACK", "recursion"])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Solve by the one or the other, whatever the segment."""
    monkeypatch.setattr(_lines, "_FEW_OHM", 0.0 if request.param == "LAPACK" else float("inf"))
    return request.param


@pytest.mark.parametrize("n", [1, 2, 3, 17])
@pytest.mark.parametrize("ends", [(0.5, 0.0), (0.0, 2.0), (0.3, 0.7)])
def test_both_methods_solve_the_matrix(method: str, n: int, ends: tuple[float, float]) -> None:
    shunt, current = _draw((n, "g"), 2, 3, n), _draw((n, "i"), 2, 3, n, 4)
    shunt[0, 1, : n // 2] = 0.0
    ours = solve_lines(shunt, 0.8, ends, current)
    for line in [(a, b) for a in range(2) for b in range(3)]:
        matrix = torch.tensor(_matrix(shunt[line].tolist(), 0.8, ends), dtype=torch.float64)
        torch.testing.assert_close(ours[line], torch.linalg.solve(matrix, current[line]), rtol=1e-12, atol=1e-14)
    low = solve_lines(shunt.float(), 0.8, ends, current.float())
    assert low.dtype == torch.float32
    torch.testing.assert_close(low.double(), ours, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("segment", [1e-12, 1e-6, 9.9e-5])
@pytest.mark.parametrize("ends", [(1e-3, 0.0), (0.0, 1e-3), (1e-3, 1e-4)])
def test_tiny_segments_cost_no_digits(segment: float, ends: tuple[float, float]) -> None:
    """In a matrix of conductances of 1e12 S the cells of 1e-5 S would drown."""
    shunt, current = _draw("g", 6) * 1e-5, _draw("i", 6, 1) * 1e-6
    truth = _solve_exactly(_matrix(shunt.tolist(), segment, ends, exact=True), current[:, 0].tolist())
    assert solve_lines(shunt, segment, ends, current)[:, 0].tolist() == pytest.approx(truth, rel=1e-14, abs=0)


def test_no_resistance_at_all_makes_one_node() -> None:
    shunt, current = _draw("g", 6) * 1e-5, _draw("i", 6, 2) * 1e-6
    expected = current.sum(0) / (shunt.sum() + 1e-3)
    torch.testing.assert_close(solve_lines(shunt, 0.0, (1e-3, 0.0), current), expected.expand(6, 2), rtol=1e-14, atol=0)


def test_lapack_keeps_what_a_weak_terminal_leaves() -> None:
    """Segments of 1 ohm, the only way to ground 1 kohm: three digits fewer than the recursion, and still twelve."""
    shunt, current = _draw("g", 8) * 1e-5, _draw("i", 8, 1) * 1e-6
    truth = _solve_exactly(_matrix(shunt.tolist(), 1.0, (1e-3, 0.0), exact=True), current[:, 0].tolist())
    assert solve_lines(shunt, 1.0, (1e-3, 0.0), current)[:, 0].tolist() == pytest.approx(truth, rel=1e-11, abs=0)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_gradient(method: str, n: int) -> None:
    shunt, current = _draw((n, "g"), 2, n).add(0.1).requires_grad_(), _draw((n, "i"), 2, n, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda g, i: solve_lines(g, 0.8, (0.4, 0.3), i), (shunt, current))


def test_gradient_of_the_recursion_at_its_own_segments() -> None:
    """Shunts of kilosiemens, so that 50 uohm matter."""
    shunt, current = _draw("g", 2, 4).add(0.1).requires_grad_(), _draw("i", 2, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda g, i: solve_lines(g * 1e4, 5e-5, (4e3, 0.0), i * 1e4), (shunt, current))


def test_methods_agree_on_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = []
    for border in (0.0, float("inf")):
        monkeypatch.setattr(_lines, "_FEW_OHM", border)
        shunt, current = _draw("g", 5, 40).requires_grad_(), _draw("i", 5, 40, 3).requires_grad_()
        weights = _draw("w", 5, 40, 3)
        out = (solve_lines(shunt, 2.0, (0.5, 0.1), current) * weights).sum()
        gradients.append(torch.autograd.grad(out, (shunt, current)))
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-14)


def test_an_ungrounded_line_has_no_solution() -> None:
    message = "^conductances must be positive numbers, and a line must be tied to ground somewhere$"
    for shunt in (torch.zeros(1, 4), torch.full((3, 4), -1.0)):
        with pytest.raises(ValueError, match=message):
            solve_lines(shunt, 1.0, (0.0, 0.0), torch.ones(*shunt.shape, 1))


def test_shapes_are_known_without_numbers() -> None:
    """On a device without LAPACK, and without values: the recursion does not look at them."""
    shunt, current = torch.empty(2, 3, 5, device="meta"), torch.empty(2, 3, 5, 4, device="meta")
    assert solve_lines(shunt, 1.0, (1.0, 0.0), current).shape == (2, 3, 5, 4)


def test_attenuation_is_reciprocal(method: str) -> None:
    """What reaches node k from the ends is what the ends get of a current injected at node k."""
    shunt, ends = _draw("g", 3, 7), (0.6, 0.2)
    at = solve_lines(shunt, 0.8, ends, torch.eye(7, dtype=torch.float64).expand(3, 7, 7))
    share = ends[0] * at[:, 0] + ends[1] * at[:, -1]
    seen = attenuation(shunt, 0.8, ends)
    torch.testing.assert_close(seen, share, rtol=1e-12, atol=0)
    assert ((seen > 0) & (seen < 1)).all()


def test_what_a_node_sees_of_one_side() -> None:
    shunt = torch.tensor([0.5, 0.25, 2.0], dtype=torch.float64)
    first = 0.5 + 3.0
    second = 0.25 + 1 / (4.0 + 1 / first)
    third = 2.0 + 1 / (4.0 + 1 / second)
    assert conductances(shunt, 4.0, 3.0).tolist() == pytest.approx([first, second, third], rel=1e-15, abs=0)
