"""A large canvas to draw on, the frame that makes a 28 x 28 picture of it, and the file that keeps pictures.

Coordinates are in units of about one final pixel: x from -18 to 18 with 0 in the middle, y from -4 (top) to 32.
Tones are 0 (black, the background) to 255 (white). Drawing happens `SCALE` times larger, so that edges come out
smooth when the picture is made small.
"""

import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from helpers.files import replace_whole

SIDE = 28  # of a finished picture
SCALE = 4  # canvas points per unit
UNITS = 36  # side of the canvas
POINTS = UNITS * SCALE
LEFT, TOP = -18.0, -4.0

Point = tuple[float, float]
Outline = Sequence[Point]
Paint = int | Image.Image  # one tone, or a cloth as large as the canvas

# The coordinates of every canvas point, for cloths computed as functions of x and y.
GRID_Y, GRID_X = np.mgrid[0:POINTS, 0:POINTS].astype(np.float32) / SCALE + np.float32([[[TOP]], [[LEFT]]])


class Canvas:
    """A drawing: the tone of every canvas point, and the cover, which says where anything is drawn."""

    def __init__(self, rng: np.random.Generator, bend: float = 0.27) -> None:
        """Start with nothing on black, and bend the plane a little: no two garments lie quite the same."""
        self._warp = rng.normal(0, bend, (2, 2)), rng.uniform(0, 2 * np.pi, (2, 2)), rng.normal(0, 0.09 * bend, (2, 2))
        self.tone = Image.new("L", (POINTS, POINTS))
        self.cover = Image.new("L", (POINTS, POINTS))

    def fill(self, outline: Outline, paint: Paint) -> None:
        """Lay a piece of cloth, cut along the outline, over what is there."""
        self._lay(self._mask(outline), paint)

    def cut(self, outline: Outline) -> None:
        """Cut a hole, through everything."""
        self.cover.paste(0, mask=self._mask(outline))

    def stroke(self, points: Outline, width: float, paint: Paint) -> None:
        """Lay a band along the points: a strap, a handle, a heel."""
        self._lay(self._band(points, width), paint)

    def seam(self, points: Outline, width: float, light: float) -> None:
        """Lighten (light up to 1) or darken (down to -1) a band of what is there, covering nothing new."""
        self._blend(self._band(points, width, strength=abs(light)), light)

    def shade(self, outline: Outline, light: float) -> None:
        """Lighten (light up to 1) or darken (down to -1) an area of what is there."""
        self._blend(self._mask(outline, strength=abs(light)), light)

    def _place(self, outline: Outline) -> list[Point]:
        """Turn units into canvas points, through the bend."""
        waves, phases, lean = self._warp
        place = np.asarray(outline, dtype=float)
        # Each coordinate gets a slow and a faster wave along the other one, and a little turn, shear and stretch.
        turn = np.array([1, 2])[:, None, None] * place[None, :, ::-1] / 6
        bent = place + (waves[:, None] * np.sin(turn + phases[:, None]) / np.array([1, 2])[:, None, None]).sum(0)
        bent += (place - (0, 14)) @ lean
        return [(x, y) for x, y in ((bent - (LEFT, TOP)) * SCALE).tolist()]

    def _mask(self, outline: Outline, strength: float = 1.0) -> Image.Image:
        mask = Image.new("L", (POINTS, POINTS))
        ImageDraw.Draw(mask).polygon(self._place(outline), fill=round(255 * min(strength, 1.0)))
        return mask

    def _band(self, points: Outline, width: float, strength: float = 1.0) -> Image.Image:
        mask = Image.new("L", (POINTS, POINTS))
        pen, ink = max(1, round(width * SCALE)), round(255 * min(strength, 1.0))
        ImageDraw.Draw(mask).line(self._place(points), fill=ink, width=pen, joint="curve")
        return mask

    def _lay(self, mask: Image.Image, paint: Paint) -> None:
        self.tone.paste(paint, mask=mask)
        self.cover.paste(255, mask=mask)

    def _blend(self, mask: Image.Image, light: float) -> None:
        self.tone.paste(255 if light > 0 else 0, mask=mask)

    def picture(self) -> NDArray[np.uint8]:
        """Crop to what is drawn, make the longest side 28, centre on black.

        Shapes: [28, 28], 0 to 255.
        Raises: ValueError when nothing is drawn.
        """
        box = self.cover.getbbox()
        if box is None:
            raise ValueError("Expected a drawing: nothing is on the canvas. Fill or stroke something first.")
        drawn = Image.composite(self.tone, Image.new("L", self.tone.size), self.cover)
        width, height = box[2] - box[0], box[3] - box[1]
        shrink = SIDE / max(width, height)
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        small = _sharpen(drawn.resize(size, Image.Resampling.LANCZOS, box=box))
        framed = Image.new("L", (SIDE, SIDE))
        # An odd margin goes to the left and the top, as in the original.
        framed.paste(small, ((SIDE - size[0] + 1) // 2, (SIDE - size[1] + 1) // 2))
        return np.asarray(framed)


def _sharpen(small: Image.Image) -> Image.Image:
    """Sharpen, and stretch what is brighter than the middle until the brightest point is white, as in the original."""
    tones = np.asarray(small.filter(ImageFilter.UnsharpMask(radius=1, percent=25, threshold=0)), np.float32)
    middle = np.median(tones[tones > 20]) if (tones > 20).any() else 0.0
    stretch = np.clip((255 - middle) / max(tones.max() - middle, 1), 1, 3)
    stretched = np.where(tones > middle, middle + (tones - middle) * stretch, tones)
    return Image.fromarray(np.clip(stretched, 0, 255).astype(np.uint8))


# Shapes ---------------------------------------------------------------------------------------------------


def flipped(outline: Outline) -> list[Point]:
    """Turn a right part into the left one."""
    return [(-x, y) for x, y in outline]


def mirror(half: Outline) -> list[Point]:
    """Close a right half, given from top to bottom, with its mirror image."""
    return [*half, *flipped(half[::-1])]


def soften(outline: Outline, times: int = 2, closed: bool = True) -> list[Point]:
    """Round the corners by cutting them off, again and again.

    Source: Chaikin's corner cutting (1974).
    """
    corners = np.asarray(outline, dtype=float)
    for _ in range(times):
        after = np.roll(corners, -1, axis=0)
        cut = np.stack([0.75 * corners + 0.25 * after, 0.25 * corners + 0.75 * after], axis=1).reshape(-1, 2)
        corners = cut if closed else np.concatenate([corners[:1], cut[:-2], corners[-1:]])
    return [(x, y) for x, y in corners.tolist()]


def ellipse(x: float, y: float, rx: float, ry: float) -> list[Point]:
    """Walk once around an ellipse."""
    angles = np.radians(np.linspace(0, 360, 25))
    return list(zip((x + rx * np.cos(angles)).tolist(), (y + ry * np.sin(angles)).tolist(), strict=True))


# Files ----------------------------------------------------------------------------------------------------


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Put an array of bytes into the IDX format: a magic number, the sizes, the values."""
    magic = bytes([0, 0, 0x08, array.ndim])  # 0x08: unsigned bytes
    return magic + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def write_gzip(path: Path, payload: bytes) -> str:
    """Write a gzip archive whole or not at all, and return the SHA-256 of what it holds.

    The header holds no time and no name, so that equal payloads give equal files.
    """
    with replace_whole(path) as part:
        part.write_bytes(gzip.compress(payload, compresslevel=9, mtime=0))
    return hashlib.sha256(payload).hexdigest()
