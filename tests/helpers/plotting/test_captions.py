"""The sentence of a figure, and how a figure is shown with it."""

import base64
import sys
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image
from traitlets.config import Config

from helpers.plotting import describe, image_grid, learning_curves, probability_bars, set_caption, show
from helpers.plotting.style import DPI, WIDTH, styled
from helpers.plotting.values import format_number, format_percent, format_range


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A real IPython shell in this process, and everything as it was afterwards."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


def test_describe_joins_the_sentences_of_axes_and_skips_other_labels():
    figure, axes = plt.subplot_mosaic("AB")
    figure.colorbar(axes["A"].imshow([[0, 1]]))  # Matplotlib labels the colour bar, and a mosaic its Axes
    assert set_caption(axes["A"], "Two\n cells.") is axes["A"]
    set_caption(axes["B"], "Nothing yet.")
    assert describe(axes["A"]) == "Two cells."
    assert describe(figure) == describe(list(axes.values())) == "Two cells. Nothing yet."
    assert describe(set_caption(figure, "Both.")) == "Both."


def test_show_displays_figure_and_caption_and_closes_that_figure(shell):
    other = plt.figure()
    (ax,) = learning_curves({"train_loss": [0.5, 0.25]})
    set_caption(ax, "A < B & C.")
    hostile = {"savefig.transparent": True, "savefig.facecolor": "black", "savefig.pad_inches": 2}
    with mpl.rc_context(hostile), capture_output() as captured:
        assert show(ax) is None
    figure, caption = captured.outputs
    image = Image.open(BytesIO(base64.b64decode(figure.data["image/png"])))
    assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
    metadata = figure.metadata["image/png"]
    assert metadata["alt"] == caption.data["text/plain"] == "A < B & C."
    assert abs(metadata["width"] - WIDTH * DPI) < 20
    assert image.width == pytest.approx(2 * metadata["width"], abs=1)  # sharp on a screen of high resolution
    assert image.height == pytest.approx(2 * metadata["height"], abs=1)
    assert figure.data["text/plain"].startswith("(figure, described below; lines across 2, mean 1.5000, weighted ")
    assert caption.data["text/html"] == "<p><small>A &lt; B &amp; C.</small></p>"
    assert plt.get_fignums() == [other.number]


def test_show_takes_another_caption(shell):
    with capture_output() as captured:
        show(image_grid(np.zeros((2, 4, 4)), correct=[True, False]), caption="  My own\nwords ")
    assert captured.outputs[0].metadata["image/png"]["alt"] == captured.outputs[1].data["text/plain"] == "My own words"
    assert captured.outputs[0].data["text/plain"] == "(figure, described below)"  # mistakes differ between processors


def test_show_prints_the_sentence_where_there_is_no_ipython(capsys):
    InteractiveShell.clear_instance()
    ax = probability_bars([0.25, 0.75], ["no", "yes"], truth=0)
    show(ax)
    assert capsys.readouterr().out == f"{describe(ax)}\n"
    assert not plt.get_fignums()


def test_what_the_first_figure_of_a_notebook_switches_on_stays_on():
    with mpl.rc_context({"interactive": False}):
        with styled():
            mpl.interactive(True)  # as loading the backend does
        assert mpl.is_interactive()


def test_numbers_in_words():
    values = (0, -0.0, 12.0, 0.85149, -1.2345, 1.5e-7, 1e6)
    assert [format_number(value) for value in values] == ["0", "0", "12", "0.851", "-1.23", "1.5e-07", "1e+06"]
    assert format_percent(0.7123) == "71.2 %"
    assert format_range(np.array([-1e-3, 1e4])) == "0 to 10000"  # nothing beside the largest
