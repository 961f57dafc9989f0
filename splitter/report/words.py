"""Small wordings that every report shares, so that all of them say a thing the same way.

Invariant: knows no format; what comes out is plain text without control characters.
"""

_CALLED = {
    "macro": "{}!",
    "impl": "impl {}",
    "use": "use {}",
    "mod": "mod {}",
    "extern": "extern {}",
    "note": "// {}",
}
_CONTROL = {code: "�" for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\t\n"}


def shown(key: str) -> str:
    """An item's key as a person would call the item: `rt_alloc`, `ensure!`, `impl Drop for Arena`."""
    kind, _, name = key.partition(":")
    return plain(_CALLED.get(kind, "{}").format(name) if name else key)


def listed(keys: tuple[str, ...], most: int = 3) -> str:
    """The first few items by name, and how many more there are."""
    rest = len(keys) - most
    names = ", ".join(shown(key) for key in keys[:most])
    return f"{names} +{rest}" if rest > 0 else names


def counted(number: int, noun: str) -> str:
    """`1 line`, `2,000 lines`, `3 libraries`."""
    if number == 1:
        return f"1 {noun}"
    ends = noun.endswith("y") and noun[-2:-1] not in "aeiou"
    return f"{number:,} {noun[:-1]}ies" if ends else f"{number:,} {noun}s"


def time_of(seconds: float) -> str:
    """Seconds as a short text: `0.4 s`, `75 s`; nothing for no time at all."""
    if seconds <= 0:
        return ""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def share_of(part: int, whole: int) -> str:
    """A share in whole percent, `–` of nothing; all but one is never 100 %."""
    if whole <= 0:
        return "–"
    return f"{100 * part // whole} %"


def plain(text: str) -> str:
    """Text from a compiler or a source file, without what a terminal would obey."""
    return text.replace("\r\n", "\n").translate(_CONTROL)
