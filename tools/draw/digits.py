"""The ten digits, each in the several ways in which people write it.

A digit is one or more strokes of a pen on a plane where x runs from about -0.6 (left) to 0.6 and y from -1 (top) to 1.
Every way of writing is a short function of a random number generator, and chooses by it where the pen turns. What all
hands have in common comes afterwards: slant, proportions, an unsteady hand, the thickness of the pen.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from helpers.strokes import frame, ink

Rng = np.random.Generator
Line = NDArray[np.float64]  # where the pen goes: [points, 2]
Way = Callable[[Rng], list[Line]]

CLASSES = tuple("0123456789")


# Pieces of a stroke -----------------------------------------------------------------------------------------


def line(*points: Sequence[float]) -> Line:
    """Go from point to point, cutting the corners."""
    return np.array(points, dtype=float)


def corner(x: float, y: float) -> Line:
    """Turn sharply: three equal points keep the corner from being cut."""
    return np.array([(x, y)] * 3)


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> Line:  # noqa: PLR0917 - as Pillow
    """Go along an ellipse around (x, y); degrees, 0 is right and 90 is down."""
    angles = np.radians(np.linspace(start, stop, max(3, round(abs(stop - start) / 25) + 1)))
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1)


def join(*pieces: Line) -> Line:
    """Go through all the pieces without lifting the pen."""
    return np.concatenate(pieces)


def smooth(points: Line, times: int = 3) -> Line:
    """Round the corners by cutting them off, again and again; both ends stay.

    Source: Chaikin's corner cutting (1974).
    """
    for _ in range(times):
        before, after = points[:-1], points[1:]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut[1:-1], points[-1:]])
    return points


# The ways to write each digit -------------------------------------------------------------------------------


def zero(rng: Rng) -> list[Line]:
    """Once around, ending before, at, or beyond the beginning."""
    rx, start = rng.uniform(0.4, 0.9), rng.uniform(-130, -40)
    turn = rng.uniform(325, 410)
    ring = arc(0, 0, rx, 1, start, start - turn)
    drift = np.linspace(0, 1, len(ring))[:, None] ** 2
    return [ring * (1 - rng.uniform(-0.05, 0.22) * drift)]


def one_plain(rng: Rng) -> list[Line]:
    """A single stroke down."""
    bow = rng.normal(0, 0.06)
    return [line((0, -1), (bow, -0.3), (bow, 0.3), (0, 1))]


def one_flag(rng: Rng) -> list[Line]:
    """A stroke up to the top, and down."""
    reach = rng.uniform(0.15, 0.85)
    drop = reach * rng.uniform(0.6, 1.7)  # a flat flag would make it a seven
    tip = corner(0, -1) if rng.random() < 0.7 else line((0, -1))
    flag = line((-reach, -1 + drop), (-0.4 * reach, -1 + 0.5 * drop))
    return [join(flag, tip, line((rng.normal(0, 0.04), 0), (0, 1)))]


def one_base(rng: Rng) -> list[Line]:
    """With a flag and a line to stand on."""
    left, right, tilt = rng.uniform(0, 0.6), rng.uniform(0.25, 0.75), rng.normal(0, 0.07)
    strokes = one_flag(rng) if rng.random() < 0.8 else one_plain(rng)
    return [*strokes, line((-left, 1 - tilt), (0, 1), (right, 1 + tilt))]


def _two_top(rng: Rng) -> Line:
    """From the left over the top and down the right side."""
    rx, ry = rng.uniform(0.25, 0.6), rng.uniform(0.2, 0.55)
    return arc(0.02, -1 + ry, rx, ry, rng.uniform(165, 230), rng.uniform(365, 400))


def two_corner(rng: Rng) -> list[Line]:
    """The foot meets the diagonal in a corner."""
    left, right = rng.uniform(-0.75, -0.15), rng.uniform(0.4, 0.9)
    y, end = rng.uniform(0.8, 1), rng.uniform(0.75, 1.1)
    wave = rng.normal(0, 0.08)
    foot = line((left / 2, y + wave), (right / 2, y - wave), (right, end))
    return [join(_two_top(rng), line((left * 0.3, y - 0.55)), corner(left, y), foot)]


def two_loop(rng: Rng) -> list[Line]:
    """The foot leaves the diagonal in a small loop."""
    x, rx, ry = rng.uniform(-0.55, -0.3), rng.uniform(0.12, 0.3), rng.uniform(0.08, 0.25)
    y = 1 - ry
    loop = arc(x, y, rx, ry, rng.uniform(30, 80), rng.uniform(290, 330))
    right, end = rng.uniform(0.4, 0.9), rng.uniform(0.7, 1.1)
    return [join(_two_top(rng), line((0.1, 0.3)), loop, line((right / 2, rng.uniform(0.85, 1)), (right, end)))]


def two_flat(rng: Rng) -> list[Line]:
    """Nearly a Z: a flat top."""
    left, right = rng.uniform(-0.7, -0.45), rng.uniform(0.4, 0.7)
    top = line((left, rng.uniform(-0.95, -0.75)), (0, rng.uniform(-1.1, -0.95)), (right, -0.95), (right, -0.6))
    return [join(top, line((0, 0.2)), corner(left, 0.95), line((0, rng.uniform(0.85, 1)), (right, 0.95)))]


def three_round(rng: Rng) -> list[Line]:
    """Two bows that meet at the middle in a notch, or a little loop."""
    waist, rx, lower = rng.uniform(-0.25, 0.15), rng.uniform(0.35, 0.55), rng.uniform(0.35, 0.7)
    ry, ly = (waist + 1) / 2, (1 - waist) / 2
    notch = rng.uniform(-0.3, 0.15)
    upper = arc(0, -1 + ry, rx, ry, rng.uniform(180, 260), 430)
    kind = rng.random()
    if kind < 0.6:
        middle = corner(notch, waist)
    elif kind < 0.8:
        middle = line((notch, waist))
    else:
        size = rng.uniform(0.05, 0.14)
        middle = arc(notch, waist, 1.5 * size, size, 60, 300)
    return [join(upper, middle, arc(0, 1 - ly, lower, ly, -65, rng.uniform(90, 200)))]


def three_flat(rng: Rng) -> list[Line]:
    """A flat top, a diagonal, one bow."""
    left, right, waist = rng.uniform(-0.6, -0.35), rng.uniform(0.3, 0.6), rng.uniform(-0.3, 0.1)
    ly = (1 - waist) / 2
    top = join(line((left, rng.uniform(-1, -0.85))), corner(right, -1), corner(rng.uniform(-0.2, 0.1), waist))
    return [join(top, arc(0, 1 - ly, rng.uniform(0.35, 0.65), ly, -60, rng.uniform(90, 195)))]


def four_open(rng: Rng) -> list[Line]:
    """A corner, open at the top, and a stroke through it."""
    left, bar, x = rng.uniform(-0.7, -0.4), rng.uniform(-0.15, 0.4), rng.uniform(0.15, 0.5)
    right = x + rng.uniform(0.0, 0.45)
    lean, tilt = rng.uniform(-0.05, 0.25), rng.normal(0, 0.08)
    turn = corner(left, bar) if rng.random() < 0.55 else line((left, bar - 0.1), (left + 0.1, bar))
    high, second = rng.uniform(-1, -0.6), rng.uniform(-1, -0.5)
    if rng.random() < 0.3:  # a long leaning stroke, and a short upright one
        lean, high, second = rng.uniform(0.3, 0.9), -1.0, rng.uniform(-0.5, bar)
    first = join(line((left + lean, high), (left + lean / 2, -0.3)), turn, line((right, bar + tilt)))
    return [first, line((x + rng.normal(0, 0.06), second), (x, 0), (x + rng.normal(0, 0.08), 1))]


def four_closed(rng: Rng) -> list[Line]:
    """A triangle and a stroke: the diagonal starts at the top."""
    left, bar, x = rng.uniform(-0.8, -0.5), rng.uniform(0.1, 0.55), rng.uniform(0.1, 0.4)
    right, tilt = x + rng.uniform(0.15, 0.5), rng.normal(0, 0.06)
    top = (x + rng.normal(0, 0.05), -1)
    first = join(line(top, (0.5 * (x + left), -0.35)), corner(left, bar), line((right, bar + tilt)))
    return [first, line((top[0], rng.uniform(-1, -0.8)), (x, 0), (x + rng.normal(0, 0.06), 1))]


def four_without_lifting(rng: Rng) -> list[Line]:
    """Down, across, up to the top and down again, in one stroke."""
    left, bar, x = rng.uniform(-0.65, -0.4), rng.uniform(-0.2, 0.2), rng.uniform(0.2, 0.5)
    peak = rng.uniform(-1, -0.6)
    turn = line((left, bar - 0.15), (left + 0.1, bar), (x - 0.15, bar))
    back = join(corner(x, peak), line((x, 0.2), (x + rng.normal(0, 0.1), 1)))
    return [join(line((left + rng.uniform(0, 0.2), rng.uniform(-1, -0.7))), turn, back)]


def _five_belly(rng: Rng, x: float, y: float) -> Line:
    """From the neck's end around the belly to the left."""
    ry, rx = (1 - y) / 2, rng.uniform(0.3, 0.75)
    return arc(x + rng.uniform(0, 0.25), 1 - ry, rx, ry, rng.uniform(-130, -70), rng.uniform(85, 180))


