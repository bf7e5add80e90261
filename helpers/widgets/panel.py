"""The form of every widget: labelled controls and, under them, a sentence and a figure that answer at once.

A widget is a panel with a function from the values of its controls to a figure. It has no hidden state, so a cell can
be run again, and any position can be reached in any order.
"""

from __future__ import annotations

import base64
import gc
import html
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import RLock
from typing import Any

import anywidget
import ipywidgets as widgets
import matplotlib as mpl
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from helpers.plotting.captions import describe, figure_of
from helpers.plotting.style import DPI, without_pyplot

Drawn = Figure | Axes | Sequence[Axes]
Answer = Drawn | tuple[Drawn | None, str]

_REMEDY = (
    "the notebook in JupyterLab started from the course's environment; where Jupyter runs elsewhere, install "
    "ipywidgets and anywidget there."
)
# Under the text, and in the image, that front ends show which cannot show widgets.
TEXT_INSTEAD = f"This text takes the place of a widget. To use it, open {_REMEDY}"
NOTE = f"A widget, as it is when its cell has run. To use it, run {_REMEDY}"

# One width for every control, so that they line up; it includes the label, which is as wide as its words.
_LOOK = {"layout": {"width": "28em", "max_width": "100%"}, "style": {"description_width": "initial"}}

CONTROLS_CSS = Path(__file__).with_name("controls.css")

# A white background, because plots are dark; never wider than the page.
_CARD = "max-width:calc(100% - 8px);height:auto;padding:4px;border-radius:4px;background:#fff"
_WORDS = "margin:4px 0;line-height:1.45;color:var(--jp-content-font-color1,inherit)"


class RefusalError(ValueError):
    """A learner's input that cannot be answered: the message states the rule, what was received, and the remedy."""


