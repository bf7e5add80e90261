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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from tools.notebooks import KERNEL

if TYPE_CHECKING:  # it may be missing
    from playwright.sync_api import BrowserContext, Locator

# News and extensions would ask the network.
DISABLED = {"@jupyterlab/apputils-extension:announcements": True, "@jupyterlab/extensionmanager-extension": True}


class Lab:
    """A running JupyterLab; `folder` is what it shows."""

    def __init__(self, home: Path, address: str, token: str) -> None:
        self.home, self.folder, self.address, self.token = home, home / "notebooks", address, token

    def disable(self, *extensions: str) -> None:
        """Leave these extensions out of the pages that are opened from now on."""
        page_config = self.home / "config" / "labconfig" / "page_config.json"
        disabled = DISABLED | dict.fromkeys(extensions, True)
        page_config.write_text(json.dumps({"disabledExtensions": disabled}), encoding="utf-8")

    def answers(self) -> bool:
        request = urllib.request.Request(f"{self.address}/api/status?token={self.token}")
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=1) as reply:
            return reply.status == 200
        return False


@contextlib.contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """Start JupyterLab on a free port, and stop it afterwards; it writes only under `home`."""
    for folder in ("notebooks", "config/labconfig"):
        (home / folder).mkdir(parents=True)
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = {**os.environ, "COURSE_EDITION": "drawn"} | {name: str(home / at) for name, at in places.items()}
    environment.pop("TQDM_DISABLE", None)  # a learner sees the progress bars
    port, token, log = _free_port(), secrets.token_hex(16), home / "log.txt"
    lab = Lab(home, f"http://127.0.0.1:{port}", token)
    lab.disable()
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": lab.folder,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,  # containers run as root
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
        "LabApp.extension_manager": "readonly",  # the other one asks the network
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    with log.open("w", encoding="utf-8") as out:
        server = subprocess.Popen(command, env=environment, cwd=home, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: lab.answers() or server.poll() is not None, seconds=60, what="JupyterLab to start")
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab did not start. Its output:\n{log.read_text(encoding='utf-8')}")
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


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str) -> None:
    """Wait until the condition is true.

    Raises: TimeoutError where it is not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Expected {what} within {seconds:g} seconds: it took longer.")
        time.sleep(0.05)


class NotebookPage:
    """A notebook in JupyterLab: without outputs, so that whatever is seen there was computed there."""

    def __init__(self, lab: Lab, context: BrowserContext, cells: Sequence[NotebookNode]) -> None:
        """Open a notebook of these cells and run it.

        Raises: AssertionError with cell and error where one raises; TimeoutError where it takes minutes.
        """
        notebook = new_notebook(cells=list(cells), metadata={"kernelspec": KERNEL})  # or JupyterLab asks which one
        name = f"{secrets.token_hex(4)}.ipynb"
        nbformat.write(notebook, lab.folder / name)
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.console_errors: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.console_errors.append(message.text))
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.goto(f"{lab.address}/lab/tree/{name}?reset&token={lab.token}")
        self.page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context")
        self.in_notebook("await notebook.context.ready; await notebook.sessionContext.ready; await notebook.revealed;")
        self.in_notebook("jupyterapp.commands.execute('notebook:run-all-cells');")  # not awaited: it may take longer
        wait_until(self._has_run, seconds=300, what="the notebook to run")

    def _has_run(self) -> bool:
        if not self.is_idle():
            return False
        assert not self.error_cells(), self.error_cells()
        return all(cell.execution_count for cell in self.cells() if cell.cell_type == "code")

    def in_notebook(self, script: str, argument: Any = None) -> Any:
        """What the JavaScript returns, with JupyterLab's own object as `notebook`, and `argument`."""
        return self.page.evaluate(
            f"""argument => Promise.race([
                (async () => {{ const notebook = jupyterapp.shell.currentWidget; {script} }})(),
                new Promise((_, fail) => setTimeout(fail, 30_000, new Error("The page did not answer."))),
            ])""",
            argument,
        )

    def is_idle(self) -> bool:
        """Whether the kernel has nothing to do."""
        return self.in_notebook("return notebook.sessionContext.session.kernel.status === 'idle';")

    def run_cell(self, cell_id: str) -> None:
        """Run one cell again, and wait until it has ended."""
        self.cell(cell_id)
        self.in_notebook("await jupyterapp.commands.execute('notebook:run-cell');")

    def in_kernel(self, code: str, expression: str = "None", *, wait: bool = True) -> Any:
        """Run code in the kernel, beside the cells, and return the value of an expression, a Python literal."""
        reply = self.in_notebook(
            """
            const kernel = notebook.sessionContext.session.kernel, [code, expression, wait] = argument;
            const user_expressions = {value: expression};
            const request = kernel.requestExecute({code, user_expressions, store_history: false});
            if (!wait) return "None";
            const reply = (await request.done).content;
            return reply.user_expressions?.value?.data?.["text/plain"] ?? JSON.stringify(reply);
            """,
            [code, expression, wait],
        )
        return ast.literal_eval(reply)

    def active_cell(self) -> str:
        """The id of the cell that JupyterLab would move away from with an arrow key."""
        return self.in_notebook("return notebook.content.activeCell.model.id;")

    def cells(self) -> list[NotebookNode]:
        return nbformat.from_dict(self.in_notebook("return notebook.content.model.toJSON();")).cells

    def error_cells(self) -> dict[str, str]:
        """Id and error of every cell that raised."""
        return {
            cell.id: f"{output.ename}: {output.evalue}"
            for cell in self.cells()
            for output in cell.get("outputs", [])
            if output.output_type == "error"
        }

    def cell(self, cell_id: str) -> Locator:
        """The cell with this id, in view; JupyterLab keeps those far away out of the page."""
        self.in_notebook(
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
