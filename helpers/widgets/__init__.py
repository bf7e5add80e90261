"""Widgets: move a control, and the sentence and the figure under it answer at once.

Those of notebook 2 are in `helpers.widgets.datasets`, because they need torchvision, which takes two seconds to import.
"""

from helpers.widgets.autograd import descent_explorer, expression_graph, graph_explorer
from helpers.widgets.models import layer_explorer, mode_explorer
from helpers.widgets.pad import DigitPad, Reading
from helpers.widgets.quickstart import confusion_explorer, watch_it_learn
from helpers.widgets.recorded import RECORDED
from helpers.widgets.tensors import broadcast_explorer, index_explorer
from helpers.widgets.workflow import fit_it_yourself, learning_rate_explorer
