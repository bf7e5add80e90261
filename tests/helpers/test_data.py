"""The data sets: each file made ready whole or not at all, every bad input named, and batches from memory."""

import contextlib
import gzip
import hashlib
import shutil
import socket
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, StackDataset, Subset, random_split
from torchvision import datasets
from torchvision.transforms import Compose, Lambda, ToTensor

from helpers import data
from helpers.data import DATASETS, DataError, InMemoryDataset, dataset_root

FILES = [f"{split}-{content}" for split in ("train", "t10k") for content in ("images-idx3-ubyte", "labels-idx1-ubyte")]
assert_equal = partial(torch.testing.assert_close, rtol=0, atol=0)  # also in lists
both_editions = pytest.mark.parametrize("edition", data.EDITIONS)


# Tiny data sets, written here


def images_file(n):
    generator = torch.Generator().manual_seed(n)
    pixels = torch.randint(0, 256, (n, 28, 28), dtype=torch.uint8, generator=generator)
    return struct.pack(">4I", 2051, n, 28, 28) + pixels.numpy().tobytes()


def labels_file(n):
    return struct.pack(">2I", 2049, n) + bytes(i % 10 for i in range(n))


def tiny_files(train=30, test=20):
    contents = images_file(train), labels_file(train), images_file(test), labels_file(test)
    return dict(zip(FILES, contents, strict=True))