class Panel(widgets.VBox):
    """Controls with their labels and, under them, a sentence and the figure that it describes.

    `answer` is called with the value of every control, by name. It returns a Figure or Axes with a caption, or a pair
    of a Figure, Axes or None and the sentence. If it raises, the panel shows the message, and the last figure stays,
    faded. `adjust` is called with the panel before each answer, to make controls depend on each other.
    """

    def __init__(
        self,
        title: str,
        controls: Mapping[str, widgets.DOMWidget],
        answer: Callable[..., Answer],
        *,
        adjust: Callable[[Panel], None] | None = None,
    ) -> None:
        """Build the panel and show its first answer."""
        self.name, self.controls = title, dict(controls)
        self._answer, self._adjust = answer, adjust
        self._image = ""  # the last figure, as HTML
        self._answering, self._lock = False, RLock()
        self._output = widgets.HTML(layout={"width": "auto"})
        heading = widgets.HTML(f"<strong>{html.escape(title)}</strong>")
        row = widgets.Box([*self.controls.values()], layout={"flex_flow": "row wrap", "grid_gap": "2px 20px"})
        super().__init__([heading, row, self._output, _Names(title=title, layout={"display": "none"})])
        self.add_class("course-panel")
        for control in self.controls.values():
            control.observe(self.refresh, "value")
        self.refresh()

    @property
    def values(self) -> dict[str, Any]:
        """The value of every control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def refresh(self, _: object = None) -> None:
        """Answer to the values as they are now."""
        # Jupyter may call this from another thread.
        with self._lock, without_pyplot(), garbage_collected_young():
            if self._answering:  # `adjust` has moved a control
                return
            self._answering = True
            try:
                if self._adjust:
                    self._adjust(self)
                sentence, image = self._draw()
                self._image = _image_tag(*image, sentence) if image else ""
                self._show("answer", sentence)
            except RefusalError as refusal:
                self._show("refusal", str(refusal))
            except Exception as fault:  # ipywidgets would hide it
                self._show("fault", f"{error_line(fault)} Move a control, or run the cell again.")
            finally:
                self._answering = False

    def _draw(self, note: str = "") -> tuple[str, tuple[str, dict[str, int]] | None]:
        """The sentence of the answer, and its image as `_png` returns it; the figure itself ends with this call."""
        answer = self._answer(**self.values)
        drawn, sentence = answer if isinstance(answer, tuple) else (answer, describe(answer))
        return sentence, None if drawn is None else _png(figure_of(drawn), note)

    def _show(self, outcome: str, sentence: str) -> None:
        """The sentence as a live region, which screen readers read out, then the figure, faded if it is an old one."""
        self.outcome, self.sentence = outcome, sentence
        mark, faded = ("", "") if outcome == "answer" else ("⚠ ", ' style="opacity:0.3" aria-hidden="true"')
        words = f'<p role="status" data-kind="{outcome}" style="{_WORDS}">{mark}{html.escape(sentence)}</p>'
        self._output.value = f"{words}<div{faded}>{self._image}</div>"

    def __repr__(self) -> str:
        """What the panel says, without its figure: shown where widgets cannot be, and compared by tests."""
        values = (f"{control.description}: {_value_in_words(control)}" for control in self.controls.values())
        return "\n".join([self.name, *values, self.sentence, f"({TEXT_INSTEAD})"])

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401
        bundle = super()._repr_mimebundle_(**options)
        bundle["text/plain"] = repr(self)  # ipywidgets cuts it off after 110 characters
        if self.outcome != "answer" or not self._image:
            return bundle, {}
        with self._lock, without_pyplot():
            sentence, (png, size) = self._draw(NOTE)
        return {**bundle, "image/png": png}, {"image/png": {**size, "alt": sentence}}


def _png(figure: Figure, note: str) -> tuple[str, dict[str, int]]:
    """A figure as base64 text, and its size on the page: drawn fast or, with a note under it, sharp and small."""
    file, scale = BytesIO(), 2 if note else 1  # pixels of the file per pixel of the page
    # The whole figure, not cut to what is drawn: things in it move, the image does not.
    options = {"facecolor": figure.get_facecolor(), "pil_kwargs": {"compress_level": 1}}
    figure.savefig(file, format="png", dpi=scale * DPI, **options)
    image = Image.open(file)
    if note:
        font = ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), 12 * scale)
        lines = textwrap.wrap(note, image.width // scale // 7)
        page = Image.new("RGB", (image.width, image.height + scale * (17 * len(lines) + 10)), "white")
        page.paste(image)
        corner = (8 * scale, image.height + 4 * scale)
        ImageDraw.Draw(page).text(corner, "\n".join(lines), fill="#666", font=font, spacing=4 * scale)
        image, file = page.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE), BytesIO()
        image.save(file, format="png", optimize=True)
    size = {"width": round(image.width / scale), "height": round(image.height / scale)}
    return base64.b64encode(file.getvalue()).decode("ascii"), size


def _image_tag(png: str, size: dict[str, int], alt: str) -> str:
    sides = f'width="{size["width"]}" height="{size["height"]}"'
    return f'<img alt="{html.escape(alt)}" {sides} style="{_CARD}" src="data:image/png;base64,{png}">'


class _Names(anywidget.AnyWidget):
    """An invisible widget that tells screen readers the names of the panel and of its sliders."""

    _esm = Path(__file__).with_name("panel.js")
    _css = CONTROLS_CSS
    title = traitlets.Unicode().tag(sync=True)


def slider(label: str, value: float, low: float, high: float, *, step: float = 1, digits: int = 2) -> widgets.Widget:
    """A slider over integers or, where `step` is a float, over numbers shown with so many digits."""
    options = {"value": value, "min": low, "max": high, "step": step}
    if isinstance(step, int):
        return widgets.IntSlider(description=label, **options, **_LOOK)
    return widgets.FloatSlider(description=label, readout_format=f".{digits}f", **options, **_LOOK)


def scale(label: str, options: Sequence[float], value: float) -> widgets.SelectionSlider:
    """A slider over a few numbers that are not evenly spaced, such as learning rates."""
    texts = [(f"{option:g}", option) for option in options]
    return widgets.SelectionSlider(options=texts, value=value, description=label, **_LOOK)


def choice(label: str, options: Sequence[Any]) -> widgets.Dropdown:
    """A drop-down list of texts, or of pairs of a text and its value (never None: to ipywidgets, that is no choice)."""
    return widgets.Dropdown(options=options, index=0, description=label, **_LOOK)


def toggle(label: str, options: Sequence[str], value: str | None = None) -> widgets.ToggleButtons:
    """A few options side by side, one of them pressed: the first unless a value is given."""
    control = widgets.ToggleButtons(options=options, value=value or options[0], description=label, **_LOOK)
    control.style.button_width = "auto"
    return control


def text(label: str, value: str) -> widgets.Text:
    """A line to type in, answered at every key."""
    return widgets.Text(value, description=label, **_LOOK)


class Runner(anywidget.AnyWidget):
    """Buttons to start, pause, step and reset; `value` counts the steps done, from 0 to `max`.

    The browser asks for one step at a time, and for the next only when the last is done: so pause and reset act at
    once, however slow the machine, and no thread is left when a cell is run again or the page is closed.
    """

    _esm = Path(__file__).with_name("runner.js")
    _css = CONTROLS_CSS

    value = traitlets.Int(0).tag(sync=True)
    max = traitlets.Int(100).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    description = traitlets.Unicode("steps").tag(sync=True)
    pause = traitlets.Int(50, help="milliseconds between two steps").tag(sync=True)

    # What the browser asks for, with a serial number, and the serial number of the last request done.
    request = traitlets.List(default_value=[0, ""]).tag(sync=True, echo_update=False)
    answered = traitlets.Int(0).tag(sync=True)

    @traitlets.observe("request")
    def _serve(self, change: dict[str, Any]) -> None:
        serial, action = change["new"]
        if action == "reset":
            self.running, self.value = False, 0
        elif action == "step" or self.running:  # a tick that was on its way when Pause was pressed does nothing
            self.value = min(self.value + 1, self.max)
        if self.value == self.max:
            self.running = False
        self.answered = serial


def place(axes: Sequence[Axes], *boxes: tuple[float, float, float, float]) -> None:
    """Fix the position of each Axes: left, bottom, width, height as fractions of the figure.

    Then nothing has to be measured, which takes time, and nothing jumps while a control is moved.
    """
    axes[0].get_figure().set_layout_engine("none")
    for ax, box in zip(axes, boxes, strict=True):
        ax.set_position(box)


def error_line(error: Exception) -> str:
    """The first line of an error, short enough to show to a learner."""
    message = next(iter(str(error).splitlines()), "")[:200].strip(" .")
    return f"{type(error).__name__}: {message}." if message else f"{type(error).__name__}."


@contextmanager
def garbage_collected_young() -> Iterator[None]:
    """Collect what an answer leaves behind at its end, in milliseconds.

    A figure is thousands of objects in reference cycles. Collections while it is drawn would move them to the oldest
    generation, and about every twenty answers one would search all that has been imported: half a second.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
            gc.collect(0)


def _value_in_words(control: widgets.Widget) -> str:
    """The value of a control as the learner sees it: an option by its label, a number with its digits."""
    if isinstance(control, widgets.FloatSlider):
        return format(control.value, control.readout_format)
    return str(getattr(control, "label", control.value))
