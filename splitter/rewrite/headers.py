"""What stands at the top of a new module: the licence notice of the monolith, then one doc line."""

import re

from splitter.model.source import ItemKind
from splitter.rewrite.places import Place
from splitter.rewrite.world import World

_LICENCE = re.compile(rb"copyright|licen[sc]e|SPDX-", re.IGNORECASE)


def module_header(world: World, place: Place) -> str:
    """Text of the header; it ends with a line ending."""
    first = next((item for item in world.source.items if item is not world.mark), world.source.items[0])
    notice = ""
    if first.kind is ItemKind.NOTE and _LICENCE.search(world.source.whole(first)):
        notice = world.source.whole(first).decode().replace("\r\n", "\n").strip("\n") + "\n\n"
    usual = "What has no module of its own yet." if place == world.residue else f"Items of `{'::'.join(place)}`."
    doc = " ".join(world.docs.get(place, "").split()) or usual
    return f"{notice}//! {doc}\n"
