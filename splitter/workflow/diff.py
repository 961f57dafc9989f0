"""Unified diffs of a change, as `git diff` would print them."""

import difflib
import re
from collections.abc import Mapping


def unified_diff(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """Diff of all files that differ; a file that only one side has is compared with `/dev/null`."""
    parts: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        rows = difflib.unified_diff(
            _lines(old),
            _lines(new),
            f"a/{path}" if old is not None else "/dev/null",
            f"b/{path}" if new is not None else "/dev/null",
        )
        parts += (row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)
    return "".join(parts)


def _lines(data: bytes | None) -> list[str]:
    """Lines as git knows them; `splitlines` would break at form feeds and lone carriage returns too."""
    return re.findall(r"[^\n]*\n|[^\n]+", (data or b"").decode("utf-8", "replace"))
