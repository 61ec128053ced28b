"""mho: what a compute-in-memory chip does with a neural network; accuracy, energy, latency, area, and why.

The verbs: `capture`, `quantize`, `compile`, `run`, `estimate`, `report`; `evaluate` is all of them in one call,
`ablate` says which imperfection of the chip costs how much, `summary` what of a network goes on which tiles,
`tradeoff` and `allocate` what accuracy costs by bits.
"""

from importlib.metadata import PackageNotFoundError as _NotFound
from importlib.metadata import version as _version
from typing import TYPE_CHECKING as _CHECKING
from typing import Any as _Any

from ._ablate import ablate as ablate
from ._evaluate import Evaluation as Evaluation
from ._evaluate import default_conditions as default_conditions
from ._evaluate import evaluate as evaluate
from ._tradeoff import allocate as allocate
from ._tradeoff import tradeoff as tradeoff
from .chip import Chip as Chip
from .chip import nonidealities as nonidealities
from .compiler import capture as capture
from .compiler import compile as compile
from .compiler import quantize as quantize
from .compiler import summary as summary
from .converters import AbstractConverter as AbstractConverter
from .core import CapacityError as CapacityError
from .core import ConvergenceError as ConvergenceError
from .core import Cost as Cost
from .core import CostTree as CostTree
from .core import FileError as FileError
from .core import MhoError as MhoError
from .core import RangeWarning as RangeWarning
from .core import Seed as Seed
from .core import ShapeError as ShapeError
from .core import SimulatorError as SimulatorError
from .core import SpecError as SpecError
from .core import UnsupportedOpError as UnsupportedOpError
from .core import cite as cite
from .cost import estimate as estimate
from .devices import AbstractCell as AbstractCell
from .ir import Graph as Graph
from .ir import Program as Program
from .ir import QuantGraph as QuantGraph
from .reports import Ablation as Ablation
from .reports import Report as Report
from .reports import Tradeoff as Tradeoff
from .reports import report as report
from .runtime import Run as Run
from .runtime import run as run
from .tiles import AbstractTile as AbstractTile
from .tiles import Condition as Condition
from .tiles import Quantization as Quantization

try:
    __version__ = _version("mho")
except _NotFound:  # a source tree that is not installed
    __version__ = "0+unknown"

if _CHECKING:
    from . import eda as eda
    from . import nn as nn
    from . import reproduce as reproduce
    from . import samples as samples


def __getattr__(name: str) -> _Any:
    """Import the rooms that no verb needs when they are first used: `mho.nn` without an import of its own."""
    if name in ("eda", "nn", "reproduce", "samples"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
