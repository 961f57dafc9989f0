"""One number or text of an honest receipt is changed, and the receipt is sealed anew: it is rejected all the same.

What is left are words that only describe, which nothing in the trees can contradict; these are known by their names.
"""

import copy
import json

import pytest
from forge import digest, receipts_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trial import make_trial, quiet_git

from splitter.certify import certify

#: Where a change of words is not seen in the trees: only the seal and the receipt behind it hold these.
DESCRIPTIVE = ("name", "tool", "rustc", "time", "plan", "modes", "phase", "source")
OF_CHECKS = ("seconds", "reason", "lawful", "compared and equal")


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """An honest receipt, as values, with what certifies it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("mutations")
        quiet_git(patch, folder.parent)
        trial = make_trial(folder / "tiny", layout="legacy")
        trial.apply("--all")
    raw = json.loads(receipts_of(trial)[1].read_bytes())
    copies = {digest(path.read_bytes()): path.read_bytes() for path in trial.root.glob(".splitter/base/*")}
    copies |= {digest(path.read_bytes()): path.read_bytes() for path in trial.root.rglob("*.rs")}
    sides = [{path: copies[name] for path, name in raw[side].items() if name} for side in ("before", "after")]
    return raw, (raw["previous"], *sides)


def leaves(value, place=()):
    """Places of all numbers and texts, keys of objects included."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaves(child, (*place, key))
            if place:
                yield (*place, ("key", key))
    elif isinstance(value, list):
        for at, child in enumerate(value):
            yield from leaves(child, (*place, at))
    elif isinstance(value, str | int | float):
        yield place


def is_descriptive(place):
    return place[0] in DESCRIPTIVE or (place[0] == "checks" and place[2] in OF_CHECKS)


def mutated(raw, place, number, text):
    """A copy with another value, or another key, at a place."""
    made = copy.deepcopy(raw)
    *way, last = place
    parent = made
    for step in way:
        parent = parent[step]
    if isinstance(last, tuple):
        parent[text] = parent.pop(last[1])
    elif isinstance(parent[last], str):
        parent[last] = text
    else:
        parent[last] += number
    return made


def sealed(raw):
    said = {key: value for key, value in raw.items() if key != "sha256"}
    name = digest(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())
    return json.dumps(said | {"sha256": name}).encode()


def test_the_honest_one_is_accepted(honest):
    raw, rest = honest
    assert certify(sealed(raw), "02.json", *rest) == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.integers(-9, 9).filter(bool), st.text(max_size=9))
def test_no_change_goes_unseen(honest, data, number, text):
    raw, rest = honest
    place = data.draw(st.sampled_from([place for place in leaves(raw) if place != ("sha256",)]))
    made = mutated(raw, place, number, text)
    if made == raw:
        return
    unsealed = json.dumps(made).encode()
    assert certify(unsealed, "02.json", *rest), "the seal holds every field"
    if not is_descriptive(place):
        assert certify(sealed(made), "02.json", *rest), place
