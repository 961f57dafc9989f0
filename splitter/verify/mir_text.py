"""MIR as rustc prints it, cut into bodies and made canonical.

Source: rustc's `rustc_middle::mir::pretty`, whose format this follows from 1.78 on.
What a move changes in the text and not in the meaning: the path of the module, source spans (they become the
enclosing item and the text that they cover), numbers of definitions, and numbers of allocations (they become a digest
of the content, followed through).
Invariant: nothing else is thought away; bodies are compared whole.
"""

import hashlib
import json
import re
from bisect import bisect_right
from dataclasses import dataclass, replace

from splitter.model.evidence import TRIMMED_MIR, Scope
from splitter.model.source import Item, SourceFile, Span
from splitter.verify.canonical import Place, canonical
from splitter.verify.mir_paths import module_prefixes, without_impl_places
from splitter.verify.places import module_of

_SPAN = re.compile(r"(?<=[@ ])([^\s@:{}<>]+\.rs):(\d+):(\d+): (\d+):(\d+)")
_FN = re.compile(r"^(?:// MIR FOR CTFE\n)?fn (.*?)\((?:_\d|\))", re.DOTALL)
_VALUE = re.compile(r"^(?:const|static(?: mut)?|promoted\[\d+\] in) ((?:<impl at [^>]*>|::|[^:])+?): ")
_ALLOC_HEAD = re.compile(r"^alloc(\d+) \((.*?)\)")
_ALLOC_BYTES = re.compile(r"╾─*(?:alloc|ALLOC|a|A)(\d+)([^─╼]*)─*╼")
_ALLOC = re.compile(r"(?<=[{ ])(?<!debug )alloc(\d+)(?=[:<+,} ])")
_COMMENT = re.compile(r"\s+// .*$", re.MULTILINE)
_IMPL = re.compile(r"<impl at ([^\s:]+):(\d+):(\d+): ")
_DEFINITION = re.compile(r"(?<=\bDefId\()\d+:\d+ ~ (\w+)\[[0-9a-f]+\]::")
_TEXT_HEAD = re.compile(r"\(size: \d+, align: 1\) \{")
#: An allocation that rustc numbers and does not print: its number says nothing.
_UNSEEN = "alloc"
_SHOWN_BYTES = re.compile(r" +│[^│\n]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Body:
    """A canonical body: its name, its code, the contents that it refers to, and the name as rustc printed it."""

    name: str
    code: str
    printed: str
    constants: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All that counts: the code with the contents."""
        return "\n".join((self.code, *self.constants))


def read_bodies(dump: str, sources: dict[str, SourceFile], scope: Scope) -> list[Body]:
    """Bodies of functions, constants, statics and promoted values in a dump, in canonical form."""
    trimmed = dump.startswith(TRIMMED_MIR)
    dump = "\n".join(line for line in dump.split("\n") if not line.startswith("// ") or "CTFE" in line)
    chunks = _chunks(dump)
    contents = {int(head[1]): chunk for chunk in chunks if (head := _ALLOC_HEAD.match(chunk)) is not None}
    simplify = _Simplify(scope, sources, trimmed=trimmed)
    digests = {number: _content(number, contents, simplify, ()) for number in contents}
    bodies: list[Body] = []
    behind: list[str] = []
    for chunk in (*chunks, ""):
        head = _ALLOC_HEAD.match(chunk)
        if head is not None:
            behind.append(digests[int(head[1])])
            continue
        if bodies and behind:
            # In which order rustc numbers a body's constants says nothing, nor whether two of one content are one.
            bodies[-1] = replace(bodies[-1], constants=tuple(sorted(set(behind))))
            behind = []
        if not chunk:
            break
        named = _FN.match(chunk) or _VALUE.match(chunk)
        printed = named[1] if named else chunk.split("\n", 1)[0]
        text = _ALLOC.sub(lambda found: digests.get(int(found[1]), _UNSEEN), simplify(_COMMENT.sub("", chunk)))
        bodies.append(Body(simplify(printed), text, printed))
    return bodies


def place_of_body(body: Body, sources: dict[str, SourceFile], scope: Scope) -> tuple[SourceFile, Item] | None:
    """File and item that a body comes from, as far as its printed name tells."""
    impl = _IMPL.search(body.printed)
    if impl is not None and impl[1] in sources:
        source = sources[impl[1]]
        return source, _item_at(source, int(impl[2]))
    segments = tuple(body.printed.split("::"))
    inmost_first = sorted(sources.values(), key=lambda source: -len(module_of(scope, source.path)))
    for source in inmost_first:
        module = module_of(scope, source.path)
        name = segments[len(module)] if segments[: len(module)] == module and len(segments) > len(module) else None
        item = next((item for item in source.items if name is not None and item.name == name), None)
        if item is not None:
            return source, item
    return None


class _Simplify:
    """Takes modules of the split out of paths, and positions out of spans."""

    def __init__(self, scope: Scope, sources: dict[str, SourceFile], *, trimmed: bool) -> None:
        self.scope = scope
        self.sources = sources
        self.keeps = "" if trimmed else "".join(f"{name}::" for name in scope.parent)
        self.paths = module_prefixes(scope, sources, trimmed=trimmed)
        self.seen: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        if ".rs:" in text:
            text = _SPAN.sub(self._span, text)
        if "DefId(" in text:
            text = _DEFINITION.sub(r"\1 ", text)
        text = self.paths.sub(self.keeps, text) if self.paths else text
        return without_impl_places(text) if "<impl " in text else text

    def _span(self, found: re.Match[str]) -> str:
        if found[1] not in self.sources:
            return found[0]
        if found[0] not in self.seen:
            self.seen[found[0]] = self._described(found)
        return self.seen[found[0]]

    def _described(self, found: re.Match[str]) -> str:
        source = self.sources[found[1]]
        start = offset_at(source, int(found[2]), int(found[3]))
        end = max(start, offset_at(source, int(found[4]), int(found[5])))
        item = _item_at(source, int(found[2]))
        place = Place(self.scope, source.path, module_of(self.scope, source.path))
        text = " ".join(part for part, _ in canonical(source.data, Span(start, end), place))
        return f"[{item.key.split('#')[0]}|{text}]"


def _chunks(dump: str) -> list[str]:
    """Top-level pieces of a dump: a line that begins at the margin, to the brace that closes it."""
    chunks: list[str] = []
    row: list[str] = []
    for line in dump.split("\n"):
        if not row and not line.strip():
            continue
        row.append(line)
        if line.startswith("//") and len(row) == 1:
            continue
        opened = len(row) > 1 and not (len(row) == 2 and row[0].startswith("//"))
        if (opened and line.startswith("}")) or (not opened and not line.endswith("{")):
            chunks.append("\n".join(row))
            row = []
    return [*chunks, "\n".join(row)] if row else chunks


def _content(number: int, contents: dict[int, str], simplify: _Simplify, above: tuple[int, ...]) -> str:
    """Digest of an allocation, of what it points to included; one that leads back to itself counts by its distance.

    A text is shown as it is.
    """
    if number in above:
        return f"back {len(above) - above.index(number)}"
    chunk = contents.get(number)
    if chunk is None:
        return _UNSEEN
    head, _, rest = chunk.partition("\n")
    head = simplify(_ALLOC_HEAD.sub(r"(\2)", head, count=1))
    if "static:" in head or "fn:" in head or "vtable:" in head:
        # Named things are compared where they are defined; their content is their own body's business.
        return f"<{head.split(', size')[0]}>"
    text = _text(head, rest)
    if text is not None:
        return f"<{json.dumps(text)}>"
    inside = _ALLOC_BYTES.sub(
        lambda found: _content(int(found[1]), contents, simplify, (*above, number)) + found[2],
        _SHOWN_BYTES.sub("", rest),
    )
    return "<" + hashlib.sha256(f"{head}\n{inside}".encode()).hexdigest()[:16] + ">"


def _text(head: str, rows: str) -> str | None:
    """The text that an allocation holds, if it is nothing else."""
    if not _TEXT_HEAD.fullmatch(head):
        return None
    columns = [line.split("│") for line in rows.split("\n")[:-1]]
    words = [word for row in columns for word in row[-2 if len(row) > 1 else 0].split()]
    try:
        text = bytes.fromhex("".join(words)).decode() if all(len(word) == 2 for word in words) else ""
    except ValueError:
        return None
    return text if text.isprintable() and text else None


def _item_at(source: SourceFile, line: int) -> Item:
    offset = source.line_starts[min(line, len(source.line_starts)) - 1]
    ends = [item.span.end for item in source.items]
    return source.items[min(bisect_right(ends, offset), len(source.items) - 1)]


def offset_at(source: SourceFile, line: int, column: int) -> int:
    """Byte offset of a line and column as rustc counts them: columns are characters."""
    start = source.line_starts[min(line, len(source.line_starts)) - 1]
    end = source.data.find(b"\n", start)
    text = source.data[start : end if end >= 0 else len(source.data)].decode("utf-8", "replace")
    return start + len(text[: column - 1].encode())
