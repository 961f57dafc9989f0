"""Whatever goes wherever: no byte is lost or doubled, what is written parses, every item stands there once."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rust_files import real_files
from rust_text import rust_files
from snippet_tokens import item_tokens

from splitter.model.change import Added
from splitter.model.source import is_partition
from splitter.rewrite.move_items import move_items
from splitter.rewrite.places import Tree
from splitter.rewrite.world import World
from splitter.source.parse import parse

PLACES = [("alpha",), ("beta",), ("gamma", "inner"), ("gamma",)]
REAL = real_files()


def world_of(source, places, *, by_names, legacy=False):
    residue = ("ffi_legacy",) if legacy else ()
    return World(
        tree=Tree("src/ffi/mod.rs" if legacy else source.path, "src/ffi"),
        crate_path=("ffi",),
        source=source,
        residue_file="src/ffi_legacy.rs" if legacy else source.path,
        origin=(),
        residue=residue,
        places=places,
        docs={},
        planned=frozenset(places.values()),
        by_names=by_names,
    )


def assignment(source, choose):
    """A place for some of the movable items; a `mod x;` says where its file is, and stays."""
    free = [item for item in source.items if item.movable and not source.text(item.core).endswith(b";")]
    return {item.key: place for item in free if (place := choose(item)) is not None}


def must_hold(world):
    source = world.source
    change = move_items(world)
    for path, data in change.after().items():
        if data.strip():
            assert is_partition([item.span for item in parse(path, data).items], len(data))
    names = {part for place in (*world.places.values(), world.residue) for part in place}
    plan = SimpleNamespace(placed={name: name for name in names})
    before, after = item_tokens(change.before, plan), item_tokens(change.after(), plan)
    assert not before - after
    assert {kind for kind, _ in after - before} <= {"note"}  # comments of imports that went away
    added = [p for row in change.files.values() for p in row if isinstance(p, Added)]
    assert all(piece.text for piece in added)
    if source.data.endswith(b"\n"):
        assert all(data.endswith(b"\n") for data in change.after().values() if data)


@given(rust_files(), st.data())
@settings(max_examples=60)
def test_any_assignment_conserves_every_item(text, data):
    source = parse("src/ffi.rs", text)
    places = assignment(source, lambda item: data.draw(st.sampled_from([None, *PLACES])))
    legacy, by_names = data.draw(st.booleans()), data.draw(st.booleans())
    must_hold(world_of(source, places, by_names=by_names, legacy=legacy))


@pytest.mark.parametrize("path", REAL, ids=lambda path: "/".join(path.parts[-3:]))
def test_real_files_conserve_every_item(path):
    source = parse("src/ffi.rs", path.read_bytes())
    row = [None, *PLACES]
    for turn in (0, 1):
        numbers = {item.key: hash_of(item.key, turn) for item in source.items}
        places = assignment(source, lambda item, numbers=numbers: row[numbers[item.key] % len(row)])
        must_hold(world_of(source, places, by_names=bool(turn), legacy=bool(turn)))


def test_moving_nothing_changes_nothing():
    source = parse("src/ffi.rs", b"use std::mem;\n\npub fn a() -> usize {\n    mem::size_of::<u8>()\n}\n")
    assert move_items(world_of(source, {}, by_names=False)).after() == {"src/ffi.rs": source.data}


def hash_of(key, turn):
    """A number that is the same in every run."""
    return sum((turn + 3) * (index + 7) * byte for index, byte in enumerate(key.encode()))
