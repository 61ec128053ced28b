"""Published converters: fits recover what entries were made of; the table agrees with what others read from it."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.converters import (
    AdcSurvey,
    Envelope,
    Rank,
    Regression,
    SurveyEntry,
    effective_bits,
    load_adc_survey,
    load_converter,
)
from mho.core import Seed

SURVEY = load_adc_survey()


def _sndr(bits: float) -> float:
    return 6.02 * bits + 1.76


def _made(fit: Regression, n: int, seed: int) -> list[SurveyEntry]:
    """Entries whose energy and area follow a regression, with its normal errors."""
    z = Seed(seed).child("entries").normal((3, n)).double()
    bits, rate, node = 8 + 2 * z[0], 10 ** (7 + z[1]), 10 ** (-7.3 + 0.3 * z[2])
    errors = fit.sigma * Seed(seed).child("errors").normal((n,)).double()
    value = fit(bits, rate, node) * 10**errors
    return [
        SurveyEntry(float(f), float(t), float(v), float(v), _sndr(float(b)))
        for b, f, t, v in zip(bits, rate, node, value, strict=True)
    ]


LAWS = st.builds(
    Regression,
    constant=st.floats(-12, -4),
    per_bit=st.floats(0, 0.6),
    rate=st.floats(-0.5, 0.5),
    node=st.floats(-1, 2),
    sigma=st.just(0.0),
    explained=st.just(1.0),
)


@given(LAWS, st.sampled_from(["energy", "area"]), st.integers(0, 9))
def test_a_regression_recovers_the_law_of_its_entries(law: Regression, quantity: str, seed: int) -> None:
    fit = Regression.fit(_made(law, 20, seed), quantity)
    for name in ("constant", "per_bit", "rate", "node"):
        assert getattr(fit, name) == pytest.approx(getattr(law, name), abs=1e-8)
    assert fit.sigma == pytest.approx(0, abs=1e-8)


def test_a_regression_finds_the_spread_and_the_shares() -> None:
    law = Regression(-8, 0.3, 0.2, 1.0, 0.5, 0.0)
    entries = _made(law, 4000, 1)
    fit = Regression.fit(entries, "energy")
    assert fit.sigma == pytest.approx(0.5, rel=0.05)
    assert fit.per_bit == pytest.approx(0.3, abs=0.02)
    shares = [float(fit.share_below(e.energy, e.enob, e.rate, e.node)) for e in entries]
    for q in (0.1, 0.5, 0.9):
        assert sum(s < q for s in shares) / len(shares) == pytest.approx(q, abs=0.02)
    assert 0 < fit.explained < 1


def test_residuals_of_the_shipped_entries_are_those_of_least_squares() -> None:
    """They are orthogonal to every regressor, and their spread is what the fit says."""
    for quantity in ("energy", "area"):
        fit = Regression.fit(SURVEY.entries, quantity)
        residuals = torch.tensor(
            [math.log10(getattr(e, quantity) / float(fit(e.enob, e.rate, e.node))) for e in SURVEY.entries]
        ).double()
        rows = [(1.0, e.enob, math.log10(e.rate), math.log10(e.node)) for e in SURVEY.entries]
        assert (residuals @ torch.tensor(rows).double()).abs().max() < 1e-3
        assert fit.sigma == pytest.approx(float((residuals.square().sum() / 211).sqrt()), rel=1e-5)
        within = float((residuals.abs() < fit.sigma).double().mean())
        assert within == pytest.approx(0.68, abs=0.06)  # normal enough to tell percentiles


@given(st.floats(1e-17, 1e-14), st.floats(-21, -18), st.floats(6, 9))
def test_an_envelope_recovers_the_lines_of_its_entries(step: float, thermal: float, corner: float) -> None:
    """Entries on the two lines, five on each and ten times above them besides."""
    law = Envelope(step, 10**thermal, 10**corner, 0.0)
    cross = math.log2(step / 10**thermal)
    spots = [(cross - 6 - i, 1.0) for i in range(5)]
    spots += [(cross + 6 + i, f) for i in range(5) for f in (1.0, 1e6 * 10**corner)]
    entries = [
        SurveyEntry(f, 1e-8, 1e-9, scale * float(law(b, f)), _sndr(b)) for b, f in spots for scale in (1.0, 10.0)
    ]
    fit = Envelope.fit(entries)
    assert fit.step == pytest.approx(step, rel=1e-6)
    assert fit.thermal == pytest.approx(10**thermal, rel=1e-6)
    assert fit.corner == pytest.approx(10**corner, rel=1e-5)
    assert all(e.energy > 0.999 * float(fit(e.enob, e.rate)) for e in entries)


def test_the_envelopes_lie_below_almost_all_entries() -> None:
    least = SURVEY.energy_envelope
    for line in (least, least.plateau):
        ratios = [e.energy / float(line(e.enob, e.rate)) for e in SURVEY.entries]
        assert 0 < sum(r < 1 for r in ratios) <= 0.04 * len(ratios)
        assert min(ratios) > 0.4


def test_the_envelope_agrees_with_the_one_the_survey_publishes() -> None:
    """The survey's plot of figures of merit (2026, all architectures): 186.72 dB up to a corner at 46.73 MHz.

    Fast converters, where the three architectures lead, agree to half a decibel; slow ones lack the oversampling ones.
    """
    least = SURVEY.energy_envelope
    fast = least.schreier + 10 * math.log10(least.corner)
    assert fast == pytest.approx(186.723 + 10 * math.log10(46.7345e6), abs=0.5)
    assert 0.5 < 186.723 - least.schreier < 2.5


def test_slopes_of_the_area_agree_with_those_of_the_plug_in() -> None:
    """Exponents of node, rate and energy fitted to 665 entries [andrulis2024]: 0.99, 0.18, 0.30."""
    columns = [[e.node, e.rate, e.energy, e.area] for e in SURVEY.entries]
    logs = torch.tensor(columns, dtype=torch.float64).log()
    x = torch.cat([torch.ones_like(logs[:, :1]), logs[:, :3]], 1)
    slopes = torch.linalg.lstsq(x, logs[:, 3:]).solution[1:, 0].tolist()
    assert slopes == pytest.approx([0.993, 0.181, 0.299], abs=0.1)


def test_the_entries_are_whole() -> None:
    assert len(SURVEY.entries) == 215
    assert len(set(SURVEY.entries)) == 215
    for e in SURVEY.entries:
        assert 3 < e.enob < 17.5
        assert 1e3 <= e.rate <= 1e11
        assert 4e-9 <= e.node <= 1.01e-6


def test_the_baseline_of_energy_is_the_least_of_the_table() -> None:
    quoted = next(b for b in SURVEY.baselines if b.energy)
    least = min(SURVEY.entries, key=lambda e: e.energy)
    assert (least.energy, least.node) == pytest.approx((quoted.energy, quoted.node))
    assert least.enob == pytest.approx(quoted.bits, abs=1)
    assert least.enob < quoted.bits  # ten bits by name, nine by measurement


def test_the_baseline_of_area_is_of_an_architecture_outside_the_table() -> None:
    quoted = next(b for b in SURVEY.baselines if b.area)
    assert quoted.area is not None
    assert min(e.area for e in SURVEY.entries) == pytest.approx(580e-12)
    assert SURVEY.area_percentile(quoted.area, quoted.bits) == Rank(0, len(SURVEY.similar(quoted.bits)))


def test_a_rank_counts_similar_entries() -> None:
    entries = [SurveyEntry(f, 1e-8, a, e, _sndr(b)) for b, f, e, a in (
        (4.6, 1e6, 1e-12, 4e-9), (5.4, 1e8, 2e-12, 3e-9), (5.6, 1e6, 0.1e-12, 1e-9), (5, 1e7, 4e-12, 2e-9),
    )]  # fmt: skip
    survey = AdcSurvey("", entries=tuple(entries))
    assert survey.percentile(3e-12, 5) == Rank(2, 3)
    assert survey.percentile(3e-12, 5, 1e6) == Rank(1, 2)
    assert survey.area_percentile(3.5e-9, 5) == Rank(2, 3)
    assert survey.percentile(3e-12, 5).share == pytest.approx(2 / 3)
    assert math.isnan(survey.percentile(1.0, 12).share)
    with pytest.raises(ValueError, match=r"^rate must be above 0 Hz, not 0 Hz; leave it out to compare at any rate$"):
        survey.percentile(1.0, 5, 0)


def test_fits_are_differentiable() -> None:
    bits = torch.tensor([5.0, 9.0, 13.0], dtype=torch.float64, requires_grad=True)
    rate = torch.tensor([1e6, 1e8, 1e9], dtype=torch.float64, requires_grad=True)
    fit, least = SURVEY.energy_regression, SURVEY.energy_envelope
    torch.autograd.gradcheck(lambda b: fit(b, 1e7, 28e-9).log(), (bits,))
    slope = torch.autograd.grad(fit(bits, rate, 28e-9).log10().sum(), (bits, rate))
    assert slope[0].tolist() == pytest.approx([fit.per_bit] * 3)
    assert (slope[1] * rate * math.log(10)).tolist() == pytest.approx([fit.rate] * 3)
    (steep,) = torch.autograd.grad(least(bits, 0.0).log2().sum(), bits)
    assert steep.tolist() == pytest.approx([1, 1, 2])  # twice a bit, then four times
    (share,) = torch.autograd.grad(fit.share_below(1e-12, bits, 1e7, 28e-9).sum(), bits)
    assert (share < 0).all()


def test_too_few_entries_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^an envelope over the 5 best needs at least as many entries, not 2$"):
        Envelope.fit(SURVEY.entries[:2])
    with pytest.raises(ValueError, match=r"^a regression needs five or more .* these 3 do not; give more entries$"):
        Regression.fit(SURVEY.entries[:3], "energy")
    alike = [replace(e, node=28e-9) for e in SURVEY.entries]
    with pytest.raises(ValueError, match=r"these 215 do not"):
        Regression.fit(alike, "area")
    with pytest.raises(ValueError, match=r"^area of a published converter must be above 0, not 0$"):
        replace(SURVEY.entries[0], area=0)


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.5])
def test_effective_bits_of_a_converted_sine(noise: float) -> None:
    """A full-scale sine through the converter itself: SNDR of its error, in bits."""
    sar = replace(load_converter("sar-8b"), comparator_noise=noise)
    low, high = sar.codes(False)
    n = 1 << 16
    t = torch.arange(n, dtype=torch.float64)
    sine = (high - low - 6) / 2 * torch.sin(2 * torch.pi * 1021 * t / n) + (high + low) / 2
    codes = sar.quantise_(sine + noise * Seed(0).child("noise").normal((n,)), low, high)
    sndr = 10 * math.log10(float((sine - sine.mean()).square().mean() / (codes - sine).square().mean()))
    short = math.log2((high - low + 1) / (high - low - 6))
    assert (sndr - 1.76) / 6.02 + short == pytest.approx(effective_bits(sar), abs=0.03)


def test_the_shipped_converters_against_the_survey() -> None:
    """What the page on converters says."""
    for bits in range(4, 9):
        sar = load_converter(f"sar-{bits}b")
        costs = sar.costs(256)
        energy, rate = costs["convert"].energy, 1 / costs["convert"].latency
        enob = effective_bits(sar)
        assert SURVEY.percentile(energy, enob).below == 0
        assert energy > 5 * float(SURVEY.energy_envelope(enob, rate))
    cco = load_converter("cco-hermes")
    assert SURVEY.percentile(cco.costs(256)["convert"].energy, effective_bits(cco)) == Rank(6, 18)
