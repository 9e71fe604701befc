"""The map as a picture: an SVG laid out at build time, with real text and links into the list below it.

Without a script it is an overview that repeats the list, so that nothing is lost where a narrow screen hides it. With
one, ``static/map.js`` makes it the map to work with: the nodes are here already, concepts hidden.
"""

from __future__ import annotations

from xml.etree import ElementTree

from course_lib.publishing.maplayout import TREE, Layout, Place, halves, layout
from course_lib.publishing.mapmodel import Branch, MindMap, Topic

HUES = 4  # of the palette; a branch has that of its number (the style knows the colours)
_BOX = TREE.box
_RING = 34  # px, radius of the centre
_ROW = 281  # px, width of a row of a topic, from dot to frame


def picture(mindmap: MindMap, language: str, label: str) -> str:
    """The SVG as text.

    Args:
        mindmap: the map.
        language: language of the titles.
        label: what the picture shows, for readers who do not see it.
    """
    at = layout(mindmap)
    svg = _element(None, "svg", "mm-svg", role="group", viewBox=f"0 0 {at.width:g} {at.height:g}",
                   data_mode="tree", data_left=str(halves(mindmap)))  # fmt: skip
    svg.set("aria-label", label)
    marker = _element(svg, "marker", "", id="mm-arrow", viewBox="0 0 8 8", refX="8", refY="4", markerWidth="8",
                      markerHeight="8", markerUnits="userSpaceOnUse", orient="auto")  # fmt: skip
    _element(marker, "path", "mm-head", d="M0 0L8 4L0 8Z")
    view = _element(svg, "g", "mm-view")
    edges = _element(view, "g", "mm-edges", aria_hidden="true")
    _draw_root(view, at)
    for n, branch in enumerate(mindmap.branches):
        hue, place = f"mm-hue-{n % HUES}", at.places[branch.id]
        _element(edges, "path", f"mm-edge {hue}", data_to=branch.id, d=edge_to_branch(at, place))
        _draw_branch(view, branch, place, hue, language)
        for topic in branch.topics:
            there = at.places[topic.id]
            _element(edges, "path", f"mm-edge {hue}", data_to=topic.id, d=edge_to_topic(place, there))
            _draw_topic(view, topic, there, hue, language)
            _draw_concepts(view, topic, place.out, hue, language)
    _element(view, "g", "mm-arcs", aria_hidden="true")
    return ElementTree.tostring(svg, encoding="unicode")


def edge_to_branch(at: Layout, place: Place) -> str:
    """Path from the centre to a branch's box."""
    x, y = at.width / 2 + place.out * _RING, at.height / 2
    bend = x + place.out * 12
    return f"M{x:g} {y:g}C{bend:g} {y:g} {bend:g} {place.y:g} {place.x:g} {place.y:g}"


def edge_to_topic(branch: Place, topic: Place) -> str:
    """Path from a branch's box to the dot of a topic."""
    x, end = branch.x + branch.out * _BOX, topic.x - topic.out * 8
    bend = (x + end) / 2
    return f"M{x:g} {branch.y:g}C{bend:g} {branch.y:g} {bend:g} {topic.y:g} {end:g} {topic.y:g}"


def _draw_root(view: ElementTree.Element, at: Layout) -> None:
    root = _element(view, "g", "mm-root", aria_hidden="true",
                    transform=f"translate({at.width / 2:g} {at.height / 2:g})")  # fmt: skip
    _element(root, "circle", "mm-ring", r=f"{_RING - 3}")
    _element(root, "circle", "mm-ring-done", r=f"{_RING - 3}", pathLength="100", transform="rotate(-90)")
    _element(root, "text", "mm-ring-count", y="1")
    _element(root, "text", "mm-ring-word", y="16")


def _draw_branch(view: ElementTree.Element, branch: Branch, place: Place, hue: str, language: str) -> None:
    node = _node(view, "a", f"mm-branch {hue}", branch.id, place, href=f"#branch-{branch.id}")
    left = 0 if place.out > 0 else -_BOX
    _element(node, "rect", "mm-box", x=f"{left}", y="-15", width=f"{_BOX}", height="30", rx="8")
    _element(node, "rect", "mm-bar", x=f"{left + 8}", y="10", width="0", height="3", rx="1.5")
    _element(node, "text", "", x=f"{left + _BOX / 2:g}", y="4.5").text = branch.title.get(language)
    _element(node, "text", "mm-more", x=f"{place.out * (_BOX + 8)}", y="4.5")


def _draw_topic(view: ElementTree.Element, topic: Topic, place: Place, hue: str, language: str) -> None:
    status = "" if topic.ready else " mm-planned"
    node = _node(view, "a", f"mm-topic {hue}{status}", topic.id, place, href=f"#{topic.id}")
    left = -10 if place.out > 0 else 10 - _ROW
    _element(node, "rect", "mm-row", x=f"{left}", y="-13", width=f"{_ROW}", height="26", rx="6")
    _element(node, "circle", "mm-dot", r="6" if topic.ready else "3.5")
    _element(node, "path", "mm-half", d="M0 -6A6 6 0 0 0 0 6Z")
    _element(node, "path", "mm-tick", d="M-3 .2L-.8 2.6L3.2 -2.2")
    text = _element(node, "text", "", x=f"{place.out * 13}", y="4.5")
    text.text = topic.title.get(language) + (" ★" if topic.beyond else "")
    _element(text, "tspan", "mm-passed", dx="6")


def _draw_concepts(view: ElementTree.Element, topic: Topic, out: int, hue: str, language: str) -> None:
    for k, concept in enumerate(topic.concepts):
        node = _node(view, "g", f"mm-concept {hue}", f"{topic.id}#{k}", Place(0, 0, out), display="none")
        left = -8 if out > 0 else 8 - _ROW + (TREE.x_concept - TREE.x_topic)
        width = _ROW - (TREE.x_concept - TREE.x_topic)
        _element(node, "rect", "mm-row", x=f"{left}", y="-10", width=f"{width}", height="20", rx="5")
        _element(node, "circle", "mm-dot", r="2.5")
        text = _element(node, "text", "", x=f"{out * 9}", y="4")
        text.text = concept.name.get(language) + (" ★" if concept.beyond else "")


def _node(
    view: ElementTree.Element, tag: str, name: str, node_id: str, place: Place, **more: str
) -> ElementTree.Element:
    mirrored = " mm-mirrored" if place.out < 0 else ""
    at = f"translate({place.x:g} {place.y:g})"
    return _element(view, tag, f"mm-node {name}{mirrored}", data_id=node_id, transform=at, **more)


def _element(parent: ElementTree.Element | None, tag: str, name: str, **attributes: str) -> ElementTree.Element:
    """A new element; ``_`` in a name of an attribute stands for ``-``."""
    given = {"class": name} if name else {}
    given |= {key.replace("_", "-"): value for key, value in attributes.items()}
    return ElementTree.Element(tag, given) if parent is None else ElementTree.SubElement(parent, tag, given)
