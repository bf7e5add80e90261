"""The course's data sets: a folder ready for torchvision in either edition, and a data set held in memory."""

import gzip
import hashlib
import os
import zlib
from functools import partial
from http.client import HTTPException
from itertools import islice
from pathlib import Path
from urllib.request import urlopen

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import datasets
from tqdm import tqdm

from helpers.files import replace_whole

EDITIONS = ("drawn", "original")
DATASETS = {"FashionMNIST": datasets.FashionMNIST, "MNIST": datasets.MNIST}

# The files of a data set and their sizes in the original edition, in bytes; those of the drawn edition are smaller.
_ORIGINAL_SIZES = {
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}
_INSTALLED_IN = Path(__file__).resolve().parents[1]  # the course's folder, or site-packages
_NETWORK_TIMEOUT = 30.0  # seconds without an answer


class DataError(RuntimeError):
    """A data set cannot be made ready; the message names the file, the rule that it breaks, and the remedy."""


def dataset_root(name: str = "FashionMNIST", edition: str | None = None, *, download: bool = True) -> Path:
    """Make one edition of a data set ready and return the `root` to pass to `torchvision.datasets`.

    Each file that is missing, damaged or out of date is unpacked (drawn) or downloaded (original). After that,
    `datasets.FashionMNIST(root=root, download=True)` needs no network, and `root.name` is the edition. With
    `download=False`, an original edition that is not on this machine is an error.

    Without `edition`, the environment variable COURSE_EDITION decides, and otherwise it is "drawn". COURSE_DATA is
    the folder that receives `drawn/` and `original/`, by default the course's `data/`. COURSE_MIRROR is a folder or an
    address that holds `FashionMNIST/train-images-idx3-ubyte.gz` and so on, by default torchvision's own addresses. A
    relative path starts at the course's folder.

    Raises: DataError; no incomplete file is left under a final name.
    """
    edition = edition or os.environ.get("COURSE_EDITION") or "drawn"
    if edition not in EDITIONS:
        raise DataError(
            f"Expected the edition drawn or original, got {edition!r}. Correct COURSE_EDITION or `edition`."
        )
    if name not in DATASETS:
        raise DataError(f"Expected a data set among {', '.join(DATASETS)}, got {name!r}. Correct `name`.")
    data_folder = _resolve("COURSE_DATA") or _course_folder() / "data"
    raw = data_folder / edition / name / "raw"
    if edition == "drawn":
        _unpack_drawn(name, data_folder, raw)
    else:
        _fetch_original(name, raw, download)
    return data_folder / edition


def _course_folder() -> Path:
    """Find the folder that holds `data/drawn`: this module's own, or (pip install .) one above the current folder."""
    here = Path.cwd()
    for folder in (_INSTALLED_IN, here, *here.parents):
        if (folder / "data" / "drawn").is_dir():
            return folder
    raise DataError(
        f"Expected the course's data in data/drawn, found no such folder in {_INSTALLED_IN}, in {here} or above it. "
        "Run the notebook inside the course's folder, or set COURSE_DATA to the path of the course's data folder."
    )


def _resolve(variable: str) -> Path | None:
    """Return the path in an environment variable, the same one for notebooks/ and for the course's folder."""
    value = os.environ.get(variable)
    if not value:
        return None
    path = Path(value).expanduser()
    return path if path.is_absolute() else _course_folder() / path


def _unpack_drawn(name: str, data_folder: Path, raw: Path) -> None:
    archives = data_folder / "drawn" / name
    if not (archives / "SHA256SUMS").is_file():
        archives = _course_folder() / "data" / "drawn" / name
    for file, sha256 in _read_checksums(archives / "SHA256SUMS").items():
        if not _has_checksum(raw / file, sha256):
            _write(raw / file, _unpack(archives / f"{file}.gz", sha256))


