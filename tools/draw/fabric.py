"""Cloth for the garments: tones, folds, woven and printed patterns."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.draw.canvas import GRID_X, GRID_Y, POINTS, Canvas, ellipse

Rng = np.random.Generator
Field = NDArray[np.float32]  # a value for every canvas point
QUANTILES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)


def pick(rng: Rng, weights: dict[str, float]) -> str:
    """Draw a name, the more often the larger its weight."""
    share = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(share, rng.random() * share[-1], side="right"))]


def draw_tone(rng: Rng, quantiles: tuple[float, ...]) -> float:
    """Draw a tone whose distribution has the given quantiles, at the levels `QUANTILES`."""
    return float(np.interp(rng.random(), QUANTILES, quantiles))


def contrast(rng: Rng, tone: float, least: float = 50) -> float:
    """Draw a second tone that can be told from the first."""
    room = [(20.0, tone - least), (tone + least, 250.0)]
    low, high = max(room, key=lambda r: r[1] - r[0]) if rng.random() < 0.7 else room[rng.integers(2)]
    return float(np.clip(rng.uniform(min(low, high), max(low, high)), 15, 252))


# Fields: each a function of the place, about -1 to 1, or true where the second tone goes. ---------------------


def folds(rng: Rng) -> Field:
    """Soft upright folds, which lean a little and get stronger towards the hem."""
    lean, bend = rng.normal(0, 0.06), rng.normal(0, 0.5)
    across = GRID_X + lean * GRID_Y + bend * np.sin(GRID_Y / 7)
    waves = sum(rng.normal(0, 0.5) * np.sin(across * rng.uniform(0.25, 1.3) + rng.uniform(0, 6.3)) for _ in range(3))
    return waves * (0.5 + GRID_Y / 30)


def clouds(rng: Rng, cells: int) -> Field:
    """Smooth noise, with about `cells` lumps along each side."""
    coarse = Image.fromarray(rng.normal(0, 0.5, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((POINTS, POINTS), Image.Resampling.BICUBIC))


def stripes(rng: Rng, upright: bool = False) -> Field:
    """Stripes of one width, across or upright."""
    place = GRID_X if upright else GRID_Y + 0.01 * GRID_X**2 * rng.uniform(-1, 1)
    period = rng.uniform(2.0, 3.2) if upright else rng.choice([rng.uniform(1.8, 3), rng.uniform(3, 7)])
    return np.sin(2 * np.pi * (place / period + rng.random())) > rng.uniform(-0.3, 0.7)


def checks(rng: Rng) -> Field:
    """Crossed stripes: where both meet the second tone is full, where one runs it is half."""
    period, wide = rng.uniform(2.2, 5), rng.uniform(-0.2, 0.5)
    along, across = (np.sin(2 * np.pi * (g / period + rng.random())) > wide for g in (GRID_X, GRID_Y))
    return (along.astype(np.float32) + across) / 2


def dots(rng: Rng) -> Field:
    """Dots in staggered rows."""
    period, radius = rng.uniform(2.4, 4.5), rng.uniform(0.5, 0.9)
    row = np.floor(GRID_Y / period)
    dx = (GRID_X + row * period / 2) % period - period / 2
    dy = GRID_Y % period - period / 2
    return dx**2 + dy**2 < radius**2


def flowers(rng: Rng) -> Field:
    """Irregular blots, as of a floral print."""
    return clouds(rng, int(rng.integers(12, 28))) > rng.uniform(-0.1, 0.4)


def blocks(rng: Rng) -> Field:
    """One or two broad areas, one above the other."""
    edge = rng.uniform(5, 22)
    return (edge < GRID_Y) & (edge + rng.choice([3, 6, 30]) > GRID_Y)


PATTERNS = {
    "stripes": stripes,
    "pinstripes": lambda rng: stripes(rng, upright=True),
    "checks": checks,
    "dots": dots,
    "flowers": flowers,
    "blocks": blocks,
}


def cloth(rng: Rng, tone: float, pattern: str = "plain", fold: float = 14, mottle: float = 8) -> Image.Image:
    """Weave a cloth as large as the canvas: a tone, its folds and unevenness, and a pattern."""
    field = np.full((POINTS, POINTS), tone, np.float32)
    if pattern in PATTERNS:
        amount = PATTERNS[pattern](rng).astype(np.float32)
        field += amount * (contrast(rng, tone, least=45) - tone)
    elif pattern == "gradient":
        field += rng.choice([-1, 1]) * rng.uniform(20, 60) * (GRID_Y - 14) / 14
    elif pattern == "melange":
        field += rng.uniform(12, 36) * clouds(rng, 40)
    # Folds show most on middle tones: very bright cloth hides them.
    field += fold * rng.uniform(0.3, 1.7) * folds(rng) + mottle * rng.uniform(0.2, 1.3) * clouds(
        rng, int(rng.integers(9, 28))
    )
    return Image.fromarray(np.clip(field, 12, 255).astype(np.uint8))


# Prints -------------------------------------------------------------------------------------------------------


def add_print(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Print something on the chest: lettering, a picture, a badge or a small emblem."""
    ink = contrast(rng, tone, least=60)
    light = (ink - tone) / 255 * 1.5
    x, y, w, h = rng.normal(0, 0.4), rng.uniform(7, 12), rng.uniform(2, 4.2), rng.uniform(1.5, 6)
    kind = pick(rng, {"lettering": 4, "picture": 3, "badge": 1, "ring": 1, "emblem": 3})
    if kind == "lettering":
        for line in np.arange(y, y + h, 2.0):
            for left in np.arange(x - w, x + w - 0.8, 1.5):
                canvas.seam([(left, line), (left + rng.uniform(0.5, 1.2), line)], rng.uniform(0.8, 1.5), light)
    elif kind == "picture":
        for _ in range(int(rng.integers(5, 14))):
            px, py = x + rng.uniform(-w, w), y + rng.uniform(0, 1.6 * h)
            spot = ellipse(px, py, rng.uniform(0.4, 1.6), rng.uniform(0.4, 1.6))
            canvas.shade(spot, light * rng.uniform(0.4, 1.2))
    elif kind == "badge":
        canvas.shade([(x - w, y), (x + w, y), (x + w, y + h), (x - w, y + h)], light)
    elif kind == "ring":
        canvas.seam(ellipse(x, y + 2, w, w), 0.8, light)
    else:
        side = rng.choice([-1, 1])
        canvas.shade(ellipse(3.2 * side, rng.uniform(6, 8), 0.8, 0.6), light)
