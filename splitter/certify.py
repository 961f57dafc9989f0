"""Re-checks a receipt from the trees before and after: each byte kept in its place, or added or dropped as it may be.

Invariant: imports nothing of splitter, so that a fault of what wrote a receipt is not shared by what checks it; whoever
finds the files is not trusted, their digests are checked. Both trees are read word by word (a comment is one word, a
string too), and no piece may begin inside a word: so no comment and no string can hide or show code.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import sha256
from itertools import accumulate, pairwise
from posixpath import basename, dirname, join, normpath, splitext
from typing import Any

Reason = tuple[str, int, str]  # path, line, what is wrong
FIELDS = "accepted after before checks dropped format gone items level modes name phase pieces plan previous rustc "
FIELDS += "sha256 source stayed time tool verdict"
CHECKS = "tokens build symbols state api mir tests format code behaviour header".split()  # noqa: SIM905 - one line
LEVELS = {"source": 1, "quick": 4, "standard": 8, "full": 11}  # the checks of each
BLOCK = r"/\*(?:(?!/\*|\*/).)*\*/"
for _ in range(4):  # comments nest
    BLOCK = rf"/\*(?:(?!/\*|\*/).|{BLOCK})*\*/"
WORD = re.compile(
    rf"""(?xs)(?P<space>(?:\s|\xef\xbb\xbf|\A\#!(?!\s*\[)[^\n]*)+)
    | (?P<doc>///(?!/)(?:[^\r\n]|\r(?!\n))* | (?=/\*\*[^*/]){BLOCK}) | (?P<note>//(?:[^\r\n]|\r(?!\n))* | {BLOCK})
    | (?P<text>[bc]?r(?P<hashes>\#*)".*?"(?P=hashes) | [bc]?"(?:\\.|[^"\\])*"
        | b?'(?:\\(?:x..|u\{{[^}}]*\}}|.) | [^'\\\x80-\xff] | [\xc0-\xff][\x80-\xbf]+)')
    | (?P<code>(?:'|r\#)?[\w\x80-\xff]+ | .)""".encode()
)
# What the words of a piece may be, by its reason: each with a space behind it, strings as `""`.
SCOPE, CLIMB = rb"(?:self|(?:in )?super|in self) (?:: : super )*", rb"(?:self|super) (?:: : [\w\x80-\xff#]+ )*"
HEAD = rb"(?:# \[ [^][]*\] )*(?:pub |pub \( [\w: ]+\) )?"
USE, MOD = HEAD + rb"use [\w\x80-\xff:{},*# ]+; ", HEAD + rb"mod [\w\x80-\xff#]+ ; "
DECLARED = {"import": USE, "re-export": USE, "mod declaration": MOD}
OURS = {b"cfg", b"allow", b"expect", b"doc", b"macro_use", b"path", b"rustfmt"}  # attributes of declarations
REASONS = {*DECLARED, "header", "visibility", "path", "blank line", "rewrap"}
CLOSING = (b")", b"]", b"}", b">")
VAGUE = {"call", "note", "inner", "opaque", "extern"}  # kinds of items whose keys need not be in their text


class _Text:  # a file and its words; `begins[n]` says whether an item may begin at word n: behind `;`, `}` or `#![…]`
    def __init__(self, path: str, data: bytes) -> None:
        self.path, self.data, depth, inner, ended = path, data, 0, False, True
        self.starts, self.words, self.kinds, self.begins = list[int](), list[bytes](), list[str](), [True]
        for found in WORD.finditer(data):
            kind, word = found.lastgroup or "", found.group()
            if kind != "space":
                depth -= word in (b")", b"]", b"}")
                inner = self.words[-2:] == [b"#", b"!"] if (word, depth) == (b"[", 0) else inner
                ended = ended if kind == "note" else not depth and (word in (b";", b"}") or (word == b"]" and inner))
                depth += word in (b"(", b"[", b"{")
                self.starts.append(found.start())
                self.words.append(word)
                self.kinds.append(kind)
                self.begins.append(ended)

    def find(self, start: int, end: int) -> tuple[int, int]:  # the first word in a range, and the first behind it
        return bisect_left(self.starts, start), bisect_left(self.starts, end)

    def cuts(self, offset: int) -> bool:  # whether it lies inside a word
        at = bisect_left(self.starts, offset)
        return at > 0 and self.starts[at - 1] + len(self.words[at - 1]) > offset

    def code(self, first: int, last: int) -> bytes:  # words, without comments
        row = zip(self.words[max(0, first) : last], self.kinds[max(0, first) : last], strict=True)
        return b"".join(b'"" ' if kind == "text" else word + b" " for word, kind in row if kind not in ("doc", "note"))

    def is_wrapping(self, why: str, first: int, last: int) -> bool:  # whether it is the last comma of a list
        return (why, self.words[first:last]) == ("rewrap", [b","]) and self.code(last, last + 9)[:1] in CLOSING


class _Case:  # a receipt with its files; the methods find reasons not to believe it
    def __init__(self, raw: dict[str, Any], old: dict[str, bytes], new: dict[str, bytes]) -> None:
        self.old, self.new = ({path: _Text(path, side[path]) for path in side} for side in (old, new))
        self.items = sorted((r["from"], k, r) for name in ("items", "stayed", "gone") for k, r in raw[name].items())
        self.source = self.old[self.items[0][0][0]]
        self.drops = [(path, start, end, why) for path, start, end, why in raw["dropped"]]
        self.known: set[object] = set()  # drops that were replaced; drops and pieces of imports that are whole
        self.rows: dict[str, list[tuple[int, int, bytes, list[Any]]]] = {}
        for path, row in raw["pieces"].items():
            texts = [p[1].encode(errors="surrogateescape") if p[0] == "added" else old[p[1]][p[2] : p[3]] for p in row]
            ends = [*accumulate(map(len, texts), initial=0)]
            self.rows[path] = list(zip(ends, ends[1:], texts, row, strict=False))

    def account(self) -> Iterator[tuple[_Text, int, str]]:  # every byte is kept or dropped, once; no word is cut
        kept = [(there, *p[1:]) for there, row in self.rows.items() for *_, p in row if p[0] == "kept"]
        for path, old in self.old.items():
            own = [(there, start, end if 0 <= start < end else -1) for there, of, start, end in kept if of == path]
            spans = sorted([row[1:] for row in own] + [drop[1:3] for drop in self.drops if drop[0] == path])
            gaps = [(left[1], right[0]) for left, right in pairwise([(0, 0), *spans, (len(old.data), 0)])]
            yield from ((old, min(gap), "bytes are lost, or stand twice") for gap in gaps if gap[0] != gap[1])
            yield from ((old, start, "a word is cut") for start, _ in spans if old.cuts(start))
            if old is not self.source and (own != sorted(own) or {there for there, *_ in own} - {path}):
                yield old, 0, "bytes of this file are moved"
        for path, new in self.new.items():
            yield from ((new, start, "a word is cut") for start, *_ in self.rows[path] if new.cuts(start))
            if b"".join(text for _, _, text, _ in self.rows[path]) != new.data:
                yield new, 0, "this is not what the pieces come to"

    def standing(self) -> Iterator[tuple[_Text, int, str]]:  # the items are the whole source, and each stands whole
        ends = [[self.source.path, 0], *([path, end] for (path, _, end), _, _ in self.items)]
        if [*(row[:2] for row, _, _ in self.items), [self.source.path, len(self.source.data)]] != ends:
            yield self.source, 0, "the items are not the whole source"
        for (_, start, end), key, row in self.items:
            for wrong, holds in self.faults(start, end, key.partition(":")[0], key, row).items():
                yield from [(self.source, start, f"`{key}` {wrong}")] * holds

    def faults(self, start: int, end: int, kind: str, key: str, row: dict[str, Any]) -> dict[str, bool]:
        (there, *to), old, code, clean = row.get("to", ["", 0, 0]), self.source, b"", True
        pieces, (first, last) = self.rows.get(there, []), old.find(start, end)
        kept = [at for at, (begin, _, _, p) in enumerate(pieces) if p[0] == "kept" and to[0] <= begin < to[1]]
        drops = [drop for drop in self.drops if drop[0] == old.path and start <= drop[1] < end]
        spans = [(pieces[at][3][2], pieces[at][3][3]) for at in kept]
        cover = [(start, start), *sorted([*spans, *(drop[1:3] for drop in drops)]), (end, end)]
        if kept:
            new, low, high = self.new[there], kept[0], kept[-1] + 1
            while low and pieces[low - 1][3][-1] in ("visibility", "import"):
                low -= 1
            while kind == "use" and high < len(pieces) and pieces[high][3][-1] == "import":
                high += 1
            begin, behind = new.find(pieces[low][0], pieces[high - 1][1])
            code, clean = new.code(begin, behind), new.begins[begin]
            self.known.update((there, at) for at in range(low, high) if kind == "use")
        self.known.update(drops if kind == "use" else ())
        digest, words = sha256(old.data[start:end]).hexdigest(), old.data[start:end].decode().lower()
        named = {*re.findall(r"\w+", key.lower().split("#")[0])} <= {*re.findall(r"\w+", words.replace("macro_rules", "macro"))}
        imports = re.fullmatch(USE, old.code(first, last)) and re.fullmatch(rb"(?:%s)*" % USE, code)
        edges = [pieces[kept[0]][0], pieces[kept[-1]][1]] if kept else [0, 0]
        return {
            "is not whole": any(one[1] != other[0] for one, other in pairwise(cover)) or spans != sorted(spans),
            "does not stand where the receipt says": to != edges or not (kept or kind == "use"),
            "had other bytes": {**row, "to": 0} != {"from": row["from"], "to": 0, "sha256": digest},
            "has another name": kind not in VAGUE and not named,
            "begins inside another item": first < last and not old.begins[first],
            "stands inside another item": code != b"" and not clean,
            "is no import, or none any more": kind == "use" and not imports,
        }

    def reasons(self) -> Iterator[tuple[_Text, int, str]]:  # what was added or dropped is what its reason says
        for path, new in self.new.items():
            for at, (start, end, _, piece) in enumerate(self.rows[path]):
                if piece[0] == "added" and not self.may_come(new, at, piece, *new.find(start, end)):
                    yield new, start, f"`{' '.join(piece[1].split())[:60]}` was added as {piece[2]}"
        for drop in self.drops:
            old, why, (first, last) = self.old[drop[0]], drop[3], self.old[drop[0]].find(*drop[1:3])
            alone = old is not self.source and old.begins[first] and re.fullmatch(rb"(?:%s)+" % USE, old.code(first, last))
            fits = drop in self.known or (why == "import" and alone) or old.is_wrapping(why, first, last)
            if why not in REASONS or (first < last and (not fits or {"note", "doc"} & {*old.kinds[first:last]})):
                yield old, drop[1], f"what stands here was dropped as {why}"

    def may_come(self, new: _Text, at: int, piece: list[str], first: int, last: int) -> bool:
        (_, text, why), kinds, code = piece, {*new.kinds[first:last]}, new.code(first, last)
        if not kinds or why == "header":
            return why in REASONS and (not kinds or (first == 0 and new.path not in self.old and kinds == {"note"}))
        if kinds & {"note", "doc"} or why not in REASONS - {"blank line", "rewrap"}:
            return new.is_wrapping(why, first, last)
        if why in DECLARED:
            given = re.findall(r'path = "([^"]*)"', text)
            there = {normpath(join(dirname(new.path), file)) for file in given} <= self.new.keys()
            stems = {splitext(basename(file.removesuffix("/mod.rs")))[0].encode() for file in self.new}
            there = there and {*re.findall(rb"mod (?:r#)?([\w\x80-\xff]+) ;", code)} <= stems
            ours = {*re.findall(rb"# \[ (\w+)", code)} <= OURS and len(given) == code.count(b"[ path ")
            alone = new.begins[first] and re.fullmatch(rb"(?:%s)+" % DECLARED[why], code)
            return there and ours and ((new.path, at) in self.known or bool(alone))
        behind = [*self.rows[new.path], (0, 0, b"", ["", "", 0])][at + 1][3]  # what was there before ended where it begins
        lost = next((drop for drop in self.drops if [drop[0], drop[2], drop[3]] == [*behind[1:3], why]), None)
        self.known.add(lost)
        was = self.old[lost[0]].code(*self.old[lost[0]].find(*lost[1:3])) if lost else b""
        ahead, follows = new.code(first - 3, first), new.code(last, last + 1)
        if lost and why == "path" and code == was == b'"" ':
            literals = (lost[0], self.old[lost[0]].data[lost[1] : lost[2]].decode()), (new.path, text)
            same = len({normpath(join(dirname(path), literal.strip('"'))) for path, literal in literals}) == 1
            return same and re.fullmatch(rb"include(?:_str|_bytes)? ! [({[] ", ahead) is not None
        if why == "visibility" and re.fullmatch(rb"pub \( %s\) " % SCOPE, code):
            return was in (b"", b"pub ( self ) ", b"pub ( in self ) ")
        inside = follows == b": " if why == "path" else (ahead[-6:], follows) == (b"pub ( ", b") ")
        pattern = CLIMB if why == "path" else SCOPE
        return inside and bool(re.fullmatch(pattern, code) and re.fullmatch(pattern, was))


def certify(text: bytes, name: str, previous: str | None, old: dict[str, bytes], new: dict[str, bytes]) -> list[Reason]:
    """Reasons not to believe the receipt with this text and name; none where it is right.

    `previous` is the digest of the receipt before it; `old` and `new` are the files before and after, as far as found.
    """
    try:
        raw = json.loads(text, object_pairs_hook=lambda row: dict(row) if len(dict(row)) == len(row) else None)
        if raw["format"] != 2 or sorted(raw) != FIELDS.split():
            return [(name, 1, "has another format than 2, or other fields")]
        said = json.dumps({key: raw[key] for key in raw if key != "sha256"}, sort_keys=True, separators=(",", ":"))
        counts = [(c["outcome"], c["compared"] > 0, bool(c["reason"]) or c["compared"] > 0) for c in raw["checks"]]
        fine = {("passed", True, True), ("skipped", False, True), ("not_applicable", False, True)}
        unsound = any(c["compared"] != c["equal"] or c["findings"] or len(c) != 8 for c in raw["checks"])
        files, written = [raw["source"], *raw["before"], *raw["after"]], [p for p, d in raw["after"].items() if d]
        claims = {
            "was edited: `sha256` is not that of the rest": raw["sha256"] != sha256(said.encode()).hexdigest(),
            "does not follow the receipt of the phase before": raw["previous"] != previous,
            "has not the checks of its level": [c["name"] for c in raw["checks"]] != CHECKS[: LEVELS[raw["level"]]],
            "has a check that was not made, or failed": unsound or not {*counts} <= fine or counts[0][0] != "passed",
            "has a verdict that does not follow from its checks": raw["verdict"] != "passed",
            "has accepted other checks than were skipped": raw["accepted"] != sorted(c["name"] for c in raw["checks"] if c["outcome"] == "skipped"),
            "says not what made it": not (raw["tool"] and (raw["rustc"] or raw["level"] == "source")),
            "has paths out of the tree": any(re.search(r"^[/.]|[\\:\0]|(^|/)\.\.?(/|$)|//|^$", path) for path in files),
            "has pieces of other files than it wrote": {*written} != raw["pieces"].keys() or {*raw["before"]} - {*raw["after"]},
            "has no modes of the files before": raw["modes"].keys() != raw["before"].keys(),
        }
        wrong = [(name, 1, claim) for claim, holds in claims.items() if holds]
        for side, digests in ((old, raw["before"]), (new, raw["after"])):
            found = {path: sha256(side[path]).hexdigest() if path in side else None for path in digests}
            wrong += [(p, 1, "has other bytes than the receipt says") for p in digests if digests[p] != found[p]]
        if any(path != name for path, *_ in wrong):
            return wrong
        case = _Case(raw, old, new)
        faults = [*case.account()] or [*case.standing(), *case.reasons()]
        return wrong + [(file.path, file.data.count(b"\n", 0, max(0, at)) + 1, what) for file, at, what in faults]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        return [(name, 1, f"is no receipt, or a damaged one ({type(error).__name__}: {error})")]
