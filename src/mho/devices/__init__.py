"""Memory cells: how a conductance is written, and what time and reading do to it."""

from mho.core import Loader, Room

from ._base import AbstractCell as AbstractCell
from ._curves import AbstractCurve as AbstractCurve
from ._curves import LogCurve as LogCurve
from ._curves import PowerCurve as PowerCurve
from ._curves import polynomial as polynomial
from ._pcm import Pcm as Pcm
from ._rram import RelaxationPoint as RelaxationPoint
from ._rram import RramCmo as RramCmo
from ._rram import RramRelaxation as RramRelaxation
from ._sram import Sram as Sram

ROOMS = (
    Room(
        AbstractCell,
        {"Pcm": Pcm, "RramRelaxation": RramRelaxation, "RramCmo": RramCmo, "Sram": Sram},
        "devices",
    ),
    Room(AbstractCurve, {"LogCurve": LogCurve, "PowerCurve": PowerCurve}),
)


def load_cell(name_or_path: str) -> AbstractCell:
    """Load a memory cell: a preset name such as `"pcm"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractCell, name_or_path)
