"""What every function that draws promises: the course's style, and that no change goes unseen."""

import inspect

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.text import Text

from helpers import plotting
from helpers.plotting import describe
from helpers.plotting.captions import PLACEHOLDER
from helpers.plotting.fingerprint import fingerprint
from helpers.plotting.style import WIDTH
from tests.helpers.plotting.figures import FIGURES, draw
from tests.notebooks.nbval_approx import adopt_rounding
from tools import NOTEBOOKS

HOSTILE = {
    "axes.facecolor": "pink",
    "axes.formatter.use_mathtext": True,
    "axes.grid": True,
    "figure.figsize": (3, 3),
    "font.size": 17,
    "hatch.linewidth": 5,
    "image.cmap": "jet",
    "image.interpolation": "bicubic",
    "image.origin": "lower",
    "lines.linestyle": ":",
    "text.usetex": True,
    "xtick.color": "red",
    "xtick.direction": "in",
    "ytick.labelsize": 20,
}


def test_every_function_that_draws_is_tried():
    exported = {name for name, value in vars(plotting).items() if inspect.isfunction(value)}
    assert FIGURES.keys() == exported - {"describe", "set_caption", "show"}


@pytest.mark.parametrize("name", FIGURES)
def test_the_users_settings_change_no_pixel_and_stay_as_they_are(name):
    def pixels():
        sentence = describe(draw(name))
        figure = plt.gcf()
        figure.canvas.draw()
        assert sentence not in {text.get_text() for text in figure.findobj(Text)}
        assert figure.get_tightbbox().width < 1.05 * WIDTH
        return figure.canvas.buffer_rgba().tobytes(), figure.bbox.size.tolist()

    ours = pixels()
    with mpl.rc_context(HOSTILE):
        before = mpl.rcParams.copy()
        assert pixels() == ours
        assert dict(mpl.rcParams) == dict(before)


# A changed number changes what the notebooks store


def _stored(drawn):
    """What a notebook stores for this figure: its fingerprint and its sentence."""
    stored = fingerprint(plt.gcf()), describe(drawn)
    plt.close()
    return stored


def _noticed(new, stored):
    """Whether a test of the notebooks would fail: the last digit of a fingerprint may be the next one."""
    return (adopt_rounding(new[0], stored[0]), new[1]) != stored


@pytest.mark.parametrize("name", FIGURES)
def test_a_changed_number_is_noticed(name):
    """One number is changed at a time: the first, one in the middle, and the last of each data set."""
    before = _stored(draw(name))
    assert before == _stored(draw(name))
    for argument, values in FIGURES[name][0].items():
        step = 1 if values.dtype.kind == "i" else 0.3 * (np.ptp(values) or 0.1)
        for place in {0, values.size // 2, values.size - 1}:
            changed = values.copy()
            changed.flat[place] += step if values.flat[place] < values.mean() or step == 1 else -step
            if argument == "probabilities":
                changed /= changed.sum()
            assert _noticed(_stored(draw(name, **{argument: changed})), before), f"{argument} at {place}"


# The bars of a histogram are the same whatever the order; a selection shows its numbers wherever they are.
@pytest.mark.parametrize("name", sorted(FIGURES.keys() - {"split_bar", "selections", "indexing"}))
def test_numbers_in_another_order_are_noticed(name):
    before = _stored(draw(name))
    for argument, values in FIGURES[name][0].items():
        if not np.allclose(values, values[::-1]) and (name, argument) not in {
            ("images_with_histograms", "values"),
            ("output_histograms", "first"),
            ("output_histograms", "tenth"),
            ("value_histograms", "values"),
        }:
            assert _noticed(_stored(draw(name, **{argument: values[::-1]})), before), argument


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_of_the_notebooks_is_stored_with_its_fingerprint(path):
    """Except a widget, a graph, whose sentence says all of it, a model's mistakes, and measured times."""
    figures = [
        (cell, output.data["text/plain"])
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {}) and "widget" not in cell.metadata.get("tags", [])
    ]
    assert figures
    for cell, text in figures:
        assert text.startswith(PLACEHOLDER[:-1])
        allowed = any(word in cell.source for word in ("graph_picture(", "correct=", "seconds"))
        assert (text == PLACEHOLDER) == allowed, f"{cell.id}: run `make notebooks`"
