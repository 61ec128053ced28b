"""The roll-up of part costs times action counts: energy, latency and area of a network on a chip."""

from ._estimate import Rating as Rating
from ._estimate import Summary as Summary
from ._estimate import by_block as by_block
from ._estimate import estimate as estimate
from ._estimate import layer_costs as layer_costs
from ._estimate import programming as programming
from ._estimate import rate as rate
from ._estimate import summarise as summarise
