"""When an import that is unused may go at once, and when others still have to be asked."""

import pytest

from splitter.rewrite.settle import is_open

EVERYTHING = {("default", False), ("all features", False), ("all features", True)}


@pytest.mark.parametrize(
    "gate", ['feature = "net"', "test", 'any(feature = "a", test)', 'all(feature = "a", any(test))']
)
def test_a_test_build_with_all_features_has_what_asks_for_these_alone(gate):
    assert is_open(gate, EVERYTHING)
    assert not is_open(gate, EVERYTHING - {("all features", True)})
    assert is_open(gate, {("default", True)}) == ("feature" not in gate)


@pytest.mark.parametrize("gate", ["unix", "not(test)", 'any(windows, feature = "a")', 'all(not(feature = "a"), test)'])
def test_nobody_knows_what_stands_behind_other_gates(gate):
    assert not is_open(gate, EVERYTHING)
