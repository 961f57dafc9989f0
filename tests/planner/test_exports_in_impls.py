"""Types whose impls export functions are grouped as functions are."""

TYPE = """\
/// A {name}.
pub struct {kind} {{
    used: i64,
}}

impl {kind} {{
    #[no_mangle]
    pub extern "C" fn rt_{name}_len(held: &{kind}) -> i64 {{
        held.used
    }}

    #[no_mangle]
    pub extern "C" fn rt_{name}_add(held: &mut {kind}, more: i64) {{
        held.used += more;
    }}
}}

"""


def source(*names):
    return "".join(TYPE.format(name=name, kind=f"{name.capitalize()}Store") for name in names)


def test_each_type_with_functions_of_its_own_can_be_a_module(plan):
    placed = plan(source("colour", "window", "parcel")).placed
    assert len(set(placed.values())) > 1
    for kind in ("ColourStore", "WindowStore", "ParcelStore"):
        assert placed[f"struct:{kind}"] == placed[f"impl:{kind}"]


def test_a_single_type_stays_where_it_is(plan):
    assert not plan(source("colour")).placed


def test_a_type_without_exports_follows_its_users(plan):
    text = (
        source("colour", "window")
        + "struct Shade(i64);\nimpl Shade {\n    fn deep(&self) -> i64 {\n        self.0\n    }\n}\n"
    )
    text = text.replace("        held.used\n", "        held.used + Shade(1).deep()\n", 1)
    placed = plan(text).placed
    assert placed["struct:Shade"] == placed["impl:Shade"] == placed["struct:ColourStore"]
