"""Things to play with: widgets that answer at once when something in them is moved."""

from helpers.widgets.autograd import descent_explorer, expression_graph, graph_explorer
from helpers.widgets.datasets import augmentation_explorer, dataset_explorer
from helpers.widgets.models import layer_explorer, mode_explorer
from helpers.widgets.pad import DigitPad, Reading
from helpers.widgets.quickstart import confusion_explorer, watch_it_learn
from helpers.widgets.recorded import RECORDED
from helpers.widgets.tensors import broadcast_explorer, index_explorer
from helpers.widgets.workflow import fit_it_yourself, learning_rate_explorer

__all__ = [
    "RECORDED",
    "DigitPad",
    "Reading",
    "augmentation_explorer",
    "broadcast_explorer",
    "confusion_explorer",
    "dataset_explorer",
    "descent_explorer",
    "expression_graph",
    "fit_it_yourself",
    "graph_explorer",
    "index_explorer",
    "layer_explorer",
    "learning_rate_explorer",
    "mode_explorer",
    "watch_it_learn",
]
