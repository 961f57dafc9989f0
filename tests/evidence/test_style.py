"""Which style edition a file is formatted in: what rustfmt itself makes of the same settings."""

import subprocess

import pytest

from splitter.system.standing import find_standing

SETTINGS = {
    "none": {},
    "style edition": {"rustfmt.toml": 'style_edition = "2024"'},
    "an older style edition": {"rustfmt.toml": 'style_edition = "2015"'},
    "version two": {"rustfmt.toml": 'version = "Two"'},
    "version one": {"rustfmt.toml": 'version = "One"'},
    "style edition before version": {"rustfmt.toml": 'style_edition = "2015"\nversion = "Two"'},
    "edition alone": {"rustfmt.toml": 'edition = "2024"'},
    "dot before none": {".rustfmt.toml": 'style_edition = "2024"', "rustfmt.toml": 'style_edition = "2015"'},
    "nearest alone counts": {"rustfmt.toml": 'style_edition = "2024"', "a/src/rustfmt.toml": "max_width = 90"},
    "beside the source": {"rustfmt.toml": 'style_edition = "2015"', "a/src/.rustfmt.toml": 'style_edition = "2024"'},
}


@pytest.mark.parametrize("edition", ["2021", "2024"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_names_are_sorted_as_rustfmt_sorts_them(tmp_path, settings, edition):
    files = {
        "Cargo.toml": f'[workspace]\nmembers = ["a"]\n\n[workspace.package]\nedition = "{edition}"\n',
        "a/Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\nedition.workspace = true\n',
        "a/src/lib.rs": "use outside::{c, A};\n",
        **SETTINGS[settings],
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    command = ("rustfmt", "--edition", edition, "--check", "a/src/lib.rs")
    by_case = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert (find_standing(tmp_path, "a/src/lib.rs").style < "2024") == by_case
