"""The checks of notebook 7, Digits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import Case, NotYet, call, expect, expect_callable, expect_module, expect_results
from helpers.checks.core import Book, either

book = Book(7)
progress = book.progress


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# 7.1


def _sum_over(*terms: Callable[[int, int], int], norms: Callable[[list[int]], int] = lambda sizes: 0) -> Any:
    """A count: for each `Linear` from a to b the terms, and what the batch norms are thought to have."""
    return lambda sizes: sum(term(a, b) for a, b in pairwise(sizes) for term in terms) + norms(sizes)


def _weights(a: int, b: int) -> int:
    return a * b


def _biases(a: int, b: int) -> int:
    return b


def _norms(each: int, first: int = 1, last: int = -1) -> Callable[[list[int]], int]:
    return lambda sizes: each * sum(sizes[first : len(sizes) + last])


@book.exercise(
    "Count what it learns",
    goal="count the parameters of a network without building it",
    minutes=4,
    difficulty=1,
    why="So you know before building it whether a network will fit into the memory of a phone.",
    mistakes={
        "These are the weights alone: what else does a linear layer have?": _sum_over(_weights),
        "The linear layers are right. What does each batch norm learn?": _sum_over(_weights, _biases),
        "A batch norm has two numbers for each output, a scale and a shift; here one is counted.": _sum_over(
            _weights, _biases, norms=_norms(1)
        ),
        "Nothing follows the last linear layer: its outputs are the logits.": _sum_over(
            _weights, _biases, norms=_norms(2, last=0)
        ),
        "The running mean and variance are buffers. They are saved, but not trained.": _sum_over(
            _weights, _biases, norms=_norms(4)
        ),
        "The batch norms are right. The linear layers have biases, too.": _sum_over(_weights, norms=_norms(2)),
        "A batch norm has a scale and a shift for each output of the `Linear` before it, not for its inputs.": (
            _sum_over(_weights, _biases, norms=_norms(2, first=0))
        ),
        "A bias belongs to each output, not to each input.": either(
            _sum_over(_weights, lambda a, b: a, norms=_norms(2)), _sum_over(_weights, lambda a, b: a)
        ),
        "Each batch norm has two numbers for each output, not two in all.": _sum_over(
            _weights, _biases, norms=lambda sizes: 2 * (len(sizes) - 2)
        ),
        "The first and the last size are multiplied: a `Linear` leads from each size to the next one.": (
            lambda sizes: sizes[0] * sizes[-1] + sizes[-1]
        ),
    },
)
def count_parameters(answer: Any) -> None:
    """The number of parameters of a network like the page's, from the sizes of its layers."""
    counted = {(784, 512, 256, 128, 10): 569_226, (3, 2): 8, (5, 4, 3): 47, (10, 10, 10, 10): 370, (1, 7, 1): 36}
    with _no_layers():
        expect_results(answer, [Case(([*sizes],), wanted) for sizes, wanted in counted.items()], what="the number")


@contextmanager
def _no_layers() -> Iterator[None]:
    """Refuse to make a layer."""

    def refuse(*_: Any, **__: Any) -> None:
        raise NotYet(
            "Your function builds a layer, to count what is in it.",
            "The task is to calculate: some networks are too large to build. How many numbers are in a `Linear`?",
        )

    own = nn.Module.__init__
    nn.Module.__init__ = refuse
    try:
        yield
    finally:
        nn.Module.__init__ = own


# 7.2


def _gaps(scores: Tensor) -> Tensor:
    two = scores.topk(2, dim=1).values
    return two[:, 0] - two[:, 1]


