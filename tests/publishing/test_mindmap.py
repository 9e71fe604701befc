"""The map: the committed one fits the repository, every planted fault gets its own line, the directive draws links."""

from __future__ import annotations

import copy
import html.parser
import io
import json
import re
from pathlib import Path

import pytest
import yaml

from course_lib.core.errors import ContractError, DataError, UnknownIdError
from course_lib.core.fingerprint import ROOT
from course_lib.publishing.mapoutput import LEDGER, read_ledger, write_ledger
from course_lib.publishing.mindmap import (
    MAP_PATH, check, load_map, outline, room_paths, run_map_command, toc, write_toc
)  # fmt: skip

TOPICS = """
start.setup start.first_hour start.how_to_learn start.instructors
shop.world shop.simulator shop.measurement
language.transformers language.tokenization language.pretraining language.finetuning language.peft language.features
search.understanding search.retrieval search.ranking search.clicks
recommend.collaborative recommend.neural recommend.graph recommend.sequential recommend.ranking recommend.generative
knowledge.graph knowledge.multimodal knowledge.coldstart
applications.relevance applications.personalization applications.realtime applications.service applications.agents
applications.domains
serving.allocation serving.compression serving.scale serving.monitoring
trust.privacy trust.fairness trust.transparency trust.robustness
value.experiments value.innovation
capstone.case
""".split()
BEYOND = {"shop.measurement", "search.clicks", "recommend.generative", "knowledge.coldstart", "applications.agents",
          "serving.monitoring"}  # fmt: skip


# --- the committed map ---------------------------------------------------------------------------------------------


def test_committed_map_fits_the_repository():
    assert check(load_map(), ROOT) == []


def test_committed_map_has_the_topics_of_the_design_in_order():
    mindmap = load_map()
    assert [topic.id for topic in mindmap.order()] == TOPICS
    assert {topic.id for topic in mindmap.order() if topic.beyond} == BEYOND
    assert read_ledger(ROOT)[: len(TOPICS)] == TOPICS  # the first ids ever published; later ones follow


def test_committed_texts_are_short_lines_without_repeated_titles():
    topics = load_map().order()
    for language, longest in (("en", 120), ("zh", 60)):
        titles = [topic.title.get(language) for topic in topics]
        assert len(set(titles)) == len(titles)
        assert all(len(topic.summary.get(language)) <= longest for topic in topics)
    assert all(re.search(r"[\u4e00-\u9fff]", topic.summary.zh) for topic in topics)
    assert not any(re.search(r"[\u4e00-\u9fff]", topic.title.en + topic.summary.en) for topic in topics)
    assert all(15 <= topic.minutes <= 60 for topic in topics)
    # What a column and a branch's box of the picture hold in a wide font (Latin 7.1 px a letter, Chinese 13).
    assert max(len(topic.title.en) for topic in topics) <= 34 and max(len(t.title.zh) for t in topics) <= 17
    assert all(len(b.title.en) <= 15 and len(b.title.zh) <= 8 for b in load_map().branches)


def test_committed_prerequisites_reach_the_start():
    mindmap = load_map()
    for topic in mindmap.order()[1:]:
        closure = mindmap.prerequisites_closure(topic.id)
        assert closure[0].id == "start.setup", topic.id


# --- a small repository to break -----------------------------------------------------------------------------------


def text(en: str) -> dict:
    return {"en": en, "zh": f"中文 {en}"}


def topic(topic_id: str, needs: list[str], **more) -> dict:
    return {
        "id": topic_id, "title": text(topic_id), "summary": text("Do it."), "concepts": [text(c) for c in "abc"],
        "prerequisites": needs, "role": "both", "minutes": 30, "status": "planned", **more,
    }  # fmt: skip


@pytest.fixture
def raw() -> dict:
    page_only = {"never": ["code", "solutions", "exercises", "tests", "grade"]}
    branches = {
        "start": [topic("start.setup", [], status="ready", rooms=page_only)],
        "search": [
            topic("search.words", ["start.setup"], status="ready"),
            topic("search.rank", ["search.words"], beyond=True, aliases=["search.old"], role="developer"),
        ],
        "value": [topic("value.tests", ["search.rank", "start.setup"])],
    }
    return {"branches": [{"id": b, "title": text(b.title()), "summary": text("S."), "topics": t}
                         for b, t in branches.items()]}  # fmt: skip


