"""JupyterLab in a real browser: a server with settings of its own, and one notebook in one page."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from tools.notebooks import KERNEL, ROOT

if TYPE_CHECKING:  # the tests are collected, and then skipped with a reason, also where playwright is missing
    from playwright.sync_api import Browser, Locator, Page

SCREENSHOTS = ROOT / "build" / "screenshots"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# News and extensions would ask the network.
DISABLED = {"@jupyterlab/apputils-extension:announcements": True, "@jupyterlab/extensionmanager-extension": True}


class Lab:
    """A running JupyterLab; `folder` is what it shows, `log` what it and its kernels have said."""

    def __init__(self, folder: Path, address: str, token: str, log: Path) -> None:
        self.folder, self.address, self.token, self._log = folder, address, token, log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def answers(self) -> bool:
        request = urllib.request.Request(f"{self.address}/api/status?token={self.token}")
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=1) as reply:
            return reply.status == 200
        return False


@contextlib.contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """Start JupyterLab on a free port of this machine, with all that it writes under `home`; stop it afterwards."""
    folder = home / "notebooks"
    folder.mkdir()
    (home / "config" / "labconfig").mkdir(parents=True)
    page_config = home / "config" / "labconfig" / "page_config.json"
    page_config.write_text(json.dumps({"disabledExtensions": DISABLED}), encoding="utf-8")
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    surroundings = {**os.environ, "COURSE_EDITION": "drawn"} | {name: str(home / at) for name, at in places.items()}
    surroundings.pop("TQDM_DISABLE", None)  # a learner sees the progress bars
    port, token, log = _free_port(), secrets.token_hex(16), home / "log.txt"
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,  # containers run as root
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
        "LabApp.extension_manager": "readonly",  # the other one asks the network
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    with log.open("w", encoding="utf-8") as out:
        server = subprocess.Popen(command, env=surroundings, cwd=home, stdout=out, stderr=subprocess.STDOUT)
    lab = Lab(folder, f"http://127.0.0.1:{port}", token, log)
    try:
        wait_until(lambda: lab.answers() or server.poll() is not None, seconds=60, what="JupyterLab to start")
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab did not start. It said:\n{lab.log}")
        yield lab
    finally:
        server.terminate()  # it ends its kernels
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Any, *, seconds: float, what: str, pause: float = 0.02) -> None:
    """Wait for the condition to hold.

    Raises: TimeoutError where it does not within the seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Expected {what} within {seconds:g} seconds: it took longer.")
        time.sleep(pause)


