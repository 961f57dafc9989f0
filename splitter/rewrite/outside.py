"""Names that other files of the crate take from the monolith's own module.

Invariant: reads files below or beside the monolith; a glob import of the module makes every identifier count.
"""

from collections.abc import Mapping

from splitter.source.mentions import find_mentions, identifiers
from splitter.source.tokens import code_tokens


def outside_names(files: Mapping[str, bytes], own: tuple[str, ...]) -> frozenset[str]:
    """Names behind `super::` or the module's full path (`("crate", "value", "ffi")`) in the files."""
    found: set[str] = set()
    path = "::".join(own).encode()
    for data in files.values():
        if b"super" not in data and path not in data:
            continue
        tokens = code_tokens(data)
        if b"super::*" in data or path + b"::*" in data:
            found |= identifiers(tokens)
            continue
        for mention in find_mentions(tokens):
            segments = mention.segments
            if segments[0] == "super":
                found.update(s for s in segments if s != "super")
            elif segments[: len(own)] == own:
                found.update(segments[len(own) :])
        if b"super::{" in data or path + b"::{" in data:
            found |= identifiers(tokens)
    return frozenset(found)
