"""The ten digits, each in the several ways in which people write it.

`ways.json` has one row for each way of writing a digit: how often it is drawn (`share`), how many points each of its
strokes has (`points`), where these points are on average (`mean`), and the directions in which they vary together
(`modes`, principal components, each one standard deviation long). Coordinates are in hundredths: the longer side of the
digit runs from -100 to 100, y downward. `python -m tools.draw.ways` computes the table.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from helpers.strokes import SIDE, frame

Rng = np.random.Generator
Points = NDArray[np.float64]  # [points, 2]

CLASSES = tuple("0123456789")
TABLE = Path(__file__).with_name("ways.json")

# The writers measured are few: the modes are drawn wider than they vary from one of them to the next.
SPREAD = 1.3
FINE = 2  # canvas pixels per pixel of the finished image
AXIS = np.arange(FINE * SIDE, dtype=np.float32) - (FINE * SIDE - 1) / 2  # 0 is the middle of the canvas


class Way(NamedTuple):
    """One way of writing a digit: its row in the table. A way that was set by hand has no writers and no samples."""

    digit: int
    share: float
    writers: int
    samples: int
    points: list[int]
    mean: list[int]
    modes: list[list[int]]


@cache
def read_ways(path: Path = TABLE) -> tuple[Way, ...]:
    """Read the table of ways."""
    return tuple(Way(**row) for row in json.loads(path.read_text(encoding="ascii")))


def sample_strokes(way: Way, rng: Rng) -> list[Points]:
    """Write a digit in this way: the mean shape, moved at random along each of its modes.

    Shapes: each stroke is [points, 2], about -1 to 1.
    """
    # Without the far ends of the normal distribution, where shapes fall apart.
    amounts = np.clip(SPREAD * rng.normal(size=len(way.modes)), -2.3, 2.3)
    points = (np.array(way.mean) + amounts @ np.array(way.modes)).reshape(-1, 2) / 100
    return np.split(points, np.cumsum(way.points)[:-1])


def wobble(count: int, columns: int, rng: Rng) -> Points:
    """Return noise that changes smoothly from point to point: about one independent value for every four.

    Shapes: [count, columns], mean 0, standard deviation at most 1.
    """
    knots = rng.normal(size=(count // 4 + 2, columns))
    at = np.linspace(0, len(knots) - 1, count)
    return np.stack([np.interp(at, np.arange(len(knots)), column) for column in knots.T], axis=1)


def cut_corners(points: Points) -> Points:
    """Round the corners by cutting them off; both ends stay.

    Source: G. Chaikin, An algorithm for high-speed curve generation, 1974.
    """
    before, after = points[:-1], points[1:]
    cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
    return np.concatenate([points[:1], cut[1:-1], points[-1:]])


def deform(strokes: Sequence[Points], rng: Rng) -> list[Points]:
    """Add what differs from hand to hand: shakiness, a bent plane, proportions, slant and rotation."""
    shaky, bend = rng.uniform(0, 0.03), rng.normal(0, 0.05, (3, 2))
    aspect, slant, angle = np.exp(rng.normal(-0.03, 0.25)), rng.normal(0, 0.25), rng.normal(0, 0.1)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    plane = np.array([[aspect, 0], [-slant, 1]]) @ rotation
    deformed = []
    for points in strokes:
        points = cut_corners(points + shaky * wobble(len(points), 2, rng))
        x, y = points.T
        deformed.append((points + np.stack([x * x, x * y, y * y], axis=1) @ bend) @ plane)
    return deformed


def choose_pen(label: int, points: Points, rng: Rng) -> float:
    """Choose how thick the pen is, in pixels of the finished image: 0.9 to 5.5, and to 8 for a 1.

    Shapes: points [N, 2], in such pixels.
    """
    if label == 1:  # nothing in it can fill with ink
        return float(np.clip(np.exp(rng.normal(np.log(2.7), 0.5)), 0.9, 8))
    pen = np.exp(rng.normal(np.log(2.45), 0.43))
    # A slim digit needs a thinner pen, or its loops fill; slim across its own axis, whatever its slant.
    narrow = np.sqrt(max(np.linalg.eigvalsh(np.cov(points.T))[0], 0))
    return float(np.clip(pen, 0.9, min(max(1.2, rng.uniform(0.75, 1.5) * narrow), 5.5)))


def ink_canvas(strokes: Sequence[Points], widths: Sequence[Points]) -> NDArray[np.uint8]:
    """Draw strokes of varying width on a canvas, `FINE` times finer than the image.

    Shapes: strokes [points, 2] in canvas pixels from the middle; widths [points - 1], one for each segment; the canvas
    is [56, 56], 0 to 255.
    """
    starts = np.concatenate([stroke[:-1] for stroke in strokes]).astype(np.float32)
    x, y = np.concatenate([np.diff(stroke, axis=0) for stroke in strokes]).astype(np.float32).T
    length = np.maximum(x * x + y * y, 1e-6)
    across, down = AXIS[None, :, None] - starts[:, 0], AXIS[:, None, None] - starts[:, 1]
    along = np.clip(across * (x / length) + down * (y / length), 0, 1)  # [56, 56, segments]: the nearest point of each
    distance = np.sqrt((across - along * x) ** 2 + (down - along * y) ** 2)
    # A pixel is covered as far as the nearest edge lies behind its middle.
    covered = np.clip((np.concatenate(widths).astype(np.float32) / 2 - distance).max(axis=-1) + 0.5, 0, 1)
    return (255 * covered).astype(np.uint8)


def draw(label: int, rng: Rng, *, ways: Sequence[Way] | None = None) -> NDArray[np.uint8]:
    """Write one digit, with a pen of any thickness and pressure, scan it sharply or not, frame it as MNIST does.

    The ways are those of the table, unless others are passed.

    Shapes: the label is 0 to 9; the image is [28, 28], 0 to 255.
    """
    mine = [way for way in (read_ways() if ways is None else ways) if way.digit == label]
    shares = np.array([way.share for way in mine])
    strokes = deform(sample_strokes(mine[rng.choice(len(mine), p=shares / shares.sum())], rng), rng)

    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    longest = (high - low).max()
    pen = choose_pen(label, points * 20 / longest, rng)
    strokes = [FINE * (20 - pen) / longest * (stroke - (low + high) / 2) for stroke in strokes]
    pressure = rng.uniform(0, 0.2)
    widths = [FINE * pen * np.clip(1 + pressure * wobble(len(s) - 1, 1, rng)[:, 0], 0.5, 1.6) for s in strokes]

    canvas = Image.fromarray(ink_canvas(strokes, widths))
    blur = rng.uniform(0, min(1.5, 0.7 * pen)) if rng.random() < 0.4 else 0.0  # pixels
    scan = np.asarray(canvas.filter(ImageFilter.BoxBlur(FINE * blur)), np.float32) - 25
    scan *= 255 / scan.max() * rng.uniform(0.9, 2.2)  # as bright as other ink, however thin the pen
    return frame(np.clip(scan, 0, 255).astype(np.uint8))
