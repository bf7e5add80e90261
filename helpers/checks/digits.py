"""The checks of notebook 7, Digits."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import NotYet, call, expect, expect_callable, expect_function, expect_module
from helpers.checks.core import Book

book = Book(7)
progress = book.progress


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# 7.1


def _count(sizes: list[int], *, bias: int = 1, norm: int = 2, norm_at_end: bool = False) -> int:
    """Weights and biases of the linear layers, and `norm` numbers for each output of a layer with batch norm."""
    pairs = list(pairwise(sizes))
    linear = sum(n_in * n_out + bias * n_out for n_in, n_out in pairs)
    return linear + sum(norm * n_out for _, n_out in (pairs if norm_at_end else pairs[:-1]))


@book.exercise(
    "Count what it learns",
    goal="count the parameters of a network without building it",
    minutes=4,
    difficulty=1,
    why="Whoever can count them knows, before building it, whether a network will fit into the memory of a phone.",
)
def count_parameters(count_parameters: Any) -> None:
    """The number of parameters of a network like the page's, from the sizes of its layers."""
    expect_function(
        count_parameters,
        _count,
        [([784, 512, 256, 128, 10],), ([3, 2],), ([5, 4, 3],), ([10, 10, 10, 10],), ([1, 7, 1],)],
        mistakes={
            "These are the weights alone: what else has a linear layer?": lambda sizes: _count(sizes, bias=0, norm=0),
            "The linear layers are right. What does each batch norm learn?": lambda sizes: _count(sizes, norm=0),
            "One number for each output is missing in every batch norm: it learns a scale and a shift.": (
                lambda sizes: _count(sizes, norm=1)
            ),
            "Nothing follows the last linear layer: its outputs are the logits.": (
                lambda sizes: _count(sizes, norm_at_end=True)
            ),
            "The running mean and variance are buffers. They are saved, but not trained.": (
                lambda sizes: _count(sizes, norm=4)
            ),
            "The batch norms are right. The linear layers have biases, too.": lambda sizes: _count(sizes, bias=0),
        },
    )


# 7.2


def _doubtful(outputs: Tensor, k: int) -> Tensor:
    return _gaps(outputs.softmax(dim=1)).argsort()[:k]


def _gaps(scores: Tensor) -> Tensor:
    two = scores.topk(2, dim=1).values
    return two[:, 0] - two[:, 1]


@book.exercise(
    "In two minds",
    goal="find the pictures about which a network is in doubt",
    minutes=5,
    difficulty=2,
    why="Where a mistake is costly, these are the ones to hand to a person. Try it on `outputs`, and look at them.",
)
def doubtful(doubtful: Any) -> None:
    """The k pictures whose two likeliest classes are nearest to each other."""
    sizes = ((8, 10, 3), (4, 4, 1), (5, 2, 5), (12, 3, 4))
    expect_function(
        doubtful,
        _doubtful,
        [(3 * torch.randn(n, classes, generator=_generator(n)), k) for n, classes, k in sizes],
        loops=False,
        mistakes={
            "These are the pictures with the largest gap, of which the network is surest.": (
                lambda outputs, k: _gaps(outputs.softmax(dim=1)).argsort(descending=True)[:k]
            ),
            "This is the order of the gaps between logits; asked is for probabilities.": (
                lambda outputs, k: _gaps(outputs).argsort()[:k]
            ),
            "These are the pictures with the smallest largest probability. What of the second largest?": (
                lambda outputs, k: outputs.softmax(dim=1).max(dim=1).values.argsort()[:k]
            ),
            "These are the gaps. Asked is where they are.": (
                lambda outputs, k: _gaps(outputs.softmax(dim=1)).sort().values[:k]
            ),
            "The softmax runs along the pictures; the classes of one picture should compete.": (
                lambda outputs, k: _gaps(outputs.softmax(dim=0)).argsort()[:k]
            ),
        },
    )


# 7.3


class _Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, 2, kernel_size=3), nn.BatchNorm2d(2), nn.ReLU())
        self.answer = nn.Sequential(nn.Flatten(), nn.Linear(2 * 4 * 4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))

    def forward(self, X: Tensor) -> Tensor:
        return self.answer(self.look(X))


