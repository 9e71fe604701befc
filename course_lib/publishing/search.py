"""Full-text search in English and Chinese: how words are cut, in the index and in the query alike.

Chinese has no spaces. A run of Chinese characters is cut into its overlapping pairs (向量检索: 向量, 量检, 检索), and so is
the query, so that nothing depends on a dictionary. Everything else is English, stemmed as Sphinx does. All editions use
the same rules, since each may hold words of the other language. How pages are found and ordered by these words is
``static/search_rank.js``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.search import WordCollector
from sphinx.search.en import SearchEnglish

from course_lib.core.bilingual import LANGUAGES
from course_lib.core.files import atomic_file
from course_lib.publishing.flow import FlowNode
from course_lib.publishing.mapfile import load_map

#: characters written without spaces between words (kana, Chinese), as the inside of a character class
CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_COUNTS = "search_counts.js"
_RUN = re.compile(rf"[{CJK}]+|[^\W{CJK}]+")
_WIDE = re.compile(rf"[{CJK}]")

#: words of questions, which say nothing about the page that answers them
STOPWORDS = frozenset(
    "am can do does from had has have how i me my our should we what when where which who why you your "
    "什么 怎么 怎样 如何 为何 为什 哪些 哪个 哪里 可以 能否 是否 吗 呢 的 了".split()
)

_SPLITTER = r"""
var splitQuery = (query) =>
  (query.match(/[@CJK]+|(?:(?![@CJK])[\p{L}\p{N}_])+/gu) || []).flatMap((run) =>
    /^[@CJK]{2}/u.test(run) ? [...run].slice(1).map((character, at) => run[at] + character) : [run]
  );
""".replace("@CJK", CJK)


def split(text: str) -> list[str]:
    """Words of a text: runs of letters and digits; of a run of Chinese characters its pairs (one alone: itself)."""
    words: list[str] = []
    for run in _RUN.findall(text):
        pairs = len(run) > 1 and _WIDE.match(run)
        words += [run[at : at + 2] for at in range(len(run) - 1)] if pairs else [run]
    return words


class BookSearch(SearchEnglish):
    """Sphinx's rules for English, and pairs of characters for Chinese; ``lang`` is that of the edition."""

    stopwords = SearchEnglish.stopwords | STOPWORDS
    js_splitter_code = _SPLITTER

    def split(self, input: str) -> list[str]:
        return split(input)

    def word_filter(self, word: str) -> bool:
        return bool(word) and word not in self.stopwords


class EnglishSearch(BookSearch):
    """Search of the English edition."""

    lang, language_name = "en", "English"


class ChineseSearch(BookSearch):
    """Search of the Chinese edition."""

    lang, language_name = "zh", "Chinese"


class FoundBy(nodes.Invisible, nodes.Element):
    """Words by which a page is found though it doesn't show them: nothing in every output but the index."""


def _skip(translator: Any, node: FoundBy) -> None:
    raise nodes.SkipNode


def _add_words(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Index what pages say outside their text.

    That is: the labels of diagrams; a topic's title and concepts in both languages, as the map has them; and on the map
    page those of topics that have no page of their own yet.
    """
    for diagram in doctree.findall(FlowNode):
        diagram += FoundBy("", nodes.Text("; ".join(diagram.texts())))
    path = Path(app.srcdir) / app.config.mindmap_file
    if not path.is_file():
        return
    topics = load_map(path).order()
    here = [topic for topic in topics if topic.page == page]
    if any("mindmap" in node["classes"] for node in doctree.findall(nodes.container)):
        here += [topic for topic in topics if not topic.ready]
    words = [text.get(code) for t in here for text in (t.title, *(c.name for c in t.concepts)) for code in LANGUAGES]
    if words:
        doctree += FoundBy("", nodes.Text("; ".join(dict.fromkeys(words))))


def word_counts(doctree: nodes.document) -> Counter[str]:
    """How often each word, as it is indexed, stands on a page."""
    language = EnglishSearch({})
    collector = WordCollector(doctree, language)
    doctree.walk(collector)
    words = (language.stem(word).lower() for word in collector.found_words + collector.found_title_words)
    return Counter(word for word in words if language.word_filter(word))


def _write_counts(app: Sphinx, exception: Exception | None) -> None:
    """``search_counts.js``: Sphinx's index says where a word stands, not how often, and without that long pages win."""
    if exception or app.builder.format != "html":
        return
    lengths: dict[str, int] = {}
    often: dict[str, dict[str, int]] = {}  # only what stands more than once: the index has the rest
    for page in sorted(app.env.found_docs):
        counts = word_counts(app.env.get_doctree(page))
        lengths[page] = counts.total()
        for word, count in sorted(counts.items()):
            if count > 1:
                often.setdefault(word, {})[page] = count
    table = json.dumps({"lengths": lengths, "often": often}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    with atomic_file(Path(app.outdir) / "_static" / _COUNTS) as file:
        file.write(f"Search.counts = {table};\n")


def _load_ranking(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """On the search page alone. Deferred: after Sphinx's own scripts, and before they look at the query."""
    if page == "search":
        app.add_js_file(_COUNTS, loading_method="defer")
        app.add_js_file("search_rank.js", loading_method="defer", **{"data-map": app.config.root_doc})


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_search_language(EnglishSearch)
    app.add_search_language(ChineseSearch)
    app.add_node(FoundBy, **{name: (_skip, None) for name in ("html", "text", "latex", "man", "texinfo")})
    app.connect("doctree-resolved", _add_words)
    app.connect("html-page-context", _load_ranking)
    app.connect("build-finished", _write_counts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
