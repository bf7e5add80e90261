"""Widgets of notebook 5: a line to fit by hand, and what the learning rate does to the loss."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from helpers.plotting import learning_curves, regression_progress
from helpers.plotting.style import INK, ORANGE, PAPER, styled
from helpers.plotting.values import format_number, vector
from helpers.widgets.panel import Answer, Panel, place, scale, slider, toggle

HIDDEN, SHOWN = "hidden", "shown"
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 1.0, 1.5, 3.0, 10.0)
_EPOCHS = 100
_BOX = (0.09, 0.15, 0.88, 0.80)  # position of the Axes


def fit_it_yourself(X: Tensor, y: Tensor, model: nn.Module) -> Panel:
    """Move weight and bias, see residuals and MAE at once, and compare with the line that `model` has learned.

    The parameters are read once, now: later training does not change the widget.

    Shapes:
        X, y: [N, 1]. The model has a scalar `weight` and a scalar `bias`.
    """
    found = model.weight.item(), model.bias.item()
    controls = {
        "weight": slider("weight", 0.0, -1.0, 2.0, step=0.01),
        "bias": slider("bias", 0.0, -1.0, 2.0, step=0.01),
        "sgd": toggle("line found by SGD", [HIDDEN, SHOWN]),
    }
    return Panel("Fit it yourself", controls, partial(_fit_it_yourself, vector(X, "X"), vector(y, "y"), found))


def _fit_it_yourself(
    X: np.ndarray, y: np.ndarray, found: tuple[float, float], *, weight: float, bias: float, sgd: str
) -> Answer:
    weight, bias = (round(value, 2) + 0.0 for value in (weight, bias))  # a slider may be slightly off its step
    yours = weight * X + bias
    theirs = found[0] * X + found[1]
    errors = [float(np.abs(y - line).mean()) for line in (yours, theirs)]
    sentence = f"Your line, weight {weight:.2f} and bias {bias:.2f}: MAE {errors[0]:.4f}. "
    sentence += f"SGD's line: MAE {errors[1]:.4f}"
    if sgd == SHOWN:
        sentence += f", with weight {found[0]:.4f} and bias {found[1]:.4f}"
    residuals = np.round(y - yours, 6)  # nearer than that, a point lies on the line; the rest is rounding
    above, below = int((residuals > 0).sum()), int((residuals < 0).sum())
    if above or below:
        sentence += f". Of {len(y)} points {above} lie above your line, {below} below it."
    else:
        sentence += f". All {len(y)} points lie on your line: no loss is smaller."
    return _lines(X, y, yours, theirs if sgd == SHOWN else None), sentence


@styled()
def _lines(X: np.ndarray, y: np.ndarray, yours: np.ndarray, theirs: np.ndarray | None) -> Axes:
    (ax,) = regression_progress(X, y, {0: yours})
    ax.figure.set_figheight(3.6)
    place([ax], _BOX)
    ax.grid(visible=True)
    ax.lines[-1].set_label("your line")
    if theirs is not None:
        ax.plot(X, theirs, color=ORANGE, linestyle="--", label="found by SGD")
    # The same limits wherever the line is: what moves is the line, not the page.
    ax.set(title="", xlabel="X", ylabel="y", ylim=(y.min() - 0.4, y.max() + 0.4))
    # On a background: residuals that leave the plot at the top would cross the words.
    ax.legend(labelcolor=INK, loc="upper left", ncols=4, frameon=True, framealpha=1, facecolor=PAPER, edgecolor=PAPER)
    return ax


def learning_rate_explorer(X: Tensor, y: Tensor) -> Panel:
    """Train a line from scratch at each learning rate on the slider, and see its loss curve.

    Shapes:
        X, y: [N, 1].
    """
    controls = {"lr": scale("learning rate", RATES, 0.01)}
    return Panel("Learning rate", controls, partial(_learning_rate, X.detach().cpu().clone(), y.detach().cpu().clone()))


def line_losses(X: Tensor, y: Tensor, *, lr: float, epochs: int = _EPOCHS) -> list[float]:
    """The MSE before each step of SGD on a line that starts at weight 0 and bias 0; it may overflow."""
    weight, bias = (torch.zeros(1, requires_grad=True) for _ in range(2))
    optimizer, loss_fn = torch.optim.SGD([weight, bias], lr=lr), nn.MSELoss()
    losses = []
    for _ in range(epochs):
        loss = loss_fn(weight * X + bias, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _learning_rate(X: Tensor, y: Tensor, lr: float) -> Answer:
    losses = np.array(line_losses(X, y, lr=lr))
    finite = np.isfinite(losses)
    n = len(losses) if finite.all() else int(np.argmin(finite))
    change = f"from {format_number(losses[0])} to {format_number(losses[-1])}"
    if n < len(losses):
        words = f"grows until it overflows in epoch {n + 1}. This diverges: the learning rate is far too large."
    elif losses[-1] > losses[0]:
        words = f"grows {change}. This diverges: the learning rate is too large."
    elif losses[-1] > losses[0] / 2:
        words = f"falls {change} in {n} epochs. More than half of it is left: the learning rate is too small."
    else:
        words = f"falls {change} in {n} epochs."
    return _loss_curve(losses[:n]), f"Learning rate {lr:g}: the loss {words}"


@styled()
def _loss_curve(losses: np.ndarray) -> Axes:
    (ax,) = learning_curves({"train_loss": losses})
    place([ax], _BOX)
    # The same limits for every learning rate: a diverging curve leaves the plot at the top.
    ax.set(xlim=(0, _EPOCHS + 1), ylim=(-0.05 * losses[0], 2 * losses[0]))
    return ax
