"""What a grid of cells and wires computes: the exact matrix of an array, and cheaper ways to it."""

from mho.core import Loader, Room

from ._budget import Budget as Budget
from ._budget import error_budget as error_budget
from ._capacitive import CapacitiveDivision as CapacitiveDivision
from ._capacitive import ChargeRedistribution as ChargeRedistribution
from ._compatibility import excluded as excluded
from ._compatibility import legal_pairs as legal_pairs
from ._compatibility import memories as memories
from ._compatibility import principles as principles
from ._current_domain import ChargeDomain as ChargeDomain
from ._current_domain import CurrentDomain as CurrentDomain
from ._iv import AbstractIV as AbstractIV
from ._iv import Exponential as Exponential
from ._iv import Ohmic as Ohmic
from ._iv import Sinh as Sinh
from ._iv import Transistor as Transistor
from ._principle import AbstractPrinciple as AbstractPrinciple
from ._rails import Rail as Rail
from ._rails import one_transistor_column as one_transistor_column
from ._rails import rail_currents as rail_currents
from ._rails import rail_power as rail_power
from ._rails import rail_voltages as rail_voltages
from ._rails import read_margin as read_margin
from ._rails import signed_column as signed_column
from ._rails import sneak_current as sneak_current
from ._resistive import ResistanceSum as ResistanceSum
from ._resistive import ResistiveDivision as ResistiveDivision
from ._solve import Network as Network
from ._solve import currents as currents
from ._solve import newton as newton
from ._time_domain import DelayChain as DelayChain
from ._time_domain import RampCrossing as RampCrossing
from ._wires import Pairs as Pairs
from ._wires import Wires as Wires
from ._wires import transposed as transposed

ROOMS = (
    Room(
        AbstractPrinciple,
        {
            "CurrentDomain": CurrentDomain,
            "ChargeDomain": ChargeDomain,
            "ChargeRedistribution": ChargeRedistribution,
            "CapacitiveDivision": CapacitiveDivision,
            "ResistiveDivision": ResistiveDivision,
            "ResistanceSum": ResistanceSum,
            "DelayChain": DelayChain,
            "RampCrossing": RampCrossing,
        },
        "principles",
    ),
    Room(AbstractIV, {"Ohmic": Ohmic, "Sinh": Sinh, "Exponential": Exponential, "Transistor": Transistor}),
)


def load_principle(name_or_path: str) -> AbstractPrinciple:
    """Load a principle: a preset name such as `"charge-redistribution"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractPrinciple, name_or_path)
