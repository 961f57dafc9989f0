"""Re-checks a receipt from the trees before and after: each byte kept in its place, or added or dropped as it may be.

Invariant: imports nothing of splitter. No piece may begin inside a word, a comment or a string: so none hides code.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import sha256
from itertools import accumulate, pairwise, takewhile
from posixpath import basename, dirname, join, normpath, splitext
from typing import Any

Files = dict[str, bytes]
CHECKS = "tokens build symbols state api mir tests format code behaviour header".split()  # noqa: SIM905 - one line
CHECK = {"name", "outcome", "compared", "equal", "seconds", "reason", "lawful", "findings"}
SOUND = {"passed True True", "skipped False True", "not_applicable False True"}  # did it compare, was all equal
LEVELS = {"source": 1, "quick": 4, "standard": 8, "full": 11}  # the checks of each
BLOCK = r"/\*(?:(?!/\*|\*/).)*\*/"
for _ in range(4):  # comments nest
    BLOCK = rf"/\*(?:(?!/\*|\*/).|{BLOCK})*\*/"
WORD = rf"""(?xs)(?P<space>(?:\s|\xef\xbb\xbf|\A\#!(?!\s*\[)[^\n]*)+)
    | (?P<doc>///(?!/)(?:[^\r\n]|\r(?!\n))* | (?=/\*\*[^*/]){BLOCK}) | (?P<note>//(?:[^\r\n]|\r(?!\n))* | {BLOCK})
    | (?P<text>[bc]?r(?P<hashes>\#*)".*?"(?P=hashes) | [bc]?"(?:\\.|[^"\\])*"
        | b?'(?:\\(?:x..|u\{{[^}}]*\}}|.) | [^'\\\x80-\xff] | [\xc0-\xff][\x80-\xbf]+)')
    | (?P<code>(?:'|r\#)?[\w\x80-\xff]+ | .)""".encode()
SCOPE, CLIMB = rb"(?:self|(?:in )?super|in self) (?:: : super )*", rb"(?:self|super) (?:: : [\w\x80-\xff#]+ )*"
HEAD = rb"(?:# \[ [^][]*\] )*(?:pub |pub \( [\w: ]+\) )?"  # words, each with a space behind it; strings are `""`
USE, MOD = HEAD + rb"use [\w\x80-\xff:{},*# ]+; ", HEAD + rb"mod [\w\x80-\xff#]+ ; "
DECLARED = {"import": USE, "re-export": USE, "mod declaration": MOD}
OURS = {b"cfg", b"allow", b"expect", b"doc", b"macro_use", b"path", b"rustfmt"}  # attributes of declarations
REASONS = {*DECLARED, "header", "visibility", "path", "blank line", "rewrap"}
KINDS = {"fn", "struct", "enum", "union", "trait", "impl", "mod", "use", "const", "static", "type", "macro", "crate"}
VAGUE = "call note inner opaque extern bom shebang rule c unknown"  # words of keys that need not be in the item's text


class _Text:  # a file and its words; `begins`, by byte: may the next word begin an item, behind `;`, `}` or `#![…]`
    def __init__(self, path: str, data: bytes) -> None:
        self.path, self.data, depth, inner, ended = path, data, 0, False, True
        rows, self.begins = list[tuple[int, bytes, str]](), list[bool]()
        for found in re.finditer(WORD, data):
            kind, word = found.lastgroup or "", found.group()
            if kind != "space":
                self.begins += [ended] * (found.start() + 1 - len(self.begins))
                depth -= word in (b")", b"]", b"}")
                inner = [row[1] for row in rows[-2:]] == [b"#", b"!"] if (word, depth) == (b"[", 0) else inner
                ended = ended if kind == "note" else not depth and (word in (b";", b"}") or (word == b"]" and inner))
                depth += word in (b"(", b"[", b"{")
                rows.append((found.start(), word, kind))
        self.starts, self.words, self.kinds = [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]
        self.begins += [ended] * (len(data) + 1 - len(self.begins))
        self.inside = {at for start, word, _ in rows for at in range(start + 1, start + len(word))}

    def find(self, start: int, end: int) -> tuple[int, int]:  # the first word in a range, and the first behind it
        return bisect_left(self.starts, start), bisect_left(self.starts, end)

    def code(self, first: int, last: int) -> bytes:  # words, without comments
        row = zip(self.words[max(0, first) : last], self.kinds[max(0, first) : last], strict=True)
        return b"".join(b'"" ' if kind == "text" else word + b" " for word, kind in row if kind not in ("doc", "note"))

    def is_wrapping(self, why: str, first: int, last: int) -> bool:  # whether it is the last comma of a list
        return why == "rewrap" and last - first == 1 and re.match(rb", [])}>]", self.code(first, last + 9)) is not None


class _Case:  # a receipt with its files, and reasons not to believe it; `known` are drops and pieces found to be right
    def __init__(self, raw: dict[str, Any], old: Files, new: Files) -> None:
        self.old, self.new = ({path: _Text(path, side[path]) for path in side} for side in (old, new))
        self.items = sorted((r["from"], k, r) for name in ("items", "stayed", "gone") for k, r in raw[name].items())
        self.source = self.old[self.items[0][0][0]]
        self.drops = [(path, start, end, why) for path, start, end, why in raw["dropped"]]
        self.known, self.rows = set[object](), dict[str, list[tuple[int, int, bytes, list[Any]]]]()
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
            yield from ((old, at, "a word is cut") for at in {start for start, _ in spans} & old.inside)
            if old is not self.source and (own != sorted(own) or {there for there, *_ in own} - {path}):
                yield old, 0, "bytes of this file are moved"
        for path, new in self.new.items():
            yield from ((new, at, "a word is cut") for at in {start for start, *_ in self.rows[path]} & new.inside)
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
        (there, *to), old, code, clean, low, high = row.get("to", ["", 0, 0]), self.source, b"", True, 0, 0
        pieces, (first, last), data = self.rows.get(there, []), old.find(start, end), old.data[start:end]
        kept = [i for i, (a, *_, p) in enumerate(pieces) if p[0] == "kept" and a in range(*to) and start <= p[2] < end]
        drops = [drop for drop in self.drops if drop[0] == old.path and start <= drop[1] < end]
        spans = [(pieces[at][3][2], pieces[at][3][3]) for at in kept]
        cover = [(start, start), *sorted([*spans, *(drop[1:3] for drop in drops)]), (end, end)]
        if kept:
            low, high, new = kept[0], kept[-1] + 1, self.new[there]
            back = len([*takewhile(lambda row: row[3][-1] in ("visibility", "import"), pieces[:low][::-1])])
            low = next((at for at in range(low - back, low) if new.begins[pieces[at][0]]), low)
            high += len([*takewhile(lambda r: r[3][-1] == "import" and not new.begins[r[0]], pieces[high:])])
            code, clean = new.code(*new.find(pieces[low][0], pieces[high - 1][1])), new.begins[pieces[low][0]]
        self.known.update([*drops, *((there, at) for at in range(low, high))] if kind == "use" else ())
        texts = key.split("#", 1)[0], f"{data.decode().replace('macro_rules', 'macro')} {VAGUE}"
        words = [{*re.findall(r"\w+", text.lower())} for text in texts]
        imports = re.fullmatch(USE, old.code(first, last)) and re.fullmatch(rb"(?:%s)*" % USE, code)
        edges = [pieces[kept[0]][0], pieces[kept[-1]][1]] if kept else [0, 0]
        return {
            "is not whole": any(one[1] != other[0] for one, other in pairwise(cover)) or spans != sorted(spans),
            "does not stand where the receipt says": to != edges or not (kept or kind == "use"),
            "had other bytes": {**row, "to": 0} != {"from": row["from"], "to": 0, "sha256": sha256(data).hexdigest()},
            "has another name": kind not in {*KINDS, *VAGUE.split()[:5]} or not words[0] <= words[1],
            "begins inside another item": (first < last and not old.begins[start]) or (code != b"" and not clean),
            "is no import, or none any more": kind == "use" and not imports,
        }

    def reasons(self) -> Iterator[tuple[_Text, int, str]]:  # what was added or dropped is what its reason says
        for path, new in self.new.items():
            for at, (start, end, _, piece) in enumerate(self.rows[path]):
                if piece[0] == "added" and not self.may_come(new, at, piece, *new.find(start, end)):
                    yield new, start, f"`{' '.join(piece[1].split())[:60]}` was added as {piece[2]}"
        for drop in self.drops:
            old, why, (first, last) = self.old[drop[0]], drop[3], self.old[drop[0]].find(*drop[1:3])
            alone = re.fullmatch(rb"(?:%s)+" % USE, old.code(first, last)) and old.begins[drop[1]] and why == "import"
            fits = drop in self.known or (alone and old is not self.source) or old.is_wrapping(why, first, last)
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
            alone = new.begins[new.starts[first]] and re.fullmatch(rb"(?:%s)+" % DECLARED[why], code)
            return there and ours and ((new.path, at) in self.known or bool(alone))
        behind = [*self.rows[new.path], (0, 0, b"", ["", "", 0])][at + 1][3]  # begins where what is replaced ended
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
        pattern, around = (CLIMB, (b"", b": ")) if why == "path" else (SCOPE, (b"pub ( ", b") "))
        fits = re.fullmatch(pattern, code) and re.fullmatch(pattern, was)
        return fits is not None and ahead.endswith(around[0]) and follows == around[1]


def certify(text: bytes, name: str, previous: str | None, old: Files, new: Files) -> list[tuple[str, int, str]]:
    """Reasons (path, line, what is wrong) not to believe a receipt; `previous` is the digest of the one before it."""
    wrong: list[tuple[str, int, str]] = []
    try:
        raw = json.loads(text, object_pairs_hook=lambda row: dict(row) if len(dict(row)) == len(row) else None)
        if raw["format"] != 2 or len(raw) != 22 or not {"name", "plan", "time"} <= raw.keys():  # the rest is read below
            return [(name, 1, "has another format than 2, or other fields")]
        said = json.dumps({key: raw[key] for key in raw if key != "sha256"}, sort_keys=True, separators=(",", ":"))
        states = [f"{c['outcome']} {c['compared'] > 0} {c['compared'] == c['equal']}" for c in raw["checks"]]
        skipped = sorted(c["name"] for c in raw["checks"] if c["outcome"] == "skipped")
        paths, written = [raw["source"], *raw["before"], *raw["after"]], {p for p, d in raw["after"].items() if d}
        unknown = raw["before"].keys() - raw["after"].keys() or raw["modes"].keys() ^ raw["before"].keys()
        claims = {
            "was edited: `sha256` is not that of the rest": raw["sha256"] != sha256(said.encode()).hexdigest(),
            "does not follow the receipt of the phase before": raw["previous"] != previous,
            "has not the checks of its level": [c["name"] for c in raw["checks"]] != CHECKS[: LEVELS[raw["level"]]],
            "has a wrong verdict": raw["verdict"] != "passed" or states[0][0] != "p" or not {*states} <= SOUND,
            "has findings, or none were looked for": any(c["findings"] or {*c} != CHECK for c in raw["checks"]),
            "has accepted other checks than were skipped": raw["accepted"] != skipped,
            "says not what made it": not (raw["tool"] and (raw["rustc"] or raw["level"] == "source")),
            "has paths out of the tree": any(re.search(r"[\\:\0]|(^|/)\.{0,2}(/|$)", path) for path in paths),
            "has pieces of other files than it wrote": bool(written ^ raw["pieces"].keys() or unknown),
        }
        wrong += [(name, 1, claim) for claim, holds in claims.items() if holds]
        given = [(p, d, side.get(p)) for side, key in ((old, "before"), (new, "after")) for p, d in raw[key].items()]
        wrong += [(p, 1, "has other bytes") for p, d, b in given if d != (b if b is None else sha256(b).hexdigest())]
        case = _Case(raw, old, new)
        faults = [*case.account()] or [*case.standing(), *case.reasons()]
        return wrong + [(file.path, file.data.count(b"\n", 0, max(0, at)) + 1, what) for file, at, what in faults]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        return wrong or [(name, 1, f"is no receipt, or a damaged one ({type(error).__name__}: {error})")]
