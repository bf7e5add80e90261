"""The ten classes of garments, and how bright each is.

Every garment is a function that draws on a fresh canvas, by chance: cut, cloth, pattern and trimmings all come from
its `numpy.random.Generator`. It is 28 units tall (a shoe: 28 long, its toe to the left), so that the numbers in its
code can be read as final pixels.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tools.draw import bags, clothes, shoes
from tools.draw.canvas import Canvas
from tools.draw.fabric import Rng, draw_tone


class Garment(NamedTuple):
    """How a class is drawn, and the quantiles of its tone at the levels `fabric.QUANTILES`."""

    draw: Callable[[Canvas, Rng, float], None]
    tones: tuple[float, ...]


# In the order of the original: the place in this table is the class number. The tones follow the original's
# brightness, which shows clothes inverted: what is white in the shop is dark here.
GARMENTS = {
    "T-shirt/top": Garment(clothes.tshirt, (26, 51, 68, 108, 167, 207, 225, 230, 250)),
    "Trouser": Garment(clothes.trouser, (30, 105, 124, 159, 192, 218, 228, 232, 247)),
    "Pullover": Garment(clothes.pullover, (27, 55, 70, 111, 176, 214, 229, 233, 247)),
    "Dress": Garment(clothes.dress, (30, 77, 97, 139, 187, 218, 230, 234, 248)),
    "Coat": Garment(clothes.coat, (27, 74, 102, 156, 193, 213, 224, 228, 247)),
    "Sandal": Garment(shoes.sandal, (40, 92, 108, 130, 157, 188, 212, 224, 248)),
    "Shirt": Garment(clothes.shirt, (26, 48, 62, 97, 154, 198, 222, 228, 249)),
    "Sneaker": Garment(shoes.sneaker, (29, 75, 93, 130, 163, 188, 204, 213, 237)),
    "Bag": Garment(bags.bag, (33, 90, 110, 153, 189, 208, 219, 224, 247)),
    "Ankle boot": Garment(shoes.ankle_boot, (37, 116, 140, 171, 195, 210, 224, 229, 247)),
}
CLASSES = tuple(GARMENTS)


def draw(label: int, rng: Rng) -> NDArray[np.uint8]:
    """Draw one garment of a class.

    Shapes: the label is 0 to 9; the picture is [28, 28], 0 to 255.
    """
    garment = GARMENTS[CLASSES[label]]
    canvas = Canvas(rng)
    garment.draw(canvas, rng, draw_tone(rng, garment.tones))
    return canvas.picture()
