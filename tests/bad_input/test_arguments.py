"""Wrong options, wrong combinations, and errors that scripts read."""

import json
import os
import subprocess
import sys

import pytest
from trial import PLAN, ROOT, SOURCE

WRONG = [
    (),
    ("aply", PLAN),
    ("--nonsense",),
    ("plan",),
    ("plan", SOURCE, "--nonsense"),
    ("plan", SOURCE, "extra"),
    ("plan", SOURCE, "--format", "yaml"),
    ("plan", SOURCE, "--target-lines", "many"),
    ("plan", SOURCE, "--check"),
    ("plan", PLAN),
    ("plan", PLAN, "--check", "--refresh"),
    ("plan", PLAN, "--move", "nowhere"),
    ("plan", SOURCE, "-o", "plan.json"),
    ("apply", PLAN, "--phase", "one"),
    ("apply", PLAN, "--phase", "-1"),
    ("apply", PLAN, "--phase", "1", "--all"),
    ("apply", PLAN, "--dry-run", "--commit"),
    ("apply", PLAN, "--level", "highest"),
    ("apply", PLAN, "--accept-missing", "nothing"),
    ("apply", PLAN, "--format", "sarif"),
    ("apply", SOURCE),
    ("undo", PLAN, "--and-later"),
    ("graph", SOURCE),
    ("graph", SOURCE, "-o", "graph.png"),
    ("explain", "nothing"),
    ("demo", "src"),
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_arguments_are_exit_code_2(trial, arguments):
    said = trial.refused(2, *arguments)
    assert said.err.strip() or not arguments


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        *(((*arguments, "--format", "json"), 2) for arguments in WRONG if arguments and "--format" not in arguments),
        (("plan", "nowhere.rs", "--format", "json"), 3),
        (("plan", "src", "--format=json"), 3),
        (("status", "nowhere.toml", "--format", "json"), 3),
        (("verify", PLAN, "--format", "json"), 2),
        (("undo", PLAN, "--format", "json"), 2),
        (("plan", PLAN, "--explain", "fn:none", "--format", "json"), 2),
        (("apply", PLAN, "--phase", "3", "--level", "source", "--format", "json"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_every_error_is_json_where_that_is_asked_for(trial, arguments, code):
    said = trial.refused(code, *arguments)
    shape = json.loads(said.out)
    assert shape["error"]
    assert "advice" in shape
    assert "Traceback" not in said.err


def test_a_folder_that_is_gone(tmp_path):
    (tmp_path / "gone").mkdir()
    script = f"cd gone && rmdir ../gone && exec {sys.executable} -m splitter plan x.rs"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "the folder that you are in is gone" in done.stderr
