"""The checks of notebook 7, Digits."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import Case, NotYet, call, expect, expect_callable, expect_module, expect_results
from helpers.checks.core import Book, either, seeded, template

book = Book(7)
progress = book.progress


_count = template(
    """
    def count_parameters(s):
        pairs = [*zip(s, s[1:])]
        weights, biases, scales = sum(n * m for n, m in pairs), sum(s[1:]), sum(s[1:-1])
        linear = weights + biases
        return $result
    """
)


@book.exercise(
    "Count what it learns",
    goal="count the parameters of a network without building it",
    minutes=4,
    difficulty=1,
    why="In `float32`, four bytes for each; training also keeps gradients, Adam's averages and the layers' outputs.",
    mistakes={
        "The linear layers are right. What does each batch norm learn?": _count("linear"),
        "For each output, a `Linear` has one bias, and a batch norm two numbers.": _count(
            *("linear + scales", "linear + 2 * (len(s) - 2)", "weights + 2 * scales", "weights + 2 * biases"),
            *("weights + len(pairs) + 2 * scales", "weights + sum(s[:-1]) + 2 * scales", "weights + scales", "weights"),
        ),
        "Batch norm follows all but the last `Linear`.": _count(
            *("linear + 2 * sum(s[1:])", "linear + 2 * sum(s[:-1])", "linear + 2 * sum(s)", "linear + 2 * biases - 2")
        ),
        "The last `Linear` counts too, without a batch norm.": _count("linear - (s[-2] + 1) * s[-1] + 2 * scales"),
        "Leave out running mean, variance and count: they are not trained.": _count(
            "linear + 4 * scales", "linear + 4 * scales + len(s) - 2", "linear + 5 * scales"
        ),
        "Calculate: no machine could hold this layer.": _count("[*map(nn.Linear, s, s[1:])] and linear + 2 * scales"),
        "A `Linear` leads from each size to the next, 784 to 512, 512 to 256 and so on, with `a * b` weights.": _count(
            "sum(n + m for n, m in pairs)", "sum(n * m + 3 * m for n, m in pairs[::2]) - 2 * s[-1]"
        ),
        "The last layer is found by its position, not its size.": _count("linear + 2 * sum({*s[1:]} - {s[-1]})"),
    },
)
def count_parameters(answer: Any) -> None:
    """The number of parameters of a network like the page's, from the sizes of its layers."""
    counted = {(784, 512, 256, 128, 10): 569_226, (3, 2): 8, (5, 4, 3): 47, (10, 10, 10, 10): 370, (1, 7, 1): 36}
    counted[2_000_000_000, 2_000_000_000] = 4_000_000_002_000_000_000  # no machine could hold such a layer
    try:
        expect_results(answer, [Case(([*sizes],), wanted) for sizes, wanted in counted.items()], what="the number")
    except NotYet as finding:
        if type(finding.observed) is int and finding.wanted == 569_226:
            finding.args += (
                "Compare with smaller ones by hand: [3, 2] has 3 * 2 weights and 2 biases, [5, 4, 3] has 47.",
            )
        raise


_order = template(
    """
    def doubtful(outputs, k):
        p = $scores
        two = p.topk(2, dim=1).values
        gaps = $gaps
        return $result
    """,
    result="gaps.argsort()[:k]",
    scores="outputs.softmax(dim=1)",
    gaps="two[:, 0] - two[:, 1]",
)


