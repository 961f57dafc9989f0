"""The reference runtime as cargo builds it, with features on and off."""

import json
import re

DECLARED = re.compile(r"\b(\w+)\((?!\*)[^;]*\);")
FEATURES = {"default": (), "all-features": ("--all-features",)}


def folder(features):
    """Name of the target folder of a choice of features."""
    return f"native_ref-{features}"


def library_of(cargo, native_ref, features):
    """Path of the cdylib."""
    flags = ("--lib", "--locked", "--message-format=json", *FEATURES[features])
    done = cargo("build", *flags, cwd=native_ref, target=folder(features))
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    built = [name for message in messages for name in message.get("filenames", ())]
    (library,) = [name for name in built if name.endswith((".so", ".dylib", ".dll"))]
    return library


def functions_of(root, *, gated):
    """Names that the C header declares, with or without those that need a feature."""
    text = (root / "native_ref/include/native_ref.h").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    if not gated:
        text = re.sub(r"#ifdef NATIVE_REF_(?!H)\w+\n.*?#endif\n", "", text, flags=re.DOTALL)
    return {found[1] for line in text.split("\n") if (found := DECLARED.search(line)) and "typedef" not in line}
