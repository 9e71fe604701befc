"""Flow diagrams: text in the chapter becomes an SVG at build time, with selectable and translatable labels.

The text is a part of mermaid's flowchart syntax, so that JupyterLab, which knows mermaid, draws the same diagram. The
first line gives the direction (TD down, LR to the right), ``accDescr`` says what the diagram shows; then one statement
per line. A node's label is given once, an arrow may have a label, ``-.->`` is feedback (drawn dashed, and not counted for
the order)::

    ```{mermaid}
    flowchart LR
    accDescr: A query goes to two retrievers, and their lists are fused.
    query[Query] --> bm25[BM25: words] --> fuse[Fused list]
    query --> dense[Encoder: meaning] --> fuse
    fuse -.->|clicks| query
    ```
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from html import escape
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from course_lib.core.errors import CourseError

FONT = 14  # px; the diagram is never scaled down, so labels keep this size on a phone
LINE = 19  # px between lines of a label
PAD_X, PAD_Y = 14, 10
GAP_LAYER, GAP_NODE = 56, 22
LANE = 8  # px that an arrow takes where it passes a layer
WRAP = 18  # characters of Latin text in a line of a label
_NODE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:\[([^\]]+)\])?\s*")
_ARROW = re.compile(r"(-->|-\.->)(?:\|([^|]*)\|)?")
_DIRECTION = re.compile(r"\s*flowchart\s+(TD|LR)\s*")
_ABOUT = re.compile(r"\s*accDescr\s*:\s*(.*)")
_UNSAFE = re.compile(r"[()\[\]{}|\"`;#<>]")  # ends a label or begins something else in mermaid
_RESERVED = {"call", "class", "classDef", "click", "default", "end", "flowchart", "graph", "href", "linkStyle", "style",
             "subgraph"}  # fmt: skip


class FlowError(CourseError):
    """The text of a diagram breaks the syntax; ``line`` counts from 0 within the text."""

    def __init__(self, what: str, line: int):
        super().__init__(what)
        self.line = line


class Arrow(NamedTuple):
    start: str
    end: str
    label: str
    feedback: bool


@dataclass
class Flow:
    """A diagram: labels by node, in the order of first mention, and arrows.

    Args:
        alt: what it shows, in a sentence.
        down: whether its layers run downwards; else to the right.
    """

    labels: dict[str, str] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
    alt: str = ""
    down: bool = False


def parse(text: str) -> Flow:
    """Read a diagram.

    Raises:
        FlowError: no direction or description, bad syntax, a label or name that mermaid reads otherwise, a node without
            a label, two labels, or a circle of ``-->``.
    """
    flow, mentioned, begun = Flow(), dict[str, int](), False
    for number, line in enumerate(text.splitlines()):
        if not line.strip() or line.strip().startswith("%%"):
            continue
        if not begun:
            direction = _DIRECTION.fullmatch(line)
            if not direction:
                raise FlowError("the first line must be 'flowchart TD' (down) or 'flowchart LR' (to the right)", number)
            flow.down, begun = direction[1] == "TD", True
        elif about := _ABOUT.fullmatch(line):
            flow.alt = " ".join(about[1].split())
        else:
            _read_statement(line, number, flow, mentioned)
    bare = next((name for name in mentioned if name not in flow.labels), None)
    if bare is not None:
        raise FlowError(f"node {bare!r} has no label; write {bare}[Its label] once", mentioned[bare])
    if not mentioned:
        raise FlowError("the diagram is empty", 0)
    if not flow.alt:
        raise FlowError("the line 'accDescr: …' is missing; say in a sentence what the diagram shows", 0)
    _layers(flow)
    flow.labels = {name: flow.labels[name] for name in mentioned}
    return flow


def _read_statement(line: str, number: int, flow: Flow, mentioned: dict[str, int]) -> None:
    """A line of nodes joined by arrows: node, then (arrow, its label, node) as often as wanted."""
    parts = _ARROW.split(line)
    names = [_read_node(part, number, flow, mentioned) for part in parts[::3]]
    for start, arrow, label, end in zip(names, parts[1::3], parts[2::3], names[1:]):
        flow.arrows.append(Arrow(start, end, _read_label(label or "", number), arrow == "-.->"))


def _read_node(part: str, line: int, flow: Flow, mentioned: dict[str, int]) -> str:
    match = _NODE.fullmatch(part)
    if not match:
        raise FlowError(f"{part.strip()!r} is no node; write name or name[Label], joined by --> or -.->", line)
    name, label = match.groups()
    if name in _RESERVED:
        raise FlowError(f"a node can't be called {name!r}, a word of mermaid's own", line)
    mentioned.setdefault(name, line)
    if label and flow.labels.setdefault(name, _read_label(label, line)) != label.strip():
        raise FlowError(f"node {name!r} has two labels", line)
    return name


def _read_label(label: str, line: int) -> str:
    bad = _UNSAFE.search(label)
    if bad:
        raise FlowError(f"the label {label.strip()!r} has {bad[0]!r}, which mermaid reads as its own", line)
    return label.strip()


def _layers(flow: Flow) -> list[list[str]]:
    """Nodes by layer: each one layer after the last of its predecessors (longest path)."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(flow.labels)
    graph.add_edges_from((a.start, a.end) for a in flow.arrows if not a.feedback)
    if not nx.is_directed_acyclic_graph(graph):
        circle = [edge[0] for edge in nx.find_cycle(graph)]
        raise FlowError(f"a circle of arrows ({' --> '.join([*circle, circle[0]])}); draw the way back with -.->", 0)
    return [list(layer) for layer in nx.topological_generations(graph)]


