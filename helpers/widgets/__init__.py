"""Things to play with: widgets that answer at once when something in them is moved."""

import gc
from importlib import import_module
from typing import TYPE_CHECKING

from helpers.widgets.autograd import descent_explorer, expression_graph, graph_explorer
from helpers.widgets.models import layer_explorer, mode_explorer
from helpers.widgets.pad import DigitPad, Reading
from helpers.widgets.quickstart import confusion_explorer, watch_it_learn
from helpers.widgets.recorded import RECORDED
from helpers.widgets.tensors import broadcast_explorer, index_explorer
from helpers.widgets.workflow import fit_it_yourself, learning_rate_explorer

if TYPE_CHECKING:  # for editors; else imported when first asked for, see below
    from helpers.widgets.datasets import augmentation_explorer, dataset_explorer

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


# A figure drawn anew leaves garbage in circles, and every twenty moves or so Python looks for it among everything that
# is alive: 0.2 s and more of a widget's answer. What has been imported stays alive, so it need not be looked through.
gc.freeze()


def __getattr__(name: str) -> object:
    """What needs torchvision, which takes two seconds to import: only for those who ask for it."""
    if name in ("augmentation_explorer", "dataset_explorer"):
        return getattr(import_module("helpers.widgets.datasets"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
