"""The roll-up of part costs times action counts: energy, latency and area of a network on a chip; what a die costs."""

from ._die import Die as Die
from ._die import Foundry as Foundry
from ._die import FoundryNode as FoundryNode
from ._die import YieldLaw as YieldLaw
from ._die import die_cost as die_cost
from ._die import load_foundry as load_foundry
from ._estimate import Rating as Rating
from ._estimate import Summary as Summary
from ._estimate import by_block as by_block
from ._estimate import estimate as estimate
from ._estimate import layer_costs as layer_costs
from ._estimate import programming as programming
from ._estimate import rate as rate
from ._estimate import summarise as summarise
from ._precision import Precision as Precision
from ._precision import crossover as crossover
from ._precision import precision as precision
