"""Links: inside the course each leads to its file and heading; those outside are found, and judged by their answer."""

import subprocess
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.proof import links
from tools.proof.record import ROOT


def test_every_link_inside_the_course_leads_somewhere():
    inside = [link for link in links.all_links() if not link.is_outside]
    assert len(inside) > 60
    assert {"README.md", "data/README.md", "notebooks/06_quickstart.ipynb"} <= {link.file for link in inside}
    assert not links.broken(ROOT)


@pytest.fixture
def course(tmp_path):
    """A small course under git."""
    (tmp_path / "guide.md").write_text("# A guide\n\n## What `fit` does: a *loop*\n\n## Twice\n\n## Twice\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "table.csv").write_text("1,2\n")
    notebook = new_notebook(cells=[new_markdown_cell("# One\n\n## Two words"), new_code_cell("1")])
    nbformat.write(notebook, tmp_path / "one.ipynb")
    (tmp_path / "page.html").write_text('<h1 id="top">x</h1>')
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    yield tmp_path
    links.files.cache_clear()
    links._tracked.cache_clear()


GOOD = (
    *("guide.md", "data/table.csv", "data", "data/", "./guide.md", "guide.md#what-fit-does-a-loop", "guide.md#twice-1"),
    *("one.ipynb#Two-words", "one.ipynb#two-words", "page.html#top", "#here", "mailto:a@b.example"),
)
BAD = {
    "gone.md": "leads to no file that git would hand out",
    "Guide.md": "leads to no file that git would hand out",
    "data/gone.csv": "leads to no file that git would hand out",
    "dat": "leads to no file that git would hand out",
    "../outside.md": "leads out of the course",
    "guide.md#thrice": "leads to no heading #thrice",
    "guide.md#twice-2": "leads to no heading #twice-2",
    "one.ipynb#Three": "leads to no heading #Three",
    "#nowhere": "leads to no heading #nowhere",
}


@pytest.mark.parametrize("form", ["[a]({})", "![a]({})", "[a]: {}", '[a]({} "title")', '<a href="{}">a</a>'])
def test_links_inside(course, form):
    (course / "start.md").write_text("# Here\n\n" + "\n\n".join(form.format(target) for target in (*GOOD, *BAD)))
    assert sorted(links.broken(course)) == sorted(f"start.md: {target} {fault}" for target, fault in BAD.items())


def test_where_links_are_looked_for(course):
    (course / "program.py").write_text(
        '"""See `tools/gone.py`."""\n# https://one.example.org/a(b).\nx = "[a](no.md)"\n'
    )
    cells = [
        new_markdown_cell("[a](gone.md) and `[b](no.md)`\n\n```\n[c](no.md)\n```"),
        new_code_cell("# [d](lost.md)"),
    ]
    nbformat.write(new_notebook(cells=cells), course / "two.ipynb")
    (course / "style.css").write_text('a { background: url("no.png") } /* http://127.0.0.1:8888/lab */')
    (course / ".gitignore").write_text("hidden.md\n")
    (course / "hidden.md").write_text("[a](nowhere.md)\n")
    assert [fault.split()[:2] for fault in links.broken(course)] == [
        ["two.ipynb:", "gone.md"],
        ["two.ipynb:", "lost.md"],
        ["style.css:", "no.png"],
        ["program.py:", "tools/gone.py"],
    ]
    outside = [link for link in links.all_links(course) if link.is_outside]
    assert outside == [links.Link("https://one.example.org/a(b)", "program.py")]


# Links outside: a server of our own in their place

ANSWERS = {"/ok": 200, "/gone": 404, "/people-only": 403, "/no-head": 200, "/down": 503, "/moved": 301}


@pytest.fixture
def address():
    asked = []

    class Server(BaseHTTPRequestHandler):
        def _answer(self):
            asked.append((self.command, self.path))
            status = 405 if (self.command, self.path) == ("HEAD", "/no-head") else ANSWERS[self.path]
            if self.path == "/sometimes":
                status = 200 if len(asked) > 2 else 500
            self.send_response(status)
            if status == 301:
                self.send_header("Location", "/ok")
            self.end_headers()

        do_GET = do_HEAD = _answer  # noqa: N815 - the names that the server looks for

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def ask(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    return partial(links.ask, timeout=5, pause=0.01)


@pytest.mark.parametrize(
    ("path", "verdict", "said"),
    [
        ("/ok", "ok", "200"),
        ("/ok#part", "ok", "200"),
        ("/no-head", "ok", "200"),
        ("/moved", "ok", "200, moved to {}/ok"),
        ("/gone", "broken", "404"),
        ("/people-only", "refused", "403"),
        ("/down", "broken", "503"),
    ],
)
def test_what_an_address_answers(address, ask, path, verdict, said):
    server, _ = address
    assert ask(f"{server}{path}") == links.Answer(f"{server}{path}", verdict, said.format(server))


def test_an_address_is_asked_again(address, ask, monkeypatch):
    server, asked = address
    monkeypatch.setitem(ANSWERS, "/sometimes", 200)
    assert ask(f"{server}/sometimes").verdict == "ok"
    assert len(asked) == 3


def test_nobody_there(ask):
    assert ask("http://127.0.0.1:9/x").verdict == "broken"
    assert not ask("http://127.0.0.1:9/x").said.isdigit()


@pytest.fixture
def recorded(monkeypatch):
    records = {}
    monkeypatch.setattr(links.record, "write", lambda name, **found: records.setdefault(name, found))
    return records


def test_the_command_tries_what_is_outside(address, recorded, monkeypatch, capsys):
    server, _ = address
    monkeypatch.setenv("no_proxy", "*")
    here = [links.Link(f"{server}{path}", "README.md") for path in ("/ok", "/gone", "/people-only")]
    monkeypatch.setattr(links, "all_links", lambda *_: here)
    assert links.main(["--outside"]) == 1
    assert recorded["links-outside"]["passed"] is False
    assert recorded["links-outside"]["outcome"] == "1 did not answer well, 1 refused to answer a program."
    assert f"broken   {server}/gone  (404)\n    README.md" in capsys.readouterr().out


def test_the_command_says_where_there_is_no_internet(recorded, monkeypatch, capsys):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(links, "sleep", lambda _: None)
    monkeypatch.setattr(links, "all_links", lambda *_: [links.Link("http://127.0.0.1:9/x", "README.md")])
    assert links.main(["--outside"]) == 1
    assert "links-outside" not in recorded
    assert "no internet" in capsys.readouterr().out


def test_the_command_lists_what_is_outside(recorded, capsys):
    assert links.main([]) == 0
    said = capsys.readouterr().out
    assert "https://nbval.readthedocs.io\n    README.md\n" in said
    assert recorded["links-inside"]["passed"]
