"""The form of every widget: labelled controls and, under them, a sentence and a picture that answer at once.

A widget is a panel with a function from the values of its controls to a figure: no state but what can be seen, so
that a cell may be run again, and any position reached in any order.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import RLock
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from helpers.plotting import describe
from helpers.plotting.style import DPI, without_pyplot

Drawn = Figure | Axes | np.ndarray | Sequence[Axes]
Answer = Drawn | tuple[Drawn | str | None, str]

_CONTROL = {"width": "28em", "max_width": "100%"}  # one width, so that they stand in columns; the label takes its part
_LABEL = {"description_width": "initial"}  # as wide as its words, so that none is cut off

# Space for the picture is kept while it loads, so that the page does not jump; white paper, because plots are dark.
_CARD = "max-width:calc(100% - 8px);height:auto;padding:4px;border-radius:4px;background:#fff"
_WORDS = "margin:4px 0;line-height:1.45;color:var(--jp-content-font-color1,inherit)"


class RefusalError(ValueError):
    """What a learner asked for cannot be done: the message says the rule, what was received, and the remedy."""


class Panel(widgets.VBox):
    """Controls with their labels and, under them, a sentence and the picture that it describes.

    `answer` is called with the value of every control, by its name. It returns what to show: a Figure or Axes that
    bear their sentence, or a pair, the picture (a Figure, Axes, HTML, or None) and the sentence. Where it cannot answer
    it raises `RefusalError`: the panel says so, and leaves the last picture there, pale.

    `state` holds further values that no control shows, such as a number of steps, for buttons to change by `set`.
    `adjust` is called with the panel before each answer, to bring controls in line with each other.
    """

    def __init__(
        self,
        title: str,
        controls: Mapping[str, widgets.DOMWidget],
        answer: Callable[..., Answer],
        *,
        state: Mapping[str, Any] | None = None,
        adjust: Callable[[Panel], None] | None = None,
    ) -> None:
        """Build the panel and show its first answer."""
        self.name, self.controls, self.state = title, dict(controls), dict(state or {})
        self.sentence = ""
        self.fault: Exception | None = None  # what went wrong in the last answer, other than a RefusalError
        self._answer, self._adjust = answer, adjust
        self._picture, self._held, self._lock = "", False, RLock()
        self._output = widgets.HTML(layout={"width": "auto"})
        heading = widgets.HTML(f"<strong>{html.escape(title)}</strong>")
        names = _Names(title=title, layout={"display": "none"})
        row = widgets.Box([*self.controls.values()], layout={"flex_flow": "row wrap", "grid_gap": "2px 20px"})
        super().__init__([heading, row, self._output, names])
        self.add_class("course-panel")
        for control in self.controls.values():
            if isinstance(control, widgets.Button):
                control.on_click(self._press)
            else:
                control.observe(self._moved, "value")
        self.refresh()

    @property
    def values(self) -> dict[str, Any]:
        """The value of every control that has one, and the state."""
        shown = {name: c.value for name, c in self.controls.items() if not isinstance(c, widgets.Button)}
        return shown | self.state

    def set(self, **values: Any) -> None:  # noqa: ANN401
        """Give controls and state these values, then answer once."""
        with self._lock:
            with self._unanswered():
                for name, value in values.items():
                    if name in self.state:
                        self.state[name] = value
                    else:
                        self.controls[name].value = value
            self.refresh()

    def refresh(self) -> None:
        """Answer to the values as they are now."""
        with self._lock, without_pyplot():  # Jupyter may call from a thread of its own
            self.fault = None
            try:
                if self._adjust:
                    with self._unanswered():
                        self._adjust(self)
                drawn, self.sentence = _parts(self._answer(**self.values))
                self._picture = _as_html(drawn, self.sentence)
                self._show("answer")
            except RefusalError as refusal:
                self._refuse("refusal", str(refusal))
            except Exception as fault:
                self._fail(fault)

    @contextmanager
    def _unanswered(self) -> Iterator[None]:
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _moved(self, _: object) -> None:
        if not self._held:
            self.refresh()

    def _press(self, button: widgets.Button) -> None:
        try:
            button.press(self)
        except RefusalError as refusal:
            self._refuse("refusal", str(refusal))
        except Exception as fault:  # ipywidgets would hide it
            self._fail(fault)

    def _fail(self, fault: Exception) -> None:
        self.fault = fault
        said = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}".strip(" :.")
        self._refuse("fault", f"Expected an answer here: received {said[:200]}. Move a control, or run the cell again.")

    def _refuse(self, kind: str, sentence: str) -> None:
        self.sentence = sentence
        self._show(kind)

    def _show(self, kind: str) -> None:
        """The sentence as a live region, which screen readers read out, then the picture, pale if it is an old one."""
        mark = "" if kind == "answer" else "⚠ "
        words = f'<p role="status" data-kind="{kind}" style="{_WORDS}">{mark}{html.escape(self.sentence)}</p>'
        pale = "" if kind == "answer" else ' style="opacity:0.3" aria-hidden="true"'
        self._output.value = f"{words}<div{pale}>{self._picture}</div>"

    def __repr__(self) -> str:
        """What the panel says, without its picture: shown where there is no browser, and compared by tests."""
        values = (
            f"{control.description}: {_in_words(control)}"
            for control in self.controls.values()
            if not isinstance(control, widgets.Button)
        )
        return "\n".join([f"{self.name} (run this cell to play with it)", *values, self.sentence])

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        bundle = super()._repr_mimebundle_(**options)
        return {**bundle, "text/plain": repr(self)}  # ipywidgets cuts it off after 110 letters


class _Names(anywidget.AnyWidget):
    """Nothing to see: what tells screen readers how the panel and its sliders are called."""

    _esm = Path(__file__).with_name("panel.js")
    _css = Path(__file__).with_name("controls.css")
    title = traitlets.Unicode().tag(sync=True)


def slider(label: str, value: float, low: float, high: float, *, step: float = 1, digits: int = 2) -> widgets.Widget:
    """A slider over whole numbers, or, where the step is none, over numbers shown with so many digits."""
    kind, readout = (widgets.IntSlider, "d") if isinstance(step, int) else (widgets.FloatSlider, f".{digits}f")
    options = {"min": low, "max": high, "step": step, "readout_format": readout}
    return kind(value, description=label, layout=_CONTROL, style=_LABEL, **options)


def scale(label: str, options: Sequence[Any], value: Any) -> widgets.SelectionSlider:  # noqa: ANN401
    """A slider over a few numbers that are not evenly apart, such as learning rates."""
    texts = [(f"{option:g}", option) for option in options]
    return widgets.SelectionSlider(options=texts, value=value, description=label, layout=_CONTROL, style=_LABEL)


def choice(label: str, options: Sequence[Any], value: Any = None) -> widgets.Dropdown:  # noqa: ANN401
    """A list to choose one of: texts, or pairs of a text and what it stands for; the first unless a value is given.

    None is no option: to ipywidgets it means that nothing is chosen.
    """
    first = options[0][1] if isinstance(options[0], tuple) else options[0]
    value = first if value is None else value
    return widgets.Dropdown(options=options, value=value, description=label, layout=_CONTROL, style=_LABEL)


def toggle(label: str, options: Sequence[str], value: str | None = None) -> widgets.ToggleButtons:
    """A few options side by side, one of them pressed: the first unless a value is given."""
    style = {**_LABEL, "button_width": "auto"}
    value = value or options[0]
    return widgets.ToggleButtons(options=options, value=value, description=label, layout=_CONTROL, style=style)


def text(label: str, value: str) -> widgets.Text:
    """A line to type in, answered at every key."""
    return widgets.Text(value, description=label, layout=_CONTROL, style=_LABEL)


class button(widgets.Button):  # noqa: N801 - used like the functions above
    """A button; `press` is called with the panel."""

    def __init__(self, label: str, press: Callable[[Panel], None]) -> None:
        """Make the button."""
        super().__init__(description=label, layout={"width": "auto"})
        self.press = press


def place(axes: Axes | Sequence[Axes], *boxes: tuple[float, float, float, float]) -> None:
    """Fix where each Axes stands: left, bottom, width, height as fractions of the figure.

    Then nothing need be measured, which takes time, and nothing jumps while a control is moved.
    """
    axes = np.asarray(axes, dtype=object).reshape(-1)
    axes[0].get_figure().set_layout_engine("none")
    for ax, box in zip(axes, boxes, strict=True):
        ax.set_position(box)


def _parts(answer: Answer) -> tuple[Drawn | str | None, str]:
    return answer if isinstance(answer, tuple) else (answer, describe(answer))


def _as_html(drawn: Drawn | str | None, sentence: str) -> str:
    if drawn is None or isinstance(drawn, str):
        return drawn or ""
    figure = drawn if isinstance(drawn, Figure) else np.asarray(drawn, dtype=object).flat[0].get_figure(root=True)
    png = BytesIO()
    # Its full size, not cut to what is drawn: the picture keeps its place while things in it move. Little compressed,
    # because time counts here, and size does not.
    figure.savefig(png, format="png", dpi=DPI, facecolor=figure.get_facecolor(), pil_kwargs={"compress_level": 1})
    width, height = Image.open(png).size
    data = base64.b64encode(png.getvalue()).decode("ascii")
    source = f"data:image/png;base64,{data}"
    return f'<img alt="{html.escape(sentence)}" width="{width}" height="{height}" style="{_CARD}" src="{source}">'


def _in_words(control: widgets.Widget) -> str:
    """The value of a control as the learner sees it: an option by its label, a number with its digits."""
    if isinstance(control, widgets.FloatSlider):
        return format(control.value, control.readout_format)
    return str(getattr(control, "label", control.value))
