"""What a classifier answers: for one example, and for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from helpers.plotting.captions import set_caption
from helpers.plotting.style import BLUE, PALE, SEQUENTIAL, WIDTH, axes_or_new, ink, styled, text_on
from helpers.plotting.values import check_names, count, finite, listing, number, percent, shape

# A caption names a class as the best or the worst only by this margin: another processor moves an accuracy by
# a point, and the words of a caption must be the same on all of them.
CLEAR = 0.02


@styled()
def confusion_matrix(
    matrix: Any,  # noqa: ANN401
    class_names: Sequence[str],
    *,
    normalize: bool = True,
    what: str = "pictures",
    ax: Axes | None = None,
) -> Axes:
    """Draw how often each true class (row) was predicted as each class (column), as a heat map with numbers.

    Shapes:
        matrix: [C, C], counts. With `normalize`, a cell shows its share of the row in per cent; else the count.

    Raises: ValueError where the matrix is not square, holds no counts, or the names are not C.
    """
    counts = finite(matrix, "matrix")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(
            f"Expected a matrix of shape [C, C]: received {shape(counts)}. Count rows by truth, columns by prediction."
        )
    names = check_names(class_names, len(counts), "one name per class")
    if (counts < 0).any() or (counts != np.round(counts)).any() or not counts.any():
        raise ValueError(
            f"Expected counts, at least one of them above 0: received numbers from {number(counts.min())} to "
            f"{number(counts.max())}. Pass the counts; normalize=True turns them into shares."
        )
    counts = counts.astype(np.int64)
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)

    ax = axes_or_new(ax, height=min(0.86 * WIDTH, 1.5 + 0.5 * len(names)))
    texts = np.vectorize("{:.0f}".format)(100 * shares) if normalize else np.vectorize(str)(counts)
    # A class that does not occur has no shares: a dash, not 0 per cent.
    _heat_map(ax, shares if normalize else counts / counts.max(), np.where(rows > 0, texts, "–"))
    ticks, steep = range(len(names)), max(map(len, names)) > 4
    ax.set_xticks(ticks, names, rotation=45 if steep else 0, ha="right" if steep else "center", rotation_mode="anchor")
    ax.set_yticks(ticks, names)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.set_title("per cent of each true class" if normalize else f"number of {what}")
    return set_caption(ax, _matrix_in_words(counts, shares, names, what))


@styled()
def probability_bars(
    probabilities: Any,  # noqa: ANN401
    class_names: Sequence[str],
    *,
    truth: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar a class: the predicted one dark and hatched, the true one (index `truth`) with a star.

    Shapes:
        probabilities: [C], each from 0 to 1, together 1.

    Raises: ValueError where they are no probabilities, the names are not C, or `truth` is none of the classes.
    """
    p = finite(probabilities, "probabilities").astype(np.float64)
    if p.ndim != 1:
        raise ValueError(
            f"Expected the probabilities of one example, shape [C]: received {shape(p)}. Choose one, such as probs[0]."
        )
    if (p < -1e-6).any() or abs(p.sum() - 1) > 1e-3:
        raise ValueError(
            f"Expected probabilities that sum to 1: received {len(p)} numbers from {number(p.min())} to "
            f"{number(p.max())} that sum to {number(p.sum())}. Pass logits.softmax(dim=-1)."
        )
    names = check_names(class_names, len(p), "one name per probability")
    if truth is not None and (isinstance(truth, str) or not (float(truth).is_integer() and 0 <= truth < len(p))):
        raise ValueError(f"Expected truth to be an index from 0 to {len(p) - 1}: received {truth!r}. Pass the label.")

    truth = None if truth is None else int(truth)
    ax = axes_or_new(ax, height=0.7 + 0.27 * len(p))
    predicted = int(p.argmax())
    bars = ax.barh(range(len(p)), p, height=0.72, color=PALE)
    bars[predicted].set(facecolor=BLUE, hatch="///", edgecolor=PALE, linewidth=0)
    for i, value in enumerate(p):
        ax.text(value + 0.01, i, f"{value:.2f}", va="center", fontsize=9, color=ink(ax))
    ax.set_yticks(range(len(p)), [f"★ {name}" if i == truth else name for i, name in enumerate(names)])
    ax.set(xlim=(0, 1.12), xlabel="probability" if truth is None else "probability (★ true class)")
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.invert_yaxis()  # class 0 on top, as in a list
    return set_caption(ax, _bars_in_words(p, names, truth))


def _heat_map(ax: Axes, heat: np.ndarray, texts: np.ndarray) -> None:
    """Cells coloured by `heat` from 0 to 1, each with its text in a colour that stands out from the cell."""
    cmap = mpl.colormaps[SEQUENTIAL]
    ax.imshow(heat, cmap=cmap, vmin=0, vmax=1)
    size = float(np.clip(90 / len(heat), 5, 10))
    for (i, j), value in np.ndenumerate(heat):
        ax.text(j, i, texts[i, j], ha="center", va="center", fontsize=size, color=text_on(cmap(value)))
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _matrix_in_words(counts: np.ndarray, shares: np.ndarray, names: list[str], what: str) -> str:
    right = np.diag(shares)
    words = f"Confusion matrix of {count(int(counts.sum()), what)} in {count(len(names), 'classes')}: "
    words += f"{percent(np.trace(counts) / counts.sum())} on the diagonal"
    seen = sorted(np.flatnonzero(counts.sum(axis=1)), key=lambda c: right[c])
    if len(seen) > 1:
        worst, best = _named(right, seen, names), _named(right, seen[::-1], names)
        words += f", by class from {worst} to {best}"
    wrong = shares - np.diag(right)
    most, second = np.sort(np.append(wrong, [0, 0]))[[-1, -2]]
    if most == 0:
        return f"{words}; no confusion."
    true, read = (names[c] for c in np.unravel_index(int(wrong.argmax()), wrong.shape))
    if most - second < CLEAR:
        return f"{words}; most frequent confusion {percent(most)} of a true class."
    return f"{words}; most frequent confusion {true} read as {read} ({percent(most)} of true {true})."


def _named(right: np.ndarray, order: list[int], names: list[str]) -> str:
    """The share of the first class in `order`, with its name where it is clearly apart from the second."""
    first, second = right[order[0]], right[order[1]]
    return f"{percent(first)} ({names[order[0]]})" if abs(first - second) >= CLEAR else percent(first)


def _bars_in_words(p: np.ndarray, names: list[str], truth: int | None) -> str:
    """The likeliest class and up to two more that are not negligible, whose order could change by itself."""
    order = [c for c in np.argsort(-p, kind="stable")[:3] if p[c] >= 0.05] or [int(p.argmax())]
    words = f"Probabilities of {count(len(p), 'classes')}: {listing(f'{names[c]} ({number(p[c])})' for c in order)}"
    return f"{words}; true class {names[truth]}." if truth is not None else f"{words}."
