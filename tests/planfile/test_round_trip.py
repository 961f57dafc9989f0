"""A plan survives its file, whatever its texts are, and its file is laid out to be read."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitter.errors import PlanError
from splitter.model.plan import Layout, Module, Phase, Plan
from splitter.plan_shape import KEYWORDS
from splitter.planfile import dump, load

SHA = "0" * 64
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
PARTS = st.from_regex(r"[a-z_][a-z0-9_]{0,7}", fullmatch=True).filter(lambda p: p not in KEYWORDS and p != "_")
MODULE_PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
SOURCE_PATHS = st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".rs")


@st.composite
def plans(draw):
    layout = draw(st.sampled_from(Layout))
    paths = iter(draw(st.lists(MODULE_PATHS, min_size=6, max_size=6, unique=True)))
    keys = draw(st.lists(TEXTS, min_size=6, max_size=40, unique=True))
    share = len(keys) // 6
    phases = []
    for number in (1, 2, 3)[: draw(st.integers(0, 3))]:
        modules = []
        for _ in range(draw(st.integers(1, 2))):
            items, keys = tuple(keys[:share]), keys[share:]
            locked = draw(st.lists(st.sampled_from(items), unique=True))
            modules.append(Module(next(paths), draw(TEXTS), items, tuple(locked)))
        phases.append(Phase(number, draw(TEXTS), draw(TEXTS), tuple(modules)))
    source = draw(SOURCE_PATHS)
    accepted = draw(st.lists(TEXTS, max_size=4))
    return Plan(source, SHA, tuple(phases), layout, tuple(accepted))


@given(plans())
def test_a_plan_comes_back_as_it_went(plan):
    assert load(dump(plan), "plan.toml") == plan


@given(plans())
def test_the_text_is_stable(plan):
    text = dump(plan)
    assert dump(load(text, "plan.toml")) == text


EXAMPLE = Plan(
    source="src/ffi.rs",
    sha256=SHA,
    phases=(
        Phase(
            number=1,
            name="core values",
            reason="no other domain has to move first",
            modules=(
                Module(
                    "value_ops",
                    "Creating, reading and classifying runtime values.",
                    ("fn:rt_value_int", "fn:rt_value_float"),
                    ("fn:rt_value_int",),
                ),
                Module("hash/sha1", 'SHA-1, "the old one".', tuple(f"fn:rt_sha1_{n}" for n in range(10))),
            ),
        ),
    ),
)


def test_layout_of_the_text():
    assert dump(EXAMPLE).split("\n\n", 1)[1] == (
        """\
format = 1

[source]
path   = "src/ffi.rs"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"  # the source before phase 1; \
later states are known by their receipts
layout = "inline"

[[phase]]
number = 1
name   = "core values"
reason = "no other domain has to move first"

  [[phase.module]]
  path   = "value_ops"
  doc    = "Creating, reading and classifying runtime values."
  items  = ["fn:rt_value_int", "fn:rt_value_float"]
  locked = ["fn:rt_value_int"]

  [[phase.module]]
  path   = "hash/sha1"
  doc    = "SHA-1, \\"the old one\\"."
  items  = [
    "fn:rt_sha1_0",
    "fn:rt_sha1_1",
    "fn:rt_sha1_2",
    "fn:rt_sha1_3",
    "fn:rt_sha1_4",
    "fn:rt_sha1_5",
    "fn:rt_sha1_6",
    "fn:rt_sha1_7",
    "fn:rt_sha1_8",
    "fn:rt_sha1_9",
  ]
"""
    )


def test_the_head_explains_the_file():
    head = dump(EXAMPLE).split("\n\n", 1)[0]
    assert all(line.startswith("# ") for line in head.splitlines())
    assert "locked" in head


def test_one_more_item_is_one_more_line():
    first, second = EXAMPLE.phases[0].modules
    grown = Module(second.path, second.doc, (*second.items, "fn:rt_sha1_more"))
    more = Plan(EXAMPLE.source, SHA, (Phase(1, "core values", EXAMPLE.phases[0].reason, (first, grown)),))
    assert set(dump(more).splitlines()) - set(dump(EXAMPLE).splitlines()) == {'    "fn:rt_sha1_more",'}


@pytest.mark.parametrize("key", ['impl:From<\'a> for "x"', "note:a # b", "call:\\d", "fn:é\x7f\x00\n"])
def test_keys_may_hold_anything(key):
    plan = Plan("a.rs", SHA, (Phase(1, "", "", (Module("m", "", (key,)),)),))
    assert tomllib.loads(dump(plan))["phase"][0]["module"][0]["items"] == [key]
    assert load(dump(plan), "plan.toml") == plan


def test_texts_that_are_optional_may_be_left_out():
    text = f"""
        format = 1
        source = {{ path = "a.rs", sha256 = "{SHA}" }}
        phase = [{{ number = 1, name = "one", module = [{{ path = "m", items = ["fn:f"] }}] }}]
    """
    assert load(text, "plan.toml") == Plan("a.rs", SHA, (Phase(1, "one", "", (Module("m", "", ("fn:f",)),)),))


def test_a_byte_order_mark_and_crlf_are_no_matter():
    assert load("\ufeff" + dump(EXAMPLE).replace("\n", "\r\n"), "plan.toml") == EXAMPLE


def test_nothing_at_all_is_refused():
    with pytest.raises(PlanError):
        load("", "plan.toml")
