"""Digital parts: gates, adder trees, registers and buffers; technology nodes; memories and links beside them."""

from mho.core import Loader, Room

from ._buffer import AbstractBuffer as AbstractBuffer
from ._buffer import EdramBuffer as EdramBuffer
from ._buffer import SramBuffer as SramBuffer
from ._clock_tree import ClockTree as ClockTree
from ._control import Control as Control
from ._link import Link as Link
from ._link import htree_length as htree_length
from ._link import mesh_hops as mesh_hops
from ._logic import Logic as Logic
from ._memory import Memory as Memory
from ._memory import Page as Page
from ._memory import Stage as Stage
from ._network import AbstractNetworkOnChip as AbstractNetworkOnChip
from ._network import HTree as HTree
from ._network import Mesh as Mesh
from ._network import RepeatedWire as RepeatedWire
from ._table import LookUpTable as LookUpTable
from ._technology import AnalogLaw as AnalogLaw
from ._technology import Node as Node
from ._technology import Spread as Spread
from ._technology import SramMacro as SramMacro
from ._technology import Technology as Technology
from ._technology import load_technology as load_technology
from ._unit import WORD as WORD
from ._unit import DigitalUnit as DigitalUnit

ROOMS = (
    Room(Logic, {"Logic": Logic}, "technology"),
    Room(Memory, {"Memory": Memory}, "memories"),
    Room(Link, {"Link": Link}, "links"),
    Room(AbstractBuffer, {"SramBuffer": SramBuffer, "EdramBuffer": EdramBuffer}, "buffers"),
    Room(AbstractNetworkOnChip, {"HTree": HTree, "Mesh": Mesh}, "networks-on-chip"),
)


def load_memory(name_or_path: str) -> Memory:
    """Load a memory beside the chip: a preset name such as `"hbm2"`, or a TOML file."""
    return Loader(ROOMS).load(Memory, name_or_path)


def load_link(name_or_path: str) -> Link:
    """Load a link: a preset name such as `"tsv"`, or a TOML file."""
    return Loader(ROOMS).load(Link, name_or_path)


def load_buffer(name_or_path: str) -> AbstractBuffer:
    """Load a buffer of activations: a preset name such as `"edram-512kb"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractBuffer, name_or_path)


def load_network_on_chip(name_or_path: str) -> AbstractNetworkOnChip:
    """Load a network between tiles: a preset name such as `"h-tree"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractNetworkOnChip, name_or_path)
