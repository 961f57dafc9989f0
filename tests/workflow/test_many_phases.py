"""Who applies many phases sees what each came to as soon as it is through."""


def told(said):
    return [row for row in said.err.splitlines() if row.startswith("phase ")]


def test_each_phase_is_told_when_it_is_through(trial):
    assert told(trial.apply("--all")) == [
        "phase 1 of 3: values",
        "phase 1 values: passed at level source, 12 items moved",
        "phase 2 of 3: text and hashes",
        "phase 2 text and hashes: passed at level source, 10 items moved, 1 visibility edit",
        "phase 3 of 3: tables",
        "phase 3 tables: passed at level source, 3 items moved",
    ]


def test_one_phase_alone_is_told_once(trial):
    said = trial.apply()
    assert told(said) == ["phase 1 of 3: values"]
    assert said.out.startswith("phase 1 values: passed")
