"""The roll-up of part costs times action counts: energy, latency and area of a network on a chip."""

from ._estimate import Rating as Rating
from ._estimate import Summary as Summary
from ._estimate import by_block as by_block
from ._estimate import estimate as estimate
from ._estimate import layer_costs as layer_costs
from ._estimate import programming as programming
from ._estimate import rate as rate
from ._estimate import summarise as summarise
from ._macro import LAWS as LAWS
from ._macro import PRINCIPLES as PRINCIPLES
from ._macro import AbstractLaw as AbstractLaw
from ._macro import ChargeLaw as ChargeLaw
from ._macro import CurrentLaw as CurrentLaw
from ._macro import DigitalLaw as DigitalLaw
from ._macro import DischargeLaw as DischargeLaw
from ._macro import Macro as Macro
from ._macro import load_law as load_law
from ._silicon import Measured as Measured
from ._silicon import Prediction as Prediction
from ._silicon import Transfer as Transfer
from ._silicon import factor as factor
from ._silicon import fit_law as fit_law
from ._silicon import leave_one_out as leave_one_out
from ._silicon import read_silicon as read_silicon
from ._silicon import transfers as transfers
