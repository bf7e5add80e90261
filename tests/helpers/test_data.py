"""The data sets: each edition made ready whole or not at all, every bad input named, and batches out of memory."""

import codecs
import contextlib
import errno
import gzip
import hashlib
import math
import multiprocessing
import os
import shutil
import signal
import socket
import struct
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, StackDataset, Subset, TensorDataset, random_split
from torchvision import datasets
from torchvision.transforms import Compose, Lambda, ToTensor, v2

from helpers import data
from helpers.data import DataError, InMemoryDataset, dataset_root

ORIGINAL_MIRROR = os.environ.get("COURSE_MIRROR")
FILES = [f"{split}-{kind}" for split in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs fork and signals")
needs_originals = pytest.mark.skipif(
    not ORIGINAL_MIRROR,
    reason="set COURSE_MIRROR to a folder that holds FashionMNIST/train-images-idx3-ubyte.gz and the other three",
)


# Tiny data sets, written here


def images_file(count, magic=2051, side=28):
    generator = torch.Generator().manual_seed(count)
    pixels = torch.randint(0, 256, (count, side, side), dtype=torch.uint8, generator=generator)
    return struct.pack(">4I", magic, count, side, side) + pixels.numpy().tobytes()


def labels_file(count, magic=2049):
    return struct.pack(">2I", magic, count) + bytes(i % 10 for i in range(count))


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
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course folder of its own with a tiny drawn edition."""
    write_archives(tmp_path / "course/data/drawn/FashionMNIST", tiny_files())
    monkeypatch.setattr(data, "REPOSITORY", tmp_path / "course")
    return tmp_path / "course"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror's folder with a tiny original edition, whose checksums torchvision is made to expect."""
    files = tiny_files(train=50, test=40)
    folder = write_archives(tmp_path / "mirror/FashionMNIST", files)
    expect_archives_of(monkeypatch, folder)
    return tmp_path / "mirror"


def expect_archives_of(monkeypatch, folder):
    md5 = [hashlib.md5((folder / f"{name}.gz").read_bytes()).hexdigest() for name in FILES]
    resources = [(f"{name}.gz", digest) for name, digest in zip(FILES, md5, strict=True)]
    monkeypatch.setattr(datasets.FashionMNIST, "resources", resources)


@contextlib.contextmanager
def serve(folder, handler=SimpleHTTPRequestHandler):
    """A real server on this machine; gives its address and the list of the paths asked for."""
    asked = []

    class Handler(handler):
        def log_message(self, *_):
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


class CutOff(SimpleHTTPRequestHandler):
    """Promises the whole file, sends half of it and hangs up."""

    def copyfile(self, source, outputfile):
        content = source.read()
        outputfile.write(content[: len(content) // 2])
        self.close_connection = True


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@contextlib.contextmanager
def no_trace(folder):
    before = tree(folder)
    yield
    assert tree(folder) == before


def load(root, train=True, **options):
    return datasets.FashionMNIST(root=root, train=train, download=True, **options)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


# Both editions


def test_drawn_is_the_default_and_needs_no_network(course, no_network):
    root = dataset_root()
    assert root == course / "data/drawn"
    assert (len(load(root)), len(load(root, train=False))) == (30, 20)
    assert load(root).data.numpy().tobytes() == tiny_files()[FILES[0]][16:]


def test_the_courses_own_drawn_edition(no_network, tmp_path):
    root = dataset_root(folder=tmp_path)
    train, test = load(root), load(root, train=False)
    assert (len(train), len(test)) == (12_000, 2_000)
    assert train.data.shape[1:] == (28, 28)
    assert train.targets.unique().tolist() == list(range(10))


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_settings(course, mirror, tmp_path, monkeypatch, way):
    settings = {"edition": "original", "mirror": str(mirror), "folder": str(tmp_path / "mine")}
    if way == "environment":
        for name, value in zip(("EDITION", "MIRROR", "DATA"), settings.values(), strict=True):
            monkeypatch.setenv(f"COURSE_{name}", value)
        settings = {}
    assert dataset_root(**settings) == tmp_path / "mine/original"
    assert tree(tmp_path / "mine/original/FashionMNIST/raw") == sorted(FILES)


def test_relative_paths_in_the_environment_count_from_the_courses_folder(course, mirror, monkeypatch):
    (course / "notebooks").mkdir()
    monkeypatch.chdir(course / "notebooks")
    monkeypatch.setenv("COURSE_MIRROR", "../mirror")
    monkeypatch.setenv("COURSE_DATA", "elsewhere")
    assert dataset_root(edition="original") == course / "elsewhere/original"
    assert len(load(course / "elsewhere/original")) == 50


@pytest.mark.parametrize("kind", ["folder", "address"])
def test_original_from_a_mirror(course, mirror, kind, monkeypatch):
    with serve(mirror) as (address, asked):
        root = dataset_root(edition="original", mirror=mirror if kind == "folder" else address)
        assert bool(asked) == (kind == "address")
    assert root == course / "data/original"
    assert (len(load(root)), len(load(root, train=False))) == (50, 40)
    # Ready is ready: with the mirror gone nothing is asked for any more.
    assert dataset_root(edition="original", mirror="http://127.0.0.1:9") == root
    assert tree(course / "data/original") == sorted(
        ["FashionMNIST", "FashionMNIST/raw", *(f"FashionMNIST/raw/{file}" for file in FILES)]
    )


@pytest.mark.parametrize("address", ["http://mirror.example", "https://mirror.example/", "https://mirror.example//"])
def test_an_address_may_end_with_a_stroke(course, address):
    scheme = address.partition(":")[0]
    assert data._sources("FashionMNIST", address) == [f"{scheme}://mirror.example/FashionMNIST/"]


def test_a_relative_mirror_is_looked_for_here_and_then_in_the_course(course, mirror, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert data._sources("FashionMNIST", "mirror") == [tmp_path / "mirror/FashionMNIST"]
    mirror.rename(course / "mirror")
    assert data._sources("FashionMNIST", "mirror") == [course / "mirror/FashionMNIST"]


def test_torchvisions_addresses_are_tried_in_turn(course, mirror, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    with serve(tmp_path / "empty") as (bad, asked), serve(mirror / "FashionMNIST") as (good, _):
        monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [f"{bad}/", f"{good}/"])
        assert len(load(dataset_root(edition="original"))) == 50
    assert asked


def test_editions_never_share_a_folder(course, mirror):
    drawn = dataset_root()
    original = dataset_root(edition="original", mirror=mirror)
    assert (drawn.name, original.name) == ("drawn", "original")
    assert (len(load(drawn)), len(load(original))) == (30, 50)
    assert len(load(dataset_root())) == 30


@needs_originals
@pytest.mark.parametrize("kind", ["folder", "address"])
def test_the_original_archives(tmp_path, kind):
    folder = (data.REPOSITORY / ORIGINAL_MIRROR).resolve()
    with serve(folder) as (address, asked):
        root = dataset_root(edition="original", mirror=folder if kind == "folder" else address, folder=tmp_path)
        assert bool(asked) == (kind == "address")
    train, test = load(root), load(root, train=False)
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.targets[:5].tolist() == [9, 0, 0, 3, 0]
    assert train.data.float().mean().item() == pytest.approx(72.94, abs=0.01)


# Bad input: the file, the rule and the remedy, and no trace


def spoil(archive, content):
    """Replace what an archive and its line in SHA256SUMS hold."""
    archive.write_bytes(gzip.compress(content))
    sums = archive.with_name("SHA256SUMS")
    lines = [line for line in sums.read_text().splitlines() if not line.endswith(archive.stem)]
    sums.write_text("\n".join([*lines, f"{hashlib.sha256(content).hexdigest()}  {archive.stem}"]))


SPOILED = {
    "magic": (FILES[0], images_file(30, magic=2052), r"must start with the magic number 2051, received 2052"),
    "labels' magic": (FILES[3], labels_file(20, magic=2051), r"must start with the magic number 2049, received 2051"),
    "counts": (FILES[1], labels_file(29), r"one label per image, received 30 images, 29 labels"),
    "size": (FILES[2], images_file(20)[:-1], r"must have 15,696 bytes for its shape \[20, 28, 28\], received 15,695"),
    "too much": (
        FILES[2],
        images_file(20) + b"0",
        r"must have 15,696 bytes for its shape \[20, 28, 28\], received 15,697",
    ),
    "empty": (FILES[3], b"", r"must start with the magic number 2049, received 0"),
}


@pytest.mark.parametrize("edition", data.EDITIONS)
@pytest.mark.parametrize("case", SPOILED)
def test_wrong_content(course, mirror, monkeypatch, edition, case):
    file, content, rule = SPOILED[case]
    folder = course / "data/drawn/FashionMNIST" if edition == "drawn" else mirror / "FashionMNIST"
    write_archives(folder, tiny_files())
    spoil(folder / f"{file}.gz", content)
    expect_archives_of(monkeypatch, folder)
    remedy = "git restore data/drawn/FashionMNIST" if edition == "drawn" else "COURSE_EDITION=drawn.*COURSE_MIRROR="
    with no_trace(course), pytest.raises(DataError, match=f"{file.split('-')[0]}-.*{rule}.*{remedy}"):
        dataset_root(edition=edition, mirror=mirror)


def cut(archive):
    archive.write_bytes(archive.read_bytes()[:-100])


def flip(archive):
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)


def replace(archive):
    archive.write_bytes(gzip.compress(images_file(30)[:-1] + b"x"))


DAMAGES = {
    "truncated": (cut, r"is cut off, its [\d,]+ bytes end before the archive does"),
    "missing": (Path.unlink, r"cannot be read: No such file"),
    "not gzip": (lambda archive: archive.write_bytes(b"<html>Log in</html>"), r"must be a sound gzip archive"),
    "bit flipped": (flip, r"must be a sound gzip archive"),
    "checksum": (replace, r"must have the SHA-256 [0-9a-f]{64}, received [0-9a-f]{64}"),
}


@pytest.mark.parametrize(("damage", "rule"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_drawn_archive(course, damage, rule):
    damage(course / f"data/drawn/FashionMNIST/{FILES[0]}.gz")
    with no_trace(course), pytest.raises(DataError, match=rf"{FILES[0]}.* {rule}.*git restore data/drawn/Fash"):
        dataset_root()


@pytest.mark.parametrize("kind", ["folder", "address"])
@pytest.mark.parametrize("case", ["truncated", "not gzip", "bit flipped", "checksum"])
def test_damaged_original_archive(course, mirror, kind, case):
    damage, rule = DAMAGES[case]
    damage(mirror / f"FashionMNIST/{FILES[0]}.gz")
    if case == "checksum":
        rule = "it is a sound archive, but another one"
    pattern = rf"{FILES[0]}\.gz must have the md5 [0-9a-f]{{32}}, received [0-9a-f]{{32}}: .*{rule}.*COURSE_MIRROR="
    with serve(mirror) as (address, _), no_trace(course), pytest.raises(DataError, match=pattern):
        dataset_root(edition="original", mirror=mirror if kind == "folder" else address)


def test_download_cut_off_midway(course, mirror):
    with serve(mirror, CutOff) as (address, _), no_trace(course):
        pattern = rf"{address}/FashionMNIST/.*{FILES[0]}\.gz.*(is cut off|IncompleteRead).*COURSE_EDITION=drawn"
        with pytest.raises(DataError, match=pattern):
            dataset_root(edition="original", mirror=address)


def test_no_network(course):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"  # bound, but nobody listens
        pattern = (
            rf"Cannot download {address}/FashionMNIST/{FILES[0]}\.gz: .*refused.*COURSE_EDITION=drawn.*COURSE_MIRROR="
            rf".* that holds FashionMNIST/{FILES[0]}\.gz\.$"
        )
        with no_trace(course), pytest.raises(DataError, match=pattern):
            dataset_root(edition="original", mirror=address)


def test_silent_network(course, monkeypatch, request):
    monkeypatch.setattr(data, "_NETWORK_TIMEOUT", 0.2)
    request.addfinalizer(lambda: socket.setdefaulttimeout(None))
    socket.setdefaulttimeout(77)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        no_trace(course),
        pytest.raises(DataError, match=r"Cannot download .*timed out.*COURSE_EDITION=drawn"),
    ):
        dataset_root(edition="original", mirror=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert socket.getdefaulttimeout() == 77


def test_a_full_disk_is_no_fault_of_the_network(course, mirror, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(data, "download_url", full)
    with (
        serve(mirror) as (address, _),
        no_trace(course),
        pytest.raises(DataError, match=r"Cannot write .*No space left"),
    ):
        dataset_root(edition="original", mirror=address)


@pytest.mark.parametrize(("size", "whole"), [(50, True), (51, False)])
def test_an_archive_unpacks_to_so_much_and_no_more(tmp_path, monkeypatch, size, whole):
    monkeypatch.setattr(data, "_LARGEST", 50)
    archive = tmp_path / "x.gz"
    archive.write_bytes(gzip.compress(bytes(size)))
    if whole:
        assert data._unpacked(archive) == bytes(50)
    else:
        with pytest.raises(ValueError, match=r"x\.gz must unpack to 50 bytes or fewer, and holds more"):
            data._unpacked(archive)


def test_checksums_as_other_programs_write_them(course):
    path = course / "data/drawn/FashionMNIST/SHA256SUMS"
    before = data._drawn_checksums("FashionMNIST")
    path.write_text(path.read_text().replace("  ", " *"))  # of binary files
    assert data._drawn_checksums("FashionMNIST") == before


def test_a_folder_for_the_data_is_made_with_all_that_is_missing_above_it(course, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    assert len(load(dataset_root())) == 30


def test_empty_mirror(course, tmp_path):
    (tmp_path / "empty").mkdir()
    with (
        no_trace(course),
        pytest.raises(DataError, match=rf"empty.* cannot read {FILES[0]}\.gz.*Correct COURSE_MIRROR"),
    ):
        dataset_root(edition="original", mirror=tmp_path / "empty")
    with (
        serve(tmp_path / "empty") as (address, _),
        no_trace(course),
        pytest.raises(DataError, match=rf"Cannot download {address}.*404.*COURSE_MIRROR="),
    ):
        dataset_root(edition="original", mirror=address)


def test_mirror_that_does_not_exist(course):
    with no_trace(course), pytest.raises(DataError, match=r"nowhere.* cannot read .*an address with http://"):
        dataset_root(edition="original", mirror="nowhere:8000")


@contextlib.contextmanager
def ordinary_user():
    """Root may write anywhere: become nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    for encoding in ("ascii", "hex"):
        codecs.lookup(encoding)  # else imported by nobody, who may not read root's Python
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@posix_only
@pytest.mark.parametrize("edition", data.EDITIONS)
def test_read_only_folder(monkeypatch, mirror, edition):
    with tempfile.TemporaryDirectory() as place:  # tmp_path is closed to other users
        course, sources, mine = Path(place, "course"), Path(place, "mirror"), Path(place, "mine")
        write_archives(course / "data/drawn/FashionMNIST", tiny_files())
        shutil.copytree(mirror, sources)
        mine.mkdir()
        mine.chmod(0o777)
        monkeypatch.setattr(data, "REPOSITORY", course)
        for path in (course / "data", *(course / "data").rglob("*/"), Path(place)):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            with ordinary_user(), no_trace(course):
                pattern = rf"Cannot write {course}/data/{edition}/FashionMNIST/raw: Permission denied.*Set COURSE_DATA"
                with pytest.raises(DataError, match=pattern):
                    dataset_root(edition=edition, mirror=sources)
                monkeypatch.setenv("COURSE_DATA", str(mine))  # the remedy holds
                assert load(dataset_root(edition=edition, mirror=sources)).data.shape[1:] == (28, 28)
        finally:
            for path in (Path(place), course / "data", *(course / "data").rglob("*/")):
                path.chmod(0o755)


def test_unknown_edition(course, monkeypatch):
    with no_trace(course), pytest.raises(DataError, match=r"drawn or original, got 'painted'.*COURSE_EDITION"):
        dataset_root(edition="painted")
    monkeypatch.setenv("COURSE_EDITION", "Drawn")
    with no_trace(course), pytest.raises(DataError, match="got 'Drawn'"):
        dataset_root()


def test_unknown_data_set(course):
    with no_trace(course), pytest.raises(DataError, match=r"FashionMNIST, MNIST, got 'CIFAR10'\. Correct `name`"):
        dataset_root("CIFAR10")


def test_drawn_edition_that_is_not_there(course):
    with (
        no_trace(course),
        pytest.raises(DataError, match=r"no drawn edition of MNIST.*SHA256SUMS.*COURSE_EDITION=orig"),
    ):
        dataset_root("MNIST")


@pytest.mark.parametrize("text", ["", "what is this\n", f"{'0' * 64}  {FILES[0]}\n"])
def test_broken_list_of_checksums(course, text):
    (course / "data/drawn/FashionMNIST/SHA256SUMS").write_text(text)
    with no_trace(course), pytest.raises(DataError, match=r"lines `<SHA-256> <file>` in .*SHA256SUMS, found none for"):
        dataset_root()


def test_no_data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "REPOSITORY", tmp_path / "site-packages")
    with no_trace(tmp_path), pytest.raises(DataError, match=r"site-packages.data, .*no such folder.*set COURSE_DATA"):
        dataset_root()


# Repair, killing, two at once


@pytest.mark.parametrize("edition", data.EDITIONS)
@pytest.mark.parametrize("how", ["file gone", "cut", "header", "only a folder"])
def test_repair(course, mirror, edition, how):
    root = dataset_root(edition=edition, mirror=mirror)
    whole = load(root).data
    raw = root / "FashionMNIST/raw"
    if how == "file gone":
        (raw / FILES[3]).unlink()
    elif how == "cut":
        cut(raw / FILES[0])
    elif how == "header":
        (raw / FILES[0]).write_bytes(bytes(len((raw / FILES[0]).read_bytes())))
    else:
        shutil.rmtree(raw)
        raw.mkdir()
    assert dataset_root(edition=edition, mirror=mirror) == root
    assert load(root).data.equal(whole)
    assert tree(raw) == sorted(FILES)
    assert not list(root.parent.glob(".staging-*"))


def test_drawn_follows_its_archives(course):
    root = dataset_root()
    pixel = root / "FashionMNIST/raw" / FILES[0]
    pixel.write_bytes(pixel.read_bytes()[:-1] + b"?")  # right size, wrong picture
    dataset_root()
    assert pixel.read_bytes() == tiny_files()[FILES[0]]
    write_archives(course / "data/drawn/FashionMNIST", tiny_files(train=31))  # the course was updated
    assert len(load(dataset_root())) == 31


def test_sound_files_are_left_alone(course):
    raw = dataset_root() / "FashionMNIST/raw"
    before = [(raw / file).stat().st_ino for file in FILES], raw.stat().st_mtime_ns
    dataset_root()
    assert ([(raw / file).stat().st_ino for file in FILES], raw.stat().st_mtime_ns) == before


fork = multiprocessing.get_context("fork") if os.name == "posix" else None


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def child_killed_at(moment):
    """What a child process runs: dataset_root, killed by itself at a moment of its work."""
    write, replace_folder = Path.write_bytes, os.replace

    def write_half(self, content):
        write(self, content[: len(content) // 2])
        if self.name == FILES[2]:
            die()
        return write(self, content)

    def before(source, target):
        die()

    def after(source, target):
        replace_folder(source, target)
        die()

    if moment == "half a file":
        Path.write_bytes = write_half
    else:
        os.replace = {"before the move": before, "after the move": after}[moment]
    dataset_root()


@posix_only
@pytest.mark.parametrize("damaged", [False, True], ids=["new", "repair"])
@pytest.mark.parametrize("moment", ["half a file", "before the move", "after the move"])
def test_killed(course, moment, damaged):
    if damaged:
        cut(dataset_root() / "FashionMNIST/raw" / FILES[0])
    child = fork.Process(target=child_killed_at, args=(moment,))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    raw = course / "data/drawn/FashionMNIST/raw"
    if not damaged:
        assert raw.exists() == (moment == "after the move")
    left = list((course / "data").glob(".staging-*"))
    assert len(left) == 1
    assert (len(load(dataset_root())), tree(raw)) == (30, sorted(FILES))
    # It may still be alive for all that the next call knows; once it is old it goes.
    assert left[0].exists()
    for path in (*left[0].rglob("*"), left[0]):
        os.utime(path, (0, time.time() - 2 * data._ABANDONED_AFTER))
    dataset_root()
    assert not left[0].exists()


@posix_only
def test_killed_at_any_time(course):
    write_archives(course / "data/drawn/FashionMNIST", tiny_files(train=12_000, test=2_000))
    raw = course / "data/drawn/FashionMNIST/raw"
    whole = math.inf
    for _ in range(3):  # the quickest: whoever is killed later than that may have come to its end
        shutil.rmtree(raw, ignore_errors=True)
        started = time.perf_counter()
        dataset_root()
        whole = min(whole, time.perf_counter() - started)
    killed = 0
    for step in range(10):
        shutil.rmtree(raw, ignore_errors=True)
        child = fork.Process(target=dataset_root)
        child.start()
        time.sleep(whole * (step + 0.5) / 8)
        child.kill()
        child.join(60)
        killed += child.exitcode != 0
        assert tree(raw) in ([], sorted(FILES))
        assert len(load(dataset_root())) == 12_000
    assert killed >= 3


def test_no_file_is_ever_missing_while_another_notebook_mends_the_same(course, monkeypatch):
    """One found them damaged; the other one has mended them meanwhile, and reads them."""
    raw = dataset_root() / "FashionMNIST/raw"
    checksums, replace_file, steps = data._drawn_checksums("FashionMNIST"), os.replace, []
    staged = course / "data" / ".staging-x" / "raw"
    shutil.copytree(raw, staged)
    monkeypatch.setattr(data, "_is_sound", lambda *_: False)

    def step(*arguments):
        try:
            replace_file(*arguments)
        finally:
            steps.append(arguments)
            data._check(raw, checksums)  # what the other notebook reads

    monkeypatch.setattr(os, "replace", step)
    monkeypatch.setattr(Path, "rename", step)
    data._move_into_place(staged, raw, checksums)
    assert len(steps) == 1 + len(FILES)


@posix_only
@pytest.mark.parametrize("damaged", [False, True], ids=["new", "repair"])
def test_many_at_once(course, damaged):
    write_archives(course / "data/drawn/FashionMNIST", tiny_files(train=2_000, test=500))
    raw = course / "data/drawn/FashionMNIST/raw"

    def child(start, errors):
        start.wait()
        try:
            dataset_root()
            data._check(raw, data._drawn_checksums("FashionMNIST"))
        except BaseException as error:
            errors.put(repr(error))

    for _ in range(3):
        if damaged:
            cut(dataset_root() / "FashionMNIST/raw" / FILES[0])
        else:
            shutil.rmtree(raw, ignore_errors=True)
        start, errors = fork.Barrier(4), fork.SimpleQueue()
        children = [fork.Process(target=child, args=(start, errors)) for _ in range(4)]
        for process in children:
            process.start()
        for process in children:
            process.join(60)
        assert errors.empty(), errors.get()
        assert [process.exitcode for process in children] == [0, 0, 0, 0]
        assert tree(raw) == sorted(FILES)
        assert not list((course / "data").glob(".staging-*"))


# In memory


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The same tiny data set as torchvision serves it, item by item."""
    root = tmp_path_factory.mktemp("pictures")
    raw = root / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    for name, content in tiny_files(train=1_003, test=20).items():
        (raw / name).write_bytes(content)
    return partial(load, root)


def one_hot(label):
    return torch.zeros(10).scatter_(0, torch.tensor(label), 1.0)


TRANSFORMS = {
    "plain": {"transform": ToTensor()},
    "modern": {"transform": v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])},
    "one-hot": {"transform": ToTensor(), "target_transform": one_hot},
    "flat, float label": {"transform": Compose([ToTensor(), Lambda(torch.flatten)]), "target_transform": float},
}


def assert_same_batches(expected, received):
    expected, received = list(expected), list(received)
    assert len(expected) == len(received) > 0
    for batch, other in zip(expected, received, strict=True):
        assert type(batch) is type(other) is list
        for tensor, copy in zip(batch, other, strict=True):
            assert type(copy) is type(tensor) is torch.Tensor
            assert (copy.shape, copy.dtype) == (tensor.shape, tensor.dtype)
            assert torch.equal(copy, tensor)


@pytest.mark.parametrize("options", TRANSFORMS.values(), ids=TRANSFORMS)
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_from_memory_are_the_same(pictures, options, shuffle):
    plain = pictures(**options)
    loaders = [
        DataLoader(dataset, batch_size=64, shuffle=shuffle, generator=torch.Generator().manual_seed(3))
        for dataset in (plain, InMemoryDataset(plain))
    ]
    assert_same_batches(*loaders)


def test_shuffling_by_the_global_seed(pictures):
    batches = []
    for hold in (lambda dataset: dataset, InMemoryDataset):
        torch.manual_seed(1)
        batches.append(list(DataLoader(hold(pictures(transform=ToTensor())), batch_size=100, shuffle=True)))
    assert_same_batches(*batches)


def test_whole_batches_are_served_at_once(pictures, monkeypatch):
    memory = InMemoryDataset(pictures(transform=ToTensor()))
    calls = []
    serve_batch = InMemoryDataset.__getitems__
    monkeypatch.setattr(InMemoryDataset, "__getitems__", lambda self, i: calls.append(i) or serve_batch(self, i))
    monkeypatch.setattr(InMemoryDataset, "__getitem__", lambda *_: pytest.fail("served item by item"))
    # Collating pair by pair would give the same tensors, slowly.
    monkeypatch.setattr(torch, "stack", lambda *_, **__: pytest.fail("stacked item by item"))
    list(DataLoader(memory, batch_size=100))
    assert [len(indices) for indices in calls] == [100] * 10 + [3]


def test_transforms_run_once(pictures):
    calls = []
    memory = InMemoryDataset(pictures(transform=Compose([ToTensor(), Lambda(lambda x: calls.append(1) or x)])))
    for _ in range(2):
        list(DataLoader(memory, batch_size=64))
    assert len(calls) == 1_003


def test_random_split_and_subset(pictures):
    plain = pictures(transform=ToTensor())
    splits = [
        random_split(dataset, [0.8, 0.2], torch.Generator().manual_seed(0))
        for dataset in (plain, InMemoryDataset(plain))
    ]
    for part, same in zip(*splits, strict=True):
        assert_same_batches(DataLoader(part, batch_size=64), DataLoader(same, batch_size=64))
    assert InMemoryDataset(Subset(splits[1][0], [2, 0])).classes == plain.classes


def test_indices_in_a_tensor(pictures):
    plain = pictures(transform=ToTensor())
    some = torch.tensor([7, 1_000, 7, 0])
    assert_same_batches(*(DataLoader(Subset(dataset, some), 3) for dataset in (plain, InMemoryDataset(plain))))


# One process is enough to spawn: each imports torch anew.
@pytest.mark.parametrize(("method", "workers"), [pytest.param("fork", 2, marks=posix_only), ("spawn", 1)])
def test_workers(pictures, method, workers):
    plain = pictures(transform=ToTensor())
    memory = DataLoader(InMemoryDataset(plain), batch_size=256, num_workers=workers, multiprocessing_context=method)
    assert_same_batches(DataLoader(plain, batch_size=256), memory)


@pytest.mark.parametrize("options", TRANSFORMS.values(), ids=TRANSFORMS)
def test_items(pictures, options):
    plain = pictures(**options)
    memory = InMemoryDataset(plain)
    assert len(memory) == len(plain)
    assert memory.classes == plain.classes
    for i in (0, 5, 1_002, -1):
        (image, label), (expected_image, expected_label) = memory[i], plain[i]
        assert torch.equal(image, expected_image)
        assert type(label) is type(expected_label)
        assert torch.equal(torch.as_tensor(label), torch.as_tensor(expected_label))
    with pytest.raises(IndexError):
        memory[1_003]
    with pytest.raises(TypeError, match="slice"):
        memory[:3]


def test_changing_what_was_served_changes_no_data(pictures):
    memory = InMemoryDataset(pictures(**TRANSFORMS["one-hot"]))
    images, labels = memory.images.clone(), memory.labels.clone()
    for part in (*memory[0], *next(iter(DataLoader(memory, batch_size=8)))):
        part.fill_(7)
    assert torch.equal(memory.images, images)
    assert torch.equal(memory.labels, labels)


def test_own_collate_function_and_stack_see_pairs(pictures):
    plain = pictures(transform=ToTensor())
    memory = InMemoryDataset(plain)

    def collate(pairs):
        return [torch.stack([image for image, _ in pairs]), torch.tensor([label for _, label in pairs])]

    assert_same_batches(DataLoader(plain, 64), DataLoader(memory, 64, collate_fn=collate))
    twice, same = (next(iter(DataLoader(StackDataset(d, d), 64))) for d in (plain, memory))
    assert_same_batches(twice, same)


def test_negative_and_wrong_indices_of_a_batch(pictures):
    memory = InMemoryDataset(pictures(transform=ToTensor()))
    assert_same_batches(DataLoader(Subset(memory, [1_002, 0]), 2), DataLoader(Subset(memory, [-1, -1_003]), 2))
    with pytest.raises(IndexError, match="out of bounds"):
        memory.__getitems__([0, 1_003])


class Items(Dataset):
    """A learner's own data set, of whatever items."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def test_source_without_class_names():
    assert InMemoryDataset(TensorDataset(torch.rand(3, 2), torch.arange(3))).classes == []


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "at least one"),
        ([torch.zeros(2)], r"got \(Tensor\) as item 0"),
        ([(torch.zeros(2), "shirt")], r"got \(Tensor, str\).*class names into numbers"),
        ([(torch.zeros(2), 0), (torch.zeros(3), 0)], r"one shape.*got \(Tensor, int\)"),
        ([(torch.zeros(1), 0)] * 1_000 + [(torch.zeros(2), 0)], r"like the first, \[1\] .*\[2\] .*item 1000"),
        ([(torch.zeros(2), 0)] * 1_000 + [(torch.zeros(2), 0.5)], r"int64, got \[\] torch.float64 from item 1000"),
    ],
)
def test_items_that_cannot_be_held(items, message):
    with pytest.raises(ValueError, match=message):
        InMemoryDataset(Items(*items))


def test_pictures_without_transform(pictures):
    with pytest.raises(ValueError, match=r"got \(Image, int\) as item 0.*transform=ToTensor\(\)"):
        InMemoryDataset(pictures())


def test_errors_of_the_source_are_its_own():
    class Broken(Items):
        def __getitem__(self, i):
            raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        InMemoryDataset(Broken(1))


def test_a_label_of_a_batch_is_a_number_where_the_source_has_numbers(pictures):
    numbers = InMemoryDataset([(torch.zeros(1, 2, 2), 3), (torch.zeros(1, 2, 2), 4)])
    tensors = InMemoryDataset([(torch.zeros(1, 2, 2), torch.tensor(3)), (torch.zeros(1, 2, 2), torch.tensor(4))])
    assert [type(numbers.__getitems__([0, 1])[1][1]), type(numbers[1][1])] == [int, int]
    assert [type(tensors.__getitems__([0, 1])[1][1]), type(tensors[1][1])] == [torch.Tensor, torch.Tensor]
