"""Search: words are cut alike in Python and in the browser, and Sphinx's own search finds the right page."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx.search import SearchLanguage

from course_lib.publishing.search import ChineseSearch, EnglishSearch, FoundBy, split, word_counts

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SITE = ROOT / "_build" / "html"
NODE = shutil.which("node")
RANK = ROOT / "course_lib" / "publishing" / "static" / "search_rank.js"
needs_node = pytest.mark.skipif(NODE is None, reason="no node: install Node.js")
needs_site = pytest.mark.skipif(not (SITE / "zh" / "searchindex.js").is_file(), reason="no built site: run make book")


def _node(*arguments: str, value: object) -> object:
    done = subprocess.run(
        [NODE, *arguments], input=json.dumps(value), capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("向量检索", ["向量", "量检", "检索"]),
        ("词", ["词"]),
        ("用BM25检索", ["用", "BM25", "检索"]),
        ("NDCG@10，macro-F1", ["NDCG", "10", "macro", "F1"]),
        ("a_b the café", ["a_b", "the", "café"]),
        ("、。 —", []),
        ("", []),
    ],
)
def test_how_words_are_cut(text, words):
    assert split(text) == words


@needs_node
def test_python_and_the_browser_cut_alike():
    pick = random.Random(0)
    alphabet = "ab Z9_é-@，。召回向量检索の \t\n“”ﬀ1年①🙂ßİ"
    texts = ["".join(pick.choices(alphabet, k=pick.randrange(0, 30))) for _ in range(2_000)]
    code = ChineseSearch.js_splitter_code + (
        "const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "process.stdout.write(JSON.stringify(texts.map(splitQuery)))"
    )
    assert _node("-e", code, value=texts) == [split(text) for text in texts]
    assert sum(len(split(text)) for text in texts) > 10_000  # there was something to cut


def test_what_is_indexed():
    english = EnglishSearch({})
    assert isinstance(english, SearchLanguage) and (EnglishSearch.lang, ChineseSearch.lang) == ("en", "zh")
    kept = [word for word in english.split("How the models rank 如何排序") if english.word_filter(word.lower())]
    assert kept == ["models", "rank", "何排", "排序"]
    assert english.stem("models") == "model" and english.stem("排序") == "排序"


def test_hidden_words_are_written_nowhere():
    from course_lib.publishing.search import _skip

    with pytest.raises(nodes.SkipNode):
        _skip(None, FoundBy("", nodes.Text("words")))


TOY = {
    "docnames": ["map", "one", "two", "three", "four"],
    "filenames": ["map.md", "one.md", "two.md", "three.md", "four.md"],
    "titles": ["The map", "Dense retrieval", "Ranking", "向量检索", "A long page"],
    "alltitles": {
        "The map": [[0, None]],
        "Dense retrieval": [[1, None]],
        "How it fails": [[1, "how-it-fails"], [2, "how-it-fails"]],
        "Training a ranker": [[2, "training"]],
        "Ranking": [[2, None]],
        "向量检索": [[3, None]],
    },
    "terms": {"dens": [0, 2], "rank": [0, 1], "index": [0, 1, 3], "embed": 1, "排序": [0, 3], "学习": 2, "rare": 2,
              "cart": [1, 2, 3], "basket": [3, 4]},
    "titleterms": {
        "map": 0, "dens": 1, "retriev": 1, "fail": [1, 2], "it": [1, 2], "train": 2, "ranker": 2, "rank": 2,
        "向量": 3, "量检": 3, "检索": 3,
    },
    "indexentries": {}, "objects": {}, "objnames": {}, "objtypes": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A search over TOY: Sphinx's script, our words and our ranking."""
    if NODE is None:
        pytest.skip("no node: install Node.js")
    import sphinx

    site = tmp_path_factory.mktemp("site")
    (site / "_static").mkdir()
    shutil.copy(Path(sphinx.__file__).parent / "themes" / "basic" / "static" / "searchtools.js", site / "_static")
    shutil.copy(RANK, site / "_static")
    language = EnglishSearch({})
    (site / "_static" / "language_data.js").write_text(
        f"var stopwords = {json.dumps(sorted(language.stopwords))};\n"
        f"{language.js_stemmer_code}\n{language.js_splitter_code}",
        encoding="utf-8",
    )
    counts = {"lengths": {"map": 100, "one": 100, "two": 100, "three": 100, "four": 300}, "often": {"cart": {"one": 5}}}
    (site / "_static" / "search_counts.js").write_text(f"Search.counts = {json.dumps(counts)}", encoding="utf-8")
    (site / "searchindex.js").write_text(f"Search.setIndex({json.dumps(TOY)})", encoding="utf-8")

    def search(query: str) -> list[str]:
        [found] = _node(str(HERE / "search_harness.js"), str(site), "map", value=[query])
        return [name + anchor for name, _, anchor in found]

    return search


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("dense retrieval", "one"),  # a title before a page that only speaks of it
        ("RANKING", "two"),
        ("train a ranker", "two#training"),  # a heading leads to its section
        ("向量检索", "three"),
        ("向量的检索", "three"),  # a pair that spans two words hides nothing
        ("学习排序", "two"),  # the rarer word counts more
        ("embedding", "one"),  # stemmed
        ("densely indexed", "one"),
        ("map", "map"),
        ("索", "three"),  # one character
        ("how does retrieval fail", "one"),
        ("how does it fail", "one#how-it-fails"),
    ],
)
def test_what_comes_first(toy, query, first):
    assert toy(query)[0] == first


