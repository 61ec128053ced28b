"""Layouts: however a matrix is cut, the product is that of the layer, and the slow forms agree with the fast one."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Seed, ShapeError
from mho.tiles import AbstractLayout, ConvLayout, LinearLayout


def _integers(name: str, *shape: int) -> torch.Tensor:
    return (Seed(0).child(name).normal(shape) * 5).round()


def _product(layout: AbstractLayout, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Run the fast path with one slice, one phase and as many instances as x has."""
    matrix = layout.split_weight(weight)[None, :, :, None]
    matrix = matrix.expand(x.shape[0], *matrix.shape[1:])
    return layout.output(layout.combine(layout.partials(layout.arrange(matrix), x.unsqueeze(0)), x), x)


def _slow(layout: AbstractLayout, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Multiply the gathered vectors of each row tile and sum: `[M, G, N, L]` for x `[M, ...]`."""
    y = torch.einsum("grmk,grkn->mgn", layout.gather(x), layout.split_weight(weight))
    return y.reshape(x.shape[0], -1, layout.groups, layout.columns).permute(0, 2, 3, 1)


LINEAR = st.builds(LinearLayout, st.integers(1, 40), st.integers(1, 9), st.integers(1, 50))


@given(LINEAR, st.integers(1, 3), st.integers(1, 4))
def test_linear(layout: LinearLayout, instances: int, batch: int) -> None:
    assert layout.rows <= layout.tile_rows
    assert layout.row_tiles * layout.rows >= layout.features
    assert layout.split_weight(torch.zeros(layout.outputs, layout.features)).shape == (
        1, layout.row_tiles, layout.rows, layout.outputs)  # fmt: skip
    weight = _integers("w", layout.outputs, layout.features)
    x = _integers("x", instances, batch, layout.features)
    assert torch.equal(_product(layout, weight, x), F.linear(x, weight))
    assert torch.equal(_slow(layout, weight, x[0])[:, 0, :, 0], F.linear(x[0], weight))


@pytest.mark.parametrize("tokens", [(3,), (2, 3)])
def test_linear_over_tokens(tokens: tuple[int, ...]) -> None:
    layout = LinearLayout(10, 4, 6)
    weight, x = _integers("w", 4, 10), _integers("x", 2, 5, *tokens, 10)
    assert torch.equal(_product(layout, weight, x), F.linear(x, weight))
    assert layout.positions(x) == torch.Size(tokens).numel()


@st.composite
def convolutions(draw) -> tuple[ConvLayout, int, int]:
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    taps = kernel[0] * kernel[1]
    pair = st.tuples(st.integers(1, 2), st.integers(1, 2))
    layout = ConvLayout(
        in_channels=groups * draw(st.integers(1, 7)),
        out_channels=groups * draw(st.integers(1, 4)),
        kernel=kernel,
        stride=draw(pair),
        padding=(draw(st.integers(0, 2)), draw(st.integers(0, 2))),
        dilation=draw(pair),
        conv_groups=groups,
        tile_rows=draw(st.integers(taps, 4 * taps)),
    )
    return layout, draw(st.integers(6, 8)), draw(st.integers(6, 8))


@given(convolutions(), st.integers(1, 3), st.integers(1, 3))
def test_convolution(case: tuple[ConvLayout, int, int], instances: int, batch: int) -> None:
    layout, height, width = case
    assert layout.rows <= layout.tile_rows
    weight = _integers("w", layout.out_channels, layout.in_channels // layout.groups, *layout.kernel)
    x = _integers("x", instances, batch, layout.in_channels, height, width)

    def conv(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, weight, None, layout.stride, layout.padding, layout.dilation, layout.groups)

    expected = conv(x.flatten(0, 1)).unflatten(0, (instances, batch))
    assert torch.equal(_product(layout, weight, x), expected)
    assert torch.equal(_slow(layout, weight, x[0]).flatten(1, 2), expected[0].flatten(2))
    assert layout.positions(x) == expected.shape[-1] * expected.shape[-2]


@given(st.one_of(LINEAR.map(lambda layout: (layout, 0, 0)), convolutions()))
def test_row_sums_are_those_of_the_gathered_vectors(case: tuple[AbstractLayout, int, int]) -> None:
    layout, height, width = case
    shape = (layout.features,) if isinstance(layout, LinearLayout) else (layout.in_channels, height, width)
    x = _integers("x", 1, *shape).abs()
    assert torch.equal(layout.row_sums(x[0]), layout.gather(x).sum(2))


@given(st.one_of(LINEAR.map(lambda layout: (layout, 0, 0)), convolutions()), st.integers(1, 2), st.integers(1, 2))
def test_partials_stand_where_spread_puts_things(
    case: tuple[AbstractLayout, int, int], conditions: int, slices: int
) -> None:
    """Multiply every partial sum by a number of its own, at the layout's place and by a literal einsum."""
    layout, height, width = case
    chips, batch, phases = 2, 3, 2
    instances = conditions * chips
    g, r, k, n = layout.groups, layout.row_tiles, layout.rows, layout.columns
    shape = (layout.features,) if isinstance(layout, LinearLayout) else (layout.in_channels, height, width)
    x = _integers("x", phases, instances, batch, *shape)
    length = layout.positions(x[0])
    matrix = _integers("m", instances, g, r, slices, k, n)
    factor = _integers("f", instances, g, r, slices, n)
    phase = torch.tensor([1.0, -3.0])
    noise = _integers("z", chips, batch, phases, g, r, slices, n, length)
    partial = layout.partials(layout.arrange(matrix), x)
    layout.split_instances(partial, chips).add_(layout.spread_noise(noise))
    partial.mul_(layout.spread(factor)).mul_(layout.spread_phases(phase))
    y = layout.combine(partial, x[0])
    y = y.reshape(instances, batch, g, slices, n, length).sum(3)

    vectors = torch.stack([torch.stack([layout.gather(v) for v in p]) for p in x])  # [P, I, G, R, B L, K]
    vectors = vectors.unflatten(4, (batch, length))
    literal = torch.einsum("pigrblk,igrskn->pigrsnbl", vectors, matrix)
    literal = literal + noise.permute(2, 0, 3, 4, 5, 6, 1, 7).repeat(1, conditions, 1, 1, 1, 1, 1, 1)
    literal = torch.einsum("pigrsnbl,igrsn,p->ibgnl", literal, factor, phase)
    assert torch.equal(y, literal)


def test_a_kernel_must_fit() -> None:
    with pytest.raises(ShapeError) as error:
        ConvLayout(1, 1, (5, 5), (1, 1), (0, 0), (1, 1), 1, 24)
    assert str(error.value) == (
        "a kernel of 5 x 5 needs that many rows for one channel, but a tile has 24; "
        "use a smaller kernel or a taller tile"
    )


@pytest.mark.compile
@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (LinearLayout(20, 6, 8), (1, 2, 3, 20)),
        (ConvLayout(6, 4, (3, 3), (1, 1), (1, 1), (1, 1), 2, 18), (1, 2, 3, 6, 7, 7)),
    ],
)
def test_compiled_equals_eager(layout: AbstractLayout, shape: tuple[int, ...]) -> None:
    torch.compiler.reset()
    x = _integers("x", *shape)
    matrix = layout.arrange(_integers("m", 2, layout.groups, layout.row_tiles, 1, layout.rows, layout.columns))
    compiled = torch.compile(layout.partials, fullgraph=True)
    torch.testing.assert_close(compiled(matrix, x), layout.partials(matrix, x), rtol=1e-5, atol=1e-5)
