"""The domains that the planner knows by name, from `domains.toml`.

Invariant: data only; a domain that the file does not list is named after the words of its members.
"""

import re
import tomllib
from collections.abc import Set
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from importlib.resources import files
from typing import Any

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain: module path, another name for where that is taken, the group it is moved with, one sentence."""

    path: str
    alias: str
    group: str
    doc: str
    prefixes: tuple[Phrase, ...]
    words: frozenset[str]
    phrases: tuple[Phrase, ...]
    whole: re.Pattern[str] | None

    def tells(self, name: Phrase) -> bool:
        """Say whether a name, in words, begins with a prefix, contains a word or is of a pattern of the domain."""
        if not self.words.isdisjoint(name) or any(name[: len(prefix)] == prefix for prefix in self.prefixes):
            return True
        if any(phrase[0] in name and _within(phrase, name) for phrase in self.phrases):
            return True
        return self.whole is not None and self.whole.fullmatch("_".join(name)) is not None

    def is_spoken(self, words: Set[str]) -> bool:
        """Say whether a file of these words may be about the domain: `backward` is `pytorch` beside `torch` only."""
        return "/" not in self.path or not self.prefixes or any(prefix[0] in words for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All known domains, their groups in the order in which they are best moved, and words that say little."""

    domains: tuple[Domain, ...]
    groups: tuple[str, ...]
    usual: frozenset[str]
    verbs: frozenset[str]
    by_word: dict[str, tuple[int, ...]]
    patterned: tuple[int, ...]
    patterns: re.Pattern[str]

    def telling(self, name: Phrase) -> tuple[Domain, ...]:
        """The domains that tell a name, in their order; `by_word` and `patterns` say which are worth asking."""
        asked = {at for word in name for at in self.by_word.get(word, ())}
        if self.patterns.fullmatch("_".join(name)):
            asked.update(self.patterned)
        return tuple(self.domains[at] for at in sorted(asked) if self.domains[at].tells(name))

    def beginning(self, name: Phrase) -> Domain | None:
        """The domain with the longest prefix that the words of a name begin with."""
        if not name:
            return None
        fits = [
            (len(phrase), domain)
            for domain in (self.domains[at] for at in self.by_word.get(name[0], ()))
            for phrase in domain.prefixes
            if name[: len(phrase)] == phrase
        ]
        return max(fits, key=lambda one: one[0])[1] if fits else None

    def domain(self, path: str) -> Domain | None:
        """The domain of a module path."""
        return next((domain for domain in self.domains if domain.path == path), None)


@cache
def load_lexicon() -> Lexicon:
    """The lexicon that ships with the package."""
    table = tomllib.loads(files("splitter.planner").joinpath("domains.toml").read_text("utf-8"))
    domains = tuple(_domain(path, entry) for path, entry in table["domain"].items())
    words = table["words"]
    by_word: dict[str, list[int]] = {}
    for at, domain in enumerate(domains):
        for word in sorted(domain.words | {phrase[0] for phrase in (*domain.phrases, *domain.prefixes)}):
            by_word.setdefault(word, []).append(at)
    return Lexicon(
        domains,
        tuple(table["groups"]),
        frozenset(words["usual"]),
        frozenset(words["verbs"]),
        {word: tuple(row) for word, row in by_word.items()},
        tuple(at for at, domain in enumerate(domains) if domain.whole),
        re.compile("|".join(domain.whole.pattern for domain in domains if domain.whole)),
    )


def _domain(path: str, entry: dict[str, Any]) -> Domain:
    prefixes = tuple(tuple(word.split("_")) for word in entry.get("prefixes", ()))
    plain = tuple(tuple(word.split("_")) for word in entry["words"] if "*" not in word)
    whole = "|".join(translate(word) for word in entry["words"] if "*" in word)
    return Domain(
        path=path,
        alias=entry.get("alias", ""),
        group=entry["group"],
        doc=entry["doc"],
        prefixes=prefixes,
        words=frozenset(phrase[0] for phrase in plain if len(phrase) == 1),
        phrases=tuple(phrase for phrase in (*plain, *prefixes) if len(phrase) > 1),
        whole=re.compile(whole) if whole else None,
    )


def _within(phrase: Phrase, name: Phrase) -> bool:
    length = len(phrase)
    return any(name[at : at + length] == phrase for at in range(len(name) - length + 1))
