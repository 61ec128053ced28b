"""Reports: evaluations as a self-contained page, JSON, CSV and bibliography."""

from ._ablation import Ablation as Ablation
from ._ablation import Effect as Effect
from ._cost_figures import cost_figure as cost_figure
from ._evaluation import AccuracyRow as AccuracyRow
from ._evaluation import Evaluation as Evaluation
from ._evaluation import time_name as time_name
from ._part_figures import cell_spread as cell_spread
from ._part_figures import converter_bench as converter_bench
from ._part_figures import converter_survey as converter_survey
from ._part_figures import dac_figure as dac_figure
from ._report import Report as Report
from ._report import provenance as provenance
from ._report import report as report
from ._silicon_figures import silicon_scatter as silicon_scatter
from ._silicon_figures import silicon_trend as silicon_trend
from ._style import picture_kind as picture_kind
from ._style import save_figure as save_figure
from ._system_figures import architecture_figure as architecture_figure
from ._system_figures import plan_figure as plan_figure
from ._system_figures import scenario_figure as scenario_figure
from ._tradeoff import Tradeoff as Tradeoff
from ._tradeoff import TradeoffPoint as TradeoffPoint
from ._tradeoff import tradeoff_front as tradeoff_front
