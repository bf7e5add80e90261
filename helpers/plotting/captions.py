"""The sentence that describes a figure: where it is kept, and how it is shown under the figure."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from io import BytesIO
from typing import Any, TypeVar

import matplotlib.pyplot as plt
import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from helpers.plotting.fingerprint import fingerprint
from helpers.plotting.style import DPI

Drawn = TypeVar("Drawn", Axes, Figure)

# What stands for the picture where only text is possible.
PLACEHOLDER = "(figure, described below)"


def set_caption(drawn: Drawn, sentence: str) -> Drawn:
    """Attach the sentence that describes what was drawn, and return the Axes or Figure.

    It becomes the artist's label, which Matplotlib keeps for Axes and Figures but draws nowhere. Compute it from
    the data: where the data come out of training, keep to words that do not change with the third digit.

    Raises: ValueError for a text that is no sentence, that is, one without a full stop at its end.
    """
    if not _is_sentence(sentence):
        raise ValueError(
            f"Expected a sentence that ends with a full stop: received {sentence!r}. "
            "Say what is drawn, how many, and in what range."
        )
    drawn.set_label(" ".join(sentence.split()))
    return drawn


def describe(drawn: Axes | Figure | Iterable[Axes]) -> str:
    """The sentence of an Axes; of a Figure its own, or else those of its Axes; of several Axes all of theirs.

    Raises: ValueError where there is none.
    """
    sentences = list(_sentences(drawn))
    if not sentences:
        raise ValueError(
            "Expected a sentence that describes the figure: none is attached to it. "
            "Pass caption=..., or attach one with set_caption(ax, ...)."
        )
    return " ".join(sentences)


def show(
    drawn: Axes | Figure | Iterable[Axes] | None = None, *, caption: str | None = None, steady: bool = True
) -> None:
    """Display a figure as a PNG and, under it, the sentence that describes it; then close that figure.

    `drawn` is a Figure, or one or more Axes of it; without it, pyplot's current figure is shown. `caption` takes
    the place of the figure's own sentence. Where pictures cannot be shown, the sentence is printed. In place of the
    picture, a text holds a fingerprint of the numbers drawn, so that a test sees when they change; `steady=False`
    leaves it out, for a figure of numbers (times, the worst mistakes) that another machine draws differently.

    Raises: ValueError where there is no figure, more than one, or no sentence; TypeError for anything else.
    """
    figure = _figure_of(drawn)
    sentence = describe(figure) if caption is None else _checked(caption)
    if InteractiveShell.initialized():
        picture = {"image/png": _png(figure), "text/plain": _in_place_of(figure, steady)}
        display(picture, metadata={"image/png": {"alt": sentence}}, raw=True)
        # <small> and no style: the page's own font and colours, light or dark, and GitHub keeps it.
        text = {"text/html": f"<p><small>{html.escape(sentence)}</small></p>", "text/plain": sentence}
        display(text, raw=True)
    else:
        print(sentence)
    plt.close(figure)  # or the notebook would draw it once more at the end of the cell


def _in_place_of(figure: Figure, steady: bool) -> str:
    numbers = fingerprint(figure) if steady else ""
    return f"{PLACEHOLDER[:-1]}; {numbers})" if numbers else PLACEHOLDER


def _is_sentence(text: object) -> bool:
    """Whether a label is a sentence, not one of Matplotlib's own ('<colorbar>') or a name given by the reader."""
    return isinstance(text, str) and text.rstrip().endswith((".", "!", "?"))


def _sentences(drawn: Any) -> Iterable[str]:  # noqa: ANN401
    if isinstance(drawn, (Axes, Figure)) and _is_sentence(drawn.get_label()):
        yield drawn.get_label()
    elif isinstance(drawn, Figure):
        for ax in drawn.axes:
            yield from _sentences(ax)
    elif not isinstance(drawn, Axes):
        for ax in _several(drawn):
            yield from _sentences(ax)


def _several(drawn: Any) -> list[Axes]:  # noqa: ANN401
    if isinstance(drawn, Iterable) and not isinstance(drawn, np.ndarray):
        drawn = list(drawn)
    several = list(np.asarray(drawn, dtype=object).flat)
    for item in several:
        if not isinstance(item, Axes):
            raise TypeError(
                f"Expected a Figure, or one or more Axes: received {type(item).__name__}. "
                "Pass what the plotting function returned."
            )
    return several


def _figure_of(drawn: Any) -> Figure:  # noqa: ANN401
    if isinstance(drawn, Figure):
        return drawn
    if drawn is None:
        if not plt.get_fignums():
            raise ValueError("Expected a figure to show: none is open. Draw one first, or pass it.")
        return plt.gcf()
    figures = {ax.get_figure(root=True) for ax in _several(drawn)}
    if len(figures) != 1:
        raise ValueError(f"Expected the Axes of one figure: received those of {len(figures)}. Show them one by one.")
    return figures.pop()


def _checked(caption: str) -> str:
    if not isinstance(caption, str) or not caption.strip():
        raise ValueError(
            f"Expected caption to describe the figure: received {caption!r}. Pass a sentence, or leave it out."
        )
    return " ".join(caption.split())


def _png(figure: Figure) -> str:
    """The figure as base64 text, with a palette of 256 colours: plenty for plots, at a third of the size."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, bbox_inches="tight", facecolor=figure.get_facecolor())
    picture = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    stored = BytesIO()
    picture.save(stored, format="png", optimize=True)
    return base64.b64encode(stored.getvalue()).decode("ascii")