def _trials() -> list[tuple[str, nn.Module, Tensor]]:
    """Networks in all modes, with inputs for them."""
    torch.manual_seed(0)
    X = torch.randn(4, 3)
    block = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LeakyReLU(0.1), nn.Dropout(0.3), nn.Linear(4, 2))
    part = copy.deepcopy(_Nested()).eval()
    part.look.train()
    return [
        ("a network in train mode", block.train(), X),
        ("the same network in eval mode", copy.deepcopy(block).eval(), X),
        ("a network without batch norm", nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)).train(), X),
        ("a small CNN in train mode", _Nested().train(), torch.randn(3, 1, 6, 6)),
        ("a CNN of which one part is in train mode", part, torch.randn(2, 1, 6, 6)),
    ]


@book.exercise(
    "Who has changed",
    goal="find out what a forward pass changes in a network, and leave the network as it is",
    minutes=7,
    difficulty=2,
    why="Call it on `careless` with a batch: it names what a forgotten `eval()` spoils.",
)
def changed_by(changed_by: Any) -> None:
    """The names in the state_dict that one forward pass changes."""
    expect_callable(changed_by, "`changed_by`")
    for name, model, X in _trials():
        before = copy.deepcopy(model.state_dict())
        modes = [module.training for module in model.modules()]
        tried = copy.deepcopy(model)
        tried(X)
        wanted = [key for key, old in before.items() if not torch.equal(tried.state_dict()[key], old)]
        result = call(changed_by, model, X, may_change=True)
        spoilt = any(not torch.equal(model.state_dict()[key], old) for key, old in before.items())
        if result == [] if type(result) is list else False:
            mistakes = {
                "A `state_dict` that is kept without a copy changes with its network: then all is always equal.": []
            }
            if not spoilt:
                mistakes = {"Parameters alone are not all that a network has: a `state_dict` holds more.": []}
        else:
            not_tracked = [key for key in wanted if not key.endswith("num_batches_tracked")]
            mistakes = {
                "A count of batches belongs to it, too: a tensor of a single whole number.": not_tracked,
                "These are all names that there are.": [*before],
                "These are the names that stay as they are.": [key for key in before if key not in wanted],
            }
        expect(result, wanted, what=f"the result for {name}", mistakes=mistakes)
        if spoilt:
            raise NotYet(
                f"The names are right, but now {name} itself has changed.",
                "A copy of the `state_dict` shows the change; what could the forward pass run on to cause none?",
            )
        if modes != [module.training for module in model.modules()]:
            raise NotYet(
                f"The names are right, but {name} is left in another mode.",
                "The mode belongs to what is to be found out: take the network as it comes.",
            )


# 7.4

_COLOUR_CLASSES = 5


def _colour_cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, kernel_size=5, stride=2, padding=2),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.1),
        nn.Conv2d(8, 32, kernel_size=5, stride=2, padding=2),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32 * 8 * 8, _COLOUR_CLASSES),
    )


def _is_affine(model: Any) -> bool:
    """Whether answers in eval mode add up as those of a single linear layer do: no activation stands between."""
    X = torch.randn(2, 3, 32, 32, generator=_generator(0))
    first, second, both, none = (
        call(copy.deepcopy(model).eval(), batch).detach()
        for batch in (X[:1], X[1:], X.sum(dim=0, keepdim=True), 0 * X[:1])
    )
    return torch.allclose(first + second, both + none, atol=1e-4)


_CNN_HINTS = {
    "mat1 and mat2": "Each step of two halves the height and the width. How many numbers of each picture come out of "
    "`Flatten`?",
    "to have 1 channels": "A colour picture has more than one channel.",
}


