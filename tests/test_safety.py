"""Nothing from elsewhere runs: not in weights, archives and typed text; and JupyterLab serves its owner alone."""

import ast
import contextlib
import gzip
import io
import json
import os
import pickle
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import nbformat
import numpy as np
import psutil
import pytest
import torch
from torch import nn

from helpers import data, widgets
from helpers.data import DataError, dataset_root
from helpers.training import CheckpointError, load_checkpoint, save_checkpoint
from tools.notebooks import NOTEBOOKS, ROOT
from tools.proof import audit

# No program of the course runs text as code, or unpacks or unpickles what it is given.

FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "runpy.run_path"),
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open", "joblib.load"),
    *("torch.hub.load", "torch.jit.load", "torch.load without weights_only=True", "np.load with allow_pickle"),
    *("yaml.load", "shell=True", "shutil.unpack_archive", "extractall", "extract"),
}
ALLOWED = {
    ("helpers/checks/quickstart.py", "torch.load without weights_only=True"): "the file that the learner's own "
    "function wrote a moment before, in the same process",
    ("tools/results/inside/judge.py", "compile"): "a learner's answer, confined",
    ("tools/results/inside/judge.py", "exec"): "a learner's answer, confined",
}


def dangers(source):
    """What of `FORBIDDEN` a program calls, under whichever name it was imported."""
    tree = ast.parse(source)
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, dot, rest = ast.unparse(node.func).partition(".")
        called = (names.get(first, first) + dot + rest).replace("numpy.", "np.").removeprefix("builtins.")
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called == "torch.load" and options.get("weights_only") != "True":
            yield "torch.load without weights_only=True"
        elif called == "np.load" and options.get("allow_pickle", "False") != "False":
            yield "np.load with allow_pickle"
        elif called in FORBIDDEN:
            yield called
        elif called.rpartition(".")[2] in ("extractall", "extract"):
            yield called.rpartition(".")[2]
        if options.get("shell", "False") != "False":
            yield "shell=True"


@pytest.mark.parametrize(
    ("source", "danger"),
    [
        ("eval(text)", "eval"),
        ("import builtins\nbuiltins.exec(text)", "exec"),
        ("from os import system as run\nrun('ls')", "os.system"),
        ("import pickle as p\np.load(file)", "pickle.load"),
        ("import torch\ntorch.load(path)", "torch.load without weights_only=True"),
        ("from torch import load\nload(path, weights_only=False)", "torch.load without weights_only=True"),
        ("import torch as t\nt.load(path, None, weights_only=flag)", "torch.load without weights_only=True"),
        ("import numpy as np\nnp.load(f, allow_pickle=True)", "np.load with allow_pickle"),
        ("subprocess.run(text, shell=True)", "shell=True"),
        ("with tarfile.open(f) as t:\n    t.extractall()", "extractall"),
    ],
)
def test_each_danger_is_found(source, danger):
    assert danger in list(dangers(source))


def test_what_is_harmless_is_no_danger():
    harmless = "import re, torch\nmodel.eval()\nre.compile(p)\ntorch.load(f, weights_only=True)\nrun([a], shell=False)"
    assert not list(dangers(harmless))


def test_no_program_runs_text_or_unpickles():
    paths = [path for folder in ("helpers", "tools", "docs") for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > 60
    found = {
        (path.relative_to(ROOT).as_posix(), danger) for path in paths for danger in dangers(path.read_text("utf-8"))
    }
    assert found == ALLOWED.keys()


def _programs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            with contextlib.suppress(SyntaxError):  # a mistake on purpose
                yield cell.id, ast.parse(cell.source) and cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_shows_how_to_run_what_a_stranger_sent(path):
    imports = "import pickle, numpy as np, torch\n"
    assert not [(cell, danger) for cell, source in _programs(path) for danger in dangers(imports + source)]


# Weights


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def owned(tmp_path):
    """The folder that appears where a bomb went off."""
    return tmp_path / "owned"


def _raw_zip(path, owned):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb(owned), protocol=2))
        archive.writestr("archive/version", "3\n")