class NotebookPage:
    """A notebook in JupyterLab: a copy without outputs, so that whatever is seen there was computed there."""

    def __init__(self, lab: Lab, browser: Browser, notebook: NotebookNode | Path, name: str = "test") -> None:
        if isinstance(notebook, Path):
            notebook, name = nbformat.read(notebook, as_version=4), notebook.stem
        notebook.metadata.kernelspec = KERNEL  # or JupyterLab asks which one
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, lab.folder / f"{name}.ipynb")
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=2)
        self.page.set_default_timeout(20_000)
        self.console_errors: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self.console_errors.append(said.text))
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.goto(f"{lab.address}/lab/tree/{name}.ipynb?reset&token={lab.token}")
        self.page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context")
        self._in_notebook("await notebook.context.ready; await notebook.sessionContext.ready; await notebook.revealed;")

    def _in_notebook(self, script: str, argument: Any = None, *, seconds: float = 30) -> Any:
        """What the JavaScript returns, with `notebook` as JupyterLab's own object, and `argument`."""
        return self.page.evaluate(
            f"""argument => Promise.race([
                (async () => {{ const notebook = jupyterapp.shell.currentWidget; {script} }})(),
                new Promise((_, fail) => setTimeout(fail, {1000 * seconds}, new Error("The page did not answer."))),
            ])""",
            argument,
        )

    def run_all(self, *, seconds: float = 120) -> None:
        """Run the notebook from the first cell to the last, and wait until the kernel is idle.

        Raises: AssertionError with the cell and its error where one raises that is not tagged for it; TimeoutError
            with the cell where it takes too long.
        """
        # Not awaited: it says false where a cell raises, on purpose or not, and goes on where it is on purpose.
        self._in_notebook("jupyterapp.commands.execute('notebook:run-all-cells');")
        deadline = time.monotonic() + seconds
        while True:
            raised, waiting, idle = self._in_notebook(
                """
                const code = [...notebook.content.model.cells].filter(cell => cell.type === "code");
                const raised = code.filter(
                    ({outputs, metadata}) => !metadata.tags?.includes("raises-exception")
                        && Array.from({length: outputs.length}, (_, i) => outputs.get(i).type).includes("error"));
                const waiting = code.find(cell => cell.sharedModel.getSource() && !cell.executionCount);
                const idle = notebook.sessionContext.session.kernel.status === "idle";
                return [raised.length > 0, waiting?.id, idle];
                """
            )
            if raised:
                errors = self.error_cells().items()
                raise AssertionError("\n".join(f"cell {cell}: {said}" for cell, said in errors))
            if idle and waiting is None:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"Expected the notebook to run in {seconds:g} seconds: it has come to {waiting}.")
            time.sleep(0.2)

    def run_cell(self, cell_id: str, *, wait: bool = True) -> None:
        """Run one cell again, and wait until it has ended, or not."""
        self.cell(cell_id)
        self._in_notebook(f"{'await ' if wait else ''}jupyterapp.commands.execute('notebook:run-cell');")

    def in_kernel(self, code: str, expression: str = "None") -> Any:
        """Run code in the kernel, beside the cells, and return the value of an expression, a Python literal."""
        said = self._in_notebook(
            """
            const kernel = notebook.sessionContext.session.kernel;
            const [code, expression] = argument;
            const request = {code, user_expressions: {value: expression}, store_history: false};
            const reply = (await kernel.requestExecute(request).done).content;
            return reply.user_expressions?.value?.data?.["text/plain"] ?? JSON.stringify(reply);
            """,
            [code, expression],
        )
        return ast.literal_eval(said)

    def active_cell(self) -> str:
        """The id of the cell that JupyterLab would move away from with an arrow key."""
        return self._in_notebook("return notebook.content.activeCell.model.id;")

    def cells(self) -> list[NotebookNode]:
        return nbformat.from_dict(self._in_notebook("return notebook.content.model.toJSON();")).cells

    def error_cells(self) -> dict[str, str]:
        """Id and error of every cell that raised without the tag `raises-exception`."""
        return {
            cell.id: f"{output.ename}: {output.evalue}"
            for cell in self.cells()
            if "raises-exception" not in cell.metadata.get("tags", [])
            for output in cell.get("outputs", [])
            if output.output_type == "error"
        }

    def cell(self, cell_id: str) -> Locator:
        """The cell with this id, in view; JupyterLab keeps those far away out of the page."""
        self._in_notebook(
            """
            const index = notebook.content.model.toJSON().cells.findIndex(cell => cell.id === argument);
            if (index < 0) throw new Error(`Expected a cell with the id ${argument}: there is none.`);
            notebook.content.activeCellIndex = index;
            await notebook.content.scrollToItem(index, "start");
            notebook.content.widgets[index].node.dataset.cellId = argument;
            """,
            cell_id,
        )
        return self.page.locator(f'[data-cell-id="{cell_id}"]')

    def themes(self) -> Iterator[str]:
        """The page in the light theme, then in the dark one, and at the end light again."""
        for kind in THEMES:
            self._set_theme(kind)
            yield kind
        self._set_theme("light")

    def _set_theme(self, kind: str) -> None:
        script = "await jupyterapp.commands.execute('apputils:change-theme', {theme: argument});"
        self._in_notebook(script, THEMES[kind])
        is_light = json.dumps(str(kind == "light").lower())
        self.page.wait_for_function(f"document.body.dataset.jpThemeLight === {is_light}")

    def screenshot(self, shown: Locator, name: str) -> Path:
        """Write `shown` to build/screenshots/."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        shown.screenshot(path=path, animations="disabled")
        return path

    def screenshots(self, shown: Locator, name: str) -> list[Path]:
        """Write `shown` to build/screenshots/ in the light and in the dark theme."""
        return [self.screenshot(shown, f"{name}-{theme}") for theme in self.themes()]

    def close(self) -> None:
        """End the kernel and close the page."""
        self._in_notebook("await notebook.sessionContext.shutdown();")
        self.page.close()
