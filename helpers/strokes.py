"""From pen strokes or a small scan to the image that a network receives, framed as MNIST frames its digits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Stroke = Sequence[tuple[float, float]]

SIDE = 28  # of a finished image, in pixels
LONGEST = 20  # side of the ink in it
PAD = 10 * SIDE  # side of the pad in pixels: ten times finer than the image, so that edges come out smooth


def frame(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crop to the ink, make its longest side 20, and place its centre of mass in the middle of a black square.

    The middle is the middle of pixel 14, as in the original. Ink that this would push over an edge stays inside. An
    image without ink gives a black square.

    Shapes: any height and width, 0 (black) to 255 (ink), give [28, 28], 0 to 255.
    Raises: ValueError for another shape or dtype.
    Source: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits: how its digits were framed.
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(
            f"Expected an image [height, width] of uint8, got shape {list(image.shape)} of {image.dtype}. "
            "Pass one grey image, 0 (black) to 255 (ink)."
        )
    framed = np.zeros((SIDE, SIDE), np.uint8)
    uncropped = Image.fromarray(image)
    box = uncropped.getbbox()
    if box is None:
        return framed
    width, height = box[2] - box[0], box[3] - box[1]
    shrink = LONGEST / max(width, height)
    small_size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = np.asarray(uncropped.crop(box).resize(small_size, Image.Resampling.HAMMING))
    mass = small.sum()
    if not mass:  # ink so faint and thin that nothing of it is left
        return framed
    corner = []
    for axis in (0, 1):
        centre = small.sum(axis=1 - axis) @ np.arange(small.shape[axis]) / mass
        start = int(np.floor(SIDE // 2 - centre + 0.5))  # half up; Python's round() goes to the even neighbour
        corner.append(min(max(start, 0), SIDE - small.shape[axis]))
    top, left = corner
    framed[top : top + small.shape[0], left : left + small.shape[1]] = small
    return framed


def ink(strokes: Sequence[Stroke], *, width: float = 0.08) -> NDArray[np.uint8]:
    """Draw strokes of a round pen on a square pad, white on black.

    Each stroke is a list of points (x, y) on the pad: x from 0 (left) to 1 (right), y from 0 (top) to 1 (bottom);
    one point alone gives a dot. A stroke may leave the pad by up to a pad's side: what lies outside is not drawn.
    `width` is the thickness of the pen as a fraction of the pad.

    Shapes: [280, 280], 0 or 255.
    Raises: ValueError for a point that is not two finite numbers or is too far outside.
    """
    pad = Image.new("L", (PAD, PAD))
    pen, thickness = ImageDraw.Draw(pad), max(1, round(width * PAD))
    for index, stroke in enumerate(strokes):
        # Pillow counts from the middle of the first pixel, which is half a pixel from the edge.
        points = [(x, y) for x, y in (_checked_points(stroke, index) * PAD - 0.5).tolist()]
        if len(points) > 1:
            pen.line(points, fill=255, width=thickness)
        for point in points:  # a disc at each point makes round ends and joints
            pen.circle(point, thickness / 2 - 0.5, fill=255)
    return np.asarray(pad)


def picture(strokes: Sequence[Stroke], *, width: float = 0.08, framed: bool = True) -> NDArray[np.uint8]:
    """Draw strokes as `ink` does, and frame them as MNIST does: what the network receives.

    With `framed=False` the whole pad is made small instead, as it is.

    Shapes: each stroke is a list of points (x, y), 0 to 1 of the pad; the picture is [28, 28], 0 to 255.
    Raises: ValueError for strokes that `ink` refuses.
    """
    pad = ink(strokes, width=width)
    return frame(pad) if framed else np.asarray(Image.fromarray(pad).reduce(PAD // SIDE))


def enlarge(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Scale a small scanned digit up smoothly and frame it as MNIST does.

    Shapes: [8, 8], 0 (paper) to 16 (ink), as `sklearn.datasets.load_digits().images[i]`, gives [28, 28], 0 to 255.
    """
    ink = Image.fromarray(np.pad(image, 1).astype(np.float32) / 16)
    large = np.asarray(ink.resize((160, 160), Image.Resampling.LANCZOS))
    # Smoothing leaves a faint halo around each stroke: framed with it, the digit would come out too small.
    return frame((255 * np.clip(1.6 * (large - 0.2), 0, 1)).astype(np.uint8))


def _checked_points(stroke: Stroke, index: int) -> NDArray[np.float64]:
    """Turn a stroke into an array [points, 2], or say what is wrong with it."""
    rule = f"Expected stroke {index} to be a list of points (x, y), each from 0 to 1 of the pad, got {stroke!r:.60}."
    try:
        points = np.asarray(stroke, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule} Pass pairs of numbers.") from error
    if points.size == 0:
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{rule} Pass pairs of numbers.")
    if not (np.abs(points - 0.5) <= 1.5).all():  # or not finite
        raise ValueError(f"{rule} Divide pixels by the pad's side; leave out what is far outside.")
    return points