@book.exercise(
    "In colour",
    goal="fit a convolutional network to pictures of another size",
    minutes=6,
    difficulty=2,
    why="Pictures of this size are those of CIFAR-10, the next data set that most people try.",
)
def make_colour_cnn(make_colour_cnn: Any) -> None:
    """A CNN like the page's for pictures [N, 3, 32, 32] of 5 classes."""
    expect_callable(make_colour_cnn, "`make_colour_cnn`")
    model = call(make_colour_cnn)
    parameters = sum(p.numel() for p in _colour_cnn().parameters())
    for n in (4, 2):
        X = torch.rand(n, 3, 32, 32, generator=_generator(n))
        try:
            expect_module(model, X, output_shape=[n, _COLOUR_CLASSES])
            output = call(copy.deepcopy(model).eval(), X).detach()
            if bool((output >= 0).all()) and torch.allclose(output.sum(dim=1), torch.ones(n)):
                raise NotYet(
                    f"The {_COLOUR_CLASSES} outputs of each picture are probabilities.",
                    "What does `CrossEntropyLoss` want to be given?",
                )
            expect_module(model, X, parameters=parameters, modes_differ=True)
        except NotYet as finding:
            found = [hint for message, hint in _CNN_HINTS.items() if message in finding.sentences[0]]
            raise NotYet(*finding.sentences, *found[:1]) from None
    kinds = [type(module) for module in nn.Module.modules(model)]
    for kind, number in ((nn.Conv2d, 2), (nn.BatchNorm2d, 2), (nn.Dropout, 1)):
        if kinds.count(kind) != number:
            raise NotYet(
                f"Layers: expected {number} of the kind {kind.__name__} as in `make_cnn`, received {kinds.count(kind)}."
            )
    if _is_affine(model):
        raise NotYet(
            "Without an activation between them, all the layers together do no more than one `Linear` would.",
            "What follows each batch norm in `make_cnn`?",
        )
    if torch.equal(*(next(nn.Module.parameters(call(make_colour_cnn))) for _ in range(2))):
        raise NotYet("Two networks made one after the other have the same first weights: is it the same network?")


# 7.5


def _centre_of_mass(picture: Tensor) -> tuple[float, float]:
    places = torch.arange(28)
    ink = picture.sum()
    return ((picture.sum(dim=1) * places).sum() / ink).item(), ((picture.sum(dim=0) * places).sum() / ink).item()


def _middle_of_ink(picture: Tensor) -> tuple[float, float]:
    """The middle between the first and the last row, and column, with ink."""
    rows, columns = picture.sum(dim=1).nonzero().flatten(), picture.sum(dim=0).nonzero().flatten()
    return (rows[0] + rows[-1]).item() / 2, (columns[0] + columns[-1]).item() / 2


def _moved(
    picture: Tensor,
    middle: Callable[[Tensor], tuple[float, float]] = _centre_of_mass,
    whole: Callable[[float], int] = round,
    sign: int = 1,
    dims: tuple[int, int] = (0, 1),
) -> Tensor:
    if not picture.any():
        return picture
    row, column = middle(picture)
    return picture.roll((sign * whole(14 - row), sign * whole(14 - column)), dims=dims)


def _blots() -> list[Tensor]:
    """Pictures with a rectangle of uneven ink somewhere, and one with none."""
    pictures = []
    for number, (top, left, height, width) in enumerate(
        ((3, 2, 9, 6), (15, 17, 12, 9), (8, 1, 10, 20), (20, 13, 1, 1))
    ):
        picture = torch.zeros(28, 28)
        ink = torch.rand(height, width, generator=_generator(number + 4))
        # More ink at the bottom and on the left, so that the centre of mass is not in the middle.
        ink = ink * torch.linspace(0.1, 1, height).unsqueeze(1) * torch.linspace(1, 0.2, width)
        picture[top : top + height, left : left + width] = ink
        pictures.append(picture)
    return [*pictures, torch.zeros(28, 28)]


@book.exercise(
    "Back to the middle",
    goal="move a picture's centre of mass to the middle",
    minutes=9,
    difficulty=3,
    why="It is one half of the framing; scaling is the other. Move a digit by four pixels, then let this mend it.",
)
def centred(centred: Any) -> None:
    """A picture moved by whole pixels until its centre of mass is nearest to pixel 14."""
    mistakes = {
        "It was moved just as far, but the other way.": lambda picture: _moved(picture, sign=-1),
        "Rows and columns have changed places: the sum along dimension 1 leaves one number for each row.": (
            lambda picture: _moved(picture, dims=(1, 0))
        ),
        "The middle of the rectangle that holds the ink is where it should be; but where there is more ink, it weighs "
        "more.": lambda picture: _moved(picture, _middle_of_ink),
        "It stops a pixel short: `int` cuts off what `round` would round.": lambda picture: _moved(picture, whole=int),
        "Up and down is right. And sideways?": lambda picture: _moved(
            picture, lambda given: (_centre_of_mass(given)[0], 14.0)
        ),
        "Sideways is right. And up and down?": lambda picture: _moved(
            picture, lambda given: (14.0, _centre_of_mass(given)[1])
        ),
    }
    *blots, empty = _blots()
    expect_function(centred, _moved, [(picture,) for picture in blots], mistakes=mistakes)
    try:
        expect_function(centred, _moved, [(empty,)])
    except NotYet as finding:
        raise NotYet(
            f"The pictures are right. But for a picture without ink: {finding.sentences[0]}",
            "Without ink there is no centre of mass: 0 divided by 0. Which pictures need not be moved at all?",
        ) from None


