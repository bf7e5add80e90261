"""Figures are tested for what they show: the data in the artists, the labels, the sentence under them."""

import base64
import os
import struct
import subprocess
import sys
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.colors import same_color, to_rgb
from traitlets.config import Config

from helpers import plotting
from helpers.plotting import (
    compare_curves,
    confusion_matrix,
    describe,
    image_grid,
    learning_curves,
    probability_bars,
    regression_plot,
    set_caption,
    show,
)
from helpers.plotting import style as look
from helpers.plotting.values import number, percent, span

NAMES = ["T-shirt/top", "Trouser", "Bag"]
HISTORY = {
    "train_loss": [2.1, 1.2, 0.85],
    "val_loss": [1.98, 0.8, 0.9],
    "train_accuracy": [0.3, 0.6, 0.71],
    "val_accuracy": [0.4, 0.65, 0.7],
}
X_TRAIN, X_TEST = torch.arange(0, 8).unsqueeze(1) / 10, torch.tensor([[0.8], [0.9]])
REGRESSION = (X_TRAIN, 2 * X_TRAIN, X_TEST, 2 * X_TEST)
PREDICTIONS = torch.tensor([[1.5], [1.6]], requires_grad=True)

# One call of every plotting function, for the promises that all of them make.
EVERY_PLOT = {
    "image_grid": lambda **to: image_grid(torch.zeros(2, 28, 28), **to),
    "learning_curves": lambda **to: learning_curves(HISTORY, metrics="loss", **to),
    "compare_curves": lambda **to: compare_curves({"SGD": [0.1, 0.2]}, **to),
    "regression_plot": lambda **to: regression_plot(*REGRESSION, predictions=PREDICTIONS, **to),
    "confusion_matrix": lambda **to: confusion_matrix(torch.eye(3, dtype=torch.int64), NAMES, **to),
    "probability_bars": lambda **to: probability_bars(torch.tensor([0.1, 0.2, 0.7]), NAMES, truth=1, **to),
}
ON_AXES = [name for name in EVERY_PLOT if name != "image_grid"]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A real IPython shell in this process, and everything as it was afterwards."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


def draw(name, **to):
    if name == "learning_curves" and "ax" in to:
        return EVERY_PLOT[name](axes=to["ax"])[0]
    return EVERY_PLOT[name](**to)


def figure_of(drawn):
    return drawn if isinstance(drawn, mpl.figure.Figure) else np.asarray(drawn, dtype=object).flat[0].figure


def cell_texts(ax):
    return [text.get_text() for text in ax.texts]


# What all of them promise


def test_the_flat_names_are_all_there():
    assert {*EVERY_PLOT, "describe", "set_caption", "show"} <= set(plotting.__all__)
    assert all(callable(getattr(plotting, name)) for name in plotting.__all__)


@pytest.mark.parametrize("name", EVERY_PLOT)
def test_drawing_leaves_the_readers_settings_alone(name):
    plt.figure()  # the first figure may set the backend; what counts is what the plot changes
    with mpl.rc_context({"font.size": 17, "axes.grid": True, "axes.facecolor": "pink"}):
        before = dict(mpl.rcParams)
        draw(name)
        assert dict(mpl.rcParams) == before


def test_settings_come_back_after_an_error():
    before = dict(mpl.rcParams)
    with pytest.raises(ValueError, match="Expected"):
        compare_curves({"SGD": []})
    assert dict(mpl.rcParams) == before
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", ON_AXES)
def test_draws_on_the_given_axes_and_on_nothing_else(name):
    fig, (ours, theirs) = plt.subplots(1, 2)
    theirs.plot([1, 2], label="theirs")
    fig.suptitle("their title")
    before = [repr(child) for child in theirs.get_children()], fig.get_size_inches().tolist(), fig.get_label()
    assert draw(name, ax=ours) is ours
    assert ours.has_data()
    assert plt.get_fignums() == [fig.number]
    after = [repr(child) for child in theirs.get_children()], fig.get_size_inches().tolist(), fig.get_label()
    assert after == before
    assert fig.get_suptitle() == "their title"
    assert describe(fig) == describe(ours)


@pytest.mark.parametrize("name", EVERY_PLOT)
def test_makes_one_figure_of_the_common_width(name):
    fig = figure_of(draw(name))
    assert plt.get_fignums() == [fig.number]
    assert fig.get_size_inches()[0] == look.WIDTH or name == "image_grid"
    assert fig.dpi == look.DPI
    assert same_color(fig.get_facecolor(), "white")


