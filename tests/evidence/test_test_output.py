"""What `cargo test` prints, read as outcomes."""

from splitter.model.evidence import Missing
from splitter.system.test_output import NO_TESTS, WHOLE, read_tests

OUTPUT = """\
   Compiling tiny v0.1.0
     Running unittests src/lib.rs (target/debug/deps/tiny-0123456789abcdef)

running 3 tests
test ffi::tests::adds ... ok
test ffi::tests::odd - should panic ... ok
test ffi::tests::slow ... ignored, takes an hour

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/it.rs (target/debug/deps/it-0123456789abcdef)

running 1 test
test outside ... FAILED

failures:
test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--test it`
   Doc-tests tiny

running 3 tests
test src/ffi.rs - ffi::rt_add (line 5) ... ok
test src/ffi.rs - ffi::rt_add (line 15) - compile ... ok
test src/ffi.rs - ffi::rt_add (line 25) - compile fail ... ok

test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s

error: 1 target failed:
    `--test it`
"""


def label(path, file):
    return "lib" if path == "src/lib.rs" else f"test:{file.rsplit('/', 1)[-1].rsplit('-', 1)[0]}"


def read(output, status=101):
    return read_tests(output, label, status, "default")


def test_every_test_is_read_with_its_binary_and_outcome():
    assert [(t.binary, t.name, t.outcome) for t in read(OUTPUT)] == [
        ("doc", "src/ffi.rs - ffi::rt_add", "ok"),
        ("doc", "src/ffi.rs - ffi::rt_add - compile", "ok"),
        ("doc", "src/ffi.rs - ffi::rt_add - compile fail", "ok"),
        ("lib", "ffi::tests::adds", "ok"),
        ("lib", "ffi::tests::odd", "ok"),
        ("lib", "ffi::tests::slow", "ignored"),
        ("test:it", "outside", "FAILED"),
    ]


def test_output_of_a_test_that_runs_into_the_line_does_not_hide_the_outcome():
    spoilt = OUTPUT.replace("adds ... ok", "adds ... a word of its own ok")
    assert read(spoilt) == read(OUTPUT)


def test_output_that_ends_the_line_of_a_test_leaves_its_outcome_on_the_next():
    spoilt = OUTPUT.replace("test outside ... FAILED", "test outside ... [ERROR] no such file\nFAILED")
    assert read(spoilt) == read(OUTPUT)


def test_an_outcome_that_the_code_under_test_printed_is_not_taken_for_the_tests():
    spoilt = OUTPUT.replace("test outside ... FAILED", "test outside ... it is\nok\nFAILED")
    assert read(spoilt) == Missing("5 tests ended with ok, 6 could be read from the output")


def test_a_test_that_cannot_be_read_leaves_nothing_claimed():
    spoilt = OUTPUT.replace("test outside ... FAILED", "test outside ... it broke\nand FAILED")
    assert read(spoilt) == Missing("7 tests were announced, 6 could be read from the output")


def test_a_crate_without_tests_has_none():
    empty = "     Running unittests src/lib.rs (target/debug/deps/a-0123456789abcdef)\n\nrunning 0 tests\n\n"
    assert read(empty, 0) is NO_TESTS


def test_tests_that_do_not_compile_are_missing_with_the_error():
    found = read("   Compiling a v0.1.0\nerror[E0425]: cannot find value `x`\nerror: could not compile `a`\n")
    assert isinstance(found, Missing)
    assert "E0425" in found.reason


def test_a_program_without_harness_is_one_test():
    own = "     Running tests/own.rs (target/debug/deps/own-0123456789abcdef)\nanything\n"
    failed = f"{own}error: test failed, to rerun pass `--test own`\n\nerror: 1 target failed:\n    `--test own`\n"
    assert [(t.name, t.outcome) for t in read(own, 0)] == [(WHOLE, "ok")]
    assert [(t.name, t.outcome) for t in read(failed)] == [(WHOLE, "FAILED")]
