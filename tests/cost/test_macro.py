"""Macros in closed form: parts, scaling, batches and gradients."""

import time
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mho.cost import PRINCIPLES, ChargeLaw, Macro, load_law

MACROS = {
    "digital": Macro("digital", 22e-9, 0.72, rows=256, converters=64, weight_bits=4, input_bits=4),
    "charge": Macro("charge", 28e-9, 0.9, rows=1152, converters=256, weight_bits=1, input_bits=5, converter_bits=8),
    "static": Macro("static", 7e-9, 0.8, rows=64, converters=16, weight_bits=4, input_bits=4, converter_bits=4),
    "current": Macro("current", 22e-9, 0.8, rows=8, converters=64, weight_bits=2, input_bits=2, converter_bits=4),
}


@pytest.mark.parametrize("principle", PRINCIPLES)
def test_parts_add_up(principle: str) -> None:
    law, macro = load_law(principle), replace(MACROS[principle], processor=1.0)  # pyright: ignore[reportArgumentType]
    parts = law.energy(macro)
    assert all(float(v) > 0 for name, v in parts.items() if name != "leakage")
    assert (float(parts["leakage"]) > 0) == (principle != "current")
    total = float(sum(parts.values())) / float(macro.operations)
    assert float(law.energy_per_operation(macro)) == pytest.approx(total, rel=1e-12)
    inside = sum(float(v) for name, v in parts.items() if name not in ("leakage", "around the macros"))
    assert float(parts["around the macros"]) == pytest.approx((law.surroundings - 1) * inside)
    area = law.area(macro)
    operations = float(macro.operations) / float(law.cycle(macro))
    assert float(law.density(macro)) == pytest.approx(operations / sum(map(float, area.values())))


@pytest.mark.parametrize("principle", PRINCIPLES)
@given(supply=st.floats(0.5, 1.2), node=st.floats(3e-9, 65e-9))
def test_literal_formula(principle: str, supply: float, node: float) -> None:
    """The laws again in plain arithmetic."""
    law, m = load_law(principle), replace(MACROS[principle], supply=supply, node=node, cycle=20e-9)  # pyright: ignore[reportArgumentType]
    s, rows, w, x, b = node / 28e-9, float(m.rows), float(m.weight_bits), float(m.input_bits), float(m.converter_bits)
    charge = s**law.node_exponent * supply**2
    if principle == "digital":
        one = rows * (w + 1) * x * law.adder_capacitance * charge  # pyright: ignore[reportAttributeAccessIssue]
    else:
        cells = 64 * (rows / 64) ** (1 - law.row_exponent) * w**law.weight_exponent  # pyright: ignore[reportAttributeAccessIssue]
        one = cells * law.cell_capacitance * x**law.input_exponent * charge  # pyright: ignore[reportAttributeAccessIssue]
        one += law.converter_capacitance * b * charge  # pyright: ignore[reportAttributeAccessIssue]
    if principle == "static":
        one += rows * law.line_capacitance * charge + law.bias_current * supply * 20e-9  # pyright: ignore[reportAttributeAccessIssue]
    if principle == "current":
        one += (cells * law.cell_current + law.bias_current) * supply * 20e-9  # pyright: ignore[reportPossiblyUnboundVariable, reportAttributeAccessIssue]
    one *= law.trend ** (2021 - 2023)
    one += law.leakage_current * rows * w / max(s, 1) * supply * 20e-9
    assert float(law.energy_per_operation(m)) == pytest.approx(one / (2 * rows * w * x), rel=1e-9)


def test_bit_lines_switch_a_capacitance_of_their_own() -> None:
    """Between capacitors and bit lines only the capacitance of a cell differs."""
    law = load_law("charge")
    assert isinstance(law, ChargeLaw)
    shared, lines = (law.sum_energy(replace(MACROS["charge"], bit_lines=b)) for b in (0.0, 1.0))
    ratio = float(lines["cells and lines"] / shared["cells and lines"])
    assert ratio == pytest.approx(float(law.discharge_capacitance) / float(law.cell_capacitance))
    assert float(lines["converters"]) == float(shared["converters"])


@pytest.mark.parametrize("principle", PRINCIPLES)
def test_batch_equals_single_and_has_gradients(principle: str) -> None:
    law, macro = load_law(principle), MACROS[principle]  # pyright: ignore[reportArgumentType]
    supply = torch.tensor([0.6, 0.8, 1.0], dtype=torch.float64, requires_grad=True)
    macro = replace(macro, cycle=10e-9)
    batch = law.energy_per_operation(replace(macro, supply=supply))
    for i, v in enumerate(supply.tolist()):
        assert float(batch.detach()[i]) == pytest.approx(float(law.energy_per_operation(replace(macro, supply=v))))
    batch.sum().backward()
    assert supply.grad is not None
    assert bool((supply.grad > 0).all())
    inputs = tuple(torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.8, 22e-9, 128.0))
    torch.autograd.gradcheck(
        lambda v, n, r: law.density(replace(macro, supply=v, node=n * 1e-9, rows=r)) * 1e-18,
        (inputs[0], torch.tensor(22.0, dtype=torch.float64, requires_grad=True), inputs[2]),
    )


def test_slower_at_low_supply_and_cheaper() -> None:
    law, macro = load_law("digital"), MACROS["digital"]
    law = replace(law, leakage_current=0.0)
    low, high = replace(macro, supply=0.6), replace(macro, supply=0.9)
    assert float(law.energy_per_operation(low) / law.energy_per_operation(high)) == pytest.approx((0.6 / 0.9) ** 2)
    assert float(law.predicted_cycle(low)) > 1.5 * float(law.predicted_cycle(high))


def test_many_designs_fast() -> None:
    """1e5 designs a second on one core, energy, area and time together."""
    n = 100_000
    supply = torch.linspace(0.5, 1.1, n, dtype=torch.float64)
    rows = torch.linspace(16, 1024, n, dtype=torch.float64)
    law, macro = load_law("charge"), replace(MACROS["charge"], supply=supply, rows=rows)
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        _ = law.energy_per_operation(macro), law.density(macro)
        best = min(best, time.process_time() - start)
    assert best < 1.0
