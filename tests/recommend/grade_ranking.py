"""How answers to ``solutions/recommend/ranking.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-9, 1e-6)

# -- rates_before -----------------------------------------------------------------------------------------------------


def _draw_rates(generator: np.random.Generator) -> tuple:
    """A log in any order, with several showings a day, and questions about products with and without one."""
    n = int(generator.integers(5, 30))
    names = ["mug", "lamp", "shoe"]
    showings = [(names[generator.integers(2)], int(generator.integers(1, 6)), int(generator.random() < 0.4)) for _ in range(n)]
    questions = [(name, int(day)) for name in names for day in generator.integers(1, 8, size=2)]
    return showings, questions, float(generator.integers(1, 20)), float(generator.integers(1, 30) / 100)


_RATES = """def rates_before(showings, questions, m, u):
    out = []
    for product, day in questions:
        rows = [row for row in showings if {mine} and {when}]
        n, c = len(rows), sum(row[2] for row in rows)
        out.append({rate})
    return out
"""


def _rates(**changed: str) -> str:
    parts = {"mine": "row[0] == product", "when": "row[1] < day", "rate": "(c + m * u) / (n + m)"}
    return _RATES.format(**parts | changed)


_LOG = [("mug", 1, 1), ("mug", 3, 1), ("lamp", 2, 0), ("mug", 2, 0), ("lamp", 1, 1), ("mug", 3, 0)]

RATES = Code(
    name="rates_before",
    agree=_CLOSE,
    cases=(
        Case(
            "basic", Text("Products shown on several days", "在多天展示过的商品"), 1.5,
            inputs=((_LOG, [("mug", 3), ("mug", 4), ("lamp", 2)], 4.0, 0.1), (_LOG, [("lamp", 9), ("mug", 2)], 1.0, 0.3)),
            expect=Text("(c + m·u) / (n + m), counted on earlier days of the same product",
                        "(c + m·u) / (n + m)，只统计同一商品更早日期的展示"),
            advice=Text("Write down which rows of the log are known on the morning of that day.",
                        "先写下那天早上日志里已知的是哪几行。"),
        ),
        Case(
            "unknown", Text("A product never shown, a first day, no log", "从未展示的商品、第一天、空日志"), 0.75,
            inputs=((_LOG, [("shoe", 5), ("mug", 1)], 4.0, 0.1), ([], [("mug", 3)], 2.0, 0.2), (_LOG, [], 1.0, 0.1)),
            expect=Text("The usual rate u where nothing is known; an empty list without a question",
                        "一无所知时返回通常比率 u；没有问题时返回空列表"),
            advice=Text("The formula gives u by itself when n and c are 0.", "当 n 和 c 为 0 时，公式本身就给出 u。"),
        ),
        Case("random", Text("Random logs", "随机日志"), 0.75, draw=_draw_rates, n=25, hidden=True),
    ),
    hints=(
        Text("For each question look through the whole log: the same product, an earlier day.",
             "对每个问题遍历整个日志：同一商品、更早的日期。"),
        Text("Only then count: the length of what is left is n, the sum of its last entries is c.",
             "然后再计数：剩下的行数是 n，最后一项之和是 c。"),
    ),
    wrong=(
        Wrong("same_day", _rates(when="row[1] <= day"),
              Text("You count the day itself. Its clicks are what the feature is to foretell: they aren't known yet.",
                   "你把当天也算进去了。当天的点击正是要预测的，此时还不知道。")),
        Wrong("whole_log", _rates(when="True"),
              Text("You count the whole log, the future included. Which rows are earlier than the day of the question?",
                   "你统计了整个日志，包括未来。哪些行早于问题的日期？")),
        Wrong("all_products", _rates(mine="True"),
              Text("You count the showings of all products. A question is about one of them.",
                   "你统计了所有商品的展示。每个问题只问其中一件。")),
        Wrong("not_smoothed", _rates(rate="c / n if n else u"),
              Text("You return the bare rate. One click in one showing isn't 100 %: add m showings at the usual rate.",
                   "你返回的是原始比率。展示一次点击一次并不等于 100%：要加上 m 次通常比率的展示。")),
        Wrong("prior_of_clicks", _rates(rate="(c + u) / (n + m)"),
              Text("The m showings that you add bring m · u clicks, not u.", "加上的 m 次展示带来 m · u 次点击，而不是 u 次。")),
        Wrong("clicks_as_showings", _rates(rate="(c + m * u) / (n + c + m)"),
              Text("You count a click as a showing of its own. It is one of the n showings already.",
                   "你把点击又算作一次展示。它已经包含在 n 次展示里了。")),
    ),
)  # fmt: skip

# -- interest ---------------------------------------------------------------------------------------------------------


def _draw_interest(generator: np.random.Generator) -> tuple:
    """A short history with fillers that aren't zero."""
    length, d, m = (int(generator.integers(low, 6)) for low in (1, 1, 2))
    real = generator.random(length) < 0.7
    real[0] = True
    shapes = ((length, d), (d,), (m, 4 * d), (m,), (m,))
    history, target, first, bias, second = (np.round(generator.normal(size=shape), 2) for shape in shapes)
    return history, real, target, first, bias, second


