"""The checks of notebook 2, Datasets."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from helpers.checks.compare import NotYet, call, describe, expect, expect_callable, expect_class, plain
from helpers.checks.core import Book, either, template

book = Book(2)
progress = book.progress


_lazy = template("def lazy_accuracy(labels): counts, n = labels.bincount(), len(labels); return $result")


@book.exercise(
    "The laziest model",
    goal="count classes, and know the accuracy that needs no learning",
    minutes=3,
    difficulty=1,
    why="A model has learned something only if it beats this number, so know it before you train.",
    mistakes={
        "This is how often that class occurs. Out of how many?": _lazy("counts.max().item()"),
        "This is the class itself. How often is it the right answer?": _lazy("counts.argmax().item()"),
        "That would be right if every class occurred equally often. Count the classes in `labels`.": _lazy(
            "1 / len(labels.unique())", "0.1", "1 / len(counts)"
        ),
        "An accuracy is a fraction, from 0 to 1, not a percentage.": _lazy("100 * counts.max().item() / n"),
        "Divide by the number of examples, not by the number of classes.": _lazy(
            *(f"counts.max().item() / {classes}" for classes in ("len(counts)", "10", "len(labels.unique())"))
        ),
        "The labels are those that you are given: divide by how many there are, `len(labels)`.": _lazy(
            *(f"counts.max().item() / {size}" for size in (60_000, 10_000, 1000, 5000, 50_000))
        ),
        "`argmax` gives the class; `max` gives how often it occurs.": _lazy("counts.argmax().item() / n"),
        "Do not round the result: return the fraction as it is.": _lazy(
            *(f"round(counts.max().item() / n, {digits})" for digits in (1, 2, 3))
        ),
        "This chooses the class by its index or its position, or the rarest. The lazy model predicts the one that "
        "occurs most often: count them.": _lazy(
            *(f"(labels == {label}).sum().item() / n" for label in ("labels.max()", "labels.min()", "labels.median()")),
            *(f"(labels == labels[{place}]).sum().item() / n" for place in (0, -1)),
            "counts[counts > 0].min().item() / n",
        ),
        "This is the fraction of wrong answers, the error rate.": _lazy("1 - counts.max().item() / n"),
        "`//` drops the fraction: divide with `/`.": _lazy("counts.max().item() // n"),
        "A mean of labels or counts says nothing here: classes are names, not amounts.": _lazy(
            "labels.float().mean().item()", "counts.float().mean().item()"
        ),
    },
)
def lazy_accuracy(answer: Any) -> None:
    """The accuracy of always giving the most frequent class."""
    expect_callable(answer)
    # In the first list, the most frequent class is neither the first, last, smallest, largest nor middle one.
    lists = [
        [3, 2, 9, 9, 8, 8, 2, 5, 3, 6, 8, 8, 4, 9, 2, 4, 6, 2, 8, 3, 8, 0],
        [2, 0, 0, 1, 0, 2],
        [7, 7, 7],
        [1, 9, 9, 1, 5, 9, 9],
        [4],
    ]
    for listed in [*lists, [0, 1, 2, 3], [1, 12, 3, 12, 0, 12, 1]]:
        most = max(listed.count(label) for label in listed)
        result = call(answer, torch.tensor(listed))
        expect(result, most / len(listed), what=f"the accuracy for the labels {listed}", reveal=True)


CHANNELS = (0, 2, 3)  # the dimensions that disappear


def _mean_and_std(X: Tensor, dim: int | tuple[int, ...] = CHANNELS, *, keepdim: bool = True) -> tuple[Tensor, Tensor]:
    return X.mean(dim=dim, keepdim=keepdim), X.std(dim=dim, keepdim=keepdim)


def _scaled_by(numbers: Callable[[Tensor, Tensor, Tensor], tuple[Any, Any]]) -> Callable[..., tuple[Tensor, ...]]:
    """A function that takes two numbers from the training images, the new ones, or the ones to be normalised."""

    def scaled(X_train: Tensor, X_new: Tensor) -> tuple[Tensor, ...]:
        of_both = [(X, *numbers(X_train, X_new, X)) for X in (X_train, X_new)]
        return tuple((X - mean) / std for X, mean, std in of_both)

    return scaled


def _centred_too_early(X_train: Tensor, X_new: Tensor) -> tuple[Tensor, Tensor]:
    X_train = X_train - X_train.mean(dim=CHANNELS, keepdim=True)
    std = X_train.std(dim=CHANNELS, keepdim=True)
    return X_train / std, (X_new - X_train.mean(dim=CHANNELS, keepdim=True)) / std


def _stretched(X_train: Tensor, X_new: Tensor, X: Tensor) -> tuple[Tensor, Tensor]:
    low, high = X_train.amin(dim=CHANNELS, keepdim=True), X_train.amax(dim=CHANNELS, keepdim=True)
    return low, high - low


@book.exercise(
    "The same for both",
    goal="normalise new images with the numbers of the training set",
    minutes=6,
    difficulty=2,
    why="An image that arrives alone has no useful statistics of its own: anyone who uses your model needs the numbers "
    "it was trained with, so save them with it.",
    mistakes={
        "The new images were normalised with their own numbers. Which set should mean and std come from?": either(
            _scaled_by(lambda train, new, X: _mean_and_std(X)),
            _scaled_by(lambda train, new, X: (_mean_and_std(X)[0], _mean_and_std(train)[1])),
            _scaled_by(lambda train, new, X: _mean_and_std(new)),
        ),
        "Mean and std were taken of all images together, the new ones too: that is leakage.": _scaled_by(
            lambda train, new, X: _mean_and_std(torch.cat([train, new]))
        ),
        "One mean was taken of all channels together, not one of each. Which dimension should stay?": either(
            _scaled_by(lambda train, new, X: (train.mean(), train.std())),
            _scaled_by(lambda train, new, X: (train.mean(), _mean_and_std(train)[1])),
            _scaled_by(lambda train, new, X: (X.mean(), X.std())),
        ),
        "Every pixel got a mean of its own. Which dimensions should disappear, and which one should stay?": either(
            _scaled_by(lambda train, new, X: _mean_and_std(train, 0)),
            _scaled_by(lambda train, new, X: _mean_and_std(X, 0)),
        ),
        "Every image got a mean of its own: `dim=` should name the dimension of the images as well.": either(
            *(_scaled_by(lambda train, new, X, dim=dim: _mean_and_std(X, dim)) for dim in (1, (2, 3), (1, 2, 3)))
        ),
        "Each training image has a mean of its own here, and the new images are others. Only the channels should stay: "
        "`dim=` takes a tuple of all other dimensions.": either(
            *(_scaled_by(lambda train, new, X, dim=dim: _mean_and_std(train, dim)) for dim in (1, (2, 3)))
        ),
        "The numbers of the channels have the shape `[C]`, and broadcasting starts at the last dimension: it sets them "
        "against the columns. They should have the shape `[C, 1, 1]` or `[1, C, 1, 1]`.": _scaled_by(
            lambda train, new, X: _mean_and_std(train, keepdim=False)
        ),
        "Rows or columns still have a mean of their own: only the channels should stay, `dim=(0, 2, 3)`.": either(
            _scaled_by(lambda train, new, X: _mean_and_std(train, (0, 2))),
            _scaled_by(lambda train, new, X: _mean_and_std(train, (0, 3))),
        ),
        "Subtract the mean first, in brackets; then divide by the standard deviation.": either(
            lambda train, new: tuple(
                X - train.mean(CHANNELS, True) / train.std(CHANNELS, keepdim=True) for X in (train, new)
            ),
            _scaled_by(lambda train, new, X: (_mean_and_std(train)[0], 1 / _mean_and_std(train)[1])),
            _scaled_by(lambda train, new, X: _mean_and_std(train)[::-1]),
        ),
        "The mean was subtracted, but the result is not divided by the standard deviation.": either(
            _scaled_by(lambda train, new, X: (_mean_and_std(train)[0], 1)),
            _scaled_by(lambda train, new, X: (train.mean(), 1)),
        ),
        "This divides by the standard deviation, but the mean is not subtracted.": _scaled_by(
            lambda train, new, X: (0, _mean_and_std(train)[1])
        ),
        "The new images are unchanged.": lambda X_train, X_new: (
            _scaled_by(lambda train, new, X: _mean_and_std(train))(X_train, X_new)[0],
            X_new,
        ),
        "`X_train` has been centred by the time its mean is taken for the new images, so that mean is 0. Compute both "
        "numbers first, then use them.": _centred_too_early,
        "This stretches the values to 0 to 1. Normalised means: subtract the mean, divide by the standard deviation.": (
            _scaled_by(_stretched)
        ),
        "Divide by the standard deviation, not by its square, the variance.": _scaled_by(
            lambda train, new, X: (_mean_and_std(train)[0], _mean_and_std(train)[1] ** 2)
        ),
        "A mean and a standard deviation of 0.5 are only a guess: take the numbers from `X_train`.": _scaled_by(
            lambda train, new, X: (0.5, 0.5)
        ),
    },
)
def normalise_both(answer: Any) -> None:
    """Training and new images normalised, channel by channel."""
    expect_callable(answer)
    generator = torch.Generator().manual_seed(2)
    for n, m, channels, height, width in ((6, 4, 3, 10, 12), (5, 1, 1, 12, 12), (8, 3, 2, 1, 90)):
        level = torch.linspace(0.2, 0.8, channels).reshape(1, channels, 1, 1)
        X_train = level * torch.rand(n, channels, height, width, generator=generator)
        X_new = 0.3 + 0.5 * torch.rand(m, channels, height, width, generator=generator)
        wanted = [torch.empty_like(X) for X in (X_train, X_new)]
        for channel in range(channels):
            pixels = X_train[:, channel]
            for X, normalised in zip((X_train, X_new), wanted, strict=True):
                normalised[:, channel] = (X[:, channel] - pixels.mean()) / pixels.std()
        result = call(answer, X_train, X_new)
        # A standard deviation that divides by n differs by 7 in 10,000 from one that divides by n - 1: both are right.
        expect(result, tuple(wanted), what=("the training images", "the new images"), reveal=True, rtol=1e-3)


def _over(rule: Callable[[list[Tensor], DataLoader], Any]) -> Callable[[DataLoader], Any]:
    """A function of a loader that applies a rule to its batches."""
    return lambda loader: rule([batch for (batch,) in loader], loader)


def _sum(batches: list[Tensor]) -> float:
    return torch.cat(batches).sum().item()


def _means(batches: list[Tensor]) -> Tensor:
    return torch.stack([batch.mean() for batch in batches])


def _halved(batches: list[Tensor], loader: DataLoader) -> float:
    middle = batches[0].mean()
    for batch in batches[1:]:
        middle = (middle + batch.mean()) / 2
    return middle.item()


@book.exercise(
    "A mean over batches",
    goal="average over examples, not over batches",
    minutes=4,
    difficulty=2,
    why="Every average loss and every accuracy in this course is computed like this: batch by batch, without ever "
    "having all examples in memory.",
    mistakes={
        "This is the mean of the batch means: a short batch counts as much as a full one.": either(
            _over(lambda batches, loader: _means(batches).mean().item()),
            _over(lambda batches, loader: _means(batches).mean()),
        ),
        "This is the mean of the last batch alone. What must be kept from batch to batch?": either(
            _over(lambda batches, loader: batches[-1].mean().item()), _over(lambda batches, loader: batches[-1].mean())
        ),
        "This is the mean of the first batch alone: loop over all of them, and return after the loop.": either(
            lambda loader: next(iter(loader))[0].mean().item(), lambda loader: next(iter(loader))[0].mean()
        ),
        "This is the sum. By what must it be divided?": either(
            _over(lambda batches, loader: _sum(batches)), _over(lambda batches, loader: torch.cat(batches).sum())
        ),
        "The sum was divided by the number of batches. How many examples are there?": _over(
            lambda batches, loader: _sum(batches) / len(batches)
        ),
        "The means were added up, but never divided.": _over(lambda batches, loader: _means(batches).sum().item()),
        "The means were added up and divided by the number of examples: add up the sums of the batches.": _over(
            lambda batches, loader: _means(batches).sum().item() / len(torch.cat(batches))
        ),
        "This counts examples that the loader left out. How many did it hand out?": either(
            _over(lambda batches, loader: _sum(batches) / len(loader.dataset)),
            lambda loader: loader.dataset.tensors[0].mean().item(),
            lambda loader: torch.stack([x for (x,) in loader.dataset]).mean().item(),
        ),
        "This counts every batch as a full one. How many examples did the loader hand out?": either(
            _over(lambda batches, loader: _sum(batches) / (len(batches) * loader.batch_size)),
            _over(lambda batches, loader: _sum(batches) / (len(batches) * 4)),
            _over(lambda batches, loader: _means(batches).sum().item() * loader.batch_size / len(loader.dataset)),
        ),
        "The number of examples is 10 in one loader only: count them while you loop.": _over(
            lambda batches, loader: _sum(batches) / 10
        ),
        "The number of examples is that of the last batch alone: add up the sizes, like the sums.": _over(
            lambda batches, loader: _sum(batches) / len(batches[-1])
        ),
        "The sum is that of the last batch alone: add up the sums, like the sizes.": _over(
            lambda batches, loader: _sum(batches[-1:]) / len(torch.cat(batches))
        ),
        "Do not round the result, and divide with `/`: the mean is wanted as it is.": either(
            _over(lambda batches, loader: _sum(batches) // len(torch.cat(batches))),
            _over(lambda batches, loader: round(_sum(batches) / len(torch.cat(batches)), 2)),
            _over(lambda batches, loader: round(_sum(batches) / len(torch.cat(batches)), 3)),
        ),
        "Each new mean got half of the weight, however many examples came before.": _over(_halved),
        "A batch here is a list of one tensor: take it out with `for (batch,) in loader`.": either(
            lambda loader: [x for x, y in loader],
            lambda loader: [batch.sum() for batch in loader],
            lambda loader: [batch.mean() for batch in loader],
            lambda loader: [batch.numel() for batch in loader],
            lambda loader: [batch.shape for batch in loader],
            lambda loader: torch.cat(list(loader)),
            lambda loader: torch.stack(list(loader)),
            sum,
        ),
    },
)
def mean_over(answer: Any) -> None:
    """The mean over all examples that a loader hands out."""
    expect_callable(answer)
    generator = torch.Generator().manual_seed(3)
    sizes = ((10, 4, False), (6, 3, False), (9, 8, False), (11, 4, True), (5, 10, False))
    for examples, batch_size, drop_last in sizes:
        values = 3 * torch.randn(examples, generator=generator) + 1
        batches = values.split(batch_size)[: examples // batch_size if drop_last else None]
        wanted = sum(value for batch in batches for value in batch.tolist()) / sum(map(len, batches))
        result = call(answer, DataLoader(TensorDataset(values), batch_size=batch_size, drop_last=drop_last))
        listed = ", ".join(str(len(batch)) for batch in batches)
        expect(result, wanted, what=f"the mean for batches of {listed}", reveal=True, atol=1e-5)


def _cut(length_of: Callable[[int, int], Any], example: Callable[[Tensor, int, int], Any]) -> type:
    """A data set with these rules for its length and for example i of a series and a window's length L."""

    class Cut(Dataset):
        def __init__(self, series: Tensor, length: int) -> None:
            self.series, self.length = series, length

        def __len__(self) -> Any:
            return length_of(len(self.series), self.length)

        def __getitem__(self, i: int) -> Any:
            return example(self.series, i, self.length)

    return Cut


