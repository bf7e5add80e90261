"""Wrong answers to the exercises of notebook 2."""

import torch
from torch.utils.data import DataLoader, Subset, SubsetRandomSampler, TensorDataset, random_split
from torchvision.transforms import v2

from tests.helpers.checks.exercises import Wrong

# 2.1


def _share(labels):
    return (torch.bincount(labels).max() / len(labels)).item()


# 2.2


def _normalise(*, dim=(0, 2, 3), own=False, together=False, std=True, correction=1, cut=None):
    def normalise_both(X_train, X_new):
        def statistics(X):
            spread = X.std(dim=dim, keepdim=True, correction=correction) if std else 1
            return X.mean(dim=dim, keepdim=True), spread

        source = torch.cat([X_train, X_new]) if together else X_train
        results = []
        for X in (X_train, X_new):
            mean, spread = statistics(X if own else source)
            results.append((X - mean) / spread)
        return tuple(results[:cut])

    return normalise_both


def _without_keepdim(X_train, X_new):
    mean, std = X_train.mean(dim=(0, 2, 3)), X_train.std(dim=(0, 2, 3))
    return (X_train - mean) / std, (X_new - mean) / std


def _in_place(X_train, X_new):
    mean, std = X_train.mean(dim=(0, 2, 3), keepdim=True), X_train.std(dim=(0, 2, 3), keepdim=True)
    X_new -= mean
    X_new /= std
    return (X_train - mean) / std, X_new


def _with_v2(X_train, X_new):
    normalise = v2.Normalize(X_train.mean(dim=(0, 2, 3)).tolist(), X_train.std(dim=(0, 2, 3)).tolist())
    return normalise(X_train), normalise(X_new)


# 2.3


def _over(reduce):
    return lambda loader: reduce([batch for (batch,) in loader])


def _mean(batches):
    return torch.cat(batches).mean().item()


def _no_more_than_full(loader):
    return sum(batch.sum().item() for (batch,) in loader) / (len(loader) * loader.batch_size)


# 2.4


class Windows:
    """Right, but for what a subclass changes."""

    def __init__(self, series, length):
        self.series, self.length = series, length

    def __len__(self):
        return len(self.series) - self.length

    def __getitem__(self, i):
        return self.series[i : i + self.length], self.series[i + self.length]


class AllStart(Windows):
    """Every number begins an example."""

    def __len__(self):
        return len(self.series)


class OneTooMany(Windows):
    """The last window has nothing after it."""

    def __len__(self):
        return len(self.series) - self.length + 1


class OneTooFew(Windows):
    """One is missing."""

    def __len__(self):
        return len(self.series) - self.length - 1


class LastOfWindow(Windows):
    """The answer is in the question."""

    def __getitem__(self, i):
        return self.series[i : i + self.length], self.series[i + self.length - 1]


class Longer(Windows):
    """The window holds the answer."""

    def __getitem__(self, i):
        return self.series[i : i + self.length + 1], self.series[i + self.length]


class Sliced(Windows):
    """A tensor of one number for a number."""

    def __getitem__(self, i):
        return self.series[i : i + self.length], self.series[i + self.length : i + self.length + 1]


class WindowOnly(Windows):
    """No answer."""

    def __getitem__(self, i):
        return self.series[i : i + self.length]


class PlainNumber(Windows):
    """A Python number."""

    def __getitem__(self, i):
        return self.series[i : i + self.length], self.series[i + self.length].item()


class OfThree(Windows):
    """One length for all."""

    def __len__(self):
        return len(self.series) - 3

    def __getitem__(self, i):
        return self.series[i : i + 3], self.series[i + 3]


class SideBySide(Windows):
    """Windows that do not overlap."""

    def __getitem__(self, i):
        start = min(i * self.length, len(self.series) - self.length - 1)
        return self.series[start : start + self.length], self.series[start + self.length]


class Shared(Windows):
    """The second data set replaces the series of the first."""

    def __init__(self, series, length):
        Shared.series, Shared.length = series, length


class Unfolded(TensorDataset):
    """All windows at once."""

    def __init__(self, series, length):
        super().__init__(series.unfold(0, length, 1)[:-1], series[length:])


class WithoutLength:
    """Half of it."""

    def __init__(self, series, length):
        self.series, self.length = series, length

    def __getitem__(self, i):
        return self.series[i : i + self.length], self.series[i + self.length]


# 2.5


def _split(persons, count, generator, last=False):
    names = persons.unique()
    order = torch.randperm(len(names), generator=generator)
    if last:
        order = torch.arange(len(names)).flip(0)
    val = torch.isin(persons, names[order[:count]])
    positions = torch.arange(len(persons))
    return positions[~val].tolist(), positions[val].tolist()


def _photographs(persons, count, generator):
    order = torch.randperm(len(persons), generator=generator).tolist()
    cut = len(persons) * count // len(persons.unique())
    return order[cut:], order[:cut]


def _one_lost(persons, count, generator):
    train, val = _split(persons, count, generator)
    return train[:-1], val


