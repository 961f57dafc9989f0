"""Bad splits: what a faulty rewriter would write, put into the change set that the right one makes.

Invariant: a change set allows no lost byte that is not called dropped, so neither does a fault; what it drops and adds
is spelled out.
"""

from splitter.model.change import Added, ChangeSet, Dropped, Kept, Why
from splitter.model.source import Span


def replaced(change, path, old, new):
    """The change set with one text of a file after it replaced."""
    row = []
    dropped = list(change.dropped)
    begin = change.render(path).index(old.encode())
    end = begin + len(old.encode())
    at, put = 0, False
    for piece in change.files[path]:
        text = piece_text(change, piece)
        low, high = max(begin - at, 0), min(end - at, len(text))
        at += len(text)
        if low >= high:
            row.append(piece)
            continue
        row += part(piece, 0, low)
        if isinstance(piece, Kept):
            dropped.append(Dropped(piece.path, Span(piece.span.start + low, piece.span.start + high), Why.REWRAP))
        if not put:
            row.append(Added(new.encode(), Why.REWRAP))
            put = True
        row += part(piece, high, len(text))
    files = {**change.files, path: tuple(piece for piece in row if piece_text(change, piece))}
    return ChangeSet(change.before, files, tuple(dropped))


def swapped(change, path, one, other):
    """The change set with two texts of a file after it in each other's place."""
    mark = "\0" * 8
    change = replaced(change, path, one, mark)
    change = replaced(change, path, other, one)
    return replaced(change, path, mark, other)


def part(piece, begin, end):
    if begin >= end:
        return []
    if isinstance(piece, Added):
        return [Added(piece.text[begin:end], piece.why)]
    return [Kept(piece.path, Span(piece.span.start + begin, piece.span.start + end))]


def piece_text(change, piece):
    if isinstance(piece, Added):
        return piece.text
    return change.before[piece.path][piece.span.start : piece.span.end]
