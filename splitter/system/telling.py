"""What of a program's output tells why it failed.

Invariant: pure; leaves out lines, and changes none.
"""

import re

_MOST, _FIRST = 16, 2
_PROGRESS = re.compile(
    r"\s+(?:Adding|Blocking|Building|Checking|Compiling|Downloaded|Downloading|Fresh|Locking|Updating) "
    r"|warning: build failed, waiting for other jobs|\s*cargo:{1,2}[\w-]+="
)
_BACKTRACE = re.compile(r"\s*stack backtrace:", re.IGNORECASE)
_FRAME = re.compile(r"\s+(?:\d+: |at )|\s*note: (?:Some details are omitted|run with `RUST_BACKTRACE)")


def telling_lines(output: str) -> str:
    """From the first error on, without progress and backtraces; of many lines the first and the last ones."""
    kept: dict[str, None] = {}
    in_trace = False
    for line in output.strip().splitlines():
        in_trace = bool(_BACKTRACE.match(line) or (in_trace and _FRAME.match(line)))
        if line.startswith("error") and not any(known.startswith("error") for known in kept):
            kept.clear()
        if not in_trace and not _PROGRESS.match(line) and not _FRAME.match(line):
            kept[line] = None
    rows = list(kept) or output.strip().splitlines()
    rows = rows if len(rows) <= _MOST else [*rows[:_FIRST], "…", *rows[_FIRST - _MOST :]]
    return "\n".join(rows).strip()
