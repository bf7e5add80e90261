"""JupyterLab in a real browser: a server with settings of its own, and one notebook in one page."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import nbformat
from jupyter_server.serverapp import list_running_servers
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from tools.notebooks import KERNEL

if TYPE_CHECKING:  # it may be missing
    from playwright.sync_api import BrowserContext, Locator

# News and extensions would ask the network.
DISABLED = ("@jupyterlab/apputils-extension:announcements", "@jupyterlab/extensionmanager-extension")
OPTIONS = {
    "ServerApp.ip": "127.0.0.1",
    "ServerApp.root_dir": "notebooks",
    "ServerApp.open_browser": False,
    "ServerApp.allow_root": True,  # containers run as root
    "LabApp.expose_app_in_browser": True,
    "LabApp.extension_manager": "readonly",  # the other one asks the network
}


class Lab(NamedTuple):
    """A running JupyterLab, which writes only under `home`, and what Jupyter knows of its server."""

    home: Path
    server: dict[str, Any]


@contextlib.contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """Start JupyterLab on a free port, and stop it afterwards."""
    for folder in ("notebooks", "JUPYTER_CONFIG_DIR/labconfig"):
        (home / folder).mkdir(parents=True)
    page_config = home / "JUPYTER_CONFIG_DIR" / "labconfig" / "page_config.json"
    page_config.write_text(json.dumps({"disabledExtensions": dict.fromkeys(DISABLED, True)}), encoding="utf-8")
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    folders += ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    environment = os.environ | {"COURSE_EDITION": "drawn"} | {name: str(home / name) for name in folders}
    environment.pop("TQDM_DISABLE", None)  # a learner sees the progress bars
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in OPTIONS.items())]

    def servers() -> list[dict[str, Any]]:
        assert process.poll() is None, f"JupyterLab did not start. Its output:\n{log.read_text(encoding='utf-8')}"
        return list(list_running_servers(environment["JUPYTER_RUNTIME_DIR"]))

    log = home / "log.txt"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_until(servers, seconds=60, what="JupyterLab to start")
        yield Lab(home, servers()[0])
    finally:
        process.terminate()  # it ends its kernels
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
        nbformat.write(notebook, lab.home / "notebooks" / name)
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.console_errors: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.console_errors.append(message.text))
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.goto(f"{lab.server['url']}lab/tree/{name}?reset&token={lab.server['token']}")
        self.page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context")
        self.in_notebook("await notebook.context.ready; await notebook.sessionContext.ready; await notebook.revealed;")
        self.in_notebook("jupyterapp.commands.execute('notebook:run-all-cells');")  # not awaited: it may take longer
        wait_until(self._has_run, seconds=300, what="the notebook to run")

    def _has_run(self) -> bool:
        assert not self.error_cells(), self.error_cells()
        return self.is_idle() and all(cell.get("execution_count", True) for cell in self._cells())

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

    def in_kernel(self, code: str, expression: str = "None") -> Any:
        """Run code in the kernel, beside the cells, and return the value of an expression, a Python literal."""
        reply = self.in_notebook(
            """
            const kernel = notebook.sessionContext.session.kernel, [code, value] = argument;
            const reply = await kernel.requestExecute({code, user_expressions: {value}, store_history: false}).done;
            return reply.content.user_expressions?.value?.data?.["text/plain"] ?? JSON.stringify(reply.content);
            """,
            [code, expression],
        )
        return ast.literal_eval(reply)

    def active_cell(self) -> str:
        """The id of the cell that JupyterLab would move away from with an arrow key."""
        return self.in_notebook("return notebook.content.activeCell.model.id;")

    def error_cells(self) -> dict[str, str]:
        """Id and error of every cell that raised."""
        outputs = [(cell.id, output) for cell in self._cells() for output in cell.get("outputs", [])]
        return {cell_id: f"{output.ename}: {output.evalue}" for cell_id, output in outputs if "ename" in output}

    def _cells(self) -> list[NotebookNode]:
        return nbformat.from_dict(self.in_notebook("return notebook.content.model.toJSON();")).cells

    def cell(self, cell_id: str) -> Locator:
        """The cell with this id, in view; JupyterLab keeps those far away out of the page."""
        self.in_notebook(
            """
            const index = notebook.content.widgets.findIndex(cell => cell.model.id === argument);
            notebook.content.activeCellIndex = index;
            await notebook.content.scrollToItem(index, "start");
            notebook.content.widgets[index].node.dataset.cellId = argument;
            """,
            cell_id,
        )
        return self.page.locator(f'[data-cell-id="{cell_id}"]')
