"""The drawing pad without a browser: its answer to whatever a learner or a network may do."""

import copy
import re
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn

from helpers.strokes import ink, picture
from helpers.widgets import DigitPad
from tests.helpers.widgets.panels import OnMPS

SEVEN = [[[0.2, 0.2], [0.8, 0.2], [0.45, 0.9]]]
SMALL = [[[0.05, 0.8], [0.15, 0.8], [0.09, 0.92]]]


class Reader(nn.Module):
    """A network whose answer depends on its input: the logit of digit d is the sum of column 2 d + 4."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.noise = self.again = nn.Dropout(0.5)
        self.norm = nn.BatchNorm2d(1)
        self.register_module("empty", None)

    def forward(self, X):
        self.seen = self.gain * X  # learners keep activations to look at them: such tensors cannot be copied
        return self.again(self.noise(self.seen)).sum(dim=(1, 2))[:, 4:24:2]


class Answers(nn.Module):
    """A network that gives the same answer to everything, or raises it."""

    def __init__(self, answer):
        super().__init__()
        self.forward = Mock(side_effect=[answer] * 9)


@pytest.fixture
def pad():
    return DigitPad(Reader())


def test_a_stroke_is_framed_and_classified_and_the_answer_is_one_message(pad, monkeypatch):
    sent = []
    monkeypatch.setattr(DigitPad, "_send", lambda self, message, buffers=None: sent.append(message["state"]))
    pad.comm.kernel = True  # as if a browser were there
    pad.set_state({"strokes": SEVEN})
    seen = picture(SEVEN, width=pad.width, framed=True)
    assert pad.picture == seen.tobytes()
    expected = torch.tensor(seen / 255).sum(dim=0)[4:24:2].softmax(dim=0)
    assert pad.probabilities == pytest.approx(expected.tolist(), abs=1e-6)
    assert pad.sentence.startswith(f"The network reads a {int(expected.argmax())} (")
    assert [state.keys() for state in sent] == [{"probabilities", "sentence"}]  # the image travels as bytes beside them


def test_strokes_that_cannot_be_drawn_are_reported_and_the_pad_goes_on(pad):
    pad.strokes = [[1, 2]]
    assert pad.failed
    assert pad.sentence.startswith("Expected stroke 0 to be a list of points")
    pad.strokes, pad.framed = SMALL, False
    assert pad.picture == picture(SMALL, framed=False).tobytes()
    assert pad.sentence.startswith("The network reads")
    assert not pad.failed


def test_the_network_is_used_in_eval_mode_with_its_live_weights_and_is_left_as_it_is():
    """Jupyter may answer the browser while a cell is training: its mode must not even change for a moment."""
    modes = []

    class Watched(Reader):
        def forward(self, X):
            modes.append([module.training for module in model.modules()])
            return super().forward(X)

    model = Watched().train()
    model.norm.eval()  # a mixed mode, as after freezing a part
    model(torch.ones(1, 1, 28, 28))
    before = copy.deepcopy(model.state_dict())
    pad = DigitPad(model)
    pad.strokes = SEVEN
    logits = torch.tensor(picture(SEVEN) / 255).sum(dim=0)[4:24:2]
    assert pad.probabilities == pytest.approx(logits.softmax(dim=0).tolist(), abs=1e-6)  # nothing is dropped
    assert modes == [[True, True, False]] * 3
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.gain = nn.Parameter(torch.zeros(1))
    pad.width = 0.1
    assert pad.probabilities == pytest.approx([0.1] * 10)


def test_logits_on_an_apple_gpu_are_moved_to_the_cpu_before_float64():
    logits = torch.arange(10.0).reshape(1, 10)
    pad = DigitPad(Answers(logits.as_subclass(OnMPS)))
    pad.strokes = SEVEN
    assert pad.probabilities == pytest.approx(logits.double().softmax(dim=1)[0].tolist()), pad.sentence


def test_the_transform_gets_the_image_as_the_data_set_gives_it():
    transform = Mock(return_value=torch.full((28, 28), 3.0))
    pad = DigitPad(Reader(), transform=transform)
    pad.strokes = SEVEN
    (received,) = transform.call_args.args
    assert received.mode == "L"
    assert np.array_equal(np.array(received), picture(SEVEN))
    assert pad.probabilities == pytest.approx([0.1] * 10)  # all columns are the same


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": Answers(RuntimeError("mat1 and mat2 (1x784 and 5x10)\nmore"))}, "a network .* 5x10"),
        ({"model": Answers(KeyError())}, r"a network .* it raised KeyError"),
        ({"model": Answers(torch.zeros(1, 5))}, r"a network .* it returned shape \[1, 5\]"),
        ({"model": Answers(None)}, "a network .* it returned NoneType"),
        ({"model": Answers(torch.tensor([[float("inf")] * 10]))}, "finite logits: .* NaN or infinite"),
        ({"transform": lambda image: 1 / 0}, "a transform .* it raised ZeroDivisionError: division by zero"),
        ({"transform": lambda image: torch.zeros(3, 28, 28)}, r"a transform .* it returned shape \[3, 28, 28\]"),
    ],
    ids=["raises", "raises without a message", "5 classes", "None", "inf", "transform raises", "transform: 3 channels"],
)
def test_a_network_or_transform_that_does_not_fit_is_reported_at_once_with_the_remedy(options, message):
    pad = DigitPad(**{"model": Reader()} | options)
    assert pad.failed
    assert re.fullmatch(rf"Expected {message}.*\. (Fix it, then run this cell again|Train it again .*)\.", pad.sentence)
    assert (pad.probabilities, pad.picture) == ([], b"")
    with pytest.raises(ValueError, match=r"^Expected"):
        pad.read(SEVEN)


def test_something_that_is_not_a_network_is_refused():
    with pytest.raises(TypeError, match=r"^Expected a network, an nn.Module: received .*\. Pass the model that"):
        DigitPad(Reader)


@pytest.mark.parametrize(
    ("logits", "sentence"),
    [
        ({3: 6.0, 8: 2.0}, "The network reads a 3 (96 %), then 8 (2 %)."),
        ({8: 20.0}, "The network reads an 8 (over 99 %)."),
    ],
)
def test_the_sentence_says_what_is_read_and_how_surely(logits, sentence):
    pad = DigitPad(Answers(torch.tensor([[logits.get(digit, 0.0) for digit in range(10)]])))
    pad.strokes = SEVEN
    assert pad.sentence == sentence


def test_read_does_not_touch_the_pad(pad):
    reading = pad.read(SEVEN)
    assert (reading.picture == picture(SEVEN)).all()
    assert (reading.drawn == ink(SEVEN, width=0.08)).all()
    assert reading.label == reading.probabilities.argmax()
    assert (pad.read(SMALL, width=0.1, framed=False).picture == picture(SMALL, width=0.1, framed=False)).all()
    assert (pad.strokes, pad.probabilities) == ([], [])
