"""Draws what it is given, in one style, and knows one sentence that describes each figure.

It computes no results and never calls `plt.show`; `show` displays a figure with its sentence as the caption.
"""

from helpers.plotting.captions import describe, set_caption, show
from helpers.plotting.classification import confusion_matrix, probability_bars
from helpers.plotting.curves import compare_curves, learning_curves
from helpers.plotting.data import class_bars, pictures_with_histograms, split_bar, value_histograms
from helpers.plotting.descent import descent_on_contours, descent_on_curve
from helpers.plotting.graph import computational_graph, draw_graph, graph_picture
from helpers.plotting.images import image_grid
from helpers.plotting.networks import activation_curves, layer_values, output_histograms, shape_flow, value_tables
from helpers.plotting.progress import training_progress
from helpers.plotting.readings import readings
from helpers.plotting.regression import regression_plot, regression_progress
from helpers.plotting.tensors import broadcasting, indexing, joined, ranks, selections

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
    "draw_graph",
    "graph_picture",
    "image_grid",
    "indexing",
    "joined",
    "layer_values",
    "learning_curves",
    "output_histograms",
    "pictures_with_histograms",
    "probability_bars",
    "ranks",
    "readings",
    "regression_plot",
    "regression_progress",
    "selections",
    "set_caption",
    "shape_flow",
    "show",
    "split_bar",
    "training_progress",
    "value_histograms",
    "value_tables",
]
