"""Bags: a body, what it is carried by, and what is sewn on it."""

import numpy as np

from tools.draw.canvas import Canvas, ellipse, flipped, mirror, soften
from tools.draw.fabric import Rng, cloth, pick


def bag(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a bag: a tote with handles, a handbag, a satchel with a flap, or a clutch."""
    pattern = pick(rng, {"plain": 72, "melange": 14, "flowers": 6, "stripes": 3, "checks": 2, "gradient": 3})
    paint = cloth(rng, tone, pattern, fold=9, mottle=13)
    kind = pick(rng, {"tote": 30, "handbag": 27, "satchel": 27, "clutch": 16})
    top, bottom, high = {
        "tote": (rng.uniform(6.5, 12), rng.uniform(6.5, 10.5), rng.uniform(14, 18)),
        "handbag": (rng.uniform(8, 12), rng.uniform(10, 14), rng.uniform(13, 18)),
        "satchel": (rng.uniform(12, 14), rng.uniform(11.5, 14), rng.uniform(15, 21)),
        "clutch": (rng.uniform(13, 14), rng.uniform(13, 14), rng.uniform(12, 18)),
    }[kind]
    rim, base = 28 - high, 28.0
    strap_tone = int(np.clip(tone + rng.uniform(-50, 50), 40, 245))
    if kind in ("tote", "handbag"):
        rise = rng.uniform(7, 12) if kind == "tote" else rng.uniform(4, 9)
        handles(canvas, rng, top=top, rim=rim, rise=rise, tone=strap_tone)
    elif kind == "satchel" and rng.random() < 0.75:
        side_strap(canvas, rng, top, rim, strap_tone)
    half = [
        (0, rim - rng.uniform(-0.6, 0.8)),
        (top, rim),
        (0.5 * (top + bottom) + rng.uniform(0, 0.8), rim + 0.6 * high),
        (bottom, base - 1),
        (bottom - 1, base),
        (0, base),
    ]
    outline = mirror(half)
    canvas.fill(soften(outline, int(rng.integers(0, 3))), paint)
    canvas.seam([(-top, rim + 0.4), (top, rim + 0.4)], rng.uniform(0.7, 1.5), rng.uniform(-0.4, 0.4))
    if rng.random() < 0.5:
        canvas.seam([*outline, outline[0]], 1.2, rng.uniform(-0.3, 0.4))
    trim_bag(canvas, rng, kind, top=top, rim=rim, high=high)


def handles(canvas: Canvas, rng: Rng, *, top: float, rim: float, rise: float, tone: int) -> None:
    """Bend one or two handles over the bag."""
    half, wide = rng.uniform(0.3 * top, 0.75 * top), rng.uniform(0.8, 1.5)
    corner = rng.choice([0.6, 0.95])  # pointed, or round
    left = [(-half, rim + 1), (-corner * half, rim - 0.8 * rise)]
    arch = soften([*left, (0, rim - 1.15 * rise), *flipped(left[::-1])], 2, closed=False)
    canvas.stroke(arch, wide, tone)
    if rng.random() < 0.4:
        shift = rng.uniform(0.8, 1.6)
        canvas.stroke([(x + shift, y - 0.4) for x, y in arch], wide, max(25, tone - 40))


def side_strap(canvas: Canvas, rng: Rng, top: float, rim: float, tone: int) -> None:
    """Let a shoulder strap fall down the sides, or stand up in a low bow."""
    wide = rng.uniform(0.8, 1.4)
    if rng.random() < 0.5:
        left = [(-top + 1, rim + 1), (-top - 1.2, rim + 3), (-top - 0.4, rim + 12), (-top + 3, 28)]
        right = [(top - 1, rim + 1), (top + 1, rim + 3), (top + 0.6, rim + 9)]
        for part in (left, right):
            canvas.stroke(soften(part, closed=False), wide, tone)
    else:
        bow = [(-top, rim + 2), (-0.7 * top, rim - 5), (0.7 * top, rim - 5), (top, rim + 2)]
        canvas.stroke(soften(bow, closed=False), wide, tone)


def trim_bag(canvas: Canvas, rng: Rng, kind: str, *, top: float, rim: float, high: float) -> None:
    """Add a flap, a clasp, a pocket or a seam."""
    light = rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)
    if kind in ("satchel", "clutch") and rng.random() < 0.75:
        low = rim + high * rng.uniform(0.4, 0.75)
        corners = [(0, rim), (top, rim), (top, low - 2), (0.6 * top, low), (0, low + rng.uniform(-0.5, 2))]
        flap = soften(mirror(corners), 1)
        canvas.shade(flap, 0.25 * light)
        canvas.seam(flap, 0.7, -abs(light))
        canvas.shade(ellipse(0, low, rng.uniform(0.8, 1.6), rng.uniform(0.6, 1.2)), light * 1.4)
    elif rng.random() < 0.5:
        y = rim + high * rng.uniform(0.2, 0.6)
        canvas.seam([(-top - 2, y), (top + 2, y)], rng.uniform(0.6, 1.4), light)
    if rng.random() < 0.35:
        canvas.shade(ellipse(rng.uniform(-3, 3), rim + 0.5 * high, rng.uniform(0.8, 3), rng.uniform(0.6, 2.4)), light)
    if rng.random() < 0.3:
        for x in (-0.55 * top, 0.55 * top):
            canvas.seam([(x, rim), (x, 28)], rng.uniform(0.6, 1.4), light)