FILES = [
    "book/index.md", "book/start/setup.md", "book/search/words.md", "course_lib/search/words.py",
    "solutions/search/words.md", "exercises/search/words.ipynb", "tests/search/test_words.py",
    "tests/search/grade_words.py",
]  # fmt: skip
LAYERS = """
[[tool.importlinter.contracts]]
name = "branches"
type = "layers"
containers = ["course_lib"]
layers = ["cli", "start | bench", "(value)", "search", "core"]
"""


@pytest.fixture
def repo(tmp_path: Path, raw: dict) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('{"cells": []}' if name.endswith(".ipynb") else "# Page\n")
    (tmp_path / "pyproject.toml").write_text("[tool.importlinter]\n" + LAYERS)
    save(tmp_path, raw)
    (tmp_path / LEDGER).write_text("search.old\n")
    mindmap = load_map(tmp_path / "book/mindmap.yml")
    write_ledger(mindmap, tmp_path)
    write_toc(mindmap, tmp_path)
    return tmp_path


def save(root: Path, raw: dict) -> Path:
    path = root / "book/mindmap.yml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def problems(root: Path) -> list[str]:
    return check(load_map(root / "book/mindmap.yml"), root)


def one(root: Path) -> str:
    found = problems(root)
    assert len(found) == 1, found
    assert "\n" not in found[0]
    return found[0]


def test_whole_repository_has_no_problem(repo):
    assert problems(repo) == []


@pytest.mark.parametrize("name", FILES)
def test_missing_file(repo, name):
    (repo / name).unlink()
    problem = one(repo)
    stem = name if not name.startswith("solutions") else "solutions/search/words.*"
    assert problem.startswith(f"{stem}: ")
    assert "landing page" in problem if name == "book/index.md" else "is ready but has no" in problem


def test_code_may_be_a_folder_and_solutions_a_notebook(repo):
    (repo / "course_lib/search/words.py").unlink()
    (repo / "course_lib/search/words").mkdir()
    (repo / "course_lib/search/words/__init__.py").write_text("")
    (repo / "solutions/search/words.md").rename(repo / "solutions/search/words.ipynb")
    assert problems(repo) == []


def test_planned_topic_may_own_rooms(repo):
    for room in ("chapter", "code", "exercises"):
        (repo / load_path(repo, "search.rank", room)).write_text("")
    assert problems(repo) == []


def load_path(repo: Path, topic_id: str, room: str) -> str:
    return room_paths(load_map(repo / "book/mindmap.yml").topic(topic_id), room)[0]


def test_room_that_should_never_be(repo):
    (repo / "exercises/start").mkdir()
    (repo / "exercises/start/setup.ipynb").write_text("")
    assert one(repo).startswith("exercises/start/setup.ipynb: the map says that start.setup never has exercises")


@pytest.mark.parametrize("name", [
    "book/search/words.ipynb", "book/search/lost.md", "book/lost.md", "solutions/search/lost.md",
    "exercises/search/lost.ipynb", "tests/search/grade_lost.py",
])  # fmt: skip
def test_orphan(repo, name):
    (repo / name).write_text("")
    assert one(repo).startswith(f"{name}: belongs to no topic of the map")


@pytest.mark.parametrize("name", [
    "book/_static/about.md", "book/.ipynb_checkpoints/words.md", "course_lib/search/engine.py",
    "tests/search/test_engine.py", "exercises/README.md", "solutions/search/words.csv",
])  # fmt: skip
def test_not_an_orphan(repo, name):
    (repo / name).parent.mkdir(exist_ok=True)
    (repo / name).write_text("")
    assert problems(repo) == []


def test_circle_is_named_once(repo, raw):
    raw["branches"][1]["topics"][0]["prerequisites"] = ["search.rank"]
    save(repo, raw)
    found = problems(repo)
    circles = [p for p in found if "circle" in p]
    assert len(circles) == 1 and "search.words → search.rank → search.words" in circles[0]
    assert any("prerequisite search.rank stands later" in p for p in found)


def test_topic_needing_itself_is_a_circle(repo, raw):
    raw["branches"][2]["topics"][0]["prerequisites"] = ["value.tests"]
    save(repo, raw)
    assert "value.tests → value.tests" in one(repo)


