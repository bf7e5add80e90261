"""Executes one notebook in a kernel of its own, from the first cell to the last, and tells of each cell that raised."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from limits import Job, begin
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

# Whoever prints more is stopped: the outputs are not wanted here, and passing them on costs time.
MOST_PRINTED = 50_000_000


class PrintedTooMuch(Exception):  # noqa: N818 - what happened, not whose fault it is
    """The notebook's outputs are larger than all notebooks of the course together."""


class Client(NotebookClient):
    """Runs every cell, whatever the others did, and keeps no output but the errors."""

    printed = 0

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        """Count what was printed and drop it."""
        if msg["msg_type"] in ("status", "error"):
            return super().process_message(msg, cell, cell_index)
        self.printed += sum(len(str(part)) for part in _parts(msg["content"]))
        if self.printed > MOST_PRINTED:
            raise PrintedTooMuch
        return None


def _parts(content: dict[str, Any]) -> list[Any]:
    data = content.get("data")
    return [content.get("text", ""), *(data.values() if isinstance(data, dict) else ())]


async def execute(job: Job) -> None:
    """Run the cells, and say what each did: nothing, an error, or that it was stopped."""
    task = job.task
    # Nothing of the learner's metadata comes in: not the kernel, not the language, no widgets' state.
    notebook = new_notebook(cells=[new_code_cell(source) for source in task["cells"]])
    client = Client(
        notebook, kernel_name="python3", timeout=task["cell_seconds"], interrupt_on_timeout=True, allow_errors=True
    )
    place = 0
    try:
        async with client.async_setup_kernel():
            job.say(begins=True)
            for place, cell in enumerate(notebook.cells):
                await client.async_execute_cell(cell, place, store_history=True)
                for output in cell.outputs:
                    if output.output_type == "error":
                        job.say(cell=place, error=str(output.ename)[:80], message=str(output.evalue)[:300])
                cell.outputs = []
            place += 1
    except DeadKernelError:
        job.say(cell=place, ended="ended the program (the kernel died)")
    except PrintedTooMuch:
        job.say(cell=place, ended=f"was stopped: it printed more than {MOST_PRINTED // 10**6} MB")
    except CellTimeoutError:
        job.say(cell=place, ended=f"was stopped after {task['cell_seconds']} seconds")
    job.say(done=place)


if __name__ == "__main__":
    asyncio.run(execute(begin()))
