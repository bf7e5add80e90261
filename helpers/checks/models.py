"""The checks of notebook 3, Build a model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import NotYet, call, describe, expect, expect_class, expect_function, expect_module, hinted
from helpers.checks.core import Book

book = Book(3)
progress = book.progress


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# 3.1


@book.exercise(
    "Weights of your choice",
    goal="say what each number in a linear layer does",
    minutes=4,
    difficulty=1,
    why="You chose the weights by thought; training finds them by itself, in a layer of just this form.",
)
def chosen_weights(W: Any, b: Any) -> None:
    """The weight and bias of a layer with a mean and a difference as its outputs."""
    wanted = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, -1.0]])
    expect(
        W,
        wanted,
        what="W",
        mistakes={
            "This has a column for each output. Look again at which of the two comes first in `weight`.": wanted.T,
            "The two outputs are in the other order.": wanted.flip(0),
            "The first output would be the sum.": torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0]]),
            "The second output would be the third number minus the first.": torch.tensor(
                [[1 / 3, 1 / 3, 1 / 3], [-1.0, 0.0, 1.0]]
            ),
        },
    )
    expect(
        b,
        torch.tensor([0.0, 1.0]),
        what="b",
        mistakes={
            "The added number belongs to one of the two outputs only.": torch.tensor([1.0, 1.0]),
            "The number is added to the wrong output.": torch.tensor([1.0, 0.0]),
            "A number is added to one of the outputs, says the task.": torch.zeros(2),
        },
    )


# 3.2

_MISFIT = {
    "(192x16 and": "The pictures still have rows and columns when they arrive at `Linear`, which looks at their last "
    "dimension only.",
    "shapes cannot be multiplied": "Two numbers in the middle do not agree: a layer must be made for what arrives "
    "at it. How many numbers does one picture hold, over all its channels?",
}


@book.exercise(
    "Layers that fit",
    goal="put layers together so that their shapes fit",
    minutes=5,
    difficulty=1,
    why="The same four layers judge clothes, digits or colours; only the first and the last number change.",
)
def small_net(small_net: Any) -> None:
    """A network with one hidden layer for small colour pictures."""
    X = _normal(4, 3, 16, 16)
    _expect_no_softmax(small_net, X)
    with hinted(_MISFIT):
        expect_module(small_net, X, output_shape=[4, 5], modes_differ=False)
    count = 3 * 16 * 16 * 100 + 100 + 100 * 5 + 5
    with hinted({"Parameters": "Is the hidden layer of the size that the task names, and is there just one?"}):
        expect_module(small_net, X, parameters=count)
    _expect_same_as_chain(small_net, [3 * 16 * 16, 100, 5], "your model", picture=(3, 16, 16))
    expect_module(small_net, _normal(1, 3, 16, 16), output_shape=[1, 5])


def _is_linear(model: nn.Module, X: Tensor) -> bool:
    """Whether it sends sums to sums, up to what it adds everywhere."""
    with torch.no_grad():
        nothing = call(model, torch.zeros_like(X))
        once, negative = call(model, X) - nothing, call(model, -X) - nothing
    return torch.allclose(once, -negative, rtol=1e-3, atol=1e-4)


def _expect_no_softmax(model: Any, X: Tensor) -> None:
    """Scores wanted, not probabilities; everything else about the output is judged elsewhere."""
    if not issubclass(type(model), nn.Module):
        return
    try:
        scores = call(model, X)
    except NotYet:
        return
    if type(scores) is not Tensor or scores.ndim != 2 or scores.dtype != torch.float32:
        return
    for powers, name in ((scores, "probabilities"), (scores.exp(), "logarithms of probabilities")):
        if torch.allclose(powers.sum(dim=1), torch.ones(len(scores)), atol=1e-4):
            raise NotYet(
                f"Each row of the output looks like {name}: scores (logits) are wanted.",
                "What do people want at the end, that `CrossEntropyLoss` does for itself?",
            )


# 3.3


@book.exercise(
    "Which class, and how sure",
    goal="turn logits into a class and its probability",
    minutes=5,
    difficulty=2,
    why="Sure is not the same as right: notebook 6 shows pictures that a trained network gets wrong and is sure of.",
)
def class_and_probability(class_and_probability: Any) -> None:
    """The class with the largest score in each row, and its probability."""
    cases = [
        (2 * _normal(4, 3),),
        (_normal(1, 10),),
        (_normal(5, 5, seed=1),),
        (torch.tensor([[-9.0, -7.0], [0.0, 30.0]]),),
        (torch.tensor([[3.0], [-1.0]]),),
    ]
    expect_function(
        class_and_probability,
        _sure,
        cases,
        mistakes={
            "The sum was taken over the examples: along which dimension do the classes of one example lie?": (
                lambda logits: (logits.argmax(dim=1), logits.softmax(dim=0).max(dim=1).values)
            ),
            "One answer for each class, but one for each example is wanted.": lambda logits: (
                logits.argmax(dim=0),
                logits.softmax(dim=0).max(dim=0).values,
            ),
            "The classes are right, but these are scores: they are not between 0 and 1.": lambda logits: (
                logits.argmax(dim=1),
                logits.max(dim=1).values,
            ),
            "All probabilities of each example are here, not only that of the class that was chosen.": lambda logits: (
                logits.argmax(dim=1),
                logits.softmax(dim=1),
            ),
            "Without `dim`, the largest of the whole batch is found; each example has one of its own.": lambda logits: (
                logits.argmax(),
                logits.softmax(dim=1).max(),
            ),
            "`max` with a `dim` gives back two tensors: the largest numbers, and where they stand.": lambda logits: (
                logits.argmax(dim=1),
                logits.softmax(dim=1).max(dim=1),
            ),
            "`max` gives the largest numbers first, then where they stand.": lambda logits: logits.softmax(dim=1).max(
                dim=1
            ),
            "Both are right, but in the other order.": lambda logits: _sure(logits)[::-1],
        },
        loops=False,
    )


def _sure(logits: Tensor) -> tuple[Tensor, Tensor]:
    probs = logits.softmax(dim=1)
    return logits.argmax(dim=1), probs.max(dim=1).values


# 3.4


@book.exercise(
    "Count without building",
    goal="count the parameters of a network from its widths",
    minutes=4,
    difficulty=2,
    why="Four bytes for each: this is how people say beforehand whether a model fits into the memory of a machine.",
)
def count_from_widths(count_from_widths: Any) -> None:
    """How many parameters linear layers of these widths have."""

    def count(widths: Sequence[int], inputs: int = 1, biases: int = 1) -> int:
        pairs = pairwise(widths)
        return sum(inputs * before * after + biases * after for before, after in pairs)

    expect_function(
        count_from_widths,
        count,
        [([5, 3, 2],), ([784, 512, 512, 10],), ([1, 1],), ([7, 4],), ([2, 9, 9, 9, 3],)],
        mistakes={
            "These are the weights alone: what else does a linear layer hold?": lambda widths: count(widths, biases=0),
            "The inputs of the network are no layer, and have no biases.": lambda widths: (
                count(widths, biases=0) + sum(widths)
            ),
            "These are the biases alone.": lambda widths: count(widths, inputs=0),
            "A layer has a bias for each output, not for each input.": lambda widths: (
                count(widths, biases=0) + sum(widths[:-1])
            ),
            "One bias was counted for each layer, but each of its outputs has its own.": lambda widths: (
                count(widths, biases=0) + len(widths) - 1
            ),
        },
    )
    enormous = [2_000_000_000, 2_000_000_000]  # such a layer fits into no machine, its number of weights into an int64
    with hinted({"Storage size": "No machine could hold such a layer. Its numbers can be counted all the same."}):
        expect_function(count_from_widths, count, [(enormous,)])


# 3.5


@book.exercise(
    "As deep as you like",
    goal="write a module whose layers are made in a loop",
    minutes=10,
    difficulty=3,
    why="Large models are written like this: the number of layers is an argument, and the class stays the same.",
)
def deep_net(DeepNet: Any) -> None:
    """A module with linear layers of given widths and ReLU between them."""
    expect_class(DeepNet)
    for widths in ([3, 5, 4, 2], [6, 3], [4, 4, 4, 4, 4, 1]):
        what = f"the model of {widths}"
        with hinted({
            "before Module.__init__() call": "The first line of every `__init__` of a module is missing.",
            "shapes cannot be multiplied": "A layer goes from one width to the next one in the list.",
        }):  # fmt: skip
            model = call(DeepNet, widths)
            if _is_module(model) and not list(nn.Module.parameters(model)):
                raise NotYet(
                    f"Parameters: expected {what} to have some, received none.",
                    "Where do the layers stand? A module looks into its attributes, but not into everything.",
                )
            X = _normal(7, widths[0])
            count = sum((before + 1) * after for before, after in pairwise(widths))
            expect_module(model, X, output_shape=[7, widths[-1]], parameters=count, modes_differ=False, what=what)
        _expect_same_as_chain(model, widths, what)


def _expect_same_as_chain(model: nn.Module, widths: list[int], what: str, *, picture: tuple[int, ...] = ()) -> None:
    """Fill it with known numbers, and compare its outputs with those of a chain with the same ones.

    `picture` is the shape of one input, where that is not a row.
    """
    model = copy.deepcopy(model)
    layers = [nn.Linear(before, after) for before, after in pairwise(widths)]
    theirs = list(nn.Module.parameters(model))
    ours = [parameter for layer in layers for parameter in layer.parameters()]
    if [parameter.shape for parameter in theirs] != [parameter.shape for parameter in ours]:
        raise NotYet(
            f"Layers: {what} has the right number of parameters, but not in weights and biases from the first layer to "
            "the last."
        )
    with torch.no_grad():
        for place, (their, our) in enumerate(zip(theirs, ours, strict=True)):
            our.copy_(_normal(*our.shape, seed=place))
            their.copy_(our)
        for X in (3 * _normal(6, widths[0], seed=9), torch.zeros(1, widths[0])):
            expect(
                call(model, X.reshape(len(X), *(picture or X.shape[1:]))),
                _chain(layers, X, lambda place: place < len(layers) - 1),
                what=f"the outputs of {what} with other weights",
                mistakes={
                    "The last layer gives scores, which may be negative: nothing comes after it.": _chain(
                        layers, X, lambda place: True
                    ),
                    "There is nothing between the linear layers, so that they are together no more than one.": _chain(
                        layers, X, lambda place: False
                    ),
                    "Only the first ReLU is there; one belongs between any two layers.": _chain(
                        layers, X, lambda place: place == 0
                    ),
                },
            )


def _chain(layers: list[nn.Linear], X: Tensor, active: Callable[[int], bool]) -> Tensor:
    for place, layer in enumerate(layers):
        X = layer(X).relu() if active(place) else layer(X)
    return X


def _is_module(value: Any) -> bool:
    return issubclass(type(value), nn.Module)


# 3.6


@book.exercise(
    "A layer with two modes",
    goal="write a layer that heeds train and eval mode, and remembers",
    minutes=10,
    difficulty=3,
    why="This is half of BatchNorm. The other half divides by the standard deviation, and remembers its square.",
)
def centre(Centre: Any) -> None:
    """A module that takes away the mean of the batch while training, and a running mean afterwards."""
    expect_class(Centre)
    for n in (3, 1):
        with hinted({"before Module.__init__() call": "The first line of every `__init__` of a module is missing."}):
            layer = call(Centre, n)
        if not _is_module(layer):
            raise NotYet(f"Type: expected a class of modules, received one that makes {describe(layer)}.")
        if list(nn.Module.parameters(layer)):
            raise NotYet(
                "Parameters: expected none, received some.",
                "A parameter is learned. The running mean is measured: what is such a tensor called?",
            )
        if "running_mean" not in dict(nn.Module.named_buffers(layer)):
            raise NotYet(
                "Buffers: expected one named `running_mean`, which the `state_dict` would show.",
                "A module takes no notice of a tensor in a plain attribute; the task names the call for a buffer.",
            )
        wanted = _centred(n)
        wrong = {hint: _centred(n, **options) for hint, options in _WRONG_CENTRES.items()}
        for place, (what, training, X) in enumerate(_centre_plan(n)):
            nn.Module.train(layer, training)
            expect(
                call(layer, X),
                wanted[place],
                what=f"the output for {what}",
                mistakes={hint: outputs[place] for hint, outputs in wrong.items()},
            )
        remembered = dict(nn.Module.named_buffers(layer)).get("running_mean")
        expect(remembered, wanted[-1], what="`running_mean` at the end", requires_grad=False)


_WRONG_CENTRES: dict[str, dict[str, Any]] = {
    "In eval mode, the batch at hand should not matter.": {"by_batch": True},
    "In train mode, it is the mean of this batch that is taken away.": {"by_running": True},
    "The mean was taken along the wrong dimension: one mean for each feature (column) is wanted.": {"dim": 1},
    "The running mean stays at zero.": {"keep": 1.0},
    "The running mean holds the last batch alone: nine tenths of it should be old.": {"keep": 0.0},
    "The shares of old and new are exchanged.": {"keep": 0.1},
    "In eval mode the running mean went on changing; it should only be used there.": {"always": True},
}


def _centre_plan(n: int) -> Iterator[tuple[str, bool, Tensor]]:
    """Batches with means of their own, in train and in eval mode."""
    modes = (
        ("the first batch in train mode", True),
        ("a batch in eval mode after one in training", False),
        ("the same batch once more in eval mode", False),
        ("another batch in train mode", True),
        ("a batch in eval mode after two in training", False),
        ("a single example in eval mode", False),
    )
    for place, (what, training) in enumerate(modes):
        seed = 1 if place == 2 else place
        yield what, training, _normal(1 if place == 5 else 4, n, seed=seed) + 3 * seed + 2


def _centred(
    n: int,
    *,
    keep: float = 0.9,
    dim: int = 0,
    by_batch: bool = False,
    by_running: bool = False,
    always: bool = False,
) -> list[Tensor]:
    """The outputs for the plan, and the running mean at the end; the options make the typical mistakes."""
    running, outputs = torch.zeros(n), []
    for _, training, X in _centre_plan(n):
        own = X.mean(dim=dim, keepdim=True)
        if training or always:
            running = keep * running + (1 - keep) * X.mean(dim=0)
        outputs.append(X - (own if (training and not by_running) or by_batch else running))
    return [*outputs, running]


# 3.7

BUDGET = 20_000


@book.exercise(
    "A small network for colour",
    goal="design a network to a specification, and check it",
    minutes=20,
    difficulty=3,
    why="A hidden layer of 512 for such pictures would take 1,573,376 parameters by itself. Try how few can do.",
)
def colour_net(colour_net: Any) -> None:
    """A convolutional network for colour pictures of 32 x 32 with few parameters and dropout."""
    X = _normal(5, 3, 32, 32)
    _expect_no_softmax(colour_net, X)
    with hinted({
        **_MISFIT,
        "expected input[": "A convolution is told first how many channels arrive, and then how many it makes.",
        "Shape of the output": "The last layer has as many outputs as there are classes, and its input is a row.",
    }):  # fmt: skip
        expect_module(colour_net, X, output_shape=[5, 10])
    inside = list(nn.Module.modules(colour_net))
    if not any(issubclass(type(module), nn.Conv2d) for module in inside):
        raise NotYet("Layers: expected at least one convolution, received none.")
    count = sum(parameter.numel() for parameter in nn.Module.parameters(colour_net))
    if count > BUDGET:
        raise NotYet(
            f"Parameters: expected {BUDGET:,} or fewer, received {count:,}.",
            "Which layer holds most of them? Pictures that get smaller before the last layer make it cheap.",
        )
    if not _is_random_in_training(colour_net, X):
        raise NotYet(
            "Train mode: expected another output each time, received the same one twice.",
            "Some numbers should be dropped while training, and none afterwards.",
        )
    if _is_linear_in_eval(colour_net, X):
        raise NotYet("The network is one linear layer in disguise.", "What stands between two layers with weights?")
    _expect_all_pixels(colour_net, X)
    with hinted({"more than 1 value": "One picture must do as well, in eval mode."}):
        one = copy.deepcopy(colour_net)
        nn.Module.train(one, False)
        with torch.no_grad():
            alone, together = call(one, X[:1]), call(one, X)
        if alone.shape != (1, 10) or not torch.allclose(alone, together[:1], rtol=1e-3, atol=1e-4):
            raise NotYet("In eval mode, a picture gets another answer alone than among others.")


def _is_random_in_training(model: nn.Module, X: Tensor) -> bool:
    model = copy.deepcopy(model)
    nn.Module.train(model, True)
    with torch.no_grad():
        return not torch.equal(call(model, X), call(model, X))


def _is_linear_in_eval(model: nn.Module, X: Tensor) -> bool:
    model = copy.deepcopy(model)
    nn.Module.train(model, False)
    return _is_linear(model, X)


def _expect_all_pixels(model: nn.Module, X: Tensor) -> None:
    model, X = copy.deepcopy(model), X.clone().requires_grad_()
    nn.Module.train(model, False)
    output = call(model, X, may_change=True)
    (slopes,) = torch.autograd.grad((output * torch.randn_like(output)).sum(), X, allow_unused=True)
    if slopes is None or any(not bool(slopes[:, channel].any()) for channel in range(3)):
        raise NotYet("The answer does not depend on all three channels of the picture.")
    if not bool(slopes.any(dim=1).any(dim=0).float().mean() > 0.25):  # a global maximum looks at few
        raise NotYet("The answer depends on a part of the picture only.", "Are windows or pictures cut off somewhere?")
