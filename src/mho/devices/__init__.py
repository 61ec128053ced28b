"""Memory cells: how a conductance is written, and what time and reading do to it."""

from mho.core import Loader, Room

from ._base import AbstractCell as AbstractCell
from ._curves import AbstractCurve as AbstractCurve
from ._curves import LogCurve as LogCurve
from ._curves import PowerCurve as PowerCurve
from ._curves import polynomial as polynomial
from ._data_driven import Branch as Branch
from ._data_driven import DataDriven as DataDriven
from ._disturbed import Disturbed as Disturbed
from ._dram import Dram as Dram
from ._dynamics import AbstractDynamics as AbstractDynamics
from ._dynamics import vary as vary
from ._faulty import Faulty as Faulty
from ._fefet import FeFet as FeFet
from ._flash import NorFlash as NorFlash
from ._fowler_nordheim import FowlerNordheim as FowlerNordheim
from ._ideal import Ideal as Ideal
from ._levels import Levels as Levels
from ._levels import level_overlap as level_overlap
from ._mram import Mram as Mram
from ._pcm import Pcm as Pcm
from ._pulse_law import PulseLaw as PulseLaw
from ._rram import RelaxationPoint as RelaxationPoint
from ._rram import RramCmo as RramCmo
from ._rram import RramRelaxation as RramRelaxation
from ._sram import Sram as Sram
from ._stanford import Stanford as Stanford
from ._step_table import StepTable as StepTable
from ._survey import LEVELS as LEVELS
from ._survey import Survey as Survey
from ._survey import survey as survey
from ._telegraph import Telegraph as Telegraph
from ._thermal import Thermal as Thermal
from ._vteam import Vteam as Vteam
from ._worn import Worn as Worn
from ._write_verify import WriteVerify as WriteVerify
from ._write_verify import Writing as Writing
from ._written import Written as Written

ROOMS = (
    Room(
        AbstractCell,
        {
            "Disturbed": Disturbed,
            "Dram": Dram,
            "Faulty": Faulty,
            "FeFet": FeFet,
            "Ideal": Ideal,
            "Levels": Levels,
            "Mram": Mram,
            "NorFlash": NorFlash,
            "Pcm": Pcm,
            "RramCmo": RramCmo,
            "RramRelaxation": RramRelaxation,
            "Sram": Sram,
            "Telegraph": Telegraph,
            "Thermal": Thermal,
            "Worn": Worn,
            "Written": Written,
        },
        "devices",
    ),
    Room(
        AbstractDynamics,
        {
            "DataDriven": DataDriven,
            "FowlerNordheim": FowlerNordheim,
            "PulseLaw": PulseLaw,
            "Stanford": Stanford,
            "StepTable": StepTable,
            "Vteam": Vteam,
        },
        "dynamics",
    ),
    Room(AbstractCurve, {"LogCurve": LogCurve, "PowerCurve": PowerCurve}),
)


def load_cell(name_or_path: str) -> AbstractCell:
    """Load a memory cell: a preset name such as `"pcm"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractCell, name_or_path)


def load_dynamics(name_or_path: str) -> AbstractDynamics:
    """Load how a cell moves under pulses: a preset name such as `"stanford-rram"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractDynamics, name_or_path)
