"""The drawing pad without a browser: what it answers to everything that a browser, a learner or a network may do."""

import copy
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from helpers.strokes import ink, picture
from helpers.widgets import DigitPad

SEVEN = [[[0.2, 0.2], [0.8, 0.2], [0.45, 0.9]]]
SMALL = [[[0.05, 0.8], [0.15, 0.8], [0.09, 0.92]]]


class Reader(nn.Module):
    """A network whose answer says what it received: the logit of digit d is the sum of column 2 d + 4, in pixels."""

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


def _received(pad, **state):
    """What the pad does when the browser sends this state: just what ipywidgets calls, so that no error is hidden."""
    pad._handle_msg({"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []})


@pytest.fixture
def pad():
    return DigitPad(Reader())


def test_an_empty_pad_asks_for_a_digit(pad):
    assert repr(pad) == "DigitPad: run this cell in JupyterLab, and draw here."
    assert pad.sentence == "The pad is empty: draw a digit from 0 to 9."
    assert (pad.probabilities, pad.failed, any(pad.picture)) == ([], False, False)


def test_a_stroke_is_framed_and_read(pad):
    _received(pad, strokes=SEVEN)
    seen = picture(SEVEN, width=pad.width, framed=True)
    assert pad.picture == seen.tobytes()
    expected = torch.tensor(seen / 255).sum(dim=0)[4:24:2].softmax(dim=0)
    assert pad.probabilities == pytest.approx(expected.tolist(), abs=1e-6)
    assert sum(pad.probabilities) == pytest.approx(1)
    first = int(expected.argmax())
    assert pad.sentence.startswith(f"The network reads a {first} (")
    assert not pad.failed


def test_width_and_framing_change_the_picture(pad):
    _received(pad, strokes=SMALL)
    assert pad.picture == picture(SMALL, width=0.08, framed=True).tobytes()
    _received(pad, framed=False)
    assert pad.picture == picture(SMALL, width=0.08, framed=False).tobytes()
    _received(pad, width=0.15)
    assert pad.picture == picture(SMALL, width=0.15, framed=False).tobytes()
    _received(pad, strokes=[])
    assert not any(pad.picture)
    assert pad.sentence.startswith("The pad is empty")


def test_picture_probabilities_and_sentence_travel_in_one_message(pad, monkeypatch):
    sent = []
    monkeypatch.setattr(DigitPad, "_send", lambda self, message, buffers=None: sent.append(message["state"]))
    pad.comm.kernel = True  # as if a browser were there
    _received(pad, strokes=SEVEN)
    answers = [state for state in sent if "strokes" not in state]
    assert len(sent) == len(answers) == 1
    assert {"probabilities", "sentence"} <= answers[0].keys()


@pytest.mark.parametrize("width", [0.01, 0.02, 0.2, 0.25])
@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize(
    "strokes",
    [
        [],
        [[]],
        [[[0, 0]]],
        [[[1, 1]], [[0, 1]], [[1, 0]]],
        [[[0, 0], [1, 1]], [[0, 1], [1, 0]]],
        [[[0.5, 0.5]] * 1000],
    ],
    ids=["nothing", "empty stroke", "corner", "corners", "cross", "a long stay"],
)
def test_extremes(pad, strokes, framed, width):
    _received(pad, strokes=strokes, framed=framed, width=width)
    assert not pad.failed
    assert len(pad.picture) == 784
    assert len(pad.probabilities) == (10 if any(pad.picture) else 0)


def test_at_random(pad):
    rng = np.random.default_rng(0)
    for _ in range(200):
        strokes = [rng.random((rng.integers(0, 9), 2)).tolist() for _ in range(rng.integers(0, 4))]
        changes = {"strokes": strokes, "width": float(rng.uniform(0.01, 0.25)), "framed": bool(rng.integers(2))}
        names = rng.choice(list(changes), size=rng.integers(1, 4), replace=False)
        _received(pad, **{name: changes[name] for name in names})
        assert not pad.failed
        assert pad.picture == picture(pad.strokes, width=pad.width, framed=pad.framed).tobytes()
        assert len(pad.probabilities) == (10 if any(pad.picture) else 0)


@pytest.mark.parametrize(
    "state",
    [
        {"strokes": None},
        {"strokes": "strokes"},
        {"strokes": [1, 2]},
        {"strokes": [[1, 2]]},
        {"strokes": [[["a", "b"]]]},
        {"strokes": [[[0.1, 0.2, 0.3]]]},
        {"strokes": [[[None, 0.2]]]},
        {"strokes": [[[float("nan"), 0.2]]]},
        {"strokes": [[[1e9, 0.2]]]},
        {"strokes": [{"x": 1}]},
        {"width": None},
        {"width": "thick"},
        {"width": -1.0},
        {"width": 100.0},
        {"framed": "yes"},
        {"nothing": "of the pad's"},
    ],
    ids=str,
)
def test_malformed_messages_are_refused_in_words_and_the_pad_goes_on(pad, state):
    _received(pad, **state)
    if "nothing" not in state:
        assert pad.failed
        assert "xpected" in pad.sentence
        assert "Traceback" not in pad.sentence
        assert pad.probabilities == []
    assert 0.01 <= pad.width <= 0.25
    assert pad.framed is True
    _received(pad, strokes=SEVEN)
    assert pad.sentence.startswith("The network reads")
    assert not pad.failed


def test_mode_weights_and_gradients_of_the_network_are_left_alone():
    model = Reader().train()
    model.noise.eval()  # a mixed mode, as after freezing a part
    before = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    pad = DigitPad(model)
    twice = []
    for _ in range(2):
        _received(pad, strokes=[])
        _received(pad, strokes=SEVEN)
        twice.append(pad.probabilities)
    assert twice[0] == twice[1]  # in eval mode: nothing is dropped
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.gain.grad is None
    assert not model._forward_hooks


def test_the_mode_is_not_even_changed_for_a_moment():
    """Jupyter may answer the browser while a cell is training."""
    model = Reader().train()
    modes = []
    pad = DigitPad(model)
    model.noise.register_forward_hook(lambda noise, *_: modes.append(model.training and not noise.training))
    _received(pad, strokes=SEVEN)
    assert modes
    assert all(modes)


def test_a_network_that_trains_on_is_read_as_it_is_now():
    model = Reader()
    pad = DigitPad(model)
    _received(pad, strokes=SEVEN)
    before = pad.probabilities
    with torch.no_grad():
        model.gain.mul_(0.5)
    _received(pad, width=0.1)
    halved = pad.probabilities
    assert halved != pytest.approx(before)
    model.gain = nn.Parameter(torch.zeros(1))
    _received(pad, width=0.11)
    assert pad.probabilities == pytest.approx([0.1] * 10)


def test_a_network_with_parts_used_twice_or_kept_results_is_read():
    """Learners keep activations to look at them: such tensors cannot be copied."""

    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = self.again = nn.Linear(784, 10)
            self.nothing = None
            self.register_module("empty", None)

        def forward(self, X):
            self.kept = self.layer(X.flatten(1)) + self.again(X.flatten(1))
            return self.kept

    model = Keeps()
    model(torch.ones(1, 1, 28, 28))
    kept = model.kept
    pad = DigitPad(model)
    _received(pad, strokes=SEVEN)
    assert not pad.failed
    with torch.no_grad():
        X = torch.tensor(picture(SEVEN)).float().reshape(1, 1, 28, 28) / 255
        assert pad.probabilities == pytest.approx(model(X).softmax(dim=1)[0].tolist(), abs=1e-6)
    assert kept.requires_grad


def test_the_transform_is_that_of_the_data_set():
    received = []

    def transform(image):
        received.append(image)
        return torch.full((1, 28, 28), 3.0)

    model = Reader()
    pad = DigitPad(model, transform=transform)
    _received(pad, strokes=SEVEN)
    assert isinstance(received[-1], Image.Image)
    assert (received[-1].mode, received[-1].size) == ("L", (28, 28))
    assert np.array_equal(np.array(received[-1]), picture(SEVEN))
    assert model.seen[-1].shape == (1, 1, 28, 28)
    assert (model.seen[-1] == 3).all()


def test_without_a_transform_pixels_go_from_0_to_1():
    model = Reader()
    _received(DigitPad(model), strokes=SEVEN)
    seen = model.seen[-1]
    assert seen.dtype == torch.float32
    assert torch.equal(seen[0, 0], torch.tensor(picture(SEVEN)).float() / 255)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x784 and 5x10)\nmore"), "5x10"),
        (KeyError(), "it raised KeyError."),
        (torch.zeros(1, 5), "it returned shape [1, 5]"),
        (torch.zeros(10), "it returned shape [10]"),
        (torch.zeros(2, 10), "it returned shape [2, 10]"),
        (None, "it returned NoneType"),
        ("seven", "it returned str"),
        (torch.full((1, 10), float("nan")), "NaN"),
        (torch.tensor([[float("inf")] * 10]), "NaN or infinite"),
    ],
    ids=["raises", "raises nothing said", "5 classes", "no batch", "two", "None", "text", "nan", "inf"],
)
def test_a_network_that_does_not_fit_is_named_at_once_and_with_its_remedy(answer, said):
    pad = DigitPad(Answers(answer))
    for _ in range(2):
        assert pad.failed
        assert pad.sentence.startswith("Expected ")
        assert said in pad.sentence
        assert pad.sentence.endswith((".", "lr."))
        assert "\n" not in pad.sentence
        assert (pad.probabilities, pad.picture) == ([], b"")
        _received(pad, strokes=SEVEN)
    with pytest.raises(ValueError, match=r"^Expected"):
        pad.read(SEVEN)


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        (lambda image: 1 / 0, "it raised ZeroDivisionError: division by zero."),
        (lambda image: torch.zeros(3, 28, 28), "it returned shape [3, 28, 28]"),
        (lambda image: "text", "it raised"),
        (None, "it raised TypeError"),
    ],
)
def test_a_transform_that_does_not_fit_is_named(transform, said):
    pad = DigitPad(Reader(), transform=transform)
    assert pad.failed
    assert pad.sentence.startswith("Expected a transform that")
    assert said in pad.sentence


