"""The checks of notebook 2, Datasets."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.compare import NotYet, call, describe, expect, expect_class, hinted
from helpers.checks.core import Book

book = Book(2)
progress = book.progress


@book.exercise(
    "The laziest model",
    goal="count classes, and know the accuracy that needs no learning",
    minutes=3,
    difficulty=1,
    why="A model has learned something only if it beats this number, so know it before you train.",
)
def lazy_accuracy(lazy_accuracy: Any) -> None:
    """The accuracy of always giving the most frequent class."""
    for listed in ([2, 0, 2, 1, 2, 0, 2, 2], [7, 7, 7], [1, 9, 9, 1, 5, 9, 9], [4], [0, 1, 2, 3]):
        labels = torch.tensor(listed)
        counts = torch.bincount(labels)
        most = counts.max().item()
        mistakes = {
            "This is how often that class occurs. Out of how many?": most,
            "This is the class itself. How often is it the right answer?": counts.argmax().item(),
            "That would be so if every class occurred equally often.": 1 / len(labels.unique()),
            "An accuracy is a fraction, from 0 to 1, not a percentage.": 100 * most / len(labels),
            "Divide by the number of examples, not by the number of classes.": most / len(counts),
            "Divide by the number of examples, not by ten, the number of classes.": most / 10,
        }
        result = call(lazy_accuracy, labels)
        shown = f"the result for the labels {listed}"
        expect(result, most / len(labels), what=shown, mistakes=mistakes, reveal=True)


class _Statistics(NamedTuple):
    """Mean and standard deviation, in a shape that fits pictures `[N, C, H, W]`."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, X: Tensor, dim: tuple[int, ...] = (0, 2, 3), correction: int = 1) -> _Statistics:
        return cls(X.mean(dim=dim, keepdim=True), X.std(dim=dim, keepdim=True, correction=correction))

    def applied(self, X: Tensor) -> Tensor:
        return (X - self.mean) / self.std


_MISFIT = {  # what PyTorch says, and the hint
    "at non-singleton dimension 0": "There is a mean for every training picture, and the new ones are others. Which "
    "dimensions stay?",
    "must match the size": "Broadcasting compares sizes from the last dimension on. Where do the numbers of the "
    "channels stand?",
}


@book.exercise(
    "The same for both",
    goal="normalise new pictures with the numbers of the training set",
    minutes=6,
    difficulty=2,
    why="A picture that arrives alone has no statistics of its own worth taking: whoever uses your model needs the two "
    "numbers it was trained with, so save them with it.",
)
def normalise_both(normalise_both: Any) -> None:
    """Training and new pictures normalised, channel by channel."""
    generator = torch.Generator().manual_seed(2)
    for n, m, channels, height, width in ((6, 4, 3, 4, 5), (5, 1, 1, 3, 3), (8, 3, 2, 1, 6)):
        level = torch.linspace(0.2, 0.8, channels).reshape(1, channels, 1, 1)
        X_train = level * torch.rand(n, channels, height, width, generator=generator)
        X_new = 0.3 + 0.5 * torch.rand(m, channels, height, width, generator=generator)
        train, new = _Statistics.of(X_train), _Statistics.of(X_new)
        together, whole = _Statistics.of(torch.cat([X_train, X_new])), _Statistics.of(X_train, dim=(0, 1, 2, 3))
        each, population = _Statistics.of(X_train, dim=(2, 3)), _Statistics.of(X_train, correction=0)
        pixel = _Statistics.of(X_train, dim=(0,))
        mistakes = {
            "The new pictures were normalised with their own numbers. Which set do mean and std come from?": (
                train,
                new,
            ),
            "Mean and std were taken of all pictures together, the new ones too: that is leakage.": (
                together,
                together,
            ),
            "One mean was taken of all channels together, not one of each.": (whole, whole),
            "One mean of all channels together, and the spread is as it was: two things are missing.": (
                whole._replace(std=torch.ones(1)),
            )
            * 2,
            "Every pixel got a mean of its own. Which dimensions are to disappear, and which one is to stay?": (
                pixel,
                pixel,
            ),
            "Every picture got a mean of its own.": (each, _Statistics.of(X_new, dim=(2, 3))),
            "A small thing: this standard deviation divides by n, and `std` as the notebook uses it by n - 1.": (
                population,
                population,
            ),
            "The mean was taken away, but the spread is as it was.": (train._replace(std=torch.ones(1)),) * 2,
            "The new pictures are as they were.": (train, _Statistics(torch.zeros(1), torch.ones(1))),
        }
        with hinted(_MISFIT):
            result = call(normalise_both, X_train, X_new)
        expect(
            result,
            (train.applied(X_train), train.applied(X_new)),
            what=f"the result for {n} training and {m} new pictures, channels: {channels}",
            mistakes={hint: (a.applied(X_train), b.applied(X_new)) for hint, (a, b) in mistakes.items()},
            requires_grad=False,
            reveal=True,
        )


