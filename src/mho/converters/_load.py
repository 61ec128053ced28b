"""The room of converters, and loading one by name: a preset, its kind with other bits, or a file."""

from __future__ import annotations

import re
from dataclasses import replace

from mho.core import Loader, Room, SpecError

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
    ),
    Room(QCell, {"QCell": QCell}, "qcells"),
)

_BITS = re.compile(r"(.+)-(\d+)b")


def load_converter(name_or_path: str) -> AbstractConverter:
    """Load a converter: a preset such as `"sar-8b"`, one of its kind with other bits (`"ramp-5b"`), or a TOML file.

    With other bits, errors that are told in LSB stay as many LSB.

    Raises:
        FileError: if there is no such preset, kind or file.
        SpecError: if the kind has not so many bits, or the file is wrong.
    """
    loader = Loader(ROOMS)
    presets = loader.presets(AbstractConverter)
    if name_or_path in presets or not (asked := _BITS.fullmatch(name_or_path)):
        return loader.load(AbstractConverter, name_or_path)
    bits = int(asked[2])
    alike = [p for p in presets if p.rpartition("-")[0] == asked[1] and not p.endswith("-pair")]
    kind = [loader.load(AbstractConverter, p) for p in alike]
    if not kind:
        return loader.load(AbstractConverter, name_or_path)
    try:
        return replace(min(kind, key=lambda part: abs(part.bits - bits)), bits=bits)
    except ValueError as error:
        raise SpecError([f"{name_or_path}: {error}"]) from None
