"""The licence notice at the head of the monolith stands at the head of every file that it became.

Invariant: only what is a notice by its words is asked for; a file that was there before keeps what it had.
"""

import re
from collections.abc import Iterator

from splitter.model.check import Finding
from splitter.model.evidence import Scope
from splitter.model.source import ItemKind, SourceFile
from splitter.source.tokens import TokenKind, tokenize
from splitter.verify.places import split_files

_LICENCE = re.compile(rb"copyright|licen[sc]e|SPDX-", re.IGNORECASE)


def find_lost_notices(old: dict[str, SourceFile], new: dict[str, SourceFile], scope: Scope) -> Iterator[Finding]:
    """Files of the split without the monolith's notice; `scope` is the split as it stands in the tree after."""
    monolith = old.get(scope.monolith) or old.get(scope.residue_file)
    notice = set() if monolith is None else _notice(monolith)
    if not notice:
        return
    made = {file for file in split_files(scope) if file not in old or file in (scope.monolith, scope.residue_file)}
    for path in sorted(made & new.keys()):
        if not notice <= _head(new[path]):
            yield Finding("note", path, 1, "the licence notice of the monolith does not stand at its head")


def _notice(source: SourceFile) -> set[bytes]:
    first = next((item for item in source.items if source.whole(item).strip(b"\xef\xbb\xbf \r\n")), None)
    if first is None or first.kind is not ItemKind.NOTE or not _LICENCE.search(source.whole(first)):
        return set()
    return _comments(source.whole(first))


def _head(source: SourceFile) -> set[bytes]:
    """Comments above the first item proper."""
    found: set[bytes] = set()
    for item in source.items:
        if item.kind not in (ItemKind.NOTE, ItemKind.INNER):
            break
        found |= _comments(source.whole(item))
    return found


def _comments(data: bytes) -> set[bytes]:
    return {token.text.strip() for token in tokenize(data) if token.kind >= TokenKind.COMMENT}
