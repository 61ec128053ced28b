"""Converters at other nodes, supplies and rates."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mho.converters
from mho.converters import AbstractConverter, Sar, load_converter
from mho.converters._base import thermal_floor
from mho.core import Scaling, SpecError

NAMES = sorted(p.stem for p in (Path(mho.converters.__file__).parents[1] / "data" / "converters").glob("*.toml"))


def _to(**changes: float) -> Scaling:
    ones = {f.name: 1.0 for f in fields(Scaling)} | {"old": 28e-9, "new": 28e-9, "supply": 0.9, "access_floor": 0.0}
    return Scaling(**(ones | changes))


def _from(converter: AbstractConverter, **changes: float) -> Scaling:
    """From its own node to the same."""
    node = converter.node or 28e-9
    return _to(**({"old": node, "new": node} | changes))


@pytest.mark.parametrize("name", NAMES)
def test_every_converter_scales(name: str) -> None:
    """Nothing changes where nothing does; energy and area follow their ratios, between those of gates and of analog."""
    converter = load_converter(name)
    assert converter.scaled(_from(converter)) == converter
    before = converter.costs(64)
    half = converter.scaled(_from(converter, capacitance=0.4, analog_capacitance=0.7, area=0.3, analog_area=0.6)).costs(
        64
    )
    assert 0.4 * before["convert"].energy <= half["convert"].energy <= before["convert"].energy
    assert 0.3 * before["part"].area <= half["part"].area * (1 + 1e-9) <= 0.6 * before["part"].area * (1 + 2e-9)
    assert half["convert"].latency == pytest.approx(before["convert"].latency)


@pytest.mark.parametrize("name", NAMES)
def test_a_lower_supply_takes_less(name: str) -> None:
    converter = load_converter(name)
    before, after = (
        converter.costs(64)["convert"].energy,
        converter.scaled(_from(converter, voltage=0.8)).costs(64)["convert"].energy,
    )
    assert 0.64 * before * (1 - 1e-9) <= after <= 0.8 * before * (1 + 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_no_conversion_takes_less_than_noise_asks_for(name: str) -> None:
    converter = load_converter(name)
    nothing = converter.scaled(_from(converter, capacitance=1e-9, analog_capacitance=1e-9))
    energy = nothing.costs(64)["convert"].energy
    assert energy >= thermal_floor(nothing.resolution) * (1 - 1e-9)


def test_thermal_floor() -> None:
    """3.3 fJ at 8 bits, four times as much for each bit more."""
    assert thermal_floor(8) == pytest.approx(3.3e-15, rel=0.02)
    assert thermal_floor(9) == pytest.approx(4 * thermal_floor(8))


def test_sar_by_hand() -> None:
    """k1 follows the node, k2 does not."""
    sar = load_converter("sar-8b")
    assert isinstance(sar, Sar)
    to = _to(analog_capacitance=2.0, voltage=1.5, analog_area=3.0, delay=4.0)
    k1, k2, volt = 8 * 100e-15, 4**8 * 1e-18, 0.9
    costs = sar.scaled(to).costs(256)
    assert costs["convert"].energy == pytest.approx((2 * k1 + k2) * (1.5 * volt) ** 2)
    assert costs["part"].area == pytest.approx(3 * sar.costs(256)["part"].area)
    assert costs["convert"].latency == pytest.approx(4 * sar.costs(256)["convert"].latency)


@given(st.floats(1e3, 1e11))
def test_faster_than_the_corner(rate: float) -> None:
    """k2 of a SAR grows as the bend does from the rate of the file, and never falls."""
    sar = load_converter("sar-8b")
    assert isinstance(sar, Sar)
    fast = sar.at_rate(rate, 79e6)
    extra = fast.costs(256)["convert"].energy - 8 * 100e-15 * 0.81
    grown = max(1.0, ((1 + (rate / 79e6) ** 2) / (1 + (sar.rate(256) / 79e6) ** 2)) ** 0.5)
    assert extra == pytest.approx(4**8 * 1e-18 * 0.81 * grown, rel=1e-6)
    assert fast.costs(7)["convert"].latency == pytest.approx(1 / rate)


@pytest.mark.parametrize("name", NAMES)
@given(st.floats(1e3, 1e10))
def test_nothing_is_cheaper_for_being_slow(name: str, rate: float) -> None:
    """At the corner of the survey: at most the energy that it had if slower, at least that if faster; and no less than
    noise asks for.
    """
    converter = load_converter(name)
    own = converter.costs(256)["convert"].energy
    other = converter.at_rate(rate, 79e6).costs(256)["convert"].energy
    assert other >= own * (1 - 1e-9)
    if rate <= converter.rate(256):
        assert other == pytest.approx(own)
    assert converter.at_rate(converter.rate(256), 79e6).costs(256)["convert"].energy == pytest.approx(own)


@pytest.mark.parametrize("name", NAMES)
@given(st.floats(1e3, 1e7), st.floats(1.01, 30))
def test_every_converter_can_be_made_faster(name: str, rate: float, factor: float) -> None:
    """It converts as often as asked; far below the corner for the same energy, beyond it for more; area stays."""
    converter, corner = load_converter(name), 1e12
    slow, fast = converter.at_rate(rate, corner), converter.at_rate(rate * factor, corner)
    assert slow.rate(256) == pytest.approx(rate, rel=1e-6)
    assert fast.rate(256) == pytest.approx(rate * factor, rel=1e-6)
    assert fast.costs(256)["convert"].energy == pytest.approx(slow.costs(256)["convert"].energy, rel=1e-4)
    assert fast.costs(256)["part"].area == pytest.approx(converter.costs(256)["part"].area)
    if {"analog_energy", "analog_power"} & set(converter.scales.values()) or isinstance(converter, Sar):
        beyond = converter.at_rate(1e3 * factor * corner, corner).costs(256)["convert"].energy
        assert beyond > 1.01 * slow.costs(256)["convert"].energy


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith(("sar", "memristive"))])
def test_rate_beyond_the_corner(name: str) -> None:
    """Energy of analog parts grows with the bend; that of gates does not, so all of it grows by no more."""
    converter, corner = load_converter(name).at_rate(1e3, 1e6), 1e6
    own = converter.costs(64)["convert"].energy
    bent = (1 + 100**2) ** 0.5
    found = converter.at_rate(100 * corner, corner).costs(64)["convert"].energy
    gates = {f: 0.0 for f, ratio in converter.scales.items() if ratio == "energy"}
    analog = replace(converter, **gates).costs(64)["convert"].energy
    assert found == pytest.approx(own + analog * (bent - 1), rel=1e-3)


@pytest.mark.parametrize("name", ["ramp", "voltage-to-time", "integrate-fire", "cco", "sense-voltage", "sense-current"])
def test_counters_take_area_with_every_bit(name: str) -> None:
    """A register of the code, and for a ramp the capacitors of its steps among the columns on it."""
    few, more = (load_converter(f"{name}-{b}b") for b in (5, 6))
    grown = more.costs(64)["part"].area - few.costs(64)["part"].area
    steps = 32 * 7.8125e-12 / 256 if name == "ramp" else 0.0
    assert grown == pytest.approx(getattr(few, "bit_area") + steps)  # noqa: B009
    assert grown > 0


def test_errors() -> None:
    sar = load_converter("sar-8b")
    assert isinstance(sar, Sar)
    with pytest.raises(SpecError, match=r"^rate and corner must be above 0 Hz, not 0 and 1e\+06 Hz$"):
        sar.at_rate(0.0, 1e6)

    with pytest.raises(SpecError, match=r"^a conversion must take some time before it can be made faster or slower; g"):
        replace(sar, delay=(0.0, 0.0)).at_rate(1e6, 1e6)
    with pytest.raises(
        SpecError, match=r"^node: a converter of 28 nm must be scaled from there, not from 14 nm; see `c"
    ):
        sar.scaled(_to(old=14e-9, new=7e-9))

    class Mute(type(load_converter("flash-3b"))):  # type: ignore[misc]
        @property
        def scales(self) -> dict[str, str]:
            return {}

    flash = load_converter("flash-3b")
    still = type("Still", (Mute,), {"speeds": {}})
    with pytest.raises(SpecError, match=r"^Still does not say what makes it faster; give it `speeds`$"):
        still(**{f.name: getattr(flash, f.name) for f in fields(flash)}).at_rate(1e6, 1e6)
    mute: AbstractConverter = Mute(  # pyright: ignore[reportAbstractUsage]
        **{f.name: getattr(flash, f.name) for f in fields(flash)}
    )
    with pytest.raises(SpecError, match=r"^Mute does not say how it follows the technology; give it `scales`$"):
        mute.scaled(_to())
    assert replace(flash, bits=3).scaled(_to()) == flash


def test_more_bits_of_a_kind() -> None:
    """One that idled uses all its capacitors, and noise has its due where bits are many."""
    sar = load_converter("sar-8b")
    assert sar.at_bits(4).with_bits(8) == replace(sar, comparator_noise=sar.noise / 16, offset_sigma=0.5 / 16)
    many = load_converter("pipeline-14b")
    assert many.costs(64)["convert"].energy == pytest.approx(thermal_floor(14))
