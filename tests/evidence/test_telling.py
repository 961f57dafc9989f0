"""What is shown of a program that failed."""

from splitter.system.telling import telling_lines

BUILD_SCRIPT = """\
    Updating crates.io index
   Compiling rav1e v0.7.1
error: failed to run custom build command for `rav1e v0.7.1`

Caused by:
  process didn't exit successfully: `build-script-build` (exit status: 101)
  --- stdout
  cargo:rerun-if-changed=build.rs

  --- stderr
  thread 'main' panicked at build.rs:144:9:
  Unable to run nasm: No such file or directory (os error 2)
  stack backtrace:
     0: __rustc::rust_begin_unwind
               at /rustc/59807616e1fa/library/std/src/panicking.rs:689:5
     1: core::panicking::panic_fmt
  note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
warning: build failed, waiting for other jobs to finish...
    Checking rand v0.9.1
"""


def test_the_error_is_told_without_progress_and_backtrace():
    assert telling_lines(BUILD_SCRIPT).splitlines() == [
        "error: failed to run custom build command for `rav1e v0.7.1`",
        "",
        "Caused by:",
        "  process didn't exit successfully: `build-script-build` (exit status: 101)",
        "  --- stdout",
        "  --- stderr",
        "  thread 'main' panicked at build.rs:144:9:",
        "  Unable to run nasm: No such file or directory (os error 2)",
    ]


def test_of_many_lines_the_first_and_the_last_are_told():
    rows = ["error: these packages want another compiler:", *(f"  package {number}" for number in range(40))]
    told = telling_lines("\n".join(rows)).splitlines()
    assert told[:3] == ["error: these packages want another compiler:", "  package 0", "…"]
    assert told[-1] == "  package 39"
    assert len(told) == 17


def test_what_names_no_error_is_told_as_it_is():
    assert telling_lines("fatal: not a git repository\n") == "fatal: not a git repository"
    assert telling_lines("   Compiling one v0.1.0\n") == "Compiling one v0.1.0"
    assert not telling_lines("")