@book.exercise(
    "A mean over batches",
    goal="average over examples, not over batches",
    minutes=4,
    difficulty=2,
    why="Every average loss and every accuracy in this course is computed like this: batch by batch, without ever "
    "holding all examples.",
)
def mean_over(mean_over: Any) -> None:
    """The mean over all examples that a loader hands out."""
    generator = torch.Generator().manual_seed(3)
    for examples, batch_size, drop_last in (
        (10, 4, False),
        (6, 3, False),
        (9, 8, False),
        (11, 4, True),
        (5, 10, False),
    ):
        values = 3 * torch.randn(examples, generator=generator) + 1
        loader = DataLoader(TensorDataset(values), batch_size=batch_size, drop_last=drop_last)
        batches = values.split(batch_size)
        if drop_last:
            batches = batches[: examples // batch_size]
        given = torch.cat(batches)
        means = torch.stack([batch.mean() for batch in batches])
        mistakes = {
            "This is the mean of the batch means: a short batch counts as much as a full one.": means.mean().item(),
            "This is the mean of the last batch alone. What must be kept from batch to batch?": means[-1].item(),
            "This is the sum. By what must it be divided?": given.sum().item(),
            "The sum was divided by the number of batches. How many examples are there?": given.sum().item()
            / len(batches),
            "The means were added up, but never divided.": means.sum().item(),
            "This counts examples that the loader left out. How many did it hand out?": given.sum().item() / examples,
            "This counts every batch as a full one. How many examples did the loader hand out?": given.sum().item()
            / (len(batches) * batch_size),
        }
        result = call(mean_over, loader)
        sizes = ", ".join(str(len(batch)) for batch in batches)
        expect(
            result,
            given.mean().item(),
            what=f"the result for batches of {sizes}",
            mistakes=mistakes,
            reveal=True,
            atol=1e-5,
        )


@book.exercise(
    "Windows of a series",
    goal="write a `Dataset` whose examples are cut out when they are asked for",
    minutes=8,
    difficulty=2,
    why="Weather, heartbeats and the next word of a text are learned from windows like these. They overlap, so split "
    "such a series by time, not at random.",
)
def windows(Windows: Any) -> None:
    """A data set of windows of a series, each with the number after it."""
    expect_class(Windows)
    made = []
    for numbers, length in ((8, 3), (5, 1), (4, 3)):
        series = torch.arange(numbers) ** 2 / 10
        made.append((call(Windows, series, length), series, length))
    for dataset, series, length in made:
        count = len(series) - length
        where = f"a series of {len(series)} and windows of {length}"
        lengths = {
            "Not every number begins an example: towards the end, what is missing after it?": len(series),
            "The last window has no number after it, so it is no example.": count + 1,
            "The last window with a number after it is missing. Count them by hand for a short series.": count - 1,
        }
        expect(call(len, dataset), count, what=f"the length of the data set for {where}", mistakes=lengths)
        for i in sorted({0, min(1, count - 1), count - 1}):
            window, after = series[i : i + length], series[i + length]
            mistakes = {
                "The second part is the last number of the window, not the one that comes next.": (window, window[-1]),
                "The window is right. The second part is the single number after it.": (
                    window,
                    series[i + length : i + length + 1],
                ),
                "An example is a pair: the window, and the number after it.": window,
                "The window holds the number after it too: the answer is in the question.": (
                    series[i : i + length + 1],
                    after,
                ),
                "These windows stand side by side. They are to begin one number after another.": (
                    series[i * length : i * length + length],
                    series[min(i * length + length, len(series) - 1)],
                ),
            }
            result = call(operator.getitem, dataset, i)
            expect(result, (window, after), what=f"example {i} for {where}", mistakes=mistakes, reveal=True)
        X, y = call(next, iter(DataLoader(dataset, batch_size=2)), may_change=True)
        size = min(2, count)
        expect(X, torch.stack([series[i : i + length] for i in range(size)]), what="X of the first batch")
        expect(y, series[length : length + size], what="y of the first batch")


@book.exercise(
    "A split that keeps persons together",
    goal="split a data set without leakage",
    minutes=9,
    difficulty=3,
    why="The result on new persons is usually lower than on new photographs of known ones, and it is the honest one: "
    "your model will meet strangers.",
)
def split_by_person(split_by_person: Any) -> None:
    """Positions of photographs for training and validation; nobody is in both."""
    generator = torch.Generator().manual_seed(6)
    chosen = set()
    for photographs, of, count in ((40, 8, 2), (40, 8, 2), (40, 8, 2), (12, 12, 5), (60, 6, 5), (30, 3, 1)):
        persons = torch.cat([torch.arange(of), torch.randint(0, of, (photographs - of,), generator=generator)])
        persons = (10 * persons)[torch.randperm(photographs, generator=generator)]
        seed = int(torch.randint(0, 1000, (1,), generator=generator))
        given = f"{photographs} photographs of {of} persons, {count} of them for validation"
        first, again = (call(split_by_person, persons, count, torch.Generator().manual_seed(seed)) for _ in range(2))
        for result in (first, again):
            _expect_split(result, persons.tolist(), count, given)
        if sorted(first[1]) != sorted(again[1]):
            raise NotYet(
                "Two generators with the same seed gave two different splits.",
                "Give the `generator` to every call that draws at random.",
            )
        if photographs == 40:
            chosen.add(tuple(sorted({int(persons[i]) for i in first[1]})))
    if len(chosen) == 1:
        raise NotYet(
            "Every seed puts the same persons aside.",
            "Draw them at random, with the `generator`: the first persons may be alike in some way.",
        )


def _expect_split(result: Any, persons: list[int], count: int, given: str) -> None:
    if type(result) is not tuple or [type(part) for part in result] != [list, list]:
        received = describe(result)
        if type(result) is tuple:
            received = f"a tuple of {', '.join(describe(part) for part in result[:3])}"
        raise NotYet(f"Type of the result for {given}: expected a tuple of two lists, received {received}.")
    train, val = result
    wrong = next((i for i in [*train, *val] if type(i) is not int), None)
    if wrong is not None:
        raise NotYet(f"The lists are to hold positions, whole numbers; one of them holds {describe(wrong)}.")
    if any(not 0 <= i < len(persons) for i in [*train, *val]):
        raise NotYet(f"For {given}: there is a position outside of 0 to {len(persons) - 1}.")
    if len(set(train)) + len(set(val)) != len(train) + len(val):
        raise NotYet(f"For {given}: a position occurs twice in one of the lists.")
    if both := {persons[i] for i in train} & {persons[i] for i in val}:
        raise NotYet(
            f"For {given}: {len(both)} persons are in both parts, person {min(both)} for example.",
            "It is not photographs that must be drawn: draw first, then see whose photograph each one is.",
        )
    drawn = len({persons[i] for i in val})
    if drawn != count:
        hint = "Fewer than asked for: was one drawn twice, or a number that is nobody's?" if drawn < count else None
        if len({persons[i] for i in train}) == count:
            hint = "The parts are in the wrong order: training comes first."
        raise NotYet(f"For {given}: the second list has photographs of {drawn} persons.", *filter(None, [hint]))
    if len(train) + len(val) != len(persons):
        raise NotYet(f"For {given}: photographs in neither part: {len(persons) - len(train) - len(val)}.")


@book.exercise(
    "Small project: from raw pictures to loaders",
    goal="split, scale, normalise and batch a data set in the right order",
    minutes=15,
    difficulty=3,
    why="With this you can feed any grey pictures to the networks to come. Next, try it on those of `raw_data`, and "
    "look at a batch with `image_grid`.",
)
def make_loaders(make_loaders: Any) -> None:
    """A training and a validation loader for raw pictures and labels."""
    generator = torch.Generator().manual_seed(7)
    parts = set()
    for count, batch_size, seed in ((50, 16, 1), (50, 16, 2), (25, 8, 3)):
        # Each label occurs once, so that it tells which picture is meant.
        X = torch.randint(0, 256, (count, 6, 5), generator=generator, dtype=torch.uint8)
        X[count // 2 :] //= 3
        y = torch.randperm(count, generator=generator)
        given = f"{count} pictures in batches of {batch_size}"
        splits = []
        for _ in range(2):
            result = call(make_loaders, X, y, batch_size, torch.Generator().manual_seed(seed))
            if type(result) is not tuple or [type(one) for one in result] != [DataLoader, DataLoader]:
                raise NotYet(f"Type of the result: expected a tuple of two DataLoaders, received {describe(result)}.")
            epochs = [[_batches(loader, name) for _ in range(2)] for name, loader in zip(NAMES, result, strict=True)]
            _expect_loaders(epochs, X, y, batch_size, given)
            splits.append(sorted(torch.cat([labels for _, labels in epochs[1][0]]).tolist()))
        if splits[0] != splits[1]:
            raise NotYet(
                "Two generators with the same seed gave two different splits.",
                "Give the `generator` to the call that draws the split.",
            )
        parts.add(tuple(sorted(y.tolist().index(label) for label in splits[0])))
    if any(max(part) - min(part) == len(part) - 1 for part in parts):
        raise NotYet(
            "The validation pictures stand side by side in `X`.",
            "Many data sets are sorted in some way. How does one split at random?",
        )
    if len({part for part in parts if len(part) == 10}) == 1:
        raise NotYet("Every seed gives the same split.", "What is the `generator` for?")


NAMES = ("training", "validation")


def _batches(loader: DataLoader, name: str) -> list[tuple[Tensor, Tensor]]:
    """All batches of a loader, each a pair of pictures and labels."""
    batches = call(list, loader)
    for batch in batches:
        if type(batch) not in (tuple, list) or [type(part) for part in batch] != [Tensor, Tensor]:
            raise NotYet(f"A {name} batch: expected a pair of tensors, X and y, received {describe(batch)}.")
    if not batches:
        raise NotYet(f"The {name} loader hands out no batch at all.")
    return [tuple(batch) for batch in batches]


def _expect_loaders(epochs: list, X: Tensor, y: Tensor, batch_size: int, given: str) -> None:
    wanted = {"training": len(X) * 4 // 5, "validation": len(X) // 5}
    labels = {name: [torch.cat([y for _, y in epoch]) for epoch in of] for name, of in zip(NAMES, epochs, strict=True)}
    for name, of in zip(NAMES, epochs, strict=True):
        first_X, first_y = of[0][0]
        rows = min(batch_size, wanted[name])
        _expect_form(first_X, torch.empty(rows, 1, *X.shape[1:]), f"X in the first {name} batch")
        _expect_form(first_y, torch.empty(rows, dtype=torch.int64), f"y in the first {name} batch")
        count = len(labels[name][0])
        if count != wanted[name]:
            full = wanted[name] // batch_size * batch_size
            hint = ["The last batch is short. Every example counts; why was it left out?"] if count == full else []
            raise NotYet(f"For {given}: expected {wanted[name]} {name} pictures, received {count}.", *hint)
    train, val = (labels[name][0].tolist() for name in NAMES)
    if shared := set(train) & set(val):
        raise NotYet(f"For {given}: {len(shared)} pictures are in both parts. That is leakage.")
    if sorted(train + val) != list(range(len(X))):
        raise NotYet(f"For {given}: the labels are not those that belong to the pictures, each once.")
    place = {label: i for i, label in enumerate(y.tolist())}
    pixels = X.unsqueeze(1) / 255
    of_train, of_val = (pixels[[place[label] for label in part]] for part in (train, val))
    every = (0, 1, 2, 3)
    ways = {
        None: (_Statistics.of(of_train, every),) * 2,
        "Mean and std were taken of all pictures, before the split. Which part alone may they come from?": (
            _Statistics.of(pixels, every),
        )
        * 2,
        "The validation pictures were normalised with numbers of their own.": (
            _Statistics.of(of_train, every),
            _Statistics.of(of_val, every),
        ),
        "The pixels go from 0 to 1, but they are not normalised yet.": (_Statistics(torch.zeros(1), torch.ones(1)),)
        * 2,
        "The pixels still go from 0 to 255.": (_Statistics(torch.zeros(1), torch.full((1,), 1 / 255)),) * 2,
        "Mean and std are those of the pixels from 0 to 255, but the pixels go from 0 to 1.": (
            _Statistics(255 * _Statistics.of(of_train, every).mean, 255 * _Statistics.of(of_train, every).std),
        )
        * 2,
    }
    for k, (name, part, listed) in enumerate(zip(NAMES, (of_train, of_val), (train, val), strict=True)):
        received = torch.cat([X for X, _ in epochs[k][0]])
        distance, found = torch.cdist(_look(received), _look(pixels)).min(dim=1)
        if distance.max() < 0.01 and found.tolist() != [place[label] for label in listed]:
            raise NotYet(
                f"For {given}: the {name} pictures have the labels of other pictures.",
                "Whatever chooses and orders the pictures must do the same to their labels.",
            )
        wrong = {hint: way[k].applied(part) for hint, way in ways.items() if hint}
        expect(
            received,
            ways[None][k].applied(part),
            what=f"the {name} pictures",
            mistakes=wrong,
            requires_grad=False,
            rtol=1e-3,
            atol=1e-5,
        )
    if torch.equal(*labels["training"]):
        raise NotYet("Two epochs of training have the same order.", "Which option of the loader draws a new one?")
    if not torch.equal(*labels["validation"]):
        raise NotYet("Two passes over the validation pictures have different orders; no need to shuffle them.")


def _look(pictures: Tensor) -> Tensor:
    """Each picture as a row that no mean and standard deviation of all change, to know it again by."""
    return _Statistics.of(pictures, (1, 2, 3)).applied(pictures).flatten(1)


def _expect_form(received: Tensor, wanted: Tensor, what: str) -> None:
    """Shape and dtype alone."""
    if received.shape != wanted.shape or received.dtype != wanted.dtype:
        raise NotYet(f"{what}: expected {describe(wanted)}, received {describe(received)}.")