def _read_checksums(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each unpacked file of the drawn edition."""
    try:
        words = path.read_text(encoding="ascii").split()
        checksums = dict(zip(words[1::2], words[::2], strict=True))
        return {file: checksums[file] for file in _ORIGINAL_SIZES}
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"Expected {path} with a line `<SHA-256> <file>` for each of {', '.join(_ORIGINAL_SIZES)}: "
            f"{type(error).__name__}: {error}. Restore it with `git restore data` in the course's folder, or use the "
            "original edition (COURSE_EDITION=original)."
        ) from error


def _has_checksum(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _unpack(archive: Path, sha256: str) -> bytes:
    try:
        content = gzip.decompress(archive.read_bytes())
        if (received := hashlib.sha256(content).hexdigest()) == sha256:
            return content
        fault = f"it unpacks to other content, with the SHA-256 {received}, than SHA256SUMS states"
    except (OSError, EOFError, zlib.error) as error:
        fault = f"{type(error).__name__}: {error}"
    raise DataError(
        f"Cannot unpack {archive}: {fault}. Restore it with `git restore data` in the course's folder, or download the "
        "course again."
    )


def _fetch_original(name: str, raw: Path, download: bool) -> None:
    for file, md5 in DATASETS[name].resources:
        path = raw / file.removesuffix(".gz")
        if path.is_file() and path.stat().st_size == _ORIGINAL_SIZES[path.name]:
            continue
        if not download:
            raise DataError(
                f"Expected the original edition of {name} on this machine, but it is not there. "
                f'Fetch it once, in a cell: dataset_root("{name}", edition="original").'
            )
        _write(path, gzip.decompress(_download(name, file, md5)))


def _download(name: str, file: str, md5: str) -> bytes:
    """Return the first archive that has the checksum that torchvision states."""
    faults = []
    for address in _addresses(name):
        try:
            archive = _read(address + file)
        except (OSError, HTTPException, ValueError) as error:
            faults.append(f"{address}{file}: {error}")
            continue
        if (received := hashlib.md5(archive, usedforsecurity=False).hexdigest()) == md5:
            return archive
        faults.append(f"{address}{file} has {len(archive):,} bytes with the md5 {received}, it is cut off or replaced")
    raise DataError(
        f"Expected {file} of the original {name} with the md5 {md5}. Tried {'; '.join(faults)}. Use the drawn edition, "
        f"which needs no network (COURSE_EDITION=drawn), or set COURSE_MIRROR to a folder or an address with http:// "
        f"that holds {name}/{file}."
    )


def _addresses(name: str) -> list[str]:
    mirror = os.environ.get("COURSE_MIRROR")
    if not mirror:
        return DATASETS[name].mirrors
    if not mirror.startswith(("http://", "https://")):
        mirror = _resolve("COURSE_MIRROR").resolve().as_uri()
    return [f"{mirror.rstrip('/')}/{name}/"]


def _read(address: str) -> bytes:
    """Read a file from a file://, http:// or https:// address, with a progress bar where it takes over a second."""
    with urlopen(address, timeout=_NETWORK_TIMEOUT) as response:
        size = int(response.headers.get("Content-Length") or 0) or None
        with tqdm.wrapattr(response, "read", total=size, desc=address.rpartition("/")[2], delay=1) as stream:
            pieces = iter(partial(stream.read, 1_000_000), b"")
            return b"".join(islice(pieces, 50))  # 50 MB, more than any archive has: a server may send without end


def _write(path: Path, content: bytes) -> None:
    try:
        with replace_whole(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise DataError(
            f"Cannot write {path}: {error.strerror or error}. The images are stored there once, in about 60 MB. "
            "Where another program has the file open, wait a moment and run the cell again; otherwise set COURSE_DATA "
            "to a folder that you may write to, for example COURSE_DATA=~/course-data."
        ) from error


def _is_tensor_pair(batch: object) -> bool:
    return isinstance(batch, list) and len(batch) == 2 and all(isinstance(part, Tensor) for part in batch)


class InMemoryDataset(Dataset):
    """Hold every (image, label) pair of a data set in memory and serve a whole batch in one step.

    `DataLoader(InMemoryDataset(dataset), ...)` gives the same batches as `DataLoader(dataset, ...)`, bit for bit, and
    runs no transform again. So do not pass a data set with a random transform (augmentation): each image would keep
    the variant that was drawn when it was read.

    Shapes: `images` [N, ...], for example [N, 1, 28, 28], 190 MB for 60,000 float images; `labels` [N], or [N, ...]
    where a label is a tensor. `classes` has the source's class names and is empty where it has none.

    Raises: ValueError where the data set is empty or its items are not pairs of an image tensor and a label.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Read the data set once, with its transforms."""
        # The loader gets a generator of its own: it draws a seed, which must not change the learner's random numbers.
        batches = list(DataLoader(dataset, batch_size=1000, generator=torch.Generator()))
        if not batches or not all(_is_tensor_pair(batch) for batch in batches):
            raise ValueError(
                "Expected one or more pairs of an image tensor and a label that is a number or a tensor, "
                f"got {f'{dataset[0]!r:.60} as the first item' if len(dataset) else 'an empty data set'}. "
                "Convert class names to numbers, for example with target_transform."
            )
        self.images, self.labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        while isinstance(dataset, Subset):
            dataset = dataset.dataset
        self.classes = list(getattr(dataset, "classes", []))

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.images)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor | int]:
        """Return a copy of one pair; the label is an int where the labels are classes."""
        return self.__getitems__([position])[0]

    def __getitems__(self, positions: list[int]) -> list[tuple[Tensor, Tensor | int]]:
        """Return the pairs of one batch; `DataLoader` calls this once per batch."""
        valid = range(len(self))  # also counts from the end, and raises IndexError
        rows = torch.as_tensor([valid[position] for position in positions])
        # As images[rows], and twice as fast.
        images, labels = self.images.index_select(0, rows), self.labels.index_select(0, rows)
        if labels.ndim == 1 and labels.dtype == torch.int64:
            labels = labels.tolist()  # the loader makes a batch of ints faster than of tensors
        return list(zip(images, labels, strict=True))
