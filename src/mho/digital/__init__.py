"""Digital parts: gates, adder trees, registers and buffers, in NAND2 equivalents of one node."""

from mho.core import Room

from ._logic import Logic as Logic
from ._unit import WORD as WORD
from ._unit import DigitalUnit as DigitalUnit

ROOMS = (Room(Logic, {"Logic": Logic}, "technology"),)
