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

    It becomes the artist's label, which Matplotlib draws nowhere; its full stop tells it from other labels. Compute it
    from the data; where these come out of training, use words that do not depend on the third digit.
    """
    drawn.set_label(" ".join(sentence.split()))
    return drawn


def describe(drawn: Axes | Figure | Iterable[Axes]) -> str:
    """The sentence of an Axes; that of a Figure, or else those of its Axes; the sentences of several Axes.

    Raises: ValueError where there is none.
    """
    artists = [drawn] if isinstance(drawn, Figure) and _is_sentence(drawn.get_label()) else _axes_in(drawn)
    sentences = [artist.get_label() for artist in artists if _is_sentence(artist.get_label())]
    if not sentences:
        raise ValueError(
            "Expected a sentence that describes the figure: received a figure without one. "
            "Pass caption=..., or attach one with set_caption(ax, ...)."
        )
    return " ".join(sentences)


def show(drawn: Axes | Figure | Iterable[Axes], *, caption: str | None = None) -> None:
    """Display a figure, or that of these Axes, and under it the sentence that describes it; then close it.

    `caption` replaces the figure's own sentence. Where images cannot be shown, the sentence is printed. The text stored
    in place of the image contains a fingerprint of the numbers drawn, so that a test notices when they change.

    Raises: ValueError where the Axes are of several figures, or there is no sentence; TypeError for anything else.
    """
    figure = figure_of(drawn)
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


def figure_of(drawn: Axes | Figure | Iterable[Axes]) -> Figure:
    """The figure itself, or the one of these Axes. Raises: ValueError for Axes of several figures."""
    figures = {drawn} if isinstance(drawn, Figure) else {ax.get_figure(root=True) for ax in _axes_in(drawn)}
    if len(figures) != 1:
        raise ValueError(f"Expected the Axes of one figure: received those of {len(figures)}. Show them one by one.")
    return figures.pop()


def _is_sentence(text: object) -> bool:
    """Whether a label is a sentence, not one of Matplotlib's own ('<colorbar>') or a name given by the user."""
    return isinstance(text, str) and text.rstrip().endswith((".", "!", "?"))


def _axes_in(drawn: Any) -> list[Axes]:  # noqa: ANN401
    if isinstance(drawn, Figure):
        return drawn.axes
    axes = list(np.asarray(drawn, dtype=object).flat)
    for item in axes:
        if not isinstance(item, Axes):
            raise TypeError(
                f"Expected a Figure, or one or more Axes: received {type(item).__name__}. "
                "Pass what the plotting function returned."
            )
    return axes


def _png(figure: Figure) -> tuple[str, dict[str, int]]:
    """The figure as base64 text, and its size on the page.

    It has a palette of 128 colours: plenty for plots, and less than a third of the bytes.
    """
    drawn, stored = BytesIO(), BytesIO()
    options = {"transparent": False, "facecolor": figure.get_facecolor(), "bbox_inches": "tight", "pad_inches": 0.1}
    figure.savefig(drawn, format="png", dpi=_SHARPNESS * DPI, **options)
    image = Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    image.save(stored, format="png", optimize=True)
    size = {"width": round(image.width / _SHARPNESS), "height": round(image.height / _SHARPNESS)}
    return base64.b64encode(stored.getvalue()).decode("ascii"), size
