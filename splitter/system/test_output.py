"""What `cargo test` prints, as outcomes of tests.

What the code under test prints can run into the line of a test, and push its outcome to a line of its own.
Invariant: pure. Where the number of tests read, or of those that passed, failed or were ignored, differs from what
the harness counted, nothing is claimed.
"""

import re
from collections.abc import Callable

from splitter.model.evidence import Missing, TestOutcome

#: Name of a test binary from cargo's line about it: its source path, and the file that runs.
Label = Callable[[str, str], str]

WHOLE = "(whole program)"
NO_TESTS = Missing("the crate has no tests", applicable=False)

_RUNNING = re.compile(r"^\s+Running (?:unittests )?(\S+) \((.+)\)$")
_DOCTESTS = re.compile(r"^\s+Doc-tests (\S+)$")
_TEST = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (?:.*?)(ok|FAILED|ignored)(?:, .*|\t.*)?$")
_BEGUN = re.compile(r"^test (\S.*?)(?: - should panic)? \.\.\. ")
_OUTCOME = re.compile(r"^(ok|FAILED|ignored)(?:, .*)?$")
_TOTAL = re.compile(r"\btest result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")
_COUNTED = re.compile(r"^running (\d+) tests?$", re.MULTILINE)
_LINE = re.compile(r" \(line \d+\)")
_FAILED_TARGET = re.compile(r"^\s+`.*?--?(?:test|bin|example|bench|lib|doc)\b ?(\S*)`$")


def read_tests(output: str, label: Label, status: int, configuration: str) -> tuple[TestOutcome, ...] | Missing:
    """Outcomes in the joined output of a test command that ended with `status`."""
    found: list[TestOutcome] = []
    binary, counted, harness, begun = "", 0, True, ""
    for line in output.splitlines():
        running, doc = _RUNNING.match(line), _DOCTESTS.match(line)
        if running or doc:
            found += _without_harness(binary, output, configuration) if not harness else ()
            binary, harness = (label(running[1], running[2]) if running else "doc"), bool(doc)
        elif number := _COUNTED.match(line):
            counted += int(number[1])
            harness = True
        elif test := _TEST.match(line):
            found.append(TestOutcome(binary, _LINE.sub("", test[1]), test[2], configuration))
        elif begins := _BEGUN.match(line):
            begun = begins[1]
        elif begun and (outcome := _OUTCOME.match(line)):
            found.append(TestOutcome(binary, _LINE.sub("", begun), outcome[1], configuration))
            begun = ""
    found += _without_harness(binary, output, configuration) if not harness else ()
    listed = sum(1 for test in found if test.name != WHOLE)
    if listed != counted:
        return Missing(f"{counted} tests were announced, {listed} could be read from the output")
    unlike = _unlike_totals(output, [test for test in found if test.name != WHOLE])
    if unlike:
        return Missing(unlike)
    if status and not any(test.outcome == "FAILED" for test in found):
        return Missing(f"the test command ended with status {status}: {_end(output)}")
    return tuple(sorted(found, key=lambda t: (t.binary, t.name, t.outcome))) or NO_TESTS


def _unlike_totals(output: str, found: list[TestOutcome]) -> str:
    """How what was read differs from what the harness counted at the end of its runs, or nothing."""
    totals = _TOTAL.findall(output)
    if len(totals) != len(_COUNTED.findall(output)):
        return ""  # a run that did not come to its end told no totals
    for word, column in zip(("ok", "FAILED", "ignored"), zip(*totals, strict=True), strict=False):
        told, read = sum(map(int, column)), sum(1 for test in found if test.outcome == word)
        if told != read:
            return f"{told} tests ended with {word}, {read} could be read from the output"
    return ""


def _without_harness(binary: str, output: str, configuration: str) -> tuple[TestOutcome, ...]:
    """A test program with a `main` of its own is one test."""
    name = binary.partition(":")[2]
    failed = any((match := _FAILED_TARGET.match(line)) and match[1] == name for line in output.splitlines())
    return (TestOutcome(binary, WHOLE, "FAILED" if failed else "ok", configuration),)


def _end(output: str) -> str:
    errors = [line for line in output.splitlines() if line.startswith("error")]
    return "; ".join(errors[:3]) or "\n".join(output.strip().splitlines()[-5:])
