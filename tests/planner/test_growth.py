"""The benchmark of growth runs, and its made-up monoliths are files that people could have written."""

import subprocess
import sys

from splitter.source.parse import parse


def test_the_benchmark_prints_a_row_for_each_size(root):
    command = [sys.executable, "tests/bench/plan_scale.py", "300", "900"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split()[:2] == ["lines", "functions"]
    sizes = [int(row.split()[0].replace(",", "")) for row in rows]
    assert [size // 300 for size in sizes] == [1, 3]


def test_a_made_up_monolith_parses_and_has_no_name_twice(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "tests/bench")
    from plan_scale import monolith

    text = monolith(4000)
    source = parse("ffi.rs", text.encode())
    assert monolith(4000) == text
    assert not [item.key for item in source.items if item.stays or "#" in item.key]
    assert text.count("\n") >= 4000
