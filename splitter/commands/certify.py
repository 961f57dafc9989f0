"""`splitter certify`: an independent check of receipts.

Invariant: finds the files that a receipt is about, and leaves to `splitter.certify` what is to be thought of them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from splitter.commands.options import format_option
from splitter.commands.output import show, show_json
from splitter.errors import UsageError

if TYPE_CHECKING:
    from splitter.report.certified import Certified


@click.command("certify", short_help="Check a receipt again, independently of what wrote it.")
@click.argument("receipts", metavar="RECEIPT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--before", metavar="REV", help="The git revision before the phase; else it is found by the digests.")
@click.option("--after", metavar="REV", help="The git revision after the phase; else it is found by the digests.")
@format_option("table", "json")
def certify_command(receipts: tuple[Path, ...], before: str | None, after: str | None, form: str) -> int:
    """Check each RECEIPT (.splitter/receipts/SOURCE/PHASE.json) again, from the files before and after alone.

    Every byte before has to be kept, or dropped for a reason that its text bears out; every byte after has to be kept,
    or added for such a reason; each item has to stand whole where the receipt says; and the verdict has to follow from
    the checks. The files are taken from git's history, or from the tree as it stands; only what neither has comes from
    the copies in .splitter/base.

    Exit code 0: accepted; 1: rejected, with each reason; 3: the receipt or its files are not at hand.
    """
    if len(receipts) > 1 and (before or after):
        message = "--before and --after are about one receipt, but several are named"
        raise UsageError(message, "Leave them out, or certify one receipt at a time.")
    from splitter.report.certified import certified_lines, certified_shape

    found = [_certified(path, before, after) for path in receipts]
    if form == "json":
        show_json(certified_shape(found))
    else:
        show(certified_lines(found))
    return 1 if any(one.reasons for one in found) else 0


def _certified(path: Path, before: str | None, after: str | None) -> "Certified":
    """Have a receipt checked again; raises `DiskError` or `ToolError` where it or its files are not at hand."""
    from splitter.certify import certify
    from splitter.report.certified import Certified
    from splitter.system.found_trees import Found, find_tree
    from splitter.system.receipt_files import open_receipt

    file = open_receipt(path)
    sides = [("before", before), ("after", after)]
    nothing = Found({}, "")
    old, new = (find_tree(file.root, file.raw[s], s, rev) if file.raw else nothing for s, rev in sides)
    reasons = certify(file.text, str(path), file.previous, old.files, new.files)
    if file.raw and file.misfiled:
        reasons.append((str(path), 1, "is filed as the receipt of another source or phase"))
    return Certified(str(path), tuple(reasons), old.where, new.where, file.raw)
