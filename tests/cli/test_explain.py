"""`splitter explain`: what the checks look at."""

from splitter.verify.checks import CHECKS


def test_all_checks_are_listed(splitter):
    said = splitter("explain")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()[2:]] == [check.name for check in CHECKS]
    assert [row["name"] for row in splitter("explain", "--format", "json").json["checks"]] == [c.name for c in CHECKS]


def test_one_check_is_explained(splitter):
    said = splitter("explain", "mir")
    assert said.out.startswith("mir (level standard): ")
    assert len(said.out.splitlines()) > 2
    shape = splitter("explain", "mir", "--format", "json").json
    assert list(shape) == ["name", "level", "summary", "text"]


def test_a_wrong_name_gets_the_nearest_one(splitter):
    said = splitter("explain", "token")
    assert said.code == 2
    assert said.err == "splitter: there is no check `token`\n  Did you mean `tokens`?\n"
