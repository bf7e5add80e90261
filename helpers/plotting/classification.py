"""What a classifier answers: for one sample, for a whole data set, and for every point of a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.container import BarContainer
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from helpers.plotting.captions import set_caption
from helpers.plotting.fingerprint import exclude_from_fingerprint
from helpers.plotting.style import BLUE, DIVERGING, GREY, INK, PALE, PAPER, SEQUENTIAL, WIDTH, new_axes, styled, text_on
from helpers.plotting.values import (
    finite,
    format_count,
    format_number,
    format_percent,
    format_range,
    format_shape,
    join_words,
    one_each,
    vector,
)

# A caption names the most frequent confusion only where it is ahead by this margin: on another processor it differs
# by a point, and the words of a caption must be the same on all of them.
_CLEAR = 0.02


@styled()
def confusion_matrix(matrix: ArrayLike, class_names: Sequence[str]) -> Axes:
    """Draw how often each true class (row) was predicted as each class (column), as a heat map with percentages.

    The colour grows with the square root of the percentage, and zeros are written in grey, so that confusions show.

    Shapes: matrix: [C, C], counts. A cell shows its percentage of the row.

    Raises: ValueError where the matrix is not square, does not consist of counts, or the names are not C.
    """
    counts = finite(matrix, "matrix")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(
            f"Expected a matrix of shape [C, C]: received {format_shape(counts)}. "
            "Count the true classes in rows, the predicted ones in columns."
        )
    names = one_each(class_names, len(counts), "name per class")
    if (counts < 0).any() or (counts != np.round(counts)).any() or not counts.any():
        raise ValueError(
            f"Expected counts, at least one of them above 0: received numbers from {format_range(counts)}. "
            "Pass the counts, not fractions."
        )
    counts = counts.astype(np.int64)
    rows = counts.sum(axis=1, keepdims=True)
    fractions = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)

    (ax,) = new_axes(1, height=min(0.86 * WIDTH, 1.5 + 0.5 * len(names)))
    # The power is so that confusions of a few per cent have a colour that can be seen.
    image = ax.imshow(fractions, cmap=SEQUENTIAL, norm=PowerNorm(0.5, vmin=0, vmax=1))
    for (i, j), fraction in np.ndenumerate(fractions):
        text = f"{100 * fraction:.0f}" if rows[i] else "–"  # a class that does not occur has no percentages
        color = GREY if text == "0" else text_on(image.to_rgba(fraction))
        ax.text(j, i, text, ha="center", va="center", fontsize=float(np.clip(90 / len(names), 5, 10)), color=color)
    ticks, steep = range(len(names)), max(map(len, names)) > 4
    ax.set_xticks(ticks, names, rotation=45 if steep else 0, ha="right" if steep else "center", rotation_mode="anchor")
    ax.set_yticks(ticks, names)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted class", ylabel="true class", title="per cent of each true class")
    return set_caption(ax, _matrix_sentence(counts, fractions, names))


@styled()
def probability_bars(probabilities: ArrayLike, class_names: Sequence[str], *, truth: int) -> Axes:
    """Draw one bar per class: the predicted one dark and hatched, the true one (index `truth`) with a star.

    Shapes: probabilities: [C], each from 0 to 1, with sum 1.

    Raises: ValueError where they are not probabilities, or the names are not C.
    """
    p = finite(probabilities, "probabilities").astype(np.float64)
    if p.ndim != 1:
        raise ValueError(
            f"Expected the probabilities of one sample, shape [C]: received {format_shape(p)}. "
            "Select one, such as probs[0]."
        )
    if (p < -1e-6).any() or abs(p.sum() - 1) > 1e-3:
        raise ValueError(
            f"Expected probabilities that sum to 1: received {len(p)} numbers from {format_range(p)} "
            f"that sum to {format_number(p.sum())}. Pass logits.softmax(dim=-1)."
        )
    names = one_each(class_names, len(p), "name per class")
    (ax,) = new_axes(1, height=0.7 + 0.27 * len(p))
    mark_predicted(ax.barh(range(len(p)), p, height=0.72, color=PALE))
    for i, value in enumerate(p):
        ax.text(value + 0.01, i, f"{value:.2f}", va="center", fontsize=9)
    ax.set_yticks(range(len(p)), [f"★ {name}" if i == truth else name for i, name in enumerate(names)])
    ax.set(xlim=(0, 1), xlabel="probability (hatched: predicted class, ★: true class)")
    ax.invert_yaxis()  # class 0 on top, as in a list
    likeliest = [c for c in np.argsort(-p, kind="stable")[:3] if p[c] >= 0.05] or [int(p.argmax())]
    words = join_words(f"{names[c]} ({format_number(p[c])})" for c in likeliest)
    return set_caption(ax, f"Probabilities of {format_count(len(p), 'classes')}: {words}; true class {names[truth]}.")


def mark_predicted(bars: BarContainer) -> None:
    """The longest bar dark, and hatched for those who do not see the colour."""
    bars[int(np.argmax(bars.datavalues))].set(facecolor=BLUE, hatch="///", edgecolor=PALE, linewidth=0)


def _matrix_sentence(counts: np.ndarray, fractions: np.ndarray, names: list[str]) -> str:
    right = np.diag(fractions)[counts.any(axis=1)]
    words = f"Confusion matrix of {format_count(int(counts.sum()), 'images')} in {format_count(len(names), 'classes')}"
    words += f": {format_percent(np.trace(counts) / counts.sum())} on the diagonal, by class from "
    words += f"{format_percent(right.min())} to {format_percent(right.max())}"
    wrong = fractions * (1 - np.eye(len(names)))
    second, most = np.sort(wrong, axis=None)[-2:] if wrong.size > 1 else (0, 0)
    if most == 0:
        return f"{words}; no confusion."
    true, predicted = (names[c] for c in np.unravel_index(int(wrong.argmax()), wrong.shape))
    confusion = f"{true} taken for {predicted}, " if most - second >= _CLEAR else ""
    return f"{words}; most frequent confusion {confusion}{format_percent(most)} of a true class."


@styled()
def decision_boundary(
    X: ArrayLike, y: ArrayLike, across: ArrayLike, up: ArrayLike, probabilities: Mapping[str, ArrayLike]
) -> np.ndarray:
    """Draw the probability of yes over a plane, the line where it is 0.5, and labelled points, one Axes per model.

    `probabilities` maps a title to what a model predicts at each point of the grid. Returns an array of the Axes.

    Shapes:
        X: [N, 2]. y: [N] or [N, 1], 1 for yes and 0 for no. across: [U]; up: [V]. Each of the probabilities: [V, U].
    """
    X, yes, across, up = finite(X, "X"), vector(y, "y") > 0.5, vector(across, "across"), vector(up, "up")
    grids = {title: finite(grid, f"the probabilities {title!r}") for title, grid in probabilities.items()}
    axes = new_axes(len(grids), height=3.8, sharey=True)
    extent = (across.min(), across.max(), up.min(), up.max())
    for ax, (title, grid) in zip(axes, grids.items(), strict=True):
        ax.imshow(grid, cmap=DIVERGING, vmin=0, vmax=1, origin="lower", extent=extent, alpha=0.6)
        if grid.min() < 0.5 < grid.max():
            # How many points a contour has differs between processors; the image behind it says the same.
            exclude_from_fingerprint(ax.contour(across, up, grid, levels=[0.5], colors=[INK], linewidths=1.8))
        for label, chosen, face in (("yes", yes, INK), ("no", ~yes, PAPER)):
            ax.plot(*X[chosen].T, "o", color=face, markeredgecolor=INK, markersize=4.5, linestyle="", label=label)
        ax.set(title=title, xlabel="first feature", xlim=extent[:2], ylim=extent[2:])
        words = f"{title}: probability {format_range(grid)}, above 0.5 in {format_percent((grid > 0.5).mean())} of "
        set_caption(ax, f"{words}the area; {format_count(len(yes), 'points')}, {int(yes.sum())} of them yes.")
    axes[0].set_ylabel("second feature")
    handles = [*axes[0].lines, Line2D([], [], color=INK, linewidth=1.8, label="decision boundary")]
    axes[0].figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return axes