@book.exercise(
    "In two minds",
    goal="find the images about which a network is in doubt",
    minutes=5,
    difficulty=2,
    why="Where a mistake is costly, these are the ones to hand to a person. Try it on `outputs`, and look at them.",
    mistakes={
        "These are the images with the largest gap, of which the network is surest.": (
            lambda outputs, k: (-_gaps(outputs.softmax(dim=1))).argsort()[:k]
        ),
        "This is the order of the gaps between logits; the gaps between probabilities are asked for.": (
            lambda outputs, k: _gaps(outputs).argsort()[:k]
        ),
        "These are the images with the smallest largest probability. How near is the second largest?": (
            lambda outputs, k: outputs.softmax(dim=1).amax(dim=1).argsort()[:k]
        ),
        "These are the gaps; the indices of the images are asked for.": either(
            lambda outputs, k: _gaps(outputs.softmax(dim=1)).sort().values[:k],
            lambda outputs, k: _gaps(outputs.softmax(dim=1))[:k],
        ),
        "The softmax runs along the images; the classes of one image should compete.": (
            lambda outputs, k: _gaps(outputs.softmax(dim=0)).argsort()[:k]
        ),
        "The right images, but the most doubtful one comes first: keep the order of the gaps.": either(
            lambda outputs, k: _gaps(outputs.softmax(dim=1)).argsort()[:k].sort().values,
            lambda outputs, k: _gaps(outputs.softmax(dim=1)).argsort()[:k].flip(0),
        ),
        "Only the first `k` are asked for: cut the indices.": lambda outputs, k: _gaps(
            outputs.softmax(dim=1)
        ).argsort(),
        "The two largest are looked for among the images (dimension 0); look among the classes of each image.": (
            lambda outputs, k: outputs.softmax(dim=1).topk(2, dim=0).values.diff(dim=0).neg().flatten().argsort()[:k]
        ),
        "This asks all classes; only the two likeliest of each image are to be compared.": (
            lambda outputs, k: (outputs.softmax(dim=1) * outputs.log_softmax(dim=1)).sum(dim=1).argsort()[:k]
        ),
        "These are classes; the indices of images are asked for.": either(
            lambda outputs, k: outputs.argmax(dim=1)[:k], lambda outputs, k: outputs.topk(2, dim=1).indices[:k]
        ),
    },
)
def doubtful(answer: Any) -> None:
    """The k images whose two likeliest classes are nearest to each other."""
    cases = []
    for n, classes, k in ((8, 10, 3), (6, 4, 1), (5, 2, 5), (12, 3, 4)):
        outputs = 3 * torch.randn(n, classes, generator=_generator(n))
        gaps = {}
        for image, logits in enumerate(outputs.double().tolist()):
            second, first = sorted(math.exp(logit) for logit in logits)[-2:]
            gaps[image] = (first - second) / sum(math.exp(logit) for logit in logits)
        cases.append(Case((outputs, k), torch.tensor(sorted(gaps, key=gaps.__getitem__)[:k])))
    expect_results(answer, cases, what="the indices", without_loop=True)


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
    part = _Nested().eval()
    part.look.train()
    return [
        ("a network in train mode", block.train(), X),
        ("the same network in eval mode", copy.deepcopy(block).eval(), X),
        ("a network without batch norm", nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)).train(), X),
        ("a small CNN in train mode", _Nested().train(), torch.randn(3, 1, 6, 6)),
        ("a CNN of which one part is in train mode", part, torch.randn(2, 1, 6, 6)),
    ]


def _changes(
    tried: Callable[[nn.Module], nn.Module],
    before: Callable[[nn.Module], Any] = nn.Module.state_dict,
    listed: Callable[[Any, Any], Any] = lambda old, new: [key for key in old if not torch.equal(old[key], new[key])],
    then: Callable[[nn.Module, Tensor], Any] = lambda model, outputs: None,
    entries: Callable[[nn.Module], Any] = nn.Module.state_dict,
) -> Callable[[nn.Module, Tensor], Any]:
    """A wrong search: what the batch runs through, what is kept before, what is listed, and what happens after it."""

    def changed_by(model: nn.Module, X: Tensor) -> Any:
        old, other = before(model), tried(model)
        then(other, other(X))
        return listed(old, entries(other))

    return changed_by


def _step(model: nn.Module, outputs: Tensor) -> None:
    outputs.sum().backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()


def _named(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.named_parameters())


