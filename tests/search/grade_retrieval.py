"""How answers to ``solutions/search/retrieval.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-6, 1e-6)
_WORDS = ["red", "blue", "shoe", "lamp", "desk", "mug", "usb", "cable", "oak"]


def _array(*rows: tuple | float) -> np.ndarray:
    return np.array(rows, dtype=float)


# -- bm25_score -------------------------------------------------------------------------------------------------------


def _draw_catalogue(generator: np.random.Generator) -> tuple:
    """Products of different length, words that repeat."""
    catalogue = [[str(w) for w in generator.choice(_WORDS, int(generator.integers(1, 9)))] for _ in range(int(generator.integers(3, 9)))]
    row = int(generator.integers(len(catalogue)))
    query = [catalogue[row][0], *(str(w) for w in generator.choice([*_WORDS, "sofa"], int(generator.integers(1, 4))))]
    return query, catalogue, row, float(generator.uniform(0.5, 2)), float(generator.uniform(0.2, 0.9))


_SHOP = [["red", "running", "shoe"], ["red", "lamp"], ["desk", "lamp"], ["oak", "desk", "with", "red", "red", "lamp", "lamp"]]

BM25_SCORE = Code(
    name="bm25_score",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Words that the product has", "商品里有的词"),
            1.5,
            inputs=(
                (["red", "shoe"], _SHOP, 0, 1.2, 0.75),
                (["red", "lamp"], _SHOP, 3, 1.2, 0.75),
                (["lamp"], _SHOP, 1, 0.9, 0.4),
            ),
            expect=Text(
                "For each word of the query its rarity times its saturated count, added up",
                "对查询的每个词，用稀有度乘以饱和后的词频，再相加",
            ),
            advice=Text(
                "By hand for one word: count the products that have it, then put the numbers into both fractions.",
                "先对一个词手算：数出含有它的商品数，再代入两个分式。",
            ),
        ),
        Case(
            "edges",
            Text("Repeated words, missing words, no words", "重复的词、没有的词、空查询"),
            0.75,
            inputs=(
                (["red", "red", "shoe"], _SHOP, 0, 1.2, 0.75),
                (["sofa", "shoe"], _SHOP, 0, 1.2, 0.75),
                ([], _SHOP, 0, 1.2, 0.75),
            ),
            expect=Text(
                "A word that stands in the query twice counts twice; one that the product lacks adds 0",
                "在查询中出现两次的词算两次；商品没有的词加 0",
            ),
            advice=Text(
                "Go through the words of the query one by one, without a set.",
                "逐个处理查询中的词，不要先去重。",
            ),
        ),
        Case("random", Text("Random catalogues", "随机商品库"), 0.75, draw=_draw_catalogue, n=30, hidden=True),
    ),
    hints=(
        Text(
            "sum(word in words for words in catalogue) counts the products that contain a word.",
            "sum(word in words for words in catalogue) 数出含有某个词的商品数。",
        ),
        Text(
            "The mean length is over the whole catalogue; the length that is divided by it is that of this product.",
            "平均长度取自整个商品库；被它除的长度是这件商品的。",
        ),
    ),
    wrong=(
        Wrong(
            "length_ignored",
            "def bm25_score(query, catalogue, row, k1, b):\n"
            "    score = 0.0\n"
            "    for t in query:\n"
            "        n, f = sum(t in p for p in catalogue), catalogue[row].count(t)\n"
            "        score += np.log(1 + (len(catalogue) - n + 0.5) / (n + 0.5)) * f / (f + k1)\n"
            "    return score\n",
            Text(
                "Your score doesn't depend on the product's length: the part with b is missing.",
                "你的得分与商品长度无关：缺少带 b 的部分。",
            ),
        ),
        Wrong(
            "query_as_a_set",
            "def bm25_score(query, catalogue, row, k1, b):\n"
            "    score, mean = 0.0, sum(map(len, catalogue)) / len(catalogue)\n"
            "    for t in set(query):\n"
            "        n, f = sum(t in p for p in catalogue), catalogue[row].count(t)\n"
            "        norm = k1 * (1 - b + b * len(catalogue[row]) / mean)\n"
            "        score += np.log(1 + (len(catalogue) - n + 0.5) / (n + 0.5)) * f / (f + norm)\n"
            "    return score\n",
            Text(
                "You count a word of the query once however often it was typed. Here it counts each time.",
                "查询中的词无论输入几次你都只算一次。这里每次都要算。",
            ),
        ),
        Wrong(
            "occurrences_for_products",
            "def bm25_score(query, catalogue, row, k1, b):\n"
            "    score, mean = 0.0, sum(map(len, catalogue)) / len(catalogue)\n"
            "    for t in query:\n"
            "        n, f = sum(p.count(t) for p in catalogue), catalogue[row].count(t)\n"
            "        norm = k1 * (1 - b + b * len(catalogue[row]) / mean)\n"
            "        score += np.log(1 + max(len(catalogue) - n + 0.5, 0) / (n + 0.5)) * f / (f + norm)\n"
            "    return score\n",
            Text(
                "Your n_t counts how often the word occurs. It is the number of products that contain it, each once.",
                "你的 n_t 数的是词出现的次数。它应是含有该词的商品数，每件商品只算一次。",
            ),
        ),
        Wrong(
            "count_not_saturated",
            "def bm25_score(query, catalogue, row, k1, b):\n"
            "    score = 0.0\n"
            "    for t in query:\n"
            "        n, f = sum(t in p for p in catalogue), catalogue[row].count(t)\n"
            "        score += np.log(1 + (len(catalogue) - n + 0.5) / (n + 0.5)) * f\n"
            "    return score\n",
            Text(
                "You multiply with the plain count, so that a text stuffed with a word wins. The second fraction is missing.",
                "你直接乘以词频，堆砌关键词的文本就会胜出。缺少第二个分式。",
            ),
        ),
        Wrong(
            "no_one_in_the_logarithm",
            "def bm25_score(query, catalogue, row, k1, b):\n"
            "    score, mean = 0.0, sum(map(len, catalogue)) / len(catalogue)\n"
            "    for t in query:\n"
            "        n, f = sum(t in p for p in catalogue), catalogue[row].count(t)\n"
            "        norm = k1 * (1 - b + b * len(catalogue[row]) / mean)\n"
            "        score += np.log((len(catalogue) - n + 0.5) / (n + 0.5)) * f / (f + norm)\n"
            "    return score\n",
            Text(
                "The 1 inside the logarithm is missing; without it a word that most products have scores below 0.",
                "对数里缺少 1；没有它，多数商品都有的词得分会小于 0。",
            ),
        ),
    ),
)  # fmt: skip


# -- fuse_by_places ---------------------------------------------------------------------------------------------------


def _draw_lists(generator: np.random.Generator) -> tuple:
    lists = [[int(p) for p in generator.permutation(9)[: int(generator.integers(3, 8))]] for _ in range(int(generator.integers(2, 4)))]
    return lists, int(generator.integers(2, 7)), float(generator.choice([0.0, 1.0, 10.0, 60.0]))


FUSE = Code(
    name="fuse_by_places",
    cases=(
        Case(
            "basic",
            Text("Two and three lists", "两个和三个列表"),
            1.5,
            inputs=(
                ([[7, 3, 5], [5, 9]], 3, 60.0),
                ([[4, 2, 8, 1], [1, 8, 6], [8, 3]], 4, 60.0),
                ([[1, 2, 3], [3, 4, 5], [6, 3]], 3, 1.0),
            ),
            expect=Text(
                "Each list gives 1 / (c + place) to each of its products; largest sum first",
                "每个列表给它的每件商品 1 / (c + 名次)；总和最大的在前",
            ),
            advice=Text("Write the sums of the example down, then sort.", "把例子里的总和写出来，再排序。"),
        ),
        Case(
            "ties",
            Text("Equal sums", "总和相同"),
            0.75,
            inputs=(([[9, 2], [2, 9]], 2, 60.0), ([[8], [5], [6]], 2, 60.0)),
            expect=Text("The lower number first", "编号小的在前"),
            advice=Text("Sort by a pair: the negative sum, then the number.", "按二元组排序：负的总和，然后是编号。"),
        ),
        Case("short", Text("Few products, empty lists", "商品很少、列表为空"), 0.25, inputs=(([[], [3, 1]], 5, 60.0), ([[4]], 2, 0.0)),
             expect=Text("Those that are there", "有几个返回几个"),
             advice=Text("Nothing is filled up.", "不需要补齐。")),
        Case("random", Text("Random lists", "随机列表"), 0.5, draw=_draw_lists, n=40, hidden=True),
    ),
    hints=(
        Text("Places are counted from 1: enumerate(one, start=1).", "名次从 1 开始：enumerate(one, start=1)。"),
        Text("Keep a sum per product in a Counter, and sort at the end.", "用 Counter 记录每件商品的总和，最后排序。"),
    ),
    wrong=(
        Wrong(
            "places_from_zero",
            "def fuse_by_places(lists, k, c):\n"
            "    s = Counter()\n"
            "    for one in lists:\n"
            "        for i, p in enumerate(one):\n"
            "            s[p] += 1 / (c + i) if c + i else 2.0\n"
            "    return sorted(s, key=lambda p: (-round(s[p], 9), p))[:k]\n",
            Text("You count places from 0. The first place is 1.", "你的名次从 0 开始。第一名是 1。"),
        ),
        Wrong(
            "best_place_alone",
            "def fuse_by_places(lists, k, c):\n"
            "    s = {}\n"
            "    for one in lists:\n"
            "        for i, p in enumerate(one, 1):\n"
            "            s[p] = max(s.get(p, 0), 1 / (c + i))\n"
            "    return sorted(s, key=lambda p: (-round(s[p], 9), p))[:k]\n",
            Text(
                "You take a product's best place alone. What both lists show should win: add up.",
                "你只取商品的最好名次。两个列表都有的应该胜出：要相加。",
            ),
        ),
        Wrong(
            "worst_first",
            "def fuse_by_places(lists, k, c):\n"
            "    s = Counter()\n"
            "    for one in lists:\n"
            "        for i, p in enumerate(one, 1):\n"
            "            s[p] += 1 / (c + i)\n"
            "    return sorted(s, key=lambda p: (round(s[p], 9), p))[:k]\n",
            Text("Your list begins with the smallest sums. Mind the sign.", "你的列表从最小的总和开始。注意符号。"),
        ),
        Wrong(
            "ties_as_met",
            "def fuse_by_places(lists, k, c):\n"
            "    s = Counter()\n"
            "    for one in lists:\n"
            "        for i, p in enumerate(one, 1):\n"
            "            s[p] += 1 / (c + i)\n"
            "    return sorted(s, key=lambda p: -round(s[p], 9))[:k]\n",
            Text(
                "Equal sums stand in the order in which they turned up. The lower number comes first.",
                "总和相同时你按出现的先后排列。应是编号小的在前。",
            ),
        ),
        Wrong(
            "first_list_only",
            "def fuse_by_places(lists, k, c):\n"
            "    seen = []\n"
            "    for one in lists:\n"
            "        seen += [p for p in one if p not in seen]\n"
            "    return seen[:k]\n",
            Text(
                "You put one list behind the other. Fusion gives both a say about the first place.",
                "你把一个列表接在另一个后面。融合要让两者都能决定第一名。",
            ),
        ),
    ),
)  # fmt: skip


# -- probe_lists ------------------------------------------------------------------------------------------------------


def _draw_ivf(generator: np.random.Generator) -> tuple:
    """Small whole numbers, so that ties occur and sums are exact."""
    n, d, lists = int(generator.integers(6, 16)), 3, int(generator.integers(3, 6))
    vectors = generator.integers(-4, 5, size=(n, d)).astype(float)
    centroids = generator.integers(-4, 5, size=(lists, d)).astype(float)
    assigned = generator.integers(lists, size=n)
    return generator.integers(1, 5, size=d).astype(float), centroids, assigned, vectors, int(generator.integers(1, lists)), int(generator.integers(2, 6))


_V = _array((1, 0), (0.8, 0.6), (0.6, 0.8), (0, 1), (-1, 0), (0.96, 0.28))
_C = _array((1, 0.1), (0.1, 1), (-1, 0))
_L = np.array([0, 0, 1, 1, 2, 0])

PROBE = Code(
    name="probe_lists",
    cases=(
        Case(
            "basic",
            Text("The nearest lists", "最近的列表"),
            1.5,
            inputs=(
                (_array(0.6, 0.8), _C, _L, _V, 1, 2),
                (_array(0.6, 0.8), _C, _L, _V, 2, 4),
                (_array(0.8, 0.6), _C, _L, _V, 1, 3),
            ),
            expect=Text("The best k of the products whose list is one of the nearest", "所在列表属于最近几个列表的商品中最好的 k 个"),
            advice=Text(
                "First score the centroids and keep the best lists, then score only the products in them.",
                "先给质心打分并保留最好的列表，再只给其中的商品打分。",
            ),
        ),
        Case(
            "short",
            Text("Lists that hold too little", "列表里的商品不够"),
            0.5,
            inputs=((_array(0.0, 1.0), _C, _L, _V, 1, 5), (_array(-1.0, 0.2), _C, _L, _V, 1, 3)),
            expect=Text("Fewer than k, and nothing from other lists", "少于 k 个，且不含其他列表的商品"),
            advice=Text("Nothing is filled up from lists that weren't read.", "不要用没有读取的列表来补齐。"),
        ),
        Case("random", Text("Random indexes", "随机索引"), 1.0, draw=_draw_ivf, n=40, hidden=True),
    ),
    hints=(
        Text("np.argsort(-(centroids @ query), kind=\"stable\") orders the lists.", "np.argsort(-(centroids @ query), kind=\"stable\") 给列表排序。"),
        Text("np.isin(assigned, chosen) says which products stand in the chosen lists.", "np.isin(assigned, chosen) 说明哪些商品在选中的列表里。"),
    ),
    wrong=(
        Wrong(
            "reads_everything",
            "def probe_lists(query, centroids, assigned, vectors, probes, k):\n"
            "    return [int(r) for r in np.argsort(-(vectors @ query), kind='stable')[:k]]\n",
            Text(
                "You compare all products. That is the exact search; an IVF reads the chosen lists alone.",
                "你比较了所有商品。那是精确检索；IVF 只读选中的列表。",
            ),
        ),
        Wrong(
            "one_list_only",
            "def probe_lists(query, centroids, assigned, vectors, probes, k):\n"
            "    inside = np.flatnonzero(assigned == (centroids @ query).argmax())\n"
            "    return [int(r) for r in inside[np.argsort(-(vectors[inside] @ query), kind='stable')][:k]]\n",
            Text("You read the nearest list alone, whatever probes says.", "无论 probes 是多少，你只读了最近的一个列表。"),
        ),
        Wrong(
            "farthest_lists",
            "def probe_lists(query, centroids, assigned, vectors, probes, k):\n"
            "    chosen = np.argsort(centroids @ query, kind='stable')[:probes]\n"
            "    inside = np.flatnonzero(np.isin(assigned, chosen))\n"
            "    return [int(r) for r in inside[np.argsort(-(vectors[inside] @ query), kind='stable')][:k]]\n",
            Text("You read the farthest lists. Mind the sign of the sort.", "你读了最远的列表。注意排序的符号。"),
        ),
        Wrong(
            "places_for_rows",
            "def probe_lists(query, centroids, assigned, vectors, probes, k):\n"
            "    chosen = np.argsort(-(centroids @ query), kind='stable')[:probes]\n"
            "    inside = np.flatnonzero(np.isin(assigned, chosen))\n"
            "    return [int(r) for r in np.argsort(-(vectors[inside] @ query), kind='stable')[:k]]\n",
            Text(
                "You return places within what was read, not the products' rows: look the rows up once more.",
                "你返回的是读到的部分里的位置，而不是商品行号：还要再查一次行号。",
            ),
        ),
        Wrong(
            "filter_after_cut",
            "def probe_lists(query, centroids, assigned, vectors, probes, k):\n"
            "    chosen = set(np.argsort(-(centroids @ query), kind='stable')[:probes].tolist())\n"
            "    order = np.argsort(-(vectors @ query), kind='stable')[:k]\n"
            "    return [int(r) for r in order if int(assigned[r]) in chosen]\n",
            Text(
                "You cut all products to k first and then look at their lists, so that too few are left.",
                "你先把全部商品截断到 k 个，再看它们的列表，所以剩下的太少。",
            ),
        ),
    ),
)  # fmt: skip


# -- post_filter_recall -----------------------------------------------------------------------------------------------


def _draw_filter(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(8, 20))
    allowed = generator.random(n) < 0.45
    return generator.permutation(n) / n, allowed, int(generator.integers(2, 6)), int(generator.integers(2, n))


_S = _array(0.5, 0.9, 0.7, 0.6, 0.8, 0.3, 0.4)
_MAY = np.array([True, True, False, True, False, True, False])

LATE = Code(
    name="post_filter_recall",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Some allowed among the fetched", "取回的商品里有一部分允许"),
            1.5,
            inputs=((_S, _MAY, 2, 2), (_S, _MAY, 3, 4), (_S, _MAY, 4, 5), (_S, _MAY, 2, 7)),
            expect=Text("The share of the right list that was fetched", "正确列表中被取回的比例"),
            advice=Text(
                "Write down the order of all, cross out what isn't allowed: the first k are right. Which were fetched?",
                "写出全部商品的次序，划掉不允许的：前 k 个就是正确列表。其中哪些被取回了？",
            ),
        ),
        Case(
            "few",
            Text("Fewer allowed than k, or none", "允许的少于 k 个，或没有"),
            0.5,
            inputs=((_S, np.array([False] * 5 + [True, True]), 5, 6), (_S, np.zeros(7, dtype=bool), 3, 3)),
            expect=Text("The right list is as long as what is allowed; with nothing allowed, 1.0", "正确列表只有允许的那么长；没有允许的就返回 1.0"),
            advice=Text("Divide by the length of the right list, not by k.", "除以正确列表的长度，而不是 k。"),
        ),
        Case("random", Text("Random filters", "随机过滤条件"), 1.0, draw=_draw_filter, n=40, hidden=True),
    ),
    hints=(
        Text("np.argsort(-scores) is the order of all products.", "np.argsort(-scores) 是全部商品的次序。"),
        Text("The right list comes from the whole order; the fetched part is its beginning.", "正确列表来自完整的次序；取回的是它的开头。"),
    ),
    wrong=(
        Wrong(
            "share_of_fetched",
            "def post_filter_recall(scores, allowed, k, fetch):\n"
            "    return float(allowed[np.argsort(-scores)[:fetch]].mean())\n",
            Text(
                "You give the share of the fetched that is allowed. Asked is the share of the right list that was fetched.",
                "你给出的是取回的商品中允许的比例。问的是正确列表中被取回的比例。",
            ),
        ),
        Wrong(
            "divided_by_k",
            "def post_filter_recall(scores, allowed, k, fetch):\n"
            "    order = np.argsort(-scores)\n"
            "    right = [r for r in order if allowed[r]][:k]\n"
            "    return len(set(right) & set(order[:fetch])) / k if right else 1.0\n",
            Text(
                "You divide by k also where fewer products are allowed. What doesn't exist can't be missed.",
                "允许的商品少于 k 个时你仍除以 k。不存在的东西不算漏掉。",
            ),
        ),
        Wrong(
            "unfiltered_truth",
            "def post_filter_recall(scores, allowed, k, fetch):\n"
            "    order = np.argsort(-scores)\n"
            "    if not allowed.any():\n"
            "        return 1.0\n"
            "    kept = [r for r in order[:fetch] if allowed[r]]\n"
            "    return len(set(kept) & set(order[:k])) / min(k, len(order))\n",
            Text(
                "Your right list is the best k of all products. It has to be the best k of those that are allowed.",
                "你的正确列表取自全部商品。它应是允许的商品中最好的 k 个。",
            ),
        ),
        Wrong(
            "nothing_is_zero",
            "def post_filter_recall(scores, allowed, k, fetch):\n"
            "    order = np.argsort(-scores)\n"
            "    right = [r for r in order if allowed[r]][:k]\n"
            "    return len(set(right) & set(order[:fetch])) / max(len(right), 1)\n",
            Text(
                "All right but where nothing is allowed: then nothing can be missed, and the answer is 1.0.",
                "只差没有任何允许商品的情况：那时不会漏掉什么，答案是 1.0。",
            ),
        ),
    ),
)  # fmt: skip

QUESTIONS = (BM25_SCORE, FUSE, PROBE, LATE)
