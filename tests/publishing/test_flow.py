"""Flow diagrams: what the text says is what is drawn, readable, translatable; bad text is an error with its line."""

import re
import xml.etree.ElementTree as ElementTree
from io import StringIO
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from course_lib.publishing.flow import FONT, FlowError, parse, text_width, to_svg, wrap

SVG = "{http://www.w3.org/2000/svg}"
HEAD = "flowchart LR\naccDescr: What it shows.\n"
TEXT = f"""
{HEAD}
query[Query] --> bm25[BM25: words] --> fuse[Fused list]
query --> dense[Encoder: meaning] --> fuse

%% a remark
query -->|as it is| fuse
fuse -.->|clicks| query
"""


def _svg(text: str, down: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(to_svg(parse(text.replace("LR", "TD") if down else text)))


def _boxes(svg: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    rects = svg.findall(f"{SVG}rect")
    return [tuple(float(rect.get(k)) for k in ("x", "y", "width", "height")) for rect in rects]


def _apart(a, b) -> bool:
    return a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]


def test_parse_reads_nodes_arrows_and_labels():
    flow = parse(TEXT)
    assert flow.labels == {
        "query": "Query", "bm25": "BM25: words", "fuse": "Fused list", "dense": "Encoder: meaning"
    }  # fmt: skip
    assert {(a.start, a.end, a.label, a.feedback) for a in flow.arrows} == {
        ("query", "bm25", "", False), ("bm25", "fuse", "", False), ("query", "dense", "", False),
        ("dense", "fuse", "", False), ("query", "fuse", "as it is", False), ("fuse", "query", "clicks", True),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 0, "empty"),
        (HEAD, 0, "empty"),
        ("a[A] --> b[B]", 0, "first line"),
        ("flowchart BT\na[A]", 0, "first line"),
        ("flowchart LR\na[A] --> b[B]", 0, "accDescr"),
        ("flowchart LR\naccDescr: \na[A] --> b[B]", 0, "accDescr"),
        (HEAD + "a[A] --> b", 2, "no label"),
        (HEAD + "a[A]\n--> b[B]", 3, "no node"),
        (HEAD + "a[A] --> b[B]\na[Other]", 3, "two labels"),
        (HEAD + "a[A] => b[B]", 2, "no node"),
        (HEAD + "a[A] -> b[B]", 2, "no node"),
        (HEAD + "a[A] --> b[B]: x", 2, "no node"),
        (HEAD + "a[A] --> b[B]\nb --> a", 0, "circle"),
        (HEAD + "a[A] --> a", 0, "circle"),
        (HEAD + "a[A --> b[B]", 2, "is no node"),
        (HEAD + "a[f(x)] --> b[B]", 2, "'\\('"),
        (HEAD + "a[A] -->|x; y| b[B]", 2, "';'"),
        (HEAD + "end[A] --> b[B]", 2, "word of mermaid's own"),
    ],
)
def test_bad_text_is_an_error_with_its_line(text, line, says):
    with pytest.raises(FlowError, match=says) as raised:
        parse(text)
    assert raised.value.line == line


@pytest.mark.parametrize("down", [False, True])
def test_the_picture_has_a_name_text_and_an_arrow_each(down):
    svg = _svg(TEXT, down)
    assert svg.get("role") == "img" and svg.get("aria-label") == "What it shows." == svg.find(f"{SVG}title").text
    said = [" ".join(t.itertext()) for t in svg.findall(f"{SVG}text")]
    assert sorted(said) == sorted(["Query", "BM25: words", "Fused list", "Encoder: meaning", "as it is", "clicks"])
    kinds = [path.get("class") for path in svg.findall(f"{SVG}path")]
    assert kinds.count("flow-head") == 6 and kinds.count("flow-arrow flow-feedback") == 1
    assert not re.search(r"#[0-9a-f]{3,6}|rgb", to_svg(parse(TEXT)))  # colours are the page's
    assert "<script" not in to_svg(parse(TEXT)) and " id=" not in to_svg(parse(TEXT))


def test_labels_are_escaped():
    flow = parse("flowchart LR\naccDescr: x \" <y>\na[b & c] -->|i & j| b[B]")
    flow.labels["b"] = '<b> "B"'  # as a translation may bring it
    svg = ElementTree.fromstring(to_svg(flow))
    assert svg.get("aria-label") == 'x " <y>'
    assert [" ".join(t.itertext()) for t in svg.findall(f"{SVG}text")] == ["i & j", "b & c", '<b> "B"']


@st.composite
def diagrams(draw):
    n = draw(st.integers(1, 9))
    label = st.text(alphabet="abc 检索模型", min_size=1, max_size=40).filter(str.strip)
    lines = [f"n{i}[{draw(label)}]" for i in range(n)]
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=14))
    return HEAD + "\n".join(lines + [f"n{min(p)} --> n{max(p)}" for p in pairs if p[0] != p[1]])


