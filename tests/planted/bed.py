"""A crate that was split soundly, and what every check says of any other tree in its place.

Invariant: the split is the tool's own, from a plan that people reviewed; the trees are compared as those of a split
made by hand, so that no check can lean on a record of what the tool wrote.
"""

import hashlib
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from trial import ROOT, Trial

from splitter.model.check import Level, Outcome
from splitter.model.evidence import Evidence, Scope
from splitter.planfile import dump, load
from splitter.source.parse import parse
from splitter.system.tree import open_tree
from splitter.system.workbench import BuildOptions, CargoBench, open_workbench
from splitter.verify.checks import run_checks
from splitter.workflow.judge import evidence_of, played
from splitter.workflow.session import open_session

PLAN = "split.toml"
_MANIFEST = '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\n'
_IDENTITY = ("-c", "user.name=bed", "-c", "user.email=bed@localhost", "-c", "commit.gpgsign=false")


@dataclass
class Bed:
    """An open bed: `before` is what is known of the monolith, `sound` the files of the split."""

    bench: CargoBench
    scope: Scope
    before: Evidence
    sound: dict[str, bytes]
    standing: dict[str, bytes] = field(default_factory=dict)

    def judge(self, files, level=Level.FULL):
        """What every check of the level says of the monolith and a tree of these files, by name."""
        after = Evidence(files)
        if level is not Level.SOURCE:
            self._write(files)
            after = played(self.bench, self.before, evidence_of(self.bench, files, level), self.scope, level)
        return {check.name: check for check in run_checks(level, self.before, after, self.scope)}

    def judge_equal(self, level=Level.FULL):
        """The same of the sound split and itself."""
        self._write(self.sound)
        one = evidence_of(self.bench, self.sound, level)
        other = played(self.bench, one, evidence_of(self.bench, self.sound, level), self.scope, level)
        return {check.name: check for check in run_checks(level, one, other, self.scope)}

    def _write(self, files):
        self.bench.write({**dict.fromkeys(self.standing), **files})
        self.standing = files
        if isinstance(self.before.libraries, dict):
            for library in self.before.libraries.values():
                os.utime(library)  # the oldest are thrown away, and this one is loaded again and again


def caught(checks):
    """Names of the checks that see a fault."""
    return {name for name, check in checks.items() if check.outcome is Outcome.FAILED}


@contextmanager
def open_bed(recipe, folder, level=Level.FULL):
    """The bed of a recipe, laid out in a new folder; `level` is how much is gathered of the tree before.

    Raises `AssertionError` where the tool does not split the crate, and what the tool raises.
    """
    shutil.rmtree(folder, ignore_errors=True)
    tree = Trial(folder)
    features = ("--features", ",".join(recipe.features)) if recipe.features else ()
    source = _lay_out(recipe, folder)
    tree.done("apply", PLAN, "--all", "--level", "quick", *features)
    disk, text = open_tree(folder / PLAN), (folder / PLAN).read_text(encoding="utf-8")
    session = open_session(disk, text, PLAN)
    monolith = {source: disk.base(session.receipts[0].before[source])}
    with open_workbench(disk.root, source, BuildOptions(features=recipe.features)) as bench:
        placed = session.plan.placed
        bench.prepare(cfg for item in parse(source, monolith[source]).items if item.key in placed for cfg in item.cfgs)
        scope = Scope(
            crate=bench.crate,
            parent=session.module,
            monolith=source,
            residue_file=session.residue_file,
            modules={"/".join(place): file.path for place, file in session.existing.items()},
            moved=placed,
        )
        bed = Bed(bench, scope, Evidence(monolith), session.files, session.files)
        bed._write(monolith)
        bed.before = evidence_of(bench, monolith, level)
        bed._write(bed.sound)
        yield bed


def _lay_out(recipe, folder):
    """Copy the crate into a repository of its own, with its plan; returns the plan's source."""
    crate = ROOT / recipe.folder if recipe.folder else _fetched(recipe, folder.with_name(f"{folder.name}-fetched"))
    shutil.copytree(crate, folder, ignore=shutil.ignore_patterns("target", "elsewhere", "Cargo.lock"))
    if not recipe.folder:
        with (folder / "Cargo.toml").open("a", encoding="utf-8") as file:
            file.write("\n[workspace]\n")
    plan = load((ROOT / recipe.plan).read_text(encoding="utf-8"), recipe.plan)
    digest = hashlib.sha256((folder / plan.source).read_bytes()).hexdigest()
    (folder / PLAN).write_text(dump(replace(plan, sha256=digest)), encoding="utf-8")
    for command in (("init", "-q"), ("add", "-A", "-f"), ("commit", "-q", "--no-verify", "-m", "as it was")):
        _run(("git", *_IDENTITY, *command), folder)
    return plan.source


def _fetched(recipe, folder):
    """Where cargo has put a published crate."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src/lib.rs").touch()
    (folder / "Cargo.toml").write_text(f'{_MANIFEST}"{recipe.name}" = "={recipe.version}"\n', encoding="utf-8")
    known = json.loads(_run(("cargo", "metadata", "--format-version", "1"), folder))["packages"]
    return next(Path(one["manifest_path"]).parent for one in known if one["name"] == recipe.name)


def _run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
