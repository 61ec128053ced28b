"""The error family: every error a user can cause is one sentence and a subclass of `MhoError`.

The sentence says what must hold, what was given and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MhoError(Exception):
    """The base of all errors that a user can cause and repair."""


class SpecError(MhoError):
    """A specification file or value is wrong; lists every problem of the file at once."""

    def __init__(self, problems: list[str], *, where: str = "") -> None:
        self.problems = tuple(problems)
        head = f"{where}: " if where else ""
        body = problems[0] if len(problems) == 1 else "".join(f"\n  - {p}" for p in problems)
        super().__init__(head + body)


class ShapeError(MhoError):
    """A tensor has the wrong shape."""


class UnsupportedOpError(MhoError):
    """A network holds an operator that neither a tile nor the digital unit can run."""


class CapacityError(MhoError):
    """A network does not fit the chip; says need and have."""


class FileError(MhoError):
    """A file is missing, foreign, damaged or of another version."""


class ConvergenceError(MhoError):
    """An iterative solution did not reach its tolerance."""


class SimulatorError(MhoError):
    """An external simulator is missing or failed."""


class RangeWarning(UserWarning):
    """A model was asked outside the range in which its source is valid."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Say the allowed names and the nearest one: `"did you mean 'a'? (allowed: a, b)"`."""
    names = sorted(allowed)
    lower = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    hint = f"did you mean {lower[close[0]]!r}? " if close else ""
    return f"{hint}(allowed: {', '.join(names)})"