@book.exercise(
    "Who has changed",
    goal="find out what a forward pass changes in a network, and leave the network as it is",
    minutes=7,
    difficulty=2,
    why="Call it on `careless` with a batch: it names what a forgotten `eval()` changes.",
    mistakes={
        "A `state_dict` is not a copy: its tensors change with the network, and then all are always equal.": either(
            _changes(lambda model: model), _changes(copy.copy)
        ),
        "A copy of the `state_dict` shows the change; what could the forward pass run on to cause none?": _changes(
            lambda model: model, before=lambda model: copy.deepcopy(model.state_dict())
        ),
        "The batch must run in the mode in which the network is given: leave out `train()` and `eval()`.": either(
            _changes(lambda model: copy.deepcopy(model).train()), _changes(lambda model: copy.deepcopy(model).eval())
        ),
        "The question is what changes in the mode in which the network is given: take it as it comes.": either(
            _changes(lambda model: copy.deepcopy(model.eval())), _changes(lambda model: copy.deepcopy(model.train()))
        ),
        "Only a forward pass shows what changes: in eval mode, nothing does.": either(
            lambda model, X: [name for name in model.state_dict() if "running" in name or "num_batches" in name],
            lambda model, X: [name for name, _ in model.named_buffers()],
            lambda model, X: [],
        ),
        "Parameters are not all that a network has: a `state_dict` has more entries.": _changes(
            copy.deepcopy, before=_named, entries=_named
        ),
        "There are parameters among these. One forward pass changes none: only a training step does, or a comparison "
        "that does not look at the values.": either(
            _changes(copy.deepcopy, then=_step), _changes(copy.deepcopy, listed=lambda old, new: [*old])
        ),
        "These are all buffers: compare their values, for in eval mode none changes.": _changes(
            copy.deepcopy, listed=lambda old, new: [key for key in old if "running" in key or "num_batches" in key]
        ),
        "A count of batches belongs to it, too: a tensor of a single integer.": _changes(
            copy.deepcopy,
            listed=lambda old, new: [key for key in old if old[key].ndim and not torch.equal(old[key], new[key])],
        ),
        "These are the names of what stays as it is.": _changes(
            copy.deepcopy, listed=lambda old, new: [key for key in old if torch.equal(old[key], new[key])]
        ),
        "These are the tensors; their names are asked for.": either(
            _changes(
                copy.deepcopy,
                listed=lambda old, new: [new[key] for key in old if not torch.equal(old[key], new[key])],
            ),
            _changes(
                copy.deepcopy,
                listed=lambda old, new: [old[key] for key in old if not torch.equal(old[key], new[key])],
            ),
        ),
        "These are true and false for each entry; the names of those that changed are asked for.": _changes(
            copy.deepcopy, listed=lambda old, new: [not torch.equal(old[key], new[key]) for key in old]
        ),
    },
)
def changed_by(answer: Any) -> None:
    """The names in the state_dict that one forward pass changes."""
    expect_callable(answer, "`changed_by`")
    for name, model, X in _trials():
        before = copy.deepcopy(model.state_dict())
        modes = [module.training for module in model.modules()]
        tried = copy.deepcopy(model)
        tried(X)
        wanted = [key for key, old in before.items() if not torch.equal(tried.state_dict()[key], old)]
        runs: list[list[bool]] = []  # of the network or a copy of it: the modes in which it ran
        model.register_forward_hook(
            lambda module, *_, runs=runs: runs.append([part.training for part in module.modules()])
        )
        result = call(answer, model, X, may_change=True)
        if modes != [module.training for module in model.modules()]:
            raise NotYet(f"Your function leaves {name} in another mode.")
        if not runs:
            raise NotYet("No batch ran through the network, or through a copy of it.")
        if any(run != modes for run in runs):
            raise NotYet(f"The batch ran in another mode than that of {name}.")
        spoilt = any(not torch.equal(model.state_dict()[key], old) for key, old in before.items())
        if spoilt and type(result) is list and not result:
            raise NotYet(f"The list is empty, though {name} has changed.")
        expect(result, wanted, what=f"the result for {name}")
        if spoilt:
            raise NotYet(f"The names are right, but now {name} itself has changed.")


# 7.4


