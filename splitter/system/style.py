"""Which style edition rustfmt formats a file in: it decides how names in imports are sorted.

Source: rustfmt's Configurations.md, "style_edition" and "version"; of two files in one folder rustfmt takes the one
with the dot.
"""

from pathlib import Path

from splitter.system.toml_files import read_toml

_NAMES = (".rustfmt.toml", "rustfmt.toml")
_VERSIONS = {"One": "2015", "Two": "2024"}


def style_edition(path: Path, edition: str) -> str:
    """The style edition for the file at an absolute path whose crate is of an edition, by the nearest settings."""
    files = (folder / name for folder in path.parents for name in _NAMES)
    settings = next((read_toml(file) for file in files if file.is_file()), {})
    return str(settings.get("style_edition") or _VERSIONS.get(str(settings.get("version")), edition))
