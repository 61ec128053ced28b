"""`Row`: a published number, ours, and their ratio."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Mark = Literal["prediction", "fitted", "definition"]


@dataclass(frozen=True)
class Row:
    """One quantity. `published` may be a range; `tolerance` widens it (relative)."""

    quantity: str
    unit: str
    published: float | tuple[float, float]
    ours: float
    tolerance: float
    source: str
    mark: Mark = "prediction"
    comment: str = ""

    @property
    def ratio(self) -> float:
        """Ours over the published value (over the middle of a range); NaN if that is zero."""
        p = self.published
        middle = (p[0] + p[1]) / 2 if isinstance(p, tuple) else p
        return self.ours / middle if middle else math.nan

    @property
    def within(self) -> bool:
        """Whether ours lies in the published range, widened by the tolerance."""
        low, high = self.published if isinstance(self.published, tuple) else (self.published, self.published)
        return low - self.tolerance * abs(low) <= self.ours <= high + self.tolerance * abs(high)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        published = list(self.published) if isinstance(self.published, tuple) else self.published
        return {
            "quantity": self.quantity, "unit": self.unit, "published": published,
            "ours": self.ours, "ratio": None if math.isnan(self.ratio) else self.ratio,
            "tolerance": self.tolerance, "within": self.within, "source": self.source,
            "mark": self.mark, "comment": self.comment,
        }  # fmt: skip

    def markdown(self) -> str:
        """Return the row of a Markdown table: quantity, source, its value, ours, ratio, mark."""
        quantity, unit, published, ours, ratio, tolerance, within, mark, source = self.cells()
        verdict = f"{'yes' if within == 'yes' else '**no**'} (± {tolerance})"
        return f"| {quantity} | {unit} | {source} | {published} | {ours} | {ratio} | {verdict} | {mark} |"

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        p = self.published
        published = f"{p[0]:g}-{p[1]:g}" if isinstance(p, tuple) else f"{p:.4g}"
        within = "yes" if self.within else "no"
        return (
            self.quantity, self.unit, published, f"{self.ours:.4g}", f"{self.ratio:.3f}", f"{100 * self.tolerance:g} %",
            within,
            self.mark, self.source + (f"; {self.comment}" if self.comment else ""),
        )  # fmt: skip


@dataclass(frozen=True)
class Result:
    """A published result: what it is, and the function that recomputes it."""

    title: str
    compute: Callable[[], list[Row]]
    study: Callable[[], list[Row]] | None = None
    """The same with all that was published, where that takes hours or fills pages."""
