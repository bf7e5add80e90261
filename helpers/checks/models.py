"""The checks of notebook 3, Build a model."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import Case, NotYet, call, expect, expect_class, expect_module, expect_results
from helpers.checks.core import Book, Part, either, randn, template
from helpers.checks.guard import printed

book = Book(3)
progress = book.progress


WEIGHT = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, -1.0]])


@book.exercise(
    "Weights of your choice",
    goal="say what each number in a linear layer does",
    minutes=5,
    difficulty=1,
    why="You worked these numbers out; training finds them by itself, in just such a layer.",
    mistakes={
        "A mean of three: each input is multiplied by a third. Let Python divide, `1 / 3`.": either(
            *((WEIGHT * torch.tensor([[3 * third], [1]]), ...) for third in (0.33, 0.3, 0.333, 0.34, 0.0, 0.5, 1.0))
        ),
        "The layer has its numbers in `.weight` and `.bias`: choose these.": (nn.Linear(3, 2), nn.Linear(3, 2)),
    },
)
def chosen_weights(W: Any, b: Any) -> Iterator[Part]:
    """The weight and bias of a layer with a mean and a difference as its outputs."""
    layout = "There is a row for each output, with one number for each input."
    yield Part("W", lambda: _expect_numbers(W, WEIGHT, "`W`", layout))
    hint = "To which output does the task add a number, and which? `b` has one number for each output."
    yield Part("b", lambda: _expect_numbers(b, torch.tensor([0.0, 1.0]), "`b`", hint))


def _expect_numbers(answer: Any, wanted: Tensor, what: str, hint: str) -> None:
    try:
        expect(answer, wanted, what=what, dtype=True)
    except NotYet as finding:
        if finding.args[0].startswith("Values") and wanted.ndim == 2:
            mean, difference = (f"{output:.6g}" for output in (answer.detach() @ torch.tensor([7.0, 3, 2])).tolist())
            hint = (
                f"For the inputs 7, 3 and 2, your weights give {mean} and {difference}: the mean is 4, and 7 - 2 is 5."
            )
        finding.args += (hint,) * finding.args[0].startswith(("Values", "Shape"))
        raise


def _net(*between: nn.Module, before: tuple[nn.Module, ...] = (), after: tuple[nn.Module, ...] = ()) -> nn.Module:
    return nn.Sequential(nn.Flatten(), *before, nn.Linear(768, 100), *between, nn.Linear(100, 5), *after)


@book.exercise(
    "Layers that fit",
    goal="put layers together so that their shapes fit",
    minutes=7,
    difficulty=1,
    why="The same four layers can classify clothes or digits; only the numbers of inputs and of classes change.",
    mistakes=lambda: {
        "Without a ReLU between them, two linear layers are no more than one.": _net(),
        "A ReLU belongs only between the linear layers: before them it cuts off inputs, after them scores.": either(
            *(_net(*between, before=(nn.ReLU(),)) for between in ([], [nn.ReLU()])),
            *(_net(*between, after=(nn.ReLU(),)) for between in ([], [nn.ReLU()])),
        ),
        "This is another activation: the task asks for a ReLU.": either(
            *map(_net, (nn.LeakyReLU(), nn.LeakyReLU(0.1), nn.Sigmoid(), nn.Tanh(), nn.GELU()))
        ),
        "Nothing comes after the last layer: scores may be any numbers, negative ones too.": either(
            *(_net(nn.ReLU(), after=(end(),)) for end in (nn.Sigmoid, nn.Tanh))
        ),
        "A function makes new, untrained layers in every call: put them into `nn.Sequential` or a class.": lambda X: X,
    },
)
def small_net(answer: Any) -> None:
    """A network with one hidden layer for small colour images."""
    X = randn(4, 3, 16, 16)
    expect_module(answer, X, output_shape=[4, 5], same_modes=True)
    _expect_no_softmax(answer, X)
    _expect_chain(answer, [3 * 16 * 16, 100, 5], "your model", image=(3, 16, 16))
    expect_module(answer, X[:1], output_shape=[1, 5], parameters=(3 * 16 * 16 + 1) * 100 + (100 + 1) * 5)


def _expect_no_softmax(model: Any, X: Tensor) -> None:
    """Refuse rows of probabilities, or of their logarithms, as the output."""
    scores = call(model, X)
    for powers, name in ((scores, "probabilities"), (scores.exp(), "logarithms of probabilities")):
        if torch.allclose(powers.sum(dim=1), torch.ones(len(scores)), atol=1e-4):
            hint = "Return the scores of the last `Linear` as they are: no softmax."
            raise NotYet(f"Each row of the output looks like {name}: scores (logits) are wanted.", hint)


def _expect_chain(model: nn.Module, widths: list[int], what: str, *, image: tuple[int, ...] = (-1,)) -> None:
    """Fill the layers with known numbers, and compare with linear layers that have a ReLU between them."""
    model, linear = copy.deepcopy(model), []
    for layer in nn.Module.modules(model):
        if isinstance(layer, nn.Linear):
            layer.register_forward_pre_hook(lambda layer, _: linear.append(layer))
    X = torch.cat([3 * randn(6, widths[0], seed=9), torch.zeros(1, widths[0])])
    call(model, X.reshape(len(X), *image))
    found = [(layer.in_features, layer.out_features) for layer in linear]
    if found != list(pairwise(widths)):
        listed = ", ".join(f"{before} to {after}" for before, after in found) or "none"
        hint = "for other widths" if len(found) == len(widths) - 1 else f"for {len(widths) - 1} of them"
        finding = f"Linear layers of {what}, in the order in which they are called: {listed}."
        raise NotYet(finding, f"The task asks {hint}.")
    outputs = X
    with torch.no_grad():
        for place, layer in enumerate(linear):
            for parameter in layer.parameters():
                parameter.copy_(randn(*parameter.shape, seed=place))
            outputs = outputs @ layer.weight.T + (0 if layer.bias is None else layer.bias)
            outputs = outputs.clamp(min=0) if place < len(linear) - 1 else outputs
        received = call(model, X.reshape(len(X), *image))
    expect(received, outputs, what=f"the outputs of {what} with other weights")


_sure = template("def class_and_probability(z): c, p = z.argmax(dim=1), z.softmax(dim=1); return $result")


@book.exercise(
    "Which class, and how sure",
    goal="turn logits into a class and its probability",
    minutes=6,
    difficulty=2,
    why="Sure is not the same as right: notebook 7 shows images that a trained network gets wrong with a probability "
    "of 0.99.",
    mistakes={
        "The probabilities of each sample should add up to 1: softmax over the classes, `dim=1`.": _sure(
            *(f"c, {p}.amax(dim=1)" for p in ("z.softmax(dim=0)", "(z.exp() / z.exp().sum())", "z.sigmoid()")),
            "c, z.amax(dim=1).softmax(dim=0)",
        ),
        "These are not probabilities: the softmax gives such, between 0 and 1, and with a sum of 1.": _sure(
            *(f"c, {p}.amax(dim=1)" for p in ("z", "z.exp()", "z.log_softmax(dim=1)", "(z / z.sum(1, keepdim=True))"))
        ),
        "Return the classes first. (`max` gives values, then indices.)": _sure("p.max(dim=1)", "p.amax(dim=1), c"),
        "You want one number of each row: `probs[:, c]` takes these columns of *every* row, `probs[0, c]` of one.": (
            _sure("c, p[:, c]", "c, p[0, c]")
        ),
        "A sum of probabilities, or the largest number divided by itself, is always 1.": _sure("c, p.sum(dim=1)"),
    },
)
def class_and_probability(answer: Any) -> None:
    """The class with the largest score in each row, and its probability."""
    cases = []
    rows = [[-9.0, -7.0], [0.0, 30.0]], [[3.0], [-1.0]]
    for logits in (2 * randn(4, 3), randn(1, 10), randn(5, 5, seed=1), *map(torch.tensor, rows)):
        classes = [row.index(max(row)) for row in logits.tolist()]
        probabilities = [math.exp(max(row)) / sum(map(math.exp, row)) for row in logits.tolist()]
        cases.append(Case((logits,), (torch.tensor(classes), torch.tensor(probabilities))))
    expect_results(answer, cases, what=("the classes", "the probabilities"), without_loop=True)
    if any("Implicit dimension choice for softmax" in line for line in printed.lines):
        finding = "The result is right, but PyTorch had to guess the dimension of the softmax, and warns of it."
        raise NotYet(finding, "Give the softmax its `dim`: the classes lie along dimension 1.")


_count = template(
    "def count_from_widths(w): pairs = [*zip(w, w[1:])]; return sum($result for n, m in $pairs) + $more",
    result="n * m + m",
    pairs="pairs",
    more="0",
)


@book.exercise(
    "Count without building",
    goal="count the parameters of a network from its widths",
    minutes=5,
    difficulty=2,
    why="Four bytes for each is the memory that the parameters need; with Adam, training needs four times as much. "
    "The outputs of the layers come on top.",
    mistakes={
        "These are the weights alone: what else does a linear layer have?": _count("n * m"),
        "A linear layer has one bias for each of its outputs: add its width once.": either(
            _count(*(f"n * m + {more}" for more in ("n", "1", "2 * m", "n + m", "n + m + 1"))),
            *(_count("n * m", more=more) for more in ("sum(w)", "sum(w[1:-1])", "w[-1]")),
        ),
        "Only one layer is counted: add the parameters of all layers.": _count(pairs=("pairs[:1]", "pairs[-1:]")),
        "A layer goes from one width to the *next*, with a weight per pair: multiply both, layer by layer.": either(
            _count("n * n + n", "n * n", "n", pairs="zip(w, w)"),
            _count("w[0] * m + m", "n + m", "n + m + m", "n * n + n"),
            _count(pairs="pairs[::2]"),
        ),
        "Start the sum at 0: your result is one too large.": _count(more="1"),
        "This counts bytes: one parameter counts as 1.": _count("4 * (n * m + m)"),
        "At `i = 0`, `widths[i - 1]` is `widths[-1]`, the last one: begin at 1.": _count(pairs="zip([w[-1], *w], w)"),
        "A layer is left out: there is one for each pair of neighbours. (`range` stops before its end.)": _count(
            pairs=("pairs[:-1]", "pairs[1:-1]")
        ),
        "No machine could hold such a layer. You can count its parameters all the same, without one.": _count(
            "sum(p.numel() for p in nn.Linear(n, m).parameters())"
        ),
    },
)
def count_from_widths(answer: Any) -> None:
    """How many parameters linear layers of these widths have."""
    cases = []
    enormous = 2_000_000_000  # such a layer fits into no machine
    for widths in ([5, 7, 4, 3], [4, 9], [784, 512, 512, 10], [1, 1], [2, 9, 9, 9, 3], [enormous, enormous]):
        wanted = 0
        for before, after in pairwise(widths):
            wanted += before * after + after
        cases.append(Case((widths,), wanted))
    expect_results(answer, cases, what="the number of parameters")


_deep = template(
    """
    class DeepNet(nn.Module):
        def __init__(self, widths):
            super().__init__()
            self.layers = $keep([nn.Linear(n, m) for n, m in zip(widths, widths[1:])])

        def forward(self, X):
            last = len(self.layers) - 1
            for i, layer in enumerate(self.layers): X = layer($X); $result
            return X
    """,
    keep="nn.ModuleList",
    X="X",
)


@book.exercise(
    "As deep as you like",
    goal="write a module whose layers are made in a loop",
    minutes=13,
    difficulty=3,
    why="Large models are written like this: the number of layers is an argument of the class.",
    mistakes={
        "The last layer gives scores, which may be negative: no ReLU after it.": _deep("X = X.relu()"),
        "Without a ReLU between them, linear layers are no more than one.": _deep("pass"),
        "A ReLU comes after every layer but the last. After which layers does yours come?": _deep(
            *(f"X = X.relu() if {on} else X" for on in ("i == 0 < last", "i < last - 1", "0 < i < last", "0 < i"))
        ),
        "A ReLU comes before the first layer, where it cuts off negative inputs.": _deep("pass", X="X.relu()"),
        "This is another activation: the task asks for a ReLU.": _deep(
            *(f"X = {name}(X) if i < last else X" for name in ("F.tanh", "F.sigmoid", "F.leaky_relu", "F.gelu"))
        ),
    },
)
def deep_net(answer: Any) -> None:
    """A module with linear layers of given widths and ReLU between them."""
    expect_class(answer, nn.Module)
    for widths in ([3, 5, 4, 6, 2], [6, 3], [4, 4, 4, 4, 4, 1]):
        what = f"the model of {widths}"
        model = call(answer, widths)
        if not list(nn.Module.parameters(model)):
            raise NotYet("The model has no parameters: it does not see its layers.", _HIDDEN)
        layers = [layer for layer in nn.Module.modules(model) if isinstance(layer, nn.Linear)]
        if 0 < len(layers) < len(widths) - 1:
            hint = f"{len(widths)} widths make {len(widths) - 1} layers, each from one width to the next."
            kept = [one for series in vars(model).values() if type(series) in (list, tuple) for one in series]
            if any(isinstance(one, nn.Module) for one in kept):
                hint = _HIDDEN
            elif len(layers) == 1:
                hint = "In a loop, `self.layer = ...` replaces the layer before it. An `nn.ModuleList` keeps them all."
            raise NotYet(f"Linear layers of {what}: expected {len(widths) - 1}, received {len(layers)}.", hint)
        parameters = sum((before + 1) * after for before, after in pairwise(widths))
        X = randn(7, widths[0])
        expect_module(model, X, same_modes=True, what=what)  # a layer that is not used, before the shape
        expect_module(model, X, output_shape=[7, widths[-1]], parameters=parameters, what=what)
        if widths[-1] > 1:
            _expect_no_softmax(model, X)
        _expect_chain(model, widths, what)


_HIDDEN = "A plain list, or a local variable, hides the layers: use `nn.ModuleList`."


_centre = template(
    """
    class Centre(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.$buffer

        def forward(self, X):
            mean, old = X.mean(dim=0), self.running_mean
            if $when: self.running_mean = $update
            out = X - (mean if self.training else self.running_mean)
            return $result
    """,
    result="out",
    buffer="register_buffer('running_mean', torch.zeros(n))",
    when="self.training",
    update="0.9 * old + 0.1 * mean",  # not detached: by itself a mistake
)


@book.exercise(
    "A layer with two modes",
    goal="write a layer that behaves differently in train and eval mode, and remembers",
    minutes=12,
    difficulty=3,
    why="BatchNorm begins like this. It then divides by the standard deviation, with a running average, too.",
    mistakes={
        "In eval mode, subtract `running_mean`: `self.training` tells the modes apart.": _centre(
            "X - mean", "X - mean if self.training else X"
        ),
        "In train mode, subtract the mean of this batch; `running_mean` is for eval mode.": _centre(
            "X - self.running_mean", "X if self.training else out"
        ),
        "The mean is the sum divided by the number of rows.": _centre(
            "X - X.sum(dim=0)", "X - X.sum(dim=0) / X.shape[1]"
        ),
        "One mean for each feature (column) is wanted: `dim=` names the dimension that disappears.": either(
            _centre("X - X.mean(dim=1, keepdim=True)", "X - X.mean(dim=1)", "X - X.mean()"),
            _centre(update="0.9 * old + 0.1 * X.mean(dim=1)"),
        ),
        "`self.running_mean` stays at zero: give it the new value, from the mean of the given `X`.": _centre(
            update="old"
        ),
        "Nine tenths of `running_mean` stay, and one tenth of the new mean is added: compare your update.": _centre(
            update=("mean", "0.1 * old + 0.9 * mean", "old + 0.1 * mean", "1.9 * old + 0.1 * mean", "0.9 * old + mean")
        ),
        "One batch is one update, with its mean: do not update for every row.": _centre(
            update="[old := 0.9 * old + 0.1 * row for row in X][-1]"
        ),
        "It starts at zeros.": _centre(buffer="register_buffer('running_mean', torch.ones(n))"),
        "In eval mode, `running_mean` stays.": _centre("out", "X - (mean if self.training else old)", when="True"),
        "Leave out the standard deviation: the task only subtracts.": _centre("out / X.std(dim=0)"),
    },
)
def centre(answer: Any) -> None:
    """A module that subtracts the mean of the batch in train mode, and a running mean in eval mode."""
    expect_class(answer, nn.Module)
    for n in (3, 1):
        layer = call(answer, n)
        if any(isinstance(inner, nn.modules.batchnorm._BatchNorm) for inner in nn.Module.modules(layer)):
            raise NotYet("The layer contains a BatchNorm.", "`BatchNorm` does more. Write the two modes yourself.")
        if list(nn.Module.parameters(layer)):
            hint = "A parameter is trained. What is only stored is a buffer: `register_buffer`."
            raise NotYet("The layer has parameters, and it should have none.", hint)
        if _running_mean(layer) is None:
            hint = "`register_buffer` makes one: in `__init__`, on its own line, with the name that the task gives."
            raise NotYet("The layer has no buffer that is called `running_mean`.", hint)
        expect(_running_mean(layer), torch.zeros(n), what="`running_mean` at first")
        running = torch.zeros(n)
        for training, seed, samples, what in _BATCHES:
            X = randn(samples, n, seed=seed) + 3 * seed + 2
            nn.Module.train(layer, training)
            expect(call(layer, X), X - (X.mean(dim=0) if training else running), what=f"the output for {what}")
            if training:
                running = running + (X.mean(dim=0) - running) / 10
            expect(_running_mean(layer), running, what=f"`running_mean` after {what}")
        nn.Module.train(layer, True)
        X, weights = randn(4, n).requires_grad_(), randn(4, n, seed=1)
        output = call(layer, X, may_change=True)
        grads = torch.autograd.grad((output * weights).sum(), X, retain_graph=True) if output.requires_grad else ()
        if not grads or not torch.allclose(grads[0], weights - weights.mean(dim=0), atol=1e-5):
            hint = "Only the update may use `no_grad` or `detach`: earlier layers learn through the output."
            raise NotYet("The numbers are right, but the gradient gets lost on its way to the inputs.", hint)
        if _running_mean(layer).requires_grad:
            hint = "Remember `mean.detach()`: otherwise the buffer keeps every batch so far in memory."
            finding = "The numbers are right, but behind layers that learn, `running_mean` gets a graph that grows."
            raise NotYet(finding, hint)


def _running_mean(layer: nn.Module) -> Any:
    return dict(nn.Module.named_buffers(layer)).get("running_mean")


_BATCHES = (  # in train mode or not, a seed (each has another mean), number of samples
    (True, 0, 4, "the first batch in train mode"),
    (False, 1, 4, "a batch in eval mode after one in training"),
    (True, 3, 4, "another batch in train mode"),
    (False, 4, 4, "a batch in eval mode after two in training"),
    (False, 5, 1, "a single sample in eval mode"),
)


def _ended(*end: nn.Module) -> nn.Module:
    """A convolution and a pooling, and then these layers, where [N, 512] arrives."""
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), *end)


@book.exercise(
    "A small network for colour",
    goal="design a network to a specification, and check it",
    minutes=22,
    difficulty=3,
    why="A hidden layer of 512 for such images would take 1,573,376 parameters by itself. Try how few can do.",
    mistakes=lambda: {
        "Drop some features in training: `nn.Dropout(p)`, p between 0 and 1.": _ended(nn.Linear(512, 10)),
        "After the last layer, dropout sets scores to 0: put it before.": _ended(nn.Linear(512, 10), nn.Dropout(0.2)),
    },
)
def colour_net(answer: Any) -> None:
    """A convolutional network for colour images of 32 x 32 with few parameters and dropout."""
    X = randn(5, 3, 32, 32)
    expect_module(answer, X, output_shape=[5, 10])
    _expect_no_softmax(answer, X)
    if not any(issubclass(type(module), nn.Conv2d) for module in nn.Module.modules(answer)):
        raise NotYet("There is no convolution among the layers.", "The task wants one, `nn.Conv2d(3, ...)`.")
    parameters = sum(parameter.numel() for parameter in nn.Module.parameters(answer))
    if parameters > 20_000:
        hint = "Which layer has most of them? Images that get smaller before the last layer make it cheap."
        raise NotYet(f"Parameters: expected 20,000 or fewer, received {parameters:,}.", hint)
    in_training, in_eval = copy.deepcopy(answer), copy.deepcopy(answer)
    nn.Module.train(in_training, True), nn.Module.train(in_eval, False)
    output = call(in_eval, X)
    _expect_activations(output.grad_fn)
    with torch.no_grad():
        passes = [call(in_training, X) for _ in range(4)]
    if torch.equal(passes[0], passes[1]):
        raise NotYet("In train mode, the output is the same each time: nothing is dropped.")
    if any(bool((scores == 0).any()) for scores in passes):
        raise NotYet("In train mode, some of the scores are 0: they were dropped.")
    _expect_all_pixels(in_eval, X)
    with torch.no_grad():
        alone, together = call(in_eval, X[:1]), call(in_eval, X)
    if alone.shape != (1, 10) or not torch.allclose(alone, together[:1], rtol=1e-3, atol=1e-4):
        raise NotYet("In eval mode, an image gets other scores alone than among others.")


_LAYERS = {"Convolution": "a convolution", "Addmm": "a linear layer", "Mm": "a linear layer"}
_PASSIVE = ("View", "Reshape", "Alias", "Permute", "Transpose", "Pool", "Mean", "BatchNorm", "Clone", "queeze", "TBack")
_ACTIVATIONS = ("Relu", "Sigmoid", "Tanh", "Elu", "Gelu", "Silu", "Clamp", "Softplus", "Threshold", "Mish", "Softmax")


def _expect_activations(output: Any) -> None:
    """No activation after the last layer with weights, and one between any two, as the graph of eval mode shows."""
    if any(_kind(node).startswith(_ACTIVATIONS) for node in _next_active([output])):
        hint = "Nothing comes after the last layer: scores may be any numbers."
        raise NotYet("After the last layer with weights comes an activation.", hint)
    graph = [output]
    for node in graph:
        before = [one for one, _ in node.next_functions if one is not None]
        graph += [one for one in before if one not in graph]
        later = _LAYERS.get(_kind(node))
        for earlier in (_LAYERS.get(_kind(one)) for one in _next_active(before)):
            if later and earlier:
                both = f"{earlier} and {later}" if earlier != later else f"two {later.partition(' ')[2]}s"
                hint = "Without one, such as ReLU, the two can do no more than a single layer."
                raise NotYet(f"There is no activation between {both}.", hint)


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
    seen = torch.zeros(3) if slopes is None else slopes.any(dim=0).float().mean(dim=(1, 2))  # fraction of each channel
    if not bool((seen > 0.2).all()):  # a global maximum looks at few
        raise NotYet("The answer depends on a part of the image only.", "Are channels, windows or images cut off?")