@pytest.mark.parametrize("name", ON_AXES)
def test_readable_whatever_style_the_reader_has_chosen(name):
    with mpl.rc_context():
        plt.style.use("dark_background")
        own = draw(name)
        own = own[0] if name == "learning_curves" else own
        theirs = draw(name, ax=plt.subplots()[1])
        for ax in (own, theirs):
            ax.figure.canvas.draw()  # tick labels are made only now
            words = [ax.xaxis.label, *ax.get_xticklabels()]
            words += ax.get_legend().get_texts() if ax.get_legend() else []
            words += [] if name == "confusion_matrix" else ax.texts  # its numbers stand on coloured cells
            for text in words:
                assert abs(sum(to_rgb(text.get_color())) - sum(to_rgb(ax.get_facecolor()))) > 2


@pytest.mark.parametrize("name", EVERY_PLOT)
def test_the_sentence_is_drawn_nowhere(name):
    drawn = draw(name)
    fig, sentence = figure_of(drawn), describe(drawn)
    assert sentence.endswith(".")
    shown = {text.get_text() for text in fig.findobj(mpl.text.Text)}
    assert not [text for text in shown if sentence[:12] in text]
    assert sentence not in fig.canvas.manager.get_window_title()


@pytest.mark.parametrize("name", EVERY_PLOT)
def test_the_same_data_give_the_same_sentence_and_picture(name, shell):
    outputs = []
    for _ in range(2):
        with capture_output() as captured:
            show(draw(name))
        outputs.append([output.data for output in captured.outputs])
    assert outputs[0] == outputs[1]
    assert len(outputs[0][0]["image/png"]) < 60_000


# Sentences and show


def test_describe_joins_the_sentences_of_axes_and_skips_other_labels():
    fig, axes = plt.subplot_mosaic("AB")
    fig.colorbar(axes["A"].imshow([[0, 1]]))  # Matplotlib labels the colour bar, and a mosaic its Axes
    with pytest.raises(ValueError, match=r"none is attached to it\. Pass caption=.*set_caption"):
        describe(fig)
    assert set_caption(axes["A"], "Two\n cells.") is axes["A"]
    set_caption(axes["B"], "Nothing yet.")
    assert describe(axes["A"]) == "Two cells."
    assert describe(fig) == describe(axes.values()) == describe(list(axes.values())) == "Two cells. Nothing yet."
    assert describe(set_caption(fig, "Both.")) == "Both."


@pytest.mark.parametrize("nonsense", [["a"], "axes", 3, {"A": 1}])
def test_describe_and_show_name_what_they_expect(nonsense):
    with pytest.raises(TypeError, match=r"Expected a Figure, or one or more Axes: received \w+\. Pass what"):
        describe(nonsense)
    with pytest.raises(TypeError, match="Expected a Figure"):
        show(nonsense)


@pytest.mark.parametrize("text", ["", "no full stop", None])
def test_a_caption_is_a_sentence(text):
    with pytest.raises(ValueError, match="Expected a sentence that ends with a full stop: received"):
        set_caption(plt.figure(), text)


def test_show_displays_picture_and_caption_and_closes_that_figure(shell):
    other = plt.figure()
    ax = plt.subplots()[1]
    set_caption(ax, "A < B & C.")
    with capture_output() as captured:
        assert show(ax) is None
    picture, caption = captured.outputs
    png = base64.b64decode(picture.data["image/png"])
    assert png.startswith(b"\x89PNG")
    assert b"Software" not in png
    assert struct.unpack(">I", png[16:20])[0] <= 110 * look.WIDTH
    assert picture.metadata == {"image/png": {"alt": "A < B & C."}}
    assert picture.data["text/plain"] == "(figure, described below)"
    assert caption.data["text/plain"] == "A < B & C."
    assert caption.data["text/html"] == "<p><small>A &lt; B &amp; C.</small></p>"
    assert plt.get_fignums() == [other.number]


def test_show_takes_the_current_figure_and_another_caption(shell):
    confusion_matrix([[1, 0], [0, 1]], ["no", "yes"])
    with capture_output() as captured:
        show(caption="  My own\nwords ")
    assert captured.outputs[0].metadata["image/png"]["alt"] == captured.outputs[1].data["text/plain"] == "My own words"
    assert not plt.get_fignums()


