"""From a network to a program: capture, quantize, place, compile; and a summary before any of it."""

from ._capture import capture as capture
from ._compile import compile as compile
from ._evaluate import float_values as float_values
from ._place import partition as partition
from ._place import place as place
from ._quantize import quantize as quantize
from ._summary import LayerSummary as LayerSummary
from ._summary import NetworkSummary as NetworkSummary
from ._summary import OperatorSummary as OperatorSummary
from ._summary import summary as summary