def _cnn(linear: tuple[int, int], *changes: tuple[int, Callable[[], list[nn.Module]]]) -> Callable[[], nn.Module]:
    """A function that makes the page's network with this `Linear` at the end, and other layers at some places."""

    def make_cnn() -> nn.Module:
        layers = [
            nn.Conv2d(3, 8, kernel_size=5, stride=2, padding=2),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.1),
            nn.Conv2d(8, 32, kernel_size=5, stride=2, padding=2),
            nn.BatchNorm2d(32),
            nn.LeakyReLU(0.1),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(*linear),
        ]
        for place, others in changes:
            layers[place : place + 1] = others()
        return nn.Sequential(*layers)

    return make_cnn


def _always(model: nn.Module) -> Callable[[], nn.Module]:
    return lambda: model


_FITTING = (2048, 5)
_AS_MADE = "Three numbers change for the other images; all the others are those of `make_cnn`. Compare line by line."
_WIDER = lambda: [nn.Conv2d(3, 24, 5, 2, 2), nn.BatchNorm2d(24), nn.LeakyReLU(0.1), nn.Conv2d(24, 32, 5, 2, 2)]  # noqa: E731


@book.exercise(
    "In colour",
    goal="fit a convolutional network to images of another size",
    minutes=6,
    difficulty=2,
    why="Images of this size are those of CIFAR-10, the next data set that most people try.",
    mistakes=lambda: {
        "Each step of two halves height and width: 32, 16, and then? How many numbers of each image leave `Flatten`?": (
            either(*(_cnn((n, 5)) for n in (32 * 7 * 7, 32 * 16 * 16, 32 * 32 * 32, 8 * 8, 32)))
        ),
        "A colour image has three channels: red, green and blue.": _cnn(
            _FITTING, (0, lambda: [nn.Conv2d(1, 8, 5, stride=2, padding=2)])
        ),
        "The images are of 5 classes: one output for each.": _cnn((2048, 10)),
        "The last `Linear` gives logits, which is what `CrossEntropyLoss` wants: nothing comes after it.": either(
            _cnn(_FITTING, (9, lambda: [nn.Softmax(dim=1)])),
            _cnn(_FITTING, (9, lambda: [nn.LogSoftmax(dim=1)])),
            _cnn(_FITTING, (9, lambda: [nn.LeakyReLU(0.1)])),
        ),
        "Without an activation between them, two layers do no more than one.": either(
            _cnn(_FITTING, (2, lambda: [])), _cnn(_FITTING, (2, lambda: []), (4, lambda: []))
        ),
        "`make_cnn` has the activation behind each batch norm, `LeakyReLU(0.1)`.": either(
            _cnn(_FITTING, (2, lambda: [nn.ReLU()])), _cnn(_FITTING, (2, lambda: [nn.LeakyReLU()]))
        ),
        "In `make_cnn` a batch norm follows each convolution, and then comes the activation.": either(
            _cnn(_FITTING, (1, lambda: []), (3, lambda: [])),
            _cnn(_FITTING, (1, lambda: [nn.LeakyReLU(0.1), nn.BatchNorm2d(8)]), (3, lambda: [])),
        ),
        "`Dropout(0.3)` stands before the last `Linear`.": either(
            _cnn(_FITTING, (7, lambda: [])),
            _cnn(_FITTING, (7, lambda: []), (2, lambda: [nn.LeakyReLU(0.1), nn.Dropout(0.3)])),
        ),
        "In `make_cnn` dropout zeroes 0.3 of the numbers.": _cnn(_FITTING, (7, lambda: [nn.Dropout(0.5)])),
        _AS_MADE: either(
            _cnn(_FITTING, (0, _WIDER), (4, lambda: []), (4, lambda: []), (4, lambda: [])),
            _cnn(_FITTING, (0, lambda: [nn.Conv2d(3, 8, kernel_size=3, stride=2, padding=1)])),
        ),
        "`Flatten` is missing: a `Linear` takes one row of numbers for each image.": _cnn(_FITTING, (6, lambda: [])),
        "A function is asked for that makes the network and returns it: each call gives a new one.": either(
            _cnn(_FITTING)(), _always(_cnn(_FITTING)())
        ),
    },
)
def make_colour_cnn(answer: Any) -> None:
    """A CNN like the page's for images [N, 3, 32, 32] of 5 classes."""
    if issubclass(type(answer), nn.Module) and not issubclass(type(answer), type):
        raise NotYet("You gave a network, or your function gives the same one each time.")
    expect_callable(answer, "`make_colour_cnn`")
    model, another = call(answer), call(answer)
    if model is None:
        raise NotYet("`make_colour_cnn` returned None.", observed=None, wanted=1)
    for one in (model, another) if isinstance(model, nn.Module) else ():
        call(one, torch.rand(4, 3, 32, 32))  # lazy layers get their sizes
    for n in (4, 2):
        X = torch.rand(n, 3, 32, 32, generator=_generator(n))
        expect_module(model, X, output_shape=[n, 5])
    _expect_layers_of_the_page(model, torch.randn(8, 3, 32, 32))
    if torch.equal(*(next(nn.Module.parameters(one)) for one in (model, another))):
        raise NotYet("You gave a network, or your function gives the same one each time.")


