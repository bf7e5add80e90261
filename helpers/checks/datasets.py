"""The checks of notebook 2, Datasets."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import layer_norm
from torch.utils.data import DataLoader, Dataset, TensorDataset

from helpers.checks.compare import NotYet, call, describe, expect, expect_class, kind, plain
from helpers.checks.core import Book, either, seeded, template

book = Book(2)
progress = book.progress


_lazy = template("def lazy_accuracy(labels): counts, n = labels.bincount(), len(labels); return $result")


@book.exercise(
    "The laziest model",
    goal="count classes, and know the accuracy that needs no learning",
    minutes=4,
    difficulty=1,
    why="Compare every accuracy with this number, so know it before you train: what is below it, always saying the "
    "same class would beat.",
    mistakes={
        "How often does the class occur? `counts.max()` says that; `argmax`, `mode` and `labels.max()` do not.": _lazy(
            *("counts.argmax().item()", "counts.argmax().item() / n", "labels.mode().indices.item() / n"),
            "labels.max().item() / n",
        ),
        "Not every class occurs equally often: count.": _lazy("1 / len(labels.unique())", "0.1", "0.2"),
        "Divide how often that class occurs by the number of labels you are given, not by another number.": _lazy(
            "counts.max().item()",
            *(f"counts.max().item() / {size}" for size in ("len(counts)", 10, 1000, 10_000, 12_000, 60_000)),
        ),
        "A 0 comes from `//`, `int`, or comparing labels with what none of them is, such as a count.": _lazy("0.0"),
        "This is the error rate; the accuracy is the fraction of right answers.": _lazy("1 - counts.max().item() / n"),
        "Count the classes: this picks one by its index or position, not the most frequent.": _lazy(
            *(f"(labels == labels.{pick}()).sum().item() / n" for pick in ("max", "min", "median", "argmax"))
        ),
        "All labels are counted here. Count those of one class alone, beginning at 0 for each class.": _lazy("1.0"),
        "Each label was a class of its own, as tensors are: count the numbers of `tolist()`.": _lazy("1 / n"),
    },
)
def lazy_accuracy(answer: Any) -> None:
    """The accuracy of always giving the most frequent class."""
    # In the first list, each class occurs, and the most frequent one is not that of any other rule.
    lists = [[3, 1, 4, 5, 4, 2, 1, 4, 2, 0, 4, 1, 4, 2, 5, 4, 3, 1, 4, 2, 0], [2, 0, 0, 1, 0, 2], [7, 7, 7]]
    for listed in [*lists, [1, 9, 9, 1, 5, 9, 9], [4], [0, 1, 2, 3], [1, 12, 3, 12, 0, 12, 1]]:
        most = max(listed.count(label) for label in listed)
        result, again = (call(answer, torch.tensor(listed)) for _ in range(2))
        if type(result) is type(again) is float and result != again:
            raise NotYet("The same labels gave two different accuracies.", "The laziest model never guesses.")
        expect(result, most / len(listed), what=f"the accuracy for the labels {listed}", reveal=True)


_scale = template(
    """
    def normalise_both(X_train, X_new):
        def mean(X, *dims, keepdim=True): return X.mean(dims or (0, 2, 3), keepdim)
        def std(X, *dims, keepdim=True): return X.std(dims or (0, 2, 3), keepdim=keepdim)
        m, s, both = mean(X_train), std(X_train), torch.cat([X_train, X_new])
        return tuple($result for X in (X_train, X_new))
    """
)


@book.exercise(
    "The same for both",
    goal="normalise new images with the numbers of the training set",
    minutes=8,
    difficulty=2,
    why="A new image cannot give these numbers: anyone who uses your model needs those it was trained with, so save "
    "them with it.",
    mistakes={
        "Use mean and std of the training images alone, for both: new images stand for what nobody has seen.": _scale(
            *(f"(X - mean({of})) / std({of})" for of in ("X", "X_new", "both")),
            *("(X - m) / std(X)", "(X - m) / std(X_new)", "(X - mean(X)) / s", "(X - mean(X_new)) / s"),
            "(X - (m + mean(X_new)) / 2) / ((s + std(X_new)) / 2)",
        ),
        "Which three dimensions should disappear? Each channel has one mean: not each image or pixel, nor all.": _scale(
            *(f"(X - mean({of})) / std({of})" for of in ("X, 0", "X, 1", "X, 2, 3", "X, 1, 2, 3", "X_train, 1")),
            *(f"(X - mean({of})) / std({of})" for of in ("X_train, 0", "X_train, 0, 1", "X_train, 0, 1, 2")),
            *("(X - X_train.mean()) / X_train.std()", "(X - m) / X_train.std()", "(X - m) / std(X_train, 0)"),
        ),
        "Subtract the mean first, in brackets, then divide by the standard deviation, not by its square.": _scale(
            *("X - m / s", "(X - m) * s", "X - m", "X / s", "X / 255", "(X - m) / s**2"),
            "(X - X_train.amin((0, 2, 3), True)) / (X_train.amax((0, 2, 3), True) - X_train.amin((0, 2, 3), True))",
        ),
        "The new images are not centred: compute both numbers before you change anything, and use them twice.": _scale(
            *("(X - m) / s if X is X_train else X / s", "(X - m) / s if X is X_train else X")
        ),
    },
)
def normalise_both(answer: Any) -> None:
    """Training and new images normalised, channel by channel."""
    generator = seeded(2)
    for n, m, channels, height, width in ((6, 5, 3, 10, 12), (5, 1, 1, 12, 12), (8, 3, 2, 1, 90)):
        level = torch.linspace(0.2, 0.8, channels).reshape(1, channels, 1, 1)
        X_train = level * torch.rand(n, channels, height, width, generator=generator)
        X_new = 0.3 + 0.5 * torch.rand(m, channels, height, width, generator=generator)
        std, mean = torch.std_mean(X_train, dim=(0, 2, 3), keepdim=True)
        wanted = tuple((X - mean) / std for X in (X_train, X_new))
        result = call(answer, X_train, X_new)
        # A standard deviation that divides by n differs by 7 in 10,000 from one that divides by n - 1: both are right.
        expect(result, wanted, what=("the training images", "the new images"), reveal=True, rtol=1e-3)


_mean = template(
    """
    def mean_over(loader):
        batches = [$batches]
        x, means = torch.cat(batches), torch.stack([batch.mean() for batch in batches])
        return $result
    """,
    batches="batch for (batch,) in loader",
)


@book.exercise(
    "A mean over batches",
    goal="average over samples, not over batches",
    minutes=5,
    difficulty=2,
    why="The training loops of this course average their losses like this: batch by batch, so all samples need not "
    "be in memory at once.",
    mistakes={
        "In a mean of batch means, a short batch counts as much as a full one.": _mean("means.mean().item()"),
        "Divide the sum by the number of samples. (`len(batch)` is 1 if the batch is a list of one tensor.)": _mean(
            "x.sum().item()", "x.sum().item() / len(batches)"
        ),
        "Add up the sums of the batches, not their means, and divide by the number of samples.": _mean(
            *("means.sum().item()", "means.sum().item() / len(x)", "sum(b.mean().item() / len(b) for b in batches)")
        ),
        "Count the samples that the loader returns: its last batch may be shorter, or left out.": _mean(
            *(f"x.sum().item() / len({n})" for n in ("loader.dataset", "means) / (loader.batch_size", "means) / (4")),
            "means.sum().item() * loader.batch_size / len(loader.dataset)",
        ),
        "Add up the sums and the sizes of *all* batches: here one of them counts alone.": _mean(
            *("means[0].item()", "means[-1].item()", "x.sum().item() / len(batches[-1])"),
            "batches[-1].sum().item() / len(x)",
        ),
        "`batch[0]` is the tensor in a list, but only the first number in a tensor: take the tensor out once.": _mean(
            *(f"sum(b[0] for b in batches).item() / {n}" for n in ("len(batches)", "len(x)"))
        ),
        "A batch here is a list of one tensor: take it out with `for (batch,) in loader`.": _mean(
            batches=tuple(f"{x} in loader" for x in ("x for x", "x for x, y", "x.sum() for x", "x.shape for x"))
        ),
        "Return the mean unrounded.": _mean("x.sum().item() // len(x)", "sum(int(b.sum()) for b in batches) / len(x)"),
    },
)
def mean_over(answer: Any) -> None:
    """The mean over all samples that a loader hands out."""
    generator = seeded(3)
    sizes = ((14, 5, False), (6, 3, False), (9, 8, False), (11, 4, True), (5, 10, False))
    for samples, batch_size, drop_last in sizes:
        values = 3 * torch.randn(samples, generator=generator) + 1
        batches = values.split(batch_size)[: samples // batch_size if drop_last else None]
        wanted = sum(value for batch in batches for value in batch.tolist()) / sum(map(len, batches))
        result = call(answer, DataLoader(TensorDataset(values), batch_size=batch_size, drop_last=drop_last))
        listed = ", ".join(str(len(batch)) for batch in batches)
        expect(result, wanted, what=f"the mean for batches of {listed}", reveal=True, atol=1e-5)


_windows = template(
    """
    class Windows(Dataset):
        def __init__(self, series, length): self.series, self.length = series, length
        def __len__(self): T, L = len(self.series), self.length; return $length
        def __getitem__(self, i): series, L = self.series, self.length; return $result
    """,
    {"Dataset": Dataset},
    length="T - L",
)


@book.exercise(
    "Windows of a series",
    goal="write a `Dataset` whose samples are cut out when they are asked for",
    minutes=9,
    difficulty=2,
    why="Weather, heartbeats and the next word of a text are learned from windows like these. They overlap, so split "
    "such a series by time, not at random.",
    mistakes={
        "Count by hand: how many windows have a number after them?": _windows(length=("T", "T - L + 1", "T - L - 1")),
        "The windows overlap: sample `i` begins at index `i`, not at `i + 1` or `i * length`.": either(
            _windows(length=("T // L", "T // L - 1")), _windows("series[i + 1 : i + 1 + L], series[i + L + 1]")
        ),
        "`length` is the length of one window: not their number, and not always 3.": _windows(
            "series[i : i + L], series[i + L]", length=("L", "T - 3")
        ),
        "The second part is one number: which index comes right after `i` to `i + length - 1`?": _windows(
            *(f"series[i : i + L], series[{at}]" for at in ("i + L - 1", "i + L + 1", "i + 1 : i + L + 1", "i", "-1"))
        ),
        "The window, its end and the number after it should all move along with `i`.": _windows(
            *(f"series[{window}], series[i + L]" for window in ("i:L", ":L")), "series[i : i + L], series[L]"
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
        samples, listed = len(series) - length, f"for a series of {len(series)} and windows of {length}"
        expect(call(dataset.__len__), samples, what=f"the length {listed}", reveal=True)
        for i in sorted({0, min(1, samples - 1), samples - 1}):
            wanted = series[i : i + length], series[i + length]
            what = f"the window of sample {i} {listed}", f"the number after the window of sample {i} {listed}"
            expect(call(dataset.__getitem__, i), wanted, what=what, reveal=True)


_split = template(
    """
    def split_by_person(persons, count, generator):
        names = persons.unique()
        drawn = torch.isin(persons, names[torch.$order[:count]])
        return tuple(($result).tolist() for part in (~drawn, drawn))
    """,
    order="randperm(len(names), generator=generator)",
    result="torch.where(part)[0]",
)


@book.exercise(
    "A split that keeps persons together",
    goal="split a data set without leakage",
    minutes=12,
    difficulty=3,
    why="The result on new persons is usually lower than on new photographs of known ones, and it is the honest one: "
    "your model will meet strangers.",
    mistakes={
        "The lists hold indices of photographs, counted from 0: `enumerate` gives index and person.": _split(
            "persons[part]", "torch.where(part)[0] + 1"
        ),
        "Draw from all the persons at random, and give the `generator`, as it arrives, to the call that draws.": _split(
            order=("randperm(len(names))", "arange(len(names))")
        ),
    },
)
def split_by_person(answer: Any) -> None:
    """Positions of photographs for training and validation; nobody is in both."""
    generator = seeded(6)
    sizes, chosen = ((60, 24, 7), (12, 12, 5), (60, 6, 5), (30, 3, 1)), set()
    for photographs, of, count in sizes:
        persons = torch.cat([torch.arange(of), torch.randint(0, of, (photographs - of,), generator=generator)])
        persons = (100 + 10 * persons)[torch.randperm(photographs, generator=generator)]  # a number is no index
        for seed in range(4):
            results = [call(answer, persons, count, seeded(seed)) for _ in range(2)]
            first, again = (_indices(result, persons.tolist(), count) for result in results)
            if first != again:
                raise NotYet("Two generators with the same seed gave two different splits.")
            chosen.add((photographs, *first))
    if len(chosen) == len(sizes):
        raise NotYet("The same persons are put aside, whatever the seed of the generator.")


def _indices(result: Any, persons: list[int], count: int) -> list[int]:
    """The indices for validation, in order, if the result is a split by persons."""
    if type(result) not in (tuple, list) or len(result) != 2 or any(type(part) not in (tuple, list) for part in result):
        parts = f" of {', '.join(map(describe, result[:3]))}" if type(result) in (tuple, list) else ""
        finding = f"Type of the result: expected a tuple of two lists, received {describe(result)}{parts}."
        raise NotYet(finding, observed=result, wanted=([0], [0]))
    train, val = ([plain(i) for i in part] for part in result)
    if not val:
        hint = "None of the drawn numbers is a person: draw positions, and take the persons at them, `people[...]`. "
        raise NotYet("The second list is empty.", f"{hint}(A set does not find equal *tensors*: use `tolist()`.)")
    if others := [i for i in [*train, *val] if type(i) is not int]:
        hint = "Each list holds integers: `extend` joins lists, `torch.where(mask)[0].tolist()` makes one from a mask."
        raise NotYet(f"The lists should hold indices, integers; one of them holds {kind(others[0])}.", hint)
    if not set(train + val) <= set(range(len(persons))):
        raise NotYet("One of the lists has a number that is not an index from 0 to N - 1.")
    if len(set(train)) + len(set(val)) != len(train) + len(val):
        raise NotYet("An index occurs twice in one of the lists.", "Add each photograph once.")
    if set(train) & set(val):
        hint = "Training gets only the photographs of persons that were *not* drawn."
        raise NotYet("Some photographs are in both lists.", hint)
    of_train, of_val = ({persons[i] for i in part} for part in (train, val))
    if of_train & of_val:
        hint = "Draw persons, and put aside *all* photographs of each of them."
        raise NotYet("No photograph is in both lists, but somebody is in both, in different photographs.", hint)
    if len(train) + len(val) != len(persons):
        raise NotYet("Some photographs are in neither list.", "Each photograph belongs in one of the two lists.")
    if len(of_val) != count:
        hint = "Draw `count` different persons: `torch.unique` lists each once. (A set of *tensors* keeps all of them.)"
        hint = "The two lists are the wrong way round: training comes first." if len(of_train) == count else hint
        raise NotYet(f"Persons in the second list: expected {count}, received {len(of_val)}.", hint)
    return sorted(val)


_loaders = template(
    """
    def make_loaders(X, y, batch_size, generator):
        pixels, order, cut, loaders = X.unsqueeze(1) / 255, torch.$order, len(X) * 4 // 5, []
        train, val = order[:cut], order[cut:]
        mean, std = pixels$of.mean(), pixels$of.std()
        for part in (train, val):
            images, labels = (pixels[part] - mean) / std, y[part]
            loaders.append(DataLoader(TensorDataset($result), batch_size, shuffle=$shuffle))
        return tuple(loaders)
    """,
    {"DataLoader": DataLoader, "TensorDataset": TensorDataset},
    order="randperm(len(X), generator=generator)",
    of="[train]",
    result="images, labels",
    shuffle="part is train",
)


@book.exercise(
    "Small project: from raw images to loaders",
    goal="split, scale, normalise and batch a data set in the right order",
    minutes=25,
    difficulty=3,
    why="With this you can feed greyscale images to the networks to come. Next, try it on those of `raw_data`, and "
    "look at a batch with `image_grid(X, value_range=(-1, 2))`.",
    mistakes={
        "The images have been put in another order, and their labels have not: index `y` like `X`.": _loaders(
            "images, y[: len(part)]", "images, y[cut:] if part is val else labels"
        ),
        "Mean and std should come from the training images alone, and be used for both parts.": either(
            _loaders(of=""), _loaders("(images - images.mean()) / images.std(), labels")
        ),
        "Only the training loader needs `shuffle=True`, which draws a new order in every epoch.": _loaders(
            shuffle=("True", "False")
        ),
        "Draw the split with `randperm` and the `generator` as it arrives, without a seed of your own.": _loaders(
            order=("randperm(len(X))", "arange(len(X))", "randperm(len(X), generator=generator.manual_seed(0))")
        ),
    },
)
def make_loaders(answer: Any) -> None:
    """A training and a validation loader for raw images and labels."""
    generator, drawn = seeded(7), set()
    for images, batch_size, seed in ((50, 16, 1), (50, 16, 2), (25, 8, 3)):
        X = torch.randint(0, 256, (images, 6, 5), generator=generator, dtype=torch.uint8)
        X[images // 2 :] //= 3
        y = torch.randperm(images, generator=generator)  # each label occurs once, so that it tells its image
        splits = [_expect_loaders(call(answer, X, y, batch_size, seeded(seed)), X, y, batch_size) for _ in range(2)]
        if splits[0] != splits[1]:
            raise NotYet("Two generators with the same seed gave two different splits.")
        drawn.add(tuple(splits[0]))
    if all(part[-1] - part[0] == len(part) - 1 for part in drawn):
        raise NotYet("The validation images lie side by side in `X`.")
    if len({part for part in drawn if len(part) == 10}) == 1:
        raise NotYet("The split is the same, whatever the seed of the generator.")


def _expect_loaders(result: Any, X: Tensor, y: Tensor, batch_size: int) -> list[int]:
    """The indices for validation, in order, if the loaders are as the task wants them."""
    if type(result) not in (tuple, list) or len(result) != 2:
        remedy = "Return both loaders, the one for training first."
        raise NotYet(f"Type of the result: expected a tuple of two DataLoaders, received {describe(result)}.", remedy)
    pixels, epochs = X.unsqueeze(1) / 255, {}
    for name, loader, wanted in zip(("training", "validation"), result, (len(X) * 4 // 5, len(X) // 5), strict=True):
        if not issubclass(type(loader), DataLoader):
            remedy = "`DataLoader(data, batch_size=...)` makes a loader of a data set: return both loaders."
            raise NotYet(f"Type of the {name} loader: expected a DataLoader, received {describe(loader)}.", remedy)
        batches, again = _batches(loader, name, pixels), _batches(loader, name, pixels)
        if (images := sum(len(labels) for _, labels in batches)) != wanted:
            remedy = "Four fifths of the images are for training, the first loader, the rest for validation."
            remedy = "`drop_last=True` leaves out a batch, but every image is wanted." if loader.drop_last else remedy
            raise NotYet(f"The {name} loader hands out {images} images, not {wanted} of {len(X)}.", remedy)
        if (images := len(batches[0][1])) != (rows := min(batch_size, wanted)):
            finding = f"Size of the first {name} batch: expected {rows}, received {images}."
            raise NotYet(finding, "Give `batch_size` to both loaders: without it, each image is a batch.")
        epochs[name] = [[torch.cat(parts) for parts in zip(*epoch, strict=True)] for epoch in (batches, again)]
    index_of = {label: i for i, label in enumerate(y.tolist())}
    labelled = {name: [index_of.get(label, -1) for label in first[1].tolist()] for name, (first, _) in epochs.items()}
    seen = {name: _recognised(first[0], pixels, labelled[name]) for name, (first, _) in epochs.items()}
    twice = any(len(set(indices)) < len(indices) for indices in seen.values())
    if twice or set(seen["training"]) & set(seen["validation"]):
        found = "An image comes twice in an epoch." if twice else "Some images are in both parts: that is leakage."
        raise NotYet(found, "Draw one order of all indices with `randperm`, and cut it in two.")
    for name, indices in seen.items():
        if labelled[name] != indices:
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
    forms = f"[n, {', '.join(map(str, pixels.shape[1:]))}] float32", "[n] int64"
    remedy = "Images come first in a pair, with the channel as dimension 1 (`unsqueeze(1)`); then labels, as in `y`."
    for batch in batches:
        if type(batch) not in (tuple, list) or [type(part) for part in batch] != [Tensor, Tensor]:
            raise NotYet(f"A {name} batch should be a pair of tensors, `X` and `y`.", "`TensorDataset` makes pairs.")
        for part, wanted, letter in zip(batch, forms, "Xy", strict=True):
            sizes = ", ".join(["n", *map(str, part.shape[1:])])
            if (received := f"[{sizes}] {str(part.dtype).removeprefix('torch.')}") != wanted:
                raise NotYet(f"`{letter}` in a {name} batch: expected {wanted}, received {received}.", remedy)
    return batches


def _recognised(images: Tensor, pixels: Tensor, labelled: list[int]) -> list[int]:
    """Which image each of them is, by what no mean and standard deviation change; otherwise by their labels."""
    rows = (layer_norm(part.flatten(1), [pixels[0].numel()], eps=1e-12) for part in (images, pixels))
    distances, found = torch.cdist(*rows).min(dim=1)
    return found.tolist() if distances.max() < 0.01 else labelled


def _expect_normalised(parts: dict[str, tuple[Tensor, Tensor]], every: Tensor) -> None:
    """Both parts, each with its pixels, were normalised with the mean and standard deviation of the first."""
    used = {}
    for name, (images, pixels) in parts.items():
        std = pixels.std() / images.std()
        used[name] = (mean := pixels.mean() - std * images.mean()), std
        if not torch.allclose(images * std + mean, pixels, atol=1e-3):
            finding = f"The {name} images are not their pixels minus one mean, divided by one standard deviation."
            raise NotYet(finding, "Scale with `/`, and take one mean and one std of all pixels, not one of each pixel.")
    if not _near(used["validation"], used["training"]):
        raise NotYet("The training and the validation images were not scaled with the same two numbers.")
    images, pixels = parts["training"]
    if _near(used["training"], (pixels.mean(), pixels.std())):
        return
    if _near(used["training"], (every.mean(), every.std())):
        raise NotYet("The images are normalised with the mean and the standard deviation of all images.")
    received = f"{images.mean():.2f} and {images.std():.2f}"
    hint = "Before you make the data sets, subtract the mean of the training pixels (0 to 1), and divide by their std."
    raise NotYet(f"Mean and std of the training images: expected 0 and 1, received {received}.", hint)


def _near(numbers: tuple[Any, Any], others: tuple[Any, Any]) -> bool:
    """Whether a mean and a standard deviation, divided by n or by n - 1, are those of the same values."""
    (mean, std), (other_mean, other_std) = numbers, others
    return bool(abs(mean - other_mean) < 2e-3 * other_std and abs(std / other_std - 1) < 2e-3)