def _with_length(length_of: Callable[[int, int], Any]) -> type:
    return _cut(length_of, lambda series, i, L: None)


def _with_example(example: Callable[[Tensor, int, int], Any]) -> type:
    return _cut(lambda T, L: T - L, example)


@book.exercise(
    "Windows of a series",
    goal="write a `Dataset` whose examples are cut out when they are asked for",
    minutes=8,
    difficulty=2,
    why="Weather, heartbeats and the next word of a text are learned from windows like these. They overlap, so split "
    "such a series by time, not at random.",
    mistakes={
        "Not every measurement begins an example: what is missing after the last ones?": _with_length(lambda T, L: T),
        "The last window has no measurement after it, so it is not an example.": _with_length(lambda T, L: T - L + 1),
        "One example too few: the last window with a measurement after it counts too. Count them by hand for a short "
        "series.": _with_length(lambda T, L: T - L - 1),
        "The windows do not lie side by side: one begins at each measurement, so there are more of them.": either(
            _with_length(lambda T, L: T // L), _with_length(lambda T, L: T // L - 1)
        ),
        "`length` is the length of one window, not the number of windows.": _with_length(lambda T, L: L),
        "`length` is 3 in one series only: use `length`.": _cut(
            lambda T, L: T - 3, lambda series, i, L: (series[i : i + 3], series[i + 3])
        ),
        "The window begins one too late: example `i` begins at index `i`.": either(
            _with_example(lambda series, i, L: (series[i + 1 : i + 1 + L], series[i + L])),
            _with_example(lambda series, i, L: (series[i + 1 : i + 1 + L], series[i + L + 1 :][:1].sum())),
        ),
        "The second part is the last number of the window, not the one that comes next.": _with_example(
            lambda series, i, L: (series[i : i + L], series[i + L - 1])
        ),
        "The second part is one too far: which index comes right after `i` to `i + length - 1`?": _with_example(
            lambda series, i, L: (series[i : i + L], series[i + L + 1])
        ),
        "The window is right. The second part should be a single number: an index without `:` gives that.": either(
            _with_example(lambda series, i, L: (series[i : i + L], series[i + L : i + L + 1])),
            _with_example(lambda series, i, L: (series[i : i + L], series[i + L :])),
            _with_example(lambda series, i, L: (series[i : i + L], series[i + 1 : i + L + 1])),
        ),
        "An example is a pair: the window, and the number after it.": either(
            _with_example(lambda series, i, L: series[i : i + L]),
            _with_example(lambda series, i, L: series[i : i + L + 1]),
        ),
        "The window includes the number after it: the answer is part of the question.": _with_example(
            lambda series, i, L: (series[i : i + L + 1], series[i + L])
        ),
        "A range leaves out its end, so this window is one short.": _with_example(
            lambda series, i, L: (series[i : i + L - 1], series[i + L])
        ),
        "The windows lie side by side here. Example `i` should begin at index `i`.": either(
            _with_example(lambda series, i, L: (series[i * L : i * L + L], series[i * L + L])),
            _with_example(
                lambda series, i, L: (series[i * L : (i + 1) * L], series[min((i + 1) * L, len(series) - 1)])
            ),
        ),
        "The range ends at `length` for every example: its end should move along with `i`.": _with_example(
            lambda series, i, L: (series[i:L], series[i + L])
        ),
        "All examples have the same window: it should begin at `i`.": either(
            _with_example(lambda series, i, L: (series[:L], series[i + L])),
            _with_example(lambda series, i, L: (series[:L], series[L])),
        ),
        "The second part is the same for every example: it should move along with `i`.": either(
            _with_example(lambda series, i, L: (series[i : i + L], series[L])),
            _with_example(lambda series, i, L: (series[i : i + L], series[-1])),
        ),
        "The first part is a single number: a window is a range, from `i` to before `i + length`.": either(
            _with_example(lambda series, i, L: (series[i], series[i + L])),
            _with_example(lambda series, i, L: (series[i], series[i + 1])),
        ),
    },
)
def windows(answer: Any) -> None:
    """A data set of windows of a series, each with the number after it."""
    expect_class(answer)
    made = []
    for numbers, length in ((8, 3), (5, 1), (4, 3)):
        series = torch.arange(numbers) ** 2 / 10
        made.append((call(answer, series, length), series, length))
    for dataset, series, length in made:
        examples, listed = len(series) - length, f"for a series of {len(series)} and windows of {length}"
        expect(call(dataset.__len__), examples, what=f"the length {listed}", reveal=True)
        for i in sorted({0, min(1, examples - 1), examples - 1}):
            wanted = series[i : i + length], series[i + length]
            what = f"the window of example {i} {listed}", f"the number after the window of example {i} {listed}"
            expect(call(dataset.__getitem__, i), wanted, what=what, reveal=True)


def _divided(
    choose: Callable[[list[int], int, torch.Generator], Any], result: Callable[[list, list, list], Any]
) -> Callable[..., Any]:
    """A split by persons: `choose` draws some, `result` makes the answer of train, val and the listed persons."""

    def divided(persons: Tensor, count: int, generator: torch.Generator) -> Any:
        listed = persons.tolist()
        drawn = choose(listed, count, generator)
        chosen = [i for i, person in enumerate(listed) if person in drawn]
        return result([i for i in range(len(listed)) if i not in chosen], chosen, listed)

    return divided


def _draw(persons: Sequence[int], count: int, generator: torch.Generator | None) -> list[int]:
    names = sorted(set(persons))
    return [names[i] for i in torch.randperm(len(names), generator=generator)[:count]]


def _draws(choose: Callable[[list[int], int, torch.Generator], Any]) -> Callable[..., Any]:
    return _divided(choose, lambda train, val, persons: (train, val))


def _returns(result: Callable[[list, list, list], Any]) -> Callable[..., Any]:
    return _divided(_draw, result)


def _photographs(persons: Tensor, count: int, generator: torch.Generator) -> tuple[list[int], list[int]]:
    order = torch.randperm(len(persons), generator=generator).tolist()
    return order[count:], order[:count]


def _numbers(below: int, count: int, generator: torch.Generator) -> list[int]:
    return torch.randint(0, below, (count,), generator=generator).tolist()


@book.exercise(
    "A split that keeps persons together",
    goal="split a data set without leakage",
    minutes=9,
    difficulty=3,
    why="The result on new persons is usually lower than on new photographs of known ones, and it is the honest one: "
    "your model will meet strangers.",
    mistakes={
        "It is not photographs that should be drawn: draw persons, then see who is in each photograph.": _photographs,
        "Training gets the photographs of the persons that were *not* drawn, and only those.": _returns(
            lambda train, val, persons: ([*range(len(persons))], val)
        ),
        "The two lists are the wrong way round: training comes first.": _returns(
            lambda train, val, persons: (val, train)
        ),
        "Draw from a list in which each person occurs once (`torch.unique`). Drawn from the photographs, from a range "
        "of numbers, or with `randint`, somebody is drawn twice, or nobody at all.": either(
            _draws(lambda persons, count, g: [persons[i] for i in torch.randperm(len(persons), generator=g)[:count]]),
            _draws(lambda persons, count, g: _numbers(max(persons) + 1, count, g)),
            _draws(lambda persons, count, g: _numbers(len(set(persons)), count, g)),
            _draws(lambda persons, count, g: [persons[i] for i in _numbers(len(persons), count, g)]),
            _draws(lambda persons, count, g: torch.randperm(len(set(persons)), generator=g)[:count].tolist()),
        ),
        "The lists should hold the indices of the photographs, from 0 to N - 1, and these are persons: `enumerate` "
        "gives both.": either(
            _returns(lambda train, val, persons: ([persons[i] for i in train], [persons[i] for i in val])),
            _returns(
                lambda train, val, persons: (sorted({persons[i] for i in train}), sorted({persons[i] for i in val}))
            ),
        ),
        "Positions are counted from 0.": _returns(
            lambda train, val, persons: ([i + 1 for i in train], [i + 1 for i in val])
        ),
        "A mask says yes or no for each photograph. The indices are where it says yes: `mask.nonzero().flatten()`.": (
            _returns(lambda train, val, persons: ([i in train for i in range(40)], [i in val for i in range(40)]))
        ),
        "A loop over a tensor gives tensors: loop over `tolist()`, or over a `range`, for integers.": either(
            _returns(lambda train, val, persons: ([*torch.tensor(train)], [*torch.tensor(val)])),
            _returns(lambda train, val, persons: (train, [*torch.tensor(val)])),
        ),
        "`nonzero()` gives a row for each index: `flatten()` makes plain numbers of them.": _returns(
            lambda train, val, persons: ([[i] for i in train], [[i] for i in val])
        ),
        "Give the `generator` to every call that draws at random; `random` and NumPy do not use it.": either(
            _draws(lambda persons, count, g: _draw(persons, count, None)),
            _draws(lambda persons, count, g: random.sample(sorted(set(persons)), count)),
        ),
        "The persons should be drawn at random, with the `generator` as it arrives: the first ones may be alike in "
        "some way.": either(
            _draws(lambda persons, count, g: sorted(set(persons))[:count]),
            _draws(lambda persons, count, g: list(dict.fromkeys(persons))[:count]),
            _draws(lambda persons, count, g: _draw(persons, count, g.manual_seed(0))),
        ),
    },
)
def split_by_person(answer: Any) -> None:
    """Positions of photographs for training and validation; nobody is in both."""
    expect_callable(answer)
    generator = torch.Generator().manual_seed(6)
    sizes, chosen = ((40, 8, 2), (12, 12, 5), (60, 6, 5), (30, 3, 1)), set()
    for photographs, of, count in sizes:
        persons = torch.cat([torch.arange(of), torch.randint(0, of, (photographs - of,), generator=generator)])
        persons = (100 + 10 * persons)[torch.randperm(photographs, generator=generator)]  # a number is no position
        for seed in range(4):
            results = [call(answer, persons, count, torch.Generator().manual_seed(seed)) for _ in range(2)]
            first, again = (_positions(result, persons.tolist(), count) for result in results)
            if first != again:
                raise NotYet("Two generators with the same seed gave two different splits.")
            chosen.add((photographs, *first))
    if len(chosen) == len(sizes):
        raise NotYet("The same persons are put aside, whatever the seed of the generator.")


def _positions(result: Any, persons: list[int], count: int) -> list[int]:
    """The positions for validation, in order, if the result is a split by persons."""
    if type(result) not in (tuple, list) or len(result) != 2 or any(type(part) not in (tuple, list) for part in result):
        parts = f" of {', '.join(map(describe, result[:3]))}" if type(result) in (tuple, list) else ""
        finding = f"Type of the result: expected a tuple of two lists, received {describe(result)}{parts}."
        raise NotYet(finding, observed=result, wanted=([0], [0]))
    train, val = ([plain(i) for i in part] for part in result)
    for wrong in (i for i in [*train, *val] if type(i) is not int):
        raise NotYet(f"The lists should hold indices, integers; one of them holds {describe(wrong).split(' of ')[0]}.")
    if set(train + val) <= set(persons):
        raise NotYet("The numbers in the lists are persons.")
    if not set(train + val) <= set(range(len(persons))):
        raise NotYet("One of the lists has a number that is not an index from 0 to N - 1.")
    if len(set(train)) + len(set(val)) != len(train) + len(val):
        raise NotYet("An index occurs twice in one of the lists.", "Add each photograph once.")
    if set(train) & set(val):
        raise NotYet("Some photographs are in both lists.")
    of_train, of_val = ({persons[i] for i in part} for part in (train, val))
    if of_train & of_val:
        raise NotYet("No photograph is in both lists, but somebody is in both, in different photographs.")
    if len(train) + len(val) != len(persons):
        raise NotYet("Some photographs are in neither list.", "Each photograph belongs into one of the lists.")
    if len(of_val) != count:
        others = " and the first has those of `count`" if len(of_train) == count else ""
        few = "fewer" if len(of_val) < count else "more"
        raise NotYet(f"The second list has the photographs of {few} persons than `count`{others}.")
    return sorted(val)


def _as_they_are(train: Tensor, every: Tensor, part: Tensor) -> tuple[Any, Any]:
    return 0, 1


def _of_training(train: Tensor, every: Tensor, part: Tensor) -> tuple[Any, Any]:
    return train.mean(), train.std()


def _loaders(
    numbers: Callable[[Tensor, Tensor, Tensor], tuple[Any, Any]] = _as_they_are,
    *,
    raw: Callable[[Tensor], Tensor] = lambda X: X.unsqueeze(1) / 255,
    order: Callable[[int, torch.Generator], Tensor] = lambda n, generator: torch.randperm(n, generator=generator),
    cut: Callable[[Tensor, int], tuple[Tensor, Tensor]] = lambda order, n: (order[:n], order[n:]),
    data: Callable[[Tensor, Tensor, Tensor], Any] = lambda X, y, part: TensorDataset(X, y[part]),
    loader: Callable[..., Any] = DataLoader,
    **options: Any,
) -> Callable[..., Any]:
    """A function that makes loaders in small steps; options are for both loaders, those with `val_` for one."""
    of_val = {name.removeprefix("val_"): value for name, value in options.items()}
    of_train = {name: value for name, value in options.items() if not name.startswith("val_")}

    def loaders(X: Tensor, y: Tensor, batch_size: int, generator: torch.Generator) -> Any:
        pixels, parts = raw(X), cut(order(len(X), generator), len(X) * 4 // 5)
        of_both = zip(parts, ({"shuffle": True, **of_train}, {"shuffle": False, **of_val}), strict=True)
        made = []
        for part, own in of_both:
            mean, std = numbers(pixels[parts[0]], pixels, pixels[part])
            made.append(loader(data((pixels[part] - mean) / std, y, part), **{"batch_size": batch_size, **own}))
        return tuple(made)

    return loaders


@book.exercise(
    "Small project: from raw images to loaders",
    goal="split, scale, normalise and batch a data set in the right order",
    minutes=15,
    difficulty=3,
    why="With this you can feed any greyscale images to the networks to come. Next, try it on those of `raw_data`, and "
    "look at a batch with `image_grid(X, value_range=(-1, 2))`.",
    mistakes={
        "These are the data sets. `DataLoader(data, batch_size=...)` makes a loader of each.": either(
            _loaders(loader=lambda data, **options: data),
            _loaders(loader=lambda data, **options: torch.utils.data.Subset(data, range(len(data)))),
        ),
        "`TensorDataset` takes the images and their labels: a batch should have both.": either(
            _loaders(data=lambda X, y, part: TensorDataset(X)), _loaders(data=lambda X, y, part: list(X))
        ),
        "The images come first, then their labels.": _loaders(data=lambda X, y, part: TensorDataset(y[part], X)),
        "These are single batches. Return the loaders.": _loaders(
            loader=lambda data, **options: next(iter(DataLoader(data, **options)))
        ),
        "The dimension of the channel is missing: `unsqueeze(1)` adds it.": _loaders(raw=lambda X: X / 255),
        "The channel comes right after the dimension of the images.": either(
            _loaders(raw=lambda X: X.unsqueeze(-1) / 255), _loaders(raw=lambda X: X.unsqueeze(2) / 255)
        ),
        "The class labels should stay integers, as they are in `y`.": either(
            _loaders(data=lambda X, y, part: TensorDataset(X, y[part].float())),
            _loaders(data=lambda X, y, part: TensorDataset(X, y[part] / 255)),
            _loaders(data=lambda X, y, part: TensorDataset(X, y[part].int())),
        ),
        "One label for each image: `y` has one dimension only.": _loaders(
            data=lambda X, y, part: TensorDataset(X, y[part].unsqueeze(1))
        ),
        "Without `batch_size=`, a loader hands out single images.": either(
            _loaders(batch_size=1), _loaders(val_batch_size=1)
        ),
        "`drop_last=True` leaves out the last batch where it is short, and each image counts.": either(
            _loaders(drop_last=True), _loaders(val_drop_last=True)
        ),
        "Some images are in both parts: cut one order of indices in two.": either(
            _loaders(cut=lambda order, n: (order[:n], order[: len(order) - n])),
            _loaders(cut=lambda order, n: (order[:n], torch.randperm(len(order))[n:])),
        ),
        "Draw each index once: `randperm` gives an order of all of them.": _loaders(
            order=lambda n, generator: torch.randint(0, n, (n,), generator=generator)
        ),
        "The images have been chosen and put in order, and their labels have not: index `y` like `X`.": either(
            _loaders(data=lambda X, y, part: TensorDataset(X, y[: len(X)])),
            _loaders(data=lambda X, y, part: TensorDataset(X, y[: len(X)] if len(X) > len(y) // 2 else y[-len(X) :])),
            _loaders(data=lambda X, y, part: TensorDataset(X, y[part] if len(X) > len(y) // 2 else y[-len(X) :])),
            _loaders(data=lambda X, y, part: TensorDataset(X, y[part][torch.randperm(len(part))])),
        ),
        "The pixels should go from 0 to 1 and then be normalised: subtract the mean, divide by the standard "
        "deviation.": _loaders(),
        "The images are unchanged: scale and normalise them, and keep the result.": _loaders(
            raw=lambda X: X.unsqueeze(1).float()
        ),
        "Mean and std were taken of all images, before the split. Which part alone should they come from?": _loaders(
            lambda train, every, part: (every.mean(), every.std())
        ),
        "The validation images should be normalised with the same two numbers as the training images.": either(
            _loaders(lambda train, every, part: (part.mean(), part.std())),
            _loaders(lambda train, every, part: (train.mean(), train.std()) if len(part) == len(train) else (0, 1)),
        ),
        "One mean and one std are wanted. With `dim=`, each pixel or each image gets its own.": either(
            _loaders(lambda train, every, part: (train.mean(dim=0), train.std(dim=0))),
            _loaders(lambda train, every, part: (every.mean(dim=0), every.std(dim=0))),
            _loaders(
                lambda train, every, part: (
                    part.mean(dim=(1, 2, 3), keepdim=True),
                    part.std(dim=(1, 2, 3), keepdim=True),
                )
            ),
        ),
        "Take both numbers from the training images, in the form in which you normalise them: pixels from 0 to 1.": (
            either(
                _loaders(lambda train, every, part: (255 * train.mean(), 255 * train.std())),
                _loaders(lambda train, every, part: (0.5, 0.5)),
                _loaders(lambda train, every, part: (0.286, 0.353)),
            )
        ),
        "The mean is subtracted, but nothing is divided by the standard deviation.": either(
            _loaders(lambda train, every, part: (train.mean(), 1)),
            _loaders(lambda train, every, part: (train.mean(), train.std() ** 2)),
        ),
        "The mean must be subtracted, before you divide by the standard deviation.": _loaders(
            lambda train, every, part: (0, train.std())
        ),
        "`shuffle=True` makes a training loader draw a new order in every epoch.": _loaders(
            _of_training, shuffle=False
        ),
        "Only training needs `shuffle=True`.": _loaders(_of_training, val_shuffle=True),
        "Give the `generator` to the call that draws the split: `randperm` or `random_split`.": _loaders(
            _of_training, order=lambda n, generator: torch.randperm(n)
        ),
        "The split should be drawn at random: many data sets are sorted in some way. `randperm` gives a random order "
        "of indices.": _loaders(_of_training, order=lambda n, generator: torch.arange(n)),
        "The `generator` arrives with a seed: draw with it as it is, without a seed of your own.": either(
            _loaders(_of_training, order=lambda n, generator: torch.randperm(n, generator=generator.manual_seed(0))),
            _loaders(_of_training, order=lambda n, generator: torch.randperm(n, generator=torch.manual_seed(0))),
        ),
    },
)
def make_loaders(answer: Any) -> None:
    """A training and a validation loader for raw images and labels."""
    expect_callable(answer)
    generator = torch.Generator().manual_seed(7)
    drawn = set()
    for images, batch_size, seed in ((50, 16, 1), (50, 16, 2), (25, 8, 3)):
        X = torch.randint(0, 256, (images, 6, 5), generator=generator, dtype=torch.uint8)
        X[images // 2 :] //= 3
        y = torch.randperm(images, generator=generator)  # each label occurs once, so that it tells its image
        splits = []
        for _ in range(2):
            result = call(answer, X, y, batch_size, torch.Generator().manual_seed(seed))
            splits.append(_expect_loaders(result, X, y, batch_size))
        if splits[0] != splits[1]:
            raise NotYet("Two generators with the same seed gave two different splits.")
        drawn.add(tuple(splits[0]))
    if all(part[-1] - part[0] == len(part) - 1 for part in drawn):
        raise NotYet("The validation images lie side by side in `X`.")
    if len({part for part in drawn if len(part) == 10}) == 1:
        raise NotYet("The split is the same, whatever the seed of the generator.")


NAMES = ("training", "validation")


def _expect_loaders(result: Any, X: Tensor, y: Tensor, batch_size: int) -> list[int]:
    """The positions for validation, in order, if the loaders are as the task wants them."""
    if type(result) not in (tuple, list) or len(result) != 2:
        remedy = "Return both loaders, the one for training first."
        raise NotYet(f"Type of the result: expected a tuple of two DataLoaders, received {describe(result)}.", remedy)
    pixels, epochs = X.unsqueeze(1) / 255, {}
    for name, loader, wanted in zip(NAMES, result, (len(X) * 4 // 5, len(X) // 5), strict=True):
        if not issubclass(type(loader), DataLoader):
            received = "a data set" if issubclass(type(loader), Dataset) else describe(loader)
            raise NotYet(f"Type of the result: expected two DataLoaders; the one for {name} is {received}.")
        batches, again = _batches(loader, name, pixels), _batches(loader, name, pixels)
        if (images := sum(len(labels) for _, labels in batches)) != wanted:
            raise NotYet(
                f"The {name} loader hands out {images} images, and it should be {wanted} of {len(X)}.",
                "Four fifths of the images are for training, the rest for validation.",
            )
        if (images := len(batches[0][1])) != (rows := min(batch_size, wanted)):
            raise NotYet(
                f"The first {name} batch has {images} images; with `batch_size` = {batch_size} it has {rows}.",
                "Give `batch_size` to both loaders.",
            )
        epochs[name] = [[torch.cat(parts) for parts in zip(*epoch, strict=True)] for epoch in (batches, again)]
    place = {label: i for i, label in enumerate(y.tolist())}
    labelled = {name: [place.get(label, -1) for label in first[1].tolist()] for name, (first, _) in epochs.items()}
    seen = {name: _recognised(first[0], pixels, labelled[name]) for name, (first, _) in epochs.items()}
    if any(len(set(seen[name])) < len(seen[name]) for name in NAMES):
        raise NotYet("An image comes twice in the same epoch, and others do not come at all.")
    if set(seen["training"]) & set(seen["validation"]):
        raise NotYet("Some validation images are training images as well. That is leakage.")
    for name in NAMES:
        if labelled[name] != seen[name]:
            raise NotYet(f"The {name} images have the labels of other images.")
    _expect_normalised({name: (first[0], pixels[seen[name]]) for name, (first, _) in epochs.items()}, pixels)
    if torch.equal(*(labels for _, labels in epochs["training"])):
        raise NotYet("Two epochs of training have the same order.")
    if not torch.equal(*(labels for _, labels in epochs["validation"])):
        raise NotYet("Two passes over the validation images have different orders.")
    return sorted(seen["validation"])


def _batches(loader: DataLoader, name: str, pixels: Tensor) -> list[Any]:
    """The batches of one epoch, each a pair of images and labels in the right form."""
    batches = list(loader)
    for batch in batches:
        if type(batch) not in (tuple, list) or [type(part) for part in batch] != [Tensor, Tensor]:
            raise NotYet(f"A {name} batch should be a pair of tensors, `X` and `y`.")
        for part, example, letter in zip(batch, (pixels, torch.zeros(1, dtype=torch.int64)), "Xy", strict=True):
            wanted, received = (
                f"[{', '.join(['n', *map(str, one.shape[1:])])}] {str(one.dtype).removeprefix('torch.')}"
                for one in (example, part)
            )
            if received != wanted:
                raise NotYet(f"`{letter}` in a {name} batch: expected {wanted}, received {received}.")
    return batches


def _recognised(images: Tensor, pixels: Tensor, labelled: list[int]) -> list[int]:
    """Which image each of them is, by what no mean and standard deviation change; otherwise by their labels."""
    rows = [
        (part - part.mean(dim=1, keepdim=True)) / part.std(dim=1, keepdim=True)
        for part in (images.flatten(1), pixels.flatten(1))
    ]
    distances, found = torch.cdist(*rows).min(dim=1)
    return found.tolist() if distances.max() < 0.01 else labelled


def _expect_normalised(parts: dict[str, tuple[Tensor, Tensor]], every: Tensor) -> None:
    """Both parts, each with its pixels, were normalised with the mean and standard deviation of the first."""
    used = {}
    for name, (images, pixels) in parts.items():
        std = pixels.std() / images.std()
        used[name] = (mean := pixels.mean() - std * images.mean()), std
        if not torch.allclose(images * std + mean, pixels, atol=1e-3):
            raise NotYet(f"The {name} images are not their pixels minus one mean, divided by one standard deviation.")
    if not _near(used["validation"], used["training"]):
        raise NotYet("The training and the validation images were not scaled with the same two numbers.")
    images, pixels = parts["training"]
    if _near(used["training"], (pixels.mean(), pixels.std())):
        return
    if _near(used["training"], (0, 1)):
        raise NotYet("The pixels go from 0 to 1, and they are not normalised.")
    if _near(used["training"], (0, 1 / 255)):
        raise NotYet("The pixels still go from 0 to 255.")
    if _near(used["training"], (every.mean(), every.std())):
        raise NotYet("The images are normalised with the mean and the standard deviation of all images.")
    off = ["the mean"] * bool(images.mean().abs() > 2e-3) + ["the standard deviation"] * bool(
        (images.std() - 1).abs() > 2e-3
    )
    verb = "are" if len(off) > 1 else "is"
    raise NotYet(
        f"The training images should have mean 0 and standard deviation 1; {' and '.join(off)} {verb} different."
    )


def _near(numbers: tuple[Any, Any], others: tuple[Any, Any]) -> bool:
    """Whether a mean and a standard deviation, divided by n or by n - 1, are those of the same values."""
    (mean, std), (other_mean, other_std) = numbers, others
    return bool(abs(mean - other_mean) < 2e-3 * other_std and abs(std / other_std - 1) < 2e-3)
