"""The domains that the planner knows by name, from `domains.toml`.

Invariant: data only; a domain that the file does not list is named after the words of its members.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain: module path, the words (or `_`-joined phrases) that tell it, group and one sentence."""

    path: str
    words: tuple[tuple[str, ...], ...]
    group: str
    doc: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All known domains, and their groups in the order in which they are best moved."""

    domains: tuple[Domain, ...]
    groups: tuple[str, ...]

    def matching(self, name: tuple[str, ...]) -> list[tuple[Domain, int]]:
        """Domains that the words of a name tell, with the length of the longest phrase found."""
        found = []
        for domain in self.domains:
            length = max((len(phrase) for phrase in domain.words if _within(phrase, name)), default=0)
            if length:
                found.append((domain, length))
        return found


@cache
def load_lexicon() -> Lexicon:
    """The lexicon that ships with the package."""
    table = tomllib.loads(files("splitter.planner").joinpath("domains.toml").read_text("utf-8"))
    domains = tuple(
        Domain(
            path,
            tuple(tuple(word.split("_")) for word in entry["words"]),
            entry.get("group", path.split("/")[0].replace("_", " ")),
            entry.get("doc", ""),
        )
        for path, entry in table["domain"].items()
    )
    return Lexicon(domains, tuple(table["groups"]))


def _within(phrase: tuple[str, ...], name: tuple[str, ...]) -> bool:
    if len(phrase) == 1:
        return phrase[0] in name
    return any(name[at : at + len(phrase)] == phrase for at in range(len(name) - len(phrase) + 1))