# 7.6


def _network() -> nn.Module:
    """A network whose weights and running mean say for how many epochs it was trained: that is all it learns here."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model


def _reached(model: nn.Module) -> int:
    return round(model[0].weight[0, 0].item())


def _train_once(model: nn.Module) -> None:
    if _reached(model) >= 50:
        raise NotYet("The training is still going on after 50 epochs, long after the last that was better.")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
        model[1].running_mean.add_(1)


# The accuracy after each epoch, and the patience; the last one is repeated for ever.
_COURSES = (
    ([0.5, 0.6, 0.7, 0.65, 0.66, 0.69, 0.8, 0.1], 3),
    ([0.3, 0.2, 0.4, 0.3, 0.5, 0.4, 0.3, 0.2], 2),
    ([0.5, 0.8, 0.8, 0.8, 0.9, 0.1], 2),
    ([0.5, 0.4, 0.9, 0.1], 1),
    ([0.0], 2),
)


def _run(
    accuracies: list[float], patience: int, more: int = 0, reset: bool = True, tie: bool = False
) -> tuple[int, int]:
    """How many epochs are trained, and which of them is kept; or the same with a typical mistake."""
    best, kept, waited, epoch = -1.0, 0, 0, 0
    while waited < patience + more and epoch < 50:
        epoch += 1
        accuracy = accuracies[min(epoch, len(accuracies)) - 1]
        if accuracy > best or (tie and accuracy == best):
            best, kept = accuracy, epoch
            waited = 0 if reset else waited
        else:
            waited += 1
    return epoch, kept


@book.exercise(
    "Project: stop in time",
    goal="train until it no longer helps, and keep the best epoch",
    minutes=15,
    difficulty=3,
    why="It is called early stopping. Give it `train` and `validate` of this page, wrapped to fit: when does it stop?",
)
def train_until(train_until: Any) -> None:
    """Early stopping: trains until the patience is used up, and leaves the best epoch in the model."""
    expect_callable(train_until, "`train_until`")
    for accuracies, patience in _COURSES:
        model = _network()

        def judge(model: nn.Module) -> float:
            reached = min(_reached(model), len(accuracies))  # noqa: B023
            return accuracies[reached - 1] if reached else 0.0  # noqa: B023

        course = ", ".join(f"{accuracy:g}" for accuracy in accuracies)
        what = f"validation accuracies of {course} and so on, patience {patience}"
        try:
            result = call(train_until, model, _train_once, judge, patience, may_change=True)
        except NotYet as finding:
            hint = "Even an accuracy of 0 is the best so far after the first epoch."
            raise NotYet(f"With {what}: {finding.sentences[0]}", *([hint] if accuracies == [0.0] else [])) from None
        epochs, kept = _run(accuracies, patience)
        mistakes = {
            "This is the epoch that was kept. Asked is how many were trained.": kept,
            "It waits one epoch longer than it has patience.": _run(accuracies, patience, more=1)[0],
            "It gives up one epoch too early.": _run(accuracies, patience, more=-1)[0],
            "After a new best, the waiting begins anew.": _run(accuracies, patience, reset=False)[0],
            "An accuracy just as high as the best is no new best.": _run(accuracies, patience, tie=True)[0],
        }
        expect(result, epochs, what=f"the number of epochs with {what}", mistakes=mistakes, reveal=True)
        _expect_kept(model, epochs, kept, what)


def _expect_kept(model: nn.Module, epochs: int, kept: int, what: str) -> None:
    """The model holds the parameters and the running mean of the epoch that was kept."""
    now = _reached(model)
    if now == epochs:
        raise NotYet(
            f"The number of epochs is right. But with {what}, the model holds the weights of the last epoch.",
            "Two reasons are possible: nothing was put back, or what was kept has changed with the model.",
        )
    if now != kept:
        raise NotYet(f"The number of epochs is right. But with {what}, the model holds the weights of epoch {now}.")
    everything = [*(p.detach() for p in model.parameters()), model[1].running_mean]
    if any(not torch.equal(t, torch.full_like(t, float(kept))) for t in everything):
        raise NotYet(
            f"The number of epochs is right. But with {what}, the model is a mixture of two epochs.",
            "A network has buffers besides its parameters: the running mean of batch norm is one. What holds both?",
        )
