"""What a phase writes: files as rows of pieces, so that losing or doubling a byte cannot be expressed.

Invariant: for every touched file, kept and dropped spans together partition its bytes (`ChangeSet` checks
it when it is made); what is not the user's own byte is an `Added` piece with a reason.
"""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from splitter.model.source import Span, is_partition


class Why(StrEnum):
    """The closed list of reasons for a byte that was added or dropped."""

    HEADER = "header"
    IMPORT = "import"
    MOD = "mod declaration"
    REEXPORT = "re-export"
    VISIBILITY = "visibility"
    PATH = "path"
    CFG = "cfg"
    BLANK = "blank line"
    REWRAP = "rewrap"


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes of a file of the tree before, taken over as they are."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Added:
    """Bytes of ours."""

    text: bytes
    why: Why


@dataclass(frozen=True, slots=True)
class Dropped:
    """Bytes of a file of the tree before that stand nowhere after."""

    path: str
    span: Span
    why: Why


Piece = Kept | Added


@dataclass(frozen=True)
class ChangeSet:
    """The files of the tree after, as pieces of `before`; a file of `before` that is not in `files` goes away."""

    before: dict[str, bytes]
    files: dict[str, tuple[Piece, ...]]
    dropped: tuple[Dropped, ...]

    def __post_init__(self) -> None:
        spans: dict[str, list[Span]] = defaultdict(list)
        for piece in (*self.dropped, *(p for row in self.files.values() for p in row)):
            if not isinstance(piece, Added):
                spans[piece.path].append(piece.span)
        for path, data in self.before.items():
            if not is_partition(spans.pop(path, []), len(data)):
                message = f"{path}: kept and dropped bytes do not partition the file"
                raise ValueError(message)
        if spans:
            message = f"pieces of unknown files: {', '.join(sorted(spans))}"
            raise ValueError(message)

    def render(self, path: str) -> bytes:
        """Bytes of a file of the tree after."""
        return b"".join(
            piece.text if isinstance(piece, Added) else self.before[piece.path][piece.span.start : piece.span.end]
            for piece in self.files[path]
        )

    def after(self) -> dict[str, bytes]:
        """Every file of the tree after, rendered."""
        return {path: self.render(path) for path in self.files}
