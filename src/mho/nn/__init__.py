"""Torch layers on the tiles of a chip: convert a network, train it, program it, and back."""

from ._attention import MultiheadAttention as MultiheadAttention
from ._calibrate import calibrate as calibrate
from ._calibrate import ranges as ranges
from ._calibrate import set_ranges as set_ranges
from ._chips import Chips as Chips
from ._chips import program as program
from ._convert import convert as convert
from ._convert import to_digital as to_digital
from ._kinds import Conv1d as Conv1d
from ._kinds import Conv2d as Conv2d
from ._kinds import Conv3d as Conv3d
from ._kinds import ConvTranspose1d as ConvTranspose1d
from ._kinds import ConvTranspose2d as ConvTranspose2d
from ._kinds import ConvTranspose3d as ConvTranspose3d
from ._kinds import Linear as Linear
from ._recurrent import GRU as GRU
from ._recurrent import LSTM as LSTM
from ._recurrent import RNN as RNN
from ._tiled import TiledMatrix as TiledMatrix
from ._tiled import TrainingNoise as TrainingNoise
