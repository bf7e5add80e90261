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

PLACEHOLDER = "(figure, described below)"  # takes the place of the image where only text is possible
_SHARPNESS = 2  # pixels of the file per pixel of the page, for screens of high resolution


def set_caption(drawn: Drawn, sentence: str) -> Drawn:
    """Attach the sentence that describes what was drawn, and return the Axes or Figure.

    It becomes the artist's label, which Matplotlib keeps for Axes and Figures but draws nowhere. Compute it from
    the data; where the data come out of training, use words that do not depend on the third digit.

    Raises: ValueError for a text without a full stop at its end.
    """
    if not _is_sentence(sentence):
        raise ValueError(
            f"Expected a sentence that ends with a full stop: received {sentence!r}. "
            "Say what is drawn, how many, and in what range."
        )
    drawn.set_label(" ".join(sentence.split()))
    return drawn


def describe(drawn: Axes | Figure | Iterable[Axes]) -> str:
    """The sentence of an Axes; that of a Figure, or else those of its Axes; the sentences of several Axes.

    Raises: ValueError where there is none.
    """
    artists = _axes_in(drawn)
    if isinstance(drawn, Figure):
        artists = [drawn] if _is_sentence(drawn.get_label()) else drawn.axes
    sentences = [artist.get_label() for artist in artists if _is_sentence(artist.get_label())]
    if not sentences:
        raise ValueError(
            "Expected a sentence that describes the figure: received a figure without one. "
            "Pass caption=..., or attach one with set_caption(ax, ...)."
        )
    return " ".join(sentences)


def show(drawn: Axes | Figure | Iterable[Axes] | None = None, *, caption: str | None = None) -> None:
    """Display a figure as a PNG and, under it, the sentence that describes it; then close that figure.

    `drawn` is a Figure, or one or more Axes of it; without it, pyplot's current figure is shown. `caption` replaces
    the figure's own sentence. Where images cannot be shown, the sentence is printed. The text that is stored in place
    of the image contains a fingerprint of the numbers drawn, so that a test notices when they change.

    Raises: ValueError where there is no figure, more than one, or no sentence; TypeError for anything else.
    """
    figure = _figure_of(drawn)
    if caption is not None and not caption.strip():
        raise ValueError(f"Expected a caption that describes the figure: received {caption!r}. Pass a sentence.")
    sentence = describe(figure) if caption is None else " ".join(caption.split())
    if InteractiveShell.initialized():
        png, size = _png(figure)
        numbers = fingerprint(figure)
        text = f"{PLACEHOLDER[:-1]}; {numbers})" if numbers else PLACEHOLDER
        display({"image/png": png, "text/plain": text}, metadata={"image/png": {"alt": sentence, **size}}, raw=True)
        # <small> and no style: the page's own font and colours, light or dark, and GitHub keeps it.
        display({"text/html": f"<p><small>{html.escape(sentence)}</small></p>", "text/plain": sentence}, raw=True)
    else:
        print(sentence)
    plt.close(figure)  # or the notebook would draw it again at the end of the cell


def _is_sentence(text: object) -> bool:
    """Whether a label is a sentence, not one of Matplotlib's own ('<colorbar>') or a name given by the user."""
    return isinstance(text, str) and text.rstrip().endswith((".", "!", "?"))


def _axes_in(drawn: Any) -> list[Axes]:  # noqa: ANN401
    if isinstance(drawn, Figure):
        return drawn.axes
    if isinstance(drawn, Iterable) and not isinstance(drawn, np.ndarray):
        drawn = list(drawn)
    axes = list(np.asarray(drawn, dtype=object).flat)
    for item in axes:
        if not isinstance(item, Axes):
            raise TypeError(
                f"Expected a Figure, or one or more Axes: received {type(item).__name__}. "
                "Pass what the plotting function returned."
            )
    return axes


def _figure_of(drawn: Any) -> Figure:  # noqa: ANN401
    if isinstance(drawn, Figure):
        return drawn
    if drawn is None:
        if not plt.get_fignums():
            raise ValueError("Expected a figure to show: none is open. Draw one first, or pass it.")
        return plt.gcf()
    figures = {ax.get_figure(root=True) for ax in _axes_in(drawn)}
    if len(figures) != 1:
        raise ValueError(f"Expected the Axes of one figure: received those of {len(figures)}. Show them one by one.")
    return figures.pop()


def _png(figure: Figure) -> tuple[str, dict[str, int]]:
    """The figure as base64 text, and its size on the page.

    It has a palette of 256 colours: plenty for plots, and a third of the bytes.
    """
    drawn, stored = BytesIO(), BytesIO()
    options = {"transparent": False, "facecolor": figure.get_facecolor(), "bbox_inches": "tight", "pad_inches": 0.1}
    figure.savefig(drawn, format="png", dpi=_SHARPNESS * DPI, **options)
    image = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(stored, format="png", optimize=True)
    size = {"width": round(image.width / _SHARPNESS), "height": round(image.height / _SHARPNESS)}
    return base64.b64encode(stored.getvalue()).decode("ascii"), size
