"""The table of faults and checks.

Invariant: a column for every check that was made, in the order in which they are made; no row is wider than a README
shows.
"""

from fault import LONGEST

from splitter.model.check import Outcome

WIDTH = 100
_CELLS = {Outcome.FAILED: "yes", Outcome.PASSED: "·", Outcome.SKIPPED: "–", Outcome.NOT_APPLICABLE: "–"}


def render(crate, rows):
    """Lines of a crate's table; `rows` are the faults' names with what each check said."""
    names = list(rows[0][1])
    widest = next(w for w in range(9, 0, -1) if sum(1 + min(w, len(name)) for name in names) <= WIDTH - LONGEST)
    heads = [name if len(name) <= widest else f"{name[: widest - 1]}…" for name in names]
    lines = [" ".join((crate.ljust(LONGEST), *heads)).rstrip()]
    for name, checks in rows:
        cells = (_CELLS[checks[check].outcome].center(len(head)) for check, head in zip(names, heads, strict=True))
        lines.append(" ".join((name.ljust(LONGEST), *cells)).rstrip())
    assert max(map(len, lines)) <= WIDTH
    return lines
