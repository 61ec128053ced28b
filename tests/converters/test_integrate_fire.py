"""The integrate-and-fire converter: whole spikes, dead time, rectifying."""

from dataclasses import replace

import torch

from mho.converters import (
    IntegrateFire,
    load_converter,
)


def test_spikes_are_whole_and_have_a_sign() -> None:
    converter = replace(load_converter("integrate-fire-8b"), dead_time=0.0)
    assert isinstance(converter, IntegrateFire)
    signal = torch.tensor([-2.9, -1.0, -0.4, 0.0, 0.4, 1.0, 2.9, 300.0])
    assert converter.quantise_(signal.clone(), -127.0, 127.0).tolist() == [-2, -1, 0, 0, 0, 1, 2, 127]
    rectifying = replace(converter, rectifying=True)
    low, high = rectifying.codes(True)
    assert rectifying.quantise_(signal.clone(), low, high).tolist() == [0, 0, 0, 0, 0, 1, 2, 127]
    fit = rectifying.calibrate(rectifying.errors({n: torch.zeros(3) for n in ("gain", "offset")}), low, high)
    assert float((fit.gain - 1).abs().max()) < 0.02


def test_dead_time_loses_what_comes_during_it() -> None:
    """An integrator simulated in small steps fires as often as the converter says."""
    converter = replace(load_converter("integrate-fire-8b"), dead_time=2e-9)
    window, lost = converter.window, converter.dead_time
    profile = converter.profile(None)
    full = 256 / (1 - 256 * lost / window)  # rate without dead time that gives 256 spikes with it
    for share in (0.1, 0.37, 0.8):
        rate = share * full / window
        spikes, charge, dead = 0, 0.0, 0.0
        steps = 400_000
        for _ in range(steps):
            if dead > 0:
                dead -= window / steps
                continue
            charge += rate * window / steps
            if charge >= 1:
                spikes, charge, dead = spikes + 1, 0.0, lost
        ours = converter.quantise_(torch.tensor([share * 256]), 0.0, 255.0, profile)
        assert abs(float(ours) - spikes) <= 1
