"""Named streams: reproducible, distinct, and the same for any chunking of instances."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.core import Seed, normal_per_instance

NAMES = st.one_of(st.integers(0, 50), st.text(alphabet="ab/:1", max_size=4))


@pytest.mark.parametrize(
    ("seed", "value", "draws"),
    [
        (Seed(0), 4761921975702974394, [-0.18873551487922668, -0.9870153665542603, -0.40588685870170593]),
        (Seed(1).child("chip", 3), 8008181766026488686, [1.479888916015625, -0.3233925700187683, -1.0456395149230957]),
        (
            Seed(0).child("chip", 0, "layer4.conv1", "program"),
            5552301420609537021,
            [-2.079009771347046, -0.43862318992614746, 1.0006039142608643],
        ),
    ],
)
def test_golden_values(seed: Seed, value: int, draws: list[float]) -> None:
    """These change only if every published number of ours is to change with them."""
    assert seed.value() == value
    assert seed.normal((3,)).tolist() == pytest.approx(draws, abs=0)


def test_paths_are_unambiguous() -> None:
    root = Seed(0)
    paths = [
        ("1",),
        (1,),
        ("ab", "c"),
        ("a", "bc"),
        ("abc",),
        ("a/b",),
        ("a", "b"),
        ("str:1:a",),
        ("a", 1),
        ("a", "1"),
        (),
    ]
    assert len({root.child(*p).value() for p in paths}) == len(paths)


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3))
def test_different_paths_have_different_streams(a: list[str | int], b: list[str | int]) -> None:
    same = [(type(x), x) for x in a] == [(type(x), x) for x in b]
    assert (Seed(7).child(*a).value() == Seed(7).child(*b).value()) == same


@given(st.lists(NAMES, max_size=4), st.integers(0, 4))
def test_child_composes(names: list[str | int], cut: int) -> None:
    assert Seed(3).child(*names) == Seed(3).child(*names[:cut]).child(*names[cut:])


def test_roots_differ_and_values_fit_a_generator() -> None:
    values = [Seed(i).value() for i in range(1000)]
    assert len(set(values)) == 1000
    assert all(0 <= v < 2**63 for v in values)


@pytest.mark.parametrize("shape", [(3,), (1000,), (5, 7), ()])
def test_instances_do_not_depend_on_the_chunks(shape: tuple[int, ...]) -> None:
    seeds = [Seed(0).child("chip", i) for i in range(8)]
    whole = normal_per_instance(seeds, shape)
    for size in (1, 3, 4):
        chunks = [normal_per_instance(seeds[i : i + size], shape) for i in range(0, 8, size)]
        assert torch.equal(torch.cat(chunks), whole)
    assert torch.equal(normal_per_instance(seeds[::-1], shape).flip(0), whole)
    assert torch.equal(whole[5], seeds[5].normal(shape))


def test_draws_ignore_and_leave_the_global_generator() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = Seed(0).normal((4,))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(Seed(0).normal((4,)), first)


def test_draws_are_standard_normal_float32_whatever_the_default() -> None:
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        z = Seed(0).normal((200_000,))
    finally:
        torch.set_default_dtype(default)
    assert z.dtype == torch.float32
    assert abs(float(z.mean())) < 4 / 200_000**0.5
    assert abs(float(z.std()) - 1) < 4 / (2 * 200_000) ** 0.5


def test_neighbouring_streams_are_uncorrelated() -> None:
    z = normal_per_instance([Seed(0).child("chip", i) for i in range(40)], (2000,))
    correlation = torch.corrcoef(z) - torch.eye(40)
    assert float(correlation.abs().max()) < 5 / 2000**0.5
