"""From a network to a program: capture, quantize, place, compile."""

from ._capture import capture as capture
from ._compile import compile as compile
from ._evaluate import float_values as float_values
from ._place import partition as partition
from ._place import place as place
from ._quantize import quantize as quantize
