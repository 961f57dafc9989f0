"""A git history of two commits: a crate before and after a split made by hand.

Invariant: both come as they lie in `fixtures/by_hand`; a test changes what it names and nothing else.
"""

import shutil
from pathlib import Path

from trial import ROOT, Trial

BY_HAND = ROOT / "fixtures" / "by_hand"
SOURCE = "src/ffi.rs"
FRAME, VALUE, MEMORY = "src/ffi/mod.rs", "src/ffi/value.rs", "src/memory.rs"
TEXT, STEPS, TESTS, VOLUME = "src/ffi/text.rs", "src/ffi/steps.rs", "src/ffi/tests.rs", "src/volume.rs"


class History(Trial):
    """The repository; `before` and `after` are tags."""

    def verify(self, *arguments, level="source", source=SOURCE):
        """Compare the two revisions."""
        return self.run("verify", "--before", "before", "--after", "after", source, "--level", level, *arguments)

    def checks(self, *arguments, **options):
        """What the checks said, by name."""
        said = self.verify("--format", "json", *arguments, **options)
        return {check["name"]: check for check in said.json["checks"]}

    def findings(self, **options):
        """Findings of `tokens`."""
        return self.checks(**options)["tokens"]["findings"]

    def become(self, folder):
        """Make the checkout what lies in a folder."""
        for entry in self.root.iterdir():
            if entry.name != ".git":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(folder, self.root, dirs_exist_ok=True)

    def record(self, tag):
        """Commit everything under a tag."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", tag)
        self.git("tag", "--force", tag)


def make_history(root: Path, *edits, before=()):
    """The split with some texts replaced in the tree after (`old`, `new`, path), or in the tree before."""
    root.mkdir(parents=True)
    history = History(root)
    history.git("init", "--quiet", "--initial-branch=main")
    for tag, changes in (("before", before), ("after", edits)):
        history.become(BY_HAND / tag)
        for old, new, path in changes:
            history.path(path).touch()
            history.edit(old, new, path)
        history.record(tag)
    return history