_LAYERS = (
    ("Conv2d", {"in_channels": 3, "out_channels": 8, "kernel_size": (5, 5), "stride": (2, 2), "padding": (2, 2)}),
    ("BatchNorm2d", {"num_features": 8}),
    ("Conv2d", {"in_channels": 8, "out_channels": 32, "kernel_size": (5, 5), "stride": (2, 2), "padding": (2, 2)}),
    ("BatchNorm2d", {"num_features": 32}),
    ("Linear", {"in_features": 2048, "out_features": 5}),
)


def _expect_layers_of_the_page(model: nn.Module, X: Tensor) -> None:
    """The layers with parameters by their options; what is between them by what it does to the numbers."""
    (_, conv1), (to_norm1, norm1), (to_conv2, conv2), (to_norm2, norm2), (to_linear, linear) = _passed(model.eval(), X)
    with torch.no_grad():
        output = call(model, X)
    for place, before, after in (("first", conv1, to_norm1), ("second", conv2, to_norm2)):
        if not torch.equal(before, after):
            raise NotYet(f"Something comes between the {place} convolution and its batch norm.")
    for place, before, after in (("first", norm1, to_conv2), ("second", norm2, to_linear)):
        if torch.equal(before.flatten(1), after.flatten(1)):
            raise NotYet(f"No activation follows the {place} batch norm.")
        if not torch.allclose(nn.functional.leaky_relu(before, 0.1).flatten(1), after.flatten(1), atol=1e-6):
            raise NotYet(f"Another activation than in `make_cnn` follows the {place} batch norm.")
    if not torch.equal(linear, output):
        raise NotYet("Something follows the last `Linear`.")
    model.train()
    dropped = (_passed(model, X)[4][0] == 0).float().mean().item()
    if dropped < 0.01:
        raise NotYet("In training, no number is zeroed on its way into the last `Linear`.")
    if abs(dropped - 0.3) > 0.03:
        raise NotYet("In training, dropout zeroes another share of the numbers than in `make_cnn`.")


def _passed(model: nn.Module, X: Tensor) -> list[tuple[Tensor, Tensor]]:
    """What went into each layer with parameters, and what came out of it."""
    seen: list[tuple[nn.Module, Tensor, Tensor]] = []
    hooks = [
        module.register_forward_pre_hook(lambda layer, given: seen.append((layer, given[0].detach().clone())))
        for module in nn.Module.modules(model)
        if [*module.parameters(recurse=False)]
    ]
    outputs = []
    hooks += [
        module.register_forward_hook(lambda layer, given, output: outputs.append(output.detach().clone()))
        for module in nn.Module.modules(model)
        if [*module.parameters(recurse=False)]
    ]
    call(model, X)
    for hook in hooks:
        hook.remove()
    names = [type(layer).__name__ for layer, _ in seen]
    if names != [name for name, _ in _LAYERS]:
        listed = ", ".join(f"`{name}`" for name in names)
        raise NotYet("The layers with parameters are not those of `make_cnn`.", f"Yours run in this order: {listed}.")
    for (layer, _), (name, options) in zip(seen, _LAYERS, strict=True):
        for option, value in options.items():
            if getattr(layer, option) != value:
                raise NotYet(f"`{option}` of a `{name}` is not that of `make_cnn`.", _AS_MADE)
    if seen[4][0].bias is None:
        raise NotYet("The last `Linear` has no bias, and that of `make_cnn` has one.")
    return [(given, output) for (_, given), output in zip(seen, outputs, strict=True)]


