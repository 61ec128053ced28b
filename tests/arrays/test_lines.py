"""One wire with many taps, by three methods, against the plain matrix and against exact arithmetic."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

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


METHODS = ["LAPACK", "positive pivots", "recursion"]
"""LAPACK factorises where nothing cancels; else pivots come from positive terms; other devices, and one node, recur."""


def _only(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Solve by one of the methods, whatever the segment."""
    if method == "recursion":
        monkeypatch.setattr(_lines, "solve_lines", _lines._recur)
    else:
        monkeypatch.setattr(_lines, "_CANCELLED", float("inf") if method == "LAPACK" else 0.0)


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Solve by one of the methods, whatever the segment."""
    _only(request.param, monkeypatch)
    return request.param


@pytest.fixture
def factorised(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down what of LAPACK is called."""
    calls: list[str] = []
    factorise, substitute = _lines._lapack()

    def spy(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            calls.append(name)
            return function(*args)

        return called

    spies = (spy("factorise", factorise), spy("substitute", substitute))
    monkeypatch.setattr(_lines, "_lapack", lambda: spies)
    return calls


@pytest.mark.parametrize(
    ("segment", "shape", "device", "expected"),
    [
        (1.0, (2, 3), "cpu", ["factorise", "substitute"]),
        (1e-9, (2, 3), "cpu", ["substitute"]),  # a segment of 1e9 S would drown cells and terminal
        (1.0, (4, 1), "cpu", ["factorise", "substitute"]),  # several lines of one node
        (1.0, (1, 1), "cpu", []),
        (0.0, (2, 3), "cpu", []),
        (1.0, (2, 3), "meta", []),
    ],
    ids=["LAPACK", "positive pivots", "nodes without neighbours", "one node", "no resistance", "another device"],
)
def test_which_method_solves(
    segment: float, shape: tuple[int, int], device: str, expected: list[str], factorised: list[str]
) -> None:
    shunt = torch.full(shape, 1e-3, dtype=torch.float64, device=device)
    solve_lines(shunt, segment, (1e-3, 0.0), torch.ones(*shape, 1, dtype=torch.float64, device=device))
    assert factorised == expected


@pytest.mark.parametrize(("name", "first"), [("LAPACK", ["factorise"]), ("positive pivots", []), ("recursion", None)])
def test_the_methods_are_those_meant(
    name: str, first: list[str] | None, factorised: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the fixture `method` promises."""
    _only(name, monkeypatch)
    for segment in (1e-9, 1.0):
        _lines.solve_lines(torch.ones(2, 3), segment, (1.0, 0.0), torch.ones(2, 3, 1))
    assert factorised == ([] if first is None else 2 * [*first, "substitute"])


@pytest.mark.parametrize("n", [1, 2, 3, 17])
@pytest.mark.parametrize("ends", [(0.5, 0.0), (0.0, 2.0), (0.3, 0.7)])
def test_all_methods_solve_the_matrix(method: str, n: int, ends: tuple[float, float]) -> None:
    shunt, current = _draw((n, "g"), 2, 3, n), _draw((n, "i"), 2, 3, n, 4)
    shunt[0, 1, : n // 2] = 0.0
    ours = _lines.solve_lines(shunt, 0.8, ends, current)
    for line in [(a, b) for a in range(2) for b in range(3)]:
        matrix = torch.tensor(_matrix(shunt[line].tolist(), 0.8, ends), dtype=torch.float64)
        torch.testing.assert_close(ours[line], torch.linalg.solve(matrix, current[line]), rtol=1e-12, atol=1e-14)
    low = _lines.solve_lines(shunt.float(), 0.8, ends, current.float())
    assert low.dtype == torch.float32
    torch.testing.assert_close(low.double(), ours, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["positive pivots", "recursion"])
@pytest.mark.parametrize("segment", [1e-12, 1e-6, 9.9e-5, 1.0, 1e6])
@pytest.mark.parametrize("ends", [(1e-3, 0.0), (0.0, 1e-3), (1e-3, 1e-4)])
def test_tiny_segments_cost_no_digits(
    name: str, segment: float, ends: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a matrix of conductances of 1e12 S the cells of 1e-5 S would drown."""
    _only(name, monkeypatch)
    shunt, current = _draw("g", 6) * 1e-5, _draw("i", 6, 1) * 1e-6
    truth = _solve_exactly(_matrix(shunt.tolist(), segment, ends, exact=True), current[:, 0].tolist())
    ours = _lines.solve_lines(shunt, segment, ends, current)
    assert ours[:, 0].tolist() == pytest.approx(truth, rel=2e-14, abs=0)


@pytest.mark.parametrize("segment", [1e-12, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 30.0, 1e3, 1e6])
@pytest.mark.parametrize("ground", [1e-9, 1e-6, 1e-3, 1.0, 1e9])
def test_the_choice_of_the_method_keeps_twelve_digits(segment: float, ground: float) -> None:
    """From lines that hardly know where ground is to lines that end in a mere nanoohm."""
    for end in ((ground, 0.0), (0.0, ground), (ground, ground)):
        shunt, current = _draw("g", 6) * 1e-8, _draw("i", 6, 1) * 1e-6
        truth = _solve_exactly(_matrix(shunt.tolist(), segment, end, exact=True), current[:, 0].tolist())
        assert solve_lines(shunt, segment, end, current)[:, 0].tolist() == pytest.approx(truth, rel=1e-12, abs=0)


def test_the_loosest_line_decides() -> None:
    """One line that hardly knows ground, beside others that do."""
    shunt, current = torch.full((3, 6), 1e-2, dtype=torch.float64), _draw("i", 3, 6, 1) * 1e-6
    shunt[1] = 1e-13
    ours = solve_lines(shunt, 0.1, (1e-12, 0.0), current)
    for line in range(3):
        matrix = _matrix(shunt[line].tolist(), 0.1, (1e-12, 0.0), exact=True)
        truth = _solve_exactly(matrix, current[line, :, 0].tolist())
        assert ours[line, :, 0].tolist() == pytest.approx(truth, rel=1e-12, abs=0)


def test_no_resistance_at_all_makes_one_node() -> None:
    shunt, current = _draw("g", 6) * 1e-5, _draw("i", 6, 2) * 1e-6
    expected = current.sum(0) / (shunt.sum() + 1e-3)
    torch.testing.assert_close(solve_lines(shunt, 0.0, (1e-3, 0.0), current), expected.expand(6, 2), rtol=1e-14, atol=0)


def test_lapack_keeps_what_a_weak_terminal_leaves() -> None:
    """Segments of 1 ohm, the only way to ground 1 kohm: three digits fewer than the others, and still twelve."""
    shunt, current = _draw("g", 8) * 1e-5, _draw("i", 8, 1) * 1e-6
    truth = _solve_exactly(_matrix(shunt.tolist(), 1.0, (1e-3, 0.0), exact=True), current[:, 0].tolist())
    assert solve_lines(shunt, 1.0, (1e-3, 0.0), current)[:, 0].tolist() == pytest.approx(truth, rel=1e-12, abs=0)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_gradient(method: str, n: int) -> None:
    shunt, current = _draw((n, "g"), 2, n).add(0.1).requires_grad_(), _draw((n, "i"), 2, n, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda g, i: _lines.solve_lines(g, 0.8, (0.4, 0.3), i), (shunt, current))


def test_gradient_at_tiny_segments(method: str) -> None:
    """Shunts of kilosiemens, so that 50 uohm matter."""
    shunt, current = _draw("g", 2, 4).add(0.1).requires_grad_(), _draw("i", 2, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda g, i: _lines.solve_lines(g * 1e4, 5e-5, (4e3, 0.0), i * 1e4), (shunt, current)
    )


def test_methods_agree_on_gradients() -> None:
    gradients = []
    for name in METHODS:
        with pytest.MonkeyPatch.context() as patch:
            _only(name, patch)
            shunt, current = _draw("g", 5, 40).requires_grad_(), _draw("i", 5, 40, 3).requires_grad_()
            weights = _draw("w", 5, 40, 3)
            out = (_lines.solve_lines(shunt, 2.0, (0.5, 0.1), current) * weights).sum()
            gradients.append(torch.autograd.grad(out, (shunt, current)))
    for other in gradients[1:]:
        for a, b in zip(gradients[0], other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-14)


def test_the_recursion_has_second_derivatives() -> None:
    shunt, current = _draw("g", 2, 4).add(0.1).requires_grad_(), _draw("i", 2, 4, 3).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda g, i: _lines._recur(g, 0.8, (0.4, 0.3), i), (shunt, current))


@pytest.mark.parametrize("name", METHODS[:2])
def test_second_derivatives_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPACK's answer has one derivative; where the graph leads back to it, it says so."""
    _only(name, monkeypatch)
    shunt, current = _draw("g", 2, 4).add(0.1).requires_grad_(), _draw("i", 2, 4, 3).requires_grad_()
    out = solve_lines(shunt, 0.8, (0.4, 0.3), current).square().sum()
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(out, (shunt, current), create_graph=True)


@pytest.mark.parametrize("name", METHODS[:2])
@pytest.mark.parametrize("power", [1, 2])
def test_second_derivatives_are_right_or_refused(name: str, power: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of shunt x gradient, with respect to the shunts, as in a penalty on a gradient."""
    shunt, current = _draw("g", 2, 4).add(0.1).requires_grad_(), _draw("i", 2, 4, 3)

    def second(solve: Callable[..., torch.Tensor]) -> torch.Tensor:
        out = solve(shunt, 0.8, (0.4, 0.3), current).pow(power).sum()
        (gradient,) = torch.autograd.grad(out, shunt, create_graph=True)
        return torch.autograd.grad((gradient * shunt).sum(), shunt)[0]

    truth = second(_lines._recur)
    _only(name, monkeypatch)
    try:
        ours = second(solve_lines)
    except RuntimeError:
        return
    torch.testing.assert_close(ours, truth, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", METHODS[:2])
@pytest.mark.parametrize("segment", [1e-6, 1.0])
def test_an_ungrounded_line_has_no_solution(name: str, segment: float, monkeypatch: pytest.MonkeyPatch) -> None:
    _only(name, monkeypatch)
    message = "^conductances must be positive numbers, and a line must be tied to ground somewhere$"
    open_line = torch.ones(3, 4)
    open_line[1] = 0.0
    for shunt in (torch.zeros(1, 4), torch.full((3, 4), -1.0), torch.full((2, 4), torch.nan), open_line):
        with pytest.raises(ValueError, match=message):
            solve_lines(shunt, segment, (0.0, 0.0), torch.ones(*shunt.shape, 1))


def test_shapes_are_known_without_numbers() -> None:
    """On a device without LAPACK, and without values: the recursion does not look at them."""
    shunt, current = torch.empty(2, 3, 5, device="meta"), torch.empty(2, 3, 5, 4, device="meta")
    assert solve_lines(shunt, 1.0, (1.0, 0.0), current).shape == (2, 3, 5, 4)


def test_attenuation_is_reciprocal(method: str) -> None:
    """What reaches node k from the ends is what the ends get of a current injected at node k."""
    shunt, ends = _draw("g", 3, 7), (0.6, 0.2)
    at = _lines.solve_lines(shunt, 0.8, ends, torch.eye(7, dtype=torch.float64).expand(3, 7, 7))
    share = ends[0] * at[:, 0] + ends[1] * at[:, -1]
    seen = attenuation(shunt, 0.8, ends)
    torch.testing.assert_close(seen, share, rtol=1e-12, atol=0)
    assert ((seen > 0) & (seen < 1)).all()


def test_one_node_by_hand() -> None:
    shunt, current = torch.tensor([[2e-3]], dtype=torch.float64), torch.tensor([[[3e-6]]], dtype=torch.float64)
    for segment in (0.0, 1.0, 1e9):  # there is none between one node and no neighbour
        voltage = solve_lines(shunt, segment, (1e-3, 5e-4), current)
        assert float(voltage) == pytest.approx(3e-6 / 3.5e-3, rel=1e-15, abs=0)
        assert float(attenuation(shunt, segment, (1e-3, 5e-4))) == pytest.approx(1.5 / 3.5, rel=1e-15, abs=0)


def test_what_a_node_sees_of_one_side() -> None:
    shunt = torch.tensor([0.5, 0.25, 2.0], dtype=torch.float64)
    first = 0.5 + 3.0
    second = 0.25 + 1 / (4.0 + 1 / first)
    third = 2.0 + 1 / (4.0 + 1 / second)
    assert conductances(shunt, 4.0, 3.0).tolist() == pytest.approx([first, second, third], rel=1e-15, abs=0)
