"""Shoes, seen from the side: the toe is at x = -14, the heel at x = 14."""

from collections.abc import Callable

import numpy as np

from tools.draw.canvas import Canvas, Paint, ellipse, soften
from tools.draw.fabric import Rng, cloth, pick

Floor = Callable[[float], float]  # the height of the foot bed at x


def sole(canvas: Canvas, rng: Rng, *, top: float, thick: float, tone: float, toe: float = 0.4) -> None:
    """Lay a sole from the toe at -14 to the heel at 14, with its tread line."""
    outline = [
        (-14, top + 0.3 - toe),
        (-13, top),
        (13.5, top),
        (14, top + 0.4),
        (13.6, top + thick),
        (-12, top + thick),
    ]
    canvas.fill(soften(outline, 1), int(tone))
    canvas.seam([(-13, top + thick - 0.4), (13.5, top + thick - 0.4)], 0.7, rng.uniform(-0.5, 0.6))


def sneaker(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a sneaker: low or high, laced, with a sole of another tone and stripes or patches on its side."""
    high = rng.random() < 0.13
    heel = rng.uniform(13.5, 19) if high else rng.uniform(9.5, 13)  # height of the collar above the ground
    toe = rng.uniform(3.2, 5.1)
    ground, thick = 20.0, rng.uniform(1.8, 3.4)
    upper = ground - thick
    throat = rng.uniform(-0.5, 3)
    pattern = pick(rng, {"plain": 76, "melange": 16, "flowers": 4, "blocks": 4})
    paint = cloth(rng, tone, pattern, fold=6, mottle=14)
    tongue = heel + rng.uniform(-0.8, 0.9)
    outline = [
        (-14, upper + 0.6),
        (-13.6, ground - toe),
        (-9.5, ground - toe - 0.9),
        (-4.2, ground - 0.35 * toe - 0.5 * heel),
        (throat + 1.2, ground - tongue),
        (throat + 2.8, ground - tongue + 0.3),
        (7.8, ground - heel + (0 if high else rng.uniform(2.2, 5))),
        (12.6, ground - heel - 0.3),
        (13.0, ground - heel + 1.5),
        (13.2, upper - 3),
        (13.8, upper + 0.6),
    ]
    canvas.fill(soften(outline, 1), paint)
    # The opening, the tongue, and the laces down the front.
    mouth = [(throat + 2.5, ground - heel + 0.4), (12, ground - heel + 0.8), (10, ground - heel + 2)]
    canvas.shade(mouth, rng.uniform(-0.7, 0.1))
    light = rng.uniform(-0.6, 0.6)
    for k in np.linspace(0.1, 0.9, 4):
        x, y = -8 + k * (throat + 7.5), ground - toe - 1.8 - k * (heel - toe - 2.4)
        canvas.seam([(x, y + 0.4), (x + 1.8, y + 1.4)], 0.6, light)
    side_mark(canvas, rng, ground, heel)
    if rng.random() < 0.6:
        cap = [(-14.5, upper - 2.4), (-9.5, upper - 3.5), (-8, upper + 0.5), (-14.5, upper + 0.5)]
        canvas.shade(cap, rng.uniform(-0.35, 0.35))
    if rng.random() < 0.6:
        canvas.shade([(10.5, 0), (14.5, 0), (14.5, upper), (11, upper)], rng.uniform(-0.4, 0.4))
    dark = rng.random() < 0.45
    bottom = rng.uniform(15, 80) if dark else rng.uniform(80, 230)
    sole(canvas, rng, top=upper, thick=thick, tone=bottom, toe=rng.uniform(0.3, 1))


def side_mark(canvas: Canvas, rng: Rng, ground: float, heel: float) -> None:
    """Put stripes, a swoosh or a patch on the side of a sneaker."""
    kind = pick(rng, {"none": 2, "stripes": 2, "swoosh": 2, "patch": 2, "panel": 2})
    light = rng.choice([-1, 1]) * rng.uniform(0.25, 0.8)
    x, y = rng.uniform(-2, 4), ground - rng.uniform(4, 6)
    if kind == "stripes":
        for k in range(3):
            canvas.seam([(x + 2 * k, y - 0.25 * heel), (x + 2 * k - 2, y + 2)], 0.9, light)
    elif kind == "swoosh":
        canvas.seam([(x - 4, y), (x - 2, y + 1.3), (x + 1, y + 0.8), (x + 7, y - 2)], 1.2, light)
    elif kind == "patch":
        canvas.shade(ellipse(x + 2, y, rng.uniform(1, 2.4), rng.uniform(1, 1.8)), light)
    elif kind == "panel":
        canvas.shade([(x - 3, y + 2), (x, y - 2), (x + 6, y - 1.5), (x + 7, y + 2)], 0.5 * light)


def ankle_boot(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw an ankle boot: a shaft over the heel, a flat sole, a block heel or a thin one."""
    kind = pick(rng, {"flat": 56, "block": 33, "thin": 11})
    lift = {"flat": rng.uniform(0.6, 2), "block": rng.uniform(3, 8), "thin": rng.uniform(5.5, 8.5)}[kind]
    height = rng.uniform(12.8, 23) + 0.6 * lift
    ground = 24.0
    shaft = rng.uniform(-2.4, 3.4)  # the front of the shaft
    toe = rng.uniform(3.8, 5.8)
    mouth = ground - height
    paint = cloth(rng, tone, pick(rng, {"plain": 82, "melange": 15, "flowers": 3}), fold=8, mottle=14)
    ball = ground - rng.uniform(0.3, 1.2)
    back = 14 - rng.uniform(0, 3)
    arch = ground - 0.85 * lift
    outline = [
        (-14, ball - 0.8),
        (-13.4, ground - 0.8 * toe),
        (-9, ground - toe - 0.4 - 0.1 * lift),
        (-4, ground - toe - 1.4 - 0.3 * lift),
        (shaft - 2.4, ground - 8.6 - 0.3 * lift),
        (shaft, ground - 12 - 0.3 * lift),
        (shaft + rng.uniform(-0.8, 0.5), mouth),
        (back, mouth + rng.uniform(-0.8, 0.8)),
        (back, ground - 0.55 * height),
        (14, ground - lift - 2),
        (13.8, arch),
        (4, arch),
        (-3, ball + 0.3),
        (-13, ball + 0.4),
    ]
    canvas.fill(soften(outline, 1), paint)
    dark = rng.uniform(-0.75, 0.2)
    if kind == "flat":
        bottom = float(np.clip(tone + rng.uniform(-130, 50), 15, 250))
        sole(canvas, rng, top=ground - 0.6, thick=rng.uniform(0.9, 2), tone=bottom)
        canvas.fill([(5, arch - 1), (14, arch - 1), (14, ground), (6, ground)], int(np.clip(tone + 80 * dark, 12, 250)))
    else:
        wide = rng.uniform(4, 7) if kind == "block" else rng.uniform(1.2, 2.4)
        heel = [(13.9 - wide - 1, arch - 0.6), (13.9, arch - 1), (13.6, ground + 0.5), (14 - wide, ground + 0.5)]
        canvas.fill(heel, paint)
        canvas.shade(heel, 0.6 * dark)
        canvas.seam([(-13.5, ball + 0.2), (-3, ball + 0.2), (6, arch)], 0.8, dark)
    trim_boot(canvas, rng, shaft=shaft, back=back, mouth=mouth, ground=ground)


def trim_boot(canvas: Canvas, rng: Rng, *, shaft: float, back: float, mouth: float, ground: float) -> None:
    """Add what boots have on them: a zip, an elastic gusset, laces, a strap with a buckle, a toe cap."""
    kind = pick(rng, {"none": 2, "zip": 2, "gusset": 2.5, "laces": 2, "strap": 2})
    light = rng.choice([-1, 1]) * rng.uniform(0.2, 0.6)
    if kind == "zip":
        canvas.seam([(shaft + 5, mouth), (shaft + 6, ground - 5)], 0.6, light)
    elif kind == "gusset":
        canvas.shade([(shaft + 3, mouth), (shaft + 8, mouth), (shaft + 6.5, mouth + 9), (shaft + 4, mouth + 9)], light)
    elif kind == "laces":
        for k in np.linspace(0, 1, 6):
            x, y = -5 + k * (shaft + 5), ground - 8 - k * (ground - mouth - 9.5)
            canvas.seam([(x, y), (x + 2, y + 0.8)], 0.6, light)
    elif kind == "strap":
        y = rng.uniform(mouth + 4, ground - 8)
        canvas.seam([(shaft - 4, y), (14.5, y - 1.2)], rng.uniform(0.8, 1.6), light)
        canvas.shade(ellipse(shaft + 5, y - 0.6, 1, 1), -light)
    if rng.random() < 0.5:
        canvas.seam([(shaft, mouth + 0.5), (14, mouth + 0.5)], 0.8, rng.uniform(-0.4, 0.3))
    if rng.random() < 0.3:
        canvas.seam([(-9, ground - 6.5), (-7.5, ground - 1)], 0.6, rng.uniform(-0.4, 0.4))
    if rng.random() < 0.35:  # the loop to pull it on by
        canvas.stroke([(back - 0.6, mouth + 1.5), (back, mouth - 1)], 0.8, 120)


def sandal(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a sandal: straps on a sole that is flat, a wedge, or raised by a heel."""
    kind = pick(rng, {"flat": 48, "wedge": 24, "heel": 28})
    lift = {"flat": rng.uniform(0, 1.5), "wedge": rng.uniform(4, 11), "heel": rng.uniform(9, 16)}[kind]
    thick = rng.uniform(1, 4.5) if kind != "heel" else rng.uniform(0.9, 2)
    ground = 26.0
    paint = cloth(rng, min(1.2 * tone, 250), pick(rng, {"plain": 7, "melange": 3}), fold=8, mottle=20)

    def floor(x: float) -> float:
        """Height of the foot bed: an S from the ball of the foot up to the heel."""
        return ground - thick - lift / (1 + np.exp(-(x - 2) / 3))

    if kind == "flat" and rng.random() < 0.3:
        thong(canvas, rng, floor, paint)
    else:
        toe_straps(canvas, rng, floor, paint)
    if kind != "flat" or rng.random() < 0.75:
        ankle_straps(canvas, rng, floor, rng.uniform(4, 8.5) + 0.1 * lift, paint)
    foot_bed = [(x, floor(x)) for x in np.linspace(-13.8, 13.6, 14).tolist()]
    if kind == "heel":
        canvas.stroke(foot_bed, thick + 0.4, paint)
        if rng.random() < 0.4:  # a platform under the ball of the foot
            high = rng.uniform(1, 3)
            under = [(x, y + high) for x, y in foot_bed[:6]]
            canvas.fill([*foot_bed[:7], *under[::-1]], paint)
        wide = rng.choice([rng.uniform(0.9, 1.8), rng.uniform(2.5, 5)])
        heel = [(12.5 - 1.4 * wide, floor(12)), (13.6, floor(13)), (13.3, ground), (13.3 - wide, ground)]
        canvas.fill(heel, paint)
        canvas.shade(heel, rng.uniform(-0.5, 0.1))
    else:
        other = float(np.clip(tone + rng.uniform(-60, 90), 30, 240))
        canvas.fill([*foot_bed, (13.4, ground), (-13, ground)], cloth(rng, other, "melange", fold=3))
        canvas.seam([(-13, ground - 0.4), (13.5, ground - 0.4)], 0.8, rng.uniform(-0.6, 0.4))
        canvas.seam(foot_bed, 0.7, rng.uniform(-0.4, 0.4))


def thong(canvas: Canvas, rng: Rng, floor: Floor, paint: Paint) -> None:
    """Draw the strap of a flip-flop, from between the toes to both sides of the foot."""
    front, peak, up = rng.uniform(-9.5, -6), rng.uniform(-4, 1), rng.uniform(3, 6)
    bow = [(front, floor(front)), (peak, floor(0) - up), (rng.uniform(4, 9), floor(6))]
    canvas.stroke(soften(bow, 3, closed=False), rng.uniform(0.9, 2.2), paint)


def toe_straps(canvas: Canvas, rng: Rng, floor: Floor, paint: Paint) -> None:
    """Draw what goes over the toes: one broad piece with slots in it, or a few bands."""
    start, long, high = rng.uniform(-13, -10), rng.uniform(5, 14), rng.uniform(3.8, 6.8)
    end = start + long
    over = [(start, floor(start) + 0.5), (start + 0.2 * long, floor(start) - 0.75 * high)]
    over += [(start + 0.6 * long, floor(start) - high), (end, floor(end) - 0.7 * high), (end, floor(end) + 0.5)]
    canvas.fill(soften(over, 1), paint)
    for x in np.arange(start + 1.5, end - 1, rng.uniform(2, 4.5)):
        slot = [(x, floor(x)), (x + rng.uniform(-0.5, 2.5), floor(x) - rng.uniform(0.5, 1) * high)]
        canvas.seam(slot, rng.uniform(0.7, 1.5), -rng.uniform(0.6, 1))


def ankle_straps(canvas: Canvas, rng: Rng, floor: Floor, rise: float, paint: Paint) -> None:
    """Draw what holds the heel: a counter behind it, a strap round the ankle, and one down the instep."""
    wide = rng.uniform(0.9, 2.0)
    heel = rng.uniform(8, 12.5), floor(12) - rise * rng.uniform(0.5, 0.95)
    ankle = rng.uniform(-0.5, 6), floor(9) - rise * rng.uniform(0.9, 1.25)
    if rng.random() < 0.3:
        counter = [heel, (heel[0] - 4, heel[1] + rng.uniform(-1, 1)), (rng.uniform(-2, 8), floor(4))]
        canvas.fill([(13.2, floor(13) + 0.5), *counter], paint)
    else:
        canvas.stroke([(12.8, floor(13) + 0.5), heel], wide, paint)
    canvas.stroke([heel, ankle], wide, paint)
    if rng.random() < 0.75:
        canvas.stroke([ankle, (rng.uniform(-5, 2), floor(0) - rng.uniform(0, 2))], wide + rng.uniform(0, 2), paint)
    if rng.random() < 0.4:
        canvas.stroke([(heel[0], heel[1] + 0.4 * rise), (rng.uniform(-4, 4), floor(0))], wide, paint)
    if rng.random() < 0.3:
        canvas.stroke([heel, (heel[0] + 0.6, heel[1] - 2.5), (ankle[0] + 1, ankle[1] - 2)], wide, paint)
