"""Analog-to-digital converters: transfer, spread, calibration and cost behind one interface."""

from mho.core import Loader, Room

from ._base import AbstractConverter as AbstractConverter
from ._base import ColumnErrors as ColumnErrors
from ._base import Correction as Correction
from ._cco import Cco as Cco
from ._sar import Sar as Sar
from ._survey import AdcSurvey as AdcSurvey
from ._survey import Envelope as Envelope
from ._survey import Rank as Rank
from ._survey import Regression as Regression
from ._survey import SurveyBaseline as SurveyBaseline
from ._survey import SurveyEntry as SurveyEntry
from ._survey import effective_bits as effective_bits
from ._survey import load_adc_survey as load_adc_survey

ROOMS = (Room(AbstractConverter, {"Sar": Sar, "Cco": Cco}, "converters"),)


def load_converter(name_or_path: str) -> AbstractConverter:
    """Load a converter: a preset name such as `"sar-8b"`, or a TOML file."""
    return Loader(ROOMS).load(AbstractConverter, name_or_path)