def test_what_is_not_found(toy):
    assert toy("nothing of this kind") == []
    assert toy("the of and") == [] and toy("的") == [] and toy("") == []
    assert "two" not in toy("rank -rare") and "two" in toy("rank rare")
    assert toy("constructor") == [] and toy("__proto__") == []  # names that every JavaScript object has


def test_how_often_a_word_stands_counts_and_so_does_the_length(toy):
    assert toy("cart")[0] == "one"
    assert toy("basket") == ["three", "four"]


def test_counts_are_of_words_as_they_are_indexed():
    page = new_document("page")
    page += nodes.paragraph("", "", nodes.Text("Ranked by ranking the ranks; 排序和排序。"))
    assert word_counts(page) == {"rank": 3, "排序": 2, "序和": 1, "和排": 1}


def test_the_map_comes_after_a_page_about_it(toy):
    found = toy("index")
    assert set(found) == {"map", "one", "three"} and found[-1] == "map"


def test_more_than_half_of_the_query_must_be_held(toy):
    assert toy("embed index") == ["one"] + [page for page in toy("embed index") if page != "one"]
    assert "three" not in toy("embed rank retrieval index")  # holds one of four


def _queries(language: str) -> list[list[str]]:
    lines = (HERE / f"queries_{language}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


@pytest.mark.site
@needs_site
@needs_node
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_right_page_is_among_the_first_five(language):
    pairs = _queries(language)
    assert len(pairs) >= 50 and len({query for query, _ in pairs}) == len(pairs)
    site = SITE if language == "en" else SITE / language
    for _, page in pairs:
        assert (site / f"{page}.html").is_file(), f"{page} is no page"
    found = _node(str(HERE / "search_harness.js"), str(site), "book/index", value=[query for query, _ in pairs])
    places = [[name for name, *_ in one].index(page) if any(page == name for name, *_ in one) else 10**6
              for (_, page), one in zip(pairs, found)]  # fmt: skip
    missed = [query for (query, _), place in zip(pairs, places) if place >= 5]
    at = {k: sum(place < k for place in places) / len(places) for k in (1, 3, 5)}
    print(f"\n{language}: " + ", ".join(f"recall@{k} {share:.3f}" for k, share in at.items()), "missed:", missed)
    assert at[5] >= 0.95, missed


@pytest.mark.site
@needs_site
@needs_node
def test_a_chinese_query_finds_its_page_on_the_english_site():
    """By the map's titles and concepts, which are indexed in both languages."""
    [found] = _node(str(HERE / "search_harness.js"), str(SITE), "book/index", value=["搭建环境"])
    assert found[0][0] == "book/start/setup"
