"""The pictures of tensors show the numbers they were given, where they came from, and say so in a sentence."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from helpers.plotting import broadcasting, describe, joined, ranks, selections
from helpers.plotting import tensors as module
from helpers.plotting.style import BLUE, GREY, ORANGE, WIDTH

mpl.use("agg")

X = torch.arange(12).reshape(3, 4)
A = torch.arange(6).reshape(2, 3)
B = A + 10
COLUMN, ROW = torch.tensor([[0], [10], [20]]), torch.arange(4)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    with mpl.rc_context():
        yield


def _texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def _cells(figure):
    """Every square cell from the top row to the bottom one: its number and how it is filled, 'hatched' or a colour."""
    ax = figure.axes[0]
    text_at = {(round(t.get_position()[0], 3), round(t.get_position()[1], 3)): t.get_text() for t in ax.texts}
    filled = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_fill() and p.get_width() == 1]
    found = []
    for patch in sorted(filled, key=lambda p: (p.get_y(), p.get_x())):
        number = text_at[round(patch.get_x() + 0.5, 3), round(patch.get_y() + 0.52, 3)]
        hatched = patch.get_hatch() == module._STRETCHED["hatch"]
        found.append((number, "hatched" if hatched else to_hex(patch.get_facecolor()).upper()))
    return found


def _rule(figure):
    """The rows of sizes above the cells, from top to bottom: each size with how it is filled."""
    ax = figure.axes[0]
    wide = [p for p in ax.patches if p.get_fill() and p.get_width() > 1]
    rows = {}
    for patch in sorted(wide, key=lambda p: (p.get_y(), p.get_x())):
        middle = (patch.get_x() + patch.get_width() / 2, patch.get_y() + 0.52)
        text = next(t.get_text() for t in ax.texts if t.get_position() == pytest.approx(middle))
        hatched = patch.get_hatch() == module._STRETCHED["hatch"]
        filling = "hatched" if hatched else to_hex(patch.get_facecolor()).upper()
        rows.setdefault(patch.get_y(), []).append((text, filling))
    return list(rows.values())


# ranks


def test_ranks_draw_each_tensor_as_what_it_holds():
    sound, grey = torch.linspace(-1, 1, 50), torch.linspace(0.2, 0.8, 12).reshape(3, 4)
    colour, batch = torch.rand(3, 3, 4), torch.rand(2, 1, 3, 4)
    figure = ranks({"a sound": sound, "grey": grey, "colour": colour, "a batch": batch})
    curve, picture, coloured, cards = figure.axes
    assert curve.lines[0].get_ydata() == pytest.approx(sound.numpy())
    assert (curve.get_xlabel(), curve.get_ylabel()) == ("time step", "amplitude")
    assert np.asarray(picture.images[0].get_array()) == pytest.approx(grey.numpy())
    assert picture.images[0].get_clim() == (0, 1)  # a dark picture stays dark
    assert list(picture.images[0].get_extent()) == [0, 4, 3, 0]  # the first row on top
    assert np.asarray(coloured.images[0].get_array()) == pytest.approx(colour.permute(1, 2, 0).numpy())
    assert [ax.get_title().splitlines()[1] for ax in figure.axes] == [
        "1-D [50]",
        "2-D [3, 4]",
        "3-D [3, 3, 4]",
        "4-D [2, 1, 3, 4]",
    ]
    for ax in (picture, coloured, cards):
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("width", "height")
    assert "a sound, 1-D of shape [50] (-1 to 1); grey, 2-D of shape [3, 4] (0.2 to 0.8)" in describe(figure)


def test_the_first_picture_of_a_batch_lies_in_front():
    batch = torch.stack([torch.full((1, 2, 2), value) for value in (0.1, 0.5, 0.9)])
    figure = ranks({"a batch": batch})
    images = figure.axes[0].images
    assert [float(image.get_array()[0, 0]) for image in images] == pytest.approx([0.9, 0.5, 0.1])  # the last is on top
    lefts = [image.get_extent()[0] for image in images]
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[-1] == 0
    assert not any(frame.get_fill() for frame in figure.axes[0].patches)  # or it would hide the picture


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.tensor(1.0), r"received \[\]"),
        (torch.zeros(2, 3, 3), r"received \[2, 3, 3\]"),
        (torch.zeros(1, 2, 3, 3), r"received \[1, 2, 3, 3\]"),
        (torch.zeros(1, 1, 3, 3, 3), r"received \[1, 1, 3, 3, 3\]"),
        (torch.zeros(9, 1, 2, 2), r"received 9. Pass batch\[:8\]"),
        (torch.full((2, 2), 255.0), "Expected pixels from 0 to 1 in it: received 255 to 255"),
        (torch.tensor([1.0, float("nan")]), "1 of 2 are NaN"),
    ],
)
def test_ranks_refuse_what_they_cannot_draw(tensor, message):
    with pytest.raises(ValueError, match=message):
        ranks({"it": tensor})


# selections


@pytest.mark.parametrize(
    "result", [X[1], X[:, 1], X[-1, 2:], X[:, ::2], X[..., -1], X[X > 6], X[2, 3]], ids=lambda r: str(r.tolist())
)
def test_selections_colour_the_cells_that_were_taken_and_no_others(result):
    cells = _cells(selections(X, {"it": result}))
    assert [number for number, _ in cells] == [str(n) for n in range(12)]
    assert sorted(int(number) for number, fill in cells if fill == BLUE) == sorted(result.reshape(-1).tolist())


def test_selections_say_what_they_show():
    figure = selections(X, {"x[1]": X[1], "x[0, 0]": X[0, 0]})
    assert describe(figure) == (
        "A tensor of shape [3, 4], the cells taken in blue: x[1] takes 4 cells (4, 5, 6, 7), shape [4]; "
        "x[0, 0] takes 1 cell (0), shape []."
    )
    assert {"x[1]", "shape [4]", "x[0, 0]", "shape []"} <= set(_texts(figure))


@pytest.mark.parametrize("many", [1, 3, 4, 5, 6, 12])
def test_drawings_share_the_width_without_overlap(many):
    figure = selections(X, {f"x[{'0' * i}]": X[0] for i in range(many)})
    width = figure.get_size_inches()[0]
    assert width == pytest.approx(WIDTH)
    corners = [p.get_xy() for p in figure.axes[0].patches if p.get_fill()]
    assert len(set(corners)) == 12 * many  # no cell on another
    assert all(0 <= x <= WIDTH / module._CELL - 1 for x, _ in corners)


def test_rows_are_filled_evenly():
    figure = selections(X, {f"x[{'0' * i}]": X[0] for i in range(5)})  # room for four beside each other
    titles = [t.get_position()[1] for t in figure.axes[0].texts if t.get_text().startswith("x[")]
    assert [titles.count(y) for y in sorted(set(titles))] == [3, 2]


@pytest.mark.parametrize(
    ("x", "results", "error", "message"),
    [
        (torch.zeros(2, 2), {"x[0]": torch.zeros(2)}, ValueError, "some stand twice"),
        (X, {"x + 1": X + 1}, ValueError, r"Expected x \+ 1 to hold numbers .* 12 is in none"),
        (torch.arange(12), {"x[0]": 0}, ValueError, r"shape \[H, W\], up to 8 x 8: received \[12\]"),
        (torch.arange(90).reshape(9, 10), {"x[0]": 0}, ValueError, r"received \[9, 10\]"),
        (X, {}, ValueError, "at least one tensor in results"),
        (X, [X[0]], TypeError, "results as a dictionary from text to tensor: received list"),
    ],
)
def test_selections_refuse_what_they_cannot_trace(x, results, error, message):
    with pytest.raises(error, match=message):
        selections(x, results)


# joined


def test_joined_cells_keep_the_colour_of_the_tensor_they_came_from():
    figure = joined({"a": A, "b": B}, {"cat": torch.cat([A, B], dim=1)})
    fills = dict(_cells(figure))
    of_a, of_b = ({fills[str(n)] for n in part.reshape(-1).tolist()} for part in (A, B))
    assert len(of_a) == len(of_b) == 1
    assert of_a != of_b
    assert [text for text in _texts(figure) if text.startswith("shape")] == 2 * ["shape [2, 3]"] + ["shape [2, 6]"]
    counted = [number for number, _ in _cells(figure)]
    assert all(counted.count(str(n)) == 2 for n in [*A.reshape(-1).tolist(), *B.reshape(-1).tolist()])


def test_joined_says_row_by_row_where_the_cells_come_from():
    figure = joined({"a": A, "b": B}, {f"dim={dim}": torch.stack([A, B], dim=dim) for dim in range(3)})
    assert describe(figure) == (
        "The tensors a [2, 3] and b [2, 3], joined. dim=0 has shape [2, 2, 3]: aaa, aaa, bbb, bbb; "
        "dim=1 has shape [2, 2, 3]: aaa, bbb, aaa, bbb; dim=2 has shape [2, 3, 2]: ab, ab, ab, ab, ab, ab."
    )
    assert _texts(figure).count("[0]") == _texts(figure).count("[1]") == 3  # the sheets are numbered


def test_a_third_part_has_a_look_of_its_own():
    figure = joined({"a": A, "b": B, "c": B + 10}, {"cat": torch.cat([A, B, B + 10])})
    assert len({fill for _, fill in _cells(figure)}) == 3


@pytest.mark.parametrize(
    ("parts", "results", "message"),
    [
        ({"a": A}, {"cat": A}, "Expected 2 or 3 parts: received 1"),
        ({"a": A, "b": A}, {"cat": torch.cat([A, A])}, "some stand twice"),
        ({"a": A, "b": B}, {"sum": A + B}, "16 is in none"),
        ({"a": A, "b": B}, {"flat": torch.cat([A, B]).reshape(-1)}, r"Expected flat of shape \[H, W\]"),
    ],
)
def test_joined_refuses_what_it_cannot_trace(parts, results, message):
    with pytest.raises(ValueError, match=message):
        joined(parts, results)


# broadcasting


def test_broadcasting_hatches_exactly_the_stretched_cells():
    cells = _cells(broadcasting(COLUMN, ROW, COLUMN + ROW))
    assert len(cells) == 3 * 12
    hatched = [fill == "hatched" for _, fill in cells]
    first_row = [False, True, True, True] + [False] * 4 + [False] * 4
    assert hatched == first_row + 2 * ([False, True, True, True] + [True] * 4 + [False] * 4)
    numbers = [int(number) for number, _ in cells]
    assert numbers[8:12] + numbers[20:24] + numbers[32:36] == (COLUMN + ROW).reshape(-1).tolist()


def test_broadcasting_draws_the_result_that_it_is_given():
    figure = broadcasting(COLUMN, ROW, COLUMN * ROW, symbol="*", names=("column", "row"))
    assert _cells(figure)[-1][0] == "60"
    below = [t for t in figure.axes[0].texts if t.get_position()[1] > 5 and not t.get_text().isdigit()]
    equation = [t.get_text() for t in sorted(below, key=lambda t: t.get_position()[0])]
    assert equation == ["column", "*", "row", "=", "result"]


def test_the_rule_shows_the_sizes_of_both_tensors_and_hatches_what_is_stretched():
    sky, amber, paper = (part["facecolor"].upper() for part in module._PARTS)
    assert _rule(broadcasting(COLUMN, ROW, COLUMN + ROW)) == [
        [("3", sky), ("1 → 4", "hatched")],
        [("→ 3", "hatched"), ("4", amber)],
        [("3", paper), ("4", paper)],
    ]
    assert _rule(broadcasting(X, torch.ones(3)))[2] == [("3", paper), ("✗", ORANGE)]


def test_a_number_keeps_clear_of_the_hatching():
    figure = broadcasting(COLUMN, ROW, COLUMN + ROW)
    stretched = [t for t in figure.axes[0].texts if t.get_text() in ("1 → 4", "→ 3")]
    assert len(stretched) == 2
    assert all(t.get_bbox_patch() is not None and to_hex(t.get_color()) == GREY for t in stretched)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((3, 1), (4,)),
        ((3, 4), (4,)),
        ((3, 4), ()),
        ((1,), (3, 1)),
        ((2, 2), (2, 2)),
        ((5, 1, 4), (3, 1)),
        ((1,), (1, 1)),
    ],
)
def test_the_rule_is_that_of_torch(first, second):
    a, b = torch.zeros(first), torch.ones(second)
    figure = broadcasting(a, b, a + b)
    assert f"so the result has shape {list((a + b).shape)}" in describe(figure)
    assert "None" not in _texts(figure)  # a missing size is drawn as an empty box
    for tensor, name in ((a, "a"), (b, "b")):
        stretched = f"{name} is stretched" in describe(figure)
        # A 1 in front of a shape changes no cell: only a tensor that grows is stretched.
        assert stretched == (tensor.numel() < (a + b).numel())


@pytest.mark.parametrize(("first", "second"), [((3, 4), (3,)), ((2,), (3,)), ((2, 3, 4), (3, 3, 4))])
def test_what_torch_refuses_is_drawn_as_refused(first, second):
    a, b = torch.zeros(first), torch.ones(second)
    with pytest.raises(RuntimeError, match="must match"):
        a + b
    figure = broadcasting(a, b)
    assert "differ and neither is 1" in describe(figure)
    assert describe(figure).endswith("so they are refused.")
    assert "✗" in _texts(figure)
    assert "refused" in _texts(figure)


def test_names_and_sizes_stand_in_the_picture():
    figure = broadcasting(
        torch.zeros(3, 28, 28), torch.ones(3, 1, 1), torch.zeros(3, 28, 28), names=("colour", "factor")
    )
    texts = _texts(figure)
    assert [text for text in texts if text in ("colour", "factor", "result")] == ["colour", "factor", "result"]
    assert texts.count("1 → 28") == 2
    assert "dimension -1: 28 and 1, factor is stretched; dimension -2: 28 and 1" in describe(figure)
    assert "dimension -3: 3 and 3 fit as they are" in describe(figure)
    assert [text for text in texts if text in ("fits", "stretched")] == ["fits", "stretched", "stretched"]
    assert _cells(figure) == []  # too many to draw


@pytest.mark.parametrize(
    ("first", "second", "result", "message"),
    [
        (COLUMN, ROW, torch.zeros(3), r"\[3, 1\] and \[4\]: \[3, 4\], received \[3\]. Pass a \+ b"),
        (X, torch.zeros(3), torch.zeros(3, 4), "none, as these shapes do not fit"),
        (torch.zeros(0), ROW, None, "at least one number in a"),
    ],
)
def test_broadcasting_refuses_a_result_that_cannot_be(first, second, result, message):
    with pytest.raises(ValueError, match=message):
        broadcasting(first, second, result)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ranks({"a": torch.zeros(3)}),
        lambda: selections(X, {"x": X}),
        lambda: joined({"a": A, "b": B}, {"cat": torch.cat([A, B])}),
        lambda: broadcasting(COLUMN, ROW),
    ],
    ids=["ranks", "selections", "joined", "broadcasting"],
)
def test_the_style_is_that_of_the_course_and_is_taken_back(draw):
    mpl.rcParams["axes.spines.top"] = True
    mpl.rcParams["figure.facecolor"] = "pink"
    before = dict(mpl.rcParams)
    figure = draw()
    assert dict(mpl.rcParams) == before
    assert to_hex(figure.get_facecolor()) == "#ffffff"
    assert not figure.axes[0].spines["top"].get_visible() or not figure.axes[0].axison
