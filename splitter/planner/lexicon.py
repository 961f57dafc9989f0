"""The domains that the planner knows by name, from `domains.toml`.

Invariant: data only; a domain that the file does not list is named after the words of its members.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain: module path, what names begin with or contain, the group that it is moved with, one sentence."""

    path: str
    group: str
    doc: str
    prefixes: tuple[Phrase, ...] = ()
    words: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All known domains, and their groups in the order in which they are best moved."""

    domains: tuple[Domain, ...]
    groups: tuple[str, ...]

    def beginning(self, name: Phrase) -> Domain | None:
        """The domain with the longest prefix that the words of a name begin with."""
        fits = [
            (len(phrase), domain)
            for domain in self.domains
            for phrase in domain.prefixes
            if name[: len(phrase)] == phrase
        ]
        return max(fits, key=lambda one: one[0])[1] if fits else None

    def containing(self, name: Phrase) -> list[Domain]:
        """Domains one of whose words or prefixes stands anywhere in a name."""
        return [d for d in self.domains if any(_within(phrase, name) for phrase in (*d.words, *d.prefixes))]

    def domain(self, path: str) -> Domain | None:
        """The domain of a module path."""
        return next((domain for domain in self.domains if domain.path == path), None)


@cache
def load_lexicon() -> Lexicon:
    """The lexicon that ships with the package."""
    table = tomllib.loads(files("splitter.planner").joinpath("domains.toml").read_text("utf-8"))
    domains = tuple(
        Domain(path, entry["group"], entry["doc"], _phrases(entry, "prefixes"), _phrases(entry, "words"))
        for path, entry in table["domain"].items()
    )
    return Lexicon(domains, tuple(table["groups"]))


def _phrases(entry: dict[str, list[str]], field: str) -> tuple[Phrase, ...]:
    return tuple(tuple(word.split("_")) for word in entry.get(field, ()))


def _within(phrase: Phrase, name: Phrase) -> bool:
    length = len(phrase)
    return any(name[at : at + length] == phrase for at in range(len(name) - length + 1))
