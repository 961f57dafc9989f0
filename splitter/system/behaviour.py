"""Plays the same sequences to two libraries and notes where their answers differ.

Invariant: Hypothesis draws the sequences, the same ones in every run, and makes those that differ as short as they go;
a difference counts only if it comes again and neither library differs from itself, in another process too.
"""

import contextlib
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from splitter.model.calls import TOO_LATE, Behaviour, Call, Difference, Earlier, Sequence, Transcript
from splitter.model.signature import Function
from splitter.system.confine import FILES, NETWORK, PROCESSES
from splitter.system.player import Player, open_player
from splitter.verify.sequences import callable_types, families, makers, needed_types, sequences

EXAMPLES = 12
_AGAIN = 2
_SHRINKING = 120
_PATIENCE = 4
_MOST_DIFFERENCES = 10
_REACH = {
    FILES: re.compile(r"(?:^|_)(?:file|fs|dir|mkdir|unlink|remove|rename|copy|path|walk|open|write|save|dump)(?:_|$)"),
    NETWORK: re.compile(r"(?:^|_)(?:tcp|udp|http|net|socket|connect|bind|listen)(?:_|$)"),
    PROCESSES: re.compile(r"(?:^|_)(?:process|proc|spawn|exec|fork|kill|signal|system)(?:_|$)"),
}


@dataclass
class _Game:
    """Both libraries, and what is known of their functions so far."""

    before: Player
    twin: Player
    after: Player
    exercised: Counter[str] = field(default_factory=Counter)
    unstable: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    slow: Counter[str] = field(default_factory=Counter)
    found: list[Difference] = field(default_factory=list)
    played: int = 0


def compare_behaviour(
    before: Path,
    after: Path,
    known: Mapping[str, Function],
    moved: Mapping[str, str],
    vectors: Iterable[Sequence] = (),
    progress: Callable[[str], None] | None = None,
) -> Behaviour:
    """Play sequences to the libraries of two trees.

    `known` are the functions that are exported, by symbol; `moved` says to which module an item went: what went is
    called, among what belongs to it. `vectors` are sequences to play as they are. Raises `ToolError` where a library
    cannot be loaded.
    """
    left_out = {name: why for name, function in known.items() if (why := callable_types(function))}
    usable = {name: function for name, function in known.items() if name not in left_out}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="splitter-calls-")))
        first, twin, second = (
            stack.enter_context(open_player(library, usable, folder / "w")) for library in (before, before, after)
        )
        left_out |= dict.fromkeys(first.missing | second.missing, "is not exported by both libraries")
        left_out |= dict(_beyond(usable, first.shut & second.shut))
        usable = {name: function for name, function in usable.items() if name not in left_out}
        game = _Game(first, twin, second)
        for sequence in vectors:
            if all(call.symbol in usable for call in sequence):
                _compare(game, sequence)
        for name, family in families(usable.values(), moved).items():
            subjects = tuple(function for function in family if function.item in moved)
            if subjects and progress is not None:
                progress(f"calling {name} in both libraries")
            _play_family(game, subjects, family, usable)
    return Behaviour(
        exercised=dict(sorted((game.exercised - Counter(dict.fromkeys(game.unstable, 1 << 30))).items())),
        sequences=game.played,
        differences=tuple(game.found),
        unstable=tuple(sorted(game.unstable)),
        left_out={name: why for name, why in sorted(left_out.items()) if known[name].item in moved},
        confined=", ".join(sorted(first.shut & second.shut)),
    )