_INTEREST = """def interest(history, real, target, W, b, w):
    t = np.broadcast_to(target, history.shape)
    x = np.concatenate({order}, axis=1)
    z = x @ W.T + b
    a = {unit} @ w
    a = {weight}
    return {total}
"""


def _interest(**changed: str) -> str:
    parts = {
        "order": "[history, t, history * t, history - t]", "unit": "np.maximum(z, 0)", "weight": "a * real",
        "total": "a @ history",
    }  # fmt: skip
    return _INTEREST.format(**parts | changed)


_H = np.array([[1.0, 0.5], [3.0, -1.0], [9.0, 9.0]])
_T = np.array([2.0, 1.0])
_W = np.array([[0.1, -0.2, 0.3, 0.1, 0.5, 0.2, -0.4, 0.3], [0.2, 0.1, -0.1, 0.4, -0.3, 0.6, 0.2, 0.1]])
_B, _V = np.array([0.1, -0.2]), np.array([0.7, 0.4])

INTEREST = Code(
    name="interest",
    agree=_CLOSE,
    cases=(
        Case(
            "basic", Text("Two clicked products and a filler", "两件点击过的商品和一个填充项"), 2.0,
            inputs=(
                (_H, np.array([True, True, False]), _T, _W, _B, _V),
                (_H[::-1].copy(), np.array([False, True, True]), -_T, _W, _B + 0.5, _V),
            ),
            expect=Text("The sum of a · h over the real entries, a vector of length d", "对真实项求 a · h 之和，长度为 d 的向量"),
            advice=Text("Compute a for one product of the history by hand, as in the example of the task.",
                        "像题目的例子那样，先手算历史中一件商品的 a。"),
        ),
        Case(
            "empty", Text("A history of fillers", "只有填充项的历史"), 1.0,
            inputs=((_H, np.zeros(3, dtype=bool), _T, _W, _B, _V), (_H[:1] * 0 + 5, np.array([False]), _T, _W, _B, _V)),
            expect=Text("Zeros", "全零"),
            advice=Text("A filler's weight is 0, whatever the unit says of it.", "填充项的权重为 0，不管激活单元给出什么。"),
        ),
        Case("random", Text("Random histories", "随机历史"), 1.0, draw=_draw_interest, n=25, hidden=True),
    ),
    hints=(
        Text("The unit sees 4 · d numbers: h, t, their product, their difference, in this order.",
             "激活单元看到 4 · d 个数：h、t、逐项乘积、差，按此顺序。"),
        Text("Bias first, then ReLU, then the dot product with w. Multiply h by that number and add up.",
             "先加偏置，再 ReLU，再与 w 点积。用这个数乘以 h，再求和。"),
    ),
    wrong=(
        Wrong("softmax", _interest(weight="np.exp(a - a.max()) * real / max((np.exp(a - a.max()) * real).sum(), 1e-300)"),
              Text("You divide the weights by their sum. DIN leaves them as they are, so that a strong interest stays strong.",
                   "你把权重除以了总和。DIN 保留原值，强烈的兴趣才会保持强烈。")),
        Wrong("fillers_count", _interest(weight="a"),
              Text("Fillers take part in your sum. Whatever stands there, they add nothing.", "填充项参与了求和。无论那里是什么，都不应计入。")),
        Wrong("no_relu", _interest(unit="z"),
              Text("The hidden layer has no ReLU: below 0 it must be cut off.", "隐藏层缺少 ReLU：小于 0 的要截为 0。")),
        Wrong("reversed_difference", _interest(order="[history, t, history * t, t - history]"),
              Text("The difference is h − t, not t − h.", "差是 h − t，不是 t − h。")),
        Wrong("target_summed", _interest(total="a.sum() * target"),
              Text("You sum the product in question. The weights belong to the products of the history.",
                   "你把目标商品加权求和了。权重属于历史中的商品。")),
        Wrong("mean_instead_of_sum", _interest(total="a @ history / max(real.sum(), 1)"),
              Text("You take a mean. It is a sum: ten clicks near the product say more than one.",
                   "你取了平均。应当求和：十次相近的点击比一次更有说服力。")),
    ),
)  # fmt: skip