def five_hat(rng: Rng) -> list[Line]:
    """Neck and belly, and the hat as a stroke of its own."""
    x, y, top = rng.uniform(-0.5, -0.2), rng.uniform(-0.35, 0.1), rng.uniform(-1, -0.85)
    body = join(line((x + rng.uniform(0, 0.15), top)), corner(x, y + rng.uniform(0, 0.15)), _five_belly(rng, x, y))
    start, lift = rng.uniform(-0.1, 0.25), rng.normal(0.05, 0.07)
    hat = line((x + start, top - 0.02 + rng.normal(0, 0.04)), (rng.uniform(0.3, 0.9), top - lift))
    return [body, hat]


def five_without_lifting(rng: Rng) -> list[Line]:
    """From the hat's right end: left, down, around."""
    x, y, top = rng.uniform(-0.5, -0.2), rng.uniform(-0.35, 0.1), rng.uniform(-1, -0.9)
    hat = line((rng.uniform(0.3, 0.8), top - rng.normal(0.02, 0.08)))
    bend = corner if rng.random() < 0.6 else lambda x, y: line((x, y))
    return [join(hat, bend(x + rng.uniform(0, 0.2), top), bend(x, y), _five_belly(rng, x, y))]


def six(rng: Rng) -> list[Line]:
    """Down the left side and around, closing the loop or not."""
    loop, rx = rng.uniform(0.3, 0.6), rng.uniform(0.35, 0.6)
    x, y = 0.0, 1 - loop
    start = (rng.uniform(-0.25, 0.6), -1)
    waist = x - rx * rng.uniform(0.9, 1.1)
    stem = line(start, (0.45 * start[0] + 0.55 * waist, -0.65), (waist, -0.15 + 0.3 * (y - 0.5)))
    if rng.random() < 0.3:
        stem = line(start, (0.5 * (start[0] + waist), (y - 1) / 2), (waist, y - 0.1))
    inner = rng.uniform(0.75, 1.05)
    bottom, rest = arc(x, y, rx, loop, 165, 0), arc(x, y, rx, loop * inner, -25, -rng.uniform(130, 240))
    return [join(stem, bottom, rest)]