@book.exercise(
    "In two minds",
    goal="find the images about which a network is in doubt",
    minutes=5,
    difficulty=2,
    why="Where a mistake is costly, these are the ones to hand to a person. Try it on `outputs`, and look at them.",
    mistakes={
        "These are the images with the largest gap, of which the network is surest.": _order("(-gaps).argsort()[:k]"),
        "These are differences of logits, or ratios: take differences of probabilities.": _order(scores="outputs"),
        "This looks at the largest alone. How near is the second largest?": _order("p.amax(dim=1).argsort()[:k]"),
        "The right images: the most doubtful one comes first.": _order("gaps.argsort()[:k].sort().values"),
        "Take the two largest of each image, two columns, whatever `k` is.": _order(
            *("p.topk(2, 0).values.diff(dim=0).neg()[0].argsort()[:k]", "(two[0] - two[1]).argsort()[:k]"),
            "-p.topk(k, dim=1).values.diff(dim=1)[:, 0].argsort()[:k]",
        ),
        "Softmax runs over the classes of each image: which `dim=` is that?": _order(scores="outputs.softmax(dim=0)"),
        "`argsort` alone gives the indices: twice, it gives each image's rank.": _order("gaps.argsort().argsort()[:k]"),
        "`topk` returns values and indices: the two largest are the columns of its `.values`.": _order(
            gaps="p.topk(2, dim=1)[0] - p.topk(2, dim=1)[1]"
        ),
        "Compare only the two likeliest classes of each image.": _order("(p * p.log()).sum(dim=1).argsort()[:k]"),
        "`sort` begins with the smallest: the two largest are the last two columns, -1 and -2.": _order(
            gaps=tuple(f"p.sort(dim=1).values[:, :2].diff(dim=1)[:, 0]{negative}" for negative in ("", ".neg()"))
        ),
    },
)
def doubtful(answer: Any) -> None:
    """The k images whose two likeliest classes are nearest to each other."""
    cases = []
    for n, classes, k in ((8, 10, 3), (6, 4, 1), (5, 2, 5), (12, 3, 4)):
        outputs = 3 * torch.randn(n, classes, generator=seeded(n + 9))
        gaps = {}
        for image, logits in enumerate(outputs.double().tolist()):
            second, first = sorted(math.exp(logit) for logit in logits)[-2:]
            gaps[image] = (first - second) / sum(math.exp(logit) for logit in logits)
        cases.append(Case((outputs, k), torch.tensor(sorted(gaps, key=gaps.__getitem__)[:k])))
    expect_results(answer, cases, what="the indices", without_loop=True)


def _trials() -> list[tuple[str, nn.Module, Tensor]]:
    """Networks in all modes, with inputs for them."""
    torch.manual_seed(0)
    X = torch.randn(4, 3)
    block = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LeakyReLU(0.1), nn.Dropout(0.3), nn.Linear(4, 2))
    look = nn.Sequential(nn.Conv2d(1, 2, kernel_size=3), nn.BatchNorm2d(2), nn.ReLU())
    cnn = nn.Sequential(look, nn.Flatten(), nn.Linear(2 * 4 * 4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))
    return [
        ("a network in train mode", block.train(), X),
        ("the same network in eval mode", copy.deepcopy(block).eval(), X),
        ("a network without batch norm", nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)).train(), X),
        ("a small CNN in train mode", cnn, torch.randn(3, 1, 6, 6)),
    ]


_RUNS: list[bool] = []  # in which mode each layer ran, of a network or of a copy of it


def _note_mode(layer: nn.Module, *_: Any) -> None:
    """A hook that a copy of a layer has, too, by `deepcopy` or by saving and loading."""
    _RUNS.append(layer.training)


_changes = template(
    """
    def changed_by(model, X):
        before, tried = $before, $tried
        outputs = $outputs
        after = tried.state_dict()
        changed = [name for name in before if not torch.equal(before[name], after[name])]
        return $result
    """,
    {"copy": copy},
    result="changed",
    before="model.state_dict()",
    tried="copy.deepcopy(model)",
    outputs="tried(X)",
)


