"""The safe grammar: what it computes is what Python would, and nothing but tensor expressions is computed at all."""

import contextlib
import re
import time
from pathlib import Path

import pytest
import torch

from helpers.widgets import expressions
from helpers.widgets.expressions import FUNCTIONS, parse
from helpers.widgets.panel import RefusalError
from tests.helpers.widgets.panels import HOSTILE_TEXTS

X = torch.arange(12.0).reshape(3, 4) - 5
W = torch.tensor([0.5, -1.0, 2.0, 1.5])


def value(text, x=X, w=W):
    return parse(text, ["x", "w"], example="w * x").value(x=x, w=w)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", X),
        ("w * x + 1", W * X + 1),
        ("(w*x - 2)**2 / 3", (W * X - 2) ** 2 / 3),
        ("-x % 4", -X % 4),
        ("x @ w", X @ W),
        ("2 - 3 * 0.5", torch.tensor(0.5)),
        ("relu(x)", X.relu()),
        ("torch.relu(x)", X.relu()),
        ("(w * x).relu().sum()", (W * X).relu().sum()),
        ("x[1]", X[1]),
        ("x[-1, 1:3]", X[-1, 1:3]),
        ("x[:, ::2]", X[:, ::2]),
        ("x[..., None, 0]", X[..., None, 0]),
        ("x[[0, 2], [1, 3]]", X[[0, 2], [1, 3]]),
        ("x[(x > -2) & ~(x == 3) | (x <= -4)]", X[(X > -2) & ~(X == 3) | (X <= -4)]),
        ("x[x % 2 != 0][1]", X[X % 2 != 0][1]),
        ("  x[ 0 ]  ", X[0]),
        ("x[True]", X[True]),
    ],
)
def test_computes_what_python_would(text, expected):
    assert torch.equal(value(text), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function(name):
    x = torch.tensor([0.5, 2.0])
    assert torch.equal(value(f"{name}(x)", x=x), getattr(torch, name)(x))


def test_gradients_flow_and_tensors_stay_as_they_are():
    x, w = torch.tensor(3.0), torch.tensor(2.0, requires_grad=True)
    value("(w * x - 1) ** 2", x=x, w=w).backward()
    assert w.grad.item() == 2 * (2 * 3 - 1) * 3
    assert (x.item(), w.item()) == (3, 2)


def test_names_in_the_order_given_and_indices_told_apart():
    assert parse("w + x", ["x", "w"], example="x").names == ("x", "w")
    assert parse("2 * w", ["x", "w"], example="x").names == ("w",)
    assert parse("x[0][1:]", ["x"], example="x").is_index
    assert not parse("x[0] + 1", ["x"], example="x").is_index
    assert not parse("relu(x)[0]", ["x"], example="x").is_index


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"received nothing\. Type w \* x, for example\.$"),
        ("x[0", r"received x\[0, which is not complete"),
        ("x +", "not complete"),
        ("y * 2", "received the name y"),
        ("x ^ 2", r"Write \*\* for a power"),
        ("'x'", "received the sign"),
        ("x = 1", "not complete"),
        ("sort(x)", "Expected one of the functions relu, .*: received sort"),
        ("relu(x, w)", "Expected one tensor for relu: received 2"),
        ("relu()", "Expected one tensor for relu: received 0"),
        ("x.numpy()", "received numpy"),
        ("x.grad", r"received x\.grad, which cannot stand there"),
        ("x.__class__", "which cannot stand there"),
        ("relu(x=x)", "which cannot stand there"),
        ("x < 1 < 2", r"Write \(x > 1\) & \(x < 5\)"),
        ("x and w", "which cannot stand there"),
        ("[x]", "which cannot stand there"),
        ("x[0:2, *x]", "which cannot stand there|not complete"),
        ("9999999999 * x", "Expected numbers up to 1,000,000"),
        ("x[[[0, 1], [1, 2]]]", r"Expected numbers in a list .*: received \[\[0, 1\], \[1, 2\]\]"),
        ("x[[None, 1]]", "Expected numbers in a list"),
        ("x[5]", "IndexError: index 5 is out of bounds for dimension 0 with size 3. Change the expression"),
        ("x[::-1]", "ValueError: step must be greater than zero"),
        ("1 / 0", "ZeroDivisionError"),
        ("x[0.5]", "TypeError|IndexError"),
        ("x + x[:, :2]", "RuntimeError: The size of tensor"),
        ("x[(x > 0) & 1.5]", "NotImplementedError|RuntimeError|TypeError"),
        ("10**10**10", "OverflowError"),
        ("x" * 101, "up to 100 letters: received 101"),
        ("x+" * 45 + "x", "a few terms"),
    ],
)
def test_refused_in_words(text, said):
    with pytest.raises(RefusalError, match=said):
        value(text)


def test_refused_before_memory_is_asked_for():
    x = torch.arange(900.0).reshape(30, 30)
    assert value("x[:, 0] * x[:, 1, None]", x=x).shape == (30, 30)
    for text in ("x[:, :, None, None] * x", "x[:, None] * x[:, :, None]"):
        with pytest.raises(RefusalError, match="up to 100,000 cells"):
            value(text, x=x)


def test_nothing_typed_raises_anything_else_or_takes_long():
    start = time.perf_counter()
    for text in HOSTILE_TEXTS:
        for x in (X, X.long(), torch.tensor(2.0), torch.tensor([])):
            try:
                assert isinstance(value(text, x=x), torch.Tensor)
            except RefusalError as refusal:
                assert str(refusal).endswith(".")  # noqa: PT017
                assert len(str(refusal)) < 600  # noqa: PT017
    assert time.perf_counter() - start < 5


def test_random_tokens():
    """Grammar-shaped nonsense, as fuzzing makes it, of everything that the grammar knows."""
    tokens = "x w 0 1 2.5 -1 + - * / ** % @ & | ~ ( ) [ ] , : ... None True relu( .sum() torch. log( > == [0,1]"
    chance = torch.Generator().manual_seed(0)
    tokens, computed = tokens.split(), 0
    for _ in range(3000):
        length = int(torch.randint(1, 9, (1,), generator=chance))
        text = "".join(tokens[i] for i in torch.randint(len(tokens), (length,), generator=chance))
        with contextlib.suppress(RefusalError):
            computed += isinstance(value(text), torch.Tensor)
    assert computed > 50


def test_nothing_in_the_widgets_evaluates_text():
    sources = [path.read_text(encoding="utf-8") for path in Path(expressions.__file__).parent.glob("*.py")]
    assert len(sources) > 5
    assert not [source for source in sources if re.search(r"(?<![.\w])(eval|exec|compile|__import__)\(", source)]
