"""Scripts that stand between cargo and rustc, and names for what they have rustc write.

Source: The Cargo Book, "Configuration" (`RUSTC_WORKSPACE_WRAPPER`).
Invariant: a script's name changes with its text, for the name alone is part of cargo's fingerprint.
"""

import hashlib
import re
from pathlib import Path

from splitter.model.evidence import Configuration
from splitter.system.mirror import Mirror


def wrapper(mirror: Mirror, name: str, script: str) -> Path:
    """The script on disk, beside the mirror's files."""
    digest = hashlib.sha256(script.encode()).hexdigest()[:8]
    path = mirror.folder / "wrappers" / f"{name}-{digest}"
    if not path.is_file() or path.read_text(encoding="utf-8") != script:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return path


def slug(configuration: Configuration) -> str:
    """A name for files of a configuration."""
    digest = hashlib.sha256(" ".join(configuration.flags).encode()).hexdigest()[:8]
    return f"{re.sub(r'[^a-z0-9]+', '-', configuration.name.lower())}-{digest}"
