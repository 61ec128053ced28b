"""Converters inside published chips, beside ours carried to their node, supply and rate; nothing fitted on them."""

from __future__ import annotations

from mho.converters import AbstractConverter, IntegrateFire, load_converter
from mho.digital import load_technology
from mho.tiles import carried

from ._row import Result, Row


def _made_for(name: str, node: float, supply: float | None, rate: float = 0.0) -> AbstractConverter:
    """Return a converter at another node, supply and rate."""
    table = load_technology()
    converter = carried(load_converter(name), node, supply, table)
    return converter.at_rate(rate, table.analog.rate_corner) if rate else converter


def _compute() -> list[Row]:
    rows: list[Row] = []

    def row(title: str, source: str, ours: tuple[float, float], energy: float, area: float, comment: str = "") -> None:
        if energy:
            rows.append(Row(f"{title}: energy", "pJ", energy, 1e12 * ours[0], 0.5, source, comment=comment))
        if area:
            rows.append(Row(f"{title}: area", "um2", area, 1e12 * ours[1], 0.5, source, comment=comment))

    def conversion(converter: AbstractConverter) -> tuple[float, float]:
        costs = converter.costs(256)
        return costs["convert"].energy, costs["part"].area

    jia, wang = "[jia2020], 65 nm SAR, 8 bits", "[wang2022], 22 nm SAR, 8 bits, 1.0 V"
    row("Jia, 0.85 V", jia, conversion(_made_for("sar-8b", 65e-9, 0.85)), 1.79, 1941)
    row("Jia, 1.2 V", jia, conversion(_made_for("sar-8b", 65e-9, 1.2)), 3.56, 0)
    row("Wang", wang, conversion(_made_for("sar-8b", 22e-9, 1.0)), 2.66, 1008)
    row(
        "ISAAC",
        "[isaac2016], 32 nm, 8 bits, 1.28 GS/s",
        conversion(_made_for("sar-8b", 32e-9, None, 1.28e9)),
        1.67,
        1200,
    )
    forms = conversion(_made_for("sar-4b", 32e-9, None, 2.1e9))
    row("FORMS", "[forms2021], 32 nm, 4 bits, 2.1 GS/s", forms, 0.226, 284)
    newton = conversion(_made_for("sar-9b", 32e-9, None, 1.28e9))
    row("Newton", "[newton2018], 32 nm, 9 bits, 1.28 GS/s", newton, 2.58, 1500)
    neuron = _made_for("integrate-fire-8b", 130e-9, 1.8)
    assert isinstance(neuron, IntegrateFire)
    row(
        "NeuRRAM, one step", "[wan2022], 130 nm neuron, 1.8 V", (neuron.spike_energy, neuron.area), 0.3, 400,
        "as the library of [cimloop2024] has it; ours is integrator and comparator, without a counter",
    )  # fmt: skip
    sar, fire = (load_converter(name).costs(256)["part"].area for name in ("sar-8b", "integrate-fire-8b"))
    rows.append(
        Row("Yan, converter over its spiking read-out: area", "ratio", 43.7, sar / fire, 0.5,
            "[yan2019]; which converter it was compared with is not in its abstract",
            comment="SAR of 8 bits, both presets of 28 nm; the area of the read-out is assumed")
    )  # fmt: skip
    time = conversion(_made_for("voltage-to-time-8b", 65e-9, None))
    row("TIMELY", "[timely2020], 65 nm time-to-digital, 8 bits", time, 0.145, 310, "theirs shares ramps and clocks")
    return rows


RESULT = Result("Converters inside chips, uncalibrated", _compute)
