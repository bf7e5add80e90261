"""What does not fit is refused before anything is drawn, with the rule and what was received."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from helpers import plotting as p

NAMES = ["Bag", "Coat", "Shirt"]
HISTORY = {"train_loss": [2.1, 1.2], "val_loss": [1.9, 1.0]}
T, V = torch.arange(3.0), torch.arange(2.0)
X = torch.arange(12).reshape(3, 4)
A = torch.arange(6).reshape(2, 3)
COUNTS = torch.tensor([[6, 3, 1], [1, 19, 0], [0, 0, 10]])

CASES = [
    # Numbers of any figure
    (lambda: p.image_grid([torch.zeros(2, 2), torch.zeros(3, 3)]), "images to be rectangular"),
    (lambda: p.image_grid(torch.zeros(0, 28, 28)), r"at least one number in images: received shape \[0, 28, 28\]"),
    (lambda: p.image_grid(torch.tensor([[[0.5, float("nan")]]])), "1 of 2 are NaN or infinite"),
    # image_grid
    (lambda: p.image_grid(torch.zeros(28, 28)), r"received \[28, 28\]\. Add the batch"),
    (lambda: p.image_grid(torch.zeros(2, 4, 8, 8)), r"received \[2, 4, 8, 8\]"),
    (lambda: p.image_grid(torch.zeros(8, 2, 2), ["a"] * 3), "one title per image: received 3 for 8. Pass 8"),
    (
        lambda: p.image_grid(torch.zeros(2, 2, 2), correct=[True]),
        "one truth value per image, such as pred == y: received 1 for 2",
    ),
    (lambda: p.image_grid(torch.tensor([[[-0.42, 2.02]]])), r"0 to 1 \(floats\): received -0.42 to 2.02"),
    (lambda: p.image_grid(torch.tensor([[[0, 256]]])), r"0 to 255 \(integers\): received 0 to 256"),
    # curves
    (lambda: p.learning_curves({}), r"in the history: received \[\]"),
    (lambda: p.learning_curves(HISTORY | {"val_loss": [1]}), "received 2 in train_loss, 1 in val_loss"),
    (lambda: p.learning_curves({"train_loss": [[1, 2]]}), r"one number per epoch in train_loss: received .*\[1, 2\]"),
    (lambda: p.learning_curves(HISTORY | {"epoch": [1]}), "1 in epoch"),
    # regression and descent
    (lambda: p.regression_plot(T, V, T, T), "one number per X in y_train: received 2 for 3"),
    (lambda: p.regression_plot(T, T, V, V, predictions=T), "predictions: received 3 for 2"),
    (lambda: p.regression_plot(torch.zeros(2, 2), T, T, T), r"shape \[N\] or \[N, 1\]: received \[2, 2\]"),
    (lambda: p.regression_progress(T, T, {0: T, 5: V}), r"predictions\[5\]: received 2 for 3"),
    (lambda: p.descent_on_curve(T, T, {"lr": [[0.0, 1.0, np.inf]]}), "1 of 3 are NaN or infinite"),
    # classification and data
    (lambda: p.confusion_matrix(torch.ones(2, 3), NAMES), r"shape \[C, C\]: received \[2, 3\]"),
    (lambda: p.confusion_matrix(COUNTS, ["a"]), "one name per class: received 1 for 3"),
    (lambda: p.confusion_matrix(COUNTS / 40, NAMES), "Expected counts.*received numbers from 0 to 0.475"),
    (lambda: p.confusion_matrix(0 * COUNTS, NAMES), "at least one of them above 0"),
    (lambda: p.probability_bars([-1.2, 0.62, 4], NAMES, truth=0), r"numbers from -1.2 to 4 that sum to 3.42"),
    (lambda: p.probability_bars([[0.5, 0.5]], NAMES, truth=0), r"shape \[C\]: received \[1, 2\]"),
    (lambda: p.class_bars({"all": [1, 2, 3], "some": [1, 2]}, NAMES), "one name per class: received 3 for 2"),
    # networks
    (lambda: p.shape_flow([("input", (3, 784)), ("Unflatten", (3, 4, 5))]), r"received \[3, 4, 5\] for Unflatten"),
    # tensors
    (lambda: p.selections(torch.zeros(2, 2), {"x[0]": torch.zeros(2)}), "received some twice"),
    (lambda: p.selections(X, {"x + 1": X + 1}), r"Expected x \+ 1 to .* received 12, which is in none"),
    (lambda: p.selections(torch.arange(12), {"x[0]": 0}), r"up to 8 x 8: received \[12\]"),
    # another type
    (lambda: p.image_grid(None), "Expected numbers for images: received NoneType"),
    (lambda: p.image_grid(torch.zeros(1, 2, 2), "a"), "received the string 'a'"),
    # captions
    (lambda: p.describe(["a"]), r"Expected a Figure, or one or more Axes: received str\. Pass what"),
    (lambda: p.show(3), "received int"),
    (lambda: p.show(p.set_caption(Figure(), "no full stop")), "Expected a sentence that describes the figure"),
    (lambda: p.show([Figure().subplots(), Figure().subplots()]), "the Axes of one figure: received those of 2"),
    # graph_picture
    (lambda: p.graph_picture(torch.ones(3).sum(), {}), "this one has no grad_fn.*requires_grad=True"),
    (lambda: p.graph_picture(1.5, {}), "received float"),
]


@pytest.mark.parametrize(("draw", "message"), CASES, ids=[message[:40] for _, message in CASES])
def test_what_does_not_fit_is_refused(draw, message):
    before = mpl.rcParams.copy()
    with pytest.raises((TypeError, ValueError), match=message):
        draw()
    assert not plt.get_fignums()
    assert dict(mpl.rcParams) == dict(before)