def test_unknown_and_retired_prerequisites(repo, raw):
    raw["branches"][2]["topics"][0]["prerequisites"] = ["search.nowhere"]
    save(repo, raw)
    assert "unknown prerequisite 'search.nowhere'" in one(repo)
    raw["branches"][2]["topics"][0]["prerequisites"] = ["search.old"]
    save(repo, raw)
    assert "prerequisite 'search.old' is retired. Name search.rank instead" in one(repo)


def test_retired_id_needs_an_alias(repo, raw):
    raw["branches"][2]["topics"][0]["id"] = "value.trials"
    save(repo, raw)
    found = problems(repo)
    assert any("id 'value.tests' was published and is gone" in p for p in found)
    assert any(p == f"{LEDGER}: id 'value.trials' is not listed. Run course map --write" for p in found)
    raw["branches"][2]["topics"][0]["aliases"] = ["value.tests"]
    save(repo, raw)
    run_map_command(write=True, root=repo)
    assert problems(repo) == []
    assert read_ledger(repo)[-2:] == ["value.tests", "value.trials"]  # the old id stays listed
    assert load_map(repo / "book/mindmap.yml").resolve("value.tests").id == "value.trials"


def test_alias_that_clashes(repo, raw):
    raw["branches"][1]["topics"][1]["aliases"] += ["value.tests"]
    save(repo, raw)
    assert "alias 'value.tests' is the id of a live topic" in one(repo)
    raw["branches"][1]["topics"][1]["aliases"] = ["search.old"]
    raw["branches"][2]["topics"][0]["aliases"] = ["search.old"]
    save(repo, raw)
    assert "alias 'search.old' belongs to search.rank already" in one(repo)


