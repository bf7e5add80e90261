"""A pad to draw a digit on, and the network's prediction for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor, nn

from helpers import strokes as drawing
from helpers.training import device_of
from helpers.widgets.models import eval_twin
from helpers.widgets.panel import TEXT_INSTEAD, RefusalError, error_line

EMPTY = "The pad is empty: draw a digit from 0 to 9."
REMEDY = "Fix it, then run this cell again."


class Reading(NamedTuple):
    """A drawing, the image that the network receives, and its prediction.

    Shapes:
        drawn: [280, 280], uint8, 0 (black) to 255 (white): the pad.
        picture: [28, 28], uint8, 0 to 255: the image that the network receives, before `transform`.
        probabilities: [10], each from 0 to 1, together 1.
    """

    drawn: np.ndarray
    picture: np.ndarray
    probabilities: np.ndarray

    @property
    def label(self) -> int:
        """The most probable digit."""
        return int(self.probabilities.argmax())


def to_tensor(image: Image.Image) -> Tensor:
    """The image as a float tensor [1, 28, 28] from 0 (black) to 1 (white), as torchvision's `ToTensor` returns it."""
    return torch.from_numpy(np.array(image)).unsqueeze(0).float() / 255


class DigitPad(anywidget.AnyWidget):
    """A pad in the notebook: draw a digit, and see the image that the network receives and its ten probabilities.

    The network is used in eval mode, while its own mode is left alone. Its weights are the live ones: train on, and
    the next stroke is classified with the new weights.

    Shapes:
        model: takes [1, 1, 28, 28] and returns logits, [1, 10].
        transform: takes a grey PIL image, as torchvision's data set gives it, and returns a tensor, [1, 28, 28] or
            [28, 28]: the transform of the training images. Default: pixels from 0 to 1.
        strokes: lists of points (x, y), each from 0 to 1, from the top left corner of the pad.
        width: thickness of the pen, as a fraction of the pad. framed: scaled and centred, as the training images are.

    Raises: TypeError where the model is not an `nn.Module`.
    """

    _esm = Path(__file__).with_name("pad.js")
    _css = Path(__file__).with_name("pad.css")

    # What the browser sends; code in the notebook may set them as well. Strokes are not echoed: the browser has them.
    strokes = traitlets.List().tag(sync=True, echo_update=False)
    width = traitlets.Float(0.08, min=0.01, max=0.25).tag(sync=True)
    framed = traitlets.Bool(True).tag(sync=True)

    # What the kernel answers. Bytes of an image must be CBytes: Bytes would refuse the browser's own copy.
    picture = traitlets.CBytes().tag(sync=True)
    probabilities = traitlets.List(traitlets.Float()).tag(sync=True)
    sentence = traitlets.Unicode(EMPTY).tag(sync=True)
    failed = traitlets.Bool(False).tag(sync=True)

    def __init__(self, model: nn.Module, *, transform: Callable[[Image.Image], Tensor] = to_tensor) -> None:
        """Make an empty pad for this network."""
        if not isinstance(model, nn.Module):
            raise TypeError(
                f"Expected a network, an nn.Module: received {type(model).__name__}. Pass the model that you trained."
            )
        self._model = model
        self._transform = transform
        super().__init__()
        self._answer()  # so that a network that does not fit is reported before the first stroke

    def read(self, strokes: Sequence[drawing.Stroke], *, width: float | None = None, framed: bool = True) -> Reading:
        """Classify these strokes, drawn with this width (default: the pad's own).

        Raises: ValueError where strokes, width, transform or network are not as the pad needs them.
        """
        width = self.width if width is None else width
        picture = drawing.picture(strokes, width=width, framed=framed)
        return Reading(drawing.ink(strokes, width=width), picture, self._probabilities(picture))

    @traitlets.observe("strokes", "width", "framed")
    def _answer(self, _: object = None) -> None:
        """Classify what is on the pad, and send image, probabilities and sentence in one message."""
        image, probabilities, sentence, failed = b"", [], EMPTY, False
        try:
            reading = self.read(self.strokes, framed=self.framed)
        except ValueError as error:
            sentence, failed = str(error), True
        else:
            image = reading.picture.tobytes()
            if reading.picture.any():
                probabilities, sentence = reading.probabilities.tolist(), _in_words(reading.probabilities)
        with self.hold_sync():
            self.picture, self.probabilities, self.sentence, self.failed = image, probabilities, sentence, failed

    def _probabilities(self, picture: np.ndarray) -> np.ndarray:
        """The ten probabilities, [10], for an image [28, 28]."""
        try:
            X = torch.as_tensor(self._transform(Image.fromarray(picture)))
        except Exception as error:
            raise RefusalError(
                f"Expected a transform that turns the image into a tensor: it raised {error_line(error)} {REMEDY}"
            ) from error
        if X.numel() != 28 * 28:
            raise RefusalError(
                "Expected a transform that returns a tensor of shape [1, 28, 28]: "
                f"it returned shape {list(X.shape)}. {REMEDY}"
            )
        try:
            with torch.no_grad():
                logits = eval_twin(self._model)(X.reshape(1, 1, 28, 28).to(device_of(self._model)))
        except Exception as error:
            raise RefusalError(
                f"Expected a network that takes images of shape [1, 1, 28, 28]: it raised {error_line(error)} {REMEDY}"
            ) from error
        if not isinstance(logits, Tensor) or logits.shape != (1, 10):
            received = f"shape {list(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
            raise RefusalError(
                f"Expected a network that returns ten logits, shape [1, 10]: it returned {received}. {REMEDY}"
            )
        if not logits.isfinite().all():
            raise RefusalError(
                "Expected finite logits: the network returned NaN or infinite ones. Train it again with a smaller lr."
            )
        return logits[0].cpu().double().softmax(dim=0).numpy()  # the device may not have float64

    def __repr__(self) -> str:
        """What the pad says, for where it cannot be shown, and for a test's comparison."""
        return f"DigitPad\n{self.sentence}\n({TEXT_INSTEAD})"


def _in_words(probabilities: np.ndarray) -> str:
    second, first = probabilities.argsort()[-2:]
    article = "an" if first == 8 else "a"
    sentence = f"The network reads {article} {first} ({_percent(probabilities[first])})"
    if probabilities[second] >= 0.005:
        sentence += f", then {second} ({_percent(probabilities[second])})"
    return f"{sentence}."


def _percent(probability: float) -> str:
    return "over 99 %" if probability > 0.995 else f"{100 * probability:.0f} %"
