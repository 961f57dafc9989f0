"""Receipts that lie are rejected, however consistent the lie; every row is a way to lie."""

import json

import pytest
from forge import Forgery, digest


def change(name, value):
    return lambda forged: forged.raw.update({name: value})


def check_of(forged, name="tokens"):
    return next(check for check in forged.raw["checks"] if check["name"] == name)


def another_digest_of_an_item(forged):
    forged.raw["items"]["fn:rt_table_set"]["sha256"] = digest(b"another")


def another_digest_before(forged):
    forged.raw["before"][forged.source] = digest(b"another")


def a_moved_span(forged):
    forged.raw["items"]["fn:rt_table_set"]["to"][1] += 1


def two_items_swapped(forged):
    one, other = forged.raw["items"]["fn:rt_table_set"], forged.raw["items"]["fn:rt_table_get"]
    one["to"], other["to"] = other["to"], one["to"]


def two_names_swapped(forged):
    items = forged.raw["items"]
    items["fn:rt_table_set"], items["fn:rt_table_get"] = items["fn:rt_table_get"], items["fn:rt_table_set"]


def an_item_left_out(forged):
    del forged.raw["items"]["fn:rt_table_get"]


def an_item_said_to_be_gone(forged):
    row = forged.raw["items"].pop("fn:rt_table_get")
    del row["to"]
    forged.raw["gone"]["fn:rt_table_get"] = row


def code_as_an_import(forged):
    forged.add("src/ffi/table.rs", 1, "use std::fmt;\nfn evil() {}\n", "import")


def a_call_as_an_import(forged):
    forged.insert("fn:rt_table_set", b"}", "evil!();", "import")


def an_import_inside_a_function(forged):
    forged.insert("fn:rt_table_set", b"}", "use other::thing;", "import")


def an_attribute_as_an_import(forged):
    forged.insert("fn:rt_table_set", b"#[no_mangle]", "#[cfg(any())]\n", "import")


def a_condition_of_its_own(forged):
    forged.insert("fn:rt_table_set", b"#[no_mangle]", "#[cfg(any())]\n", "cfg")


def an_import_that_takes_an_attribute(forged):
    forged.insert("fn:rt_table_set", b"pub", "use std::fmt;\n", "import")


def an_attribute_dropped_as_a_blank_line(forged):
    forged.cut("fn:rt_table_set", b"#[no_mangle]\n", "blank line")


def an_attribute_dropped_as_an_import(forged):
    forged.cut("fn:rt_table_set", b"#[no_mangle]\n", "import")


def a_comment_that_hides_code(forged):
    forged.insert("fn:rt_table_set", b"#[no_mangle]", "/*", "header")


def a_line_joined_to_a_comment(forged):
    forged.cut("const:LIMIT", b"\nconst", "blank line", length=1)


def a_doc_added_as_a_header(forged):
    forged.added("header")[1] += "/// Of the next item.\n"
    forged.rewrite()


def a_comment_without_its_end(forged):
    forged.added("header")[1] += "/*"
    forged.rewrite()


def a_module_with_a_body(forged):
    forged.added("mod declaration")[1] += "mod evil { fn f() {} }\n"
    forged.rewrite()


def a_module_from_elsewhere(forged):
    forged.added("mod declaration")[1] += '#[path = "/tmp/evil.rs"]\nmod table;\n'
    forged.rewrite()


def a_module_that_nobody_wrote(forged):
    forged.added("mod declaration")[1] += "mod evil;\n"
    forged.rewrite()


def wider_visibility(forged):
    forged.insert("fn:rt_table_set", b"pub", "pub ", "visibility")


def code_as_visibility(forged):
    forged.insert("fn:rt_table_set", b"pub", "pub(super) fn evil() {} ", "visibility")


def visibility_dropped(forged):
    forged.cut("fn:rt_table_set", b"pub ", "visibility")


def a_string_as_a_path(forged):
    forged.replace("fn:rt_table_set", b'"C"', '"Rust"', "path")


def a_token_as_a_rewrap(forged):
    forged.insert("fn:rt_table_set", b"}", ";", "rewrap")


def a_reason_of_ones_own(forged):
    forged.insert("fn:rt_table_set", b"}", " ", "because")


def a_span_kept_twice(forged):
    row = forged.raw["pieces"]["src/ffi/table.rs"]
    row.append(next(piece for piece in row if piece[0] == "kept"))
    forged.rewrite()


def bytes_that_are_nowhere(forged):
    forged.raw["pieces"]["src/ffi/table.rs"].pop()
    forged.rewrite()


def a_file_that_was_edited(forged):
    path = forged.trial.path("src/ffi/table.rs")
    path.write_bytes(path.read_bytes().replace(b"{", b"{ evil();", 1))
    forged.raw["after"]["src/ffi/table.rs"] = digest(path.read_bytes())


