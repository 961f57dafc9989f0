"""Bodies before and after, compared as a multiset: one too many counts as well as one too few.

Invariant: every body is in one pair, is left over, or found its equal.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Named(Protocol):
    """A body by its name, and by its text, which tells all that counts."""

    @property
    def name(self) -> str:
        """Its canonical name."""
        ...

    @property
    def text(self) -> str:
        """Its canonical text."""
        ...


_Body = TypeVar("_Body", bound=Named)


def pair_off(old: Sequence[_Body], new: Sequence[_Body]) -> tuple[list[tuple[_Body, _Body | None]], list[_Body]]:
    """What found no equal: each body of before with that of its name after, if there is one, and the rest of after."""
    extra = _left(new, old)
    pairs: list[tuple[_Body, _Body | None]] = []
    for body in _left(old, new):
        twin = next((other for other in extra if other.name == body.name), None)
        if twin is not None:
            extra.remove(twin)
        pairs.append((body, twin))
    return pairs, extra


def _left(bodies: Sequence[_Body], others: Sequence[_Body]) -> list[_Body]:
    """Bodies that find no equal among the others."""
    spare = Counter((other.name, other.text) for other in others)
    left = []
    for body in bodies:
        spare[body.name, body.text] -= 1
        if spare[body.name, body.text] < 0:
            left.append(body)
    return left
