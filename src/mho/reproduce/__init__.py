"""Published results recomputed: one module each."""

from mho.core import FileError, nearest

from . import (
    _adaptive_adc,
    _calibrated_silicon,
    _chips,
    _converter_silicon,
    _converter_types,
    _hermes_chip,
    _ibm_tiles,
    _ir_drop,
    _lpar,
    _mram_resistance_sum,
    _neurosim_vgg8,
    _nonidealities,
    _pcm_statistics,
    _redundancy,
    _relaxation,
    _retention_temperature,
    _scaling,
    _six_principles,
    _small_llm,
    _sw_2t2r,
    _systems,
)
from ._row import Result as Result
from ._row import Row as Row

RESULTS: dict[str, Result] = {
    "ibm-tiles": _ibm_tiles.RESULT,
    "hermes-chip": _hermes_chip.RESULT,
    "pcm-statistics": _pcm_statistics.RESULT,
    "six-principles": _six_principles.RESULT,
    "ir-drop": _ir_drop.RESULT,
    "nonidealities": _nonidealities.RESULT,
    "redundancy": _redundancy.RESULT,
    "relaxation": _relaxation.RESULT,
    "retention-temperature": _retention_temperature.RESULT,
    "sw-2t2r": _sw_2t2r.RESULT,
    "adaptive-adc": _adaptive_adc.RESULT,
    "mram-resistance-sum": _mram_resistance_sum.RESULT,
    "chips": _chips.RESULT,
    "calibrated-silicon": _calibrated_silicon.RESULT,
    "neurosim-vgg8": _neurosim_vgg8.RESULT,
    "small-llm": _small_llm.RESULT,
    "scaling": _scaling.RESULT,
    "lpar": _lpar.RESULT,
    "converter-types": _converter_types.RESULT,
    "converter-silicon": _converter_silicon.RESULT,
    "systems": _systems.RESULT,
}
"""By name, what can be reproduced."""


def reproduce(name: str, full: bool = False) -> list[Row]:
    """Recompute a published result, or the `full` study of it.

    Raises:
        FileError: if there is no result, or no longer study, of that name.
    """
    if name not in RESULTS:
        raise FileError(f"no result is called {name!r}; {nearest(name, RESULTS)}")
    result = RESULTS[name]
    if full and result.study is None:
        have = ", ".join(key for key, other in RESULTS.items() if other.study is not None)
        raise FileError(f"{name} has no longer study than it computes anyway; leave --full out, or take {have}")
    return result.study() if full and result.study is not None else result.compute()
