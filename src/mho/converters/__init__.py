"""Analog-to-digital converters: transfer, spread, calibration and cost behind one interface."""

import re
from dataclasses import replace

from mho.core import Loader, Room, SpecError

from ._base import AbstractConverter as AbstractConverter
from ._base import ColumnErrors as ColumnErrors
from ._base import Correction as Correction
from ._base import thermal_floor as thermal_floor
from ._bench import Bench as Bench
from ._bench import bench as bench
from ._cco import Cco as Cco
from ._codebook import Codebook as Codebook
from ._codebook import Rule as Rule
from ._codebook import combine as combine
from ._codebook import lloyd_max as lloyd_max
from ._codebook import uniform as uniform
from ._flash import Flash as Flash
from ._integrate_fire import IntegrateFire as IntegrateFire
from ._memristive import Memristive as Memristive
from ._pipeline import Pipeline as Pipeline
from ._qcell import QCell as QCell
from ._qcell import johnson as johnson
from ._qcell import windows as windows
from ._quantise import quantise as quantise
from ._ramp import Ramp as Ramp
from ._sar import Sar as Sar
from ._search import count as count
from ._search import take as take
from ._sense_amplifier import SenseAmplifier as SenseAmplifier
from ._survey import AdcSurvey as AdcSurvey
from ._survey import Envelope as Envelope
from ._survey import Rank as Rank
from ._survey import Regression as Regression
from ._survey import SurveyBaseline as SurveyBaseline
from ._survey import SurveyEntry as SurveyEntry
from ._survey import effective_bits as effective_bits
from ._survey import load_adc_survey as load_adc_survey
from ._threshold import AbstractThresholdConverter as AbstractThresholdConverter
from ._voltage_to_time import VoltageToTime as VoltageToTime

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
