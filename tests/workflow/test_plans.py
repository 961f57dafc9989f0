"""Plans are looked at and edited; only a plan that can be carried out is saved."""

from trial import PLAN, SOURCE


def homes(said):
    return {key: m["path"] for phase in said.json["phases"] for m in phase["modules"] for key in m["items"]}


def test_an_item_goes_where_a_person_wants_it(trial):
    said = trial.done("plan", PLAN, "--move", "fn:rt_table_limit=limits", "--format", "json")
    assert homes(said)["fn:rt_table_limit"] == "limits"
    said = trial.done("plan", PLAN, "--move", "fn:rt_table_limit=table", "--move", "fn:rt_fnv_prime=hash/prime")
    trial.apply("--all")
    assert b"rt_table_limit" in trial.path("src/ffi/table.rs").read_bytes()
    assert b"rt_fnv_prime" in trial.path("src/ffi/hash/prime.rs").read_bytes()


def test_a_move_that_cannot_work_is_not_saved(trial):
    for move, told in (
        ("fn:rt_alocc=table", "did you mean `fn:rt_alloc`"),
        ("use:std::collections::HashMap=table", ""),
        ("fn:rt_alloc=crate", "crate"),
        ("fn:rt_alloc=Table", "Table"),
        ("fn:rt_alloc=../evil", "evil"),
        ("fn:rt_alloc=std", "std"),
        ("fn:rt_alloc=a//b", "a//b"),
    ):
        said = trial.refused(2, "plan", PLAN, "--move", move)
        assert told.lower() in said.err.lower(), move


def test_a_move_into_a_finished_phase_is_refused(trial):
    trial.apply()
    said = trial.refused(2, "plan", PLAN, "--move", "fn:rt_step=memory")
    assert "applied already" in said.err
    trial.refused(2, "plan", PLAN, "--move", "fn:rt_alloc=table")
    trial.done("plan", PLAN, "--move", "fn:rt_table_limit=table")
    trial.apply("--all")


def test_an_item_is_explained_wherever_it_is(trial):
    for key in ("fn:rt_alloc", "fn:rt_step", "static:TABLE"):
        assert key.split(":")[1] in trial.done("plan", PLAN, "--explain", key).out
    said = trial.refused(2, "plan", PLAN, "--explain", "fn:rt_alocc")
    assert "fn:rt_alloc" in said.err


def test_a_fresh_plan_is_sound_and_can_be_applied(trial):
    trial.done("plan", "src/ffi.rs", "-o", "fresh.toml", "--target-lines", 60)
    trial.done("plan", "fresh.toml", "--check")
    before = trial.files()
    trial.done("apply", "fresh.toml", "--all", "--level", "source")
    trial.done("undo", "fresh.toml", "--phase", 1, "--and-later")
    assert trial.files() == before


def test_planning_twice_gives_the_same_bytes(trial):
    plans = []
    for name in ("one.toml", "two.toml"):
        trial.done("plan", "src/ffi.rs", "-o", name)
        plans.append(trial.path(name).read_bytes())
    assert plans[0] == plans[1]


def test_a_fresh_plan_does_not_replace_one_that_is_half_applied(trial):
    trial.apply()
    for name in (PLAN, "other.toml"):
        said = trial.refused(2, "plan", "src/ffi.rs", "-o", name)
        assert "phases of src/ffi.rs are applied" in said.err
        assert "--refresh" in said.err
    trial.refused(0, "plan", "src/ffi.rs")
    trial.done("plan", PLAN, "--refresh")
    trial.apply("--all")


def test_the_preview_says_where_the_wished_length_yielded(trial):
    said = trial.done("plan", SOURCE, "--target-lines", 10, "--format", "json")
    (note,) = [note for note in said.json["notes"] if "lines wished for" in note]
    lines = {m["path"]: m["lines"] for phase in said.json["phases"] for m in phase["modules"]}
    largest = max(lines, key=lines.get)
    assert lines[largest] > 20
    assert f"more than twice the 10 lines wished for, since nothing in them parts clearly: {largest} (" in note
    assert "wished for" in trial.done("plan", SOURCE, "--target-lines", 10).out
    assert "wished for" not in trial.done("plan", SOURCE, "--target-lines", 1000).out
