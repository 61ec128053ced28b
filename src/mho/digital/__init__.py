"""Digital parts: gates, adder trees, registers and buffers in NAND2 equivalents, and technology nodes."""

from mho.core import Room

from ._logic import Logic as Logic
from ._technology import AnalogLaw as AnalogLaw
from ._technology import Node as Node
from ._technology import Spread as Spread
from ._technology import SramMacro as SramMacro
from ._technology import Technology as Technology
from ._technology import load_technology as load_technology
from ._unit import WORD as WORD
from ._unit import DigitalUnit as DigitalUnit

ROOMS = (Room(Logic, {"Logic": Logic}, "technology"),)
