"""The course's data sets: a folder ready for torchvision in either edition, and a data set held in memory."""

import errno
import gzip
import hashlib
import math
import operator
import os
import shutil
import socket
import struct
import tempfile
import time
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset, default_collate
from torch.utils.data._utils.collate import collate, default_collate_fn_map
from torchvision import datasets
from torchvision.datasets.utils import calculate_md5, check_integrity, download_url

REPOSITORY = Path(__file__).resolve().parents[1]
EDITIONS = ("drawn", "original")
DATASETS = {"FashionMNIST": datasets.FashionMNIST, "MNIST": datasets.MNIST}

# The four files of a data set, and the number that each kind of IDX file starts with.
_MAGIC = {"images-idx3-ubyte": 2051, "labels-idx1-ubyte": 2049}
_FILES = [f"{split}-{kind}" for split in ("train", "t10k") for kind in _MAGIC]

_LARGEST = 100_000_000  # bytes, twice the largest file: a hostile archive of a megabyte may unpack to a thousand
_STAGING = ".staging-"
_ABANDONED_AFTER = 3600.0  # seconds without a change; a living download gives up after a fraction of that
_NETWORK_TIMEOUT = 30.0  # seconds without an answer
_CANNOT_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
_TRY_ANOTHER = (
    'Use the drawn edition, which needs no network (COURSE_EDITION=drawn, or edition="drawn"), or another mirror: '
    "COURSE_MIRROR=<folder or address> that holds {name}/{file}."
)


class DataError(RuntimeError):
    """A data set cannot be made ready; the message names the file, the rule that it breaks, and the remedy."""


def dataset_root(
    name: str = "FashionMNIST",
    edition: str | None = None,
    *,
    mirror: str | Path | None = None,
    folder: str | Path | None = None,
    download: bool = True,
) -> Path:
    """Make one edition of a data set ready and return the `root` to give to `torchvision.datasets`.

    What is missing, damaged or out of date is unpacked (drawn) or downloaded (original), whole or not at all.
    After that `datasets.FashionMNIST(root=root, download=True)` needs no network, and `root.name` is the edition.
    With `download=False` an original edition that is not there yet is an error.

    Each setting left out is taken from the environment, where a relative path counts from the course's folder:
    `edition` from COURSE_EDITION (otherwise "drawn"); `mirror`, a folder or an address that holds
    `FashionMNIST/train-images-idx3-ubyte.gz` and so on, from COURSE_MIRROR (otherwise torchvision's own addresses);
    `folder`, which receives `drawn/` and `original/`, from COURSE_DATA (otherwise the course's `data/`).

    Raises: DataError, and leaves nothing half-written behind.
    """
    edition = edition or os.environ.get("COURSE_EDITION") or "drawn"
    if edition not in EDITIONS:
        raise DataError(
            f"Expected the edition drawn or original, got {edition!r}. Correct COURSE_EDITION or `edition`."
        )
    if name not in DATASETS:
        raise DataError(f"Expected a data set among {', '.join(DATASETS)}, got {name!r}. Correct `name`.")
    folder = Path(folder).expanduser().absolute() if folder else _path_from_environment("COURSE_DATA")
    if folder is None:
        folder = REPOSITORY / "data"
        if not folder.is_dir():
            raise DataError(
                f"Expected the course's data in {folder}, but there is no such folder. "
                "Install the course in place (pip install -e . in its folder), or set COURSE_DATA to a folder of yours."
            )
    raw = folder / edition / name / "raw"
    checksums = _drawn_checksums(name) if edition == "drawn" else {}
    _remove_abandoned(folder)
    if not _is_sound(raw, checksums):
        if edition == "original" and not download:
            raise DataError(
                f"Expected the original edition of {name} on this machine, but it is not there. "
                f'Fetch it once, in a cell: dataset_root("{name}", edition="original").'
            )
        _make_ready(raw, name, checksums, [] if checksums else _sources(name, mirror))
    return folder / edition


def _path_from_environment(variable: str) -> Path | None:
    # Notebooks run in notebooks/, commands in the course's folder: both must mean the same place.
    value = os.environ.get(variable)
    return REPOSITORY / Path(value).expanduser() if value else None


