"""Where everything on the map's picture stands: a tidy tree in three widths, computed without a browser.

``static/maplogic.js`` holds the same rules for folding in the browser; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from course_lib.publishing.mapmodel import Branch, MindMap, Topic

WIDTH = 1020  #: px of the two-sided picture
PAIR = 640  #: px from which the branches stand in two columns


class Rule(NamedTuple):
    """Distances of one form of the map, in px: heights of rows, space between branches, x from the side's start."""

    branch: int
    topic: int
    concept: int
    gap: int
    after: int  #: space under unfolded concepts
    box: int  #: width of a branch's box
    x_branch: int
    x_topic: int
    x_concept: int


#: two-sided, around a centre; and as columns, where topics stand indented under their branch
TREE = Rule(branch=40, topic=27, concept=21, gap=14, after=6, box=136, x_branch=62, x_topic=236, x_concept=247)
COLUMN = Rule(branch=44, topic=34, concept=26, gap=8, after=8, box=150, x_branch=1, x_topic=23, x_concept=43)
_PAD, _BETWEEN = 12, 24


class Place(NamedTuple):
    """A node's anchor: the inner end of a branch's box, the dot of a topic or concept. ``out`` is +1 where its text
    runs to the right, -1 to the left.
    """

    x: float
    y: float
    out: int


class Layout(NamedTuple):
    """Places by id (a concept's is ``topic#n``), and the size of the frame in px."""

    places: dict[str, Place]
    width: float
    height: float


def halves(mindmap: MindMap) -> int:
    """How many branches stand on the left, so that both sides of the open tree come out equally high."""
    heights = [_height(branch, TREE, False, (), column=False) + TREE.gap for branch in mindmap.branches]
    return min(range(1, len(heights) + 1), key=lambda k: abs(sum(heights[:k]) - sum(heights[k:])))


def layout(
    mindmap: MindMap, mode: str = "tree", width: float = WIDTH,
    folded: Collection[str] = (), opened: Collection[str] = (),
) -> Layout:  # fmt: skip
    """Places of all visible nodes.

    Args:
        mode: ``tree`` (two-sided, ``WIDTH`` px), ``pair`` (two columns) or ``single`` (one).
        width: of the frame in px, for the columns.
        folded: ids of branches whose topics are hidden.
        opened: ids of topics whose concepts are shown.
    """
    left = halves(mindmap)
    sides: Sequence[tuple[Branch, ...]] = (mindmap.branches[:left], mindmap.branches[left:])
    if mode == "single":
        sides = (mindmap.branches, ())
    rule, column = (TREE, False) if mode == "tree" else (COLUMN, True)
    heights = [[_height(branch, rule, branch.id in folded, opened, column) for branch in side] for side in sides]
    totals = [sum(one) + rule.gap * max(len(one) - 1, 0) for one in heights]
    places: dict[str, Place] = {}
    for n, side in enumerate(sides):
        out = -1 if mode == "tree" and n == 0 else 1
        start = WIDTH / 2 if mode == "tree" else n * (width + _BETWEEN) / 2
        y = _PAD + (0 if column else (max(totals) - totals[n]) / 2)
        for branch, height in zip(side, heights[n]):
            _place_branch(places, branch, rule, column, branch.id in folded, opened, (start, y, height, out))
            y += height + rule.gap
    return Layout(places, WIDTH if mode == "tree" else width, max(totals) + 2 * _PAD)


def _place_branch(
    places: dict[str, Place], branch: Branch, rule: Rule, column: bool, folded: bool, opened: Collection[str],
    box: tuple[float, float, float, int],
) -> None:  # fmt: skip
    start, top, height, out = box
    middle = top + (rule.branch if column else height) / 2
    places[branch.id] = Place(start + out * rule.x_branch, middle, out)
    if folded:
        return
    y = top + (rule.branch if column else (height - sum(_row(t, rule, opened) for t in branch.topics)) / 2)
    for topic in branch.topics:
        places[topic.id] = Place(start + out * rule.x_topic, y + rule.topic / 2, out)
        for k in range(len(topic.concepts) if topic.id in opened else 0):
            at = y + rule.topic + rule.concept * (k + 0.5)
            places[f"{topic.id}#{k}"] = Place(start + out * rule.x_concept, at, out)
        y += _row(topic, rule, opened)


def _row(topic: Topic, rule: Rule, opened: Collection[str]) -> float:
    return rule.topic + (rule.concept * len(topic.concepts) + rule.after if topic.id in opened else 0)


def _height(branch: Branch, rule: Rule, folded: bool, opened: Collection[str], column: bool) -> float:
    rows = 0 if folded else sum(_row(topic, rule, opened) for topic in branch.topics)
    return rule.branch + rows if column else max(rule.branch, rows)