# -- order_by_money ---------------------------------------------------------------------------------------------------


def _draw_money(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(3, 9))
    q, buy = np.round(generator.uniform(0.05, 0.98, (2, n)), 2)
    return q.tolist(), (buy / 10).tolist(), np.round(generator.uniform(1, 90, n), 2).tolist(), float(
        generator.choice([0.05, 0.1, 0.3])
    )


_MONEY = """def order_by_money(q, buy, price, share):
    q, b, m = (np.array(column, dtype=float) for column in (q, buy, price))
    p = {chance}
    e = {value}
    return {order}, e.tolist()
"""


def _money(**changed: str) -> str:
    parts = {
        "chance": "q / (q + (1 - q) / share)", "value": "p * b * m", "order": "np.argsort(-e, kind='stable').tolist()",
    }  # fmt: skip
    return _MONEY.format(**parts | changed)


MONEY = Code(
    name="order_by_money",
    agree=_CLOSE,
    cases=(
        Case(
            "basic", Text("A few products", "几件商品"), 1.5,
            inputs=(
                ([0.5, 0.8, 0.3], [0.02, 0.02, 0.05], [10.0, 4.0, 12.0], 0.1),
                ([0.9, 0.2, 0.6, 0.4], [0.03, 0.05, 0.01, 0.04], [5.0, 80.0, 20.0, 9.0], 0.05),
            ),
            expect=Text("Rows from the largest value to the smallest, and all values by row",
                        "从价值最大到最小的行号，以及各行的价值"),
            advice=Text("Put one chance right by hand, as in the example of the task, before you multiply.",
                        "先像题目例子那样手工修正一个概率，再相乘。"),
        ),
        Case(
            "edges", Text("Certain clicks, equal values, nothing dropped, no product", "必然点击、价值相等、未丢弃、没有商品"), 0.75,
            inputs=(([1.0, 0.0, 1.0], [0.1, 0.5, 0.1], [3.0, 9.0, 3.0], 0.2), ([0.4, 0.5], [0.1, 0.1], [1.0, 1.0], 1.0),
                    ([], [], [], 0.5), ([0.5, 0.5], [0.1, 0.1], [0.0, 2.0], 0.1)),
            expect=Text("Chances of 0 and 1 stay; equal values in the order of their rows; ([], []) without a product",
                        "0 和 1 保持不变；价值相等时按行号顺序；没有商品时为 ([], [])"),
            advice=Text("Sort in a way that keeps the order of equal values.", "用能保持相等元素顺序的排序。"),
        ),
        Case("random", Text("Random products", "随机商品"), 0.75, draw=_draw_money, n=25, hidden=True),
    ),
    hints=(
        Text("First p from q, then e from p. Only then sort.", "先由 q 得 p，再由 p 得 e，最后排序。"),
        Text("Sort row numbers by minus their value; Python's sorted is stable.", "按负价值对行号排序；Python 的 sorted 是稳定的。"),
    ),
    wrong=(
        Wrong("uncorrected", _money(chance="q"),
              Text("You multiply the model's chances as they are. They come from data with few negatives: put them right first.",
                   "你直接使用了模型的概率。它来自丢弃了负样本的数据：先修正。")),
        Wrong("times_share", _money(chance="q * share"),
              Text("You multiply the chance by the share. It is the odds that were changed, q / (1 − q), not the chance.",
                   "你把概率乘以了比例。被改变的是几率 q / (1 − q)，而不是概率。")),
        Wrong("wrong_way", _money(chance="q / (q + (1 - q) * share)"),
              Text("Your chances got higher. Negatives were dropped, so the true chances are lower.",
                   "你的概率变高了。丢弃的是负样本，真实概率应更低。")),
        Wrong("no_purchase", _money(value="p * m"),
              Text("A click isn't a sale yet: the chance of a purchase is missing.", "点击还不是成交：缺少购买概率。")),
        Wrong("ascending", _money(order="np.argsort(e, kind='stable').tolist()"),
              Text("The cheapest showing comes first. Sort by falling value.", "价值最小的排在了最前。应按价值从大到小排序。")),
        Wrong("by_clicks", _money(order="np.argsort(-p, kind='stable').tolist()"),
              Text("The values are right, but you sort by the chance of a click. Sort by the value.",
                   "价值算对了，但你按点击概率排序。应按价值排序。")),
    ),
)  # fmt: skip

QUESTIONS = (RATES, INTEREST, MONEY)
