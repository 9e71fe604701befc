"""How answers to ``solutions/shop/measurement.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.classroom.compare import close, kind_of
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CATALOGUE = [f"p{number:02d}" for number in range(40)]

# -- what the questions share -----------------------------------------------------------------------------------------


def _sample(generator: np.random.Generator, low: int, high: int) -> list[str]:
    """``low`` to ``high`` different products."""
    n = int(generator.integers(low, high + 1))
    return [_CATALOGUE[row] for row in generator.permutation(len(_CATALOGUE))[:n]]


def _number(value: Any) -> float:
    """A finite number as a float, else NaN; total for whatever came."""
    try:
        number = float(value) if kind_of(value) == "number" else math.nan
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _sixteenths(generator: np.random.Generator, mean: float, spread: float, n: int) -> np.ndarray:
    """Scores on a grid whose sums carry no rounding error, so that every way to add them up gives the same."""
    return np.clip(np.round(generator.normal(mean, spread, n) * 64), 0, 64) / 64


# -- recall_at_k ------------------------------------------------------------------------------------------------------


def _draw_recall(generator: np.random.Generator) -> tuple:
    return set(_sample(generator, 1, 12)), _sample(generator, 3, 30), int(generator.integers(1, 25))


def _draw_recall_odd(generator: np.random.Generator) -> tuple:
    """Sometimes nothing is relevant, an empty list, repeated products."""
    relevant, ranked = set(_sample(generator, 0, 4)), _sample(generator, 0, 8)
    return relevant, ranked + ranked[: int(generator.integers(0, 5))], int(generator.integers(1, 14))


RECALL = Code(
    name="recall_at_k",
    cases=(
        Case(
            "basic",
            Text("Lists longer than k", "列表比 k 长"),
            0.75,
            inputs=(
                ({"a", "b", "c"}, ["a", "x", "b", "y", "c"], 3),
                ({"a", "b", "c", "d", "e"}, ["x", "e", "y", "z", "a"], 2),
                ({"m"}, ["x", "y", "m", "z"], 2),
            ),
            expect=Text(
                "The number of relevant products among the first k places, divided by the number of all relevant "
                "products",
                "前 k 个位置中相关商品的个数，除以全部相关商品的个数",
            ),
            advice=Text(
                "Do it by hand for this input: mark the first k entries of the list, then count which of them are "
                "relevant.",
                "用这个输入手算一遍：先标出列表的前 k 项，再数其中有几个是相关的。",
            ),
        ),
        Case(
            "beyond",
            Text("k reaches beyond the end of the list", "k 超过列表长度"),
            0.25,
            inputs=(({"a", "b", "c", "d"}, ["d", "x", "a"], 10), ({"a", "b"}, [], 5)),
            expect=Text(
                "The missing places hold nothing; the relevant products are as many as before",
                "缺少的位置视为空；相关商品的总数不变",
            ),
            advice=Text(
                "A slice such as ranked[:10] of a short list raises no error: it ends with the list.",
                "对较短的列表取 ranked[:10] 这样的切片不会报错，到列表末尾为止。",
            ),
        ),
        Case(
            "repeats",
            Text("A product stands in the list twice", "同一商品在列表中出现两次"),
            0.25,
            inputs=(
                ({"a", "b", "c", "d"}, ["a", "a", "x", "b"], 3),
                ({"a", "b", "c"}, ["c", "x", "c", "c", "a"], 4),
            ),
            expect=Text(
                "A product is found once, however often it is shown; each showing takes up a place",
                "一个商品无论出现几次只算找到一次；每次出现都占一个位置",
            ),
            advice=Text(
                "Cut the list to k places first, then make a set of what is left.",
                "先截取前 k 个位置，再把剩下的变成集合。",
            ),
        ),
        Case(
            "nothing",
            Text("Nothing is relevant", "没有任何相关商品"),
            0.25,
            inputs=((set(), ["a", "b"], 2), (set(), [], 1)),
            expect=Text("“Not a number”, since there was nothing to find", "“非数”（NaN），因为没有可找的商品"),
            advice=Text(
                "Ask at the beginning whether relevant is empty, and return math.nan then.",
                "在开头判断 relevant 是否为空，为空时返回 math.nan。",
            ),
        ),
        Case("random", Text("Random lists", "随机列表"), 0.25, draw=_draw_recall, n=40, hidden=True),
        Case("odd", Text("Random short lists with all of this", "包含上述各种情况的随机短列表"), 0.25,
             draw=_draw_recall_odd, n=40, hidden=True),
    ),
    hints=(
        Text(
            "Recall asks: of all products that should have been found, which part was? So the number of relevant "
            "products is the denominator, whatever k is.",
            "召回率问的是：应该找到的商品中，找到了多大一部分？所以无论 k 是多少，分母都是相关商品的个数。",
        ),
        Text(
            "Python's sets do the counting: & of two sets keeps what is in both, and len counts it. The first k "
            "entries of a list are a slice.",
            "Python 的集合可以帮你数：两个集合的 & 保留共有的元素，len 得到个数。列表的前 k 项用切片得到。",
        ),
        Text(
            "Three steps: return math.nan if relevant is empty; make a set of the first k entries; divide the size of "
            "what it shares with relevant by the size of relevant.",
            "三步：relevant 为空就返回 math.nan；把前 k 项变成集合；用它与 relevant 共有元素的个数除以 relevant 的个数。",
        ),
    ),
    wrong=(
        Wrong(
            "precision",
            "def recall_at_k(relevant, ranked, k):\n"
            "    if not relevant:\n        return math.nan\n"
            "    return len(relevant & set(ranked[:k])) / k\n",
            Text(
                "You divide by k. That is precision: which part of what was shown is good. Recall asks which part of "
                "what is good was shown, so look at the denominator again.",
                "你除以了 k，得到的是精确率：展示的商品中好的占多少。召回率问的是好商品中被展示的占多少，请再看看分母。",
            ),
        ),
        Wrong(
            "precision_unguarded",
            "def recall_at_k(relevant, ranked, k):\n    return len(set(relevant) & set(ranked[:k])) / k\n",
            Text(
                "You divide by k. That is precision; recall divides by the number of relevant products. That number "
                "may be 0, so ask for it first.",
                "你除以了 k，得到的是精确率；召回率要除以相关商品的个数。这个数可能为 0，所以要先判断。",
            ),
        ),
        Wrong(
            "whole_list",
            "def recall_at_k(relevant, ranked, k):\n"
            "    if not relevant:\n        return math.nan\n"
            "    return len(relevant & set(ranked)) / len(relevant)\n",
            Text(
                "You look at the whole list. Only the first k places count: cut the list before you compare.",
                "你看了整个列表。只有前 k 个位置算数：比较之前先截断列表。",
            ),
        ),
        Wrong(
            "repeats_counted",
            "def recall_at_k(relevant, ranked, k):\n"
            "    if not relevant:\n        return math.nan\n"
            "    return sum(item in relevant for item in ranked[:k]) / len(relevant)\n",
            Text(
                "A product that the list shows twice counts twice for you, and recall may even exceed 1. Count "
                "different products: a set helps.",
                "列表中出现两次的商品被你数了两次，召回率甚至可能超过 1。要数不同的商品，可以用集合。",
            ),
        ),
        Wrong(
            "hit",
            "def recall_at_k(relevant, ranked, k):\n"
            "    if not relevant:\n        return math.nan\n"
            "    return float(any(item in relevant for item in ranked[:k]))\n",
            Text(
                "You say whether anything was found (the hit ratio). Recall says how much of it: count the found "
                "products and divide by all relevant ones.",
                "你只判断了有没有找到（命中率）。召回率要说明找到了多少：数出找到的商品，再除以全部相关商品数。",
            ),
        ),
        Wrong(
            "capped",
            "def recall_at_k(relevant, ranked, k):\n"
            "    if not relevant:\n        return math.nan\n"
            "    return len(relevant & set(ranked[:k])) / min(k, len(relevant))\n",
            Text(
                "You divide by the smaller of k and the number of relevant products. Some tools do so and call it "
                "recall; our definition always divides by all relevant products, even if k places can't hold them.",
                "你除以了 k 与相关商品数中较小的一个。有些工具也这样算并称之为召回率；本课程的定义总是除以全部相关商品数，即使 k 个位置放不下它们。",
            ),
        ),
        Wrong(
            "one_short",
            "def recall_at_k(relevant, ranked, k):\n"
            "    if not relevant:\n        return math.nan\n"
            "    return len(relevant & set(ranked[:k - 1])) / len(relevant)\n",
            Text(
                "You look at k − 1 places. The end of a slice is not part of it, so ranked[:k] already has k entries.",
                "你只看了 k − 1 个位置。切片不包含终点，所以 ranked[:k] 正好有 k 项。",
            ),
        ),
        Wrong(
            "nothing_is_zero",
            "def recall_at_k(relevant, ranked, k):\n"
            "    if not relevant:\n        return 0.0\n"
            "    return len(relevant & set(ranked[:k])) / len(relevant)\n",
            Text(
                "All right but for queries without any relevant product: 0 would blame the search for what nobody "
                "could find, and pull the mean down. See the last point of the contract.",
                "只差一种情况：没有任何相关商品的查询。返回 0 等于责怪搜索没找到根本不存在的东西，还会拉低均值。请看约定的最后一条。",
            ),
        ),
    ),
)  # fmt: skip


# -- ndcg_at_k --------------------------------------------------------------------------------------------------------


def _draw_ndcg(generator: np.random.Generator) -> tuple:
    """At least one good product, half of the graded ones in the list, among others that nobody graded."""
    judged = _sample(generator, 3, 15)
    grades = {item: int(grade) for item, grade in zip(judged, generator.choice(4, len(judged)), strict=True)}
    grades[judged[0]] = int(generator.integers(1, 4))
    return grades, _sample(generator, 3, 30), int(generator.integers(1, 15))


NDCG = Code(
    name="ndcg_at_k",
    cases=(
        Case(
            "basic",
            Text("Graded lists", "带等级的列表"),
            1.0,
            inputs=(
                ({"a": 3, "b": 1, "c": 0}, ["c", "a", "b"], 3),
                ({"a": 2, "b": 3, "c": 1, "d": 2}, ["a", "x", "b", "c", "d"], 4),
                ({"a": 1, "b": 1, "c": 3, "d": 2}, ["b", "c", "a", "d"], 2),
            ),
            expect=Text(
                "DCG of the first k places with gains 2^grade − 1, divided by DCG of the best order of all graded "
                "products",
                "前 k 个位置的 DCG（增益为 2^等级 − 1），除以所有已标注商品最佳排列的 DCG",
            ),
            advice=Text(
                "Write down place, grade, gain and discount of each entry of this list, then of the ideal list; find "
                "where your sums part.",
                "把这个列表每一项的位置、等级、增益和折损写下来，再写理想列表的，看看从哪里开始与你的求和不同。",
            ),
        ),
        Case(
            "missed",
            Text("The list lacks the best product", "列表缺少最好的商品"),
            0.5,
            inputs=(({"a": 3, "b": 1}, ["b", "x"], 2), ({"a": 2, "b": 2, "c": 3}, ["a", "b"], 3), ({"a": 3}, [], 5)),
            expect=Text(
                "Less than 1: the ideal list holds all graded products, also those that are not shown",
                "小于 1：理想列表包含所有已标注的商品，也包括没有展示的",
            ),
            advice=Text(
                "Take the grades of the ideal list from grades, not from ranked.",
                "理想列表的等级要取自 grades，而不是 ranked。",
            ),
        ),
        Case(
            "cut",
            Text("More good products than places", "好商品比位置多"),
            0.5,
            inputs=(
                ({"a": 3, "b": 3, "c": 3, "d": 3}, ["a", "b", "c", "d"], 2),
                ({"a": 2, "b": 1, "c": 2, "d": 1}, ["b", "a", "c"], 1),
            ),
            expect=Text(
                "The ideal list is cut after k places too, so that a perfect first page reaches 1",
                "理想列表同样只取前 k 个位置，这样完美的首页能得到 1",
            ),
            advice=Text("Sort the grades first, then cut to k.", "先对等级排序，再截取前 k 个。"),
        ),
        Case(
            "nothing",
            Text("No grade is above 0", "没有大于 0 的等级"),
            0.5,
            inputs=(({"a": 0, "b": 0}, ["a", "b"], 2), ({}, ["a"], 3)),
            expect=Text("“Not a number”: there is no good list to compare with", "“非数”（NaN）：没有可以比较的好列表"),
            advice=Text(
                "Compute the ideal DCG first; if it is 0, return math.nan instead of dividing.",
                "先算理想 DCG；如果为 0，返回 math.nan，不要做除法。",
            ),
        ),
        Case("random", Text("Random lists", "随机列表"), 0.5, draw=_draw_ndcg, n=40, hidden=True),
    ),
    hints=(
        Text(
            "Write one small function dcg(list of grades) and use it twice: for the list that was shown, and for the "
            "ideal one.",
            "写一个小函数 dcg（参数是等级列表），用两次：一次用于展示的列表，一次用于理想列表。",
        ),
        Text(
            "enumerate(grades, start=1) gives places from 1. The discount of place 1 must be log2(2) = 1: if you meet "
            "a division by zero, your places start from 0.",
            "enumerate(grades, start=1) 给出从 1 开始的位置。第 1 位的折损应为 log2(2) = 1：如果遇到除以零，说明你的位置从 0 开始了。",
        ),
        Text(
            "Shown: [grades.get(item, 0) for item in ranked]. Ideal: all grades, sorted from high to low. Cut both to "
            "k.",
            "展示的：[grades.get(item, 0) for item in ranked]。理想的：所有等级从高到低排序。两者都截到 k。",
        ),
    ),
    wrong=(
        Wrong(
            "linear",
            "def ndcg_at_k(grades, ranked, k):\n"
            "    def dcg(found):\n"
            "        return sum(g / math.log2(place + 1) for place, g in enumerate(found[:k], 1))\n"
            "    ideal = dcg(sorted(grades.values(), reverse=True))\n"
            "    return dcg([grades.get(item, 0) for item in ranked]) / ideal if ideal else math.nan\n",
            Text(
                "You use the grade itself as the gain. Both forms exist; ours is 2^grade − 1, which makes an exact "
                "answer worth seven slight ones.",
                "你直接把等级当作增益。两种写法都存在；本课程用 2^等级 − 1，使一个完全匹配抵得上七个勉强相关。",
            ),
        ),
        Wrong(
            "ideal_of_the_shown",
            "def ndcg_at_k(grades, ranked, k):\n"
            "    def dcg(found):\n"
            "        return sum((2**g - 1) / math.log2(place + 1) for place, g in enumerate(found[:k], 1))\n"
            "    if not any(grades.values()):\n        return math.nan\n"
            "    shown = [grades.get(item, 0) for item in ranked]\n"
            "    ideal = dcg(sorted(shown, reverse=True))\n"
            "    return dcg(shown) / ideal if ideal else 0.0\n",
            Text(
                "Your ideal list holds only products that were shown, so a search that hides the best ones loses "
                "nothing. Sort all the grades instead.",
                "你的理想列表只包含展示过的商品，于是把最好的商品藏起来的搜索毫无损失。应该对全部等级排序。",
            ),
        ),
        Wrong(
            "ideal_uncut",
            "def ndcg_at_k(grades, ranked, k):\n"
            "    def dcg(found):\n"
            "        return sum((2**g - 1) / math.log2(place + 1) for place, g in enumerate(found, 1))\n"
            "    ideal = dcg(sorted(grades.values(), reverse=True))\n"
            "    return dcg([grades.get(item, 0) for item in ranked[:k]]) / ideal if ideal else math.nan\n",
            Text(
                "Your ideal list goes on after place k. Then even a perfect first page stays below 1: cut both lists.",
                "你的理想列表超过了第 k 位。这样即使首页完美也达不到 1：两个列表都要截断。",
            ),
        ),
        Wrong(
            "not_normalised",
            "def ndcg_at_k(grades, ranked, k):\n"
            "    if not any(grades.values()):\n        return math.nan\n"
            "    shown = [grades.get(item, 0) for item in ranked[:k]]\n"
            "    return float(sum((2**g - 1) / math.log2(place + 1) for place, g in enumerate(shown, 1)))\n",
            Text(
                "This is DCG, which grows with the number of good products. The N is missing: divide by the DCG of "
                "the ideal list.",
                "这是 DCG，它随好商品的数量增大。还缺少归一化（N）：要除以理想列表的 DCG。",
            ),
        ),
        Wrong(
            "discount_one_late",
            "def ndcg_at_k(grades, ranked, k):\n"
            "    def dcg(found):\n"
            "        return sum((2**g - 1) / math.log2(place + 2) for place, g in enumerate(found[:k], 1))\n"
            "    ideal = dcg(sorted(grades.values(), reverse=True))\n"
            "    return dcg([grades.get(item, 0) for item in ranked]) / ideal if ideal else math.nan\n",
            Text(
                "Your discount is one place too late: place 1 must be divided by log2(2) = 1. Do you count places "
                "from 1 and add 2?",
                "你的折损晚了一位：第 1 位应除以 log2(2) = 1。是不是位置从 1 开始数，却又加了 2？",
            ),
        ),
        Wrong(
            "places_from_zero",
            "def ndcg_at_k(grades, ranked, k):\n"
            "    def dcg(found):\n"
            "        return sum((2**g - 1) / math.log2(place + 1) for place, g in enumerate(found[:k]))\n"
            "    ideal = dcg(sorted(grades.values(), reverse=True))\n"
            "    return dcg([grades.get(item, 0) for item in ranked]) / ideal if ideal else math.nan\n",
            Text(
                "You divide by log2(1) = 0: your places start from 0, as Python's lists do. The formula counts them "
                "from 1.",
                "你除以了 log2(1) = 0：你的位置像 Python 列表那样从 0 开始。公式从 1 数起。",
            ),
        ),
        Wrong(
            "no_discount_at_two",
            "def ndcg_at_k(grades, ranked, k):\n"
            "    def dcg(found):\n"
            "        return sum((2**g - 1) / max(1.0, math.log2(place)) for place, g in enumerate(found[:k], 1))\n"
            "    ideal = dcg(sorted(grades.values(), reverse=True))\n"
            "    return dcg([grades.get(item, 0) for item in ranked]) / ideal if ideal else math.nan\n",
            Text(
                "You divide by log2(place) and leave the first places alone. That is the oldest form of DCG; ours "
                "divides by log2(place + 1), so that place 2 already counts less than place 1.",
                "你除以 log2(位置)，最前面的位置不打折。这是最早的 DCG 形式；本课程除以 log2(位置 + 1)，第 2 位就已经比第 1 位低。",
            ),
        ),
        Wrong(
            "ungraded_dropped",
            "def ndcg_at_k(grades, ranked, k):\n"
            "    def dcg(found):\n"
            "        return sum((2**g - 1) / math.log2(place + 1) for place, g in enumerate(found[:k], 1))\n"
            "    ideal = dcg(sorted(grades.values(), reverse=True))\n"
            "    return dcg([grades[item] for item in ranked if item in grades]) / ideal if ideal else math.nan\n",
            Text(
                "You take products that nobody graded out of the list, and what follows moves up. That is the "
                "condensed NDCG, a measure of its own; here they stay in their place with grade 0.",
                "你把没人标注的商品移出列表，后面的商品随之前移。那是另一种指标：压缩（condensed）NDCG；这里它们留在原位，等级算 0。",
            ),
        ),
    ),
)  # fmt: skip


# -- mean_reciprocal_rank ---------------------------------------------------------------------------------------------


def _draw_mrr(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(3, 12))
    return [set(_sample(generator, 1, 6)) for _ in range(n)], [_sample(generator, 2, 20) for _ in range(n)]


def _draw_mrr_odd(generator: np.random.Generator) -> tuple:
    """Among them queries with nothing relevant and with an empty list."""
    n = int(generator.integers(1, 8))
    return [set(_sample(generator, 0, 3)) for _ in range(n)], [_sample(generator, 0, 6) for _ in range(n)]


_MRR_HEAD = (
    "def mean_reciprocal_rank(relevant, ranked):\n"
    "    values = []\n"
    "    for wanted, shown in zip(relevant, ranked):\n"
)
_MRR_TAIL = "    return sum(values) / len(values) if values else math.nan\n"

MRR = Code(
    name="mean_reciprocal_rank",
    cases=(
        Case(
            "basic",
            Text("Every list holds something relevant", "每个列表都有相关商品"),
            0.75,
            inputs=(
                ([{"a"}, {"b", "c"}], [["x", "a", "y"], ["b", "z", "c"]]),
                ([{"a", "b"}], [["x", "y", "b", "a"]]),
                ([{"a"}, {"b"}, {"c"}], [["a"], ["x", "y", "z", "b"], ["x", "c"]]),
            ),
            expect=Text(
                "For each query 1 divided by the place, counted from 1, of the first relevant product; then the mean",
                "对每个查询取 1 除以第一个相关商品的位置（从 1 数起），再求平均",
            ),
            advice=Text(
                "Find the place of the first relevant product of each list with your finger, write 1/place beside it, "
                "and average.",
                "逐个列表找出第一个相关商品的位置，写下 1/位置，再求平均。",
            ),
        ),
        Case(
            "unfound",
            Text("A list without anything relevant", "有的列表没有相关商品"),
            0.5,
            inputs=(
                ([{"a"}, {"b"}], [["x", "a"], ["x", "y"]]),
                ([{"a"}, {"b"}, {"c", "d"}], [["a"], [], ["x", "y", "d"]]),
            ),
            expect=Text(
                "There was something to find and the search failed: the query counts 0, and it counts in the mean",
                "本来有可找的商品而搜索失败：该查询计 0，并且计入均值",
            ),
            advice=Text(
                "Make sure that every query with relevant products adds exactly one value, 0 if need be.",
                "确保每个有相关商品的查询都恰好贡献一个值，必要时为 0。",
            ),
        ),
        Case(
            "nothing",
            Text("Queries without any relevant product", "没有任何相关商品的查询"),
            0.25,
            inputs=(([set(), {"a"}], [["x"], ["x", "a"]]), ([set()], [["x", "y"]]), ([], [])),
            expect=Text(
                "Such queries are left out; if none is left, “not a number”",
                "这类查询不计入；如果一个也不剩，返回“非数”（NaN）",
            ),
            advice=Text(
                "Skip a query whose set is empty, and divide by the number of queries that you did count.",
                "集合为空的查询要跳过，并除以实际计入的查询数。",
            ),
        ),
        Case("random", Text("Random queries", "随机查询"), 0.25, draw=_draw_mrr, n=30, hidden=True),
        Case("odd", Text("Random queries with all of this", "包含上述各种情况的随机查询"), 0.25,
             draw=_draw_mrr_odd, n=30, hidden=True),
    ),
    hints=(
        Text(
            "Solve it for one query first: go down the list and stop at the first product that is in the set.",
            "先解决一个查询：沿列表往下走，遇到第一个在集合里的商品就停。",
        ),
        Text(
            "zip(relevant, ranked) gives the set and the list of one query after the other; enumerate(shown, start=1) "
            "counts places.",
            "zip(relevant, ranked) 依次给出每个查询的集合和列表；enumerate(shown, start=1) 用来数位置。",
        ),
        Text(
            "Collect one value per query with relevant products: 1/place of the first hit, or 0.0. Then sum(values) / "
            "len(values), or math.nan if values is empty.",
            "为每个有相关商品的查询收集一个值：首个命中的 1/位置，没有则为 0.0。最后 sum(values) / len(values)，values 为空则 math.nan。",
        ),
    ),
    wrong=(
        Wrong(
            "hits_only",
            _MRR_HEAD
            + "        places = [place for place, item in enumerate(shown, 1) if item in wanted]\n"
            + "        if places:\n            values.append(1 / places[0])\n" + _MRR_TAIL,
            Text(
                "You average only over the queries where something was found, so a search that fails more often may "
                "look better. A failed query counts 0.",
                "你只对找到了商品的查询求平均，于是失败更多的搜索反而可能显得更好。失败的查询要计 0。",
            ),
        ),
        Wrong(
            "from_zero",
            _MRR_HEAD
            + "        if wanted:\n"
            + "            places = [place for place, item in enumerate(shown) if item in wanted]\n"
            + "            values.append(1 / places[0] if places else 0.0)\n" + _MRR_TAIL,
            Text(
                "You count places from 0, as Python does, so that a hit in the very first place divides by zero. "
                "Count from 1.",
                "你像 Python 那样从 0 数位置，于是第一位命中就会除以零。请从 1 数起。",
            ),
        ),
        Wrong(
            "from_two",
            _MRR_HEAD
            + "        if wanted:\n"
            + "            places = [place for place, item in enumerate(shown, 1) if item in wanted]\n"
            + "            values.append(1 / (places[0] + 1) if places else 0.0)\n" + _MRR_TAIL,
            Text(
                "A relevant product in the very first place must count 1, with you it counts 1/2: places are counted "
                "from 1, and nothing is added to them.",
                "第一位就相关应得 1，你得到的是 1/2：位置从 1 数起，不要再加什么。",
            ),
        ),
        Wrong(
            "empty_queries_count",
            _MRR_HEAD
            + "        places = [place for place, item in enumerate(shown, 1) if item in wanted]\n"
            + "        values.append(1 / places[0] if places else 0.0)\n" + _MRR_TAIL,
            Text(
                "Queries without any relevant product count 0 with you. Nobody could have answered them: leave them "
                "out of the mean.",
                "没有任何相关商品的查询在你这里计 0。这种查询谁也答不了：不要计入均值。",
            ),
        ),
        Wrong(
            "all_hits",
            _MRR_HEAD
            + "        if wanted:\n"
            + "            hits = [1 / place for place, item in enumerate(shown, 1) if item in wanted]\n"
            + "            values.append(sum(hits) + 0.0)\n"
            + _MRR_TAIL,
            Text(
                "You add up all relevant products of a list. This customer stops at the first good one: only that "
                "place counts.",
                "你把列表中所有相关商品都加了起来。这位顾客看到第一个合适的就停：只算这一个位置。",
            ),
        ),
        Wrong(
            "last_hit",
            _MRR_HEAD
            + "        if wanted:\n"
            + "            value = 0.0\n"
            + "            for place, item in enumerate(shown, 1):\n"
            + "                if item in wanted:\n                    value = 1 / place\n"
            + "            values.append(value)\n" + _MRR_TAIL,
            Text(
                "Your loop goes on after the first relevant product, so that the last one decides. Stop at the first "
                "(break).",
                "你的循环在遇到第一个相关商品后没有停，结果由最后一个决定。遇到第一个就停（break）。",
            ),
        ),
        Wrong(
            "inverse_of_the_mean",
            "def mean_reciprocal_rank(relevant, ranked):\n"
            "    places = []\n"
            "    for wanted, shown in zip(relevant, ranked):\n"
            "        if wanted:\n"
            "            hits = [place for place, item in enumerate(shown, 1) if item in wanted]\n"
            "            places.append(hits[0] if hits else math.inf)\n"
            "    return 1 / (sum(places) / len(places)) if places else math.nan\n",
            Text(
                "You take the mean of the places and then 1 divided by it. First the fraction for each query, then "
                "the mean of the fractions: the order matters.",
                "你先求位置的平均，再取倒数。应当先对每个查询取倒数，再求这些倒数的平均：顺序不能颠倒。",
            ),
        ),
    ),
)  # fmt: skip


# -- bootstrap_interval -----------------------------------------------------------------------------------------------

_RESAMPLES = 10_000
#: In standard errors of the mean: an end of the interval moves by 0.03 of them from seed to seed (measured, 0.04 at
#: the most), so two right answers differ by √2 times that; a 90 % interval is 0.31 off, a symmetric one for revenue 0.3
#: to 0.8.
_ERRORS = 0.25


def _interval_agrees(expected: Any, got: Any, arguments: tuple) -> Text | None:
    """Both ends within ``_ERRORS`` standard errors of the mean; a list or an array of two may stand for the tuple."""
    parts = got.tolist() if isinstance(got, np.ndarray) else got
    if not isinstance(parts, (list, tuple)) or len(parts) != 2:
        return Text("two numbers, low and high, were expected", "应当返回两个数：下限和上限")
    low, high = (_number(part) for part in parts)
    if math.isnan(low) or math.isnan(high):
        return Text("low or high is not a finite number", "下限或上限不是有限的数")
    values = np.asarray(arguments[0], dtype=float)
    slack = _ERRORS * float(values.std()) / math.sqrt(len(values)) + 1e-9
    if abs(low - expected[0]) <= slack and abs(high - expected[1]) <= slack:
        return None
    if low > high:
        return Text("the low end lies above the high end", "下限高于上限")
    ratio, wide = high - low, expected[1] - expected[0]
    if abs(ratio - wide) > 2 * slack:
        return (Text("the interval is too narrow", "区间太窄") if ratio < wide
                else Text("the interval is too wide", "区间太宽"))  # fmt: skip
    return Text("the interval lies in another place", "区间的位置不对")


def _draw_scores(generator: np.random.Generator) -> tuple:
    """Like NDCG per query: between 0 and 1, some exactly 0."""
    values = generator.beta(2.0, 2.0, int(generator.integers(20, 50)))
    values[: len(values) // 8] = 0.0
    return np.round(values, 4).tolist(), _RESAMPLES, int(generator.integers(1_000_000))


def _draw_revenue(generator: np.random.Generator) -> tuple:
    """Like revenue per customer: one large order decides."""
    values = np.append(generator.exponential(20.0, 14), generator.uniform(180.0, 260.0))
    return np.round(values, 2).tolist(), 2 * _RESAMPLES, int(generator.integers(1_000_000))


_BOOT_HEAD = (
    "def bootstrap_interval(values, n_resamples, seed):\n"
    "    values = np.asarray(values, dtype=float)\n"
    "    n = len(values)\n"
    "    random = np.random.default_rng(seed)\n"
)
_BOOT_MEANS = "    means = values[random.integers(n, size=(n_resamples, n))].mean(axis=1)\n"

BOOTSTRAP = Code(
    name="bootstrap_interval",
    agree=_interval_agrees,
    seconds=6.0,
    cases=(
        Case(
            "basic",
            Text("Scores of a few queries", "几个查询的得分"),
            1.0,
            inputs=(
                ([0.61, 0.0, 0.83, 0.39, 1.0, 0.5, 0.72, 0.18, 0.91, 0.44, 0.67, 0.29], _RESAMPLES, 1),
                ([0.2, 0.35, 0.1, 0.05, 0.4, 0.25, 0.3, 0.15, 0.33, 0.12], _RESAMPLES, 2),
            ),
            expect=Text(
                "The 2.5th and the 97.5th percentile of the means of the resamples, within the accuracy of 10,000 of "
                "them",
                "各次重抽样均值的第 2.5 与第 97.5 百分位数，误差在 10,000 次重抽样的精度之内",
            ),
            advice=Text(
                "Print the first resample: it must have as many values as you were given, some of them twice. Then "
                "look at the means.",
                "打印第一次重抽样：个数应与给定的值相同，有些值出现两次。然后再看均值。",
            ),
        ),
        Case(
            "sure",
            Text("One value, or all alike", "只有一个值，或所有值相同"),
            0.5,
            inputs=(([0.4], 1_000, 3), ([2.5, 2.5, 2.5, 2.5], 1_000, 4)),
            expect=Text("An interval without width: every resample has the same mean", "宽度为零的区间：每次重抽样的均值都相同"),
            advice=Text(
                "No formula with n − 1 is needed, only the percentiles of the means.",
                "不需要含 n − 1 的公式，只需要均值的百分位数。",
            ),
        ),
        Case("scores", Text("Random scores", "随机得分"), 1.0, draw=_draw_scores, n=3, hidden=True),
        Case("revenue", Text("Random revenue, with a large order", "随机收入，含一笔大订单"), 0.5,
             draw=_draw_revenue, n=3, hidden=True),
    ),
    hints=(
        Text(
            "You want to know how far the *mean* may move, not how far single values lie apart. So resample, take the "
            "mean, again and again, and look at these means.",
            "要知道的是*均值*可能移动多远，而不是单个值相距多远。所以反复重抽样、求均值，再看这些均值。",
        ),
        Text(
            "random.integers(n, size=(n_resamples, n)) holds row numbers with repetition, one resample per line; "
            "values[rows].mean(axis=1) is the mean of each line. values must be a NumPy array for that.",
            "random.integers(n, size=(n_resamples, n)) 给出可重复的行号，每行是一次重抽样；values[rows].mean(axis=1) 是每行的均值。为此 values "
            "必须是 NumPy 数组。",
        ),
        Text(
            "95 % in the middle leaves 2.5 % on each side: np.percentile(means, [2.5, 97.5]).",
            "中间占 95 %，两侧各留 2.5 %：np.percentile(means, [2.5, 97.5])。",
        ),
    ),
    wrong=(
        Wrong(
            "spread_of_values",
            _BOOT_HEAD + "    low, high = np.percentile(values, [2.5, 97.5])\n    return float(low), float(high)\n",
            Text(
                "These are percentiles of the values themselves: where single queries lie. The mean of many queries "
                "moves much less. Resample, and take percentiles of the means.",
                "这是各个值本身的百分位数，即单个查询分布在哪里。许多查询的均值移动要小得多。请重抽样，再取均值的百分位数。",
            ),
        ),
        Wrong(
            "no_replacement",
            _BOOT_HEAD
            + "    means = [random.permutation(values).mean() for _ in range(min(n_resamples, 500))]\n"
            + "    low, high = np.percentile(means, [2.5, 97.5])\n    return float(low), float(high)\n",
            Text(
                "Your interval has no width: drawing all n values without replacement gives the same values in "
                "another order, and the same mean. Draw with replacement.",
                "你的区间没有宽度：不放回地抽取全部 n 个值，只是换了顺序，均值不变。要有放回地抽取。",
            ),
        ),
        Wrong(
            "ninety",
            _BOOT_HEAD + _BOOT_MEANS
            + "    low, high = np.percentile(means, [5, 95])\n    return float(low), float(high)\n",
            Text(
                "From the 5th to the 95th percentile are 90 %, not 95 %: how much must be left out on each side?",
                "从第 5 到第 95 百分位数是 90 %，不是 95 %：每侧应留出多少？",
            ),
        ),
        Wrong(
            "one_error",
            _BOOT_HEAD + _BOOT_MEANS
            + "    return float(values.mean() - means.std()), float(values.mean() + means.std())\n",
            Text(
                "You go one standard error to each side. That covers about 68 %, and it is symmetric even where the "
                "values are not. Take the percentiles of the means.",
                "你向两侧各取一个标准误。这大约只覆盖 68 %，而且即使数据不对称，区间也是对称的。请取均值的百分位数。",
            ),
        ),
        Wrong(
            "normal",
            _BOOT_HEAD
            + "    error = values.std() / math.sqrt(n)\n"
            + "    return float(values.mean() - 1.96 * error), float(values.mean() + 1.96 * error)\n",
            Text(
                "Mean ± 1.96 standard errors comes close while the values are well behaved. With a few large orders "
                "among many small ones it is off, since it is always symmetric. Use the percentiles of resampled "
                "means.",
                "均值 ± 1.96 个标准误在数据规整时很接近。但当许多小订单中有少数大订单时就不准了，因为它总是对称的。请用重抽样均值的百分位数。",
            ),
        ),
        Wrong(
            "medians",
            _BOOT_HEAD
            + "    middle = np.median(values[random.integers(n, size=(n_resamples, n))], axis=1)\n"
            + "    low, high = np.percentile(middle, [2.5, 97.5])\n    return float(low), float(high)\n",
            Text(
                "You take the median of each resample. Asked for is the interval of the mean.",
                "你取了每次重抽样的中位数。题目要求的是均值的区间。",
            ),
        ),
    ),
)  # fmt: skip


# -- paired_randomisation_p -------------------------------------------------------------------------------------------

_ROUNDS = 10_000


def _p_agrees(expected: Any, got: Any, arguments: tuple) -> Text | None:
    """Within five standard deviations of the difference of two counts of n rounds; never below one round in n + 1."""
    p, n = _number(got), arguments[2]
    least = (1 - 1e-9) / (n + 1)
    if math.isnan(p):
        return Text("a finite number was expected", "应当返回一个有限的数")
    if p > 1 + 1e-9:
        return Text("a p-value can't exceed 1", "p 值不可能大于 1")
    if (p < least) != (expected < least):  # only what a wrong answer gave is ever below
        return Text("with so many rounds a p-value can't be that small", "做了这么多轮，p 值不可能这么小")
    share = min(max(expected, 1 / n), 1 - 1 / n)
    certain = expected > 1 - 1e-12  # equal lists: every round counts, whatever was drawn
    slack = 1e-9 if certain else 5 * math.sqrt(2 * share * (1 - share) / n) + 2 / (n + 1)
    if abs(p - expected) <= slack:
        return None
    return Text("p is too small", "p 值偏小") if p < expected else Text("p is too large", "p 值偏大")


def _draw_pairs(generator: np.random.Generator) -> tuple:
    """Two rankers whose scores rise and fall together, query by query; now one is better, now the other."""
    n = int(generator.integers(18, 30))
    easy = _sixteenths(generator, 0.5, 0.25, n)
    a = np.clip(easy + np.round(generator.normal(0, 6, n)) / 64 + generator.choice([-2, -1, 0, 1, 2]) / 64, 0, 1)
    return a.tolist(), easy.tolist(), _ROUNDS, int(generator.integers(1_000_000))


def _draw_clear(generator: np.random.Generator) -> tuple:
    """One ranker wins every query."""
    b = np.clip(_sixteenths(generator, 0.4, 0.2, 40), 0, 0.5)
    a = b + generator.integers(4, 20, 40) / 64
    pair = (a.tolist(), b.tolist()) if generator.random() < 0.5 else (b.tolist(), a.tolist())
    return *pair, 999, int(generator.integers(1_000_000))


_P_HEAD = (
    "def paired_randomisation_p(a, b, n_permutations, seed):\n"
    "    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)\n"
    "    d = a - b\n"
    "    n = len(d)\n"
    "    random = np.random.default_rng(seed)\n"
)
_P_SIGNS = "    means = (random.choice([-1, 1], size=(n_permutations, n)) @ d) / n\n"
_TWELVE = [0.5, 0.75, 0.25, 0.625, 1.0, 0.375, 0.875, 0.125, 0.5, 0.75, 0.25, 0.625]
_OTHERS = [0.375, 0.5, 0.375, 0.25, 0.875, 0.125, 0.875, 0.25, 0.25, 0.625, 0.125, 0.75]

RANDOMISATION = Code(
    name="paired_randomisation_p",
    agree=_p_agrees,
    seconds=6.0,
    cases=(
        Case(
            "basic",
            Text("Twelve queries", "十二个查询"),
            1.5,
            inputs=(
                (_TWELVE, _OTHERS, _ROUNDS, 1),
                (_OTHERS, _TWELVE, _ROUNDS, 2),
                (_TWELVE, [0.625, 0.5, 0.5, 0.5, 0.75, 0.5, 0.75, 0.375, 0.625, 0.5, 0.375, 0.75], _ROUNDS, 3),
            ),
            expect=Text(
                "The part of the rounds with a mean difference at least as large as the one seen, plus one round on "
                "both sides of the fraction; the same p when a and b change places",
                "均值差不小于实际观察值的轮数所占比例，分子分母各加一；a 与 b 互换时 p 不变",
            ),
            advice=Text(
                "Print the mean difference that was seen and the first ten means with random signs. These must "
                "scatter around 0, on both sides.",
                "打印观察到的均值差，以及前十个随机符号下的均值。后者应当在 0 的两侧散布。",
            ),
        ),
        Case(
            "equal",
            Text("Two equal lists", "两个相同的列表"),
            0.5,
            inputs=(([0.5, 0.25, 1.0], [0.5, 0.25, 1.0], 500, 5), ([0.75], [0.75], 200, 6)),
            expect=Text("No evidence at all: every round is as large as what was seen", "毫无证据：每一轮都不小于观察值"),
            advice=Text(
                "A round that is exactly as large counts too: ≥, not >. And the +1 stands in the denominator as well.",
                "恰好相等的一轮也要计入：用 ≥ 而不是 >。分母也要加 1。",
            ),
        ),
        Case(
            "few",
            Text("Very few queries", "查询很少"),
            0.5,
            inputs=(
                ([1.0, 0.75, 0.5, 0.875], [0.5, 0.625, 0.25, 0.375], _ROUNDS, 7),
                ([0.5], [0.25], _ROUNDS, 8),
                ([0.25, 0.5, 0.0], [0.75, 0.625, 0.5], _ROUNDS, 9),
            ),
            expect=Text(
                "Never small: with n queries, one round in 2^(n−1) has all signs alike and is as large as what was "
                "seen",
                "不会很小：n 个查询时，每 2^(n−1) 轮就有一轮所有符号相同，与观察值一样大",
            ),
            advice=Text(
                "Count rounds that reach the mean difference, not only those that exceed it, and on both sides of 0.",
                "达到观察值的轮次也要计入，而不只是超过它的；并且 0 的两侧都要计。",
            ),
        ),
        Case("pairs", Text("Random pairs of rankers", "随机的成对排序"), 1.0, draw=_draw_pairs, n=6, hidden=True),
        Case("clear", Text("One ranker wins everywhere", "其中一个处处胜出"), 0.5, draw=_draw_clear, n=4, hidden=True),
    ),
    hints=(
        Text(
            "Work with the differences d = a − b alone. Swapping the two values of a query changes the sign of its "
            "difference, and nothing else.",
            "只用差值 d = a − b。交换一个查询的两个值，只会改变它的差值的符号。",
        ),
        Text(
            "signs = random.choice([-1, 1], size=(n_permutations, n)) has one round per line. (signs * "
            "d).mean(axis=1) is the mean difference of each round.",
            "signs = random.choice([-1, 1], size=(n_permutations, n)) 每行是一轮。(signs * d).mean(axis=1) 是每轮的均值差。",
        ),
        Text(
            "Compare sizes: np.abs of the rounds ≥ abs of what was seen (less 1e-12). Add 1 to the count and to the "
            "number of rounds, then divide.",
            "比较大小：各轮的 np.abs ≥ 观察值的 abs（减去 1e-12）。计数与轮数都加 1，再相除。",
        ),
    ),
    wrong=(
        Wrong(
            "unpaired",
            _P_HEAD
            + "    pool = np.concatenate([a, b])\n"
            + "    shuffled = random.permuted(np.tile(pool, (n_permutations, 1)), axis=1)\n"
            + "    means = shuffled[:, :n].mean(axis=1) - shuffled[:, n:].mean(axis=1)\n"
            + "    return float((np.sum(np.abs(means) >= abs(d.mean()) - 1e-12) + 1) / (n_permutations + 1))\n",
            Text(
                "You shuffle all values together, as if the two rankers had answered different queries. Easy and hard "
                "queries then drown the difference. Keep the pairs: flip the sign of each query's difference.",
                "你把所有值混在一起打乱，好像两个排序回答的是不同的查询。这样查询的难易会淹没差异。要保持配对：逐个查询翻转差值的符号。",
            ),
        ),
        Wrong(
            "one_sided",
            _P_HEAD + _P_SIGNS
            + "    return float((np.sum(means >= d.mean() - 1e-12) + 1) / (n_permutations + 1))\n",
            Text(
                "Your test is one-sided: if b is better, your p is near 1. Swapping a and b must not change p, so "
                "compare sizes without signs.",
                "你的检验是单侧的：如果 b 更好，你的 p 接近 1。交换 a 与 b 不应改变 p，所以要比较绝对值。",
            ),
        ),
        Wrong(
            "half",
            _P_HEAD + _P_SIGNS
            + "    return float((np.sum(means >= abs(d.mean()) - 1e-12) + 1) / (n_permutations + 1))\n",
            Text(
                "You take the size of what was seen, but not of the rounds, and so count one side of 0 only: your p "
                "is half of what it should be.",
                "你对观察值取了绝对值，却没有对各轮取，于是只数了 0 的一侧：p 只有应有的一半。",
            ),
        ),
        Wrong(
            "strictly_larger",
            _P_HEAD + _P_SIGNS
            + "    return float((np.sum(np.abs(means) > abs(d.mean()) + 1e-12) + 1) / (n_permutations + 1))\n",
            Text(
                "You count only rounds that are larger than what was seen. “At least as large” includes those that "
                "are just as large; with few queries there are many.",
                "你只数了比观察值更大的轮次。“至少一样大”也包括恰好一样大的；查询少时这样的轮次很多。",
            ),
        ),
        Wrong(
            "no_plus_one",
            _P_HEAD + _P_SIGNS
            + "    return float(np.mean(np.abs(means) >= abs(d.mean()) - 1e-12))\n",
            Text(
                "Your p can become 0, which no finite number of rounds can show. What was seen counts as one round: + "
                "1 above and below the fraction line.",
                "你的 p 可能为 0，而有限的轮数不可能证明这一点。观察值本身也算一轮：分子、分母都要加 1。",
            ),
        ),
        Wrong(
            "one_coin",
            _P_HEAD
            + "    means = random.choice([-1, 1], size=n_permutations) * d.mean()\n"
            + "    return float((np.sum(np.abs(means) >= abs(d.mean()) - 1e-12) + 1) / (n_permutations + 1))\n",
            Text(
                "You draw one sign per round for all queries together; the size of the mean never changes, and p is "
                "always 1. Draw a sign for every query.",
                "你每轮只给所有查询抽一个共同的符号；均值的大小从不改变，p 总是 1。要给每个查询各抽一个符号。",
            ),
        ),
    ),
)  # fmt: skip


# -- temporal_split ---------------------------------------------------------------------------------------------------

_SAME = close()


def _split_agrees(expected: Any, got: Any, arguments: tuple) -> Text | None:
    """Two lists or arrays of row numbers; says what is wrong with the split in the terms of the task."""
    if not isinstance(got, (list, tuple)) or len(got) != 2:
        return Text("two lists were expected, for training and for the test", "应当返回两个列表：训练和测试")
    parts = [one.tolist() if isinstance(one, np.ndarray) else one for one in got]
    if not all(isinstance(one, (list, tuple)) for one in parts):
        return Text("both parts must be lists of row numbers", "两部分都必须是行号列表")
    if _SAME(list(expected), parts, arguments) is None:
        return None
    whole = [row for part in parts for row in part]
    if not all(kind_of(row) == "number" and row == row for row in whole):
        return Text("both parts must be lists of row numbers", "两部分都必须是行号列表")
    if sorted(whole) != list(range(len(arguments[0]))):
        return Text("not every row stands in exactly one of the two parts", "并非每一行都恰好属于其中一部分")
    times = [[arguments[0][int(row)] for row in part] for part in parts]
    if times[0] and times[1] and max(times[0]) >= min(times[1]):
        return Text("training holds an event that is not earlier than all of the test", "训练中有事件不早于测试中的全部事件")
    if [sorted(part) for part in parts] == [sorted(part) for part in expected]:
        return Text("the parts are right, but not in order of time with equal times in the order of the log",
                    "两部分的内容正确，但没有按时间排列，或相同时间没有保持日志中的顺序")  # fmt: skip
    return Text("the moment of the split is another one", "划分的时刻不对")


def _draw_log(generator: np.random.Generator) -> tuple:
    """Events over some days with many equal times, as bulk-loaded logs have them."""
    n = int(generator.integers(8, 80))
    times = generator.integers(0, max(3, n // 2), n) * 3_600 + 1_700_000_000
    return times.tolist(), float(generator.choice([0.25, 0.5, 0.75, 0.875]))


_SPLIT_ORDER = (
    "def temporal_split(timestamps, train_fraction):\n"
    "    n = len(timestamps)\n"
    "    order = sorted(range(n), key=lambda row: timestamps[row])\n"
    "    m = math.floor(train_fraction * n)\n"
)

SPLIT = Code(
    name="temporal_split",
    agree=_split_agrees,
    cases=(
        Case(
            "basic",
            Text("Events out of order, all at different times", "乱序的事件，时间各不相同"),
            1.0,
            inputs=(
                ([30, 10, 50, 20, 40, 60], 0.5),
                ([9, 8, 7, 1, 2, 3, 6, 5], 0.75),
                ([105, 101, 900, 102, 104], 0.5),
            ),
            expect=Text(
                "The earliest rows for training, in order of time, as many as the fraction allows; the later ones for "
                "the test",
                "最早的行用于训练，按时间排列，数量为比例所允许的上限；其后的行用于测试",
            ),
            advice=Text(
                "Write the row numbers in order of time on paper, draw the line after m of them, and compare.",
                "在纸上按时间写出行号，在第 m 个之后画线，再作比较。",
            ),
        ),
        Case(
            "ties",
            Text("Several events at the moment of the split", "多个事件恰在划分时刻"),
            0.75,
            inputs=(
                ([10, 30, 20, 30, 30, 20], 0.5),
                ([7, 5, 7, 7, 5, 9, 7, 8], 0.5),
                ([4, 4, 4, 4], 0.5),
            ),
            expect=Text(
                "All events of that moment stand in the test; equal times keep the order of the log",
                "该时刻的所有事件都归入测试；相同时间保持日志中的顺序",
            ),
            advice=Text(
                "Take the time of event m + 1, then compare every event's time with it: earlier goes to training, the "
                "rest to the test.",
                "取第 m + 1 个事件的时间，再用每个事件的时间与它比较：更早的归训练，其余归测试。",
            ),
        ),
        Case(
            "ends",
            Text("No events, nothing or everything for training", "没有事件；训练为空或占全部"),
            0.25,
            inputs=(([], 0.5), ([3, 1, 2], 1.0), ([3, 1, 2], 0.0)),
            expect=Text(
                "Empty lists where nothing belongs, and no error",
                "没有内容的部分返回空列表，不报错",
            ),
            advice=Text(
                "If m is the number of events, there is no event m + 1: everything is for training.",
                "如果 m 等于事件总数，就没有第 m + 1 个事件：全部用于训练。",
            ),
        ),
        Case("random", Text("Random logs with equal times", "含相同时间的随机日志"), 1.0, draw=_draw_log, n=30, hidden=True),
    ),
    hints=(
        Text(
            "Sort row numbers, not times: sorted(range(n), key=lambda row: timestamps[row]) gives the rows in order "
            "of time, and Python's sort is stable.",
            "要排序的是行号而不是时间：sorted(range(n), key=lambda row: timestamps[row]) 按时间给出行号，Python 的排序是稳定的。",
        ),
        Text(
            "order[m] is event number m + 1, because Python counts from 0. Its time is the moment of the split.",
            "因为 Python 从 0 数起，order[m] 就是第 m + 1 个事件。它的时间就是划分时刻。",
        ),
        Text(
            "Training: the rows in order whose time is below the moment. Test: the other rows in order. Handle m == n "
            "before you look at order[m].",
            "训练：order 中时间小于该时刻的行。测试：order 中其余的行。访问 order[m] 之前先处理 m == n。",
        ),
    ),
    wrong=(
        Wrong(
            "random_split",
            "def temporal_split(timestamps, train_fraction):\n"
            "    n = len(timestamps)\n"
            "    rows = np.random.default_rng(0).permutation(n).tolist()\n"
            "    m = math.floor(train_fraction * n)\n"
            "    return rows[:m], rows[m:]\n",
            Text(
                "You split at random: the model then learns from events that lie after those it is tested on. Sort by "
                "time first.",
                "你做了随机划分：模型会从晚于测试事件的数据中学习。请先按时间排序。",
            ),
        ),
        Wrong(
            "unsorted",
            "def temporal_split(timestamps, train_fraction):\n"
            "    n = len(timestamps)\n"
            "    m = math.floor(train_fraction * n)\n"
            "    return list(range(m)), list(range(m, n))\n",
            Text(
                "You cut the log as it stands. Logs of several servers are rarely in order of time: sort the rows by "
                "their times.",
                "你按日志原有的顺序切分。来自多台服务器的日志很少按时间排好：请按时间对行排序。",
            ),
        ),
        Wrong(
            "ties_torn",
            _SPLIT_ORDER + "    return order[:m], order[m:]\n",
            Text(
                "Events of the same moment land on both sides of your split. Find the time of event m + 1 and send "
                "everything at or after it to the test.",
                "同一时刻的事件被你分到了两边。找出第 m + 1 个事件的时间，把该时刻及之后的都归入测试。",
            ),
        ),
        Wrong(
            "ties_to_training",
            _SPLIT_ORDER
            + "    if m == n:\n        return order, []\n"
            + "    moment = timestamps[order[m]]\n"
            + "    train = [row for row in order if timestamps[row] <= moment]\n"
            + "    return train, order[len(train):]\n",
            Text(
                "You send events at the moment of the split to training. They belong to the test: training holds what "
                "came strictly before.",
                "你把恰在划分时刻的事件归入了训练。它们属于测试：训练只含严格早于该时刻的事件。",
            ),
        ),
        Wrong(
            "ties_turned",
            _SPLIT_ORDER
            + "    order = sorted(range(n), key=lambda row: timestamps[row], reverse=True)[::-1]\n"
            + "    if m == n:\n        return order, []\n"
            + "    moment = timestamps[order[m]]\n"
            + "    train = [row for row in order if timestamps[row] < moment]\n"
            + "    return train, order[len(train):]\n",
            Text(
                "Both parts are right, but events of the same time come out in another order than in the log. Sort by "
                "time in rising order, with a stable sort (NumPy: kind=\"stable\").",
                "两部分的内容都对，但相同时间的事件与日志中的顺序不同。请用稳定排序按时间升序排列（NumPy：kind=\"stable\"）。",
            ),
        ),
        Wrong(
            "future_first",
            _SPLIT_ORDER
            + "    if m == n:\n        return [], order\n"
            + "    moment = timestamps[order[m]]\n"
            + "    train = [row for row in order if timestamps[row] < moment]\n"
            + "    return order[len(train):], train\n",
            Text(
                "You return the later events first. The first list is for training, and training is the past.",
                "你先返回了较晚的事件。第一个列表用于训练，而训练属于过去。",
            ),
        ),
        Wrong(
            "part_of_the_time",
            "def temporal_split(timestamps, train_fraction):\n"
            "    order = sorted(range(len(timestamps)), key=lambda row: timestamps[row])\n"
            "    if not order or train_fraction == 1:\n        return order, []\n"
            "    first, last = timestamps[order[0]], timestamps[order[-1]]\n"
            "    moment = first + train_fraction * (last - first)\n"
            "    train = [row for row in order if timestamps[row] < moment]\n"
            "    return train, order[len(train):]\n",
            Text(
                "You cut at a part of the time between the first and the last event. Shops are busier in some weeks "
                "than in others: the fraction is one of the number of events.",
                "你按首尾事件之间时间的比例切分。商店有忙有闲：这里的比例指的是事件数量的比例。",
            ),
        ),
    ),
)  # fmt: skip


QUESTIONS = (RECALL, NDCG, MRR, BOOTSTRAP, RANDOMISATION, SPLIT)