def _make_ready(raw: Path, name: str, checksums: dict[str, str], sources: list[str | Path]) -> None:
    """Build the folder `raw` beside its place, check it, and move it there in one step."""
    folder = raw.parents[2]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_STAGING, dir=folder, ignore_cleanup_errors=True) as staging:
            staged = Path(staging, "raw")  # not `staging` itself, which only its owner may read
            staged.mkdir()
            if checksums:
                archives = origin = REPOSITORY / "data" / "drawn" / name
                remedy = (
                    f"Get the course's own file again: git restore data/drawn/{name} in the course's folder, "
                    "or download the course anew."
                )
            else:
                archives = Path(staging, "archives")
                origin = _download(name, sources, archives)
                remedy = _TRY_ANOTHER.format(name=name, file=f"{_FILES[0]}.gz")
            try:
                for file in _FILES:
                    (staged / file).write_bytes(_unpacked(archives / f"{file}.gz"))
                _check(staged, checksums)
            except ValueError as fault:
                raise DataError(f"In {origin}: {fault}. {remedy}") from fault
            _move_into_place(staged, raw, checksums)
    except OSError as error:
        raise DataError(
            f"Cannot write {raw}: {error.strerror or error}. The pictures are unpacked there once, which needs about "
            "100 MB in a folder that you may write to. Set COURSE_DATA to such a folder, for example "
            "COURSE_DATA=~/course-data; the course's own folder may then stay read-only."
        ) from error


def _move_into_place(staged: Path, raw: Path, checksums: dict[str, str]) -> None:
    raw.parent.mkdir(parents=True, exist_ok=True)
    if raw.exists() and not raw.is_dir():
        raw.rename(staged.parent / "damaged")  # into the staging folder that is about to vanish
    try:
        os.replace(staged, raw)  # noqa: PTH105 - the point is that it is one step
    except OSError:
        if not raw.is_dir():
            raise
        if _is_sound(raw, checksums):
            return  # another notebook was faster: its result is as good
        # Damaged: file by file, so that a notebook that mended or reads it meanwhile finds each file there, and whole.
        for file in _FILES:
            os.replace(staged / file, raw / file)  # noqa: PTH105


def _remove_abandoned(folder: Path) -> None:
    """Delete what killed programs left, and nothing that a living one may still be filling."""
    for staging in folder.glob(f"{_STAGING}*"):
        try:
            newest = max(path.stat().st_mtime for path in (staging, *staging.rglob("*")))
        except OSError:
            continue  # it vanished meanwhile: its owner lives
        if time.time() - newest > _ABANDONED_AFTER:
            shutil.rmtree(staging, ignore_errors=True)


def _drawn_checksums(name: str) -> dict[str, str]:
    """Read the SHA-256 of each unpacked file of the drawn edition."""
    path = REPOSITORY / "data" / "drawn" / name / "SHA256SUMS"
    remedy = (
        'Get the course\'s folder complete, or use the original edition (COURSE_EDITION=original, edition="original").'
    )
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        checksums = {file.lstrip("*"): digest for digest, file in lines}
    except OSError as error:
        raise DataError(f"There is no drawn edition of {name} here: cannot read {path}. {remedy}") from error
    except ValueError:
        checksums = {}
    if missing := [file for file in _FILES if file not in checksums]:
        raise DataError(f"Expected lines `<SHA-256> <file>` in {path}, found none for {missing[0]}. {remedy}")
    return checksums


def _unpacked(archive: Path) -> bytes:
    try:
        with gzip.open(archive) as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) <= _LARGEST:
            return content
        fault = f"must unpack to {_LARGEST:,} bytes or fewer, and holds more"
    except EOFError:
        fault = f"is cut off, its {archive.stat().st_size:,} bytes end before the archive does"
    except (zlib.error, gzip.BadGzipFile) as error:
        fault = f"must be a sound gzip archive: {error}"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    raise ValueError(f"{archive.name} {fault}")


