"""Analog-to-digital converters: transfer, spread, calibration and cost behind one interface."""

from mho.core import Loader, Room

from ._base import AbstractConverter as AbstractConverter
from ._base import ColumnErrors as ColumnErrors
from ._base import Correction as Correction
from ._cco import Cco as Cco
from ._sar import Sar as Sar

ROOMS = (Room(AbstractConverter, {"Sar": Sar, "Cco": Cco}, "converters"),)


def load_converter(name_or_path: str) -> AbstractConverter:
    """Load a converter: a preset name such as `"sar-8b"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractConverter, name_or_path)