def _seven(rng: Rng) -> list[Line]:
    left, right, foot = rng.uniform(-0.75, -0.4), rng.uniform(0.35, 0.7), rng.uniform(-0.35, 0.3)
    y = rng.uniform(-1, -0.8)
    bend = corner(right, -1) if rng.random() < 0.5 else line((right - 0.15, -1), (right, -0.9), (right - 0.05, -0.6))
    bow = rng.normal(-0.02, 0.14)
    return [
        join(line((left, y), (0, y - 0.06 + rng.normal(0, 0.06))), bend, line(((right + foot) / 2 + bow, 0), (foot, 1)))
    ]


def seven_plain(rng: Rng) -> list[Line]:
    """A bar and a stem."""
    return _seven(rng)


def seven_serif(rng: Rng) -> list[Line]:
    """With a small stroke down at the bar's left end."""
    (stroke,) = _seven(rng)
    x, y = stroke[0]
    return [join(line((x + rng.normal(-0.03, 0.06), y + rng.uniform(0.15, 0.75))), corner(x, y), stroke[1:])]


def seven_crossed(rng: Rng) -> list[Line]:
    """With a bar through the stem."""
    strokes = seven_serif(rng) if rng.random() < 0.7 else _seven(rng)
    stem, y, half = strokes[0], rng.uniform(-0.3, 0.35), rng.uniform(0.25, 0.7)
    x = np.interp(y, [-1, 1], [stem[-3, 0], stem[-1, 0]])
    tilt = rng.normal(-0.04, 0.06)
    shift = rng.normal(0.05, 0.1)
    return [*strokes, line((x + shift - half, y - tilt), (x + shift + half, y + tilt))]


