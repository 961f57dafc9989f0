"""Pictures of the graph: everything is in them, and the same graph gives the same bytes."""

import xml.etree.ElementTree as ET
from itertools import combinations

import networkx as nx
import pytest

from splitter.model.plan import Module, Phase, Plan
from splitter.report.graph_boxes import columns_of, links_of
from splitter.report.graph_dot import dot_text
from splitter.report.graph_html import html_text
from splitter.report.graph_json import graph_shape
from splitter.report.graph_svg import svg_text

SVG = "{http://www.w3.org/2000/svg}"


def boxes_of(root):
    """Rectangles of modules: x, y, width, height."""
    found = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "box"]
    return [tuple(int(rect.get(name)) for name in ("x", "y", "width", "height")) for rect in found]


def test_columns_are_phases_and_what_stays_comes_last(graph, plan):
    columns = columns_of(graph, plan)
    assert [(column.number, column.name) for column in columns] == [(1, "core values"), (2, "hash"), (0, "stays")]
    assert [item.key for item in columns[2].boxes[0].items] == ["fn:left"]


def test_links_gather_references_between_modules(graph, plan):
    links = [(link.src, link.dst, link.count) for link in links_of(graph, plan)]
    assert links == [("", "hash/sha1", 1), ("hash/sha1", "memory", 1)]


def test_a_picture_has_every_module_item_and_link_with_a_tooltip(graph, plan):
    root = ET.fromstring(svg_text(graph, plan))
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert "hash/sha1: 2 items, 2 lines\nSHA-1 <of> anything." in titles
    assert "fn rt_sha1\nsrc/ffi.rs:9\nexported as rt_sha1\nuses round, rt_alloc" in titles
    assert "hash/sha1 → memory: 1 reference\nrt_sha1 → rt_alloc" in titles
    assert len(boxes_of(root)) == 3


@pytest.mark.parametrize("phases", [1, 6, 7, 20])
def test_modules_never_cover_one_another_and_stay_inside_the_picture(graph, phases):
    plan = Plan(
        "src/ffi.rs",
        "",
        tuple(Phase(n, "p", "", (Module(f"a{n}", "", ()), Module(f"b{n}", "", ()))) for n in range(phases)),
    )
    root = ET.fromstring(svg_text(graph, plan))
    boxes = boxes_of(root)
    assert len(boxes) == 2 * phases + 1
    for (x, y, width, height), (u, v, wide, high) in combinations(boxes, 2):
        assert x + width <= u or u + wide <= x or y + height <= v or v + high <= y
    assert all(x + width <= int(root.get("width")) for x, _, width, _ in boxes)
    assert all(y + height <= int(root.get("height")) for _, y, _, height in boxes)


def test_a_page_embeds_the_picture_and_loads_nothing(graph, plan):
    page = html_text(graph, plan)
    assert svg_text(graph, plan) in page
    assert "<script" not in page
    assert "href=" not in page
    assert "src=" not in page


def test_dot_quotes_what_keys_may_hold(graph, plan):
    text = dot_text(graph, plan)
    assert '"fn:rt_sha1" -> "fn:rt_alloc";' in text
    assert text.count("{") == text.count("}") == 7
    odd = Plan('a"b\\.rs', "", (Phase(1, 'say "x"', "", ()),))
    assert 'label="1 say \\"x\\""' in dot_text(graph, odd)


def test_json_is_what_networkx_reads(graph, plan):
    read = nx.node_link_graph(graph_shape(graph, plan), edges="edges")
    assert read.nodes["fn:rt_sha1"]["module"] == "hash/sha1"
    assert read.nodes["fn:left"]["module"] is None
    assert read.has_edge("fn:rt_sha1", "fn:rt_alloc", key="uses")
    assert read.number_of_edges() == len(graph.references)


@pytest.mark.parametrize("write", [svg_text, html_text, dot_text])
def test_the_same_graph_gives_the_same_bytes(graph, plan, write):
    assert write(graph, plan) == write(graph, plan)