def write_archives(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1, mtime=0))
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    (folder / "SHA256SUMS").write_text("".join(lines))
    return folder


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for variable in ("COURSE_EDITION", "COURSE_MIRROR", "COURSE_DATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course's folder with tiny drawn editions."""
    for name in DATASETS:
        write_archives(tmp_path / "course/data/drawn" / name, tiny_files())
    (tmp_path / "course/notebooks").mkdir()
    monkeypatch.setattr(data, "_INSTALLED_IN", tmp_path / "course")
    return tmp_path / "course"


@pytest.fixture
def mirror(course, tmp_path, monkeypatch):
    """A mirror's folder with tiny original editions, whose checksums torchvision is made to expect."""
    files = tiny_files(train=50, test=40)
    for name, dataset in DATASETS.items():
        folder = write_archives(tmp_path / "mirror" / name, files)
        md5s = [hashlib.md5((folder / f"{file}.gz").read_bytes()).hexdigest() for file in FILES]
        resources = [(f"{file}.gz", md5) for file, md5 in zip(FILES, md5s, strict=True)]
        monkeypatch.setattr(dataset, "resources", resources)
    monkeypatch.setattr(data, "_ORIGINAL_SIZES", {file: len(content) for file, content in files.items()})
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "mirror"


@contextlib.contextmanager
def serve(folder, handler=SimpleHTTPRequestHandler):
    """A real server on this machine; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def load(root, name="FashionMNIST", train=True, **options):
    return DATASETS[name](root=root, train=train, download=True, **options)


def raw_of(root, name="FashionMNIST"):
    return {path.name: path.read_bytes() for path in (root / name / "raw").iterdir()}


# Both editions


@pytest.mark.parametrize("name", DATASETS)
def test_drawn_is_the_default_and_needs_no_network(course, no_network, name):
    root = dataset_root(name)
    assert root == course / "data/drawn"
    assert raw_of(root, name) == tiny_files()
    assert (len(load(root, name)), len(load(root, name, train=False))) == (30, 20)


@pytest.mark.parametrize("name", DATASETS)
def test_original_from_a_mirror(course, mirror, monkeypatch, name):
    root = dataset_root(name, "original")
    assert root == course / "data/original"
    assert raw_of(root, name) == tiny_files(train=50, test=40)
    monkeypatch.setenv("COURSE_MIRROR", "/nowhere")  # not asked for again
    assert dataset_root(name, "original", download=False) == root


def test_torchvisions_addresses_are_tried_in_turn(course, mirror, tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_MIRROR")
    with serve(tmp_path / "empty") as bad, serve(mirror / "FashionMNIST") as good:
        monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [f"{bad}/", f"{good}/"])
        assert len(load(dataset_root(edition="original"))) == 50


@pytest.mark.parametrize(("folder", "expected"), [("elsewhere", "course/elsewhere"), ("{}/mine", "mine")])
def test_settings_in_the_environment(course, mirror, monkeypatch, folder, expected):
    monkeypatch.chdir(course / "notebooks")
    monkeypatch.setenv("COURSE_MIRROR", "../mirror")  # a relative path starts at the course's folder
    monkeypatch.setenv("COURSE_DATA", folder.format(mirror.parent))
    monkeypatch.setenv("COURSE_EDITION", "original")
    root = dataset_root()
    assert (root, len(load(root))) == (mirror.parent / expected / "original", 50)


def test_a_copy_in_site_packages_finds_the_courses_data(course, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_INSTALLED_IN", tmp_path / "site-packages")
    monkeypatch.chdir(course / "notebooks")
    assert dataset_root() == course / "data/drawn"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA", str(course / "data"))
    assert dataset_root() == course / "data/drawn"


def test_what_cannot_be_found_is_named(course, tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"FashionMNIST, MNIST, got 'CIFAR10'\. Correct `name`"):
        dataset_root("CIFAR10")
    with pytest.raises(DataError, match=r"original edition of MNIST on this machine.*dataset_root\(\"MNIST"):
        dataset_root("MNIST", "original", download=False)
    monkeypatch.setenv("COURSE_EDITION", "Drawn")
    with pytest.raises(DataError, match=r"drawn or original, got 'Drawn'.*COURSE_EDITION"):
        dataset_root()
    monkeypatch.setattr(data, "_INSTALLED_IN", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"data/drawn, found no.*site-packages.*inside the course.*COURSE_DATA"):
        dataset_root(edition="drawn")


# Bad input: the file, the rule and the remedy, and nothing under a final name


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "missing": (Path.unlink, "No such file"),
    "a login page": (lambda path: path.write_bytes(b"<html>Log in</html>"), "BadGzipFile"),
    "bit flipped": (flip_a_bit, "(BadGzipFile|error):"),
    "another archive": (lambda path: path.write_bytes(gzip.compress(images_file(30)[:-1] + b"x")), "the SHA-256"),
}


@pytest.mark.parametrize(("damage", "fault"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_drawn_archive(course, damage, fault):
    damage(course / f"data/drawn/FashionMNIST/{FILES[2]}.gz")
    with pytest.raises(DataError, match=rf"Cannot unpack .*{FILES[2]}\.gz.* {fault}.*git restore data"):
        dataset_root()
    assert raw_of(course / "data/drawn").keys() == set(FILES[:2])


@pytest.mark.parametrize("text", [None, f"{'0' * 64}  {FILES[0]}\n", "\N{SNOWMAN}"])
def test_missing_or_broken_list_of_checksums(course, text):
    path = course / "data/drawn/FashionMNIST/SHA256SUMS"
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"SHA256SUMS with a line.*git restore data.*COURSE_EDITION=original"):
        dataset_root()


@pytest.mark.parametrize(("damage", "fault"), [(cut, r"has [\d,]+ bytes with the md5"), (Path.unlink, "No such file")])
def test_damaged_original_archive(course, mirror, damage, fault):
    damage(mirror / f"FashionMNIST/{FILES[0]}.gz")
    with pytest.raises(DataError, match=rf"{FILES[0]}\.gz of the original.*{fault}.*=drawn.*COURSE_MIRROR"):
        dataset_root(edition="original")
    assert not (course / "data/original").exists()


class Endless(SimpleHTTPRequestHandler):
    """Sends without end, until the client hangs up."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            while True:
                self.wfile.write(bytes(10**6))


def test_a_server_that_never_ends_is_left(course, mirror, monkeypatch):
    with serve(mirror, Endless) as address:
        monkeypatch.setenv("COURSE_MIRROR", f"{address}/")
        with pytest.raises(DataError, match=rf"{address}/FashionMNIST/{FILES[0]}\.gz has .* cut off or replaced"):
            dataset_root(edition="original")


@pytest.mark.parametrize(("backlog", "fault"), [(None, "refused"), (1, "timed out")])
def test_no_server_and_a_silent_one(course, mirror, monkeypatch, backlog, fault):
    monkeypatch.setattr(data, "_NETWORK_TIMEOUT", 0.2)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if backlog:
            server.listen(backlog)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("COURSE_MIRROR", address)
        with pytest.raises(DataError, match=rf"{address}/FashionMNIST/.*: .*{fault}.*COURSE_EDITION=drawn"):
            dataset_root(edition="original")


@both_editions
def test_a_folder_that_cannot_be_written_is_named_with_a_remedy_that_works(course, mirror, monkeypatch, edition):
    blocked = course / "data" / edition / "FashionMNIST/raw"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the folder belongs: refused, to root too")
    with pytest.raises(DataError, match=rf"Cannot write {blocked}/{FILES[0]}.*COURSE_DATA=~/course-data"):
        dataset_root(edition=edition)
    monkeypatch.setenv("COURSE_DATA", "mine")
    assert len(load(dataset_root(edition=edition))) in (30, 50)


# Repair


@both_editions
@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: shutil.rmtree(path.parent)])
def test_what_is_missing_or_incomplete_is_made_ready_again_and_nothing_else(
    course, mirror, monkeypatch, edition, damage
):
    root = dataset_root(edition=edition)
    complete = raw_of(root)
    damage(root / "FashionMNIST/raw" / FILES[0])
    assert dataset_root(edition=edition) == root
    assert raw_of(root) == complete
    monkeypatch.setattr(data, "replace_whole", lambda path: pytest.fail(f"wrote {path}"))
    dataset_root(edition=edition)


