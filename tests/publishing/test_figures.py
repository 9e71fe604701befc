"""Figures: a name, the page's colours, the right values, the same bytes twice; bad input is one line."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest

from course_lib.core.errors import ContractError
from course_lib.publishing.figures import (
    PALETTE, Picture, bars, compared_table, embedding_map, heatmap, interval_plot, loss_curve, results_table, show, style, table,
)  # fmt: skip

SVG = "{http://www.w3.org/2000/svg}"
RNG = np.random.default_rng(0)
POINTS, LABELS = RNG.normal(size=(60, 2)), ["a", "b", "c"] * 20


def report(**means: float) -> SimpleNamespace:
    names = {k.replace("_at_", "@"): v for k, v in means.items()}
    return SimpleNamespace(mean=names, interval={k: (v - 0.02, v + 0.03) for k, v in names.items()})


REPORTS = {
    "bm25": report(ndcg_at_10=0.7061, recall_at_100=0.8),
    "hybrid <x>": report(ndcg_at_10=0.791, recall_at_100=0.9),
}
DRAWN = {
    "loss": lambda alt="Loss falls.": loss_curve({"train": [3.0, 2.0, 1.5], "held out": [3.1, 2.2, 1.5]}, alt=alt),
    "map": lambda alt="Groups lie apart.": embedding_map(POINTS, LABELS, alt=alt),
    "heat": lambda alt="All look at themselves.": heatmap(["a", "b"], ["a", "b"], np.eye(2), alt=alt, xlabel="seen",
                                                          ylabel="looking"),
    "intervals": lambda alt="Hybrid is best.": interval_plot(REPORTS, "ndcg@10", alt=alt),
}


def _text(picture: Picture) -> list[str]:
    return ["".join(t.itertext()) for t in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_has_a_name_and_the_pages_colours(name):
    picture = DRAWN[name]()
    svg = ElementTree.fromstring(picture.svg)
    assert svg.get("role") == "img" and svg.get("aria-label") == picture.alt == svg.find(f"{SVG}title").text
    colours = set(re.findall(r"#[0-9a-fA-F]{6}", picture.svg)) - {c.lower() for c in PALETTE} - set(PALETTE)
    assert colours <= {"#808080"}, colours  # all else is the page's own colour
    assert "currentColor" in picture.svg and "#010203" not in picture.svg
    assert all("currentColor" in (t.get("style") or "") + (t.get("fill") or "") for t in svg.iter(f"{SVG}text"))
    assert len(picture.svg) < 60_000 and picture.svg in picture._repr_html_() and picture.alt in repr(picture)


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_figure_is_the_same_bytes(name):
    assert DRAWN[name]().svg == DRAWN[name]().svg


def test_also_in_another_process():
    code = "from course_lib.publishing.figures import loss_curve; print(loss_curve([3., 2., 1.], alt='x').svg)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.rstrip("\n") == loss_curve([3.0, 2.0, 1.0], alt="x").svg


def test_ids_differ_between_two_figures_of_a_page_and_every_reference_is_met():
    first, second = (DRAWN["map"](alt).svg for alt in ("One.", "Two."))
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    for svg, own in zip((first, second), ids):
        assert set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", svg)) <= own


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("alt", ["", "  \n"])
def test_no_alternative_text_no_figure(name, alt):
    with pytest.raises(ContractError, match="alternative text"):
        DRAWN[name](alt)


def test_a_figure_of_ones_own_is_shown_and_closed():
    from matplotlib import pyplot

    with style():
        fig, ax = pyplot.subplots()
        ax.plot([1, 2], [3, 4])
        picture = show(fig, 'A "line" <rising>.')
    assert ElementTree.fromstring(picture.svg).get("aria-label") == 'A "line" <rising>.'
    assert not pyplot.get_fignums()
    with pytest.raises(ContractError, match="alternative text"):
        show(fig, " ")


def test_series_are_named_at_their_ends_and_names_do_not_touch():
    picture = DRAWN["loss"]()
    assert {"train", "held out", "step"} <= set(_text(picture))
    ys = [
        float(t.get("y") or re.search(r"translate\([\d.]+ ([\d.]+)\)", t.get("transform"))[1])
        for t in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")
        if "".join(t.itertext()) in ("train", "held out")
    ]  # fmt: skip
    assert abs(ys[0] - ys[1]) >= 14  # their last values are equal


@pytest.mark.parametrize(
    "losses", [[], {}, {"a": []}, [1.0, float("nan")], [[1.0], [2.0]], {str(i): [1.0] for i in range(5)}]
)
def test_bad_losses(losses):
    with pytest.raises(ContractError):
        loss_curve(losses, alt="x")


def test_steps_and_smoothing():
    with pytest.raises(ContractError, match="2 steps for 3 values"):
        loss_curve([1.0, 2.0, 3.0], alt="x", steps=[1, 2])
    many = RNG.normal(size=200)
    assert "opacity: 0.25" in loss_curve(many, alt="x", smooth=20).svg  # the raw values stay, faint
    assert "opacity: 0.25" not in loss_curve(many, alt="x").svg
    assert loss_curve([1.0], alt="x", smooth=50).svg  # wider than the series
    assert "2000" in _text(loss_curve([3.0, 2.0, 1.0], alt="x", steps=[0, 1000, 2000]))


def test_a_map_names_the_four_largest_groups_and_draws_at_most_1500_points():
    labels = ["a"] * 400 + ["b"] * 300 + ["c"] * 200 + ["d"] * 90 + ["e"] * 10
    points = RNG.normal(size=(1000, 2))
    said = set(_text(embedding_map(points, labels, alt="x")))
    assert {"a", "b", "c", "d"} <= said and "e" not in said and "grey: other groups" in said
    big = embedding_map(RNG.normal(size=(50_000, 2)), ["a"] * 50_000, alt="x")
    assert 1000 < big.svg.count("<use") < 1600 and len(big.svg) < 200_000
    assert _text(embedding_map(np.zeros((1, 2)), ["one"], alt="x"))


@pytest.mark.parametrize(
    ("points", "labels"),
    [(np.zeros((0, 2)), []), (np.zeros((3, 3)), list("abc")), (np.zeros(3), list("abc")),
     (np.zeros((3, 2)), list("ab")), (np.array([[0.0, np.inf]]), ["a"])],
)  # fmt: skip
def test_bad_points(points, labels):
    with pytest.raises(ContractError):
        embedding_map(points, labels, alt="x")


def test_a_heat_map_draws_what_is_there_and_no_more():
    values = np.array([[0.0, 0.25, 1.0], [0.5, 0.0, 0.0]])
    words = dict(alt="Heat.", xlabel="seen", ylabel="looking")
    picture = heatmap(["r1", "r2"], ["c1", "c2", "c3"], values, **words)
    assert {float(o) for o in re.findall(r"opacity: ([\d.]+)", picture.svg)} >= {0.25, 0.5}
    assert {"r1", "r2", "c1", "c2", "c3", "seen", "looking"} <= set(_text(picture))
    nothing = heatmap(["r"], ["c"], np.zeros((1, 1)), **words)
    assert nothing.svg.count("<path") < picture.svg.count("<path")
    assert heatmap(["r"], ["c"], np.ones((1, 1)), **words).svg == heatmap(["r"], ["c"], 5 * np.ones((1, 1)), **words).svg


@pytest.mark.parametrize("rows, columns, values", [
    ([], [], np.zeros((0, 0))), (["r"], ["c"], np.zeros((1, 2))), (["r"], ["c"], [[-1.0]]), (["r"], ["c"], [[np.nan]]),
    (["r"] * 25, ["c"], np.zeros((25, 1))),
])  # fmt: skip
def test_bad_heat(rows, columns, values):
    with pytest.raises(ContractError):
        heatmap(rows, columns, values, alt="x", xlabel="x", ylabel="y")


def test_intervals_show_each_mean_and_name_in_order():
    said = _text(DRAWN["intervals"]())
    assert {"0.706", "0.791", "bm25", "hybrid <x>"} <= set(said)
    assert said.index("bm25") < said.index("hybrid <x>")


class TestTable:
    def cells(self, table) -> list[list[str]]:
        rows = ElementTree.fromstring(table.html).iter("tr")
        return [["".join(cell.itertext()) for cell in row] for row in rows]

    def test_values_intervals_and_names(self):
        table = results_table(REPORTS, caption="Means.", baseline="bm25", p_values={"hybrid <x>": 0.0004})
        assert self.cells(table) == [
            ["method", "ndcg@10", "recall@100", "p against bm25"],
            ["bm25 (baseline)", "0.706 [0.686,\u00a00.736]", "0.800 [0.780,\u00a00.830]", ""],
            ["hybrid <x>", "0.791 [0.771,\u00a00.821]", "0.900 [0.880,\u00a00.930]", "<\u00a00.001"],
        ]
        assert "Means." in repr(table) and "0.706 [0.686,\u00a00.736]" in repr(table) and table._repr_html_() == table.html

    def test_it_can_be_read_aloud(self):
        root = ElementTree.fromstring(results_table(REPORTS, ["ndcg@10"], caption="Means.").html)
        assert root.find("table/caption/span").text == "Means."
        assert [th.get("scope") for th in root.iter("th")] == ["col", "col", "row", "row"]

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ({"reports": {}}, "nothing"),
            ({"metrics": ["map@5"]}, "lacks map@5"),
            ({"metrics": []}, "nothing"),
            ({"baseline": "gone"}, "no row is called 'gone'"),
            ({"p_values": {"gone": 0.1}}, "no row is called 'gone'"),
            ({"caption": " "}, "caption"),
        ],
    )
    def test_bad_input(self, arguments, says):
        with pytest.raises(ContractError, match=says):
            results_table(**{"reports": REPORTS, "caption": "Means.", **arguments})

    def test_any_table(self):
        shown = table(["", "found"], [["Python", 3.11], ["<b>", None]], caption="What is here.")
        assert self.cells(shown) == [["", "found"], ["Python", "3.11"], ["<b>", "None"]]
        assert "<th scope=\"col\"></th>" not in shown.html  # a heading that says nothing is no heading
        assert repr(shown).splitlines()[0] == "What is here."

    @pytest.mark.parametrize(
        ("heads", "rows", "caption", "says"),
        [(["a"], [["x"]], " ", "caption"), (["a"], [], "x", "nothing"), ([], [[]], "x", "nothing"),
         (["a", "b"], [["x", "y"], ["x"]], "x", "row 1: 1 cells under 2")],
    )  # fmt: skip
    def test_bad_tables(self, heads, rows, caption, says):
        with pytest.raises(ContractError, match=says):
            table(heads, rows, caption=caption)

    def test_it_takes_the_reports_of_evaluate(self):
        from course_lib import evaluate
        from course_lib.core.ids import IdMap
        from course_lib.core.ranking import Ranking
        from course_lib.core.tables import make_table

        judgements = make_table("judgements", {"query_id": ["q", "r"], "item_id": ["a", "b"], "grade": [3, 2]})
        ranking = Ranking(
            np.array([[0, 1], [0, 1]]),
            np.array([[2.0, 1.0], [2.0, 1.0]]),
            IdMap("query", ["q", "r"]),
            IdMap("item", ["a", "b"]),
        )
        result = evaluate(ranking, judgements, metrics=("recall@1",))
        assert self.cells(results_table({"run": result}, caption="x"))[1][1].startswith("0.500 [")
        assert "0.500" in _text(interval_plot({"run": result}, "recall@1", alt="x"))


def measured(values, seed=0):
    from course_lib.shop.measurement import Report

    keys = tuple(f"q{n}" for n in range(len(values)))
    return Report(keys, {"ndcg@10": np.asarray(values), "value": 2 * np.asarray(values)}, 0, 0, 0, "query", "linear", seed)


def test_a_compared_table_adjusts_for_all_its_tests():
    from course_lib.shop.measurement import compare_all

    base = RNG.random(40)
    reports = {"base": measured(base), "same <luck>": measured(base + 0.1 * RNG.normal(size=40)),
               "more": measured(base + 0.3)}  # fmt: skip
    made = compared_table(reports, baseline="base", caption="Chains", head="chain")
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", made.html)]
    assert rows[0] == ["chain", "ndcg@10", "value"] and rows[1][0] == "base (baseline)" and "p" not in rows[1][1]
    assert rows[2][0] == "same &lt;luck&gt;" and "against base, adjusted" in made.html
    family = {(m.a, m.comparison.metric): m for m in compare_all(reports, ["ndcg@10", "value"], baseline="base")}
    assert f"p\u00a0{family['same <luck>', 'value'].p_adjusted:.3f}" in rows[2][2]
    assert "p\u00a0&lt;\u00a00.001" in rows[3][1]
    assert f"{base.mean():.3f} [" in rows[1][1] and f"{2 * base.mean() + 0.6:.3f} [" in rows[3][2]


def test_a_compared_table_of_one_has_no_test():
    made = compared_table({"base": measured([0.1, 0.9])}, ["value"], baseline="base", caption="One", digits=1)
    assert "1.0 [" in made.html and "paired" not in made.html and "ndcg" not in made.html


@pytest.mark.parametrize(("change", "words"), [
    ({"baseline": "none"}, "no row is called"), ({"caption": " "}, "caption"), ({"metrics": ["mrr@10"]}, "lacks mrr@10"),
])  # fmt: skip
def test_a_compared_table_refuses(change, words):
    with pytest.raises(ContractError, match=words):
        compared_table({"base": measured([0.5, 0.6])}, **{"baseline": "base", "caption": "x", **change})
    with pytest.raises(ContractError, match="nothing to show"):
        compared_table({}, baseline="base", caption="x")


def test_chinese_text_is_as_wide_as_it_will_be():
    from matplotlib import pyplot

    from course_lib.publishing.figures import cjk

    assert cjk.PATH.read_bytes() == cjk.font_bytes()
    with style():
        fig, ax = pyplot.subplots()
        width = {text: ax.text(0, 0, text).get_window_extent().width for text in ("搜", "搜索引擎", "BM25", "BM25搜索")}
        size = pyplot.rcParams["font.size"] * fig.dpi / 72
        picture = show(fig, "中文。")
    assert width["搜"] == pytest.approx(size, rel=0.1) and width["搜索引擎"] == pytest.approx(4 * width["搜"], rel=0.05)
    assert width["BM25搜索"] == pytest.approx(width["BM25"] + 2 * width["搜"], rel=0.05)
    assert {"搜索引擎", "BM25搜索"} <= set(_text(picture))  # it stays text, for the font of the reader's browser


def test_text_that_no_font_has_is_an_error_that_shows_it():
    import warnings

    from matplotlib import pyplot

    with style():
        fig, ax = pyplot.subplots()
        ax.set_title("emoji \U0001f6d2")
        with pytest.raises(ContractError, match="\U0001f6d2"):
            show(fig, "x")
    assert not pyplot.fignum_exists(fig.number)
    with style():  # other warnings are handed on
        fig, ax = pyplot.subplots()
        fig.savefig = lambda *a, save=fig.savefig, **k: (warnings.warn("another", UserWarning), save(*a, **k))[1]
        with pytest.warns(UserWarning, match="another"):
            show(fig, "x")


@pytest.mark.parametrize("label", ["short", "a label that is far too long to stand beside its axes"])
def test_no_figure_is_wider_than_a_phone_can_show_at_12_px(label):
    from matplotlib import pyplot

    with style():
        fig, ax = pyplot.subplots()
        ax.plot([0, 1], [0, 1])
        ax.annotate(label[:24], (1, 1), xytext=(6, 0), textcoords="offset points")
        width = float(re.search(r'width="([\d.]+)pt"', show(fig, "x").svg)[1])
    assert 13 * 328 / width >= 11.9


@pytest.mark.parametrize("names", [["embeddings", "attention", "feed-forward"], ["one", "two"], ["a very long name of a series", "another one, also long"]])
def test_a_legend_does_not_widen_the_bars(names):
    drawn = bars(["group", "other"], {name: [0.5, 0.2] for name in names}, alt="Bars of several series.", xlabel="x")
    assert 13 * 328 / float(re.search(r'width="([\d.]+)pt"', drawn.svg)[1]) >= 11.9
