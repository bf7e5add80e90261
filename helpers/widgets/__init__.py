"""Widgets: move a control, and the sentence and the figure under it answer at once."""

from importlib import import_module
from typing import TYPE_CHECKING

from helpers.widgets.autograd import descent_explorer, expression_graph, graph_explorer
from helpers.widgets.models import layer_explorer, mode_explorer
from helpers.widgets.pad import DigitPad, Reading
from helpers.widgets.quickstart import confusion_explorer, watch_it_learn
from helpers.widgets.recorded import RECORDED
from helpers.widgets.tensors import broadcast_explorer, index_explorer
from helpers.widgets.workflow import fit_it_yourself, learning_rate_explorer

if TYPE_CHECKING:  # for editors; otherwise imported on first use, see below
    from helpers.widgets.datasets import augmentation_explorer, dataset_explorer


def __getattr__(name: str) -> object:
    """Import the widgets that need torchvision, which takes two seconds, on first use."""
    if name in ("augmentation_explorer", "dataset_explorer"):
        return getattr(import_module("helpers.widgets.datasets"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
