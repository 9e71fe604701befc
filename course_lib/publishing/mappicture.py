"""The map as a picture: an SVG laid out at build time, with real text and links into the list below it.

Branches stand on a line in reading order, topics beside their branch. The picture repeats what the list says, so that
nothing is lost where a narrow screen hides it.
"""

from __future__ import annotations

from xml.etree import ElementTree

from course_lib.publishing.mapmodel import Branch, MindMap, Topic

WIDTH = 720  # px; the style hides it below 670, where 13 px text would shrink under 12
_SPINE, _BRANCH = 10, (24, 136)  # x of the reading line; x and width of a branch's box
_COLUMNS = (202, 468)  # x of the two columns of topics
_ROW, _GAP = 26, 14  # height of a row of topics, space between branches


def picture(mindmap: MindMap, language: str, label: str) -> str:
    """The SVG as text.

    Args:
        mindmap: the map.
        language: language of the titles.
        label: what the picture shows, for readers who do not see it.
    """
    svg = ElementTree.Element("svg", {"class": "mindmap-picture", "role": "group", "aria-label": label})
    y, middles = _GAP, []
    for branch in mindmap.branches:
        height = _ROW * -(-len(branch.topics) // len(_COLUMNS))
        middles.append(y + height / 2)
        _draw_branch(svg, branch, y, height, language)
        y += height + _GAP
    line = f"M{_SPINE} {middles[0]:g}V{middles[-1]:g}"
    svg.insert(0, ElementTree.Element("path", {"class": "mindmap-spine", "d": line}))
    svg.set("viewBox", f"0 0 {WIDTH} {y}")
    return ElementTree.tostring(svg, encoding="unicode")


def _draw_branch(svg: ElementTree.Element, branch: Branch, top: int, height: int, language: str) -> None:
    middle = top + height / 2
    x, width = _BRANCH
    ElementTree.SubElement(svg, "path", {"class": "mindmap-edge", "d": f"M{_SPINE} {middle:g}H{x}"})
    ElementTree.SubElement(svg, "circle", {"class": "mindmap-stop", "cx": str(_SPINE), "cy": f"{middle:g}", "r": "5"})
    for n, topic in enumerate(branch.topics):
        row, column = divmod(n, len(_COLUMNS))
        y = top + _ROW * row + _ROW / 2
        if column == 0:  # one curve per row, from the branch to its first topic
            start, end = x + width, _COLUMNS[0] - 12
            bend = (start + end) / 2
            curve = f"M{start} {middle:g}C{bend:g} {middle:g} {bend:g} {y:g} {end} {y:g}"
            ElementTree.SubElement(svg, "path", {"class": "mindmap-edge", "d": curve})
        _draw_topic(svg, topic, _COLUMNS[column], y, language)
    link = ElementTree.SubElement(svg, "a", {"href": f"#branch-{branch.id}"})
    box = {"class": "mindmap-box", "x": str(x), "y": f"{middle - 13:g}", "width": str(width), "height": "26", "rx": "6"}
    ElementTree.SubElement(link, "rect", box)
    text = ElementTree.SubElement(link, "text", {"x": f"{x + width / 2:g}", "y": f"{middle + 4.5:g}"})
    text.set("class", "mindmap-box-text")
    text.text = branch.title.get(language)


def _draw_topic(svg: ElementTree.Element, topic: Topic, x: int, y: float, language: str) -> None:
    dot = {"cx": str(x - 8), "cy": f"{y:g}", "r": "4", "class": f"mindmap-dot-{topic.status}"}
    ElementTree.SubElement(svg, "circle", dot)
    link = ElementTree.SubElement(svg, "a", {"href": f"#{topic.id}"})
    text = ElementTree.SubElement(link, "text", {"x": str(x), "y": f"{y + 4.5:g}"})
    text.text = topic.title.get(language) + (" ★" if topic.beyond else "")
