"""Ten classes of garments, each a function that draws one on a fresh canvas, by chance.

A garment is 28 units tall (a shoe: 28 long, its toe to the left), so that every number below can be read as final
pixels. The tones of each class follow its brightness quantiles in the original; the cuts were tuned by comparing
mean images and contact sheets.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpers.drawing.canvas import Canvas, Outline, Paint, Point, ellipse, mirror, soften
from helpers.drawing.fabric import add_print, cloth, contrast, draw_tone, pick

Rng = np.random.Generator

# How bright a garment's cloth is, at the levels `fabric.QUANTILES`: white clothes are dark, for the original is inverted.
TONES = {
    "T-shirt/top": (26, 51, 68, 108, 167, 207, 225, 230, 250),
    "Trouser": (30, 105, 124, 159, 192, 218, 228, 232, 247),
    "Pullover": (27, 55, 70, 111, 176, 214, 229, 233, 247),
    "Dress": (30, 77, 97, 139, 187, 218, 230, 234, 248),
    "Coat": (27, 74, 102, 156, 193, 213, 224, 228, 247),
    "Sandal": (26, 72, 85, 105, 132, 165, 194, 209, 247),
    "Shirt": (26, 48, 62, 97, 154, 198, 222, 228, 249),
    "Sneaker": (29, 75, 93, 130, 163, 188, 204, 213, 237),
    "Bag": (33, 90, 110, 153, 189, 208, 219, 224, 247),
    "Ankle boot": (37, 116, 140, 171, 195, 210, 224, 229, 247),
}


# Tops -----------------------------------------------------------------------------------------------------


@dataclass
class Top:
    """The cut of anything worn over the shoulders: half widths and heights, in units; the hem is at 28."""

    shoulder: float = 7.2
    drop: float = 2.0  # from the neck to the tip of the shoulder
    chest: float = 6.8
    armpit: float = 8.5
    waist: float = 6.6
    hem: float = 6.8
    length: float = 27.8
    neck: float = 3.2
    depth: float = 2.0  # of the neckline
    neckline: str = "round"  # or "v", "square", "shut"
    sleeve: float = 9.0  # length; 0 is none
    angle: float = 30.0  # of the sleeve, from hanging straight down
    cuff: float = 4.5
    back: bool = True  # the inside of the back shows in the neckline


def body(top: Top) -> list[Point]:
    """Outline the front, from the neckline over shoulder, armpit and waist to the hem."""
    necklines = {
        "round": [(0, top.depth), (0.55 * top.neck, 0.85 * top.depth), (0.9 * top.neck, 0.4 * top.depth)],
        "v": [(0, top.depth)],
        "square": [(0, top.depth), (0.9 * top.neck, top.depth)],
        "shut": [(0, 0)],
    }
    return mirror(
        [
            *necklines[top.neckline],
            (top.neck, 0),
            (top.shoulder - 0.6, top.drop - 0.4),
            (top.shoulder, top.drop + 0.4),
            (top.chest - 0.1, top.armpit - 1.5),
            (top.chest, top.armpit),
            (top.waist, 0.6 * top.length),
            (top.hem, top.length - 0.5),
            (top.hem - 0.3, top.length),
        ]
    )


def sleeve(top: Top) -> list[Point]:
    """Outline the right sleeve: over the shoulder, down the outside, along the cuff, and back to the armpit."""
    sin, cos = np.sin(np.radians(top.angle)), np.cos(np.radians(top.angle))
    outer = np.array([top.shoulder + 0.3 + top.sleeve * sin, top.drop + top.sleeve * cos])
    inner = outer + top.cuff * np.array([-cos, sin])
    elbow = np.array([top.shoulder + 0.9 + 0.5 * top.sleeve * sin, top.drop + 0.45 * top.sleeve * cos])
    return [
        (top.neck + 1, 0.35 * top.drop),
        (top.shoulder - 0.7, top.drop - 0.6),
        (top.shoulder + 0.5, top.drop + 0.8),
        tuple(elbow),
        tuple(outer),
        tuple(inner),
        (top.chest - 0.2, top.armpit + 0.8),
        (top.chest - 1.2, top.armpit),
    ]


def left_of(outline: Outline) -> list[Point]:
    """Turn a right part into the left one."""
    return [(-x, y) for x, y in outline]


def sew_top(canvas: Canvas, rng: Rng, top: Top, tone: float, paint: Paint, sleeves: Paint | None = None) -> None:
    """Draw the inside of the back, the sleeves and the front, with light edges where two layers meet."""
    if top.back and top.neckline != "shut":
        inside = int(np.clip(tone + rng.choice([-1, 1]) * rng.uniform(10, 80), 10, 250))
        dip = rng.uniform(-0.3, 0.6)
        canvas.fill(
            mirror([(0, dip), (top.neck, 0), (top.neck, 0.5), (0.6 * top.neck, top.depth), (0, top.depth)]), inside
        )
    edge = rng.uniform(0, 0.45) if tone < 150 else rng.uniform(-0.15, 0.2)
    if top.sleeve:
        glow = max(0.0, rng.normal(0.18, 0.15)) if top.sleeve > 12 else rng.normal(0.05, 0.1)
        for part in (sleeve(top), left_of(sleeve(top))):
            canvas.fill(part, sleeves or paint)
            canvas.shade(part, glow)
            canvas.seam(part[4:7], 0.9, edge)
            canvas.seam(part[2:5], 0.7, 0.6 * edge)
    canvas.fill(body(top), paint)
    if top.sleeve:
        armhole = [(top.shoulder - 0.5, top.drop), (top.chest - 0.4, top.armpit), (top.chest, top.armpit + 1)]
        seam = rng.uniform(-0.25, 0.25)
        canvas.seam(armhole, 0.6, seam)
        canvas.seam(left_of(armhole), 0.6, seam)
    side = [(top.chest - 0.2, top.armpit), (top.waist - 0.2, 0.6 * top.length), (top.hem - 0.2, top.length)]
    canvas.seam(side, 0.8, edge)
    canvas.seam(left_of(side), 0.8, edge)


def finish_neck(canvas: Canvas, rng: Rng, top: Top) -> None:
    """Put a band along the neckline."""
    if top.neckline == "shut":
        return
    right = body(top)[: 4 if top.neckline == "round" else 2]
    light = rng.uniform(-0.45, 0.45)
    canvas.seam([*left_of(right[::-1]), *right], rng.uniform(0.6, 1.2), light)


def hem_band(canvas: Canvas, rng: Rng, top: Top) -> None:
    """Put a band along the hem."""
    light, y = rng.uniform(-0.3, 0.3), top.length - rng.uniform(0.6, 2)
    canvas.shade([(-top.hem - 1, y), (top.hem + 1, y), (top.hem + 1, 29), (-top.hem - 1, 29)], light)


def collar(canvas: Canvas, rng: Rng, top: Top, paint: Paint, size: float = 2.6) -> None:
    """Lay a turned-down collar round the neck."""
    canvas.fill(mirror([(0, -0.4), (top.neck, -0.7), (top.neck, 0.6), (0, top.depth)]), paint)
    canvas.shade(mirror([(0, 0.1), (0.7 * top.neck, 0.1), (0, top.depth)]), rng.uniform(-0.5, -0.1))
    wing = [(top.neck - 0.6, -0.7), (top.neck + 0.5, 0.5), (0.35 * top.neck + 0.4, size + 0.8), (0.2, top.depth)]
    light = rng.uniform(0.05, 0.45)
    for part in (wing, left_of(wing)):
        canvas.fill(part, paint)
        canvas.seam(part[1:], 0.6, light if rng.random() < 0.7 else -light)


def opening(canvas: Canvas, rng: Rng, top: Top, buttons: bool, light: float) -> None:
    """Run a front opening from the neckline to the hem: a zip, or a placket with buttons."""
    x = rng.normal(0, 0.5)
    canvas.seam([(x, top.depth), (x, top.length)], 0.6 if buttons else rng.uniform(0.6, 1.0), light)
    if buttons:
        gap = rng.uniform(2.4, 4)
        for y in np.arange(top.depth + 1.2, top.length - 1, gap):
            canvas.shade(ellipse(x, y, 0.45, 0.45), -2.2 * light if abs(light) < 0.4 else -light)


def pockets(canvas: Canvas, rng: Rng, y: float) -> None:
    """Put a pocket on either side."""
    light, x, wide, slant = rng.uniform(-0.4, 0.4), rng.uniform(3, 4.2), rng.uniform(1, 1.6), rng.uniform(-0.8, 0.8)
    line = [(x - wide, y - slant), (x + wide, y + slant)]
    for part in (line, left_of(line)):
        canvas.seam(part, rng.uniform(0.5, 1), light)


def short_sleeved(rng: Rng) -> Top:
    """Cut a T-shirt: boxy or fitted, with short sleeves that stand off."""
    chest = rng.normal(6.7, 0.55)
    return Top(
        shoulder=chest + rng.normal(0.7, 0.35),
        drop=rng.uniform(1.8, 3.2),
        chest=chest,
        armpit=rng.uniform(7.5, 9.5),
        waist=chest - rng.uniform(-0.1, 0.8),
        hem=chest + rng.normal(0.1, 0.5),
        neck=rng.uniform(2.6, 4.2),
        depth=rng.uniform(1.2, 3.2),
        neckline=pick(rng, {"round": 5, "v": 1.5}),
        sleeve=rng.uniform(6.5, 9.5),
        angle=rng.normal(22, 7),
        cuff=rng.uniform(3.6, 5),
    )


def sleeveless(rng: Rng) -> Top:
    """Cut a tank top or a strap top."""
    chest = rng.normal(6.3, 0.7)
    strap = rng.uniform(0.8, 2.4)
    neck = rng.uniform(2.4, 3.8)
    return Top(
        shoulder=neck + strap,
        drop=rng.uniform(0.3, 0.9),
        chest=chest,
        armpit=rng.uniform(6.5, 9),
        waist=chest - rng.uniform(-0.5, 0.8),
        hem=chest + rng.normal(0.6, 1),
        neck=neck,
        depth=rng.uniform(3, 7),
        neckline=pick(rng, {"round": 3, "v": 1, "square": 1}),
        sleeve=0,
        back=rng.random() < 0.5,
    )


def long_sleeved(rng: Rng) -> Top:
    """Cut a long-sleeved top, whose sleeves hang close to the body and often below the hem."""
    chest = rng.normal(6.2, 0.5)
    length = rng.uniform(22.5, 27.5)
    return Top(
        shoulder=chest + rng.normal(1.3, 0.4),
        drop=rng.uniform(1.8, 3.2),
        chest=chest,
        armpit=rng.uniform(8, 10.5),
        waist=chest - rng.uniform(0, 0.6),
        hem=chest + rng.normal(0, 0.4),
        length=length,
        neck=rng.uniform(2.4, 3.8),
        depth=rng.uniform(1, 2.6),
        neckline=pick(rng, {"round": 5, "v": 1}),
        sleeve=rng.uniform(23, 26),
        angle=rng.normal(5.5, 2.2),
        cuff=rng.uniform(2.4, 3.6),
    )


def half_sleeved(rng: Rng) -> Top:
    """Cut a blouse with wide sleeves that end about the elbow."""
    top = short_sleeved(rng)
    top.sleeve, top.angle, top.cuff = rng.uniform(11, 19), rng.normal(16, 5), rng.uniform(3.2, 5.5)
    return top


def tshirt(canvas: Canvas, rng: Rng) -> None:
    """Draw a T-shirt or a top: short sleeves, often a print; some tank tops, some long sleeves."""
    cut = pick(rng, {"short": 78, "none": 12, "long": 5, "half": 5})
    top = {"short": short_sleeved, "none": sleeveless, "long": long_sleeved, "half": half_sleeved}[cut](rng)
    tone = draw_tone(rng, TONES["T-shirt/top"])
    pattern = pick(rng, {"plain": 64, "stripes": 10, "flowers": 7, "melange": 7, "blocks": 5, "gradient": 4, "dots": 2})
    paint = cloth(rng, tone, pattern)
    sew_top(canvas, rng, top, tone, paint)
    finish_neck(canvas, rng, top)
    if pattern in ("plain", "melange") and rng.random() < 0.55:
        add_print(canvas, rng, tone)
    if cut == "short" and rng.random() < 0.1:
        collar(canvas, rng, top, paint)


def pullover(canvas: Canvas, rng: Rng) -> None:
    """Draw a pullover: long sleeves, a band at the hem, a round neck, a turtleneck or a hood."""
    top = half_sleeved(rng) if rng.random() < 0.05 else long_sleeved(rng)
    tone = draw_tone(rng, TONES["Pullover"])
    pattern = pick(rng, {"plain": 58, "melange": 18, "stripes": 8, "blocks": 6, "flowers": 5, "checks": 1, "gradient": 4})
    paint = cloth(rng, tone, pattern, fold=16, mottle=9)
    sleeves = None if rng.random() < 0.85 else cloth(rng, np.clip(tone + rng.uniform(-60, 60), 20, 245))
    neck = pick(rng, {"round": 70, "turtle": 12, "hood": 10, "collar": 8})
    if neck == "hood":
        hood(canvas, rng, top, paint)
    elif neck == "turtle":
        top.neckline = "shut"
    sew_top(canvas, rng, top, tone, paint, sleeves)
    if neck == "turtle":
        canvas.fill(mirror([(0, -2), (top.neck - 0.4, -2), (top.neck, 0.8), (0, 1)]), paint)
        canvas.seam([(-top.neck, 0.6), (top.neck, 0.6)], 0.7, rng.uniform(-0.3, 0.3))
    elif neck == "collar":
        collar(canvas, rng, top, paint)
    else:
        finish_neck(canvas, rng, top)
    hem_band(canvas, rng, top)
    if pattern in ("plain", "melange") and rng.random() < 0.3:
        add_print(canvas, rng, tone)


def hood(canvas: Canvas, rng: Rng, top: Top, paint: Paint) -> None:
    """Put a hood behind the neck."""
    outline = ellipse(0, 0.8, top.neck + 1.2, rng.uniform(2, 3.4))
    canvas.fill(outline, paint)
    canvas.shade(ellipse(0, 0.9, 0.7 * top.neck, 1.4), rng.uniform(-0.6, -0.2))
    canvas.seam(outline, 0.6, rng.uniform(-0.2, 0.4))


def coat(canvas: Canvas, rng: Rng) -> None:
    """Draw a coat or a jacket: a front opening, pockets, a stand-up collar, lapels or a hood."""
    top = long_sleeved(rng)
    top.depth, top.cuff = rng.uniform(1.2, 3), top.cuff + 0.4
    if rng.random() < 0.28:  # a long coat is narrow in the frame, and its sleeves end above the hem
        slim = rng.uniform(0.76, 0.95)
        for name in ("shoulder", "chest", "waist", "hem", "neck", "cuff"):
            setattr(top, name, slim * getattr(top, name))
        top.length, top.sleeve, top.hem = 28, rng.uniform(17, 22), top.hem + rng.uniform(0, 1.2)
    tone = draw_tone(rng, TONES["Coat"])
    pattern = pick(rng, {"plain": 70, "melange": 16, "flowers": 5, "checks": 3, "blocks": 3, "gradient": 3})
    paint = cloth(rng, tone, pattern, fold=16, mottle=16)
    neck = pick(rng, {"stand": 40, "lapels": 22, "hood": 22, "collar": 16})
    if neck == "hood":
        hood(canvas, rng, top, paint)
    elif neck == "lapels":
        top.neckline, top.depth = "v", rng.uniform(4, 11)
    sew_top(canvas, rng, top, tone, paint)
    if neck == "lapels":
        lapels(canvas, rng, top, paint)
    elif neck == "collar":
        collar(canvas, rng, top, paint)
    elif neck == "stand":
        canvas.fill(mirror([(0, -1.3), (top.neck, -1.5), (top.neck + 0.4, 0.8), (0, 1.6)]), paint)
        canvas.seam([(-top.neck, 0.5), (0, 1.4), (top.neck, 0.5)], 0.6, rng.uniform(-0.4, 0.2))
    opening(canvas, rng, top, rng.random() < 0.2, rng.choice([-1, 1]) * rng.uniform(0.1, 0.5))
    if rng.random() < 0.7:
        pockets(canvas, rng, rng.uniform(16, 20))
    if rng.random() < 0.25:
        pockets(canvas, rng, rng.uniform(9, 11))
    if rng.random() < 0.15:  # quilted
        light = rng.uniform(-0.3, -0.1)
        for y in np.arange(4, 28, rng.uniform(2.2, 3.5)):
            canvas.seam([(-11, y), (11, y)], 0.7, light)
    if rng.random() < 0.12:
        canvas.seam([(-8, 15), (8, 15)], 1.2, rng.uniform(-0.4, 0.3))


def lapels(canvas: Canvas, rng: Rng, top: Top, paint: Paint) -> None:
    """Turn the edges of a deep neckline over."""
    wing = [(top.neck - 0.8, -0.6), (top.neck + 0.6, 0.8), (top.neck + 0.8, 0.5 * top.depth), (0, top.depth)]
    light = rng.uniform(-0.3, 0.35)
    for part in (wing, left_of(wing)):
        canvas.fill(part, paint)
        canvas.shade(part, 0.3 * light)
        canvas.seam(part[1:], 0.6, light)


def shirt(canvas: Canvas, rng: Rng) -> None:
    """Draw a shirt or a blouse: collar and buttons, or the cut of a T-shirt, a pullover or a coat."""
    cut = pick(rng, {"long": 58, "short": 21, "half": 14, "none": 7})
    top = {"short": short_sleeved, "none": sleeveless, "long": long_sleeved, "half": half_sleeved}[cut](rng)
    if cut == "long":
        top.length = rng.uniform(25.5, 28)
        top.shoulder -= rng.uniform(0.3, 0.8)
        top.angle = rng.normal(7, 2.8)
        top.cuff += rng.uniform(0, 1)
        top.sleeve = rng.uniform(21, 26)
    tone = draw_tone(rng, TONES["Shirt"])
    pattern = pick(rng, {"plain": 55, "melange": 8, "checks": 13, "flowers": 12, "dots": 4, "stripes": 3, "pinstripes": 5})
    paint = cloth(rng, tone, pattern, fold=16)
    style = pick(rng, {"buttons": 55, "blouse": 45})
    if style == "blouse":
        top.neckline = pick(rng, {"round": 3, "v": 2})
        top.depth = rng.uniform(1.5, 4)
    sew_top(canvas, rng, top, tone, paint)
    if style == "buttons":
        collar(canvas, rng, top, paint, size=rng.uniform(1.4, 2.8))
        opening(canvas, rng, top, True, rng.choice([-1, 1]) * rng.uniform(0.08, 0.35))
        if rng.random() < 0.3:
            pockets(canvas, rng, rng.uniform(8.5, 10))
    else:
        finish_neck(canvas, rng, top)
    if rng.random() < 0.4:  # the shirt tail
        canvas.cut(mirror([(top.hem - 2.2, 28.5), (top.hem + 0.5, top.length - 2), (top.hem + 0.6, 28.5)])[:3])
        canvas.cut(left_of([(top.hem - 2.2, 28.5), (top.hem + 0.5, top.length - 2), (top.hem + 0.6, 28.5)]))


def dress(canvas: Canvas, rng: Rng) -> None:
    """Draw a dress: narrow and full height, with any sleeves, a waist, and a skirt that flares or not."""
    cut = pick(rng, {"none": 36, "short": 29, "long": 27, "half": 8})
    chest = rng.normal(4.7, 0.7)
    neck = rng.uniform(1.6, 2.8)
    top = Top(
        shoulder=neck + rng.uniform(0.4, 1.4) if cut == "none" else chest + rng.normal(0.2, 0.2),
        drop=rng.uniform(0.5, 1.6),
        chest=chest,
        armpit=rng.uniform(4.8, 6.5),
        waist=chest - rng.uniform(-0.1, 0.9),
        hem=chest + abs(rng.normal(1.0, 1.5)) - 0.4,
        length=28,
        neck=neck,
        depth=rng.uniform(1, 5) if cut == "none" else rng.uniform(0.8, 2.6),
        neckline=pick(rng, {"round": 5, "v": 3}),
        sleeve={"none": 0.0, "short": rng.uniform(3.5, 6), "half": rng.uniform(7, 11), "long": rng.uniform(13, 20)}[cut],
        angle=rng.normal(10, 3) if cut in ("long", "half") else rng.normal(25, 9),
        cuff=rng.uniform(2, 2.8) if cut == "long" else rng.uniform(2.6, 3.6),
        back=rng.random() < 0.6,
    )
    tone = draw_tone(rng, TONES["Dress"])
    pattern = pick(
        rng,
        {"plain": 57, "flowers": 17, "melange": 7, "stripes": 4, "checks": 3, "blocks": 6, "dots": 3, "gradient": 3},
    )
    paint = cloth(rng, tone, pattern, fold=20)
    waist = rng.uniform(8.5, 12.5)
    sew_top(canvas, rng, top, tone, paint)
    outline = skirt(canvas, rng, top, waist)
    canvas.fill(outline, paint)
    finish_neck(canvas, rng, top)
    if rng.random() < 0.45:
        canvas.seam([(-top.chest, waist), (top.chest, waist)], rng.uniform(0.6, 1.4), rng.uniform(-0.45, 0.35))


def skirt(canvas: Canvas, rng: Rng, top: Top, waist: float) -> list[Point]:
    """Outline the skirt, and cut away the straight front that it replaces."""
    canvas.cut([(-9, waist + 1), (-top.waist, waist), (-top.waist, 29), (-9, 29)] if top.sleeve == 0 else [(0, 40)] * 3)
    canvas.cut([(9, waist + 1), (top.waist, waist), (top.waist, 29), (9, 29)] if top.sleeve == 0 else [(0, 40)] * 3)
    hip = 0.5 * (top.waist + top.hem) + rng.uniform(0, 0.7)
    return mirror([(0, waist), (top.waist, waist), (hip, waist + 6), (top.hem, 27.6), (top.hem - 0.5, 28), (0, 28)])


# Trousers -------------------------------------------------------------------------------------------------


def trouser(canvas: Canvas, rng: Rng) -> None:
    """Draw trousers: two legs from a waistband, tight to flared, straight or in mid-step."""
    waist, hip = rng.normal(4.4, 0.35), rng.normal(5.2, 0.5)
    foot, ankle = rng.normal(4.6, 0.7), max(1.8, rng.normal(3.5, 0.6))
    crotch, gap = rng.uniform(7.5, 11), max(0.2, rng.normal(0.75, 0.5))
    if rng.random() < 0.08:
        waist, hip, foot, ankle = 1.4 * waist, 1.5 * hip, 1.5 * foot, 2 * ankle
    tone = draw_tone(rng, TONES["Trouser"])
    pattern = pick(rng, {"plain": 66, "melange": 26, "flowers": 4, "stripes": 1, "checks": 1, "pinstripes": 2})
    paint = cloth(rng, tone, pattern, fold=8, mottle=14)
    step = rng.normal(0, 0.5)
    for side in (-1, 1):
        knee_out = hip - 0.4 + max(0.0, rng.normal(0, 0.3))
        inner_foot = max(gap * 0.6, foot - ankle)
        leg = [
            (0, 0),
            (waist, 0),
            (hip, 6),
            (knee_out, 15 + rng.normal(0, 1)),
            (foot + 0.3, 27.6),
            (inner_foot + 0.2, 28),
            (gap + max(0, side * step), 18 + rng.normal(0, 1)),
            (0.35 * gap, crotch + 1.5),
            (0, crotch),
        ]
        part = [(side * x, y) for x, y in leg]
        canvas.fill(part, paint)
        # Light falls on the middle of a leg; denim is worn there.
        middle = 0.5 * (hip + gap)
        canvas.seam([(side * middle, 5), (side * middle, 26)], 1.6, rng.uniform(-0.05, 0.25))
        canvas.seam(part[1:5], 0.7, rng.uniform(-0.25, 0.1))
    canvas.shade([(-hip, 0), (hip, 0), (hip, 1.4), (-hip, 1.4)], rng.uniform(-0.25, 0.25))
    canvas.seam([(0, 1), (0, crotch)], 0.6, rng.uniform(-0.35, 0.1))
    if rng.random() < 0.5:
        pocket = [(waist - 1.6, 1.4), (hip - 0.2, 4.5)]
        light = rng.uniform(-0.3, 0.3)
        canvas.seam(pocket, 0.6, light)
        canvas.seam(left_of(pocket), 0.6, light)
    if rng.random() < 0.03:  # dungarees
        for side in (-1, 1):
            canvas.stroke([(side * 2.4, 1), (side * 1.8, -4)], 1, paint)


# Shoes ----------------------------------------------------------------------------------------------------


def sole(canvas: Canvas, rng: Rng, top: float, thick: float, tone: float, toe: float = 0.4) -> None:
    """Lay a sole from the toe at -14 to the heel at 14, with its tread line."""
    canvas.fill(
        soften([(-14, top + 0.3 - toe), (-13, top), (13.5, top), (14, top + 0.4), (13.6, top + thick), (-12, top + thick)], 1),
        int(tone),
    )
    canvas.seam([(-13, top + thick - 0.4), (13.5, top + thick - 0.4)], 0.7, rng.uniform(-0.5, 0.6))


def sneaker(canvas: Canvas, rng: Rng) -> None:
    """Draw a sneaker: low or high, laced, with a sole of another tone and stripes or patches on its side."""
    tone = draw_tone(rng, TONES["Sneaker"])
    high = rng.random() < 0.17
    heel = rng.uniform(13.5, 19) if high else rng.uniform(9.5, 13)  # height of the collar above the ground
    toe = rng.uniform(3, 4.8)
    ground, thick = 20.0, rng.uniform(1.8, 3.4)
    upper = ground - thick
    throat = rng.uniform(-0.5, 3)
    pattern = pick(rng, {"plain": 66, "melange": 20, "flowers": 10, "blocks": 4})
    paint = cloth(rng, tone, pattern, fold=6, mottle=14)
    tongue = heel + rng.uniform(-0.5, 1.2)
    canvas.fill(
        soften(
            [
                (-14, upper + 0.6),
                (-13.6, ground - toe),
                (-9.5, ground - toe - 0.5),
                (-4, ground - 0.35 * toe - 0.42 * heel),
                (throat + 1.2, ground - tongue),
                (throat + 3.6, ground - tongue + 0.2),
                (8.5, ground - heel + (0 if high else rng.uniform(1.4, 4))),
                (12.6, ground - heel - 0.3),
                (13.8, ground - heel + 1.5),
                (13.2, upper - 3),
                (13.8, upper + 0.6),
            ],
            1,
        ),
        paint,
    )
    # The opening, the tongue, and the laces down the front.
    mouth = [(throat + 2.5, ground - heel + 0.4), (12, ground - heel + 0.8), (10, ground - heel + 2)]
    canvas.shade(mouth, rng.uniform(-0.7, 0.1))
    light = rng.uniform(-0.6, 0.6)
    for k in np.linspace(0.1, 0.9, 4):
        x, y = -8 + k * (throat + 7.5), ground - toe - 1.8 - k * (heel - toe - 2.4)
        canvas.seam([(x, y + 0.4), (x + 1.8, y + 1.4)], 0.6, light)
    side_mark(canvas, rng, ground, heel)
    if rng.random() < 0.6:
        canvas.shade([(-14.5, upper - 2.4), (-9.5, upper - 3.5), (-8, upper + 0.5), (-14.5, upper + 0.5)], rng.uniform(-0.35, 0.35))
    if rng.random() < 0.6:
        canvas.shade([(10.5, 0), (14.5, 0), (14.5, upper), (11, upper)], rng.uniform(-0.4, 0.4))
    dark = rng.random() < 0.45
    sole(canvas, rng, upper, thick, rng.uniform(15, 80) if dark else rng.uniform(80, 230), toe=rng.uniform(0.3, 1))


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


def ankle_boot(canvas: Canvas, rng: Rng) -> None:
    """Draw an ankle boot: a shaft over the heel, a flat sole, a block heel or a thin one."""
    tone = draw_tone(rng, TONES["Ankle boot"])
    kind = pick(rng, {"flat": 50, "block": 38, "thin": 12})
    lift = {"flat": rng.uniform(0.6, 2), "block": rng.uniform(3, 7), "thin": rng.uniform(5.5, 8.5)}[kind]
    heel_x = 14.0
    height = rng.uniform(12.5, 22) + 0.6 * lift
    ground = 24.0
    shaft = rng.uniform(-3, 3.5)  # the front of the shaft
    toe = rng.uniform(3, 4.6)
    mouth = ground - height
    paint = cloth(rng, tone, pick(rng, {"plain": 74, "melange": 20, "flowers": 6}), fold=8, mottle=14)
    ball = ground - rng.uniform(0.3, 1.2)
    back = heel_x - rng.uniform(0.5, 3.5)
    arch = ground - 0.85 * lift
    canvas.fill(
        soften(
            [
                (-14, ball - 0.8),
                (-13.4, ground - 0.8 * toe),
                (-9, ground - toe - 0.4 - 0.1 * lift),
                (-4, ground - toe - 2.2 - 0.3 * lift),
                (shaft - 2, ground - 9.3 - 0.3 * lift),
                (shaft, ground - 12 - 0.3 * lift),
                (shaft + rng.uniform(-0.8, 0.5), mouth),
                (back, mouth + rng.uniform(-0.8, 0.8)),
                (back, ground - 0.55 * height),
                (heel_x, ground - lift - 2),
                (heel_x - 0.2, arch),
                (4, arch),
                (-3, ball + 0.3),
                (-13, ball + 0.4),
            ],
            1,
        ),
        paint,
    )
    dark = rng.uniform(-0.75, 0.2)
    if kind == "flat":
        thick = rng.uniform(0.9, 2)
        sole(canvas, rng, ground - 0.6, thick, np.clip(tone + rng.uniform(-130, 50), 15, 250))
        canvas.fill([(5, arch - 1), (14, arch - 1), (14, ground), (6, ground)], int(np.clip(tone + 80 * dark, 12, 250)))
    else:
        wide = rng.uniform(4, 7) if kind == "block" else rng.uniform(1.2, 2.4)
        heel = [(13.9 - wide - 1, arch - 0.6), (13.9, arch - 1), (13.6, ground + 0.5), (14 - wide, ground + 0.5)]
        canvas.fill(heel, paint)
        canvas.shade(heel, 0.6 * dark)
        canvas.seam([(-13.5, ball + 0.2), (-3, ball + 0.2), (6, arch)], 0.8, dark)
    trim_boot(canvas, rng, shaft, mouth, ground)


def trim_boot(canvas: Canvas, rng: Rng, shaft: float, mouth: float, ground: float) -> None:
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
        canvas.stroke([(13.2, mouth + 1), (14, mouth - 1)], 0.8, 120)


def sandal(canvas: Canvas, rng: Rng) -> None:
    """Draw a sandal: a sole with straps; flat, sporty, a wedge or a heel."""
    tone = draw_tone(rng, TONES["Sandal"]) * 1.12
    kind = pick(rng, {"flat": 40, "sport": 12, "wedge": 22, "heel": 26})
    {"flat": flat_sandal, "sport": sport_sandal, "wedge": wedge_sandal, "heel": heeled_sandal}[kind](
        canvas, rng, min(tone, 250)
    )


def flat_sandal(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a thin sole, a strap over the toes, and one round the heel."""
    ground, thick, up = 20.0, rng.uniform(1, 2.8), rng.uniform(3.5, 8)
    paint = cloth(rng, tone, fold=8, mottle=20)
    wide = rng.uniform(0.8, 2.6)
    post = rng.uniform(-9.5, -6.5)
    peak = rng.uniform(-4, 2)
    style = pick(rng, {"thong": 4, "bands": 4, "slide": 2})
    if style == "thong":
        canvas.stroke(soften([(post, ground), (post + 2, ground - 0.6 * up), (peak, ground - up), (6, ground - 0.5 * up), (9, ground)], 2, False), wide, paint)
    elif style == "bands":
        for _ in range(rng.integers(2, 5)):
            x = rng.uniform(-10, 4)
            canvas.stroke([(x, ground), (x + rng.uniform(-1, 4), ground - 0.7 * up)], rng.uniform(1, 3), paint)
        canvas.stroke(soften([(-10, ground), (-7, ground - 0.7 * up), (-2, ground - 0.6 * up), (0, ground)], 2, False), wide, paint)
    else:
        canvas.fill(soften([(-8, ground), (-6, ground - 0.8 * up), (0, ground - up), (4, ground)], 2), paint)
    if rng.random() < 0.65 and style != "slide":
        heel, low = rng.uniform(10, 12.8), rng.uniform(-1, 3)
        canvas.stroke([(low, ground - rng.uniform(0, 2)), (7, ground - 0.6 * up), (heel, ground - up)], wide, paint)
        if rng.random() < 0.5:
            canvas.stroke([(heel, ground), (heel + 0.5, ground - up)], wide, paint)
        if rng.random() < 0.4:
            canvas.fill([(5, ground - 0.5 * up), (heel, ground - 1.1 * up), (heel + 0.8, ground - 0.5 * up), (8, ground)], paint)
    sole(canvas, rng, ground, thick, rng.uniform(60, 235) if rng.random() < 0.7 else tone, toe=0)


