"""The drawing pad without a browser: its answer to whatever a browser, a learner or a network may do."""

import copy
import re

import numpy as np
import pytest
import torch
from torch import nn

from helpers.strokes import ink, picture
from helpers.widgets import DigitPad
from helpers.widgets.panel import TEXT_INSTEAD
from tests.helpers.widgets.panels import OnMPS

SEVEN = [[[0.2, 0.2], [0.8, 0.2], [0.45, 0.9]]]
SMALL = [[[0.05, 0.8], [0.15, 0.8], [0.09, 0.92]]]


class Reader(nn.Module):
    """A network whose answer depends on its input: the logit of digit d is the sum of column 2 d + 4."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.noise = nn.Dropout(0.5)
        self.norm = nn.BatchNorm2d(1)
        self.seen = []

    def forward(self, X):
        self.seen.append(X)
        return self.gain * self.noise(X).sum(dim=(1, 2))[:, 4:24:2]


class Answers(nn.Module):
    """A network that gives the same answer to everything, or raises it."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, X):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def receive(pad, **state):
    """Pass the pad a message from the browser, as ipywidgets does, so that no error is hidden."""
    pad._handle_msg({"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []})


@pytest.fixture
def pad():
    return DigitPad(Reader())


def test_an_empty_pad_asks_for_a_digit(pad):
    assert (pad.probabilities, pad.failed, any(pad.picture)) == ([], False, False)
    text = f"DigitPad\nThe pad is empty: draw a digit from 0 to 9.\n({TEXT_INSTEAD})"
    assert pad._repr_mimebundle_()[0]["text/plain"] == text


def test_a_stroke_is_framed_and_classified_and_the_answer_is_one_message(pad, monkeypatch):
    sent = []
    monkeypatch.setattr(DigitPad, "_send", lambda self, message, buffers=None: sent.append(message["state"]))
    pad.comm.kernel = True  # as if a browser were there
    receive(pad, strokes=SEVEN)
    seen = picture(SEVEN, width=pad.width, framed=True)
    assert pad.picture == seen.tobytes()
    expected = torch.tensor(seen / 255).sum(dim=0)[4:24:2].softmax(dim=0)
    assert pad.probabilities == pytest.approx(expected.tolist(), abs=1e-6)
    assert pad.sentence.startswith(f"The network reads a {int(expected.argmax())} (")
    assert [state.keys() for state in sent] == [{"probabilities", "sentence"}]  # the image travels as bytes beside them


def test_width_and_framing_change_the_image(pad):
    for state in ({"framed": False}, {"width": 0.15}):
        receive(pad, strokes=SMALL, **state)
        assert pad.picture == picture(SMALL, width=pad.width, framed=False).tobytes()
    receive(pad, strokes=[])
    assert not any(pad.picture)
    assert pad.sentence.startswith("The pad is empty")


@pytest.mark.parametrize(
    "state",
    [
        *({"strokes": strokes} for strokes in (None, "strokes", [1, 2], [[1, 2]], [[["a", "b"]]], [{"x": 1}])),
        {"strokes": [[[0.1, 0.2, 0.3]]]},
        *({"width": width} for width in (None, "thick", 100.0)),
        {"framed": "yes"},
    ],
    ids=str,
)
def test_malformed_messages_are_refused_and_the_pad_goes_on(pad, state):
    receive(pad, **state)
    assert pad.failed
    assert "xpected" in pad.sentence
    assert pad.probabilities == []
    assert 0.01 <= pad.width <= 0.25
    assert pad.framed is True
    receive(pad, strokes=SEVEN)
    assert pad.sentence.startswith("The network reads")
    assert not pad.failed


def test_the_network_is_used_in_eval_mode_and_its_own_mode_does_not_even_change_for_a_moment():
    """Jupyter may answer the browser while a cell is training."""
    modes = []

    class Watched(Reader):
        def forward(self, X):
            modes.append([module.training for module in model.modules()])
            return super().forward(X)

    model = Watched().train()
    model.norm.eval()  # a mixed mode, as after freezing a part
    before = copy.deepcopy(model.state_dict())
    pad = DigitPad(model, transform=lambda image: torch.ones(28, 28))
    receive(pad, strokes=SEVEN)
    first = pad.probabilities
    receive(pad, width=0.1)
    assert pad.probabilities == first  # nothing is dropped
    assert modes == [[True, True, False]] * 3
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.gain.grad is None


def test_a_network_that_trains_on_is_used_with_its_new_weights(pad):
    model = pad._model
    receive(pad, strokes=SEVEN)
    model.gain = nn.Parameter(torch.zeros(1))
    receive(pad, width=0.1)
    assert pad.probabilities == pytest.approx([0.1] * 10)


def test_a_network_with_layers_used_twice_and_stored_activations_is_fine():
    """Learners keep activations to look at them: such tensors cannot be copied."""

    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = self.again = nn.Linear(784, 10)
            self.register_module("empty", None)

        def forward(self, X):
            self.kept = self.layer(X.flatten(1)) + self.again(X.flatten(1))
            return self.kept

    model = Keeps()
    model(torch.ones(1, 1, 28, 28))
    pad = DigitPad(model)
    receive(pad, strokes=SEVEN)
    with torch.no_grad():
        X = torch.tensor(picture(SEVEN)).float().reshape(1, 1, 28, 28) / 255
        assert pad.probabilities == pytest.approx(model(X).softmax(dim=1)[0].tolist(), abs=1e-6)


def test_logits_on_an_apple_gpu_are_moved_to_the_cpu_before_float64(pad):
    logits = torch.arange(10.0).reshape(1, 10)
    apple = DigitPad(Answers(logits.as_subclass(OnMPS)))
    receive(apple, strokes=SEVEN)
    assert not apple.failed, apple.sentence
    assert apple.probabilities == pytest.approx(logits.double().softmax(dim=1)[0].tolist())


def test_the_transform_gets_the_image_as_the_data_set_gives_it(pad):
    received = []

    def transform(image):
        received.append(image)
        return torch.full((1, 28, 28), 3.0)

    model = Reader()
    receive(DigitPad(model, transform=transform), strokes=SEVEN)
    assert received[-1].mode == "L"
    assert np.array_equal(np.array(received[-1]), picture(SEVEN))
    assert torch.equal(model.seen[-1], torch.full((1, 1, 28, 28), 3.0))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x784 and 5x10)\nmore"), "5x10"),
        (KeyError(), "it raised KeyError."),
        (torch.zeros(1, 5), "it returned shape [1, 5]"),
        (None, "it returned NoneType"),
        (torch.tensor([[float("inf")] * 10]), "NaN or infinite"),
    ],
    ids=["raises", "raises without a message", "5 classes", "None", "inf"],
)
def test_a_network_that_does_not_fit_is_reported_at_once_with_the_remedy(answer, message):
    pad = DigitPad(Answers(answer))
    assert pad.failed
    assert re.fullmatch(f"Expected .*{re.escape(message)}.*", pad.sentence)
    assert (pad.probabilities, pad.picture) == ([], b"")
    with pytest.raises(ValueError, match=r"^Expected"):
        pad.read(SEVEN)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda image: 1 / 0, "it raised ZeroDivisionError: division by zero."),
        (lambda image: torch.zeros(3, 28, 28), "it returned shape [3, 28, 28]"),
    ],
)
def test_a_transform_that_does_not_fit_is_reported(transform, message):
    pad = DigitPad(Reader(), transform=transform)
    assert pad.failed
    assert re.match(f"Expected a transform that .*{re.escape(message)}", pad.sentence)


def test_something_that_is_not_a_network_is_refused():
    with pytest.raises(TypeError, match=r"^Expected a network, an nn.Module: received .*\. Pass the model that"):
        DigitPad(Reader)


@pytest.mark.parametrize(
    ("logits", "sentence"),
    [
        ([0, 0, 0, 6, 0, 0, 0, 0, 2, 0], "The network reads a 3 (96 %), then 8 (2 %)."),
        ([0, 0, 0, 0, 0, 0, 0, 0, 20, 0], "The network reads an 8 (over 99 %)."),
    ],
)
def test_the_sentence_says_what_is_read_and_how_surely(logits, sentence):
    pad = DigitPad(Answers(torch.tensor([logits]).float()))
    receive(pad, strokes=SEVEN)
    assert pad.sentence == sentence


def test_read_does_not_touch_the_pad(pad):
    reading = pad.read(SEVEN)
    assert (reading.picture == picture(SEVEN)).all()
    assert (reading.drawn == ink(SEVEN, width=0.08)).all()
    assert reading.label == reading.probabilities.argmax()
    assert (pad.read(SMALL, width=0.1, framed=False).picture == picture(SMALL, width=0.1, framed=False)).all()
    assert (pad.strokes, pad.probabilities) == ([], [])
