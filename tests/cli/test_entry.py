"""How the command line starts: fast, by all its names, with completion."""

import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from splitter import cli
from splitter.cli import cli as group
from splitter.planfile import dump

COMMANDS = ["plan", "apply", "verify", "undo", "certify", "status", "graph", "explain", "demo"]
HEAVY = {"rich", "networkx", "numpy", "tree_sitter", "lief", "tomli_w", "tempfile", "subprocess"}


def completed(*words, started=""):
    found = ShellComplete(group, {}, "splitter", "_SPLITTER_COMPLETE").get_completions(list(words), started)
    return [item.value for item in found]


def test_help_lists_the_commands_in_the_order_of_use(splitter):
    said = splitter("--help")
    assert said.code == 0
    lines = said.out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines[:9]] == COMMANDS
    assert "_SPLITTER_COMPLETE=bash_source splitter" in said.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(splitter, command):
    said = splitter(command, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: splitter {command} ")


def test_help_loads_nothing_heavy(root):
    code = "import sys, splitter.cli; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    before = subprocess.run(
        [sys.executable, "-c", "import sys, click, click.shell_completion; print(*sys.modules)"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not (HEAVY & set(done.stdout.split())) - set(before.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["splitter", "explain", "mir"], "mir (level standard)"),
        (["explain", "mir"], "mir (level standard)"),
        (["splitter", "--help"], "Usage: cargo splitter "),
    ],
)
def test_cargo_passes_our_name_on(monkeypatch, capsys, arguments, shown):
    monkeypatch.setattr(sys, "argv", ["cargo-splitter", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.cargo_main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(shown)


def test_the_version_is_told(splitter):
    assert splitter("--version").out.startswith("splitter ")


def test_an_unknown_command_is_a_wrong_argument(splitter):
    assert splitter("aply").code == 2


def test_levels_and_formats_complete():
    assert completed("verify", "x.toml", "--level") == ["source", "quick", "standard", "full"]
    assert completed("verify", "x.toml", "--format", started="s") == ["sarif"]


def test_checks_complete():
    assert completed("explain", started="m") == ["mir"]
    assert "tokens" in completed("apply", "x.toml", "--accept-missing")


def test_phases_complete_from_the_plan(world, tmp_path):
    path = tmp_path / "split.toml"
    path.write_text(dump(world.preview.plan))
    assert completed("apply", str(path), "--phase") == ["1"]
    path.write_text("no plan")
    assert completed("apply", str(path), "--phase") == []
    assert completed("undo", str(tmp_path / "nowhere.toml"), "--phase") == []