def _sources(name: str, mirror: str | Path | None) -> list[str | Path]:
    """Return where the archives of the original edition are: addresses to try in turn, or the mirror's folder."""
    mirror = mirror or os.environ.get("COURSE_MIRROR")
    if not mirror:
        return DATASETS[name].mirrors
    if str(mirror).startswith(("http://", "https://")):
        return [f"{str(mirror).rstrip('/')}/{name}/"]
    folder = Path(mirror).expanduser()
    # Relative: from the current folder as usual, or from the course's own for what runs in notebooks/.
    folder = (folder if folder.is_dir() else REPOSITORY / folder).resolve() / name
    for file in _FILES:
        if not os.access(folder / f"{file}.gz", os.R_OK):
            raise DataError(
                f"Expected the four archives of {name} in the mirror's folder {folder}, but cannot read {file}.gz. "
                f"Correct COURSE_MIRROR to a folder that holds {name}/{file}.gz, or to an address with http://; "
                "unset, the archives come from torchvision's own addresses."
            )
    return [folder]


def _download(name: str, sources: list[str | Path], archives: Path) -> str:
    """Download and check the archives by torchvision's own means; return where they came from."""
    archives.mkdir()
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT)  # torchvision sets none: a silent network would hang for ever
    try:
        for file, md5 in DATASETS[name].resources:
            archive, faults = archives / file, []
            for source in sources:
                try:
                    if isinstance(source, Path):  # torchvision cannot download from a file:// address
                        shutil.copyfile(source / file, archive)
                    else:
                        download_url(source + file, str(archives), file, md5)
                except (OSError, HTTPException) as error:
                    if getattr(error, "errno", None) in _CANNOT_WRITE:
                        raise
                    faults.append(f"Cannot download {source}{file}: {error}.")
                    continue
                except RuntimeError:
                    pass  # the checksum, which is looked at again here for a message that says more
                if check_integrity(archive, md5):
                    break
                faults.append(f"In {source}: {_checksum_fault(archive, md5)}.")
            else:
                raise DataError(" ".join([*faults, _TRY_ANOTHER.format(name=name, file=file)]))
    finally:
        socket.setdefaulttimeout(timeout)
    return ", ".join(map(str, sources))


def _checksum_fault(archive: Path, md5: str) -> str:
    try:
        _unpacked(archive)
        reason = "it is a sound archive, but another one"
    except ValueError as fault:
        reason = str(fault)
    return f"{archive.name} must have the md5 {md5}, received {calculate_md5(archive)}: {reason}"


def _check(raw: Path, checksums: dict[str, str]) -> None:
    """Raise ValueError with the first rule that the unpacked files break."""
    counts = []
    for file in _FILES:
        expected_magic = _MAGIC[file.split("-", 1)[1]]
        header_size = 4 + 4 * (expected_magic % 256)  # the last byte of the magic number: how many dimensions
        try:
            size = (raw / file).stat().st_size
            with (raw / file).open("rb") as stream:
                header = stream.read(header_size)
                digest = hashlib.sha256(header + stream.read()).hexdigest() if checksums else None
        except OSError as error:
            raise ValueError(f"{file} cannot be read: {error.strerror}") from error
        magic, *shape = struct.unpack(f">{header_size // 4}I", header.ljust(header_size, b"\0"))
        if magic != expected_magic:
            raise ValueError(f"{file} must start with the magic number {expected_magic}, received {magic}")
        if size != (expected_size := header_size + math.prod(shape)):
            raise ValueError(f"{file} must have {expected_size:,} bytes for its shape {shape}, received {size:,}")
        if checksums and digest != checksums[file]:
            raise ValueError(f"{file} must have the SHA-256 {checksums[file]}, received {digest}")
        counts.append(shape[0])
    for split, images, labels in zip(("train", "t10k"), counts[::2], counts[1::2], strict=True):
        if images != labels:
            raise ValueError(f"{split}-* must hold one label per image, received {images:,} images, {labels:,} labels")


def _is_sound(raw: Path, checksums: dict[str, str]) -> bool:
    try:
        _check(raw, checksums)
    except ValueError:
        return False
    return True


