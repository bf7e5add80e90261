"""Write a file whole or not at all."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ATTEMPTS, _PAUSE = 11, 0.1  # one second in all


@contextmanager
def replace_whole(path: str | Path) -> Iterator[Path]:
    """Yield the path of a new file to write, and move that file to `path` in one step when the block ends.

    `path` is replaced only by a complete file: after an error or a crash it is what it was before. Two programs may
    write the same file at once; the later one wins. Missing folders are created.

    Raises: OSError, for example where another program keeps `path` open on Windows, after trying for a second.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")  # the same folder: a move must not copy
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())  # before the move, or a power cut may leave an empty file with the final name
        _move(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _move(part: Path, path: Path) -> None:
    """Move a file over another one; on Windows a virus scanner may hold either of them for a moment."""
    for attempt in range(_ATTEMPTS):
        try:
            part.replace(path)
            return
        except PermissionError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE)
