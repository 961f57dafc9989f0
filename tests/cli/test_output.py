"""Colour, width and progress: a terminal gets more than a log."""

import io
import re

import pytest

from splitter.commands.output import show
from splitter.commands.progress import open_progress
from splitter.report.parts import cell, line, table


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def render(stream, thing):
        show(thing, stream)
        return stream.getvalue()

    return render


def test_a_terminal_gets_colour(shown):
    assert "\x1b[" in shown(Terminal(), line(("red", "red")))


def test_no_color_is_honoured(shown, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(Terminal(), line(("red", "red"))) == "red\n"


def test_a_log_gets_no_colour(shown):
    assert shown(io.StringIO(), line(("red", "red"))) == "red\n"


@pytest.mark.parametrize(("stream", "widest"), [(Terminal, 120), (io.StringIO, 100)])
def test_tables_are_as_wide_as_can_be_read(shown, stream, widest):
    made = table("a", "b", wide=("b",))
    made.add_row(cell("x"), cell("word " * 100))
    rows = re.sub(r"\x1b\[[0-9;]*m", "", shown(stream(), made)).splitlines()
    assert widest - 10 < max(map(len, rows)) <= widest


def test_a_log_gets_a_plain_line_a_step(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    with open_progress() as steps:
        steps.stage("phase 1 of 2", "core")
        steps("building")
        steps.detail("Compiling x")
        steps("testing \x1b[2J")
    assert log.getvalue() == "phase 1 of 2: core\nbuilding\ntesting �[2J\n"


def test_a_terminal_gets_one_line_that_goes_away(monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "50")
    with open_progress() as steps:
        steps.stage("phase 1 of 2", "core")
        steps("building [x]")
        steps.detail("Compiling y v0.1.0 (/a/folder)")
    rows = [row for row in re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", terminal.getvalue()).splitlines() if row.strip()]
    assert rows[-1].endswith("phase 1 of 2 building [x] 0:00:00 Compiling y v…")
    assert len(rows[-1]) == 50
    assert terminal.getvalue().endswith("\x1b[2K")


def test_what_is_kept_stays_above_the_line_that_goes_away(monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stderr", terminal)
    told = "phase 1 [core]: passed at level standard, 12 items moved"
    with open_progress() as steps:
        steps("phase 1 of 2")
        steps.keep(told)
        steps("phase 2 of 2")
    assert f"{told}\n" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")