def _twice(persons, count, generator):
    train, val = _split(persons, count, generator)
    return [*train, train[0]], val


def _one_for_another(persons, count, generator):
    train, val = _split(persons, count, generator)
    return [*train[:-1], train[0]], val


def _constant(persons, count, generator):
    return _split(persons, count, torch.Generator().manual_seed(0))


def _of_drawn_photographs(persons, count, generator):
    drawn = persons[torch.randperm(len(persons), generator=generator)[:count]]
    val = torch.isin(persons, drawn)
    return (~val).nonzero().flatten().tolist(), val.nonzero().flatten().tolist()


def _split_at_random(persons, count, generator):
    names = sorted(set(persons.tolist()))
    _, drawn = random_split(names, [len(names) - count, count], generator=generator)
    val = [i for i, person in enumerate(persons.tolist()) if person in list(drawn)]
    return [i for i in range(len(persons)) if i not in val], val


# 2.6


def _loaders(
    *,
    scale=255.0,
    statistics="train",
    shuffle=True,
    shuffle_val=False,
    drop_last=False,
    channel=True,
    split="random",
    own_generator=False,
    share=0.8,
    mixed=False,
    one_label=False,
    raw_statistics=False,
):
    def make_loaders(X, y, batch_size, generator):
        count = len(X)
        pixels = X.float() / scale
        if channel:
            pixels = pixels.unsqueeze(1)
        if own_generator:
            generator = None
        order = torch.randperm(count, generator=generator)
        if split == "position":
            order = torch.arange(count)
        if split == "fixed":
            order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
        cut = round(share * count)
        train, val = order[:cut], order[cut:]
        if split == "overlap":
            val = order[: count - cut]
        if raw_statistics:
            pixels, scaled = pixels * scale, pixels
        source = {"train": pixels[train], "all": pixels}.get(statistics)
        if statistics == "own":
            parts = [(p - p.mean()) / p.std() for p in (pixels[train], pixels[val])]
        elif source is not None:
            parts = [(pixels[part] - source.mean()) / source.std() for part in (train, val)]
            if raw_statistics:
                parts = [(scaled[part] - source.mean()) / source.std() for part in (train, val)]
        else:
            parts = [pixels[train], pixels[val]]
        labels = y.flip(0) if mixed else y
        if one_label:
            labels = torch.full_like(y, count)
        return (
            DataLoader(TensorDataset(parts[0], labels[train]), batch_size, shuffle=shuffle, drop_last=drop_last),
            DataLoader(TensorDataset(parts[1], labels[val]), batch_size, shuffle=shuffle_val),
        )

    return make_loaders


def _without_labels(X, y, batch_size, generator):
    loaders = _loaders()(X, y, batch_size, generator)
    return tuple(DataLoader(TensorDataset(loader.dataset.tensors[0]), batch_size) for loader in loaders)


def _by_subsets(X, y, batch_size, generator):
    pixels = X.float().unsqueeze(1)  # from 0 to 255: normalised, this makes no difference
    train, val = random_split(range(len(X)), [0.8, 0.2], generator=generator)
    mean, std = pixels[list(train)].mean(), pixels[list(train)].std()
    data = TensorDataset((pixels - mean) / std, y)
    return (
        DataLoader(data, batch_size, sampler=SubsetRandomSampler(list(train))),
        DataLoader(Subset(data, list(val)), batch_size),
    )


def _labels_in_old_order(X, y, batch_size, generator):
    train, val = _loaders()(X, torch.arange(len(X)), batch_size, generator)
    return tuple(
        DataLoader(TensorDataset(loader.dataset.tensors[0], labels), batch_size)
        for loader, labels in zip((train, val), y.split([len(train.dataset), len(val.dataset)]), strict=True)
    )