def test_contents_that_drift(repo):
    (repo / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    assert one(repo) == "_toc.yml: differs from the map. Run course map --write"
    (repo / "_toc.yml").unlink()
    assert "_toc.yml: can't be read" in one(repo)


def test_texts_missing_in_a_language(repo, raw):
    del raw["branches"][1]["title"]["zh"]
    raw["branches"][1]["topics"][0]["summary"]["en"] = " "
    raw["branches"][1]["topics"][0]["concepts"][0] = {"en": "only English"}
    save(repo, raw)
    found = problems(repo)
    assert len(found) == 3
    assert "branch search: title has no text in 'zh'" in found[0]
    assert "topic search.words: summary has no text in 'en'" in found[1]
    assert "concept 'only English' has no text in 'zh'" in found[2]


def test_number_of_concepts(repo, raw):
    raw["branches"][1]["topics"][0]["concepts"] = [text("one")]
    save(repo, raw)
    assert "1 concepts. Name 3 to 7" in one(repo)


@pytest.mark.parametrize("layers, line", [
    ('["search", "value", "core"]', "search stands above value"),
    ('["value", "search"]', "no layers contract names all branches"),
    ('["value", "core", "search"]', "core stands above search"),
])  # fmt: skip
def test_layers_against_the_reading_order(repo, layers, line):
    text = LAYERS.replace('["cli", "start | bench", "(value)", "search", "core"]', layers)
    (repo / "pyproject.toml").write_text("[tool.importlinter]\n" + text)
    assert any(line in p for p in problems(repo))


def test_layers_of_topics(repo):
    def contract(layers: str) -> str:
        return f'\n[[tool.importlinter.contracts]]\nname = "t"\ntype = "layers"\nlayers = {layers}\n'

    path = repo / "pyproject.toml"
    search = "course_lib.search"
    good = path.read_text() + '\n[[tool.importlinter.contracts]]\nname = "other"\ntype = "forbidden"\n'
    path.write_text(good + contract(f'["{search}.engine", "{search}.rank", "{search}.words"]'))
    assert problems(repo) == []
    path.write_text(good + contract(f'["{search}.words", "{search}.rank"]'))
    assert "search.words stands above search.rank" in one(repo)


def test_projects_without_layers_or_with_broken_toml(repo):
    (repo / "pyproject.toml").write_text("[project]\n")
    assert problems(repo) == []
    (repo / "pyproject.toml").write_text("[project\n")
    assert "not valid TOML" in one(repo)
    (repo / "pyproject.toml").unlink()
    assert problems(repo) == []


def test_ledger_that_is_not_text(repo):
    (repo / LEDGER).write_bytes(b"\xff\xfe")
    assert "can't be read as UTF-8" in one(repo)


# --- reading -------------------------------------------------------------------------------------------------------


def change(raw: dict, path: str, value) -> dict:
    """A copy with one value set (or removed: value is ...) at a dotted path."""
    raw = copy.deepcopy(raw)
    *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
    node = raw
    for step in steps:
        node = node[step]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return raw


TOPIC = "branches.1.topics.0"
FAULTS = [
    (f"{TOPIC}.colour", "red", r"topic search\.words: unknown key 'colour'\. Known keys: aliases, beyond"),
    (f"{TOPIC}.minutes", ..., r"topic search\.words: key 'minutes' is missing"),
    (f"{TOPIC}.minutes", "30", r"topic search\.words: 'minutes' must be a whole number, found a text"),
    (f"{TOPIC}.minutes", True, r"'minutes' must be a whole number, found true/false"),
    (f"{TOPIC}.minutes", 1.5, r"'minutes' must be a whole number, found float 1\.5"),
    (f"{TOPIC}.minutes", 0, r"'minutes' is 0; it must be at least 1"),
    (f"{TOPIC}.beyond", "yes", r"'beyond' must be true or false, found a text"),
    (f"{TOPIC}.role", "boss", r"topic search\.words, role: unknown value 'boss'\. Choose one of developer, business"),
    (f"{TOPIC}.status", "done", r"topic search\.words, status: unknown value 'done'"),
    (f"{TOPIC}.rooms", {"never": ["kitchen"]}, r"rooms\.never: unknown value 'kitchen'"),
    (f"{TOPIC}.rooms", {"later": []}, r"topic search\.words, rooms: unknown key 'later'"),
    (f"{TOPIC}.rooms", None, r"rooms: expected a mapping, found nothing"),
    (f"{TOPIC}.title", "Words", r"topic search\.words, title: expected a mapping, found a text"),
    (f"{TOPIC}.title.fr", "Mots", r"title: unknown key 'fr'"),
    (f"{TOPIC}.title.en", 7, r"title: 'en' must be a text, found int 7"),
    (f"{TOPIC}.prerequisites", "start.setup", r"'prerequisites' must be a list, found a text"),
    (f"{TOPIC}.prerequisites", [3], r"'prerequisites' must list texts, found int 3"),
    (f"{TOPIC}.prerequisites", ["start.setup"] * 2, r"'prerequisites' lists a name twice"),
    (f"{TOPIC}.aliases", ["Old Words"], r"aliases: bad id 'Old Words'"),
    (f"{TOPIC}.id", "Search.Words", r"topic Search\.Words: bad id 'Search\.Words'\. An id is branch\.topic"),
    (f"{TOPIC}.id", "value.words", r"id 'value\.words' stands under branch 'search'"),
    (f"{TOPIC}.id", "search.rank", r"id 'search\.rank' stands twice"),
    (f"{TOPIC}.id", ..., r"topic number 1 of search: key 'id' is missing"),
    (f"{TOPIC}.concepts.0", "words", r"topic search\.words, concepts: expected a mapping"),
    (f"{TOPIC}", ["x"], r"topic number 1 of search: expected a mapping, found a list"),
    ("branches.1.topics", [], r"branch search: a branch without topics"),
    ("branches.1.id", "start", r"topic search\.words: id .* stands under branch 'start'"),
    ("branches.2", {"id": "a b"}, r"branch a b: key 'summary' is missing"),
    ("branches", [], r"the map has no branch"),
    ("leaves", [], r"mindmap\.yml: unknown key 'leaves'"),
]


@pytest.mark.parametrize("path, value, message", FAULTS, ids=[f"{p}={v}"[:50] for p, v, _ in FAULTS])
def test_fault_in_the_file_names_place_and_key(repo, raw, path, value, message):
    file = save(repo, change(raw, path, value))
    with pytest.raises(DataError, match=message) as error:
        load_map(file)
    assert "mindmap.yml" in str(error.value)


@pytest.mark.parametrize("content, message", [
    (b"", r"expected a mapping, found nothing"),
    (b"branches: [\n  {id: a", r"line 2: not valid YAML"),
    (b"branches: []\nbranches: []\n", r"line 2: not valid YAML: key 'branches' stands twice"),
    (b"branches: \xff", r"byte 10 is not UTF-8"),
    (b"branches: \x07", r"not valid YAML"),
    (b"!!python/object/apply:os.getcwd []", r"line 1: not valid YAML"),
    (b"? [a, b]\n: 1\n", r"not valid YAML"),
])  # fmt: skip
def test_file_that_is_no_map(tmp_path, content, message):
    path = tmp_path / "mindmap.yml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        load_map(path)
    assert str(path) in str(error.value)


def test_no_such_file(tmp_path):
    with pytest.raises(DataError, match="can't be read .No such file"):
        load_map(tmp_path / "mindmap.yml")


# --- using the map -------------------------------------------------------------------------------------------------


def test_closure_resolve_and_unknown_ids(repo):
    mindmap = load_map(repo / "book/mindmap.yml")
    needed = [topic.id for topic in mindmap.prerequisites_closure("value.tests")]
    assert needed == ["start.setup", "search.words", "search.rank"]
    assert mindmap.prerequisites_closure("start.setup") == ()
    assert mindmap.resolve("search.old") is mindmap.topic("search.rank")
    with pytest.raises(UnknownIdError, match="no topic 'search.old'"):
        mindmap.topic("search.old")
    with pytest.raises(UnknownIdError, match="no topic 'x'"):
        mindmap.resolve("x")


def test_closure_ends_in_a_circle(repo, raw):
    raw["branches"][1]["topics"][0]["prerequisites"] = ["search.rank"]
    mindmap = load_map(save(repo, raw))
    assert {t.id for t in mindmap.prerequisites_closure("search.rank")} == {"search.words", "search.rank"}


def test_contents_hold_ready_pages_only(repo):
    mindmap = load_map(repo / "book/mindmap.yml")
    assert toc(mindmap, "zh") == {
        "format": "jb-book", "root": "book/index",
        "parts": [{"caption": "中文 Start", "chapters": [{"file": "book/start/setup"}]},
                  {"caption": "中文 Search", "chapters": [{"file": "book/search/words"}]}],
    }  # fmt: skip


def test_contents_of_a_map_without_pages(repo, raw):
    for branch in raw["branches"]:
        for entry in branch["topics"]:
            entry["status"] = "planned"
    assert toc(load_map(save(repo, raw))) == {"format": "jb-book", "root": "book/index"}


def test_appendices_close_the_contents_and_are_no_orphans(repo, raw):
    raw["appendices"] = ["words", "news"]
    mindmap = load_map(save(repo, raw))
    assert toc(mindmap, "zh")["parts"][-1] == {
        "caption": "参考", "chapters": [{"file": "book/words"}, {"file": "book/news"}],
    }  # fmt: skip
    write_toc(mindmap, repo)
    (repo / "book/words.md").write_text("# Words\n")
    assert one(repo).startswith("book/news.md: the map names it as an appendix")
    (repo / "book/news.md").write_text("# News\n")
    assert problems(repo) == []
    save(repo, {**raw, "appendices": ["words"]})
    write_toc(load_map(repo / "book/mindmap.yml"), repo)
    assert "book/news.md: belongs to no topic" in one(repo)


@pytest.mark.parametrize("names, says", [(["A page"], "bad id 'A page'"), (["x", "x"], "twice"), ("words", "a list")])
def test_bad_appendices(repo, raw, names, says):
    raw["appendices"] = names
    with pytest.raises(DataError, match=says):
        load_map(save(repo, raw))


def test_jupyter_book_accepts_the_contents(repo):
    from sphinx_external_toc.parsing import parse_toc_yaml

    site = parse_toc_yaml(write_toc(load_map(repo / "book/mindmap.yml"), repo))
    assert set(site) == {"book/index", "book/start/setup", "book/search/words"}


def test_command_check(repo, capsys):
    assert run_map_command(check=True, root=repo) == 0
    assert capsys.readouterr() == ("OK: 3 branches, 4 topics (2 ready, 2 planned), 2 hours\n", "")
    (repo / "book/lost.md").write_text("")
    assert run_map_command(check=True, root=repo) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[0].startswith("book/lost.md: ") and len(err.splitlines()) == 2


def test_command_write_mends_the_drift_and_is_idempotent(repo, capsys):
    (repo / "_toc.yml").unlink()
    (repo / LEDGER).unlink()
    assert run_map_command(write=True, check=True, root=repo) == 0
    assert "4 new id(s)" in capsys.readouterr().out
    before = [(repo / name).read_bytes() for name in ("_toc.yml", LEDGER)]
    run_map_command(write=True, root=repo)
    assert [(repo / name).read_bytes() for name in ("_toc.yml", LEDGER)] == before


def test_command_prints_the_outline_in_the_chosen_language(repo, capsys, monkeypatch):
    monkeypatch.delenv("COURSE_LANG", raising=False)
    assert run_map_command(root=repo) == 0
    english = capsys.readouterr().out
    assert "  ● search.words  search.words · 30 min\n  ○ search.rank   search.rank ★ · 30 min" in english
    monkeypatch.setenv("COURSE_LANG", "zh_CN.UTF-8")
    run_map_command(root=repo)
    chinese = capsys.readouterr().out
    assert "中文 search.rank ★ · 30 分钟" in chinese
    run_map_command(root=repo, language="en")
    assert capsys.readouterr().out == english
    with pytest.raises(ContractError, match="no language 'fr'"):
        outline(load_map(MAP_PATH), "fr")


def test_picture_holds_every_title_and_link_inside_its_frame():
    from xml.etree import ElementTree

    from course_lib.publishing.mappicture import picture

    mindmap = load_map()
    for language in ("en", "zh"):
        svg = ElementTree.fromstring(picture(mindmap, language, 'The "map" & more'))
        assert svg.get("aria-label") == 'The "map" & more'
        links = {a.get("href"): "".join(a.itertext()) for a in svg.iter("a")}
        expected = {f"#branch-{b.id}": b.title.get(language) for b in mindmap.branches}
        expected |= {f"#{t.id}": t.title.get(language) + " ★" * t.beyond for t in mindmap.order()}
        assert links == expected
        width, height = map(float, svg.get("viewBox").split()[2:])
        places = [tuple(map(float, a.get("transform")[10:-1].split())) for a in svg.iter("a")]
        assert len(set(places)) == len(places) and all(0 < x < width and 0 < y < height for x, y in places)
        planned = [a.get("data-id") for a in svg.iter("a") if "mm-planned" in a.get("class")]
        assert planned == [topic.id for topic in mindmap.order() if not topic.ready]
        hidden = ["".join(g.itertext()) for g in svg.iter("g") if g.get("display") == "none"]
        concepts = [concept for topic in mindmap.order() for concept in topic.concepts]
        assert hidden == [concept.name.get(language) + " ★" * concept.beyond for concept in concepts]


# --- the directive -------------------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """Links with their texts, ids and stylesheets of an HTML page."""

    def __init__(self, source: str):
        super().__init__()
        self.links: dict[str, str] = {}
        self.ids: list[str] = []
        self.styles: list[str] = []
        self._href = None
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "a":
            self._href = attrs.get("href")
        if tag == "link" and attrs.get("rel") == "stylesheet":
            self.styles.append(attrs["href"])

    def handle_data(self, data):
        if self._href:
            self.links[self._href] = self.links.get(self._href, "") + data

    def handle_endtag(self, tag):
        if tag == "a":
            self._href = None


def build(repo: Path, language: str = "en", builder: str = "html") -> tuple[Path, str]:
    """Build the small repository with Sphinx; returns the output folder and the warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    index = "# The map\n\n```{image} map.png\n:class: mindmap\n:alt: The map\n```\n\n```{toctree}\nstart/setup\nsearch/words\n```\n"
    (repo / "book/index.md").write_text(index)
    out, warnings = repo / "_build" / f"{builder}-{language}", io.StringIO()
    settings = {
        "extensions": ["myst_parser", "course_lib.publishing.mapdirective"], "root_doc": "book/index",
        # myst-nb, if another test loaded it, leaves its mark on Sphinx's default, so this one is named
        "source_suffix": {".md": "markdown"},
        "language": language, "exclude_patterns": ["solutions", "_build"], "html_theme": "basic",
    }  # fmt: skip
    with patch_docutils(), docutils_namespace():
        app = Sphinx(repo, None, out, out / ".doctrees", builder, settings, status=None, warning=warnings)
        app.build()
    return out, warnings.getvalue()


def test_directive_links_ready_topics_and_prerequisites(repo):
    out, warnings = build(repo)
    assert warnings == ""
    source = (out / "book/index.html").read_text(encoding="utf-8")
    page = Page(source)
    assert (out / "book/search/words.html").is_file()
    body = source[source.index('class="mindmap') :]
    assert '<a class="reference internal" href="search/words.html"><span class="doc">search.words</span></a>' in body
    assert "search/rank.html" not in source and "value/tests.html" not in source  # planned: no page, no link
    assert {"start.setup", "search.words", "search.rank", "value.tests", "search.old"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids) | {""}  # no link into nothing
    facts = re.search(r'<li[^>]* id="value.tests".*?<p class="mindmap-facts">(.*?)</p>', body, re.S)[1]
    needed = [("#search.rank", "search.rank"), ("#start.setup", "start.setup")]
    assert re.findall(r'href="(.*?)">(.*?)<', facts) == needed
    assert "4 topics, 2 ready and 2 planned; about 2 hours" in body
    assert body.count('class="mindmap-planned"') == 2
    assert body.count("a · b · c") == 4  # the concepts
    assert body.count('title="goes beyond the source article"') == 2  # the legend and one topic
    assert any("map.css" in style for style in page.styles)
    assert (out / "_static/map.css").read_bytes() == (ROOT / "course_lib/publishing/static/map.css").read_bytes()
    other = Page((out / "book/search/words.html").read_text(encoding="utf-8"))
    assert not any("map.css" in style for style in other.styles)


def test_directive_counts_the_questions_of_the_exercise_notebook(repo):
    notebook = {"cells": [
        {"metadata": {}},
        {"metadata": {"nbgrader": {"grade_id": "recall", "solution": True}}},
        {"metadata": {"nbgrader": {"grade_id": "recall-check", "solution": False}}},
    ]}  # fmt: skip
    path = repo / "exercises/search/words.ipynb"
    path.write_text(json.dumps(notebook))

    def counted() -> dict[str, list[str]]:
        out, _ = build(repo)
        source = (out / "book/index.html").read_text(encoding="utf-8")
        data = json.loads(re.search(r'class="mm-data">(.*?)</script>', source, re.S)[1])
        return {topic["id"]: topic["questions"] for branch in data["branches"] for topic in branch["topics"]}

    none = {"start.setup": [], "search.rank": [], "value.tests": []}
    assert counted() == {**none, "search.words": ["recall"]}
    notebook["cells"].append({"metadata": {"nbgrader": {"grade_id": "ndcg", "solution": True}}})
    path.write_text(json.dumps(notebook))
    assert counted()["search.words"] == ["recall", "ndcg"]  # the page is made anew when the exercises are


@pytest.mark.parametrize("content", ["# Page", "[]", '{"cells": [{}]}'])
def test_directive_stops_the_build_on_a_broken_exercise_notebook(repo, content):
    from sphinx.errors import ExtensionError

    (repo / "exercises/search/words.ipynb").write_text(content)
    with pytest.raises(ExtensionError, match="words.ipynb: no exercise notebook.*course exercises build search.words"):
        build(repo)


def test_titles_cannot_end_the_embedded_data():
    from course_lib.publishing.mapdata import script_json

    text = script_json({"title": "</script><b>&amp;"})
    assert "<" not in text and json.loads(text) == {"title": "</script><b>&amp;"}


def test_directive_speaks_chinese_and_leaves_the_catalogue_alone(repo):
    out, warnings = build(repo, "zh_CN")
    assert warnings == ""
    body = (out / "book/index.html").read_text(encoding="utf-8")
    assert "共 4 个主题：2 个已完成，2 个计划中" in body
    assert '<span class="doc">中文 search.words</span>' in body and "30 分钟 · 开发者" in body
    out, _ = build(repo, builder="gettext")
    catalogue = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*.pot"))
    assert "The map" in catalogue and "Do it." not in catalogue


def test_directive_warns_of_a_ready_topic_without_its_page(repo):
    (repo / "book/start/setup.md").unlink()
    _, warnings = build(repo)
    assert "book/start/setup" in warnings


@pytest.mark.parametrize("path, value", [(f"{TOPIC}.role", "boss"), (f"{TOPIC}.prerequisites", ["search.nowhere"])])
def test_directive_stops_the_build_on_a_faulty_map(repo, raw, path, value):
    from sphinx.errors import ExtensionError

    save(repo, change(raw, path, value))
    with pytest.raises(ExtensionError, match="boss|search.nowhere"):
        build(repo)


def test_directive_reads_the_map_again_when_it_changes(repo, raw):
    build(repo)
    save(repo, change(raw, f"{TOPIC}.title.en", "A new title"))
    out, _ = build(repo)
    assert "A new title" in (out / "book/index.html").read_text(encoding="utf-8")
