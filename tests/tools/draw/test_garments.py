"""The drawn edition: what the generator promises, and what the committed archives hold."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from tools.draw import __main__ as drawing
from tools.draw.canvas import Canvas, idx_bytes, write_gzip
from tools.draw.garments import CLASSES, draw

FOLDER = Path(__file__).parents[3] / "data" / "drawn" / "FashionMNIST"
COUNTS = {"train": 12_000, "t10k": 2_000}


def payload(name):
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes())


@pytest.fixture(scope="module")
def archives():
    """Images and labels of both splits, read by the format's own rules and not by the project's reader."""
    images = {s: np.frombuffer(payload(f"{s}-images-idx3-ubyte"), np.uint8, offset=16) for s in COUNTS}
    labels = {s: np.frombuffer(payload(f"{s}-labels-idx1-ubyte"), np.uint8, offset=8) for s in COUNTS}
    return {s: (images[s].reshape(-1, 28, 28), labels[s]) for s in COUNTS}


def extent(picture):
    """First and last row, first and last column that are not black."""
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


# The generator ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_a_class_is_drawn_in_the_format_and_in_many_forms(label):
    pictures = [draw(label, np.random.default_rng(seed)) for seed in range(12)]
    assert {(p.shape, p.dtype) for p in pictures} == {((28, 28), np.dtype(np.uint8))}
    assert len({p.tobytes() for p in pictures}) == 12
    assert all(p.max() > 100 for p in pictures)


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_the_same_seed_draws_the_same_picture(label):
    first, second = (draw(label, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_picture_does_not_depend_on_how_many_are_drawn():
    few, few_labels = drawing.draw_split("FashionMNIST", "t10k", 3)
    more, more_labels = drawing.draw_split("FashionMNIST", "t10k", 12)
    np.testing.assert_array_equal(few, more[:3])
    np.testing.assert_array_equal(few_labels, more_labels[:3])
    np.testing.assert_array_equal(drawing.draw_picture("FashionMNIST", "t10k", 11), more[11])


def test_two_pictures_of_a_class_differ():
    labels = [drawing.label_of("FashionMNIST", "t10k", i) for i in range(20)]
    places = [i for i in range(20) if labels[i] == labels[0]]
    first, second = (drawing.draw_picture("FashionMNIST", "t10k", i) for i in places)
    assert not np.array_equal(first, second)


def test_the_two_splits_draw_different_pictures_and_orders():
    labels = {s: [drawing.label_of("FashionMNIST", s, i) for i in range(50)] for s in COUNTS}
    assert labels["train"] != labels["t10k"]
    # The same class at the same place, and still another picture.
    place = next(i for i in range(50) if labels["train"][i] == labels["t10k"][i])
    train, test = (drawing.draw_picture("FashionMNIST", s, place) for s in COUNTS)
    assert not np.array_equal(train, test)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (20, 10, (7, 20, 0, 27)),  # wide: full width, 14 rows in the middle
        (5, 10, (0, 27, 7, 20)),  # tall: full height, 14 columns in the middle
        (28, 13, (8, 20, 0, 27)),  # an odd margin: the spare row is at the top
    ],
)
def test_the_longest_side_is_28_and_the_rest_is_centred(width, height, box):
    canvas = Canvas(np.random.default_rng(0), bend=0)
    x, y = -15.0, 1.0  # off centre, on purpose; half a canvas point less, for outlines include their ends
    w, h = width - 0.25, height - 0.25
    canvas.fill([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], 200)
    assert extent(canvas.picture()) == box


def test_an_empty_canvas_is_no_picture():
    with pytest.raises(ValueError, match="nothing is on the canvas"):
        Canvas(np.random.default_rng(0)).picture()


def test_idx_bytes_are_the_format():
    array = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    expected = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5])
    assert idx_bytes(array) == expected


def test_archives_are_equal_wherever_and_whenever_they_are_written(tmp_path):
    digests = {write_gzip(tmp_path / name, b"payload") for name in ("a.gz", "b.gz")}
    archive = (tmp_path / "a.gz").read_bytes()
    assert archive == (tmp_path / "b.gz").read_bytes()
    assert archive[3] == 0  # no flags: neither a name nor a comment
    assert archive[4:8] == bytes(4)  # no time
    assert digests == {hashlib.sha256(b"payload").hexdigest()}


def test_a_write_that_fails_leaves_the_old_archive_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.gz"
    write_gzip(path, b"old")

    def half(self, data):
        with self.open("wb") as file:
            file.write(data[:5])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="disk full"):
        write_gzip(path, b"new")
    assert gzip.decompress(path.read_bytes()) == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.gz"]


def test_an_archive_appears_whole(tmp_path, monkeypatch):
    path, write = tmp_path / "a.gz", Path.write_bytes

    def only_beside(self, data):
        assert self != path, "the archive was written in place: a reader could meet half of it"
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", only_beside)
    write_gzip(path, b"new")
    assert gzip.decompress(path.read_bytes()) == b"new"


# The committed archives ---------------------------------------------------------------------------------------


def test_the_checksums_are_those_of_the_unpacked_archives():
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    stored = {name: digest for digest, name in (line.split("  ") for line in lines)}
    names = [f"{s}-{part}" for s in COUNTS for part in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    assert stored == {name: hashlib.sha256(payload(name)).hexdigest() for name in names}


@pytest.mark.parametrize("split", COUNTS)
def test_an_archive_says_its_format_and_sizes(split):
    n = COUNTS[split].to_bytes(4, "big")
    assert payload(f"{split}-images-idx3-ubyte")[:16] == bytes([0, 0, 8, 3]) + n + bytes([0, 0, 0, 28]) * 2
    assert payload(f"{split}-labels-idx1-ubyte")[:8] == bytes([0, 0, 8, 1]) + n


@pytest.mark.parametrize("split", COUNTS)
def test_classes_are_balanced_and_shuffled(archives, split):
    _, labels = archives[split]
    assert np.bincount(labels, minlength=10).tolist() == [COUNTS[split] // 10] * 10
    # In a shuffled order about one neighbour in ten has the same class; sorted nearly all, in turns none in a cycle.
    blocks = labels.reshape(-1, 10)
    assert len({tuple(block) for block in blocks.tolist()}) > 0.99 * len(blocks)


@pytest.mark.parametrize("split", COUNTS)
def test_the_generator_still_orders_the_classes_so(archives, split):
    _, labels = archives[split]
    assert labels[:200].tolist() == [drawing.label_of("FashionMNIST", split, i) for i in range(200)]


@pytest.mark.parametrize("split", COUNTS)
def test_every_picture_is_framed(archives, split):
    images, _ = archives[split]
    # Faint edges fade into the background, so that a picture may lack its outermost pixels; hardly any lacks more.
    boxes = np.array([extent(image) for image in images])
    heights, widths = boxes[:, 1] - boxes[:, 0] + 1, boxes[:, 3] - boxes[:, 2] + 1
    assert np.mean(np.maximum(heights, widths) >= 27) > 0.99
    centres = np.stack([boxes[:, 0] + boxes[:, 1], boxes[:, 2] + boxes[:, 3]]) / 2
    assert np.mean(np.abs(centres - 13.75) <= 1) > 0.99


@pytest.mark.parametrize("split", COUNTS)
def test_each_class_is_about_as_bright_as_the_original(archives, split):
    # The mean brightness of each class in the original, rounded.
    expected = np.array([83, 57, 96, 66, 98, 35, 85, 43, 90, 77])
    images, labels = archives[split]
    means = np.array([images[labels == label].mean() for label in range(10)])
    assert np.abs(means - expected).max() < 12


def test_no_picture_occurs_twice(archives):
    pictures = [image.tobytes() for images, _ in archives.values() for image in images]
    assert len(set(pictures)) == len(pictures) == 14_000


def test_a_hole_is_cut_through_everything():
    canvas = Canvas(np.random.default_rng(0), bend=0)
    canvas.fill([(-14, 0), (14, 0), (14, 28), (-14, 28)], 200)
    canvas.cut([(-4, 10), (4, 10), (4, 18), (-4, 18)])
    picture = canvas.picture()
    assert picture[14, 14] == 0
    assert picture[4, 4] > 150
