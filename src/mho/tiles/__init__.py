"""Tiles: signed weights to cells, digital inputs to pulses, array and converters: one matrix-vector product."""

from mho.arrays import ROOMS as _ARRAYS
from mho.converters import ROOMS as _CONVERTERS
from mho.core import Loader, Room
from mho.devices import ROOMS as _DEVICES
from mho.digital import ROOMS as _DIGITAL

from ._analog import AnalogTile as AnalogTile
from ._base import AbstractTile as AbstractTile
from ._base import Activity as Activity
from ._base import Compensation as Compensation
from ._base import Condition as Condition
from ._base import DesignPoint as DesignPoint
from ._characterise import TileReport as TileReport
from ._characterise import characterise as characterise
from ._circuit import Circuit as Circuit
from ._combined import Combined as Combined
from ._conv_layout import AbstractConvLayout as AbstractConvLayout
from ._conv_layout import ConvLayout as ConvLayout
from ._conv_layout import UnfoldedConvLayout as UnfoldedConvLayout
from ._digital import DigitalTile as DigitalTile
from ._inputs import AbstractInputEncoding as AbstractInputEncoding
from ._inputs import BitParallel as BitParallel
from ._inputs import BitSerial as BitSerial
from ._inputs import Split as Split
from ._layout import AbstractLayout as AbstractLayout
from ._layout import LinearLayout as LinearLayout
from ._quantization import Quantization as Quantization
from ._ranges import Ranges as Ranges
from ._ranges import input_integers as input_integers
from ._ranges import input_ranges as input_ranges
from ._ranges import weight_integers as weight_integers
from ._ranges import weight_steps as weight_steps
from ._readout import OUTPUT_STAGES as OUTPUT_STAGES
from ._readout import PostConversion as PostConversion
from ._readout import PreConversion as PreConversion
from ._scaled import carried as carried
from ._select import SelectLines as SelectLines
from ._state import ArrayState as ArrayState
from ._state import Realisation as Realisation
from ._variation import Variation as Variation
from ._weights import AbstractWeightEncoding as AbstractWeightEncoding
from ._weights import BitSliced as BitSliced
from ._weights import Differential as Differential
from ._weights import OffsetColumn as OffsetColumn

ROOMS = (
    *_DEVICES,
    *_ARRAYS,
    *_CONVERTERS,
    *_DIGITAL,
    Room(AbstractTile, {"AnalogTile": AnalogTile, "DigitalTile": DigitalTile}, "tiles"),
    Room(PreConversion, {"PreConversion": PreConversion}),
    Room(PostConversion, {"PostConversion": PostConversion}),
    Room(AbstractInputEncoding, {"BitParallel": BitParallel, "BitSerial": BitSerial, "Split": Split}),
    Room(
        AbstractWeightEncoding,
        {"BitSliced": BitSliced, "Combined": Combined, "Differential": Differential, "OffsetColumn": OffsetColumn},
    ),
)


def load_tile(name_or_path: str) -> AbstractTile:
    """Load a tile: a preset name such as `"tile1"`, or a TOML file."""
    tile = Loader(ROOMS).load(AbstractTile, name_or_path)
    tile.refuse_contradictions(name_or_path)
    return tile