def eight(rng: Rng) -> list[Line]:
    """Without lifting: an S downwards, and back up through the middle; the ends meet, cross, or stay apart."""
    waist, upper, lower = rng.uniform(-0.3, 0.2), rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.65)
    uy, ly = (waist + 1) / 2, (1 - waist) / 2
    begin, end = rng.uniform(-90, 30), rng.uniform(-60, 40)
    down = arc(0, -1 + uy, upper * rng.uniform(0.8, 1.2), uy, begin, -rng.uniform(215, 240))
    around = arc(0, 1 - ly, lower, ly, -rng.uniform(45, 60), rng.uniform(215, 240))
    up = arc(rng.uniform(-0.05, 0.2), -1 + uy, upper, uy, 50, end)
    return [join(down, around, up)]


def eight_rings(rng: Rng) -> list[Line]:
    """Two rings, one upon the other."""
    waist, upper, lower = rng.uniform(-0.3, 0.1), rng.uniform(0.35, 0.55), rng.uniform(0.4, 0.65)
    uy, ly = (waist + 1) / 2, (1 - waist) / 2
    start, shift = rng.uniform(60, 120), rng.normal(0, 0.1)
    turn = rng.uniform(320, 400)
    return [arc(shift, -1 + uy, upper, uy, start, start + turn), arc(0, 1 - ly, lower, ly, -start, -start - turn)]


def _nine_head(rng: Rng, ry: float, rx: float) -> Line:
    """Around the loop, against the clock, back to its right side."""
    loop = arc(0, -1 + ry, rx, ry, rng.uniform(-70, 0), -rng.uniform(325, 375))
    loop[:, 1] -= rng.normal(0.18, 0.2) * (loop[:, 0] - rx)  # the loop may hang, or point up
    return loop


def nine_straight(rng: Rng) -> list[Line]:
    """A loop and a straight stem."""
    ry, rx = rng.uniform(0.25, 0.55), rng.uniform(0.35, 0.7)
    top = corner(rx, -1 + rng.uniform(-0.2, 1.0) * ry) if rng.random() < 0.7 else line((rx, -1 + ry))
    foot = rx + rng.uniform(-0.3, 0.1)
    return [join(_nine_head(rng, ry, rx), top, line(((rx + foot) / 2 + rng.normal(0, 0.04), 0.2), (foot, 1)))]


def nine_hooked(rng: Rng) -> list[Line]:
    """A loop and a stem that ends in a hook to the left."""
    ry, rx = rng.uniform(0.25, 0.6), rng.uniform(0.35, 0.65)
    top = corner(rx, -1 + rng.uniform(0.4, 1.0) * ry) if rng.random() < 0.5 else line((rx, -1 + ry))
    hook, hy = rng.uniform(0.25, 0.8), rng.uniform(0.15, 0.5)
    tail = arc(rx - hook, 1 - hy, hook, hy, 0, rng.uniform(80, 190))
    return [join(_nine_head(rng, ry, rx), top, line((rx, 0.0)), tail)]


