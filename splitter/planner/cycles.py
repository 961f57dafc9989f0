"""Items that use one another in a circle, found so that they can be placed as one.

Invariant: each key is in exactly one group; a group comes after every group that uses it.
Source: Sharir, "A strong-connectivity algorithm" (Computers & Mathematics with Applications 7, 1981).
"""

from collections.abc import Mapping


def group_cycles(uses: Mapping[str, list[str]]) -> list[tuple[str, ...]]:
    """Strongly connected groups of keys, users first; `uses` says for each key which others it uses."""
    users: dict[str, list[str]] = {key: [] for key in uses}
    for key, used in uses.items():
        for other in used:
            users[other].append(key)
    seen: set[str] = set()
    return [_reached(key, users, seen) for key in reversed(_finished(uses)) if key not in seen]


def _finished(uses: Mapping[str, list[str]]) -> list[str]:
    """Keys in the order in which a search depth first is done with them."""
    order: list[str] = []
    seen: set[str] = set()
    for start in uses:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(uses[start]))]
        while stack:
            key, rest = stack[-1]
            other = next((one for one in rest if one not in seen), None)
            if other is None:
                order.append(key)
                stack.pop()
            else:
                seen.add(other)
                stack.append((other, iter(uses[other])))
    return order


def _reached(start: str, users: Mapping[str, list[str]], seen: set[str]) -> tuple[str, ...]:
    seen.add(start)
    group, at = [start], 0
    while at < len(group):
        fresh = [one for one in users[group[at]] if one not in seen]
        seen.update(fresh)
        group += dict.fromkeys(fresh)
        at += 1
    return tuple(sorted(group))
