"""Draws what it is given, in one style, and knows one sentence that describes each figure.

It computes no results and never calls `plt.show`; `show` displays a figure with its sentence as the caption.
"""

from helpers.plotting.captions import describe, set_caption, show
from helpers.plotting.classification import confusion_matrix, probability_bars
from helpers.plotting.curves import compare_curves, learning_curves
from helpers.plotting.data import class_bars, split_bar, value_histograms
from helpers.plotting.descent import descent_on_contours, descent_on_curve
from helpers.plotting.graph import computational_graph, graph_picture
from helpers.plotting.images import image_grid
from helpers.plotting.networks import activation_curves, output_histograms, shape_flow, value_tables
from helpers.plotting.regression import regression_plot, regression_progress
from helpers.plotting.tensors import broadcasting, joined, ranks, selections

__all__ = [
    "activation_curves",
    "broadcasting",
    "class_bars",
    "compare_curves",
    "computational_graph",
    "confusion_matrix",
    "descent_on_contours",
    "descent_on_curve",
    "describe",
    "graph_picture",
    "image_grid",
    "joined",
    "learning_curves",
    "output_histograms",
    "probability_bars",
    "ranks",
    "regression_plot",
    "regression_progress",
    "selections",
    "set_caption",
    "shape_flow",
    "show",
    "split_bar",
    "value_histograms",
    "value_tables",
]