# 7.5


def _middle(image: Tensor) -> tuple[float, float]:
    """The centre of mass."""
    places = torch.arange(28)
    ink = image.sum()
    return ((image.sum(dim=1) * places).sum() / ink).item(), ((image.sum(dim=0) * places).sum() / ink).item()


def _frame(image: Tensor) -> tuple[float, float]:
    """The middle between the first and the last row, and column, with ink."""
    rows, columns = image.sum(dim=1).nonzero().flatten(), image.sum(dim=0).nonzero().flatten()
    return (rows[0] + rows[-1]).item() / 2, (columns[0] + columns[-1]).item() / 2


def _moved(
    shift: Callable[[float, float], tuple[float, float]] = lambda row, column: (14 - row, 14 - column),
    middle: Callable[[Tensor], tuple[float, float]] = _middle,
    whole: Callable[[float], int] = round,
    dims: tuple[int, ...] = (0, 1),
    empty: bool = True,
) -> Callable[[Tensor], Tensor]:
    """A wrong move: of another middle, by other steps, along other dimensions, or without a thought of no ink."""

    def centred(image: Tensor) -> Tensor:
        if empty and not image.any():
            return image
        down, right = (whole(step) for step in shift(*middle(image)))
        return image.roll((down, right), dims=dims) if dims else image.roll(down).roll(right)

    return centred


