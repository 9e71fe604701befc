"""The glossary page: every term of ``book/glossary.yml`` in English and 中文, with the topics of the map that teach it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from course_lib.core.bilingual import Text
from course_lib.core.errors import CourseError, DataError
from course_lib.publishing.mapfile import load_map, read_yaml
from course_lib.publishing.mapmodel import MindMap, Topic
from course_lib.publishing.standin import StandIn

FILE = "book/glossary.yml"
MEANINGS = "book/glossary_meanings.yml"
WORDS = {
    "en": Text("English", "英文"),
    "zh": Text("中文", "中文"),
    "meaning": Text("Meaning", "含义"),
    "where": Text("Topics", "主题"),
    "comma": Text(", ", "、"),
}


@dataclass(frozen=True)
class Entry:
    """A line of the glossary.

    Args:
        term: the term in both languages.
        meaning: what it means, in a sentence; both "" where nobody has written one.
        forms: other English forms of the term.
    """

    term: Text
    meaning: Text
    forms: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """``term-`` and the English term in lower-case letters, digits and hyphens: it changes with the term alone."""
        plain = unicodedata.normalize("NFKD", self.term.en).encode("ascii", "ignore").decode()
        return "term-" + re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def load_entries(root: Path) -> tuple[Entry, ...]:
    """The glossary in the order of the English alphabet.

    Raises:
        DataError: a file is missing or broken, a meaning has no term, or two terms share an anchor.
    """
    path, means = root / FILE, root / MEANINGS
    raw = read_yaml(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("terms"), list):
        raise DataError("expected the key 'terms' with a list", where=str(path))
    meanings = read_yaml(means) if means.is_file() else {}
    entries = []
    for number, term in enumerate(raw["terms"], 1):
        where = f"{path}, term {number}"
        if not isinstance(term, dict) or not all(isinstance(term.get(key), str) and term[key] for key in ("en", "zh")):
            raise DataError("expected a mapping with the texts 'en' and 'zh'", where=where)
        said = meanings.pop(term["en"], None)
        if said is not None and (not isinstance(said, dict) or set(said) != {"en", "zh"} or not all(said.values())):
            raise DataError("a meaning is given as {en, zh}", where=f"{means}, {term['en']}")
        meaning = Text(said["en"].strip(), said["zh"].strip()) if said else Text("", "")
        entries.append(Entry(Text(term["en"], term["zh"]), meaning, tuple(term.get("forms", ()))))
    if meanings:
        unknown = next(iter(meanings))
        raise DataError(f"{unknown!r} is no term of {FILE}", where=str(means), remedy="Add the term, or strike this")
    anchors: dict[str, str] = {}
    for entry in entries:
        if entry.anchor in anchors:
            raise DataError(f"{entry.term.en!r} and {anchors[entry.anchor]!r} share {entry.anchor!r}", where=str(path))
        anchors[entry.anchor] = entry.term.en
    return tuple(sorted(entries, key=lambda entry: entry.term.en.lower()))


def taught_in(entry: Entry, mindmap: MindMap) -> list[Topic]:
    """Topics whose title or concepts have the term, in reading order; the whole word, in either language."""
    words = "|".join(re.escape(form) for form in (entry.term.en, *entry.forms))
    english = re.compile(rf"(?<![\w-])(?:{words})(?:s|es)?(?![\w-])", re.IGNORECASE)

    def has(text: Text) -> bool:
        return bool(english.search(text.en)) or text.zh == entry.term.zh

    return [t for t in mindmap.order() if has(t.title) or any(has(concept.name) for concept in t.concepts)]


class PlaceGlossary(StandIn):
    """The list of all terms, in place of the admonition of class ``glossary-terms``."""

    name = "glossary-terms"

    def draw(self) -> list[nodes.Node]:
        root, map_path = Path(self.env.srcdir), Path(self.env.srcdir) / self.config.mindmap_file
        for path in (root / FILE, root / MEANINGS, map_path):
            self.env.note_dependency(str(path))
        try:
            entries = load_entries(root)
            mindmap = load_map(map_path) if map_path.is_file() else None
        except CourseError as error:
            raise ExtensionError(str(error)) from error
        return [_table(entries, mindmap, self.config.language, self.env.docname)]


def _table(entries: Sequence[Entry], mindmap: MindMap | None, language: str, docname: str) -> nodes.container:
    """A definition list: a term with its translation, then its meaning and its topics."""
    items = []
    for entry in entries:
        parts = [_text("paragraph", entry.meaning.get(language))] if entry.meaning.get(language) else []
        topics = taught_in(entry, mindmap) if mindmap else []
        if topics:
            line = _text("paragraph", "")
            line["classes"].append("glossary-topics")
            line += list(_links(topics, language, docname))
            parts.append(line)
        term = nodes.term("", "", ids=[entry.anchor], translatable=False)
        for code, text, tag in (("en", entry.term.en, "en"), ("zh", entry.term.zh, "zh")):
            word = nodes.inline("", text, classes=[f"glossary-{code}", f"language-{tag}"])
            term += [word, nodes.Text(" ")] if code == "en" else [word]
        items.append(nodes.definition_list_item("", term, nodes.definition("", *parts)))
    return nodes.container("", nodes.definition_list("", *items), classes=["glossary-terms"])


def _text(kind: str, text: str) -> nodes.Element:
    # Not for the catalogues: the glossary brings its own translations.
    return getattr(nodes, kind)("", text, translatable=False)


def _links(topics: Sequence[Topic], language: str, docname: str) -> Iterator[nodes.Node]:
    for n, topic in enumerate(topics):
        if n:
            yield nodes.Text(WORDS["comma"].get(language))
        title = nodes.inline("", topic.title.get(language))
        if topic.ready:
            link = addnodes.pending_xref(
                "", refdomain="std", reftype="doc", reftarget=f"/{topic.page}", refdoc=docname,
                refexplicit=True, refwarn=True,
            )  # fmt: skip
            yield link.__iadd__(title)
        else:
            yield title


def _load(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree is not None and any("glossary-terms" in node["classes"] for node in doctree.findall(nodes.container)):
        app.add_css_file("glossary.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform and its style."""
    app.add_transform(PlaceGlossary)
    app.connect("html-page-context", _load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
