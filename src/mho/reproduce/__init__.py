"""Published results recomputed: one module each."""

from mho.core import FileError, nearest

from . import _hermes_chip, _ibm_tiles, _pcm_statistics
from ._row import Result as Result
from ._row import Row as Row

RESULTS: dict[str, Result] = {
    "ibm-tiles": _ibm_tiles.RESULT,
    "hermes-chip": _hermes_chip.RESULT,
    "pcm-statistics": _pcm_statistics.RESULT,
}
"""By name, what can be reproduced."""


def reproduce(name: str) -> list[Row]:
    """Recompute a published result."""
    if name not in RESULTS:
        raise FileError(f"no result is called {name!r}; {nearest(name, RESULTS)}")
    return RESULTS[name].compute()