def test_show_keeps_the_background_of_the_figure(shell):
    """The saved background is the figure's, even where the reader's settings say transparent."""
    fig, ax = plt.subplots()
    set_caption(ax, "Nothing.")
    with mpl.rc_context({"savefig.transparent": True, "savefig.facecolor": "black"}), capture_output() as captured:
        show(fig)

    pixels = plt.imread(BytesIO(base64.b64decode(captured.outputs[0].data["image/png"])))
    assert pixels[0, 0].tolist() == [1, 1, 1, 1]


def test_show_prints_the_sentence_where_there_is_no_ipython(capsys):
    InteractiveShell.clear_instance()
    show(probability_bars([0.25, 0.75], ["no", "yes"]))
    assert capsys.readouterr().out == "Probabilities of 2 classes: yes (0.75), no (0.25).\n"
    assert not plt.get_fignums()


def test_show_refuses_what_has_no_sentence_and_leaves_it_open(shell):
    fig = plt.figure()
    with pytest.raises(ValueError, match=r"Expected a sentence that describes the figure: none .* Pass caption="):
        show(fig)
    with pytest.raises(ValueError, match="Expected caption to describe the figure: received ' '"):
        show(fig, caption=" ")
    assert plt.get_fignums() == [fig.number]


def test_show_wants_one_figure(shell):
    with pytest.raises(ValueError, match="Expected a figure to show: none is open"):
        show()
    with pytest.raises(ValueError, match="Expected the Axes of one figure: received those of 2"):
        show([plt.subplots()[1], plt.subplots()[1]])


def test_a_first_plot_leaves_matplotlib_as_interactive_as_it_found_it():
    """The first figure of a notebook loads its backend, which switches to interactive; that has to stay."""
    code = (
        "import matplotlib.pyplot as plt; from helpers.plotting import probability_bars\n"
        "from IPython.core.interactiveshell import InteractiveShell; InteractiveShell.instance()\n"
        "probability_bars([0.5, 0.5], ['a', 'b']); assert plt.isinteractive()"
    )
    env = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "IPYTHONDIR": "/nonexistent"}
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


# Numbers in words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (-0.0, "0"),
        (12.0, "12"),
        (0.85149, "0.851"),
        (-1.2345, "-1.23"),
        (1.5e-7, "1.5e-07"),
        (float("nan"), "nan"),
    ],
)
def test_number(value, words):
    assert number(value) == words


def test_percent_and_span():
    assert percent(0.7123) == "71.2 %"
    assert percent(1) == "100 %"
    assert span(np.array([1e-17, -3, 0.5])) == "-3 to 0.5"
    assert span(np.array([-1e-17, 3])) == "0 to 3"
    assert span(np.array([-1e-3, 1e4])) == "0 to 10000"  # nothing beside the largest
    assert span(np.array([-1.0, 1e6])) == "-1 to 1e+06"


# Pictures


def test_image_grid_draws_each_picture_under_its_title():
    images = torch.rand(3, 1, 4, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    fig = image_grid(images, NAMES, columns=2)
    assert [ax.get_title() for ax in fig.axes] == NAMES
    for ax, image in zip(fig.axes, images, strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), image[0].detach())
        assert ax.images[0].get_clim() == (0, 1)
    left, right, below = (ax.get_position() for ax in fig.axes)
    assert left.x1 <= right.x0
    assert left.y0 == right.y0 >= below.y1
    mean = f"{images.mean().item():.3g}"
    assert (
        describe(fig)
        == f"3 grey pictures, 4 x 5 pixels from 0 to 1 (mean {mean}), in 2 rows: T-shirt/top, Trouser, Bag."
    )


def test_image_grid_takes_bytes_and_colours():
    grey = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    fig = image_grid(grey, what="masks")
    assert fig.axes[0].images[0].get_clim() == (0, 255)
    assert describe(fig) == "1 grey mask, 1 x 2 pixels from 0 to 255 (mean 128), in 1 row."
    colour = torch.zeros(2, 3, 4, 5)
    colour[0, 0] = 1
    fig = image_grid(list(colour))
    assert fig.axes[0].images[0].get_array()[0, 0].tolist() == [1, 0, 0]
    assert describe(fig).startswith("2 colour pictures, 4 x 5 pixels from 0 to 1 (mean 0.167)")


