"""`--commit`: one git commit a phase, with the phase's files, our records, and nothing else."""

from trial import PHASES, PLAN, make_trial


def files_of(trial, revision):
    return set(trial.git("show", "--name-only", "--format=", revision).split())


def test_one_commit_a_phase(trial):
    trial.path("note.txt").write_text("not ours")
    trial.edit("Three phases", "Phases", PLAN)
    trial.git("add", "note.txt")
    said = trial.apply("--all", "--commit", "--format", "json")
    revisions = trial.git("rev-list", "--reverse", "HEAD~3..HEAD").split()
    assert [phase["commit"] for phase in said.json["phases"]] == revisions
    for revision, wanted in zip(revisions, PHASES, strict=True):
        found = files_of(trial, revision)
        assert {name for name in found if not name.startswith(".splitter/")} == wanted
        assert any(name.startswith(".splitter/receipts/") for name in found)
        assert not any(name.startswith((".splitter/lock", ".splitter/journal")) for name in found)
    assert trial.git("status", "--short").splitlines() == ["A  note.txt", " M split.toml"]


def test_the_message_says_what_moved_and_what_was_checked(trial):
    trial.apply("--commit")
    subject, _, body = trial.git("log", "-1", "--format=%B").partition("\n")
    assert subject == "Split src/ffi.rs, phase 1: values"
    assert "12 items moved, bodies verbatim:" in body
    for name in PHASES[0]:
        assert f"  {name}: " in body
    assert "Checked at level source:" in body
    assert "  tokens: passed, " in body


def test_records_that_git_ignores_stay_out_of_the_commit(trial):
    trial.path(".gitignore").write_text(".splitter/\n")
    trial.commit()
    trial.apply("--commit")
    assert files_of(trial, "HEAD") == PHASES[0]
    trial.apply("--commit")
    assert files_of(trial, "HEAD") == PHASES[1]


def test_a_fresh_clone_can_undo_and_verify(trial, tmp_path):
    before = trial.files()
    trial.apply("--all", "--commit")
    trial.git("clone", "--quiet", str(trial.root), str(tmp_path / "clone"))
    clone = type(trial)(tmp_path / "clone")
    clone.done("verify", PLAN, "--level", "source")
    clone.done("undo", PLAN, "--phase", 1, "--and-later")
    assert clone.files() == before


def test_without_git_nothing_is_begun(tmp_path):
    trial = make_trial(tmp_path / "tiny", git=False)
    said = trial.refused(3, "apply", PLAN, "--commit", "--level", "source")
    assert "git" in said.err


def test_a_commit_never_stands_on_a_phase_that_is_not_committed(trial):
    trial.apply()
    said = trial.refused(3, "apply", PLAN, "--commit", "--level", "source")
    assert "src/ffi/memory.rs" in said.err
    assert "Commit them first" in said.err
    trial.commit()
    trial.apply("--commit", "--all")


def test_a_hook_that_refuses_leaves_the_phase_applied_and_says_so(trial):
    hook = trial.path(".git/hooks/pre-commit")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'no commits on Fridays' >&2\nexit 1\n")
    hook.chmod(0o755)
    said = trial.run("apply", PLAN, "--commit", "--all", "--level", "source")
    assert said.code == 3
    assert "no commits on Fridays" in said.err
    assert "phase 1 is applied" in said.err
    status = trial.done("status", PLAN, "--format", "json").json
    assert [phase["done"] for phase in status["phases"]] == [True, False, False]
    assert trial.git("log", "--format=%s").splitlines() == ["the crate"]
    assert trial.git("diff", "--cached", "--name-only") == ""
