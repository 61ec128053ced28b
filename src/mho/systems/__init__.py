"""Whole systems in closed form."""

from ._networks import AbstractShape as AbstractShape
from ._networks import Convolutional as Convolutional
from ._networks import ConvLayer as ConvLayer
from ._networks import Transformer as Transformer
from ._networks import load_shape as load_shape
from ._networks import load_workload as load_workload
from ._workload import DynamicOp as DynamicOp
from ._workload import MatrixOp as MatrixOp
from ._workload import Workload as Workload
from ._fit import POWER_LIMIT as POWER_LIMIT
from ._fit import Plan as Plan
from ._fit import fit as fit
from ._mapping import Cut as Cut
from ._mapping import Mapping as Mapping
from ._mapping import Part as Part
from ._mapping import cut as cut
from ._mapping import pack as pack
from ._medium import Medium as Medium
from ._medium import load_medium as load_medium
from ._medium import media as media
