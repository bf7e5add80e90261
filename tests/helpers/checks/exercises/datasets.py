"""Wrong answers to the exercises of notebook 2."""

import torch
from torch.utils.data import DataLoader, Subset, SubsetRandomSampler, TensorDataset, random_split
from torchvision.transforms import v2

from tests.helpers.checks.exercises import Wrong

# 2.1


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


def _with_v2(X_train, X_new):
    normalise = v2.Normalize(X_train.mean(dim=(0, 2, 3)).tolist(), X_train.std(dim=(0, 2, 3)).tolist())
    return normalise(X_train), normalise(X_new)


# 2.3


def _over(reduce):
    return lambda loader: reduce([batch for (batch,) in loader])


def _mean(batches):
    return torch.cat(batches).mean().item()


# 2.4


class Windows:
    """Right, but for what a subclass changes."""

    def __init__(self, series, length):
        self.series, self.length = series, length

    def __len__(self):
        return len(self.series) - self.length

    def __getitem__(self, i):
        return self.series[i : i + self.length], self.series[i + self.length]


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


WRONG = {
    "lazy_accuracy": Wrong(
        fooling=[
            lambda labels: 0.625,
            lambda labels: 1.0,
            lambda labels: (labels == labels[0]).float().mean().item(),
            lambda labels: (torch.bincount(labels, minlength=10)[:5].max() / len(labels)).item(),
            lambda labels: torch.bincount(labels).max().item() // len(labels),
        ],
    ),
    "normalise_both": Wrong(
        fooling=[
            lambda X_train, X_new: (X_train, X_new),
            _normalise(cut=1),
            lambda X_train, X_new: ((X_train - 0.5) / 0.5, (X_new - 0.5) / 0.5),
        ],
        right=[_with_v2],
    ),
    "mean_over": Wrong(
        fooling=[
            lambda loader: loader.dataset.tensors[0].mean().item(),
            _over(lambda batches: torch.cat(batches).median().item()),
            _over(lambda batches: torch.cat(batches).sum().item() / 10),
            _over(lambda batches: str(_mean(batches))),
        ],
        right=[_over(_mean)],
    ),
    "windows": Wrong(
        fooling=[PlainNumber, OfThree, Shared, WithoutLength, Windows(torch.arange(8.0), 3), list],
        needs=("own-dataset-class",),
        right=[Unfolded],
    ),
    "split_by_person": Wrong(
        fooling=[
            _one_lost,
            _twice,
            _one_for_another,
            _constant,
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
