"""Weight encodings: ideal cells give every weight back."""

import pytest
import torch

from mho.tiles import AbstractWeightEncoding, BitSliced, Differential, OffsetColumn

ENCODINGS = [Differential(b, k, s) for b in (2, 5, 8) for k in (1, 2, 4, 8) for s in (False, True)]
ENCODINGS += [BitSliced(b, c) for b in (2, 4, 8) for c in range(1, b)]
ENCODINGS += [OffsetColumn(b) for b in (2, 5, 8)]


def _all(encoding: AbstractWeightEncoding) -> torch.Tensor:
    low, high = encoding.weight_range
    return torch.arange(low, high + 1, dtype=torch.float32).reshape(1, -1)


def _recombine(encoding: AbstractWeightEncoding, digits: torch.Tensor) -> torch.Tensor:
    value = torch.einsum("s,...srn->...rn", torch.tensor(encoding.significance), digits)
    return value[..., :-1] - value[..., -1:] if encoding.reference_column else value


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_every_weight_is_recovered(encoding: AbstractWeightEncoding) -> None:
    w = _all(encoding)
    states = encoding.targets(w)
    assert float(states.min()) >= 0
    assert float(states.max()) <= 1
    torch.testing.assert_close(_recombine(encoding, encoding.digits(states)), w, rtol=1e-6, atol=1e-5)
    assert states.shape[0] * states.shape[-3] == encoding.cells_per_weight
    assert encoding.digits(states).shape[-3] == len(encoding.significance)


def test_bit_slices_are_exact_for_all_256_weights() -> None:
    for bits_per_cell in range(1, 8):
        encoding = BitSliced(8, bits_per_cell)
        w = _all(encoding)
        assert w.numel() == 256
        assert torch.equal(_recombine(encoding, encoding.digits(encoding.targets(w)).round()), w)


def test_bit_slices_are_twos_complement() -> None:
    targets = BitSliced(4, 1).targets(torch.tensor([[-8.0, -1.0, 5.0]]))[0, :, 0]
    assert targets.T.tolist() == [[0, 0, 0, 1], [1, 1, 1, 1], [1, 0, 1, 0]]
    assert BitSliced(8, 3).significance == (1.0, 8.0, 64.0, -128.0)


def test_one_side_of_a_pair_is_at_zero() -> None:
    plus, minus = Differential(8).targets(torch.tensor([[-127.0, -1.0, 0.0, 64.0]]))[:, 0, 0]
    assert plus.tolist() == pytest.approx([0, 0, 0, 64 / 127])
    assert minus.tolist() == pytest.approx([1, 1 / 127, 0, 0])


@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize("devices", [1, 2, 4, 8])
def test_devices_of_a_side_are_averaged(devices: int, separate: bool) -> None:
    encoding = Differential(8, devices, separate)
    states = encoding.targets(torch.full((3, 5), 127.0)).clone()
    states += torch.arange(float(states.shape[0])).reshape(-1, 1, 1, 1) * 0.01
    plus = 1 + 0.01 * (devices - 1) / 2
    if separate:
        expected = torch.tensor([plus, plus - 1]) * 127
    else:
        expected = torch.tensor([(plus - 0.01 * (devices + (devices - 1) / 2)) * 127])
    torch.testing.assert_close(encoding.digits(states)[:, 0, 0], expected, rtol=1e-5, atol=1e-4)


def test_the_reference_column_is_last_and_half_way() -> None:
    encoding = OffsetColumn(8)
    digits = encoding.digits(encoding.targets(torch.tensor([[-127.0, 0.0, 127.0]])))
    torch.testing.assert_close(digits[0], torch.tensor([[1.0, 128.0, 255.0, 128.0]]))
    assert encoding.reference_column
    assert encoding.weight_range == (-127, 127)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_leading_dimensions(encoding: AbstractWeightEncoding) -> None:
    low, high = encoding.weight_range
    w = torch.randint(low, high + 1, (2, 3, 4, 5), generator=torch.Generator().manual_seed(0)).float()
    whole = encoding.digits(encoding.targets(w))
    for i in range(2):
        for j in range(3):
            assert torch.equal(whole[i, j], encoding.digits(encoding.targets(w[i, j])))


def test_what_is_signed() -> None:
    assert not Differential(8).unsigned
    assert Differential(8, separate=True).unsigned
    assert BitSliced(8).unsigned
    assert OffsetColumn(8).unsigned
    assert [e.resolution for e in (Differential(8), BitSliced(8), OffsetColumn(8))] == [8, 8, 8]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Differential(1), "weights have 2 to 12 bits, not 1"),
        (lambda: OffsetColumn(13), "weights have 2 to 12 bits, not 13"),
        (lambda: Differential(8, 0), "a side of a pair has at least one device, not 0"),
        (lambda: BitSliced(8, 8), "a cell holds 1 to 7 bits, not 8"),
        (lambda: BitSliced(8, 0), "a cell holds 1 to 7 bits, not 0"),
    ],
)
def test_wrong_values(make, message: str) -> None:
    with pytest.raises(ValueError, match="not") as error:
        make()
    assert str(error.value) == message