def test_right_and_wrong_differ_in_colour_and_in_shape():
    fig = image_grid(torch.zeros(3, 8, 8), NAMES, correct=torch.tensor([True, False, True]))
    assert [ax.get_title() for ax in fig.axes] == ["✓ T-shirt/top", "✗ Trouser", "✓ Bag"]
    frames = [
        {(mpl.colors.to_hex(s.get_edgecolor()).upper(), s.get_linestyle() == "-") for s in ax.spines.values()}
        for ax in fig.axes
    ]
    assert frames == [{(look.BLUE, True)}, {(look.ORANGE, False)}, {(look.BLUE, True)}]
    assert describe(fig).endswith("; 2 right (✓), 1 wrong (✗).")


def test_image_grid_draws_every_glyph(recwarn):
    fig = image_grid(torch.zeros(2, 8, 8), correct=[True, False])
    ax = probability_bars([0.5, 0.5], ["a", "b"], truth=0)
    fig.canvas.draw()
    ax.figure.canvas.draw()
    assert not [w for w in recwarn if "missing from font" in str(w.message)]


def test_titles_do_not_overlap():
    titles = ["Ankle boot (true T-shirt/top)", "two\nlines"] * 6
    fig = image_grid(torch.zeros(12, 28, 28), titles, correct=[False] * 12)
    renderer = fig.canvas.get_renderer()
    boxes = [ax.title.get_window_extent(renderer) for ax in fig.axes]
    pictures = [ax.get_window_extent(renderer) for ax in fig.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert not any(a.overlaps(b) for a in boxes for b in pictures)
    assert fig.axes[0].get_title() == "✗ Ankle boot\n(true T-shirt/top)"
    assert fig.axes[1].get_title() == "✗ two\nlines"


def test_many_titles_are_counted_in_the_sentence():
    sentence = describe(image_grid(torch.zeros(14, 2, 2), torch.tensor([7] * 10 + [1] * 4)))
    assert sentence.endswith("in 2 rows: 1 (4), 7 (10).")


def test_value_range_says_what_is_black_and_white():
    fig = image_grid(torch.tensor([[[-1.0, 3.0]]]), value_range=(-1, 3))
    assert fig.axes[0].images[0].get_clim() == (-1, 3)
    fig = image_grid(torch.tensor([[[-1.0]], [[1.0]], [[3.0]]]).reshape(1, 3, 1, 1), value_range=(-1, 3))
    assert fig.axes[0].images[0].get_array().tolist() == [[[0, 0.5, 1]]]


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (
            torch.zeros(8, 2, 2),
            {"titles": ["a"] * 3},
            r"Expected one title per image: 8 images, 3 titles\. Pass 8 titles, or none\.",
        ),
        (torch.zeros(2, 2, 2), {"correct": [True]}, r"one truth value per image in correct: 2 images, shape \[1\]"),
        (torch.zeros(2, 2, 2), {"correct": [3, 1]}, r"Expected truth values .* Pass a comparison, pred == y"),
        (torch.zeros(28, 28), {}, r"received \[28, 28\]\. Add the batch with images\.unsqueeze\(0\)"),
        (torch.zeros(2, 4, 8, 8), {}, r"Expected images of shape \[N, H, W\].*received \[2, 4, 8, 8\]"),
        (torch.zeros(0, 28, 28), {}, r"at least one number in images: received shape \[0, 28, 28\]"),
        (torch.tensor([[[0.5, float("nan")]]]), {}, "1 of 2 are NaN or infinite"),
        (torch.tensor([[[-0.42, 2.02]]]), {}, r"0 to 1 \(floats\): received -0.42 to 2.02\. Undo the normalisation"),
        (torch.tensor([[[0, 256]]]), {}, r"0 to 255 \(integers\): received 0 to 256"),
        (torch.zeros(1, 2, 2), {"columns": 0}, "at least one column: received columns=0"),
        (torch.zeros(1, 2, 2), {"value_range": (1, 0)}, r"black below white: received \(1, 0\)"),
        ([torch.zeros(2, 2), torch.zeros(3, 3)], {}, "Expected images to be rectangular"),
    ],
)
def test_image_grid_says_what_is_wrong(images, options, message):
    with pytest.raises(ValueError, match=message):
        image_grid(images, **options)
    assert not plt.get_fignums()