# Each way and its weight: how many people write so.
WAYS: tuple[tuple[tuple[Way, float], ...], ...] = (
    ((zero, 1.0),),
    ((one_plain, 0.5), (one_flag, 0.38), (one_base, 0.12)),
    ((two_corner, 0.45), (two_loop, 0.4), (two_flat, 0.15)),
    ((three_round, 0.75), (three_flat, 0.25)),
    ((four_open, 0.62), (four_closed, 0.23), (four_without_lifting, 0.15)),
    ((five_hat, 0.55), (five_without_lifting, 0.45)),
    ((six, 1.0),),
    ((seven_plain, 0.38), (seven_serif, 0.19), (seven_crossed, 0.43)),
    ((eight, 0.7), (eight_rings, 0.3)),
    ((nine_straight, 0.5), (nine_hooked, 0.5)),
)


# What all hands have in common ------------------------------------------------------------------------------


def _by_hand(strokes: list[Line], rng: Rng) -> list[Line]:
    """Place every point a little off, bend and stretch the plane, slant it."""
    unsteady = rng.uniform(0.01, 0.08)
    waves, phases = rng.normal(0, 0.1, (2, 2)), rng.uniform(0, 2 * np.pi, (2, 2))
    uneven = rng.normal(0, 0.16, 2)
    aspect, slant, turn = np.exp(rng.normal(0, 0.27)), rng.normal(0.13, 0.26), rng.normal(0, 0.09)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    drawn = []
    for points in strokes:
        # Points in one place stay together: they are a corner.
        _, place = np.unique(points, axis=0, return_inverse=True)
        points = points + rng.normal(0, unsteady, points.shape)[place.ravel()]
        points = smooth(points)
        swing = np.array([1.7, 3.4])[:, None, None] * points[None, :, ::-1] + phases[:, None]
        points = points + (waves[:, None] * np.sin(swing) / np.array([1, 1.6])[:, None, None]).sum(0)
        points = points + uneven * (1 - points**2)
        x, y = points.T
        drawn.append(np.stack([aspect * x - slant * y, y], axis=1) @ rotation)
    return drawn


def strokes_of(label: int, rng: Rng) -> list[Line]:
    """Write one digit: its strokes on a square pad, where its longest side takes 0.6.

    Shapes: the label is 0 to 9; each stroke is [points, 2], 0 to 1.
    """
    ways, weights = zip(*WAYS[label], strict=True)
    strokes = _by_hand(ways[rng.choice(len(ways), p=weights)](rng), rng)
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    return [0.5 + 0.6 * (stroke - (low + high) / 2) / (high - low).max() for stroke in strokes]


def draw(label: int, rng: Rng) -> NDArray[np.uint8]:
    """Write one digit with a pen of any thickness, scan it sharply or not, frame it as MNIST frames it.

    Shapes: the label is 0 to 9; the picture is [28, 28], 0 to 255.
    """
    strokes = [stroke.tolist() for stroke in strokes_of(label, rng)]
    # The pen's thickness in the end, in pixels; a slim digit is written with a thinner one, lest its loops fill.
    slim = np.ptp(np.concatenate(strokes), axis=0).min() * 20 / 0.6
    if label == 1:
        pixels = np.exp(rng.normal(np.log(3.0), 0.5))
    else:
        most = rng.uniform(0.22, 0.42)
        pixels = min(np.exp(rng.normal(np.log(2.8), 0.33)), most * slim, 5.5)
    pixels = float(np.clip(pixels, 1.4, 8))
    pad = Image.fromarray(ink(strokes, width=0.6 * pixels / (20 - pixels)))
    pad = pad.filter(ImageFilter.BoxBlur(rng.uniform(0, 12)))
    scan = (np.asarray(pad, np.float32) - 50) * rng.uniform(1.2, 2.5)
    return frame(np.clip(scan, 0, 255).astype(np.uint8))