KEYS = ("model", "optimizer", "optimizer_type", "history", "random")
FORMS = {
    "the new format": lambda path, owned: torch.save(Bomb(owned), path),
    "the old format": lambda path, owned: torch.save(Bomb(owned), path, _use_new_zipfile_serialization=False),
    "a bare pickle": lambda path, owned: path.write_bytes(pickle.dumps({"model": Bomb(owned)})),
    "an archive by hand": _raw_zip,
    "an array of objects": lambda path, owned: np.savez(path.open("wb"), model=np.array([Bomb(owned)], dtype=object)),
    **{
        f"hidden in {key}": lambda path, owned, key=key: torch.save(
            {**torch.load(path, weights_only=True), key: {"x": [Bomb(owned)]}}, path
        )
        for key in KEYS
    },
    "a key of its own": lambda path, owned: torch.save(
        {**torch.load(path, weights_only=True), "more": Bomb(owned)}, path
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_weights_from_elsewhere_run_no_code(tmp_path, owned, form):
    path, model = tmp_path / "from_elsewhere.pt", nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    save_checkpoint(path, model, optimizer)
    before = model.weight.clone()
    FORMS[form](path, owned)
    for arguments in ((model,), (model, optimizer)):
        with pytest.raises(CheckpointError, match="cannot be read as one"):
            load_checkpoint(path, *arguments)
    assert not owned.exists()
    assert model.weight.equal(before)
    if form in ("the new format", "the old format"):
        torch.load(path, weights_only=False)  # the bomb is real
        assert owned.exists()


def _loads():
    """Each call of torch.load that a notebook shows: its name for a test, and its options but the device."""
    for path in NOTEBOOKS:
        for cell, source in _programs(path):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                    options = {option.arg: option.value for option in node.keywords if option.arg != "map_location"}
                    yield f"{path.stem[:2]} {cell}", {name: ast.literal_eval(value) for name, value in options.items()}


@pytest.mark.parametrize(("cell", "options"), [*_loads()], ids=lambda value: value if isinstance(value, str) else "")
def test_what_the_notebooks_load_runs_no_code(tmp_path, owned, cell, options):
    torch.save({"0.weight": torch.ones(2), "1.weight": Bomb(owned)}, tmp_path / "from_elsewhere.pt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "from_elsewhere.pt", **options)
    assert not owned.exists()


def test_the_notebooks_load_weights():
    assert {cell[:2] for cell, _ in _loads()} == {"05", "06", "07"}


# Archives. The only ones that the course unpacks are the four *.gz files of a data set.

FILES = data._FILES


def _named(content, name):
    """A gzip archive that says it holds a file of this name."""
    packed = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=packed, mtime=0) as stream:
        stream.write(content)
    return packed.getvalue()


def _tar(content, name):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _zip(content, name):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def _link(name):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("raw")
        member.type, member.linkname = tarfile.SYMTYPE, name
        archive.addfile(member)
    return packed.getvalue()


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course folder of its own, with the archives of the drawn edition, and a place beside it to break out to."""
    for variable in ("COURSE_EDITION", "COURSE_MIRROR", "COURSE_DATA"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "course"
    shutil.copytree(ROOT / "data/drawn/FashionMNIST", folder / "data/drawn/FashionMNIST", ignore=lambda *_: ["raw"])
    monkeypatch.setattr(data, "REPOSITORY", folder)
    return folder


def _outside(course):
    return sorted(path for path in course.parent.rglob("*") if not path.is_relative_to(course / "data"))


ESCAPES = (
    "../../../../escaped",
    "/tmp/escaped-from-the-course",
    "..\\..\\escaped",
    "raw/../../../x",
)


@pytest.mark.parametrize("name", ESCAPES)
def test_the_name_in_an_archive_means_nothing(course, name):
    archive = course / f"data/drawn/FashionMNIST/{FILES[1]}.gz"
    with gzip.open(archive) as stream:
        content = stream.read()
    header = bytes([0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 3]) + name.encode() + b"\0"
    archive.write_bytes(header + gzip.compress(content, mtime=0)[10:])
    assert gzip.decompress(archive.read_bytes()) == content
    before = _outside(course)
    raw = dataset_root() / "FashionMNIST/raw"
    assert sorted(path.name for path in raw.iterdir()) == sorted(FILES)
    assert _outside(course) == before
    assert not Path("/tmp/escaped-from-the-course").exists()


@pytest.mark.parametrize("name", ESCAPES[:3])
@pytest.mark.parametrize("pack", [_tar, _zip, lambda content, name: _link(name)], ids=["tar", "zip", "link"])
def test_an_archive_of_many_files_is_refused(course, pack, name):
    (course / f"data/drawn/FashionMNIST/{FILES[0]}.gz").write_bytes(pack(b"x" * 100, name))
    before = _outside(course)
    with pytest.raises(DataError, match=FILES[0]):
        dataset_root()
    assert _outside(course) == before
    assert not (course / "data/drawn/FashionMNIST/raw").exists()
    assert not [*course.rglob(".staging-*")]


def test_an_archive_that_would_fill_the_memory_is_refused(course, monkeypatch):
    monkeypatch.setattr(data, "_LARGEST", 1_000_000)
    (course / f"data/drawn/FashionMNIST/{FILES[0]}.gz").write_bytes(gzip.compress(bytes(1_000_001)))
    with pytest.raises(DataError, match=r"must unpack to 1,000,000 bytes or fewer, and holds more"):
        dataset_root()


def test_the_largest_file_of_any_edition_is_small_enough():
    assert data._LARGEST > 2 * (16 + 60_000 * 28 * 28)


def test_a_mirror_cannot_send_the_course_to_a_file_of_this_machine(course, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "secret").write_bytes(b"secret")

    class Elsewhere(SimpleHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", (tmp_path / "secret").as_uri())
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 - the name that the server looks for

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Elsewhere, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(DataError, match=r"Cannot download .*Redirection to url 'file:"):
            dataset_root(edition="original", mirror=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert not (course / "data/original").exists() or not [*(course / "data/original").rglob("*idx*")]


# What is typed into a widget

PROGRAMS = (
    *("__import__('os').mkdir({0})", "x[__import__('os').mkdir({0})]", "exec('import os; os.mkdir({0})')", "{0}"),
    *("(lambda: __import__('os').mkdir({0}))()", "x.__class__.__base__.__subclasses__()", "open({0}, 'w')"),
    *("[y for y in [__import__('os').mkdir({0})]]", "f'{{__import__(chr(111)+chr(115)).mkdir({0})}}'", "x.numpy()"),
    *("torch.save(x, {0})", "torch.load({0})", "x.tofile({0})", "w.register_hook(print)", "x; __import__('os')"),
    *("x.__reduce__()", "getattr(x, 'tofile')({0})", "breakpoint()", "().__class__", "globals()", "x.data_ptr()"),
)
_events, _hooked = None, False


def _note(event, arguments):
    if _events is None:
        return
    if event == "exec" and arguments[0].co_filename.startswith("<"):
        if not arguments[0].co_filename.startswith("<frozen"):
            _events.append(f"ran {arguments[0].co_filename}")
    elif event in ("os.system", "os.mkdir", "subprocess.Popen", "os.exec", "os.fork", "builtins.breakpoint"):
        _events.append(event)
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        _events.append(f"wrote {arguments[0]}")


@contextlib.contextmanager
def _watched():
    """The list of what runs meanwhile: Python itself tells of each."""
    global _events, _hooked  # noqa: PLW0603 - a hook of this kind cannot be taken away
    if not _hooked:
        sys.addaudithook(_note)
        _hooked = True
    _events = []
    try:
        yield _events
    finally:
        _events = None


def _text_panels():
    return {
        "expression of a graph": widgets.graph_explorer,
        "shapes to broadcast": widgets.broadcast_explorer,
        "index": partial(widgets.index_explorer, torch.arange(12.0).reshape(3, 4)),
    }


def test_the_watch_sees_what_runs(tmp_path):
    with _watched() as events:
        eval("1 + 1")
        (tmp_path / "x").write_text("x")
    assert events == ["ran <string>", f"wrote {tmp_path / 'x'}"]


@pytest.mark.parametrize("name", _text_panels())
def test_widgets_run_nothing_that_is_typed(name, owned):
    panel = _text_panels()[name]()
    texts = [
        control for control in panel.controls.values() if hasattr(control, "continuous_update") and _is_text(control)
    ]
    assert texts
    for control in texts:
        before = control.value
        control.value = f" {before}"  # once, for what is imported and cached on the first answer
        with _watched() as events:
            for program in PROGRAMS:
                control.value = program.format(repr(str(owned)))
                assert panel.sentence.startswith("Expected"), program
        control.value = before
        assert not events
    assert not owned.exists()


def _is_text(control):
    return isinstance(control.value, str) and not hasattr(control, "options")


def test_these_are_all_the_widgets_that_take_text():
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "helpers/widgets").glob("*.py"))
    assert len(re.findall(r"\bwidgets\.(?:Text|Textarea|Combobox|Password)\(", sources)) == 1  # in panel.text
    made = [control for make in _text_panels().values() for control in make().controls.values() if _is_text(control)]
    assert len(re.findall(r"(?<![\w.])text\(\"", sources)) == len(made) == 4


# JupyterLab, as `make lab` starts it


def _lab_command():
    """The line of `make lab` that starts JupyterLab."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    said = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [line for line in said.splitlines() if "jupyter" in line and " lab" in line]
    assert len(lines) == 1
    return shlex.split(lines[0])


def test_nothing_takes_the_token_away():
    command = " ".join(_lab_command())
    assert "--ServerApp.ip=127.0.0.1" in command
    texts = [command, *((ROOT / name).read_text("utf-8") for name in ("README.md", "Makefile"))]
    for text in texts:
        assert not re.search(
            r"(?i)token\s*=\s*(''|\"\"|\s|$)|password|disable_check_xsrf|allow_origin|0\.0\.0\.0", text
        )


def _status(address, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20) as reply:
            return reply.status, reply.url
    except urllib.error.HTTPError as error:
        return error.code, error.url


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab, started by the command of `make lab` with settings of its own; gives what it says of itself."""
    home = tmp_path_factory.mktemp("lab")
    kinds = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    places = {f"JUPYTER_{kind}": str(home / kind) for kind in kinds} | {"HOME": str(home), "no_proxy": "*"}
    for name in ("JUPYTER_TOKEN", "JUPYTER_CONFIG_PATH"):
        os.environ.pop(name, None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _, *options = _lab_command()
    # What follows changes nothing that is asked here: a test opens no browser, and a container runs as root.
    options += ["--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    with (home / "log").open("w") as log:
        command = [sys.executable, "-m", "jupyter", *options]
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **places}, stdout=log, stderr=log)
    try:
        deadline, found = time.monotonic() + 120, []
        while not found and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
            found = [*(home / "RUNTIME_DIR").glob("jpserver-*.json")]
        assert found, (home / "log").read_text()
        yield json.loads(found[0].read_text())
    finally:
        processes = [*psutil.Process(server.pid).children(recursive=True)] if server.poll() is None else []
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def test_lab_listens_on_this_machine_alone(lab):
    token = {"Authorization": f"token {lab['token']}"}
    request = urllib.request.Request(f"{lab['url']}api/kernels", b"{}", token, method="POST")
    with urllib.request.urlopen(request, timeout=60) as reply:
        assert reply.status == 201
    listening, deadline = set(), time.monotonic() + 60
    while len(listening) < 6 and time.monotonic() < deadline:  # the server, and five channels of the kernel
        time.sleep(0.2)
        for process in (psutil.Process(lab["pid"]), *psutil.Process(lab["pid"]).children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                connections = process.net_connections(kind="inet")
                listening |= {connection.laddr for connection in connections if connection.status == "LISTEN"}
    assert len(listening) >= 6
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}


def test_lab_wants_its_token(lab):
    assert re.fullmatch(r"[0-9a-f]{48}", lab["token"])
    assert lab["password"] is False
    contents = f"{lab['url']}api/contents"
    assert _status(contents)[0] == 403
    assert _status(f"{contents}?token=wrong")[0] == 403
    assert "/login?" in _status(f"{lab['url']}lab")[1]
    assert _status(contents, Authorization=f"token {lab['token']}")[0] == 200


def test_lab_answers_no_other_name(lab):
    """A page from elsewhere whose name leads to this machine (DNS rebinding) gets nothing."""
    headers = {"Authorization": f"token {lab['token']}", "Host": "elsewhere.example"}
    assert _status(f"{lab['url']}api/contents", **headers)[0] == 403


# Known vulnerabilities: what the audit says of each answer of the service

KNOWN = {"name": "jinja2", "version": "3.1.2", "vulns": [{"id": "CVE-1", "fix_versions": ["3.1.3"]}]}


def _clean(packages):
    return [{"name": name, "version": version, "vulns": []} for name, version in packages.items()]


def _service(**answers):
    def ask(packages):
        if packages == audit.KNOWN_BAD:
            return answers.get("known_bad", [KNOWN])
        return [answers.get(package["name"], package) for package in _clean(packages)]

    return ask


def test_audit_of_sound_packages():
    assert audit.audit({"torch": "2.15.0", "numpy": "2.5.5"}, _service()) == []


def test_audit_names_what_is_known():
    found = {"name": "torch", "version": "1.0", "vulns": [{"id": "CVE-2", "fix_versions": []}]}
    row = {"package": "torch", "version": "1.0", "known as": "CVE-2", "mended in": "none yet"}
    assert audit.audit({"torch": "1.0", "numpy": "2.5.5"}, _service(torch=found)) == [row]


def test_audit_says_where_the_service_is_out_of_reach():
    skipped = [{"name": "jinja2", "skip_reason": "Dependency not found on PyPI and could not be audited"}]
    with pytest.raises(audit.AuditError, match=r"does not reach it.*Nothing was audited\."):
        audit.audit({"torch": "2.15.0"}, _service(known_bad=skipped))


def test_audit_passes_over_no_package():
    with pytest.raises(audit.AuditError, match=r"each of 2 packages, received none for torch\."):
        audit.audit({"torch": "2.15.0", "numpy": "1"}, _service(torch={"name": "torch", "skip_reason": "unknown"}))


def test_everything_installed_is_audited():
    packages = audit.installed()
    assert {"torch", "jupyterlab", "nbval", "pillow"} <= packages.keys()
    assert "pytorch-first-course" not in packages
    assert not [version for version in packages.values() if "+" in version]
