"""Plans of short sources, made as a user's would be."""

import pytest

from splitter.graph.build import build_graph
from splitter.planner.plan import PlanOptions, make_plan
from splitter.source.parse import parse


def function(name, body="", head="#[no_mangle]\npub extern "):
    return f'{head}"C" fn {name}() {{ {body} }}\n\n' if head else f"fn {name}() {{ {body} }}\n\n"


@pytest.fixture(name="graph")
def graph_of():
    """Graph of a source text."""
    return lambda text: build_graph(parse("src/ffi.rs", text.encode()))


@pytest.fixture(name="plan")
def plan_of(graph):
    """Plan of a source text."""
    return lambda text, **options: make_plan(graph(text), PlanOptions(**options))


@pytest.fixture
def runtime():
    """A runtime whose functions speak the lexicon's words, one helper a domain and one for all."""
    domains = {
        "value": ["int", "float", "bool", "is_nil"],
        "sha1": ["new", "write", "finish", "free"],
        "sha256": ["new", "write", "finish", "free"],
        "map": ["new", "get", "insert", "free"],
        "queue": ["new", "push", "pop", "free"],
        "string": ["new", "len", "concat", "data"],
    }
    parts = ["use std::sync::Mutex;\n\n", function("fail", head="")]
    for domain, verbs in domains.items():
        parts.append(f"// ---- {domain} ----\n\n")
        parts.append(f"static {domain.upper()}S: Mutex<i64> = Mutex::new(0);\n\n")
        state = f"{domain.title()}State"
        parts.append(f"struct {state} {{ at: i64 }}\n\nimpl Drop for {state} {{ fn drop(&mut self) {{}} }}\n\n")
        parts.append(function(f"{domain}_step", f"let _ = (&{domain.upper()}S, {state} {{ at: 0 }});", head=""))
        parts += [function(f"rt_{domain}_{verb}", f"{domain}_step(); fail();") for verb in verbs]
    parts.append("#[cfg(test)]\nmod tests { use super::*; #[test] fn it_works() { fail(); } }\n")
    return "".join(parts)