@settings(max_examples=60, deadline=None)
@given(diagrams(), st.booleans())
def test_no_two_boxes_overlap_and_all_lie_inside(text, down):
    svg = _svg(text, down)
    width, height = float(svg.get("width")), float(svg.get("height"))
    boxes = _boxes(svg)
    assert len(boxes) == len(parse(text).labels)
    assert all(_apart(a, b) for a, b in combinations(boxes, 2))
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)


@settings(max_examples=60, deadline=None)
@given(diagrams(), st.booleans())
def test_arrows_run_with_the_layers(text, down):
    svg, flow = _svg(text, down), parse(text)
    at = dict(zip(flow.labels, _boxes(svg)))
    axis = 1 if down else 0
    for arrow in flow.arrows:
        assert at[arrow.start][axis] + at[arrow.start][axis + 2] < at[arrow.end][axis]


@given(st.text(alphabet="ab 检索", min_size=1, max_size=60).filter(str.strip))
def test_wrapping_loses_no_character_and_keeps_lines_short(label):
    lines = wrap(label)
    assert "".join("".join(lines).split()) == "".join(label.split())
    word = max(text_width(w) for w in re.split(r"\s+|(?<=[检索])|(?=[检索])", label) if w)
    assert all(text_width(line) <= max(18 * FONT * 0.56, word) + FONT for line in lines)


def _build(folder, page: str, builder: str, language: str = "en"):
    (folder / "conf.py").write_text(
        "extensions = ['myst_nb', 'flow_only']\nnb_execution_mode = 'off'\nlocale_dirs = ['locale']\n",
        encoding="utf-8",
    )
    (folder / "index.md").write_text(page, encoding="utf-8")
    warnings = StringIO()
    with patch_docutils(str(folder)), docutils_namespace():
        app = Sphinx(
            folder, folder, folder / "_out" / language / builder, folder / "_tree" / language, builder,
            {"language": language}, status=None, warning=warnings,
        )  # fmt: skip
        app.build()
    return folder / "_out" / language / builder, warnings.getvalue()


@pytest.fixture
def flow_only(monkeypatch):
    """A Sphinx extension with the directive and nothing else of the book."""
    import sys
    from types import ModuleType

    from course_lib.publishing import flow

    def setup(app):
        app.add_directive("mermaid", flow.FlowDirective)
        app.add_node(flow.FlowNode, html=(flow.visit_html, None), text=(flow.visit_text, None))

    module = ModuleType("flow_only")
    module.setup = setup
    monkeypatch.setitem(sys.modules, "flow_only", module)


PAGE = "# Page\n\n```{mermaid}\nflowchart LR\naccDescr: Two steps.\na[First step] -->|then| b[Second step]\n```\n"


def test_a_page_shows_it_in_html_and_says_it_in_text(tmp_path, flow_only):
    out, warnings = _build(tmp_path, PAGE, "html")
    html = (out / "index.html").read_text(encoding="utf-8")
    assert warnings == "" and '<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="img"' in html
    out, _ = _build(tmp_path, PAGE, "text")
    assert "Two steps." in (out / "index.txt").read_text(encoding="utf-8")


def test_labels_go_to_the_catalogue_and_come_back_translated(tmp_path, flow_only):
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    out, _ = _build(tmp_path, PAGE, "gettext")
    with open(out / "index.pot", "rb") as file:
        catalogue = read_po(file)
    said = {"Two steps.": "两步。", "First step": "第一步", "Second step": "第二步", "then": "然后"}
    for message, translated in said.items():
        catalogue[message].string = translated  # KeyError: the message was not extracted
    to = tmp_path / "locale" / "zh_CN" / "LC_MESSAGES"
    to.mkdir(parents=True)
    with open(to / "index.mo", "wb") as file:
        write_mo(file, catalogue)
    html = (_build(tmp_path, PAGE, "html", "zh_CN")[0] / "index.html").read_text(encoding="utf-8")
    assert all(text in html for text in said.values()) and not any(text in html for text in said)


@pytest.mark.parametrize(
    ("page", "line", "says"),
    [
        ("# Page\n\n```{mermaid}\nflowchart LR\na[A] --> b[B]\n```\n", 3, "accDescr: …' is missing"),
        ("# Page\n\n```{mermaid}\nflowchart LR\naccDescr: x\n\na[A] --> b[B]\nb --> c\n```\n", 8, "node 'c' has no label"),
    ],
)
def test_a_bad_diagram_is_an_error_with_file_and_line(tmp_path, flow_only, page, line, says):
    _, warnings = _build(tmp_path, page, "html")
    assert re.search(rf"index\.md:\d+: ERROR.*{says}", warnings, re.DOTALL), warnings
    assert f":{line}:" in warnings or f"line {line}:" in warnings, warnings
