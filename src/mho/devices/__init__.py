"""Memory cells: how a conductance is written, and what time and reading do to it."""

from mho.core import Loader, Room

from ._base import AbstractCell as AbstractCell
from ._curves import AbstractCurve as AbstractCurve
from ._curves import LogCurve as LogCurve
from ._curves import PowerCurve as PowerCurve
from ._curves import polynomial as polynomial
from ._dram import Dram as Dram
from ._faulty import Faulty as Faulty
from ._fefet import FeFet as FeFet
from ._flash import NorFlash as NorFlash
from ._mram import Mram as Mram
from ._pcm import Pcm as Pcm
from ._rram import RelaxationPoint as RelaxationPoint
from ._rram import RramCmo as RramCmo
from ._rram import RramRelaxation as RramRelaxation
from ._sram import Sram as Sram
from ._thermal import Thermal as Thermal

ROOMS = (
    Room(
        AbstractCell,
        {
            "Dram": Dram,
            "Faulty": Faulty,
            "FeFet": FeFet,
            "Mram": Mram,
            "NorFlash": NorFlash,
            "Pcm": Pcm,
            "RramCmo": RramCmo,
            "RramRelaxation": RramRelaxation,
            "Sram": Sram,
            "Thermal": Thermal,
        },
        "devices",
    ),
    Room(AbstractCurve, {"LogCurve": LogCurve, "PowerCurve": PowerCurve}),
)


def load_cell(name_or_path: str) -> AbstractCell:
    """Load a memory cell: a preset name such as `"pcm"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractCell, name_or_path)
