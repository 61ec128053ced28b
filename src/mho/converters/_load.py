"""The room of converters, and loading one by name: a preset, its kind with other bits, or a file."""

from __future__ import annotations

import re

from mho.core import Loader, Room

from ._base import AbstractConverter
from ._cco import Cco
from ._flash import Flash
from ._integrate_fire import IntegrateFire
from ._memristive import Memristive
from ._pipeline import Pipeline
from ._qcell import QCell
from ._ramp import Ramp
from ._sar import Sar
from ._sense_amplifier import SenseAmplifier
from ._voltage_to_time import VoltageToTime

_BITS = re.compile(r"(.+)-(\d+)b")


def _other_bits(loader: Loader, name: str) -> AbstractConverter | None:
    """Make the converter that a kind and its bits stand for, such as `ramp-5b`, of the preset with the nearest bits."""
    if not (asked := _BITS.fullmatch(name)):
        return None
    bits = int(asked[2])
    alike = [p for p in loader.presets(AbstractConverter) if p.rpartition("-")[0] == asked[1]]
    kind = [loader.load(AbstractConverter, p) for p in alike if not p.endswith("-pair")]
    return min(kind, key=lambda part: abs(part.bits - bits)).with_bits(bits) if kind else None


ROOMS = (
    Room(
        AbstractConverter,
        {
            "Cco": Cco,
            "Flash": Flash,
            "IntegrateFire": IntegrateFire,
            "Memristive": Memristive,
            "Pipeline": Pipeline,
            "Ramp": Ramp,
            "Sar": Sar,
            "SenseAmplifier": SenseAmplifier,
            "VoltageToTime": VoltageToTime,
        },
        "converters",
        _other_bits,
    ),
    Room(QCell, {"QCell": QCell}, "qcells"),
)


def load_converter(name_or_path: str) -> AbstractConverter:
    """Load a converter: a preset such as `"sar-8b"`, one of its kind with other bits (`"ramp-5b"`), or a TOML file.

    With other bits, errors that are told in LSB stay as many LSB; the same names stand in chip files.

    Raises:
        FileError: if there is no such preset, kind or file.
        SpecError: if the kind has not so many bits, or the file is wrong.
    """
    return Loader(ROOMS).load(AbstractConverter, name_or_path)
