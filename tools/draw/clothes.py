"""Clothes: everything over the shoulders is one cut with many measures; trousers are two legs."""

from dataclasses import dataclass

import numpy as np

from tools.draw.canvas import Canvas, Outline, Paint, Point, ellipse, flipped, mirror
from tools.draw.fabric import Rng, add_print, cloth, pick


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
    half = [
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
    return mirror(half)


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


def seam_both_sides(canvas: Canvas, line: Outline, width: float, light: float) -> None:
    """Sew a line on the right, and the same one on the left."""
    for part in (line, flipped(line)):
        canvas.seam(part, width, light)


def sew_top(
    canvas: Canvas, rng: Rng, top: Top, paint: Paint, *, tone: float, glow: float = 0.05, sleeves: Paint | None = None
) -> None:
    """Draw the inside of the back, the sleeves and the front, with light edges where two layers meet."""
    if top.back and top.neckline != "shut":
        inside = int(np.clip(tone + rng.choice([-1, 1]) * rng.uniform(10, 80), 10, 250))
        dip = rng.uniform(-0.3, 0.6)
        half = [(0, dip), (top.neck, 0), (top.neck, 0.5), (0.6 * top.neck, top.depth), (0, top.depth)]
        canvas.fill(mirror(half), inside)
    edge = rng.uniform(0, 0.5) if tone < 150 else rng.uniform(-0.2, 0.3)
    if top.sleeve:
        glow = rng.normal(glow, 0.12)
        for part in (sleeve(top), flipped(sleeve(top))):
            canvas.fill(part, sleeves or paint)
            canvas.shade(part, glow)
            canvas.seam(part[4:7], 0.9, edge)
            canvas.seam(part[2:5], 0.7, 0.6 * edge)
    canvas.fill(body(top), paint)
    if top.sleeve:
        armhole = [(top.shoulder - 0.5, top.drop), (top.chest - 0.4, top.armpit), (top.chest, top.armpit + 1)]
        seam_both_sides(canvas, armhole, 0.6, rng.uniform(-0.25, 0.25))
    side = [(top.chest - 0.2, top.armpit), (top.waist - 0.2, 0.6 * top.length), (top.hem - 0.2, top.length)]
    seam_both_sides(canvas, side, 0.8, edge)


def finish_neck(canvas: Canvas, rng: Rng, top: Top) -> None:
    """Put a band along the neckline."""
    if top.neckline == "shut":
        return
    right = body(top)[: 4 if top.neckline == "round" else 2]
    light = rng.uniform(-0.45, 0.45)
    canvas.seam([*flipped(right[::-1]), *right], rng.uniform(0.6, 1.2), light)


def hem_band(canvas: Canvas, rng: Rng, top: Top) -> None:
    """Put a band along the hem."""
    light, y = rng.uniform(-0.3, 0.3), top.length - rng.uniform(0.6, 2)
    canvas.shade([(-top.hem - 1, y), (top.hem + 1, y), (top.hem + 1, 29), (-top.hem - 1, 29)], light)


def collar(canvas: Canvas, rng: Rng, top: Top, paint: Paint, size: float = 2.6) -> None:
    """Lay a turned-down collar round the neck."""
    canvas.fill(mirror([(0, -0.4), (top.neck, -0.7), (top.neck, 0.6), (0, top.depth)]), paint)
    canvas.shade(mirror([(0, 0.1), (0.7 * top.neck, 0.1), (0, top.depth)]), rng.uniform(-0.4, 0.2))
    wing = [(top.neck - 0.6, -0.7), (top.neck + 0.5, 0.5), (0.35 * top.neck + 0.4, size + 0.8), (0.2, top.depth)]
    light = rng.uniform(0.05, 0.45)
    for part in (wing, flipped(wing)):
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
    for part in (line, flipped(line)):
        canvas.seam(part, rng.uniform(0.5, 1), light)


def short_sleeved(rng: Rng) -> Top:
    """Cut a T-shirt: boxy or fitted, with short sleeves that stand off."""
    chest = rng.normal(6.7, 0.55)
    return Top(
        shoulder=chest + rng.normal(1.3, 0.4),
        drop=rng.uniform(1.8, 3.2),
        chest=chest,
        armpit=rng.uniform(7.5, 9.5),
        waist=chest - rng.uniform(-0.1, 0.8),
        hem=chest + rng.normal(0.35, 0.5),
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
    length = rng.uniform(23, 28)
    return Top(
        shoulder=chest + rng.normal(1.4, 0.4),
        drop=rng.uniform(1.4, 2.6),
        chest=chest,
        armpit=rng.uniform(7.5, 10),
        waist=chest - rng.uniform(0, 0.6),
        hem=chest + rng.normal(0, 0.4),
        length=length,
        neck=rng.uniform(2.4, 3.8),
        depth=rng.uniform(1, 2.6),
        neckline=pick(rng, {"round": 5, "v": 1}),
        sleeve=rng.uniform(23, 26),
        angle=rng.normal(5.9, 2.1),
        cuff=rng.uniform(2.4, 3.5),
    )


def half_sleeved(rng: Rng) -> Top:
    """Cut a blouse with wide sleeves that end about the elbow."""
    top = short_sleeved(rng)
    top.sleeve, top.angle, top.cuff = rng.uniform(11, 19), rng.normal(16, 5), rng.uniform(3.2, 5.5)
    return top


CUTS = {"none": sleeveless, "short": short_sleeved, "half": half_sleeved, "long": long_sleeved}


def tshirt(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a T-shirt or a top: short sleeves, often a print; some tank tops, some long sleeves."""
    cut = pick(rng, {"short": 80, "none": 12, "long": 4, "half": 4})
    top = CUTS[cut](rng)
    pattern = pick(rng, {"plain": 68, "stripes": 8, "flowers": 5, "melange": 7, "blocks": 5, "gradient": 4, "dots": 2})
    paint = cloth(rng, tone, pattern)
    sew_top(canvas, rng, top, paint, tone=tone)
    finish_neck(canvas, rng, top)
    if pattern in ("plain", "melange") and rng.random() < 0.55:
        add_print(canvas, rng, tone)
    if cut == "short" and rng.random() < 0.1:
        collar(canvas, rng, top, paint)


def pullover(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a pullover: long sleeves, a band at the hem, a round neck, a turtleneck or a hood."""
    top = half_sleeved(rng) if rng.random() < 0.03 else long_sleeved(rng)
    top.chest, top.waist, top.hem = top.chest - 0.2, top.waist - 0.4, top.hem - 0.4  # the sleeves stand off the body
    top.cuff, top.length = top.cuff - 0.3, min(top.length, 27.3)
    pattern = pick(rng, {"plain": 58, "melange": 18, "stripes": 8, "blocks": 6, "flowers": 3, "gradient": 4})
    paint = cloth(rng, tone, pattern, fold=16, mottle=9)
    sleeves = None if rng.random() < 0.85 else cloth(rng, np.clip(tone + rng.uniform(-60, 60), 20, 245))
    neck = pick(rng, {"round": 70, "turtle": 12, "hood": 10, "collar": 8})
    if neck == "hood":
        hood(canvas, rng, top, paint)
    elif neck == "turtle":
        top.neckline = "shut"
    sew_top(canvas, rng, top, paint, tone=tone, glow=0.18, sleeves=sleeves)
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


def coat(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a coat or a jacket: a front opening, pockets, a stand-up collar, lapels or a hood."""
    top = long_sleeved(rng)
    top.depth, top.cuff = rng.uniform(1.2, 3), top.cuff + 0.6
    top.shoulder, top.angle, top.length = top.shoulder - 0.4, top.angle + 0.8, rng.uniform(23, 27.6)
    if rng.random() < 0.28:  # a long coat is narrow in the frame, and its sleeves end above the hem
        slim = rng.uniform(0.76, 0.95)
        for name in ("shoulder", "chest", "waist", "hem", "neck", "cuff"):
            setattr(top, name, slim * getattr(top, name))
        top.length, top.sleeve, top.hem = 28, rng.uniform(17, 22), top.hem + rng.uniform(0, 1.2)
    pattern = pick(rng, {"plain": 66, "melange": 25, "flowers": 2, "checks": 2, "blocks": 3, "gradient": 3})
    paint = cloth(rng, tone, pattern, fold=18, mottle=22)
    neck = pick(rng, {"stand": 46, "lapels": 18, "hood": 20, "collar": 16})
    if neck == "hood":
        hood(canvas, rng, top, paint)
    elif neck == "lapels":
        top.neckline, top.depth = "v", rng.uniform(4, 11)
    sew_top(canvas, rng, top, paint, tone=tone, glow=0.26)
    if neck == "lapels":
        lapels(canvas, rng, top, paint)
    elif neck == "collar":
        collar(canvas, rng, top, paint)
    elif neck == "stand":
        canvas.fill(mirror([(0, -1.3), (top.neck, -1.5), (top.neck + 0.4, 0.8), (0, 1.6)]), paint)
        canvas.seam([(-top.neck, 0.5), (0, 1.4), (top.neck, 0.5)], 0.6, rng.uniform(-0.2, 0.4))
    opening(canvas, rng, top, rng.random() < 0.2, rng.choice([-1, 1, 1]) * rng.uniform(0.04, 0.45))
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
    for part in (wing, flipped(wing)):
        canvas.fill(part, paint)
        canvas.shade(part, 0.3 * light)
        canvas.seam(part[1:], 0.6, light)


def shirt(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a shirt or a blouse: collar and buttons, or the cut of a T-shirt, a pullover or a coat."""
    cut = pick(rng, {"long": 59, "short": 20, "half": 15, "none": 6})
    top = CUTS[cut](rng)
    if cut == "long":
        top.length = rng.uniform(25.8, 28)
        top.shoulder -= rng.uniform(0.3, 0.8)
        top.angle = max(3.5, rng.normal(6, 2.2))
        top.cuff += rng.uniform(0.2, 1.4)
        top.sleeve = rng.uniform(22, 26.5)
    patterns = {"plain": 48, "melange": 8, "checks": 16, "flowers": 13, "dots": 5, "stripes": 3, "pinstripes": 7}
    paint = cloth(rng, tone, pick(rng, patterns), fold=16)
    style = pick(rng, {"buttons": 72, "blouse": 28} if cut == "long" else {"buttons": 55, "blouse": 45})
    if style == "blouse":
        top.neckline = pick(rng, {"round": 3, "v": 2})
        top.depth = rng.uniform(1.5, 4)
    sew_top(canvas, rng, top, paint, tone=tone, glow=0.08)
    if style == "buttons":
        collar(canvas, rng, top, paint, size=rng.uniform(1.4, 2.8))
        opening(canvas, rng, top, True, rng.choice([-1, 1]) * rng.uniform(0.06, 0.4))
        if rng.random() < 0.3:
            pockets(canvas, rng, rng.uniform(8.5, 10))
    else:
        finish_neck(canvas, rng, top)
    if rng.random() < 0.4:  # the hem is rounded at the sides
        corner = [(top.hem - 2.2, 28.5), (top.hem + 0.5, top.length - 2), (top.hem + 0.6, 28.5)]
        canvas.cut(corner)
        canvas.cut(flipped(corner))


def dress(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw a dress: narrow and full height, with any sleeves, a waist, and a skirt that flares or not."""
    cut = pick(rng, {"none": 34, "short": 28, "long": 29, "half": 9})
    chest = rng.normal(4.6, 0.7)
    neck = rng.uniform(1.6, 2.8)
    short, half, long = rng.uniform(3.5, 6), rng.uniform(7, 11), rng.uniform(13, 20)
    top = Top(
        shoulder=neck + rng.uniform(0.4, 1.4) if cut == "none" else chest + rng.normal(0.2, 0.2),
        drop=rng.uniform(0.5, 1.6),
        chest=chest,
        armpit=rng.uniform(4.8, 6.5),
        waist=chest - rng.uniform(0.1, 1.2),
        hem=chest + abs(rng.normal(1.2, 1.8)) - 0.5,
        length=28,
        neck=neck,
        depth=rng.uniform(1, 5) if cut == "none" else rng.uniform(0.8, 2.6),
        neckline=pick(rng, {"round": 5, "v": 3}),
        sleeve={"none": 0, "short": short, "half": half, "long": long}[cut],
        angle=rng.normal(11, 3) if cut in ("long", "half") else rng.normal(25, 9),
        cuff=rng.uniform(2, 2.8) if cut == "long" else rng.uniform(2.6, 3.6),
        back=rng.random() < 0.6,
    )
    patterns = {"plain": 57, "flowers": 17, "melange": 7, "stripes": 4, "checks": 3}
    patterns |= {"blocks": 6, "dots": 3, "gradient": 3}
    paint = cloth(rng, tone, pick(rng, patterns), fold=20)
    waist = rng.uniform(8.5, 12.5)
    sew_top(canvas, rng, top, paint, tone=tone)
    canvas.fill(skirt(rng, top, waist), paint)
    finish_neck(canvas, rng, top)
    if rng.random() < 0.45:
        canvas.seam([(-top.chest, waist), (top.chest, waist)], rng.uniform(0.6, 1.4), rng.uniform(-0.45, 0.35))


def skirt(rng: Rng, top: Top, waist: float) -> list[Point]:
    """Outline the skirt, from the waist over the hips to the hem."""
    hip = 0.5 * (top.waist + top.hem) + rng.uniform(-0.1, 1.0)
    return mirror([(0, waist), (top.waist, waist), (hip, waist + 6), (top.hem, 27.6), (top.hem - 0.5, 28), (0, 28)])


def trouser(canvas: Canvas, rng: Rng, tone: float) -> None:
    """Draw trousers: two legs from a waistband, tight to flared, straight or in mid-step."""
    waist, hip = rng.normal(4.5, 0.35), rng.normal(5.3, 0.5)
    foot, ankle = rng.normal(4.2, 0.75), max(1.8, rng.normal(3.4, 0.6))
    crotch, gap = rng.uniform(7, 9.5), max(0.5, rng.normal(1.35, 0.4))
    if rng.random() < 0.08:
        waist, hip, foot, ankle = 1.4 * waist, 1.5 * hip, 1.5 * foot, 2 * ankle
    pattern = pick(rng, {"plain": 74, "melange": 20, "flowers": 2, "stripes": 1, "checks": 1, "pinstripes": 2})
    paint = cloth(rng, tone, pattern, fold=8, mottle=14)
    step = rng.normal(0, 0.35)
    for side in (-1, 1):
        knee_out = hip - 0.4 + max(0.0, rng.normal(0, 0.3))
        inner_foot = max(gap * 0.5, foot - ankle)
        leg = [
            (0, 0),
            (waist, 0),
            (hip, 6),
            (knee_out, 15 + rng.normal(0, 1)),
            (foot + 0.3, 27.6),
            (inner_foot + 0.2, 28),
            (gap + max(0, side * step), 17 + rng.normal(0, 1)),
            (0.5 * gap, crotch + 1.5),
            (0, crotch),
        ]
        part = [(side * x, y) for x, y in leg]
        canvas.fill(part, paint)
        # Light falls on the middle of a leg; denim is worn there.
        middle = 0.5 * (hip + gap)
        canvas.seam([(side * middle, 5), (side * middle, 26)], 1.6, rng.uniform(-0.1, 0.12))
        canvas.seam(part[1:5], 0.7, rng.uniform(-0.25, 0.1))
    canvas.shade([(-hip, 0), (hip, 0), (hip, 1.4), (-hip, 1.4)], rng.uniform(-0.25, 0.25))
    canvas.seam([(0, 1), (0, crotch)], 0.6, rng.uniform(-0.35, 0.1))
    if rng.random() < 0.5:
        pocket = [(waist - 1.6, 1.4), (hip - 0.2, 4.5)]
        seam_both_sides(canvas, pocket, 0.6, rng.uniform(-0.3, 0.3))
    if rng.random() < 0.03:  # dungarees
        for side in (-1, 1):
            canvas.stroke([(side * 2.4, 1), (side * 1.8, -4)], 1, paint)
