"""Folders and files outside the user's tree: for a demonstration, and for reports of our own bugs.

Invariant: what is made here is new and readable by the user alone; nothing that was there is touched.
"""

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from splitter.errors import DiskError


def new_folder(name: str) -> Path:
    """A new empty folder whose name begins with `name`; raises `DiskError` where there is no room for one."""
    try:
        return Path(tempfile.mkdtemp(prefix=f"{name}-"))
    except OSError as error:
        message = f"no folder can be made in {tempfile.gettempdir()}: {error.strerror}"
        raise DiskError(message, "Name a folder, or set TMPDIR.") from error


def save_report(error: BaseException, arguments: Sequence[str], version: str) -> Path | None:
    """Save what is needed to mend a bug of ours; none where no file can be written."""
    text = "\n".join(
        (
            f"splitter {version}, Python {platform.python_version()}, {platform.platform()}",
            f"arguments: {list(arguments)}",
            f"folder: {_folder()}",
            f"recursion limit: {sys.getrecursionlimit()}",
            "",
            "".join(traceback.format_exception(error)),
        )
    )
    try:
        handle, name = tempfile.mkstemp(prefix="splitter-bug-", suffix=".txt", text=True)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return None
    return Path(name)


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "is gone"
