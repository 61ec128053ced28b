"""The values that pass between the stages: `Graph`, `QuantGraph`, `Placement`, `Program`."""

from ._digital_ops import is_supported as is_supported
from ._digital_ops import run_digital as run_digital
from ._graph import Batch as Batch
from ._graph import Const as Const
from ._graph import Graph as Graph
from ._graph import Node as Node
from ._graph import Ref as Ref
from ._program import Block as Block
from ._program import Placement as Placement
from ._program import Program as Program
from ._program import Step as Step
from ._quant import QuantGraph as QuantGraph
from ._quant import QuantLayer as QuantLayer
from ._work import Work as Work
from ._work import operations as operations
from ._work import short_name as short_name
from ._work import work as work
