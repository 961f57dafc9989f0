"""A C or C++ header cut into its top-level declarations.

Source: ISO C, "Lexical elements" and "Preprocessing directives", as far as headers that a program writes use them.
Invariant: no token and no comment is left out; each declaration keeps the comments before it and the conditions
(`#if`), linkage and namespaces that it stands in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
    |(?P<directive>(?:^|(?<=\n))[ \t]*\#(?:[^\n\\/]|\\\n|\\.|/(?!\*))*)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\w+|::|->|.)""",
    re.DOTALL | re.VERBOSE,
)
_FRAME = re.compile(r'^(?:extern "C"|(?:inline )?namespace(?: \w+)*(?: :: \w+)*)$')
_TYPE = frozenset(("struct", "enum", "union", "class", "typedef"))
_OPENS, _CLOSES = frozenset("({["), frozenset(")}]")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration, directive or free comment: its canonical text, the name it declares, and its line."""

    text: str
    name: str
    line: int


def read_declarations(header: str) -> list[Declaration]:
    """Top-level declarations of a header, in order."""
    cutter = _Cutter([])
    for kind, text, line, gap in _tokens(header.replace("\r\n", "\n")):
        cutter.take(kind, text, line, gap)
    cutter.end()
    return cutter.found


@dataclass(slots=True)
class _Cutter:
    """What was read so far; `ended` says what the last token ended, if anything."""

    found: list[Declaration]
    conditions: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    depth: int = 0
    first: int = 0
    ended: str = ""

    def take(self, kind: str, text: str, line: int, gap: int) -> None:
        """Take the next token, which stands `gap` lines below the one before."""
        if self.ended == "body" and text == ";":
            self.ended = ""
            return
        ended, self.ended = self.ended, ""
        if gap > 1 and self.comments and not self.row:
            self.end()  # a blank line parts a comment from what follows
        if not self.row and not self.comments:
            self.first = line
        if kind == "comment":
            self._comment(text, follows=ended if gap == 0 else "")
        elif kind == "directive" and not self.row:
            self._directive(text)
        else:
            self._token(text)

    def end(self) -> None:
        """What was read since the last declaration is one."""
        if self.comments or self.row:
            frames = [f"[{frame}]" for frame in (*self.conditions, *self.blocks)]
            text = " ".join((*frames, *self.comments, *self.row))
            self.found.append(Declaration(text, _name(self.row), self.first))
        self.comments, self.row, self.depth = [], [], 0

    def _comment(self, text: str, follows: str) -> None:
        if follows in ("declaration", "body") and not self.row and self.found:
            last = self.found[-1]
            self.found[-1] = replace(last, text=f"{last.text} {text}")
            self.ended = "declaration"
            return
        (self.row or self.comments).append(text)
        if follows == "frame":
            self.end()

    def _directive(self, text: str) -> None:
        word = text.removeprefix("#").strip()
        text = f"#{word}"
        self.ended = "frame"
        if word.startswith("if"):
            self.conditions.append(text)
        elif word.startswith("el"):
            last = self.conditions.pop() if self.conditions else ""
            self.conditions.append(f"{last} {text}")
        elif word.startswith("endif"):
            self.conditions[-1:] = []
        else:
            self.row = [text]
            self.end()
            self.ended = "declaration"

    def _token(self, text: str) -> None:
        head = " ".join(self.row)
        if text == "{" and self.depth == 0 and _FRAME.match(head):
            self.blocks.append(head)
            self.row, self.ended = [], "frame"
            return
        if text == "}" and not self.row:
            self.blocks[-1:] = []
            self.ended = "frame"
            return
        self.row.append(text)
        self.depth += (text in _OPENS) - (text in _CLOSES)
        if self.depth == 0 and (text == ";" or (text == "}" and _is_body(self.row))):
            self.end()
            self.ended = "declaration" if text == ";" else "body"


def _tokens(header: str) -> Iterator[tuple[str, str, int, int]]:
    """Tokens with their kind, their line, and how many lines they stand below the one before."""
    line, gap = 1, 0
    for found in _TOKEN.finditer(header):
        text = found[0]
        if text.isspace():
            gap += text.count("\n")
        else:
            yield found.lastgroup or "text", re.sub(r"\s+", " ", text.strip()), line, gap
            gap = 0
        line += text.count("\n")


def _is_body(row: list[str]) -> bool:
    """Say whether the brace that just closed was the body of a function, which no `;` follows."""
    head = row[: row.index("{")] if "{" in row else row
    return ")" in head and not _TYPE.intersection(head[:1]) and "=" not in head


def _name(row: list[str]) -> str:
    """The name that a declaration gives, as far as its form tells."""
    if row and row[0].startswith("#"):
        defined = re.match(r"#\s*define\s+(\w+)", row[0])
        return defined[1] if defined is not None else row[0]
    if "{" in row and row[0] in _TYPE - {"typedef"}:
        return next((word for word in row[1:] if word not in _TYPE), "")
    depth = 0
    last = ""
    for word in row:
        if depth == 0 and word == "(" and last:
            return last
        depth += (word in _OPENS) - (word in _CLOSES)
        if depth == 0 and re.fullmatch(r"[A-Za-z_]\w*", word):
            last = word
    return last