@pytest.mark.parametrize(("images", "titles"), [(None, None), ("pictures", None), (torch.zeros(1, 2, 2), "a")])
def test_image_grid_refuses_other_types(images, titles):
    with pytest.raises(TypeError, match="Expected"):
        image_grid(images, titles)


# Curves


def test_learning_curves_draw_a_metric_an_axes():
    axes = learning_curves(HISTORY)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "accuracy"]
    for ax, metric in zip(axes, ("loss", "accuracy"), strict=True):
        train, val = ax.lines
        assert (train.get_label(), val.get_label()) == ("training", "validation")
        assert train.get_xdata().tolist() == [1, 2, 3]
        assert train.get_ydata().tolist() == HISTORY[f"train_{metric}"]
        assert val.get_ydata().tolist() == HISTORY[f"val_{metric}"]
        assert (train.get_linestyle(), train.get_marker()) == ("-", "o")
        assert (val.get_linestyle(), val.get_marker()) == ("--", "s")
        assert ax.get_xlabel() == "epoch"
        assert all(float(tick).is_integer() for tick in ax.get_xticks())
    assert describe(axes) == (
        "Loss over 3 epochs: training from 2.1 to 0.85, validation from 1.98 to 0.9 (lowest 0.8). "
        "Accuracy over 3 epochs: training from 0.3 to 0.71, validation from 0.4 to 0.7 (highest 0.7)."
    )


def test_learning_curves_draw_what_there_is():
    (ax,) = learning_curves({"train_loss": [torch.tensor(2.0, requires_grad=True)], "val_loss": [], "seconds": [3]})
    assert describe(ax) == "Loss over 1 epoch: training at 2."
    (ax,) = learning_curves({"epoch": [10, 20], "loss": [3.0, float("nan")]})
    assert ax.lines[0].get_xdata().tolist() == [10, 20]
    assert describe(ax) == "Loss over 20 epochs: from 3 to nan."


def test_learning_curves_use_the_given_axes_in_order():
    _, given = plt.subplots(2, 1)
    axes = learning_curves(HISTORY, metrics=("accuracy", "loss"), axes=given)
    assert list(axes) == list(given)
    assert [ax.get_ylabel() for ax in given] == ["accuracy", "loss"]


@pytest.mark.parametrize(
    ("history", "options", "message"),
    [
        ({}, {}, r"Expected lists such as 'train_loss' in the history: received no list"),
        (HISTORY, {"metrics": ("f1",)}, r"numbers for the metric 'f1': the history holds 'train_loss', .*'train_f1'"),
        ({"train_loss": [1, 2], "val_loss": [1]}, {}, "received training 2, validation 1"),
        ({"train_loss": [[1, 2]]}, {}, r"one number per epoch in train_loss: received shape \[1, 2\]"),
        ({"epoch": [1], "train_loss": [1, 2]}, {}, "received training 2, epoch 1"),
    ],
)
def test_learning_curves_say_what_is_wrong(history, options, message):
    with pytest.raises(ValueError, match=message):
        learning_curves(history, **options)


def test_learning_curves_want_one_axes_per_metric():
    with pytest.raises(ValueError, match="one Axes per metric: 2 needed, 1 received"):
        learning_curves(HISTORY, axes=plt.subplots()[1])


def test_compare_curves_tell_every_run_apart():
    runs = {f"lr {i / 10}": [i / 10, 0.5, 0.8] for i in range(6)} | {"short": [0.2]}
    ax = compare_curves(runs, ylabel="accuracy")
    assert [line.get_label() for line in ax.lines] == list(runs)
    assert [line.get_ydata().tolist() for line in ax.lines] == list(runs.values())
    for key in ("color", "marker"):
        assert len({getattr(line, f"get_{key}")() for line in ax.lines[:6]}) == 6
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(runs)
    assert describe(ax).startswith("Accuracy over 3 epochs: lr 0.0 from 0 to 0.8, lr 0.1 from 0.1 to 0.8")
    assert describe(ax).endswith("short at 0.2 in 1 epoch.")


def test_compare_curves_say_what_is_wrong():
    with pytest.raises(ValueError, match="Expected at least one run to draw: received none"):
        compare_curves({})
    with pytest.raises(ValueError, match=r"one number per epoch in the run 'SGD': received shape \[0\]"):
        compare_curves({"SGD": []})


