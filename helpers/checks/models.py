"""The checks of notebook 3, Build a model."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import Case, NotYet, call, describe, expect, expect_class, expect_module, expect_results
from helpers.checks.core import Book, Part, either
from helpers.checks.guard import printed

book = Book(3)
progress = book.progress


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# 3.1

MEAN = [1 / 3, 1 / 3, 1 / 3]


def _weight(*rows: list[float]) -> tuple[Any, Any]:
    return torch.tensor(rows), ...


def _bias(*numbers: float) -> tuple[Any, Any]:
    return ..., torch.tensor(numbers)


@book.exercise(
    "Weights of your choice",
    goal="say what each number in a linear layer does",
    minutes=5,
    difficulty=1,
    why="You worked these numbers out; training finds them by itself, in just such a layer.",
    mistakes={
        "This has a column for each output. `weight` has a row for each output and a column for each input.": (
            torch.tensor([MEAN, [1.0, 0.0, -1.0]]).T,
            ...,
        ),
        "The two outputs are in the other order.": _weight([1.0, 0.0, -1.0], MEAN),
        "The first output would be the sum: what is each input multiplied by in a mean of three?": either(
            _weight([1.0, 1.0, 1.0], [1.0, 0.0, -1.0]), _weight([1, 1, 1], [1, 0, -1])
        ),
        "A third is not 0.33: let Python divide, `1 / 3`.": either(
            *(_weight([third] * 3, [1.0, 0.0, -1.0]) for third in (0.33, 0.3, 0.333, 0.34))
        ),
        "A mean of three inputs: each of them is multiplied by a third.": either(
            *(_weight([share] * 3, [1.0, 0.0, -1.0]) for share in (0.5, 3.0, 1 / 6))
        ),
        "The second output would be the third number minus the first.": _weight(MEAN, [-1.0, 0.0, 1.0]),
        "The third input must be subtracted: its weight is negative.": _weight(MEAN, [1.0, 0.0, 1.0]),
        "The second output does not depend on the second input, so its weight there is 0. What is added belongs in "
        "`b`.": either(_weight(MEAN, [1.0, 1.0, -1.0]), _weight([*MEAN, 0.0], [1.0, 0.0, -1.0, 1.0])),
        "The second output would be the first number minus the *second*.": _weight(MEAN, [1.0, -1.0, 0.0]),
        "The number is added to one of the two outputs only.": _bias(1.0, 1.0),
        "The number is added to the wrong output.": _bias(1.0, 0.0),
        "A number is added to one of the outputs, says the task.": _bias(0.0, 0.0),
        "The number is added, not subtracted.": _bias(0.0, -1.0),
        "A mean needs no number added to it: the third belongs in the weights.": either(
            _bias(1 / 3, 1.0), _bias(1 / 3, 0.0)
        ),
        "`b` has a number for each output, not for each input.": either(_bias(0.0, 0.0, 1.0), _bias(0.0, 1.0, 0.0)),
    },
)
def chosen_weights(W: Any, b: Any) -> Iterator[Part]:
    """The weight and bias of a layer with a mean and a difference as its outputs."""
    wanted = torch.tensor([MEAN, [1.0, 0.0, -1.0]])
    yield Part("W", lambda: expect(W, wanted, what="`W`", dtype=True))
    yield Part("b", lambda: expect(b, torch.tensor([0.0, 1.0]), what="`b`", dtype=True))


# 3.2


def _with_hidden(*layers: nn.Module) -> nn.Module:
    """A network with a right hidden layer, and then these layers."""
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 100), *layers)


@book.exercise(
    "Layers that fit",
    goal="put layers together so that their shapes fit",
    minutes=7,
    difficulty=1,
    why="The same four layers can classify clothes or digits; only the numbers of inputs and of classes change.",
    mistakes=lambda: {
        "A colour image has three channels: how many numbers does it hold, over all of them?": either(
            *(
                nn.Sequential(nn.Flatten(), nn.Linear(n, 100), nn.ReLU(), nn.Linear(100, 5))
                for n in (256, 48, 16, 784, 3)
            )
        ),
        "`Flatten(0)` lays all images of the batch end to end: `Flatten()` keeps the first dimension.": (
            nn.Sequential(nn.Flatten(0), nn.Linear(768, 100), nn.ReLU(), nn.Linear(100, 5))
        ),
        "The first number of `Linear` is how many features arrive, the second how many it makes.": nn.Sequential(
            nn.Flatten(), nn.Linear(100, 768), nn.ReLU(), nn.Linear(5, 100)
        ),
        "A ReLU is missing between the linear layers, so that together they are no more than one.": _with_hidden(
            nn.Linear(100, 5)
        ),
        "The ReLU belongs between the linear layers, not before them or after them.": either(
            nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(768, 100), nn.Linear(100, 5)),
            _with_hidden(nn.Linear(100, 5), nn.ReLU()),
        ),
        "The last layer gives scores, which may be negative: no ReLU comes after it.": _with_hidden(
            nn.ReLU(), nn.Linear(100, 5), nn.ReLU()
        ),
        "Leave out the softmax: scores are wanted, and `CrossEntropyLoss` does it itself.": either(
            *(_with_hidden(nn.ReLU(), nn.Linear(100, 5), end) for end in (nn.Softmax(dim=1), nn.LogSoftmax(dim=1)))
        ),
        "Scores may be any numbers: a sigmoid after the last layer is not asked for.": _with_hidden(
            nn.ReLU(), nn.Linear(100, 5), nn.Sigmoid()
        ),
        "This is another activation: the task asks for a ReLU.": either(
            *(_with_hidden(one(), nn.Linear(100, 5)) for one in (nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.GELU, nn.ELU)),
            _with_hidden(nn.SiLU(), nn.Linear(100, 5)),
        ),
        "The hidden layer of 100 is missing.": nn.Sequential(nn.Flatten(), nn.Linear(768, 5)),
        "One hidden layer is asked for, and this has two.": _with_hidden(
            nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 5)
        ),
        "The task asks for no dropout and no normalisation.": either(
            _with_hidden(nn.ReLU(), nn.Dropout(0.5), nn.Linear(100, 5)),
            _with_hidden(nn.ReLU(), nn.Dropout(0.2), nn.Linear(100, 5)),
        ),
        "A function makes new layers in every call, with nothing in them that could be trained. Put the layers into "
        "`nn.Sequential` or a class.": lambda X: X,
    },
)
def small_net(answer: Any) -> None:
    """A network with one hidden layer for small colour images."""
    X = _normal(4, 3, 16, 16)
    _expect_no_softmax(answer, X)
    expect_module(answer, X, output_shape=[4, 5], modes_differ=False)
    expect_module(answer, X, parameters=(3 * 16 * 16 + 1) * 100 + (100 + 1) * 5)
    _expect_chain(answer, [3 * 16 * 16, 100, 5], "your model", image=(3, 16, 16))
    expect_module(answer, _normal(1, 3, 16, 16), output_shape=[1, 5])


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
            raise NotYet(f"Each row of the output looks like {name}: scores (logits) are wanted.", _NO_SOFTMAX)


_NO_SOFTMAX = "`CrossEntropyLoss` takes scores and applies the softmax itself."


def _expect_chain(model: nn.Module, widths: list[int], what: str, *, image: tuple[int, ...] = ()) -> None:
    """Fill the layers with known numbers, and compare with linear layers that have a ReLU between them.

    `image` is the shape of one input, where that is not a row.
    """
    model, linear = copy.deepcopy(model), []
    for layer in nn.Module.modules(model):
        if isinstance(layer, nn.Linear):
            layer.register_forward_pre_hook(lambda layer, _: linear.append(layer))
    X = torch.cat([3 * _normal(6, widths[0], seed=9), torch.zeros(1, widths[0])])
    call(model, X.reshape(len(X), *(image or X.shape[1:])))
    found = [(layer.in_features, layer.out_features) for layer in linear]
    if found != list(pairwise(widths)):
        listed = ", ".join(f"{before} to {after}" for before, after in found) or "none"
        raise NotYet(f"Linear layers of {what}, in the order in which they are called: {listed}.")
    outputs = X
    with torch.no_grad():
        for place, layer in enumerate(linear):
            for parameter in layer.parameters():
                parameter.copy_(_normal(*parameter.shape, seed=place))
            outputs = outputs @ layer.weight.T + layer.bias
            outputs = outputs.clamp(min=0) if place < len(linear) - 1 else outputs
        received = call(model, X.reshape(len(X), *(image or X.shape[1:])))
    expect(received, outputs, what=f"the outputs of {what} with other weights")


# 3.3


@book.exercise(
    "Which class, and how sure",
    goal="turn logits into a class and its probability",
    minutes=6,
    difficulty=2,
    why="Sure is not the same as right: notebook 6 shows images that a trained network gets wrong and is sure of.",
    mistakes={
        "The probabilities of one example should add up to 1: the softmax goes over the classes, `dim=1`.": lambda z: (
            z.argmax(dim=1),
            z.softmax(dim=0).amax(dim=1),
        ),
        "One answer for each class, but one for each example is wanted: which dimension should disappear?": either(
            lambda z: (z.argmax(dim=0), z.softmax(dim=0).amax(dim=0)),
            lambda z: (z.argmax(dim=0), z.softmax(dim=1).amax(dim=1)),
            lambda z: (z.argmax(dim=0), z.softmax(dim=1).amax(dim=0)),
        ),
        "The classes are right. Take the probabilities over `dim=1` as well.": lambda z: (
            z.argmax(dim=1),
            z.softmax(dim=1).amax(dim=0),
        ),
        "The classes are right, but these are scores, not probabilities: they are not between 0 and 1.": lambda z: (
            z.argmax(dim=1),
            z.amax(dim=1),
        ),
        "All probabilities of each example are here, and only that of the chosen class is wanted.": lambda z: (
            z.argmax(dim=1),
            z.softmax(dim=1),
        ),
        "Without `dim`, the largest of the whole batch is found; each example has its own.": either(
            lambda z: (z.argmax(), z.softmax(dim=1).max()),
            lambda z: (z.argmax(), z.softmax(dim=1).amax(dim=1)),
            lambda z: (z.argmax(dim=1), z.softmax(dim=1).max()),
        ),
        "`max` with a `dim` returns two tensors, `values` and `indices`: the probabilities are its values.": lambda z: (
            z.argmax(dim=1),
            z.softmax(dim=1).max(dim=1),
        ),
        "The other order: the classes first, then the probabilities. (`max` gives values first, then indices.)": either(
            lambda z: z.softmax(dim=1).max(dim=1), lambda z: (z.softmax(dim=1).amax(dim=1), z.argmax(dim=1))
        ),
        "`probs[:, c]` takes these columns of *every* row, and one number of each row is wanted: `amax(dim=1)`.": (
            lambda z: (z.argmax(dim=1), z.softmax(dim=1)[:, z.argmax(dim=1)])
        ),
        "A sigmoid looks at one score by itself. The probabilities of all classes add up to 1 after a softmax.": (
            lambda z: (z.argmax(dim=1), z.sigmoid().amax(dim=1))
        ),
        "Scores may be negative, so their shares are not probabilities: a softmax takes `exp` of them first.": either(
            lambda z: (z.argmax(dim=1), (z / z.sum(dim=1, keepdim=True)).amax(dim=1)),
            lambda z: (z.argmax(dim=1), z.amax(dim=1) / z.sum(dim=1)),
        ),
        "These are logarithms of probabilities: `softmax`, without `log`, gives the probabilities.": lambda z: (
            z.argmax(dim=1),
            z.log_softmax(dim=1).amax(dim=1),
        ),
        "`exp` makes the scores positive; divide by the sum of each row as well.": lambda z: (
            z.argmax(dim=1),
            z.exp().amax(dim=1),
        ),
        "The softmax is taken over the whole batch: the probabilities of each example should add up to 1.": either(
            lambda z: (z.argmax(dim=1), (z.exp() / z.exp().sum()).amax(dim=1)),
            lambda z: (z.argmax(dim=1), z.exp().amax(dim=1) / z.exp().sum()),
        ),
        "Return the probability as it is: a fraction, not rounded, no percentage.": either(
            *(lambda z, d=d: (z.argmax(dim=1), z.softmax(dim=1).amax(dim=1).round(decimals=d)) for d in (1, 2, 3)),
            lambda z: (z.argmax(dim=1), 100 * z.softmax(dim=1).amax(dim=1)),
        ),
        "This is the mean of the probabilities, and the largest is wanted.": lambda z: (
            z.argmax(dim=1),
            z.softmax(dim=1).mean(dim=1),
        ),
        "The softmax is applied twice.": lambda z: (z.argmax(dim=1), z.softmax(dim=1).softmax(dim=1).amax(dim=1)),
        "Give the softmax its `dim`: the classes of an example lie along dimension 1.": either(
            lambda z: (z.argmax(dim=1), nn.Softmax()(z).amax(dim=1)),
            lambda z: (z.argmax(dim=1), nn.functional.softmax(z).amax(dim=1)),
        ),
        "This is the smallest, and the largest is wanted.": lambda z: (z.argmin(dim=1), z.softmax(dim=1).amin(dim=1)),
    },
)
def class_and_probability(answer: Any) -> None:
    """The class with the largest score in each row, and its probability."""
    cases = []
    rows = [[-9.0, -7.0], [0.0, 30.0]], [[3.0], [-1.0]]
    for logits in (2 * _normal(4, 3), _normal(1, 10), _normal(5, 5, seed=1), *map(torch.tensor, rows)):
        classes, probabilities = [], []
        for row in logits.tolist():
            classes.append(row.index(max(row)))
            probabilities.append(math.exp(max(row)) / sum(map(math.exp, row)))
        cases.append(Case((logits,), (torch.tensor(classes), torch.tensor(probabilities))))
    expect_results(answer, cases[:1], what=("the classes", "the probabilities"))
    if any("Implicit dimension choice for softmax" in line for line in printed.lines):
        raise NotYet("The result is right, but PyTorch had to guess the dimension of the softmax, and warns of it.")
    expect_results(answer, cases, what=("the classes", "the probabilities"), without_loop=True)


# 3.4


def _added(rule: Callable[[int, int], float]) -> Callable[[Sequence[int]], float]:
    """A function that adds up a rule for the inputs and outputs of each layer."""
    return lambda widths: sum(rule(before, after) for before, after in pairwise(widths))


@book.exercise(
    "Count without building",
    goal="count the parameters of a network from its widths",
    minutes=5,
    difficulty=2,
    why="Four bytes for each is the memory that a model needs in use. Training with Adam needs four times as much, and "
    "the outputs of all layers.",
    mistakes={
        "These are the weights alone: what else does a linear layer have?": _added(lambda n, m: n * m),
        "These are the biases alone.": _added(lambda n, m: m),
        "The inputs of the network are not a layer, and have no biases.": lambda widths: (
            sum(widths) + _added(lambda n, m: n * m)(widths)
        ),
        "A layer has a bias for each output, not for each input.": _added(lambda n, m: n * m + n),
        "One bias was counted for each layer, but each of its outputs has its own.": _added(lambda n, m: n * m + 1),
        "There is one weight for each pair of an input and an output: multiply the two widths.": either(
            _added(lambda n, m: n + m), _added(lambda n, m: n + m + m), sum
        ),
        "Each layer has a bias for each output; add its width once.": either(
            _added(lambda n, m: (n + 1) * (m + 1)),
            _added(lambda n, m: n * m + 2 * m),
            _added(lambda n, m: n * m + n + m),
        ),
        "Only the last layer is counted: add each layer to the ones before, with `+=`.": lambda widths: (
            (widths[-2] + 1) * widths[-1]
        ),
        "Only the first layer is counted: go on to the last.": lambda widths: (widths[0] + 1) * widths[1],
        "The last layer has biases, too.": lambda widths: sum(n * m for n, m in pairwise(widths)) + sum(widths[1:-1]),
        "A layer goes from one width to the *next*: multiply two different widths, layer by layer, and add.": either(
            lambda widths: sum(width * width + width for width in widths),
            lambda widths: sum(w * w for w in widths),
            math.prod,
        ),
        "At `i = 0`, `widths[i - 1]` is the *last* width: there is one layer fewer than widths.": either(
            lambda widths: sum(widths[i - 1] * widths[i] + widths[i] for i in range(len(widths))),
            lambda widths: sum(widths[i - 1] * widths[i] for i in range(len(widths))),
        ),
        "At the last `i` there is no `widths[i + 1]`: there is one layer fewer than widths.": lambda widths: sum(
            widths[i] * widths[i + 1] + widths[i + 1] for i in range(len(widths))
        ),
        "The last layer is left out: `range` stops before its end.": lambda widths: sum(
            (widths[i - 1] + 1) * widths[i] for i in range(1, len(widths) - 1)
        ),
        "A number of parameters is an integer: begin with `0`, not `0.0`, and do not divide.": _added(
            lambda n, m: n * m + m + 0.0
        ),
        "Networks have any number of widths: go through the list in a loop.": either(
            lambda widths: (widths[0] + 1) * widths[1] + (widths[1] + 1) * widths[2] + (widths[2] + 1) * widths[3],
            lambda widths: sum((a + 1) * b + (b + 1) * c + (c + 1) * d for a, b, c, d in [widths]),
            lambda widths: [a + b + c for a, b, c in [widths]],
            lambda widths: [a + b for a, b in [widths]],
        ),
        "No machine could hold such a layer. You can count its parameters all the same, without one.": lambda widths: (
            sum(p.numel() for n, m in pairwise(widths) for p in nn.Linear(n, m).parameters())
        ),
    },
)
def count_from_widths(answer: Any) -> None:
    """How many parameters linear layers of these widths have."""
    cases = []
    enormous = [2_000_000_000, 2_000_000_000]  # such a layer fits into no machine
    for widths in ([6, 5, 3, 2], [4, 9], [784, 512, 512, 10], [1, 1], [2, 9, 9, 9, 3], enormous):
        wanted = 0
        for before, after in pairwise(widths):
            wanted += before * after + after
        cases.append(Case((widths,), wanted))
    expect_results(answer, cases, what="the number of parameters")


# 3.5


def _stack(after: Callable[[Tensor, int, int], Tensor], *, keep: Callable[[list], Any] = nn.ModuleList) -> type:
    """A module of linear layers; `after` gets the output of each, its place, and the last place."""

    class Stack(nn.Module):
        def __init__(self, widths: Sequence[int]) -> None:
            super().__init__()
            self.layers = keep([nn.Linear(*pair) for pair in pairwise(widths)])

        def forward(self, X: Tensor) -> Tensor:
            for place, layer in enumerate(self.layers):
                X = after(layer(X), place, len(self.layers) - 1)
            return X

    return Stack


def _relu_unless_last(X: Tensor, place: int, last: int) -> Tensor:
    return X.relu() if place < last else X


@book.exercise(
    "As deep as you like",
    goal="write a module whose layers are made in a loop",
    minutes=13,
    difficulty=3,
    why="Large models are written like this: the number of layers is an argument of the class.",
    mistakes={
        "A module sees the layers that are its attributes or in an `nn.ModuleList` or `nn.Sequential`, which is one. A "
        "plain list or a local variable hides them.": either(
            _stack(_relu_unless_last, keep=list), _stack(_relu_unless_last, keep=tuple)
        ),
        "The last layer gives scores, which may be negative: no ReLU after it.": _stack(
            lambda X, place, last: X.relu()
        ),
        "There is no ReLU between the linear layers, so that together they are no more than one.": _stack(
            lambda X, place, last: X
        ),
        "Only the first ReLU is there; one belongs between each two layers.": _stack(
            lambda X, place, last: X.relu() if place == 0 and last else X
        ),
        "The ReLU before the last layer is missing: after which places does one belong?": _stack(
            lambda X, place, last: X.relu() if place < last - 1 else X
        ),
        "The first ReLU is missing: a ReLU comes after every layer but the last.": _stack(
            lambda X, place, last: X.relu() if 0 < place < last else X
        ),
        "A ReLU comes before the first layer, where it cuts off negative inputs.": _stack(
            lambda X, place, last: X,
            keep=lambda layers: nn.ModuleList([nn.Sequential(nn.ReLU(), layer) for layer in layers]),
        ),
        "The ReLU is where it should not be, and missing where it should be.": _stack(
            lambda X, place, last: X.relu() if place == last else X
        ),
        "This is another activation: the task asks for a ReLU.": either(
            *(
                _stack(lambda X, place, last, activation=activation: activation(X) if place < last else X)
                for activation in (torch.tanh, torch.sigmoid, nn.functional.leaky_relu, nn.functional.gelu)
            )
        ),
        "Scores are wanted: leave out the softmax at the end.": either(
            _stack(lambda X, place, last: X.relu() if place < last else X.softmax(dim=1)),
            _stack(lambda X, place, last: X.relu() if place < last else X.log_softmax(dim=1)),
        ),
    },
)
def deep_net(answer: Any) -> None:
    """A module with linear layers of given widths and ReLU between them."""
    expect_class(answer)
    for widths in ([3, 5, 4, 6, 2], [6, 3], [4, 4, 4, 4, 4, 1]):
        what = f"the model of {widths}"
        model = call(answer, widths)
        if issubclass(type(model), nn.Module) and not list(nn.Module.parameters(model)):
            raise NotYet("The model has no parameters: it does not see its layers.")
        parameters = sum((before + 1) * after for before, after in pairwise(widths))
        X = _normal(7, widths[0])
        expect_module(model, X, output_shape=[7, widths[-1]], parameters=parameters, modes_differ=False, what=what)
        _expect_chain(model, widths, what)


# 3.6


def _centring(
    output: Callable[[Any, Tensor, Tensor], Tensor] = lambda layer, X, mean: (
        X - (mean if layer.training else layer.running_mean)
    ),
    update: Callable[..., Tensor] = lambda old, mean, X: 0.9 * old + 0.1 * mean,
    *,
    when: Callable[[nn.Module], bool] = lambda layer: layer.training,
    prepare: Callable[[Any, int], Any] = lambda layer, n: layer.register_buffer("running_mean", torch.zeros(n)),
) -> type:
    """A layer that is wrong in one thing, and in that its running mean keeps a graph."""

    class Centring(nn.Module):
        def __init__(self, n: int) -> None:
            super().__init__()
            prepare(self, n)

        def forward(self, X: Tensor) -> Tensor:
            mean = X.mean(dim=0)
            if when(self):
                self.running_mean = update(self.running_mean, mean, X)
            return output(self, X, mean)

    return Centring


def _updated_late(layer: Any, X: Tensor, mean: Tensor) -> Tensor:
    centred = X - (mean if layer.training else layer.running_mean)
    layer.running_mean = 0.9 * layer.running_mean + 0.1 * mean
    return centred


def _without_graph(layer: Any, X: Tensor, mean: Tensor) -> Tensor:
    with torch.no_grad():
        return X - (mean if layer.training else layer.running_mean)


@book.exercise(
    "A layer with two modes",
    goal="write a layer that behaves differently in train and eval mode, and remembers",
    minutes=12,
    difficulty=3,
    why="This is half of BatchNorm. The other half divides by the standard deviation, with a running average, too.",
    mistakes={
        "In eval mode, only `running_mean` counts. `self.training` says which mode the layer is in; `self.train` is "
        "the method that sets it.": _centring(lambda layer, X, mean: X - mean),
        "In train mode, subtract the mean of this batch; `running_mean` is for eval mode.": either(
            _centring(lambda layer, X, mean: X - layer.running_mean),
            _centring(lambda layer, X, mean: X - (layer.running_mean if layer.training else mean)),
        ),
        "One mean for each feature (column) is wanted: `dim=` names the dimension that disappears.": either(
            _centring(lambda layer, X, mean: X - X.mean(dim=1, keepdim=True)),
            _centring(lambda layer, X, mean: X - X.mean(dim=1)),
            _centring(update=lambda old, mean, X: 0.9 * old + 0.1 * X.mean(dim=1)),
            _centring(update=lambda old, mean, X: 0.1 * X.mean(dim=1) + 0.9 * old),
        ),
        "One mean was taken of all numbers; each feature should have its own.": _centring(
            lambda layer, X, mean: X - X.mean()
        ),
        "The running mean stays at zero in training. Give `self.running_mean` the new value (`9 // 10` is 0).": either(
            *(_centring(update=lambda old, mean, X, share=share: share * old) for share in (1, 0, 0.9)),
            _centring(when=lambda layer: not layer.training),
        ),
        "The running mean is that of the last batch alone: nine tenths of it should be old.": _centring(
            update=lambda old, mean, X: mean
        ),
        "The shares of old and new are exchanged.": _centring(update=lambda old, mean, X: 0.1 * old + 0.9 * mean),
        "A tenth of the mean is added, but all of the old running mean is kept: nine tenths, says the task.": _centring(
            update=lambda old, mean, X: old + 0.1 * mean
        ),
        "Half old and half new: nine tenths and one tenth, says the task.": _centring(
            update=lambda old, mean, X: (old + mean) / 2
        ),
        "In eval mode the running mean went on changing; it should only be used there.": either(
            _centring(when=lambda layer: True), _centring(_updated_late, when=lambda layer: False)
        ),
        "In eval mode nothing is subtracted; there, the running mean should be.": _centring(
            lambda layer, X, mean: X - mean if layer.training else X
        ),
        "In train mode, the mean of the batch should be subtracted (`running_mean` is zero at first).": _centring(
            lambda layer, X, mean: X if layer.training else X - layer.running_mean
        ),
        "These are the means themselves. Subtract them from `X`.": _centring(
            lambda layer, X, mean: mean if layer.training else layer.running_mean
        ),
        "The means are added; they should be subtracted.": _centring(
            lambda layer, X, mean: X + (mean if layer.training else layer.running_mean)
        ),
        "This divides by the standard deviation as well, which the task does not ask for.": either(
            _centring(lambda layer, X, mean: (X - mean) / X.std(dim=0)),
            _centring(lambda layer, X, mean: (X - mean) / (X.std(dim=0) + 1e-5)),
        ),
        "A parameter is learned. The running mean is measured: that makes it a buffer.": either(
            _centring(prepare=lambda layer, n: setattr(layer, "running_mean", nn.Parameter(torch.zeros(n)))),
            _centring(prepare=lambda layer, n: setattr(layer, "running_mean", nn.Parameter(torch.zeros(n), False))),
        ),
        "The `state_dict` does not list a tensor in a plain attribute: "
        '`self.register_buffer("running_mean", ...)` makes it a buffer.': _centring(
            prepare=lambda layer, n: setattr(layer, "running_mean", torch.zeros(n))
        ),
        "`BatchNorm` does more than the task asks for. Write the two modes yourself.": _centring(
            prepare=lambda layer, n: setattr(layer, "norm", nn.BatchNorm1d(n))
        ),
        "At first, `running_mean` is `torch.zeros(n)`.": either(
            _centring(prepare=lambda layer, n: layer.register_buffer("running_mean", torch.ones(n))),
            _centring(prepare=lambda layer, n: layer.register_buffer("running_mean", torch.zeros(1))),
            _centring(prepare=lambda layer, n: layer.register_buffer("running_mean", torch.tensor(0.0))),
        ),
        "Remember `mean.detach()`: the numbers, without the record of how they were computed. Otherwise the buffer "
        "keeps every batch so far in memory.": _centring(),
        "Only the update of `running_mean` may be inside `no_grad` or use `detach`: layers before this one "
        "learn through its output.": either(
            _centring(_without_graph),
            _centring(lambda layer, X, mean: (X - (mean if layer.training else layer.running_mean)).detach()),
        ),
    },
)
def centre(answer: Any) -> None:
    """A module that subtracts the mean of the batch in train mode, and a running mean in eval mode."""
    expect_class(answer)
    for n in (3, 1):
        layer = call(answer, n)
        if not issubclass(type(layer), nn.Module):
            raise NotYet(f"Type: expected a class of modules, received one that makes {describe(layer)}.")
        if any(isinstance(inner, nn.modules.batchnorm._BatchNorm) for inner in nn.Module.modules(layer)):
            raise NotYet("The layer contains a BatchNorm.")
        if list(nn.Module.parameters(layer)):
            raise NotYet("The layer has parameters, and it should have none.")
        if "running_mean" not in dict(nn.Module.named_buffers(layer)):
            raise NotYet("The layer has no buffer that is called `running_mean`.")
        expect(_running_mean(layer), torch.zeros(n), what="`running_mean` at first")
        running = torch.zeros(n)
        for training, seed, examples, what in _BATCHES:
            X = _normal(examples, n, seed=seed) + 3 * seed + 2
            nn.Module.train(layer, training)
            expect(call(layer, X), X - (X.mean(dim=0) if training else running), what=f"the output for {what}")
            if training:
                running = running + (X.mean(dim=0) - running) / 10
            expect(_running_mean(layer), running, what=f"`running_mean` after {what}")
        nn.Module.train(layer, True)
        if not call(layer, _normal(4, n).requires_grad_()).requires_grad:
            raise NotYet("The numbers are right, but autograd loses its way to the inputs: no gradient reaches them.")
        if _running_mean(layer).requires_grad:
            raise NotYet(
                "The numbers are right. In training, however, inputs come from layers that learn, and then "
                "`running_mean` has a graph that grows with each batch."
            )


def _running_mean(layer: nn.Module) -> Any:
    return dict(nn.Module.named_buffers(layer)).get("running_mean")


_BATCHES = (  # in train mode or not, a seed (each has another mean), number of examples
    (True, 0, 4, "the first batch in train mode"),
    (False, 1, 4, "a batch in eval mode after one in training"),
    (False, 1, 4, "the same batch again in eval mode"),
    (True, 3, 4, "another batch in train mode"),
    (False, 4, 4, "a batch in eval mode after two in training"),
    (False, 5, 1, "a single example in eval mode"),
)


# 3.7

BUDGET = 20_000


def _ended(*end: nn.Module) -> nn.Module:
    """A convolution and a pooling, and then these layers, where [N, 512] arrives."""
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), *end)


class _AlwaysDropped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = _ended()
        self.last = nn.Linear(512, 10)

    def forward(self, X: Tensor) -> Tensor:
        return self.last(nn.functional.dropout(self.inner(X), 0.5))


@book.exercise(
    "A small network for colour",
    goal="design a network to a specification, and check it",
    minutes=22,
    difficulty=3,
    why="A hidden layer of 512 for such images would take 1,573,376 parameters by itself. Try how few can do.",
    mistakes=lambda: {
        "Leave out the softmax: scores are wanted, and `CrossEntropyLoss` does it itself.": either(
            *(_ended(nn.Dropout(), nn.Linear(512, 10), end) for end in (nn.Softmax(dim=1), nn.LogSoftmax(dim=1)))
        ),
        "Scores may be any numbers: the last layer has nothing after it.": either(
            *(_ended(nn.Dropout(), nn.Linear(512, 10), end()) for end in (nn.ReLU, nn.Sigmoid, nn.Tanh))
        ),
        "Dropout belongs before a layer: behind the last one it would set scores to 0.": either(
            _ended(nn.Linear(512, 10), nn.Dropout()), _ended(nn.Linear(512, 10), nn.Dropout(0.2))
        ),
        "Without an activation between them, such as ReLU, two layers together can do no more than one.": either(
            _ended(nn.Dropout(), nn.Linear(512, 20), nn.Linear(20, 10)),
            nn.Sequential(
                nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 3), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(1568, 10)
            ),
            nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Dropout(), nn.Flatten(), nn.Linear(900, 10)),
        ),
        "Some features should be dropped in training: `nn.Dropout(p)` with p between 0 and 1.": either(
            _ended(nn.Linear(512, 10)), _ended(nn.Dropout(0.0), nn.Linear(512, 10))
        ),
        "The task wants a convolution, `nn.Conv2d(3, ...)`.": nn.Sequential(
            nn.AvgPool2d(4), nn.Flatten(), nn.Dropout(), nn.Linear(192, 20), nn.ReLU(), nn.Linear(20, 10)
        ),
        "`nn.functional.dropout` drops in eval mode, too, unless you give it `training=self.training`; `nn.Dropout` "
        "knows the mode.": _AlwaysDropped(),
    },
)
def colour_net(answer: Any) -> None:
    """A convolutional network for colour images of 32 x 32 with few parameters and dropout."""
    X = _normal(5, 3, 32, 32)
    _expect_no_softmax(answer, X)
    expect_module(answer, X, output_shape=[5, 10])
    if not any(issubclass(type(module), nn.Conv2d) for module in nn.Module.modules(answer)):
        raise NotYet("There is no convolution among the layers.")
    parameters = sum(parameter.numel() for parameter in nn.Module.parameters(answer))
    if parameters > BUDGET:
        raise NotYet(
            f"Parameters: expected {BUDGET:,} or fewer, received {parameters:,}.",
            "Which layer has most of them? Images that get smaller before the last layer make it cheap.",
        )
    in_training, in_use = copy.deepcopy(answer), copy.deepcopy(answer)
    nn.Module.train(in_training, True), nn.Module.train(in_use, False)
    output = call(in_use, X)
    _expect_activations(output.grad_fn)
    with torch.no_grad():
        passes = [call(in_training, X) for _ in range(4)]
    if torch.equal(passes[0], passes[1]):
        raise NotYet("In train mode, the output is the same each time: nothing is dropped.")
    if any(bool((scores == 0).any()) for scores in passes):
        raise NotYet("In train mode, some of the scores are 0: they were dropped.")
    _expect_all_pixels(in_use, X)
    with torch.no_grad():
        alone, together = call(in_use, X[:1]), call(in_use, X)
    if alone.shape != (1, 10) or not torch.allclose(alone, together[:1], rtol=1e-3, atol=1e-4):
        raise NotYet("In eval mode, an image gets other scores alone than among others.")


_LAYERS = {"Convolution": "a convolution", "Addmm": "a linear layer", "Mm": "a linear layer"}
_PASSIVE = ("View", "Reshape", "Alias", "Permute", "Transpose", "Pool", "Mean", "BatchNorm", "Clone", "queeze", "TBack")
_ACTIVATIONS = ("Relu", "Sigmoid", "Tanh", "Elu", "Gelu", "Silu", "Clamp", "Softplus", "Threshold", "Mish", "Softmax")


def _expect_activations(output: Any) -> None:
    """No activation after the last layer with weights, and one between any two, as the graph of eval mode shows."""
    if any(_kind(node).startswith(_ACTIVATIONS) for node in _next_active([output])):
        raise NotYet("After the last layer with weights comes an activation.")
    waiting, seen = [output], set()
    while waiting:
        node = waiting.pop()
        before = [one for one, _ in node.next_functions if one is not None]
        if (later := _LAYERS.get(_kind(node))) and not seen & {node}:
            for earlier in (_LAYERS.get(_kind(one)) for one in _next_active(before)):
                if earlier:
                    both = f"{earlier} and {later}" if earlier != later else f"two {later.partition(' ')[2]}s"
                    raise NotYet(f"There is no activation between {both}.")
        waiting += [one for one in before if one not in seen]
        seen.add(node)


def _kind(node: Any) -> str:
    return type(node).__name__.partition("Backward")[0]


def _next_active(nodes: list[Any]) -> Iterator[Any]:
    """The first nodes of a graph that do more than reshape, pool or scale."""
    for node in nodes:
        if any(part in type(node).__name__ for part in _PASSIVE):
            yield from _next_active([one for one, _ in node.next_functions if one is not None])
        else:
            yield node


def _expect_all_pixels(model: nn.Module, X: Tensor) -> None:
    X = X.clone().requires_grad_()
    output = call(model, X, may_change=True)
    (slopes,) = torch.autograd.grad((output * torch.randn_like(output)).sum(), X, allow_unused=True)
    if slopes is None or any(not bool(slopes[:, channel].any()) for channel in range(3)):
        raise NotYet("The answer does not depend on all three channels of the image.")
    if not bool(slopes.any(dim=1).any(dim=0).float().mean() > 0.25):  # a global maximum looks at few
        raise NotYet("The answer depends on a part of the image only.", "Are windows or images cut off somewhere?")