def _beyond(usable: Mapping[str, Function], shut: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Functions that by their names want what the caller could not be kept from."""
    for what, words in _REACH.items():
        if what not in shut:
            reason = f"may reach {what} of this machine, which cannot be shut off here"
            yield from ((name, reason) for name in usable if words.search(name))


def _play_family(
    game: _Game, subjects: tuple[Function, ...], family: tuple[Function, ...], usable: Mapping[str, Function]
) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis.errors import Flaky

    helpers = makers(usable.values(), needed_types(family))
    quick = settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    for subject in subjects:
        if len(game.found) >= _MOST_DIFFERENCES:
            return
        seen: list[Difference] = []
        with contextlib.suppress(AssertionError, Flaky):
            quick(given(sequences(subject, family, helpers))(_holding(game, seen)))()
        sure = [one for one in seen if one.symbol not in game.unstable]
        for one in sorted(sure, key=lambda one: (len(one.sequence), len(str(one.sequence))))[:1]:
            game.found.append(_shortened(game, one))
            game.settled.add(one.symbol)


def _holding(game: _Game, seen: list[Difference]) -> Callable[[Sequence], None]:
    """What fails where the libraries differ, for Hypothesis to look for a shorter sequence that does, for a while."""
    patience = _SHRINKING

    def hold(sequence: Sequence) -> None:
        nonlocal patience
        patience -= bool(seen)
        if patience < 0:
            return
        difference = _compare(game, sequence)
        if difference is not None:
            seen.append(difference)
            if TOO_LATE in difference.before + difference.after:
                patience = min(patience, 1)  # each takes its time
            raise AssertionError(difference.symbol)

    return hold


def _compare(game: _Game, sequence: Sequence) -> Difference | None:
    """The first difference of two libraries that is none of a library with itself."""
    sequence = _quick(game, sequence)
    game.played += 1
    ours, theirs = game.before.play(sequence), game.after.play(sequence)
    for transcript in (ours, theirs):
        if transcript.end == TOO_LATE and len(transcript.answers) < len(sequence):
            game.slow[sequence[len(transcript.answers)].symbol] += 1
    while True:
        doubtful = _doubtful(sequence, game.unstable)
        at = _first_difference(sequence, ours, theirs, doubtful)
        if at is None:
            sure = (call.symbol for k, call in enumerate(sequence[: len(ours.answers)]) if k not in doubtful)
            game.exercised.update(set(sure))
            return None
        symbol = sequence[min(at, len(sequence) - 1)].symbol
        if _comes_again(game, sequence, at, (_line(ours, at), _line(theirs, at))):
            return Difference(symbol, sequence[: at + 1], _line(ours, at), _line(theirs, at))
        if any(k < at for k in doubtful):
            return None  # what an unstable function left behind, and no fault of this one
        game.unstable.add(symbol)


def _comes_again(game: _Game, sequence: Sequence, at: int, lines: tuple[str, str]) -> bool:
    """Say whether a difference is there each time, and the library before has one answer in two processes."""
    for _ in range(_AGAIN):
        again = tuple(_line(player.play(sequence), at) for player in (game.before, game.twin, game.after))
        if again != (lines[0], *lines):
            return False
    return True


def _shortened(game: _Game, difference: Difference) -> Difference:
    """The difference without the calls that it does not need."""
    at = len(difference.sequence) - 2
    while at >= 0:
        shorter = _without(difference.sequence, at)
        found = None if shorter is None else _compare(game, shorter)
        difference = found if found is not None and found.symbol == difference.symbol else difference
        at = min(at, len(difference.sequence) - 1) - 1
    return difference


def _without(sequence: Sequence, gone: int) -> Sequence | None:
    """The sequence without a call; None where a later one takes what it gave."""
    row: list[Call] = []
    for at, call in enumerate(sequence):
        taken = [argument.call for argument in call.arguments if isinstance(argument, Earlier)]
        if gone in taken:
            return None
        if at != gone:
            arguments = (Earlier(a.call - (a.call > gone)) if isinstance(a, Earlier) else a for a in call.arguments)
            row.append(Call(call.symbol, tuple(arguments)))
    return tuple(row)


def _quick(game: _Game, sequence: Sequence) -> Sequence:
    """The sequence up to a call that is known to differ, or has not come back too often."""
    known = (k for k, c in enumerate(sequence) if c.symbol in game.settled or game.slow[c.symbol] >= _PATIENCE)
    return sequence[: next(known, len(sequence))]


def _doubtful(sequence: Sequence, unstable: set[str]) -> frozenset[int]:
    """Calls of unstable functions, and those that are passed what one of these gave."""
    found: set[int] = set()
    for at, call in enumerate(sequence):
        fed = any(isinstance(a, Earlier) and a.call in found for a in call.arguments)
        if call.symbol in unstable or fed:
            found.add(at)
    return frozenset(found)


def _first_difference(sequence: Sequence, ours: Transcript, theirs: Transcript, doubtful: frozenset[int]) -> int | None:
    """Index of the first call whose answers differ; behind the last call where only the output does."""
    for at in range(len(sequence)):
        if at not in doubtful and _line(ours, at) != _line(theirs, at):
            return at
    return len(sequence) if not doubtful and _line(ours, len(sequence)) != _line(theirs, len(sequence)) else None


def _line(transcript: Transcript, at: int) -> str:
    """The answer to a call, or how the process ended instead; behind the end what it printed."""
    if at < len(transcript.answers):
        return transcript.answers[at]
    return f"{transcript.end}, printed {transcript.output!r}"