class InMemoryDataset(Dataset):
    """Hold every (image, label) pair of a data set in memory and serve a whole batch in one step.

    A plain `DataLoader(InMemoryDataset(dataset), ...)` gives the same batches as `DataLoader(dataset, ...)`, bit for
    bit, and calls no transform again. So give it no transform that draws at random (augmentation): each picture
    would keep for ever the one draw it was read with.

    Shapes: `images` [N, ...], for example [N, 1, 28, 28], 190 MB for 60,000 float pictures; `labels` [N], or
    [N, ...] where a label is a tensor. `classes` holds the source's class names, none where it has none.

    Raises: ValueError where the data set is empty, or its items are not (image, label) tensors of one shape.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Read the data set once, item by item, with its transforms."""
        if len(dataset) == 0:
            raise ValueError("Expected at least one (image, label) pair, got an empty data set.")
        for start in range(0, len(dataset), 1000):
            items = [dataset[i] for i in range(start, min(start + 1000, len(dataset)))]
            images, labels = _stacked(items, start)
            if start == 0:
                self.images = images.new_empty(len(dataset), *images.shape[1:])
                self.labels = labels.new_empty(len(dataset), *labels.shape[1:])
                self._labels_are_numbers = isinstance(items[0][1], int | float)
            for whole, part in ((self.images, images), (self.labels, labels)):
                if (part.shape[1:], part.dtype) != (whole.shape[1:], whole.dtype):
                    raise ValueError(
                        f"Expected every item like the first, {list(whole.shape[1:])} {whole.dtype}, got "
                        f"{list(part.shape[1:])} {part.dtype} from item {start} on. Give all one shape, e.g. by Resize."
                    )
                whole[start : start + len(items)] = part
        while isinstance(dataset, Subset):
            dataset = dataset.dataset
        self.classes = list(getattr(dataset, "classes", []))

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor | int | float]:
        """Return one pair; the label is a number where the source gives a number."""
        i = operator.index(index)
        # Copies: whoever changes a picture in place must not change the data set.
        return self.images[i].clone(), _label(self.labels[i].clone(), self._labels_are_numbers)

    def __getitems__(self, indices: list[int]) -> "_Batch":
        """Return the pairs of one batch; `DataLoader` calls this and needs no `collate_fn` for it."""
        rows = torch.from_numpy(np.asarray(indices))  # four times as fast as torch.tensor(indices)
        try:
            # index_select is twice as fast as images[rows], but knows no negative index.
            images, labels = self.images.index_select(0, rows), self.labels.index_select(0, rows)
        except IndexError:
            images, labels = self.images[rows], self.labels[rows]
        return _Batch(images, labels, self._labels_are_numbers)


def _stacked(items: list, start: int) -> tuple[Tensor, Tensor]:
    try:
        images, labels = default_collate(items)
        if isinstance(images, Tensor) and isinstance(labels, Tensor):
            return images, labels
        cause = None
    except (TypeError, ValueError, RuntimeError) as error:
        cause = error
    item = items[0] if isinstance(items[0], tuple | list) else items[:1]
    raise ValueError(
        "Expected (image, label) pairs of one shape, an image tensor and a label that is a tensor or a number, "
        f"got ({', '.join(type(part).__name__ for part in item)}) as item {start}. "
        "Turn pictures into tensors with transform=ToTensor(), and class names into numbers."
    ) from cause


def _label(label: Tensor, as_number: bool) -> Tensor | int | float:
    return label.item() if as_number else label


class _Pair(tuple):
    """One (image, label) out of a batch; `default_collate` looks up what to do by the type of a batch's first item."""


class _Batch(Sequence):
    """The pairs of one batch: a list of pairs to whoever looks into it, and two whole tensors to `_collate`."""

    def __init__(self, images: Tensor, labels: Tensor, labels_are_numbers: bool) -> None:
        self.images, self.labels, self._labels_are_numbers = images, labels, labels_are_numbers

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> _Pair:
        return _Pair((self.images[i], _label(self.labels[i], self._labels_are_numbers)))


def _collate(batch: Sequence, *, collate_fn_map: dict | None = None) -> list:
    if isinstance(batch, _Batch):
        return [batch.images, batch.labels]
    return [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=True)]


default_collate_fn_map[_Pair] = _collate  # the extension that the documentation of default_collate describes
