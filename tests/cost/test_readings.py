"""Sweeps: one setting or one a value."""

import pytest

from mho.cost import Operation, Sweep

NOMINAL = Operation(supply=0.8, input_bits=4)


def test_settings_are_broadcast_and_the_rest_is_nominal() -> None:
    sweep = Sweep(
        figure="TOPS/W", value=(5.0, 4.0), where="Fig. 1", supply=(0.7, 0.9), weight_bits=(2,), fitted=(True, False)
    )
    first, second = sweep.readings(NOMINAL)
    assert (first.value, first.at, first.fitted) == (5.0, Operation(supply=0.7, input_bits=4, weight_bits=2), True)
    assert (second.value, second.at, second.fitted) == (
        4.0, Operation(supply=0.9, input_bits=4, weight_bits=2), False,
    )  # fmt: skip
    assert [r.fitted for r in Sweep(figure="pJ", value=(1.0, 2.0), where="x", fitted=True).readings(NOMINAL)] == [
        True
    ] * 2


def test_wrong_sweeps_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^supply must be one setting or 3, one a value, not 2$"):
        Sweep(figure="TOPS", value=(1, 2, 3), where="Fig. 1", supply=(0.7, 0.8))
    with pytest.raises(ValueError, match=r"^fitted must be one setting or 3, one a value, not 0$"):
        Sweep(figure="TOPS", value=(1, 2, 3), where="Fig. 1", fitted=())
    with pytest.raises(ValueError, match=r"^a sweep needs values above 0; Fig. 1 has \[1, 0\]$"):
        Sweep(figure="TOPS", value=(1, 0), where="Fig. 1")
    with pytest.raises(ValueError, match=r"^a sweep needs values above 0; Fig. 1 has \[\]$"):
        Sweep(figure="TOPS", value=(), where="Fig. 1")