@dataclass
class _Box:
    """A node on the page, or (without lines) the lane of an arrow through a layer. Coordinates of the centre, px."""

    lines: list[str]
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


def to_svg(flow: Flow) -> str:
    """The diagram as one ``<svg>`` element. Colours come from the page's CSS."""
    down, alt = flow.down, escape(flow.alt)
    boxes, layers, routes = _boxes(flow)
    _order(layers, routes)
    width, height = _place(boxes, layers, down)
    drawn, low = [], height
    for route, arrow in routes:
        drawn.append(_curve([boxes[name] for name in route], down))
        if arrow.label:
            first, last = boxes[route[0]], boxes[route[1]]
            x, y = (first.x + last.x) / 2, (first.y + last.y) / 2 - 6
            drawn.append(f'<text class="flow-label" x="{x:.1f}" y="{y:.1f}">{escape(arrow.label)}</text>')
    for arrow in (a for a in flow.arrows if a.feedback):
        low += 34
        drawn.append(_feedback(boxes[arrow.start], boxes[arrow.end], arrow.label, low if not down else width, down))
        if down:
            width += 34 + text_width(arrow.label)
    height = low + (12 if low > height else 0)
    drawn += [_draw_box(box) for name, box in boxes.items() if box.lines]
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="img" aria-label="{alt}" {size}>'
    return f"{head}<title>{alt}</title>{''.join(drawn)}</svg>"


def _boxes(flow: Flow) -> tuple[dict[str, _Box], list[list[str]], list[tuple[list[str], Arrow]]]:
    """Boxes of nodes and of passing points, layers of names, and the route of each arrow through the layers."""
    layers = _layers(flow)
    at = {name: i for i, layer in enumerate(layers) for name in layer}
    boxes = {}
    for name, label in flow.labels.items():
        lines = wrap(label)
        boxes[name] = _Box(lines, max(map(text_width, lines)) + 2 * PAD_X, LINE * len(lines) + 2 * PAD_Y - 4)
    routes = []
    for number, arrow in enumerate(a for a in flow.arrows if not a.feedback):
        route = [arrow.start]
        for layer in range(at[arrow.start] + 1, at[arrow.end]):
            route.append(f"{number}:{layer}")  # no name of a node holds a colon
            boxes[route[-1]] = _Box([], LANE, LANE)
            layers[layer].append(route[-1])
        routes.append(([*route, arrow.end], arrow))
    return boxes, layers, routes


