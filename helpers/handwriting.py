"""Real handwriting, to judge a network by: small pictures of digits that come with scikit-learn."""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from helpers.strokes import frame


class Handwriting(NamedTuple):
    """Digits that people wrote, and what they are.

    Shapes: images [1797, 28, 28], 0 (black) to 255 (ink), framed as MNIST frames them; labels [1797], 0 to 9.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def real_digits() -> Handwriting:
    """Load 1,797 digits written by 43 people, 8 x 8 pixels each, scale them up smoothly and frame them.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998;
    the copy in scikit-learn.
    """
    # The file that `sklearn.datasets.load_digits` reads: to import scikit-learn for it would take a second more.
    file = Path(find_spec("sklearn").origin).parent / "datasets" / "data" / "digits.csv.gz"
    rows = np.loadtxt(file, delimiter=",")
    return Handwriting(np.stack([_enlarged(row[:-1].reshape(8, 8)) for row in rows]), rows[:, -1].astype(np.int64))


def _enlarged(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Scale one picture of 8 x 8, 0 to 16, up to where its grey seams are edges of strokes, and frame it."""
    ink = Image.fromarray(np.pad(image, 1).astype(np.float32) / 16)
    large = np.asarray(ink.resize((160, 160), Image.Resampling.LANCZOS))
    # The faint halo that smoothing leaves around a stroke is no ink: framed with it, the digit would be too small.
    return frame((255 * np.clip(1.2 * (large - 0.1), 0, 1)).astype(np.uint8))
