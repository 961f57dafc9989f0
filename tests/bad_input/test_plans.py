"""Plans with every kind of mistake: all of them are named at once, with line and suggestion."""

import hashlib

import pytest
from trial import PLAN, SOURCE

SHAPE = """\
format = 2
colour = "blue"

[source]
path   = "../elsewhere/ffi.rs"
sha256 = "nonsense"
layout = "inlin"

[[phase]]
number = 1
name   = "one"
reason = "why"

  [[phase.module]]
  path  = "no identifier"
  doc   = "x"
  items = ["fn:rt_alloc", "fn:rt_alloc"]
  lokced = []

[[phase]]
number = 3
name   = 5
reason = "why"

  [[phase.module]]
  path  = "fn"
  doc   = "x"
  items = ["fn:rt_alloc"]

  [[phase.module]]
  path  = "empty"
  doc   = "x"
  items = []
"""

MEANING = """\
format = 1

[source]
path   = "src/ffi.rs"
sha256 = "{digest}"
layout = "inline"

[[phase]]
number = 1
name   = "one"
reason = "why"

  [[phase.module]]
  path  = "memory"
  doc   = "x"
  items = ["fn:rt_alocc", "use:HashMap", "struct:Value"]

  [[phase.module]]
  path  = "std"
  doc   = "x"
  items = ["fn:rt_free"]

  [[phase.module]]
  path  = "tiny"
  doc   = "x"
  items = ["fn:rt_step"]
"""


def problems(said):
    return said.err.splitlines()[:-1]


def test_every_mistake_of_shape_at_once(trial):
    trial.path(PLAN).write_text(SHAPE)
    said = trial.refused(2, "plan", PLAN, "--check")
    assert said.err.splitlines()[-1].endswith("problems; nothing was changed")
    for told in (
        "split.toml:1:",  # the format
        "unknown key `colour`",
        "split.toml:5:",  # a path that leads out
        "split.toml:6:",  # the digest
        "did you mean `inline`",
        "no identifier",
        "unknown key `lokced`",
        "did you mean `locked`",
        "split.toml:22:",  # a name that is a number
        "`fn`",
        "`fn:rt_alloc`",
        "split.toml:31:",  # a module without items
    ):
        assert told in said.err, f"{told}\n{said.err}"
    for command in (("apply", PLAN, "--level", "source"), ("status", PLAN), ("undo", PLAN), ("verify", PLAN)):
        assert problems(trial.refused(2, *command)) == problems(said)


def test_every_mistake_of_meaning_at_once(trial):
    digest = hashlib.sha256(trial.path().read_bytes()).hexdigest()
    trial.path(PLAN).write_text(MEANING.format(digest=digest))
    said = trial.refused(2, "plan", PLAN, "--check")
    for told in (
        "`fn:rt_alocc` is not in src/ffi.rs (did you mean `fn:rt_alloc`?)",
        "use:",
        "module `std` shadows `std`",
        "module `tiny` shadows `tiny`",
    ):
        assert told in said.err, f"{told}\n{said.err}"
    assert len(problems(said)) >= 4
    assert all(line.startswith("split.toml:") for line in problems(said))
    assert problems(trial.refused(2, "apply", PLAN, "--level", "source")) == problems(said)


def test_mistakes_are_values_for_scripts(trial):
    trial.path(PLAN).write_text(SHAPE)
    shape = trial.refused(2, "plan", PLAN, "--check", "--format", "json").json
    assert len(shape["problems"]) > 5
    assert all(p["path"] == PLAN and p["line"] > 0 and p["message"] for p in shape["problems"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"no toml",
        b"format = ",
        b"\xff\xfe",
        b"{}",
        b"[source]\n",
        b"format = 1\n",
        b"a = 1\na = 2\n",
        b"\0",
    ],
)
def test_what_is_no_plan_at_all(trial, data):
    trial.path(PLAN).write_bytes(data)
    for command in (("plan", PLAN, "--check"), ("apply", PLAN), ("status", PLAN), ("undo", PLAN)):
        said = trial.refused(2, *command)
        assert said.err.startswith(f"{PLAN}:")


def test_a_fresh_plan_overwrites_nothing_that_is_no_plan(trial):
    trial.refused(2, "plan", SOURCE, "-o", "Cargo.toml")
    trial.path("mine.toml").write_text("x = 1\n")
    trial.refused(2, "plan", SOURCE, "-o", "mine.toml")


def test_two_plans_of_one_source_do_not_mix(trial):
    """The second plan knows nothing of what the first has moved."""
    trial.apply()
    trial.path("other.toml").write_text(trial.path(PLAN).read_text().replace('"value_ops"', '"ops"'))
    said = trial.refused(2, "apply", "other.toml", "--level", "source")
    assert "module `ops` is new in phase 1, which is applied already" in said.err