# Regression


def test_regression_plot_shows_points_predictions_and_residuals():
    ax = regression_plot(*REGRESSION, predictions=PREDICTIONS, residuals=True)
    drawn = {artist.get_label(): artist for artist in ax.collections}
    assert list(drawn) == ["residual", "training data", "test data", "prediction"]
    np.testing.assert_allclose(drawn["training data"].get_offsets(), torch.cat(REGRESSION[:2], 1))
    np.testing.assert_allclose(drawn["test data"].get_offsets(), torch.cat(REGRESSION[2:], 1))
    np.testing.assert_allclose(drawn["prediction"].get_offsets(), [[0.8, 1.5], [0.9, 1.6]])
    np.testing.assert_allclose(drawn["residual"].get_segments(), [[[0.8, 1.6], [0.8, 1.5]], [[0.9, 1.8], [0.9, 1.6]]])
    points = [drawn[name] for name in list(drawn)[1:]]
    assert len({tuple(map(tuple, artist.get_paths()[0].vertices)) for artist in points}) == 3  # three markers
    assert len({artist.get_facecolor().tobytes() for artist in points}) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(drawn)
    assert describe(ax) == (
        "Scatter plot of 8 training points (X 0 to 0.7, y 0 to 1.4), 2 test points (X 0.8 to 0.9, y 1.6 to 1.8), "
        "2 predictions (1.5 to 1.6); mean absolute residual 0.15."
    )


def test_regression_plot_without_predictions():
    ax = regression_plot(*REGRESSION)
    assert [artist.get_label() for artist in ax.collections] == ["training data", "test data"]
    assert "residual" not in describe(ax)


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((X_TRAIN, X_TEST, X_TEST, X_TEST), {}, "one y per X: 8 in X_train, 2 in y_train"),
        (
            REGRESSION,
            {"predictions": X_TRAIN},
            r"one prediction per test point: 2 points, 8 predictions\. Pass model\(X_test\)",
        ),
        (
            REGRESSION,
            {"residuals": True},
            r"Expected predictions for residuals=True: received none\. Pass predictions=",
        ),
        ((torch.zeros(2, 2), X_TEST, X_TEST, X_TEST), {}, r"X_train of shape \[N\] or \[N, 1\]: received \[2, 2\]"),
        ((X_TRAIN, X_TRAIN / 0, X_TEST, X_TEST), {}, "finite numbers in y_train: 8 of 8"),
    ],
)
def test_regression_plot_says_what_is_wrong(args, options, message):
    with pytest.raises(ValueError, match=message):
        regression_plot(*args, **options)
    assert not plt.get_fignums()


# Classification

COUNTS = torch.tensor([[6, 3, 1], [1, 19, 0], [0, 0, 10]])


