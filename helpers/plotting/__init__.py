"""Figures in one style, each with one sentence that describes it.

The functions draw what they are given: they compute no results and never call `plt.show`. `show` displays a figure
with its sentence as the caption.
"""

from helpers.plotting.captions import describe, set_caption, show
from helpers.plotting.classification import confusion_matrix, decision_boundary, probability_bars
from helpers.plotting.curves import accuracy_against_time, compare_curves, learning_curves
from helpers.plotting.data import class_bars, images_with_histograms, split_bar, value_histograms
from helpers.plotting.fitting import descent_on_contours, descent_on_curve, regression_plot, regression_progress
from helpers.plotting.graph import graph_picture
from helpers.plotting.images import image_grid, readings, training_progress
from helpers.plotting.networks import activation_curves, layer_values, output_histograms, shape_flow, value_tables
from helpers.plotting.tensors import broadcasting, indexing, joined, ranks, selections
