"""Items as bags of tokens, without what a move may change: visibility, relative paths, include paths."""

import re
from collections import Counter

from splitter.model.source import ItemKind
from splitter.source.parse import parse
from splitter.source.tokens import TokenKind, tokenize

LICENCE = re.compile(rb"copyright|licen[sc]e|SPDX-", re.IGNORECASE)
PATHS = (b"self", b"super", b"crate", b"in")


def item_tokens(files, plan):
    """How often each item stands in the tree; `use` items, headers with licence notices and `mod` lines aside."""
    names = {part for module in plan.placed.values() for part in module.split("/")}
    bags = Counter()
    for path, data in files.items():
        if not path.endswith(".rs") or not data.strip():
            continue
        file = parse(path, data)
        for item in file.items:
            declares = item.kind is ItemKind.MOD and data[item.core.end - 1 : item.core.end] == b";"
            notice = item.kind is ItemKind.NOTE and LICENCE.search(file.whole(item))
            if item.kind in (ItemKind.USE, ItemKind.INNER) or declares or notice:
                continue
            bags[item.kind, plain(data[item.span.start : item.span.end], names)] += 1
    return bags


def plain(data, modules):
    tokens = list(tokenize(data.removeprefix(b"\xef\xbb\xbf")))
    row = []
    at = 0
    while at < len(tokens):
        text = tokens[at].text
        follows = tokens[at + 1].text if at + 1 < len(tokens) else b""
        if text == b"pub":
            at += 1
            if follows == b"(" and tokens[at + 1].text in PATHS:
                while tokens[at].text != b")":
                    at += 1
                at += 1
            continue
        if follows == b"::" and (text in PATHS or text.decode("utf-8", "replace") in modules):
            at += 2
            continue
        if tokens[at].kind is TokenKind.STRING and at >= 3 and tokens[at - 3].text.startswith(b"include"):
            text = b"included"
        row.append(text.strip())
        at += 1
    return tuple(row)