def sport_sandal(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a sandal as closed as a shoe, with slots between broad straps."""
    ground, high = 20.0, rng.uniform(8, 12)
    paint = cloth(rng, tone, fold=8, mottle=25)
    canvas.fill(
        soften([(-13.5, ground + 0.5), (-13, ground - 4), (-7, ground - 0.75 * high), (0, ground - 0.9 * high), (6, ground - 0.8 * high), (12.5, ground - high), (13.5, ground + 0.5)], 1),
        paint,
    )
    for x in np.arange(-10, 10, rng.uniform(3.4, 5)):
        y = ground - rng.uniform(1, 2)
        slot = [(x, y), (x + rng.uniform(0.8, 1.6), y), (x + 2.8, y - 0.5 * high), (x + 1.6, y - 0.55 * high)]
        canvas.fill(slot, int(rng.uniform(0, 50)))
    canvas.fill([(4, ground - high - 1), (9, ground - high - 1), (8, ground - 0.55 * high), (5, ground - 0.5 * high)], int(rng.uniform(0, 60)))
    sole(canvas, rng, ground, rng.uniform(1.5, 3), rng.uniform(30, 220))


def ankle_straps(canvas: Canvas, rng: Rng, floor: Callable[[float], float], rise: float, paint: Paint) -> None:
    """Draw what holds a raised sandal: a band over the toes, and straps round the ankle."""
    wide = rng.uniform(0.8, 2.6)
    x = rng.uniform(-11, -8)
    band = rng.uniform(3, 5.5)
    canvas.fill(soften([(x, floor(x) + 0.5), (x + 1.5, floor(x) - band), (x + 4.5, floor(x) - band - 0.6), (x + 7, floor(x + 7) + 0.5)], 2), paint)
    top = floor(12) - rise
    back = rng.uniform(9, 12)
    canvas.stroke([(12.4, floor(12) + 0.5), (back, top)], wide, paint)
    canvas.stroke([(back, top + 0.4), (back - rng.uniform(5, 8), top - rng.uniform(-1.5, 1))], wide, paint)
    if rng.random() < 0.35:  # a closed heel, or a closed side
        canvas.fill([(13, floor(13) + 0.5), (back, top), (back - 3, top + 1), (rng.uniform(2, 8), floor(6))], paint)
    for _ in range(rng.integers(0, 3)):
        start = rng.uniform(-6, 4)
        canvas.stroke([(start, floor(start)), (rng.uniform(5, 9), top + rng.uniform(-0.5, 3))], wide * 0.8, paint)


def wedge_sandal(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a sandal on a wedge that rises towards the heel."""
    ground, lift, front = 26.0, rng.uniform(4, 11), rng.uniform(1.5, 4)
    paint = cloth(rng, tone, fold=8, mottle=20)

    def floor(x: float) -> float:
        return ground - front - (lift if x > 8 else lift * max(0.0, (x + 6) / 14) ** 1.2)

    ankle_straps(canvas, rng, floor, rng.uniform(4, 9), paint)
    line = [(x, floor(x)) for x in np.linspace(-13.5, 13.5, 12).tolist()]
    wedge = cloth(rng, float(np.clip(tone + rng.uniform(-80, 80), 25, 235)), rng.choice(["plain", "melange", "stripes"]))
    canvas.fill([*line, (13.5, ground), (-10, ground), (-13.5, ground - 0.5)], wedge)
    canvas.seam([(-13, ground - 0.4), (13.5, ground - 0.4)], 0.8, rng.uniform(-0.6, 0.3))


def heeled_sandal(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a sandal on a thin or a block heel."""
    ground, lift = 27.0, rng.uniform(7, 14)
    paint = cloth(rng, tone, fold=8, mottle=20)

    def floor(x: float) -> float:
        return ground - 1 - lift / (1 + np.exp(-(x - 3) / 3))

    ankle_straps(canvas, rng, floor, rng.uniform(5, 11), paint)
    line = [(x, floor(x)) for x in np.linspace(-13, 13, 14).tolist()]
    canvas.stroke(line, rng.uniform(1.2, 2.4), paint)
    wide = rng.choice([rng.uniform(0.9, 1.6), rng.uniform(3, 5)])
    canvas.fill([(13.6 - 1.4 * wide - 0.5, floor(12)), (13.6, floor(13)), (13.3, ground), (13.3 - wide, ground)], paint)


# Bags -----------------------------------------------------------------------------------------------------


def bag(canvas: Canvas, rng: Rng) -> None:
    """Draw a bag: a tote with handles, a handbag, a satchel with a flap, or a clutch."""
    tone = draw_tone(rng, TONES["Bag"])
    pattern = pick(rng, {"plain": 72, "melange": 14, "flowers": 6, "stripes": 3, "checks": 2, "gradient": 3})
    paint = cloth(rng, tone, pattern, fold=7, mottle=22)
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
        handles(canvas, rng, top, rim, rng.uniform(7, 12) if kind == "tote" else rng.uniform(4, 9), strap_tone)
    elif kind == "satchel" and rng.random() < 0.75:
        side_strap(canvas, rng, top, rim, strap_tone)
    outline = mirror([(0, rim - rng.uniform(-0.6, 0.8)), (top, rim), (0.5 * (top + bottom) + rng.uniform(0, 0.8), rim + 0.6 * high), (bottom, base - 1), (bottom - 1, base), (0, base)])
    canvas.fill(soften(outline, int(rng.integers(0, 3))), paint)
    canvas.seam([(-top, rim + 0.4), (top, rim + 0.4)], rng.uniform(0.7, 1.5), rng.uniform(-0.4, 0.4))
    if rng.random() < 0.5:
        canvas.seam([*outline, outline[0]], 1.2, rng.uniform(-0.3, 0.4))
    trim_bag(canvas, rng, kind, top, rim, high)


def handles(canvas: Canvas, rng: Rng, top: float, rim: float, rise: float, tone: int) -> None:
    """Bend one or two handles over the bag."""
    half, wide = rng.uniform(2.4, 0.6 * top), rng.uniform(0.8, 1.5)
    corner = rng.choice([0.6, 0.95])  # pointed, or round
    arch = [(-half, rim + 1), (-corner * half, rim - 0.8 * rise), (0, rim - 1.15 * rise), (corner * half, rim - 0.8 * rise), (half, rim + 1)]
    arch = soften(arch, 2, closed=False)
    canvas.stroke(arch, wide, tone)
    if rng.random() < 0.4:
        shift = rng.uniform(0.8, 1.6)
        canvas.stroke([(x + shift, y - 0.4) for x, y in arch], wide, max(25, tone - 40))


def side_strap(canvas: Canvas, rng: Rng, top: float, rim: float, tone: int) -> None:
    """Let a shoulder strap fall down the sides, or stand up in a low bow."""
    wide = rng.uniform(0.8, 1.4)
    if rng.random() < 0.5:
        canvas.stroke(soften([(-top + 1, rim + 1), (-top - 1.2, rim + 3), (-top - 0.4, rim + 12), (-top + 3, 28)], 2, False), wide, tone)
        canvas.stroke(soften([(top - 1, rim + 1), (top + 1, rim + 3), (top + 0.6, rim + 9)], 2, False), wide, tone)
    else:
        canvas.stroke(soften([(-top, rim + 2), (-0.7 * top, rim - 5), (0.7 * top, rim - 5), (top, rim + 2)], 2, False), wide, tone)


def trim_bag(canvas: Canvas, rng: Rng, kind: str, top: float, rim: float, high: float) -> None:
    """Add a flap, a clasp, a pocket or a seam."""
    light = rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)
    if kind in ("satchel", "clutch") and rng.random() < 0.75:
        low = rim + high * rng.uniform(0.4, 0.75)
        flap = soften(mirror([(0, rim), (top, rim), (top, low - 2), (0.6 * top, low), (0, low + rng.uniform(-0.5, 2))]), 1)
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


# The class numbers are those of the original: they are the places in this table. ------------------------------

GARMENTS: dict[str, Callable[[Canvas, Rng], None]] = {
    "T-shirt/top": tshirt,
    "Trouser": trouser,
    "Pullover": pullover,
    "Dress": dress,
    "Coat": coat,
    "Sandal": sandal,
    "Shirt": shirt,
    "Sneaker": sneaker,
    "Bag": bag,
    "Ankle boot": ankle_boot,
}
CLASSES = tuple(GARMENTS)


def draw(label: int, rng: Rng) -> NDArray[np.uint8]:
    """Draw one garment of a class.

    Shapes: the label is 0 to 9; the picture is [28, 28], 0 to 255.
    """
    canvas = Canvas()
    GARMENTS[CLASSES[label]](canvas, rng)
    return canvas.picture()