@pytest.mark.parametrize("model", [None, 3, Reader, lambda X: X])
def test_something_that_is_no_network_is_refused(model):
    with pytest.raises(TypeError, match=r"^Expected a network, an nn.Module: received .*\. Pass the model that"):
        DigitPad(model)


@pytest.mark.parametrize(
    ("logits", "sentence"),
    [
        ({3: 6.0, 8: 2.0}, "The network reads a 3 (96 %), then 8 (2 %)."),
        ({8: 20.0}, "The network reads an 8 (over 99 %)."),
        ({0: 3.0, 9: 3.0}, "The network reads a"),
    ],
)
def test_the_sentence_says_what_is_read_and_how_surely(logits, sentence):
    answer = torch.zeros(1, 10)
    for digit, logit in logits.items():
        answer[0, digit] = logit
    pad = DigitPad(Answers(answer))
    _received(pad, strokes=SEVEN)
    assert pad.sentence.startswith(sentence)
    assert repr(pad) == pad.sentence


def test_read_gives_picture_and_probabilities_without_touching_the_pad(pad):
    reading = pad.read(SEVEN)
    assert (reading.picture == picture(SEVEN)).all()
    assert (reading.drawn == ink(SEVEN, width=0.08)).all()
    assert reading.probabilities.sum() == pytest.approx(1)
    assert reading.label == reading.probabilities.argmax()
    assert pad.strokes == []
    assert (pad.read(SMALL, width=0.1, framed=False).picture == picture(SMALL, width=0.1, framed=False)).all()
    assert pad.sentence.startswith("The pad is empty")


def test_making_pads_again_and_again_leaves_no_thread_and_no_shared_state():
    threads = threading.active_count()
    model = Reader()
    pads = [DigitPad(model) for _ in range(5)]
    _received(pads[0], strokes=SEVEN)
    assert [pad.strokes for pad in pads[1:]] == [[]] * 4
    for pad in pads:
        pad.close()
    assert threading.active_count() == threads


def test_what_nbval_compares_is_the_same_every_time():
    first, second = (DigitPad(Reader())._repr_mimebundle_()[0]["text/plain"] for _ in range(2))
    assert first == second == "DigitPad: run this cell in JupyterLab, and draw here."