def test_confusion_matrix_has_truth_in_rows():
    ax = confusion_matrix(COUNTS, NAMES)
    np.testing.assert_allclose(ax.images[0].get_array(), COUNTS / COUNTS.sum(1, keepdim=True))
    assert cell_texts(ax) == ["60", "30", "10", "5", "95", "0", "0", "0", "100"]
    assert [text.get_position() for text in ax.texts[:4]] == [(0, 0), (1, 0), (2, 0), (0, 1)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    for axis in (ax.xaxis, ax.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == NAMES
    assert describe(ax) == (
        "Confusion matrix of 40 pictures in 3 classes: 87.5 % on the diagonal, by class from 60 % (T-shirt/top) to "
        "100 % (Bag); most frequent confusion T-shirt/top read as Trouser (30 % of true T-shirt/top)."
    )


def test_confusion_matrix_of_counts():
    ax = confusion_matrix(COUNTS, NAMES, normalize=False, what="garments")
    assert cell_texts(ax) == [str(n) for n in COUNTS.flatten().tolist()]
    assert ax.get_title() == "number of garments"
    np.testing.assert_allclose(ax.images[0].get_array(), COUNTS / 19)


def test_numbers_stand_out_from_their_cells():
    ax = confusion_matrix([[c, 20 - c] for c in (0, 20)], ["a", "b"])
    assert [text.get_color() for text in ax.texts] == [look.INK, look.PAPER, look.PAPER, look.INK]


def test_confusion_matrix_names_only_what_is_clear():
    close = confusion_matrix([[90, 10, 0], [10, 90, 0], [9, 0, 91]], NAMES)
    assert describe(close).endswith("by class from 90 % to 91 %; most frequent confusion 10 % of a true class.")
    perfect = confusion_matrix([[5, 0], [0, 5]], ["a", "b"])
    assert describe(perfect).endswith("100 % on the diagonal, by class from 100 % to 100 %; no confusion.")


def test_a_class_that_does_not_occur_has_no_shares():
    ax = confusion_matrix([[3, 1], [0, 0]], ["a", "b"])
    assert cell_texts(ax) == ["75", "25", "–", "–"]
    assert describe(ax).endswith("75 % on the diagonal; most frequent confusion a read as b (25 % of true a).")


@pytest.mark.parametrize(
    ("matrix", "names", "message"),
    [
        (torch.ones(2, 3), NAMES, r"Expected a matrix of shape \[C, C\]: received \[2, 3\]"),
        (COUNTS, ["a"], "Expected one name per class: 3 classes, 1 names. Pass 3 names"),
        (COUNTS / 40, NAMES, r"Expected counts.*received numbers from 0 to 0.475\. Pass the counts"),
        (-COUNTS, NAMES, "received numbers from -19 to 0"),
        (0 * COUNTS, NAMES, "at least one of them above 0: received numbers from 0 to 0"),
    ],
)
def test_confusion_matrix_says_what_is_wrong(matrix, names, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(matrix, names)
    assert not plt.get_fignums()


def test_class_names_are_a_sequence():
    with pytest.raises(TypeError, match="Expected a sequence of class names: received the text 'abc'"):
        confusion_matrix(COUNTS, "abc")


def test_probability_bars_mark_prediction_and_truth():
    p = torch.tensor([0.34, 0.62, 0.04], requires_grad=True)
    ax = probability_bars(p, NAMES, truth=torch.tensor(0))
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], p.detach())
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, False]
    assert len({bar.get_facecolor() for bar in ax.patches}) == 2
    assert [label.get_text() for label in ax.get_yticklabels()] == ["★ T-shirt/top", "Trouser", "Bag"]
    assert cell_texts(ax) == ["0.34", "0.62", "0.04"]
    assert ax.get_xlabel() == "probability (★ true class)"
    assert ax.yaxis_inverted()
    assert describe(ax) == "Probabilities of 3 classes: Trouser (0.62), T-shirt/top (0.34); true class T-shirt/top."


def test_probability_bars_without_truth():
    ax = probability_bars(torch.tensor([0.25, 0.25, 0.5], dtype=torch.bfloat16), NAMES)
    assert "★" not in ax.get_xlabel() + "".join(label.get_text() for label in ax.get_yticklabels())
    assert describe(ax) == "Probabilities of 3 classes: Bag (0.5), T-shirt/top (0.25), Trouser (0.25)."


@pytest.mark.parametrize(
    ("p", "truth", "message"),
    [
        ([-1.2, 0.62, 4], None, r"sum to 1: received 3 numbers from -1.2 to 4 that sum to 3.42\. Pass logits\.softmax"),
        ([-0.5, 0.5, 1], None, "numbers from -0.5 to 1 that sum to 1"),
        ([[0.5, 0.5]], None, r"of one example, shape \[C\]: received \[1, 2\]"),
        ([0.5, 0.5], None, "Expected one name per probability: 2 classes, 3 names"),
        ([0.2, 0.3, 0.5], 3, r"truth to be an index from 0 to 2: received 3\. Pass the label"),
        ([0.2, 0.3, 0.5], "Bag", "truth to be an index from 0 to 2: received 'Bag'"),
    ],
)
def test_probability_bars_say_what_is_wrong(p, truth, message):
    with pytest.raises(ValueError, match=message):
        probability_bars(p, NAMES, truth=truth)
    assert not plt.get_fignums()


def test_bright_is_white_and_dark_is_black():
    ax = image_grid(np.array([[[0.0, 1.0]]])).axes[0]
    assert ax.images[0].to_rgba(np.array([[0.0, 1.0]]))[0].tolist() == [[0, 0, 0, 1], [1, 1, 1, 1]]


def test_epochs_of_compared_runs_are_counted_from_1():
    ax = compare_curves({"SGD": [0.5, 0.6, 0.7], "Adam": [0.8]})
    assert [line.get_xdata().tolist() for line in ax.lines] == [[1, 2, 3], [1]]
