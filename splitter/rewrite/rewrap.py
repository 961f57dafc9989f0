"""Takes over the line breaks that rustfmt wants where an item gained a token.

Invariant: tokens stay the same, trailing commas aside; a file whose tokens rustfmt would change or reorder, or
that is no different, stays as it is.
"""

from splitter.model.change import Added, ChangeSet, Dropped, Kept, Piece, Why
from splitter.model.source import Span
from splitter.source.tokens import Token, tokenize

_Replacement = tuple[int, int, bytes]


def rewrap(change: ChangeSet, formatted: dict[str, bytes]) -> ChangeSet:
    """The change set with white space as in `formatted`, for the files where that is all the difference."""
    files = dict(change.files)
    dropped = list(change.dropped)
    for path, wanted in formatted.items():
        text = change.render(path) if path in files else wanted
        edits = _edits(text, wanted) if text != wanted else []
        if edits:
            row, lost = _cut(files[path], edits)
            files[path] = row
            dropped += lost
    return ChangeSet(change.before, files, tuple(dropped))


def _edits(text: bytes, wanted: bytes) -> list[_Replacement] | None:
    """Replacements of white space and trailing commas that turn one text into the other; None if that cannot be."""
    old, new = list(tokenize(text)), list(tokenize(wanted))
    found: list[_Replacement] = []
    at_old, at_new = 0, 0
    i = j = 0
    while i < len(old) or j < len(new):
        a = old[i] if i < len(old) else None
        b = new[j] if j < len(new) else None
        if a is not None and b is not None and a.text == b.text:
            _gap(text[at_old : a.start], wanted[at_new : b.start], at_old, found)
            at_old, at_new = a.end, b.end
            i, j = i + 1, j + 1
        elif b is not None and b.text == b"," and _closes(new, j + 1):
            j += 1
        elif a is not None and a.text == b"," and _closes(old, i + 1):
            i += 1
        else:
            return None
    _gap(text[at_old:], wanted[at_new:], at_old, found)
    return found


def _closes(tokens: list[Token], at: int) -> bool:
    return at < len(tokens) and tokens[at].text in (b")", b"]", b"}", b">")


def _gap(old: bytes, new: bytes, at: int, found: list[_Replacement]) -> None:
    if old != new:
        found.append((at, at + len(old), new))


def _cut(row: tuple[Piece, ...], edits: list[_Replacement]) -> tuple[tuple[Piece, ...], list[Dropped]]:
    """The row with the byte ranges of its text replaced."""
    made: list[Piece] = []
    dropped: list[Dropped] = []
    waiting = list(edits)
    at = 0
    for piece in row:
        length = len(piece.text) if isinstance(piece, Added) else len(piece.span)
        end = at + length
        here = at
        while (waiting and waiting[0][0] < end) or (waiting and waiting[0][0] == waiting[0][1] == end):
            start, stop, text = waiting.pop(0)
            start = max(start, here)
            made += _part(piece, here - at, start - at)
            if text:
                # What is ours stays ours for the reason that it has; only the user's own white space is rewrapped.
                made.append(Added(text, piece.why if isinstance(piece, Added) else Why.REWRAP))
            cut = min(stop, end)
            if isinstance(piece, Kept) and cut > start:
                dropped.append(Dropped(piece.path, _span(piece, start - at, cut - at), Why.REWRAP))
            here = cut
            if stop > end:
                waiting.insert(0, (end, stop, b""))
                break
        made += _part(piece, here - at, length)
        at = end
    return _joined(made), dropped


def _joined(row: list[Piece]) -> tuple[Piece, ...]:
    """The row with neighbouring additions of one reason made one."""
    made: list[Piece] = []
    for piece in row:
        last = made[-1] if made else None
        if isinstance(piece, Added) and isinstance(last, Added) and last.why is piece.why:
            made[-1] = Added(last.text + piece.text, piece.why)
        else:
            made.append(piece)
    return tuple(made)


def _part(piece: Piece, start: int, end: int) -> list[Piece]:
    if end <= start:
        return []
    if isinstance(piece, Added):
        return [Added(piece.text[start:end], piece.why)]
    return [Kept(piece.path, _span(piece, start, end))]


def _span(piece: Kept, start: int, end: int) -> Span:
    return Span(piece.span.start + start, piece.span.start + end)