@book.exercise(
    "Back to the middle",
    goal="move an image's centre of mass to the middle",
    minutes=9,
    difficulty=3,
    why="It is one half of the framing; scaling is the other. Move a digit by four pixels, then let this undo it.",
    mistakes={
        "It was moved just as far, but the other way.": _moved(lambda row, column: (row - 14, column - 14)),
        "Rows and columns have changed places: the sum along dimension 1 leaves one number for each row.": either(
            _moved(dims=(1, 0)), _moved(lambda row, column: (14 - column, 14 - row))
        ),
        "The middle of the rectangle around the ink is where it should be; but where there is more ink, it weighs "
        "more.": _moved(middle=_frame),
        "Every pixel with ink counts the same here; in a centre of mass it weighs as much as it has ink.": either(
            _moved(middle=lambda image: _middle((image > 0.1).float())),
            _moved(middle=lambda image: _middle((image > 0).float())),
        ),
        "It stops a pixel short: the distance to 14 is rounded, not cut off.": either(
            _moved(lambda row, column: (14 - row // 1, 14 - column // 1)),
            _moved(whole=int),
            _moved(whole=math.floor),
            _moved(lambda row, column: (13.5 - row, 13.5 - column)),
        ),
        "The row, or column, with most ink is not the centre of mass: it is the mean place of all the ink.": _moved(
            middle=lambda image: (image.sum(dim=1).argmax().item(), image.sum(dim=0).argmax().item())
        ),
        "Up and down is right. And sideways?": _moved(lambda row, column: (14 - row, 0)),
        "Sideways is right. And up and down?": _moved(lambda row, column: (0, 14 - column)),
        "`roll` without `dims` moves the pixels along one long row: name the dimensions.": _moved(dims=()),
        "Divide by the ink of the whole image, not by the number of rows: the weights must add up to 1.": either(
            _moved(middle=lambda image: tuple(place * image.sum().item() / 28 for place in _middle(image))),
            _moved(middle=lambda image: tuple(place * image.sum().item() for place in _middle(image))),
        ),
        "The target is row 14 and column 14, not 13.": _moved(lambda row, column: (13 - row, 13 - column)),
        "An image without ink has no centre of mass: 0 divided by 0. Return it as it is.": _moved(empty=False),
    },
)
def centred(answer: Any) -> None:
    """An image moved by whole pixels until its centre of mass is nearest to pixel 14."""
    cases = []
    for seed, (top, left, height, width) in enumerate(((6, 1, 14, 20), (15, 17, 12, 9), (3, 2, 9, 6), (20, 13, 1, 1))):
        image = torch.zeros(28, 28)
        ink = 0.12 + 0.2 * torch.rand(height, width, generator=_generator(seed))
        # Dark at the bottom left and empty at the top left: no other middle is near the centre of mass.
        ink[height // 2 :, : width // 2] += 0.6
        ink[: height // 3, : width // 3] = 0
        image[top : top + height, left : left + width] = ink
        row = top + (ink.sum(dim=1) * torch.arange(height)).sum() / ink.sum()
        column = left + (ink.sum(dim=0) * torch.arange(width)).sum() / ink.sum()
        cases.append(Case((image,), image.roll((round(14 - row.item()), round(14 - column.item())), dims=(0, 1))))
    expect_results(answer, cases, what="the image", dtype=True)
    expect_results(answer, [Case((torch.zeros(28, 28),), torch.zeros(28, 28))], what="the image without ink")


# 7.6


def _reached(model: nn.Module) -> int:
    """For how many epochs the network was trained: that is all it learns here, in its weights and its running mean."""
    return round(model[0].weight[0, 0].item())


def _train_once(model: nn.Module) -> None:
    if _reached(model) >= 50:
        raise NotYet(
            "The training is still going on after 50 epochs, long after the last that was better.",
            "What ends the loop? Each epoch without a new best must bring it nearer to its end.",
        )
    with torch.no_grad():
        for tensor in (*model.parameters(), model[1].running_mean):
            tensor.add_(1)


# The accuracy after each epoch, and the patience; the last one is repeated for ever.
_COURSES = (
    ([0.3, 0.25, 0.6, 0.5, 0.7, 0.65, 0.75, 0.7, 0.72, 0.74, 0.8, 0.1], 3),
    ([0.3, 0.2, 0.4, 0.3, 0.5, 0.4, 0.3, 0.2], 2),
    ([0.5, 0.8, 0.8, 0.8, 0.9, 0.1], 2),
    ([0.5, 0.4, 0.9, 0.1], 1),
    ([0.0], 2),
)


def _until(
    keep: Callable[[nn.Module], Any] = lambda model: copy.deepcopy(model.state_dict()),
    put_back: Callable[[nn.Module, Any], Any] = lambda model, state: model.load_state_dict(state),
    *,
    better: Callable[[float, float], bool] = lambda accuracy, best: accuracy > best,
    more: int = 0,
    reset: bool = True,
    first: float = -1.0,
    returned: Callable[[list[float], int], Any] = lambda accuracies, kept: len(accuracies),
) -> Callable[..., Any]:
    """A wrong training: what is kept and put back, when an epoch is better, how long it waits, what it returns."""

    def train_until(model: nn.Module, train_once: Any, judge: Any, patience: int) -> Any:
        best, state, waited, kept, accuracies = first, None, 0, 0, []
        while waited < patience + more and len(accuracies) < 40:
            train_once(model)
            accuracies.append(judge(model))
            if better(accuracies[-1], best):
                best, state, kept, waited = accuracies[-1], keep(model), len(accuracies), 0 if reset else waited
            else:
                waited += 1
        put_back(model, state)
        return returned(accuracies, kept)

    return train_until


def _copy_parameters(model: nn.Module, kept: list[Tensor]) -> None:
    with torch.no_grad():
        for parameter, old in zip(model.parameters(), kept, strict=True):
            parameter.copy_(old)


def _while_better(model: nn.Module, train_once: Any, judge: Any, patience: int) -> int:
    best, epochs = judge(model), 0
    while True:
        train_once(model)
        epochs += 1
        if judge(model) <= best:
            return epochs
        best = judge(model)


@book.exercise(
    "Project: stop in time",
    goal="train until it no longer helps, and keep the best epoch",
    minutes=15,
    difficulty=3,
    why="It is called early stopping. Give it `train` and `validate` of this page, wrapped to fit: when does it stop?",
    mistakes={
        "This is the epoch that was kept; the number of epochs that were trained is asked for.": _until(
            returned=lambda accuracies, kept: kept
        ),
        "This is the best accuracy; the number of epochs that were trained is asked for.": _until(
            returned=lambda accuracies, kept: max(accuracies)
        ),
        "The epochs are not counted: add 1 after each call of `train_once`.": _until(
            returned=lambda accuracies, kept: 0
        ),
        "The number of epochs alone is asked for.": _until(
            returned=lambda accuracies, kept: (len(accuracies), max(accuracies))
        ),
        "`patience` is not the number of epochs: it begins again with each new best.": (
            lambda model, train_once, judge, patience: [train_once(model) for _ in range(patience)] and patience
        ),
        "It waits one epoch longer than it has patience.": _until(more=1),
        "It gives up one epoch too early.": _until(more=-1),
        "After a new best, the waiting starts again from 0.": _until(reset=False),
        "An accuracy just as high as the best is no new best.": _until(better=lambda accuracy, best: accuracy >= best),
        "A lower accuracy is taken for the better one: the comparison is the wrong way round.": _until(
            better=lambda accuracy, best: accuracy < best, first=2.0
        ),
        "It stops at the first epoch that is no new best: up to `patience` epochs in a row may pass.": _while_better,
        "Even an accuracy of 0 is the best so far after the first epoch: begin with a smaller number.": _until(
            first=0.0
        ),
        "A `state_dict` is not a copy: its tensors change with the network. Keep a deep copy.": either(
            _until(nn.Module.state_dict), _until(lambda model: dict(model.state_dict()))
        ),
        "What was kept must be put back into the given `model` after the loop: `load_state_dict`.": _until(
            put_back=lambda model, state: None
        ),
        "A network has buffers besides its parameters: the running mean of batch norm is one. A `state_dict` has "
        "both.": either(
            _until(lambda model: [p.detach().clone() for p in model.parameters()], _copy_parameters),
            _until(
                put_back=lambda model, state: _copy_parameters(
                    model, [state[name] for name, _ in model.named_parameters()]
                )
            ),
        ),
    },
)
def train_until(answer: Any) -> None:
    """Early stopping: trains until the patience is used up, and leaves the best epoch in the model."""
    expect_callable(answer, "`train_until`")
    for accuracies, patience in _COURSES:
        model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        loaded: list[bool] = []
        model.register_load_state_dict_post_hook(lambda *_, loaded=loaded: loaded.append(True))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()

        def judge(model: nn.Module, accuracies: list[float] = accuracies) -> float:
            return accuracies[min(_reached(model), len(accuracies)) - 1] if _reached(model) else 0.0

        best, kept, epochs = -1.0, 0, 0
        while epochs - kept < patience:
            epochs += 1
            accuracy = accuracies[min(epochs, len(accuracies)) - 1]
            best, kept = (accuracy, epochs) if accuracy > best else (best, kept)
        course = ", ".join(f"{accuracy:g}" for accuracy in accuracies)
        given = f"with the accuracies {course} ... and patience {patience}"
        result = call(answer, model, _train_once, judge, patience, may_change=True)
        expect(result, epochs, what=f"the number of epochs {given}", reveal=True)
        _expect_kept(model, epochs, kept, given, bool(loaded))


def _expect_kept(model: nn.Module, epochs: int, kept: int, given: str, loaded: bool) -> None:
    """The model has the parameters and the running mean of the epoch that was kept."""
    now, right = _reached(model), "The number of epochs is right, but "
    if now == epochs:
        changed = ": what was put back had changed with it" * loaded
        raise NotYet(f"{right}the model has the weights of the last epoch{changed} ({given}).")
    if now != kept:
        raise NotYet(f"{right}the model has the weights of epoch {now} ({given}).")
    everything = [*(p.detach() for p in model.parameters()), model[1].running_mean]
    if any(not torch.equal(t, torch.full_like(t, float(kept))) for t in everything):
        raise NotYet(f"{right}the model is a mixture of two epochs ({given}).")
