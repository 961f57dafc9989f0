"""What `splitter explain` prints about each check: what it looks at, why, and what it cannot see.

Invariant: one text for every check; nothing here is computed.
"""

TEXTS = {
    "tokens": """\
Parses the files before and after and compares them item by item: every token, comment, doc and attribute of an
item has to stand exactly once in the tree after, on the same item, in the same order. Comments that lead no item
and inner attributes are compared as well, and a licence notice at the head of the monolith has to head every file
that the split made of it. Thought away are visibility, the start of `self::` and `super::` paths
(they are resolved and have to lead to the same place), relative include paths (likewise) and a comma before a
closing bracket. What the tool added or dropped has to be of the kind that its listed reason names.

Between two revisions (`--before`, `--after`) items are matched by key and content wherever in the crate they went,
methods, inline modules and extern blocks taken apart. There each difference is named by its kind, and what such a
split may change is listed: a `cfg` that moved to a `mod` line, visibility inside the crate, another way to write a
path. Names that are bound to something else than before are found as far as imports tell.

Why: attributes left behind at the cut and docs that land on the next function are the classic losses of a split
made by hand, and the compiler says nothing about them.

Cannot see: an import that gives a name another meaning. `mir` does.""",
    "build": """\
Runs `cargo check --all-targets` in each configuration (default, no default features, all features, each feature
that gates moved items), and compares the warnings: one that was not there before is a difference, one that moved
with its code is not. Configurations that do not build beforehand are listed and left out.

Why: a split can build while its tests or another feature set do not.

Cannot see: anything about meaning; code for another platform is not compiled.""",
    "symbols": """\
Reads the names that the built library exports (from the shared library where there is one, else from the crate's
own objects) in the default configuration and in those that compile what features gate, and compares them. The
signatures of exported functions and statics are compared as the source gives them, with their `cfg`s.

Why: a lost `#[no_mangle]` links away a function without a word.

Cannot see: names exported for other platforms than the one at hand; their declarations are compared all the same.""",
    "state": """\
Finds every `static`, `thread_local!` and lazy cell, those inside functions, inline modules and macro calls
included, and compares name, mutability, type and value. Each has to be defined as often as before; those of a file
that is compiled as two modules (`#[path]`) are defined twice.

Why: a private static copied into two modules passes the compiler, the linker and every comparison of function
bodies, and makes one counter into two.

Cannot see: state that a macro of another crate makes from a name alone; the call itself is compared by `tokens`.""",
    "api": """\
Resolves every name that the file shows to code outside its module, through items and `use` declarations, before
and after: it has to lead to the same item, be as visible, and exist under the same `cfg`s (compared by what they
mean). Visible fields and methods are compared as well. What was private may become visible inside the old module,
and no further. Between two revisions every public path of the crate is compared, and no other.

Why: a lost re-export breaks other crates, which no build here compiles.

Cannot see: names that come through a glob import of another crate.""",
    "mir": """\
Has rustc print the MIR of the whole library (or binary) before and after and compares every function, constant and
static, in the default configuration and in those that compile what features gate. Module paths of the split,
source positions and numbers of allocations are made canonical (allocations by their content, followed through);
everything else has to be equal to the letter. Code that asks for its own position (`line!`, `file!`,
`module_path!`, log targets) cannot be equal and is listed item by item; where a macro of another crate asks, what
differs has to be the item's very file, module and lines. Functions that no configuration compiled are listed too.

Why: it is the meaning of the code after names are resolved: swapped helpers, a lost trait import that changes which
method is called, or a changed constant show here and nowhere else before the tests.

Cannot see: a static that became two (`state` does), attributes that work below MIR, such as `inline` (`tokens`
does), and code that is not compiled here.""",
    "tests": """\
Runs `cargo test` (or the command given with `--test-command`) before and after, unit, integration and doc tests,
and compares names, mapped through the split, and outcomes. A test that failed before may fail after.

Why: a split that loses tests builds more easily.

Cannot see: what no test looks at. A crate without tests is reported as such, not as passed.""",
    "format": """\
Compares every byte of the touched files with what the change set accounts for, and asks rustfmt, where it is
installed, about every file: what was clean beforehand has to be clean after. Files that were not clean are held to
their bytes alone, and named.

Why: a reviewer has to be able to list all bytes that are not the author's.

Cannot see: whether the code is pleasant to read.""",
    "behaviour": """\
Loads the library before and the library after, each in a process of its own that can write to one empty folder, run
nothing and reach no network, and plays the same sequences of calls to both, each in a fresh fork. Arguments are made
up by the extern signatures: numbers, flags, C strings, buffers with lengths, out parameters, `repr(C)` structs,
callbacks; what one call gave is fed to the next, so that handles, and state that is set and asked for, are at work.
Compared are results, buffers, calls back, printed text, crashes and calls that do not come back; addresses become
names first. Sequences that differ are made as short as they go and printed. Call vectors of the crate
(`[package.metadata.splitter] vectors = "folder"` in Cargo.toml) are played as well.

Why: it asks the finished library, whatever the compiler made of it: a static that became two answers wrongly here.

Cannot see: what no sequence came upon; functions that differ from themselves on a second run (listed; above a tenth
the check is incomplete), and those whose types C does not know (listed).""",
    "code": """\
Compiles the library (or binary) before and after with the crate's own release profile, optimised, but as one codegen
unit, and compares the objects that rustc writes: the code of every function, private ones too, every static, the
section that each stands in, how it is unwound, and what it refers to, in the configurations that `mir` is made in.
Addresses become names, and what has no name counts by its content, followed through; module paths of the split are
taken out of names. Off are link-time optimisation, inlining before LLVM, and merging of equal functions, all of which
go by the order or the hash of names. Panic locations become the item and the token that they point at; which items
they are is listed, as are types whose `TypeId` follows their path, and functions that ask for their own position. One
that uses such a function, and may have it inlined, is listed where nothing but bytes of its code or the same constants
differ: what it does by itself, `mir` compares. Every exported function has to be among what was compared.

Why: it is what runs. A lost `inline(never)`, `link_section` or `Drop` shows here whatever the source looks like.

Cannot see: the code that several codegen units or link-time optimisation would give, which does depend on where a
function stands; generic functions that only other crates use. The `TypeId` of a type that is never made a `dyn Any`
cannot be told from other constants: where one stands in code and the type moves, the check fails. Objects that are not
ELF for 64-bit machines are not read, and the check is skipped.""",
    "header": """\
Where C headers are made of the crate's sources, has them made before and after and compares them declaration by
declaration, each with its comments and the conditions (`#if`) around it. Their order may differ, and is listed then.
The headers are those that the crate's build script writes when it is run anew; where the crate uses cbindgen and its
build script writes none, what the `cbindgen` command prints.

Why: C code sees the header, and cbindgen looks for functions along `mod` lines: a module that it cannot find takes
its functions out of the header without a word.

Cannot see: headers written by hand or by other programs. Where cbindgen is used and no header can be made it is
skipped; where nothing makes a header it does not apply.""",
}