WRONG = {
    "lazy_accuracy": Wrong(
        mistakes=[
            (lambda labels: torch.bincount(labels).max().item(), "Out of how many?"),
            (lambda labels: torch.bincount(labels).argmax().item(), "the class itself"),
            (lambda labels: 1 / len(set(labels.tolist())), "equally often"),
            (lambda labels: 100 * _share(labels), "not a percentage"),
            (lambda labels: torch.bincount(labels).max().item() / len(torch.bincount(labels)), "number of classes"),
            (lambda labels: torch.bincount(labels, minlength=10).max().item() / 10, "not by ten"),
            (lambda labels: torch.bincount(labels).max() / len(labels), "`item()`"),
        ],
        fooling=[
            lambda labels: 0.625,
            lambda labels: 1.0,
            lambda labels: (labels == labels[0]).float().mean().item(),
            lambda labels: (torch.bincount(labels, minlength=10)[:5].max() / len(labels)).item(),
            lambda labels: torch.bincount(labels).max().item() // len(labels),
        ],
    ),
    "normalise_both": Wrong(
        mistakes=[
            (_normalise(own=True), "with their own numbers"),
            (_normalise(together=True), "that is leakage"),
            (_normalise(dim=(0, 1, 2, 3)), "One mean was taken of all channels"),
            (_normalise(dim=(0,)), "Every pixel got a mean"),
            (_normalise(dim=(2, 3), own=True), "Every picture got a mean"),
            (_normalise(std=False), "the spread is as it was"),
            (_normalise(correction=0), "by n - 1"),
            (_normalise(dim=(0, 1, 2, 3), std=False), "two things are missing"),
            (_without_keepdim, "from the last dimension on"),
            (_normalise(dim=1), "Which dimensions stay"),
            (lambda X_train, X_new: (_normalise()(X_train, X_new)[0], X_new), "as they were"),
            (_in_place, "changed its input"),
        ],
        fooling=[
            lambda X_train, X_new: (X_train, X_new),
            _normalise(cut=1),
            lambda X_train, X_new: ((X_train - 0.5) / 0.5, (X_new - 0.5) / 0.5),
        ],
        right=[_with_v2],
    ),
    "mean_over": Wrong(
        mistakes=[
            (_over(lambda batches: torch.stack([b.mean() for b in batches]).mean().item()), "mean of the batch means"),
            (_over(lambda batches: batches[-1].mean().item()), "the last batch alone"),
            (_over(lambda batches: sum(b.sum().item() for b in batches)), "This is the sum"),
            (_over(lambda batches: sum(b.sum().item() for b in batches) / len(batches)), "the number of batches"),
            (_over(lambda batches: sum(b.mean().item() for b in batches)), "never divided"),
            (_over(lambda batches: torch.cat(batches).mean()), "`item()`"),
            (lambda loader: sum(b.sum().item() for (b,) in loader) / len(loader.dataset), "left out"),
            (_no_more_than_full, "as a full one"),
        ],
        fooling=[
            lambda loader: loader.dataset.tensors[0].mean().item(),
            _over(lambda batches: torch.cat(batches).median().item()),
            _over(lambda batches: torch.cat(batches).sum().item() / 10),
            _over(lambda batches: str(_mean(batches))),
        ],
        right=[_over(_mean)],
    ),
    "windows": Wrong(
        mistakes=[
            (AllStart, "what is missing after it"),
            (OneTooMany, "has no number after it"),
            (OneTooFew, "with a number after it is missing"),
            (LastOfWindow, "not the one that comes next"),
            (Longer, "in the question"),
            (Sliced, "the single number after it"),
            (WindowOnly, "An example is a pair"),
            (SideBySide, "side by side"),
        ],
        fooling=[PlainNumber, OfThree, Shared, WithoutLength, Windows(torch.arange(8.0), 3), list],
        needs=("own-dataset-class",),
        right=[Unfolded],
    ),
    "split_by_person": Wrong(
        mistakes=[
            (_photographs, "It is not photographs that must be drawn"),
            (lambda *given: _split(*given)[::-1], "training comes first"),
            (_of_drawn_photographs, "drawn twice"),
            (lambda *given: _split(*given, last=True), "Draw them at random"),
            (lambda persons, count, generator: _split(persons, count, None), "to every call that draws"),
        ],
        fooling=[
            _one_lost,
            _twice,
            _one_for_another,
            _constant,
            lambda *given: list(_split(*given)),
            lambda *given: tuple(torch.tensor(part) for part in _split(*given)),
            lambda persons, count, generator: (list(range(len(persons))), []),
            lambda persons, count, generator: _split(persons, count + 1, generator),
            lambda *given: tuple([float(i) for i in part] for part in _split(*given)),
            lambda *given: tuple([i - 1 for i in part] for part in _split(*given)),
            lambda *given: tuple([i + 1 for i in part] for part in _split(*given)),
        ],
        right=[_split, _split_at_random],
    ),
    "make_loaders": Wrong(
        mistakes=[
            (_loaders(statistics="all"), "Which part alone"),
            (_loaders(statistics="own"), "with numbers of their own"),
            (_loaders(statistics=None), "not normalised yet"),
            (_loaders(statistics=None, scale=1), "still go from 0 to 255"),
            (_loaders(raw_statistics=True), "of the pixels from 0 to 255, but"),
            (_loaders(shuffle=False), "draws a new one"),
            (_loaders(drop_last=True), "why was it left out"),
            (_loaders(split="position"), "split at random"),
            (_loaders(own_generator=True), "that draws the split"),
            (_loaders(split="fixed"), "What is the `generator` for"),
            (_loaders(mixed=True), "labels of other pictures"),
            (_labels_in_old_order, "labels of other pictures"),
        ],
        fooling=[
            _loaders(channel=False),
            _loaders(shuffle_val=True),
            _loaders(split="overlap"),
            _loaders(share=0.5),
            _loaders(one_label=True),
            _without_labels,
            lambda *given: (DataLoader(TensorDataset(torch.zeros(0))), DataLoader(TensorDataset(torch.zeros(0)))),
            lambda *given: tuple(loader.dataset for loader in _loaders()(*given)),
            lambda X, y, batch_size, generator: _loaders()(X, y, 4, generator),
            lambda X, y, batch_size, generator: _loaders()(X.double(), y.float(), batch_size, generator),
        ],
        right=[_by_subsets],
    ),
}
