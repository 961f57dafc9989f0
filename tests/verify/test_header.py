"""`header` compares generated C headers declaration by declaration, in whatever order."""

from dataclasses import replace

import pytest
from hand_split import COUNTER, HEADER_AFTER, HEADER_BEFORE

from splitter.model.check import Outcome
from splitter.model.evidence import Missing
from splitter.verify.c_declarations import read_declarations
from splitter.verify.header import check_header


@pytest.fixture
def judged(before, after, scope):
    """The result for another header after."""

    def judge(new, old=HEADER_BEFORE):
        trees = [replace(t, headers={"default": {"tiny.h": h}}) for t, h in ((before, old), (after, new))]
        return check_header(*trees, scope, None)

    return judge


def test_another_order_is_lawful_and_listed(judged):
    result = judged(HEADER_AFTER)
    assert (result.outcome, result.compared, result.equal) == (Outcome.PASSED, 3, 3)
    assert result.lawful == ("order of declarations in tiny.h",)
    assert judged(HEADER_BEFORE).lawful == ()


FAULTS = {
    "a declaration lost": ("uint32_t rt_text(void);\n", "", "`rt_text` in tiny.h is declared no more"),
    "another type": ("(uint32_t step)", "(uint64_t step)", "`rt_next` in tiny.h was `"),
    "another comment": ("The next number", "Some number", "`rt_next` in tiny.h was `"),
    "a declaration more": ("uint32_t rt_text", "void rt_c(void);\nuint32_t rt_text", "`rt_c` was not declared before"),
    "under a condition": (
        "uint32_t rt_text(void);",
        "#if defined(TEXT)\nuint32_t rt_text(void);\n#endif",
        "`rt_text` in tiny.h was `",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_difference_is_found(fault, judged):
    old, new, message = FAULTS[fault]
    assert old in HEADER_AFTER
    found = judged(HEADER_AFTER.replace(old, new)).findings
    assert len(found) == 1
    assert found[0].message.startswith(message)


def test_a_finding_names_the_rust_item_and_its_place(judged):
    found = judged(HEADER_AFTER.replace("uint32_t step", "uint64_t step")).findings
    assert [(f.item, f.path, f.line) for f in found] == [("fn:rt_next", COUNTER, 10)]


def test_a_header_that_is_written_no_more_is_found(before, after, scope):
    result = check_header(before, replace(after, headers={"default": {}}), scope, None)
    assert result.outcome is Outcome.FAILED


def test_where_nothing_makes_a_header_it_does_not_apply(before, after, scope):
    none = Missing("nothing makes a header of this crate's sources", applicable=False)
    result = check_header(replace(before, headers=none), replace(after, headers=none), scope, None)
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert check_header(before, replace(after, headers=none), scope, None).outcome is Outcome.SKIPPED


SORTS = """\
#ifndef ALL_H
#define ALL_H
#include <stdint.h>

/* By itself. */

// Doc of A.
typedef struct A {
  int x; // in it
#if defined(WIDE)
  int y;
#endif
} A;

#define MAX 3 /* tail */
enum Kind { One, Two };
#ifdef __cplusplus
namespace ffi {
extern "C" {
#endif  // __cplusplus

int32_t f(const struct A *a,
          void (*done)(int));
extern const A *TABLE; // of all
static inline int g(int x) { if (x) { return ';'; } return 2; }
#if defined(ODD)
int h(void);
#else
int k(const char *s);
#endif
#define START (A){ .x = 1 }

#ifdef __cplusplus
}  // extern "C"
}  // namespace ffi
#endif
#endif  /* ALL_H */
"""


def test_every_sort_of_declaration_is_cut_out():
    found = {d.name: d.text for d in read_declarations(SORTS) if d.name}
    assert list(found) == ["ALL_H", "#include <stdint.h>", "A", "MAX", "Kind", "f", "TABLE", "g", "h", "k", "START"]
    assert found["A"].endswith(
        "// Doc of A. typedef struct A { int x ; // in it #if defined(WIDE) int y ; #endif } A ;"
    )
    assert found["MAX"] == "[#ifndef ALL_H] #define MAX 3 /* tail */"
    assert found["TABLE"].endswith("extern const A * TABLE ; // of all")
    assert (
        found["k"] == '[#ifndef ALL_H] [#if defined(ODD) #else] [namespace ffi] [extern "C"] int k ( const char * s ) ;'
    )


def test_no_word_of_a_header_is_left_out():
    """Directives of conditions and the frames of blocks are told as what they surround."""
    read = " ".join(declaration.text for declaration in read_declarations(SORTS))
    for word in ("By itself", "Doc of A", "in it", "tail", "of all", "done", "START", "ODD", "extern", "ffi", "WIDE"):
        assert word in read


def test_line_ends_do_not_matter():
    assert read_declarations(SORTS.replace("\n", "\r\n")) == read_declarations(SORTS)
