"""The look that all figures have in common, and how they leave the program: as SVG in a page, or as a file."""

from __future__ import annotations

import functools
import html
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mho.core import FileError, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, PAPER, GRID = "#1d2733", "#ffffff", "#e3e8ee"
SERIES = ("#1f6f8b", "#d1603d", "#6a4c93", "#3a7d44", "#b8860b", "#7a8288")
MARKS = "osD^v"
"""Of points, where colours come again."""


_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mho",  # same figure, same bytes
    "font.size": 10,
    "font.family": "sans-serif",
    "text.parse_math": False,  # a dollar in a name is a dollar
}
_P = ParamSpec("_P")
_R = TypeVar("_R")


def styled(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Draw in our style and leave the user's own settings of matplotlib alone."""

    @functools.wraps(draw)
    def inner(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        import matplotlib

        with matplotlib.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return inner


def new_figure(width: float = 6.2, height: float = 3.6) -> tuple[Figure, Axes]:
    """Return a figure of one panel, in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=PAPER)
    axes = figure.add_subplot()
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """Give a panel its spines, ticks and grid."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#aab4bf")
    axes.tick_params(which="both", colors=INK, length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def add_legend(axes: Axes, place: Any, columns: int) -> None:
    """Put the legend outside of the panel, where there is anything to tell apart."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.figure.legend(handles, labels, loc=place, ncols=columns, frameon=False, fontsize=9)


def shown(name: str) -> str:
    """Return a label as matplotlib shows it: underscored ones it would keep out of the legend."""
    return f" {name}" if name.startswith("_") else name


@styled
def svg(figure: Figure, label: str) -> str:
    """Return a figure as an SVG element that scales with the page, with a label for screen readers."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)


def picture_kind(file: Path) -> str:
    """Return `svg`, `png` or `pdf`, by the ending of a file.

    Raises:
        FileError: if the ending is none of these.
    """
    kind = file.suffix.lower().removeprefix(".")
    if kind not in ("svg", "png", "pdf"):
        raise FileError(f"a picture must end with .svg, .png or .pdf, not {file.name!r}")
    return kind


@styled
def save_figure(figure: Figure, file: Path) -> None:
    """Write a figure as .svg, .png or .pdf, whole or not at all.

    Raises:
        FileError: if the ending is none of these.
    """
    kind = picture_kind(file)
    out = io.BytesIO()
    metadata = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    figure.savefig(out, format=kind, metadata=metadata, dpi=150)
    write_atomically(file, out.getvalue())