@book.exercise(
    "Who has changed",
    goal="find out what a forward pass changes in a network, and leave the network as it is",
    minutes=7,
    difficulty=2,
    why="Call it on `careless` with a batch: it names what a forgotten `eval()` changes.",
    mistakes={
        "`copy.copy` and `state_dict` copy no tensors: use `deepcopy`.": _changes(tried=("model", "copy.copy(model)")),
        "Compare the whole `state_dict` with that of the copy that ran.": _changes("[]"),
        "A copy of the `state_dict` shows the change; on what could the forward pass run to cause none?": _changes(
            before="copy.deepcopy(model.state_dict())", tried="model"
        ),
        "Run the batch in the mode in which the network is given: leave out `train()` and `eval()`.": _changes(
            tried=tuple(f"copy.deepcopy(model{m}()" for m in (").train", ").eval", ".train()).float", ".eval()).float"))
        ),
        "Only a forward pass shows what changes: in eval mode, nothing does.": _changes("[]", outputs="None"),
        "Compare the values: a forward pass changes no parameter.": _changes("[*before]"),
        "Return the whole name, as it is in the `state_dict`.": _changes("[name.split('.')[-1] for name in changed]"),
    },
)
def changed_by(answer: Any) -> None:
    """The names in the state_dict that one forward pass changes."""
    expect_callable(answer, "`changed_by`")
    for name, model, X in _trials():
        before = copy.deepcopy(model.state_dict())
        modes = [(part, part.training) for part in model.modules()]
        tried = copy.deepcopy(model)
        tried(X)
        wanted = [key for key, old in before.items() if not torch.equal(tried.state_dict()[key], old)]
        layers = [part for part in model.modules() if not [*part.children()]]
        for layer in layers:
            layer.register_forward_hook(_note_mode)
        _RUNS.clear()
        result = call(answer, model, X, may_change=True)
        if any(part.training != mode for part, mode in modes):
            raise NotYet(f"Your function switches {name} to another mode.")
        if not _RUNS:
            raise NotYet("No batch ran through the network, or through a copy of it.")
        if [layer.training for layer in layers] * (len(_RUNS) // len(layers)) != _RUNS:
            raise NotYet(f"The batch ran in another mode than that of {name}.")
        harmed = any(not torch.equal(model.state_dict()[key], old) for key, old in before.items())
        if harmed and type(result) is list and not result:
            raise NotYet(f"The list is empty, though {name} has changed.")
        expect(result, wanted, what=f"the result for {name}")
        if harmed:
            raise NotYet(f"The names are right, but now {name} itself has changed.")


_cnn = template(
    """
    def make_colour_cnn():
        return nn.Sequential(
            nn.Conv2d(3, 8, 5, 2, 2), nn.BatchNorm2d(8), nn.LeakyReLU(0.1),
            nn.Conv2d(8, 32, 5, 2, 2), nn.BatchNorm2d(32), nn.LeakyReLU(0.1),
            nn.Flatten(), nn.Dropout(0.3), $linear
        )
    """,
)
_AS_MADE = (
    "Three numbers change for the other images; all else, and the order, is as in `make_cnn`. Compare line by line."
)


@book.exercise(
    "In colour",
    goal="fit a convolutional network to images of another size",
    minutes=6,
    difficulty=2,
    why="CIFAR-10, a usual next data set, has images of this size (and ten classes).",
    mistakes={
        "Each stride of 2 halves height and width: 32, 16, and then? How many numbers leave `Flatten`?": _cnn(
            linear=tuple(f"nn.Linear({n}, 5)" for n in (32 * 7 * 7, 32 * 16 * 16, 32 * 32 * 32, 8 * 8, 32))
        ),
        "The images are of 5 classes: one output for each.": _cnn(linear="nn.Linear(2048, 10)"),
    },
)
def make_colour_cnn(answer: Any) -> None:
    """A CNN like the page's for images [N, 3, 32, 32] of 5 classes."""
    expect_callable(answer, "`make_colour_cnn`")
    model, another = call(answer), call(answer)
    if model is None:
        raise NotYet("`make_colour_cnn` returned None.", observed=None, wanted=1)
    for one in (model, another) if isinstance(model, nn.Module) else ():
        call(one, torch.rand(4, 3, 32, 32))  # lazy layers get their sizes
    expect_module(model, torch.rand(4, 3, 32, 32), output_shape=[4, 5])
    _expect_layers_of_the_page(model, torch.randn(8, 3, 32, 32))
    if torch.equal(*(next(nn.Module.parameters(one)) for one in (model, another))):
        raise NotYet("Your function returns the same network each time.", "Make a new one in each call.")


def _expect_layers_of_the_page(model: nn.Module, X: Tensor) -> None:
    """The layers with parameters, one by one; the others by the output of a network like the page's, in both modes."""
    blocks = [[nn.Conv2d(n, m, 5, 2, 2), nn.BatchNorm2d(m), nn.LeakyReLU(0.1)] for n, m in ((3, 8), (8, 32))]
    page = nn.Sequential(*blocks[0], *blocks[1], nn.Flatten(), nn.Dropout(0.3), nn.Linear(2048, 5))
    ran: list[nn.Module] = []
    for layer in nn.Module.modules(model):
        if [*layer.parameters(recurse=False)]:
            layer.register_forward_hook(lambda layer, *_: ran.append(layer))
    call(model.eval(), X)
    like = [layer for layer in page if [*layer.parameters()]]
    names, wanted = ([type(layer).__name__ for layer in layers] for layers in (ran, like))
    if names != wanted:
        listed = ", ".join(f"`{name}`" for name in names)
        raise NotYet("The layers with parameters are not those of `make_cnn`.", f"Yours run in this order: {listed}.")
    for layer, other in zip(ran, like, strict=True):
        for option in ("out_channels", "kernel_size", "stride", "padding", "in_features"):
            if getattr(layer, option, None) != getattr(other, option, None):
                raise NotYet(f"`{option}` of a `{type(layer).__name__}` is not that of `make_cnn`.", _AS_MADE)
        if isinstance(other, nn.Conv2d):
            nn.init.zeros_(other.bias)  # the page's have none
        other.load_state_dict(layer.state_dict(), strict=False)
    simple = [one for one in nn.Module.modules(model) if not [*one.children()] and not [*one.parameters()]]
    for training in (False, True):
        outputs = []
        for network in (model, page):
            torch.manual_seed(0)  # for dropout
            outputs.append(network.train(training)(X))
        if not torch.allclose(*outputs, rtol=1e-3, atol=1e-5):
            mode = "train" if training else "eval"
            found = f"In {mode} mode, the layers without parameters do something else than those of `make_cnn`."
            raise NotYet(found, f"Yours: {', '.join(f'`{one}`' for one in simple) or 'none'}.", _AS_MADE)


_centred = template(
    """
    def centred(picture):
        if $empty: return picture
        weight, i = $weight, torch.arange(28)
        rows, columns, ink = weight.sum(dim=1), weight.sum(dim=0), weight.sum().item()
        row, column = ((rows * i).sum() / ink).item(), ((columns * i).sum() / ink).item()
        $change
        down, right = round(14 - row), round(14 - column)
        return picture.roll($result)
    """,
    result="(down, right), (0, 1)",
    empty="picture.sum() == 0",
    weight="picture",
    change="pass",
)


@book.exercise(
    "Back to the middle",
    goal="move an image's centre of mass to the middle",
    minutes=9,
    difficulty=3,
    why="It is one half of the framing; scaling is the other. Move a digit by four pixels, then let this undo it.",
    mistakes={
        "It was moved the other way: `14 - row` is positive where it must move down, and negative where up.": _centred(
            "(-down, -right), (0, 1)", "(abs(down), abs(right)), (0, 1)"
        ),
        "Rows and columns are exchanged: `sum(dim=1)` gives one number per row.": _centred("(right, down), (0, 1)"),
        "A pixel weighs as much as it has ink.": _centred(weight=("(picture > 0.1).float()", "(picture > 0).float()")),
        "It is a pixel off: the distance to 14 (not to 13.5) is rounded to the nearest integer, not cut off.": _centred(
            "(int(14 - row), int(14 - column)), (0, 1)", "(14 - int(row), 14 - int(column)), (0, 1)"
        ),
        "The centre of mass is the mean position of all the ink: no maximum, and no middle of a box.": _centred(
            change=(
                "row, column = rows.argmax().item(), columns.argmax().item()",
                "row, column = (sum(line.nonzero().aminmax()).item() / 2 for line in (rows, columns))",
            )
        ),
        "Up and down is right. And sideways?": _centred("down, 0"),
        "Sideways is right. And up and down?": _centred("right, 1"),
        "Both shifts went along one dimension, or one long row: with `dims=(0, 1)`, the first is up or down.": _centred(
            "down + right", "down + right, 0", "down + right, 1"
        ),
        "Divide by the ink of the whole image.": _centred(change="row *= ink / 28; column *= ink / 28"),
        "The target is 14, not 13, and rows and columns count from 0.": _centred("(down - 1, right - 1), (0, 1)"),
        "Without ink there is no centre of mass: return the image.": _centred(empty="False"),
    },
)
def centred(answer: Any) -> None:
    """An image moved by whole pixels until its centre of mass is nearest to pixel 14."""
    cases = []
    boxes = (2, 1, 10, 16), (6, 1, 14, 20), (15, 17, 12, 9), (20, 13, 1, 1)
    for seed, (top, left, height, width) in enumerate(boxes):
        image = torch.zeros(28, 28)
        ink = 0.12 + 0.2 * torch.rand(height, width, generator=seeded(seed))
        # Dark at the bottom left and empty at the top left: no other middle is near the centre of mass.
        ink[height // 2 :, : width // 2] += 0.6
        ink[: height // 3, : width // 3] = 0
        image[top : top + height, left : left + width] = ink
        row = top + (ink.sum(dim=1) * torch.arange(height)).sum() / ink.sum()
        column = left + (ink.sum(dim=0) * torch.arange(width)).sum() / ink.sum()
        cases.append(Case((image,), image.roll((round(14 - row.item()), round(14 - column.item())), dims=(0, 1))))
    cases.append(Case((torch.zeros(28, 28),), torch.zeros(28, 28)))
    expect_results(answer, cases, what="the image", dtype=True)


def _reached(model: nn.Module) -> int:
    """For how many epochs the network was trained: that is all it learns here, in its weights and its running mean."""
    return round(model[0].weight[0, 0].item())


# The accuracy after each epoch (the last one is repeated for ever), the patience, the last and the best epoch
_COURSES = (
    ([0.3, 0.25, 0.6, 0.5, 0.7, 0.65, 0.75, 0.7, 0.72, 0.74, 0.8, 0.1], 3, 10, 7),
    ([0.3, 0.2, 0.4, 0.3, 0.5, 0.4, 0.3, 0.2], 2, 7, 5),
    ([0.5, 0.8, 0.8, 0.8, 0.9, 0.1], 2, 4, 2),
    ([0.5, 0.4, 0.9, 0.1], 1, 2, 1),
    ([0.0], 2, 3, 1),
)

_until = template(
    """
    def train_until(model, train_once, judge, patience):
        best, state, waited, kept, epochs = $start, $first, 0, 0, 0
        while $going:
            $round
            epochs += 1
            if accuracy $better best: best, state, kept, waited = accuracy, $state, epochs, $reset
            else: waited += 1; $then
        $put_back
        return $result
    """,
    {"copy": copy},
    result="epochs",
    start="-1.0",
    first="None",
    going="waited < patience",
    round="train_once(model); accuracy = judge(model)",
    better=">",
    state="copy.deepcopy(model.state_dict())",
    reset="0",
    then="pass",
    put_back="model.load_state_dict(state)",
)


@book.exercise(
    "Project: stop in time",
    goal="train until it no longer helps, and keep the best epoch",
    minutes=15,
    difficulty=3,
    why="It is called early stopping. Give it `train` and `validate` of this page, wrapped to fit: when does it stop?",
    mistakes={
        "Return the number of all epochs, from the first to the last.": _until("kept", "best", "epochs - 1", "waited"),
        "`patience` is not the number of epochs: a new best restarts it.": _until(going="epochs < patience"),
        "It waits one epoch too long.": _until(going="waited <= patience"),
        "It stops an epoch too early.": _until(going="waited < patience - 1"),
        "After a new best, start counting from 0 again.": _until(reset="waited"),
        "An accuracy just as high as the best is not a new best.": _until(better=">="),
        "Compare each accuracy with the best so far, not with the epoch before.": _until(then="best = accuracy"),
        "Train first, then judge the epoch that has ended.": _until(round="accuracy = judge(model); train_once(model)"),
        "It stops at the first epoch without a new best: use `patience`.": _until(going="waited < 1"),
        "The first epoch is a new best, even at 0: begin with a smaller number, and judge after training.": either(
            *(_until(start="0.0"), _until(start=("0.0", "judge(model)"), first="copy.deepcopy(model.state_dict())"))
        ),
        "A `state_dict` changes with its network. Keep a deep copy.": _until(state="model.state_dict()"),
        "Put back what you kept into the given `model`, after the loop.": _until(put_back="pass"),
        "Besides its parameters a network has buffers, such as a running mean. A `state_dict` has both.": _until(
            state="copy.deepcopy(dict(model.named_parameters()))", put_back="model.load_state_dict(state, strict=False)"
        ),
    },
)
def train_until(answer: Any) -> None:
    """Early stopping: trains until the patience is used up, and leaves the best epoch in the model."""
    expect_callable(answer, "`train_until`")
    for accuracies, patience, epochs, kept in _COURSES:
        model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        loaded: list[int] = []  # for how many epochs the model is trained when something was put back
        model.register_load_state_dict_post_hook(lambda module, _, loaded=loaded: loaded.append(_reached(module)))
        for parameter in model.parameters():
            nn.init.zeros_(parameter)
        trained: list[nn.Module] = []

        def train_once(model: nn.Module, trained: list[nn.Module] = trained) -> None:
            if len(trained) >= 50:
                hint = "What ends the loop? Each epoch without a new best must bring it nearer to its end."
                raise NotYet("The training still goes on after 50 epochs, long after the last new best.", hint)
            trained.append(model)
            with torch.no_grad():
                for tensor in (*model.parameters(), model[1].running_mean):
                    tensor.add_(1)

        def judge(model: nn.Module, accuracies: list[float] = accuracies) -> float:
            return accuracies[min(_reached(model), len(accuracies)) - 1] if _reached(model) else 0.0

        train_once.__qualname__, judge.__qualname__ = "train_once", "judge"  # as messages have them
        course = ", ".join(f"{accuracy:g}" for accuracy in accuracies)
        given = f"with the accuracies {course} ... and patience {patience}"
        result = call(answer, model, train_once, judge, patience, may_change=True)
        expect(len(trained), epochs, what=f"the number of epochs trained {given}", reveal=True)
        expect(result, epochs, what=f"the result {given}", reveal=True)
        now, right = _reached(model), "The number of epochs is right, but the model"
        if now != kept:
            changed = ", the last: what was put back had changed with it" * (now == epochs and epochs in loaded)
            raise NotYet(f"{right} has the weights of epoch {now}{changed} ({given}).")
        if any((t != kept).any() for t in (*model.parameters(), model[1].running_mean)):
            raise NotYet(f"{right} is a mixture of two epochs ({given}).")
