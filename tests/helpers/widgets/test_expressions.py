"""The expressions: the result is Python's, and nothing but tensor expressions is computed at all."""

import contextlib
import time

import pytest
import torch

from helpers.widgets.expressions import FUNCTIONS, parse
from helpers.widgets.panel import RefusalError
from tests.helpers.widgets.panels import HOSTILE_TEXTS

X = torch.arange(12.0).reshape(3, 4) - 5
W = torch.tensor([0.5, -1.0, 2.0, 1.5])


def value(text, x=X):
    return parse(text, ["x", "w"], example="w * x").value({"x": x, "w": W})


@pytest.mark.parametrize(
    "text",
    [
        *("x", "w * x + 1", "(w*x - 2)**2 / 3", "-x % 4", "x @ w", "torch.relu(x)", "(w * x).relu().sum()", "x[1]"),
        *("x[-1, 1:3]", "x[:, ::2]", "x[..., None, 0]", "x[[0, 2], [1, 3]]", "x[x % 2 != 0][1]", "  x[ 0 ]  "),
        *("x[(x > -2) & ~(x == 3) | (x <= -4)]", "x[True]", "2 - 3 * 0.5 + x"),
        *(f"{name}(x)" for name in FUNCTIONS),
    ],
)
def test_computes_what_python_would(text):
    expected = eval(text.strip(), {**vars(torch), "x": X, "w": W, "torch": torch})
    torch.testing.assert_close(value(text), expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"Expected an expression of x and w: received nothing\. Type w \* x\.$"),
        ("x[0", r"received x\[0, which is not complete"),
        ("y * 2", "Expected x and w, numbers, or the functions relu, .*, mean: received y"),
        ("__import__", "received __import__"),
        ("torch.load(x)", "received load"),
        ("x ^ 2", r"Write \*\* for a power"),
        ("'x'", "received 'x', which is not possible here"),
        ("1j", "not possible here"),
        ("(lambda: x)()", "not possible here"),
        ("relu(x=x)", "not possible here"),
        ("x[[0] * 1000000]", "not possible here"),
        ("1 << 1000000", "not possible here"),
        ("x < 1 < 2", r"Write \(x > 1\) & \(x < 5\)"),
        ("10**10**10", "a power of numbers that may be too large"),
        ("x[[[0, 1], [1, 2]]]", r"Expected numbers in a list .*: received \[\[0, 1\], \[1, 2\]\]"),
        ("x[5]", "IndexError: index 5 is out of bounds for dimension 0 with size 3. Change the expression"),
        ("x.relu", "it raised RuntimeError"),
        ("x" * 101, "up to 100 characters: received 101"),
    ],
)
def test_refused_with_a_reason(text, message):
    with pytest.raises(RefusalError, match=message):
        value(text)


def test_refused_before_a_result_grows_large():
    x = torch.arange(900.0).reshape(30, 30)
    assert value("x[:, None] * x[:, :, None]", x=x).shape == (30, 30, 30)
    with pytest.raises(RefusalError, match="up to 100,000 cells"):
        value("(x[:, :, None, None] * x)[0, 0, 0, 0]", x=x)


def test_hostile_texts_and_random_tokens_end_in_a_tensor_or_a_refusal_and_soon():
    tokens = [*"xw012+-*/%@&|~()[],:>", "2.5", "-1", "**", "...", "None", "True", "==", "[0,1]"]
    tokens += ["relu(", ".sum()", "torch.", "log("]
    chance = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 9, (3000,), generator=chance)
    nonsense = ["".join(tokens[i] for i in torch.randint(len(tokens), (n,), generator=chance)) for n in lengths]
    start, computed = time.process_time(), 0
    for text in (*HOSTILE_TEXTS, *nonsense):
        with contextlib.suppress(RefusalError):
            computed += isinstance(value(text), torch.Tensor)
    assert time.process_time() - start < 5
    assert computed > 50
