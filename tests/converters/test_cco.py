"""The oscillator converter: it counts whole periods, is trimmed, then corrected."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mho.converters import Cco, load_converter
from mho.core import Seed

N = 100_000


def _draws(count: int) -> dict[str, torch.Tensor]:
    return {name: Seed(0).child(name).normal((count,)) for name in ("gain", "offset")}


def test_it_counts_whole_periods() -> None:
    cco = load_converter("cco-hermes")
    signal = torch.linspace(-300, 300, 6001, dtype=torch.float64)
    codes = cco.quantise_(signal.clone(), -127, 127)
    np.testing.assert_array_equal(codes.numpy(), np.clip(np.floor(signal.numpy()), -127, 127))
    assert cco.quantise_(torch.tensor([0.999, 1.0, -0.001]), -127, 127).tolist() == [0.0, 1.0, -1.0]


def test_gain_spread_as_made_trimmed_and_corrected() -> None:
    """21 % as made, about 7.09 % after the on-chip trim, under 1 % after digital correction."""
    cco = load_converter("cco-hermes")
    made = replace(cco, trim_step=0.0).errors(_draws(N))
    trimmed = cco.errors(_draws(N))
    assert float(made.gain.std()) == pytest.approx(0.21, rel=0.01)
    assert float(trimmed.gain.std()) == pytest.approx(0.0709, rel=0.01)
    assert float((trimmed.gain - 1).abs().max()) <= cco.trim_step / 2 + 1e-6
    some = cco.errors(_draws(2000))
    corrected = some.gain / cco.calibrate(some, *cco.codes(True)).gain
    assert float((corrected - 1).abs().max()) < 0.01


def test_offset_and_noise_are_in_lsb() -> None:
    cco = load_converter("cco-hermes")
    assert float(cco.errors(_draws(N)).offset.std()) == pytest.approx(cco.offset_sigma, rel=0.01)
    assert (cco.resolution, cco.noise, cco.concurrent) == (8, 0.3, True)


def test_cost_is_counts_times_energy_of_a_count() -> None:
    cco = load_converter("cco-hermes")
    counts = cco.f_max * cco.window
    assert counts == pytest.approx(422.4)
    costs = cco.costs(256)
    assert costs["convert"].energy == pytest.approx(cco.mean_count * counts * cco.count_energy, rel=1e-12)
    assert costs["convert"].latency == 0.0
    assert costs["part"].area == pytest.approx(940e-12)
    assert cco.costs(64) == costs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits": 0}, "Cco converters have 1 to 16 bits, not 0"),
        ({"bits": 17}, "Cco converters have 1 to 16 bits, not 17"),
        ({"bits": 10}, "10 bits need at least 512 periods in the window, but f_max * window is 422; raise one of them"),
        (
            {"window": 1e-9},
            "8 bits need at least 128 periods in the window, but f_max * window is 3; raise one of them",
        ),
    ],
)
def test_wrong_values(changes: dict[str, float], message: str) -> None:
    cco = load_converter("cco-hermes")
    assert isinstance(cco, Cco)
    with pytest.raises(ValueError, match=r"Cco|periods") as error:
        replace(cco, **changes)
    assert str(error.value) == message
