"""Configurations: default, none, all, and each gating feature; equal ones once."""

from pathlib import Path

from splitter.system.configurations import configurations, gating_features
from splitter.system.package import Package, Target


def package(**features):
    target = Target("lib", "a", Path("/a/src/lib.rs"), "2021", ("lib",))
    known = {name: tuple(enabled) for name, enabled in features.items()}
    root = Path("/a")
    return Package("a", root, root, known, target, (target,), (), root / "src/lib.rs", (), root / "src")


def names(*arguments, **keywords):
    return [configuration.name for configuration in configurations(*arguments, **keywords)]


def test_a_crate_without_features_has_one():
    assert names(package()) == ["default"]


def test_features_that_are_all_off_by_default_make_two():
    assert names(package(default=[], text=[])) == ["default", "all features"]


def test_a_gating_feature_that_is_the_only_one_is_all_features():
    assert names(package(default=[], text=[]), ["text"]) == ["default", "all features"]


def test_each_gating_feature_is_tried_alone():
    found = configurations(package(default=["std"], std=[], text=[], net=["text"]), ["text", "net", "unknown"])
    assert [(c.name, c.flags) for c in found] == [
        ("default", ()),
        ("no default features", ("--no-default-features",)),
        ("all features", ("--all-features",)),
        ("feature text", ("--features", "text")),
    ]


def test_features_that_the_user_chose_are_on_everywhere():
    found = configurations(package(default=[], text=[], net=[]), ["net"], ("text",))
    assert found[0].flags == ("--features", "text")
    assert [c.name for c in found] == ["default", "all features"]


def test_gating_features_are_read_from_predicates():
    cfgs = ('all(unix, feature = "text")', 'not(feature = "net")', "test")
    assert gating_features(cfgs) == ("net", "text")
