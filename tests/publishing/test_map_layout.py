"""Where the map's nodes stand: nothing overlaps, nothing leaves the frame, and the browser's rules are the build's."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
import subprocess
import unicodedata

import pytest

from course_lib.core.fingerprint import ROOT
from course_lib.publishing.figures.style import PALETTE
from course_lib.publishing.mapdata import map_data
from course_lib.publishing.maplayout import COLUMN, PAIR, TREE, WIDTH, halves, layout
from course_lib.publishing.mindmap import load_map

STATIC = ROOT / "course_lib/publishing/static"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node: install Node.js")
FORMS = [("tree", WIDTH), ("pair", PAIR), ("pair", 900), ("single", 328), ("single", 600)]


def node(script: str, given: object) -> object:
    """What a script prints as JSON; it finds ``given`` and the map's rules (``logic``)."""
    head = f"const logic = require({json.dumps(str(STATIC / 'maplogic.js'))}), given = {json.dumps(given)};\n"
    done = subprocess.run([NODE, "-e", head + script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wide(text: str, size: float) -> float:
    """Width of a label in a wide font, in px."""
    return sum(size if unicodedata.east_asian_width(c) in "WF" else 0.54 * size for c in text)


def boxes(mindmap, language: str, mode: str, width: float, opened=()) -> dict[str, tuple[float, float, float, float]]:
    """left, top, right, bottom of each label with its dot or box."""
    rule, size = (TREE, 13) if mode == "tree" else (COLUMN, 14)
    at, found = layout(mindmap, mode, width, opened=opened), {}
    texts = {topic.id: (topic.title.get(language) + " ★" * topic.beyond, 13, size) for topic in mindmap.order()}
    for topic in mindmap.order():
        for k, concept in enumerate(topic.concepts if topic.id in opened else ()):
            texts[f"{topic.id}#{k}"] = concept.name.get(language) + " ★" * concept.beyond, 9, 13
    for key, place in at.places.items():
        if key in texts:
            text, gap, font = texts[key]
            near, far, half = -6, gap + wide(text, font), font * 0.7
        else:
            near, far, half = 0, rule.box, 15
        x = sorted((place.x + place.out * near, place.x + place.out * far))
        found[key] = (x[0], place.y - half, x[1], place.y + half)
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("mode, width", FORMS)
@pytest.mark.parametrize("all_open", [False, True])
def test_labels_neither_overlap_nor_leave_the_frame(language, mode, width, all_open):
    mindmap = load_map()
    opened = {topic.id for topic in mindmap.order()} if all_open else ()
    at, drawn = layout(mindmap, mode, width, opened=opened), boxes(mindmap, language, mode, width, opened)
    for (a, one), (b, other) in itertools.combinations(drawn.items(), 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (a, b)
    for key, (left, top, right, bottom) in drawn.items():
        assert 0 <= left and right <= at.width and 0 <= top and bottom <= at.height, key


def test_names_of_branches_fit_their_boxes():
    for branch in load_map().branches:
        for language in ("en", "zh"):
            assert 0.68 * 13 * 0.95 * len(branch.title.en) <= TREE.box, branch.id  # bold
            assert wide(branch.title.get(language), 14) * 1.12 <= COLUMN.box, branch.id


@pytest.mark.parametrize("mode, width", FORMS)
def test_every_node_stands_once_in_reading_order(mode, width):
    mindmap = load_map()
    opened = {"search.retrieval"}
    places = layout(mindmap, mode, width, opened=opened, folded={"shop"}).places
    shown = [topic.id for topic in mindmap.order() if topic.branch != "shop"]
    concepts = [f"search.retrieval#{k}" for k in range(len(mindmap.topic("search.retrieval").concepts))]
    assert sorted(places) == sorted([*shown, *concepts, *(branch.id for branch in mindmap.branches)])
    left = {branch.id for branch in mindmap.branches[: halves(mindmap)]}
    for side in ([i for i in shown if i.split(".")[0] in left], [i for i in shown if i.split(".")[0] not in left]):
        heights = [places[topic].y for topic in side]
        assert heights == sorted(heights) and len(set(heights)) == len(heights)


def test_the_two_sides_of_the_tree_are_about_equally_high():
    mindmap = load_map()
    at = layout(mindmap)
    ends = {out: max(place.y for place in at.places.values() if place.out == out) for out in (-1, 1)}
    assert abs(ends[1] - ends[-1]) < 100
    assert at.height < 800  # the whole tree on one screen


@needs_node
def test_the_browser_places_nodes_as_the_build_does():
    mindmap = load_map()
    data, luck, cases = map_data(mindmap, "en", ROOT), random.Random(4), []
    for mode, width in FORMS:
        for share in (0, 0.3, 1):
            folded = [branch.id for branch in mindmap.branches if luck.random() < share]
            opened = [topic.id for topic in mindmap.order() if luck.random() < share]
            cases.append((mode, width, folded, opened))
    cases.append(("tree", WIDTH, [], []))
    got = node("""console.log(JSON.stringify(given.cases.map(([mode, width, folded, opened]) => {
        const at = logic.layout(given.data.branches, given.data.left, mode, width, new Set(folded), new Set(opened))
        return [Object.fromEntries([...at.places].map(([id, p]) => [id, [p.x, p.y, p.out]])), at.width, at.height]
    })))""", {"data": data, "cases": cases})  # fmt: skip
    for (mode, width, folded, opened), (places, its_width, its_height) in zip(cases, got):
        at = layout(mindmap, mode, width, folded, opened)
        assert places.keys() == at.places.keys()
        assert all(places[key] == pytest.approx(list(place)) for key, place in at.places.items()), (mode, width)
        assert (its_width, its_height) == pytest.approx((at.width, at.height))


@needs_node
def test_the_browser_draws_the_same_edges():
    from xml.etree import ElementTree

    from course_lib.publishing.mappicture import picture

    mindmap = load_map()
    drawn = {path.get("data-to"): path.get("d") for path in ElementTree.fromstring(picture(mindmap, "en", "x")).iter()
             if path.get("data-to")}  # fmt: skip
    got = node("""const at = logic.layout(given.branches, given.left, 'tree', 0, new Set(), new Set()), found = {}
      for (const branch of given.branches) {
        found[branch.id] = logic.edge(at, at.places.get(branch.id))
        for (const t of branch.topics) found[t.id] = logic.edge(at, at.places.get(branch.id), at.places.get(t.id))
      }
      console.log(JSON.stringify(found))""", map_data(mindmap, "en", ROOT))  # fmt: skip
    assert got.keys() == drawn.keys()
    for key, path in drawn.items():
        numbers = [[float(n) for n in re.findall(r"-?[\d.]+", one)] for one in (path, got[key])]
        assert numbers[0] == pytest.approx(numbers[1], abs=0.01), key


# --- what to read next, prerequisites, search ----------------------------------------------------------------------


def topic(name: str, needs: list[str] = (), role: str = "both", ready: bool = True) -> dict:
    return {"id": name, "needs": list(needs), "role": role, "ready": ready}


PATH = [topic("a"), topic("b", ["a"]), topic("c", ["a"], "developer"), topic("d", ["b", "c"]), topic("e", ready=False),
        topic("f", ["e"], "business")]  # fmt: skip


@needs_node
@pytest.mark.parametrize("role, done, reading, expected", [
    ("all", "", "", ["a", "whyStart", []]),
    ("all", "a", "", ["b", "whyReady", ["a"]]),
    ("all", "ab", "", ["c", "whyReady", ["a"]]),
    ("business", "ab", "", ["d", "whyReady", ["b"]]),  # a business reader need not read what developers do
    ("all", "a", "d", ["d", "whyReading", []]),
    ("business", "abd", "", ["f", "whyStart", []]),  # a planned topic bars nothing
    ("developer", "abcd", "", [None, "whyAll", []]),
    ("developer", "abcd", "f", [None, "whyAll", []]),
])  # fmt: skip
def test_next_topic_and_its_reason(role, done, reading, expected):
    got = node("""const next = logic.nextFor(given.topics, given.role, (t) => given.done.includes(t.id),
                                             (t) => given.reading.includes(t.id))
      console.log(JSON.stringify([next.topic && next.topic.id, next.why, next.needs.map((t) => t.id)]))""",
               {"topics": PATH, "role": role, "done": done, "reading": reading})  # fmt: skip
    assert got == expected


@needs_node
def test_there_is_always_a_next_topic_until_all_are_done():
    order = [("x", ["y"]), ("y", ["x"])]  # even a map whose check would fail
    got = node("""const next = logic.nextFor(given, "all", () => false, () => false)
      console.log(JSON.stringify([next.topic.id, next.why, next.needs.map((t) => t.id)]))""",
               [topic(*one) for one in order])  # fmt: skip
    assert got == ["x", "whyFirst", ["y"]]


@needs_node
def test_prerequisites_in_the_browser_are_those_of_the_map():
    mindmap = load_map()
    topics = [{"id": one.id, "needs": list(one.prerequisites)} for one in mindmap.order()]
    got = node("""console.log(JSON.stringify(given.map((t) => [...logic.closure(given, t.id)])))""", topics)
    for one, found in zip(mindmap.order(), got):
        assert {key for key, _ in found} == {needed.id for needed in mindmap.prerequisites_closure(one.id)}
        assert {key for key, step in found if step == 1} == set(one.prerequisites)


@needs_node
def test_search_finds_titles_and_concepts_in_both_languages():
    mindmap = load_map()
    data = map_data(mindmap, "en", ROOT)
    queries = [topic.title.get(lang) for topic in mindmap.order() for lang in ("en", "zh")]
    queries += [c.name.get(lang) for topic in mindmap.order() for c in topic.concepts for lang in ("en", "zh")]
    expected = [topic.id for topic in mindmap.order() for _ in "ez"]
    expected += [topic.id for topic in mindmap.order() for _ in topic.concepts for _ in "ez"]
    more = ["双塔", "TWO  tower", "no such thing", "  ", "(", "ＮＤＣＧ"]
    found = node("""console.log(JSON.stringify(given.queries.map((q) => logic.find(given.data.branches, q))))""",
                 {"data": data, "queries": queries + more})  # fmt: skip
    for query, wanted, hits in zip(queries, expected, found):
        assert wanted in [hit["id"] for hit in hits], query
    chinese, english, nothing, blank, bracket, full_width = found[len(queries) :]
    neural = {"id": "recommend.neural", "concepts": [1]}
    assert neural in chinese and len(chinese) == 1
    assert "recommend.neural" in [hit["id"] for hit in english]
    assert nothing == blank == [] and bracket
    assert "shop.measurement" in [hit["id"] for hit in full_width]


# --- the files -----------------------------------------------------------------------------------------------------


def test_hues_of_the_style_are_the_palette():
    hues = re.findall(r"\.mm-hue-(\d) \{ --mm-hue: (#\w+); \}", (STATIC / "map.css").read_text())
    assert [colour for _, colour in sorted(hues)] == list(PALETTE)


def test_no_text_of_the_style_is_smaller_than_12_px():
    for name in ("map.css", "mapstrip.css"):
        for size in re.findall(r"font-size: ([^;]+);", (STATIC / name).read_text()):
            found = re.fullmatch(r"(?:max\([\d.]+r?em, 12px\)|([\d.]+)(px|rem)|inherit)", size)
            assert found, size
            if found[1]:
                assert float(found[1]) * (16 if found[2] == "rem" else 1) >= 12, size