def an_attribute_that_stays_behind(forged):
    """The classic loss, told honestly but for the items: the attribute is said to be one of its own."""
    row = forged.raw["items"].pop("fn:rt_table_set")
    path, start, end = row["from"]
    middle = start + forged.text_of(start, end).index(b"pub")
    for key, span in (("note:table", [start, middle]), ("fn:rt_table_set", [middle, end])):
        forged.raw["items"][key] = {"from": [path, *span], "sha256": digest(forged.text_of(*span)), "to": ["", 0, 0]}
    forged.split(middle, middle)


def a_failed_check(forged):
    check_of(forged)["outcome"] = "failed"


def a_check_that_compared_nothing(forged):
    check_of(forged).update(compared=0, equal=0)


def a_difference(forged):
    check_of(forged)["equal"] -= 1


def a_check_that_was_not_made(forged):
    check_of(forged).update(outcome="skipped", compared=0, equal=0, reason="no time")


def a_check_left_out(forged):
    forged.raw["level"] = "quick"
    forged.raw["rustc"] = "1.95.0"


def a_path_out_of_the_tree(forged):
    forged.raw["before"]["../evil.rs"] = digest(b"")


def an_absolute_path(forged):
    forged.raw["after"]["/tmp/evil.rs"] = None


def a_hidden_field(forged):
    forged.raw["items"]["fn:rt_table_set"]["note"] = "trust me"


LIES = [
    another_digest_of_an_item,
    another_digest_before,
    a_moved_span,
    two_items_swapped,
    two_names_swapped,
    an_item_left_out,
    an_item_said_to_be_gone,
    code_as_an_import,
    a_call_as_an_import,
    an_import_inside_a_function,
    an_attribute_as_an_import,
    a_condition_of_its_own,
    an_import_that_takes_an_attribute,
    an_attribute_dropped_as_a_blank_line,
    an_attribute_dropped_as_an_import,
    a_comment_that_hides_code,
    a_line_joined_to_a_comment,
    a_doc_added_as_a_header,
    a_comment_without_its_end,
    a_module_with_a_body,
    a_module_from_elsewhere,
    a_module_that_nobody_wrote,
    wider_visibility,
    code_as_visibility,
    visibility_dropped,
    a_string_as_a_path,
    a_token_as_a_rewrap,
    a_reason_of_ones_own,
    a_span_kept_twice,
    bytes_that_are_nowhere,
    a_file_that_was_edited,
    an_attribute_that_stays_behind,
    a_failed_check,
    a_check_that_compared_nothing,
    a_difference,
    a_check_that_was_not_made,
    a_check_left_out,
    a_path_out_of_the_tree,
    an_absolute_path,
    a_hidden_field,
]
WORDS = {
    "another verdict": change("verdict", "failed"),
    "an unknown verdict": change("verdict", "fine"),
    "an unknown level": change("level", "perfect"),
    "an acceptance that nobody gave": change("accepted", ["mir"]),
    "a foreign format": change("format", 3),
    "an unknown field": change("more", 1),
    "no tool": change("tool", ""),
    "another phase": change("phase", 2),
    "another source": change("source", "src/lib.rs"),
    "another receipt before it": change("previous", digest(b"")),
    "no receipt before it": change("previous", None),
}


@pytest.fixture
def forged(split):
    return Forgery(split, 3)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_is_rejected(forged, lie):
    lie(forged)
    forged.save()
    found = rejected(forged)
    assert all(line > 0 and path and message for path, line, message in found)
    assert not any("was edited" in message for *_, message in found)


@pytest.mark.parametrize("lie", WORDS.values(), ids=WORDS)
def test_so_is_a_wrong_word(forged, lie):
    lie(forged)
    forged.save()
    assert not any("was edited" in message for *_, message in rejected(forged))


def test_what_is_not_sealed_anew_is_known_by_that(forged):
    forged.raw["name"] = "a better one"
    forged.save(sealed=False)
    assert any("was edited" in message for *_, message in rejected(forged))


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"format": 2, "format": 2}'])
def test_what_is_no_receipt_is_rejected(forged, text):
    forged.path.write_bytes(text)
    rejected(forged)


def test_a_name_that_stands_twice_is_rejected(forged):
    text = forged.path.read_text()
    forged.path.write_text(text.replace('"verdict": "passed"', '"verdict": "passed", "verdict": "passed"'))
    rejected(forged)


def test_the_honest_one_is_accepted(forged):
    forged.rewrite()
    forged.save()
    assert forged.trial.run("certify", forged.path).code == 0


def rejected(forged):
    said = forged.trial.run("certify", forged.path, "--format", "json")
    assert said.code == 1, said.err
    shape = json.loads(said.out)
    assert shape["verdict"] == "rejected"
    (row,) = shape["receipts"]
    return [(reason["path"], reason["line"], reason["message"]) for reason in row["reasons"]]