def test_drawn_files_follow_their_archives(course):
    root = dataset_root()
    flip_a_bit(root / "FashionMNIST/raw" / FILES[0])  # the right size, another pixel
    dataset_root()
    assert raw_of(root) == tiny_files()
    write_archives(course / "data/drawn/FashionMNIST", tiny_files(train=31))  # the course was updated
    assert len(load(dataset_root())) == 31


@both_editions
def test_an_interrupted_notebook_leaves_nothing_that_is_taken_for_complete(course, mirror, monkeypatch, edition):
    def write_half(path, content):
        path.open("wb").write(content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(KeyboardInterrupt):
        dataset_root(edition=edition)
    assert not list((course / "data" / edition / "FashionMNIST/raw").iterdir())


# In memory


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A tiny data set as torchvision serves it, item by item."""
    root = tmp_path_factory.mktemp("images")
    raw = root / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    for name, content in tiny_files(train=1_003, test=20).items():
        (raw / name).write_bytes(content)
    return partial(load, root)


def one_hot(label):
    return torch.zeros(10).scatter_(0, torch.tensor(label), 1.0)


TRANSFORMS = {
    "plain": {"transform": ToTensor()},
    "one-hot": {"transform": ToTensor(), "target_transform": one_hot},
    "flat, float label": {"transform": Compose([ToTensor(), Lambda(torch.flatten)]), "target_transform": float},
    "float32 label": {"transform": ToTensor(), "target_transform": lambda label: torch.tensor(float(label))},
}


@pytest.mark.parametrize("options", TRANSFORMS.values(), ids=TRANSFORMS)
def test_batches_from_memory_are_the_same(images, options):
    batches = []
    for wrap in (lambda dataset: dataset, InMemoryDataset):
        torch.manual_seed(1)  # reading into memory must not draw from the global random numbers
        batches.append(list(DataLoader(wrap(images(**options)), batch_size=64, shuffle=True)))
    assert_equal(*batches)


def test_parts_and_stacks_are_the_same(images):
    source = images(transform=ToTensor())
    memory = InMemoryDataset(source)
    for part in (
        lambda dataset: random_split(dataset, [0.8, 0.2], torch.Generator().manual_seed(0))[1],
        lambda dataset: Subset(dataset, torch.tensor([7, 1_002, 7, 0])),
    ):
        assert_equal(*(list(DataLoader(part(dataset), batch_size=64)) for dataset in (source, memory)))
    assert_equal(*(list(DataLoader(Subset(memory, ends), 2)) for ends in ([1_002, 0], [-1, -1_003])))
    assert_equal(*(next(iter(DataLoader(StackDataset(d, d), 64))) for d in (source, memory)))


def test_each_transform_runs_once(images):
    calls = []
    memory = InMemoryDataset(images(transform=Compose([ToTensor(), Lambda(lambda x: calls.append(1) or x)])))
    list(DataLoader(memory, batch_size=100))
    assert len(calls) == 1_003


@pytest.mark.parametrize("options", [TRANSFORMS["plain"], TRANSFORMS["one-hot"]])
def test_items_are_those_of_the_source_and_changing_them_changes_no_data(images, options):
    source = images(**options)
    memory = InMemoryDataset(source)
    before = memory.images.clone(), memory.labels.clone()
    assert (len(memory), memory.classes) == (1_003, source.classes)
    for i in (0, 1_002, -1):
        assert type(memory[i][1]) is type(source[i][1])
        assert_equal(memory[i], source[i])
        memory[i][0].fill_(7)
    for part in next(iter(DataLoader(memory, batch_size=8))):
        part.fill_(7)
    assert torch.equal(memory.images, before[0])
    assert torch.equal(memory.labels, before[1])
    with pytest.raises(IndexError):
        memory[1_003]
    assert InMemoryDataset(Subset(Subset(source, range(9)), [2, 0])).classes == source.classes


@pytest.mark.parametrize(
    ("items", "received"),
    [
        ([], "an empty data set"),
        ([(torch.zeros(2), "shirt")], r"'shirt'\) as the first item\. Convert class names to numbers"),
    ],
)
def test_items_that_are_no_pairs_of_tensor_and_label_are_refused(items, received):
    with pytest.raises(ValueError, match=f"pairs of an image tensor and a label.*got .*{received}"):
        InMemoryDataset(items)