def _order(layers: list[list[str]], routes: list[tuple[list[str], Arrow]]) -> None:
    """Sort each layer by the mean place of its neighbours (barycentre), to and fro, so that few arrows cross."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for route, _ in routes:
        for a, b in zip(route, route[1:]):
            after.setdefault(a, []).append(b)
            before.setdefault(b, []).append(a)
    for sweep in range(4):
        near = before if sweep % 2 == 0 else after
        place = {name: i / max(len(layer) - 1, 1) for layer in layers for i, name in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            mean = {n: sum(place[m] for m in near[n]) / len(near[n]) if near.get(n) else place[n] for n in layer}
            layer.sort(key=mean.__getitem__)
            place.update({name: i / max(len(layer) - 1, 1) for i, name in enumerate(layer)})


def _place(boxes: dict[str, _Box], layers: list[list[str]], down: bool) -> tuple[float, float]:
    """Give every box its centre; returns width and height of the whole."""

    def along(box: _Box) -> float:  # size in the direction of the layers
        return box.height if down else box.width

    def across(box: _Box) -> float:
        return box.width if down else box.height

    spans = [sum(across(boxes[n]) for n in layer) + GAP_NODE * (len(layer) - 1) for layer in layers]
    whole, position = max(spans), 2.0
    for layer, span in zip(layers, spans):
        depth = max(along(boxes[n]) for n in layer if boxes[n].lines)
        offset = 2.0 + (whole - span) / 2
        for name in layer:
            box = boxes[name]
            if not box.lines:  # a lane is as deep as its layer, so that the arrow passes beside the boxes
                box.width, box.height = (box.width, depth) if down else (depth, box.height)
            centre = (offset + across(box) / 2, position + depth / 2)
            box.x, box.y = centre if down else centre[::-1]
            offset += across(box) + GAP_NODE
        position += depth + GAP_LAYER
    ends = (whole + 4, position - GAP_LAYER + 2)
    return ends if down else ends[::-1]


def _curve(route: list[_Box], down: bool) -> str:
    """A smooth line from box to box through the passing points, with an arrow head."""
    points = []
    for i, box in enumerate(route):
        half = (box.height if down else box.width) / 2
        if i > 0:
            points.append((box.x, box.y - half) if down else (box.x - half, box.y))
        if i < len(route) - 1:
            points.append((box.x, box.y + half) if down else (box.x + half, box.y))
    tip = points[-1]
    points[-1] = (tip[0], tip[1] - 7) if down else (tip[0] - 7, tip[1])
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in zip(points, points[1:]):
        middle = (y1 + y2) / 2 if down else (x1 + x2) / 2
        c = (x1, middle, x2, middle) if down else (middle, y1, middle, y2)
        path += "C" + " ".join(f"{v:.1f}" for v in (*c, x2, y2))
    return f'<path class="flow-arrow" d="{path}"/>{_head(*tip, "down" if down else "right")}'


def _feedback(start: _Box, end: _Box, label: str, track: float, down: bool) -> str:
    """A dashed way back outside all boxes: below them, or to their right."""
    if down:
        x = track + 22
        a, b = (start.x + start.width / 2, start.y), (end.x + end.width / 2, end.y)
        path, head = f"M{a[0]:.1f} {a[1]:.1f}H{x:.1f}V{b[1]:.1f}H{b[0] + 7:.1f}", _head(*b, "left")
        at = (x + 6 + text_width(label) / 2, (a[1] + b[1]) / 2)
    else:
        y = track - 10
        a, b = (start.x, start.y + start.height / 2), (end.x, end.y + end.height / 2)
        path, head = f"M{a[0]:.1f} {a[1]:.1f}V{y:.1f}H{b[0]:.1f}V{b[1] + 7:.1f}", _head(*b, "up")
        at = ((a[0] + b[0]) / 2, y - 5)
    text = f'<text class="flow-label" x="{at[0]:.1f}" y="{at[1]:.1f}">{escape(label)}</text>' if label else ""
    return f'<path class="flow-arrow flow-feedback" d="{path}"/>{head}{text}'


def _head(x: float, y: float, way: str) -> str:
    dx, dy = {"right": (-9, 0), "left": (9, 0), "down": (0, -9), "up": (0, 9)}[way]
    side = (0, 4.5) if dx else (4.5, 0)
    left, right = (x + dx + side[0], y + dy + side[1]), (x + dx - side[0], y + dy - side[1])
    return (
        f'<path class="flow-head" d="M{x:.1f} {y:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}Z"/>'
    )


def _draw_box(box: _Box) -> str:
    x, y = box.x - box.width / 2, box.y - box.height / 2
    top = box.y - LINE * (len(box.lines) - 1) / 2 + FONT * 0.35
    lines = "".join(
        f'<tspan x="{box.x:.1f}" y="{top + LINE * i:.1f}">{escape(line)}</tspan>' for i, line in enumerate(box.lines)
    )
    rect = f'<rect class="flow-box" x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6"/>'
    return f"{rect}<text>{lines}</text>"


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def text_width(text: str) -> float:
    """Estimated width in px: Chinese characters are square, others about 0.56 of the size of the font."""
    return sum(FONT if _wide(c) else FONT * 0.56 for c in text)


def wrap(label: str) -> list[str]:
    """Lines of a label: broken at spaces, and between Chinese characters."""
    lines = [""]
    for piece in re.findall(r"\s+|[^\s\u2e80-\u9fff\uff00-\uffef]+|.", label.strip()):
        units = sum(2 if _wide(c) else 1 for c in lines[-1] + piece.rstrip())
        if units > WRAP and lines[-1].strip():
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.strip() for line in lines if line.strip()]


class FlowNode(nodes.General, nodes.Element, addnodes.translatable):
    """A diagram in the doctree. Its messages for translation are the alternative text and the labels."""

    def preserve_original_messages(self) -> None:
        self.setdefault("messages", _messages(self["flow"]))

    def apply_translated_message(self, original_message: str, translated_message: str) -> None:
        self["said"] = {**self.get("said", {}), original_message: translated_message}

    def extract_original_messages(self) -> list[str]:
        return self.get("messages") or _messages(self["flow"])

    def texts(self) -> list[str]:
        """Alternative text and labels, in the language of the build."""
        said = self.get("said", {})
        return [said.get(message, message) for message in _messages(self["flow"])]

    def svg(self) -> str:
        """The diagram, in the language of the build."""
        said = self.get("said", {})
        flow = parse(self["flow"])
        flow.labels = {name: said.get(label, label) for name, label in flow.labels.items()}
        flow.arrows = [a._replace(label=said.get(a.label, a.label)) for a in flow.arrows]
        flow.alt = said.get(flow.alt, flow.alt)
        return to_svg(flow)


def _messages(text: str) -> list[str]:
    flow = parse(text)
    return list(dict.fromkeys([flow.alt, *flow.labels.values(), *(a.label for a in flow.arrows if a.label)]))


class FlowDirective(SphinxDirective):
    """``{mermaid}``: see the module's text."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content)
        try:
            parse(text)
        except FlowError as error:
            line = self.lineno + self.content_offset + 1 + error.line  # MyST counts the offset from the directive
            raise self.directive_error(3, f"mermaid, line {line}: {error}") from error
        node = FlowNode(flow=text)
        self.set_source_info(node)
        return [node]


def visit_html(self: Any, node: FlowNode) -> None:
    # Focusable, since a wide diagram scrolls sideways on a phone and must do so by keyboard, too.
    self.body.append(f'<div class="flow-scroll" tabindex="0">{node.svg()}</div>\n')
    raise nodes.SkipNode


def visit_text(self: Any, node: FlowNode) -> None:
    self.add_text(node.texts()[0])
    raise nodes.SkipNode


def visit_other(self: Any, node: FlowNode) -> None:
    """Builders that only collect messages, or have no drawing: nothing to write."""
    raise nodes.SkipNode
