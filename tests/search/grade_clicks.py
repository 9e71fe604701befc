"""How answers to ``solutions/search/clicks.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-9, 1e-6)

# -- harvest_round ----------------------------------------------------------------------------------------------------


def _draw_harvest(generator: np.random.Generator) -> tuple:
    """Pairs that move between the places, some of them never shown or never clicked."""
    n_places, n_pairs = int(generator.integers(2, 6)), int(generator.integers(2, 8))
    theta = [1.0, *(generator.integers(15, 95, size=n_places - 1) / 100).tolist()]
    shown = generator.poisson(4, size=(n_pairs, n_places)) * (generator.random((n_pairs, 1)) < 0.85)
    shown[0, 0] += 2
    clicks = generator.binomial(shown, 0.6 * np.array(theta))
    clicks[0, 0] = max(clicks[0, 0], 1)
    return theta, shown.tolist(), clicks.tolist()


_HARVEST = """def harvest_round(theta, shown, clicks):
    n, c, t = np.array(shown, float), np.array(clicks, float), np.array(theta)
    with np.errstate(all="ignore"):
        alpha = {alpha}
        alpha = {kept}
        new = {new}
        new = {guard}
    return alpha.tolist(), ({last}).tolist()
"""


def _harvest(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "alpha": "c.sum(axis=1) / (n * t).sum(axis=1)", "kept": "np.where(n.sum(axis=1) > 0, alpha, 0.0)",
        "new": "c.sum(axis=0) / (n * alpha[:, None]).sum(axis=0)",
        "guard": "np.where((n * alpha[:, None]).sum(axis=0) > 0, new, math.nan)", "last": "new / new[0]",
    }  # fmt: skip
    return _HARVEST.format(**parts | changed)


HARVEST = Code(
    name="harvest_round",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Two or three pairs at two or three places", "两三个查询-商品对，两三个位置"),
            1.5,
            inputs=(
                ([1.0, 0.4], [[5, 5], [2, 10]], [[3, 1], [1, 3]]),
                ([1.0, 0.7, 0.3], [[4, 2, 6], [1, 7, 3], [8, 1, 1]], [[2, 1, 1], [1, 3, 0], [5, 0, 1]]),
            ),
            expect=Text(
                "Clicks of a pair over its expected looks; then clicks of a place over those expected of its pairs, "
                "relative to place 0",
                "每对的点击数除以预期浏览数；再用每个位置的点击数除以其各对的预期点击数，并以位置 0 为基准",
            ),
            advice=Text(
                "Do the example of the task by hand with these numbers: first all alphas, then the sums of each "
                "place, then divide "
                "by the first.",
                "用这些数字把题目中的例子手算一遍：先算所有 alpha，再算每个位置的和，最后除以第一个。",
            ),
        ),
        Case(
            "unknown",
            Text("A pair never shown, a place without anything to compare", "从未展示的对，无从比较的位置"),
            0.75,
            inputs=(
                ([1.0, 0.5], [[3, 5], [0, 0]], [[2, 1], [0, 0]]),
                ([1.0, 0.6, 0.2], [[7, 3, 0], [0, 0, 4]], [[3, 1, 0], [0, 0, 0]]),
            ),
            expect=Text("0 for the pair, math.nan for the place, the others as usual", "该对为 0，该位置为 math.nan，其余照常"),
            advice=Text(
                "Both divisions can be by 0. What does the contract say for each?",
                "两处除法的除数都可能是 0。约定对每处是怎么说的？",
            ),
        ),
        Case("random", Text("Random counts", "随机计数"), 0.75, draw=_draw_harvest, n=25, hidden=True),
    ),
    hints=(
        Text(
            "Ten showings at a place that one in two looks at are five looks: n · theta. Add these up along a row.",
            "在有一半人会看的位置展示十次，相当于五次浏览：n · theta。沿着一行相加。",
        ),
        Text(
            "For the curve go down the columns: clicks of the place, over the sum of showings times attraction.",
            "算曲线时沿列进行：该位置的点击数，除以（展示次数 × 吸引力）之和。",
        ),
    ),
    wrong=(
        Wrong(
            "raw_click_rate",
            _harvest(alpha="c.sum(axis=1) / n.sum(axis=1)"),
            Text(
                "Your attractions are raw click rates. A showing where few look is only part of a look: weigh it by "
                "theta.",
                "你的吸引力就是原始点击率。在少有人看的位置展示一次，只算一部分浏览：要乘以 theta。",
            ),
        ),
        Wrong(
            "all_pairs_alike",
            _harvest(new="c.sum(axis=0) / n.sum(axis=0)", guard="np.where((n * alpha[:, None]).sum(axis=0) > 0, new, math.nan)"),
            Text(
                "Your curve is the click rate of each place, as if all pairs attracted alike. Divide by the clicks "
                "that its pairs "
                "would bring, showings times alpha.",
                "你的曲线只是各位置的点击率，好像所有对的吸引力都一样。应除以这些对本该带来的点击：展示次数乘以 alpha。",
            ),
        ),
        Wrong(
            "not_relative",
            _harvest(last="new"),
            Text(
                "The last step is missing: divide the curve by its value at place 0. Only ratios are known.",
                "缺了最后一步：把曲线除以位置 0 的值。能知道的只有比值。",
            ),
        ),
        Wrong(
            "mean_of_ratios",
            _harvest(new="np.nansum(c / (n * alpha[:, None]), axis=0) / np.maximum((n * alpha[:, None] > 0).sum(axis=0), 1)"),
            Text(
                "You average the ratios of single pairs. A pair shown once then counts as much as one shown a "
                "hundred times: divide "
                "the sums.",
                "你对各对的比值取了平均。这样展示一次的对和展示一百次的对分量相同：应当用总和相除。",
            ),
        ),
        Wrong(
            "unknown_is_zero",
            _harvest(guard="np.where((n * alpha[:, None]).sum(axis=0) > 0, new, 0.0)"),
            Text(
                "All right but for the place that can't be compared: 0 would mean that nobody looks there. Unknown "
                "is math.nan.",
                "只差无从比较的位置：0 表示没有人看。未知应为 math.nan。",
            ),
        ),
    ),
)  # fmt: skip


# -- pbm_em_round -----------------------------------------------------------------------------------------------------


def _draw_round(generator: np.random.Generator) -> tuple:
    """A few products at a few places, some of them never shown."""
    n_places, n_products, n = (int(generator.integers(low, high)) for low, high in ((2, 5), (2, 6), (12, 40)))
    theta = [1.0, *(generator.integers(10, 90, size=n_places - 1) / 100).tolist()]
    alpha = (generator.integers(5, 90, size=n_products) / 100).tolist()
    place, product = generator.integers(n_places, size=n), generator.integers(n_products, size=n)
    clicked = (generator.random(n) < 0.35).astype(int)
    return theta, alpha, place.tolist(), product.tolist(), clicked.tolist()


_ROUND = """def pbm_em_round(theta, alpha, place, product, clicked):
    new_theta, new_alpha = list(theta), list(alpha)
    looks = {{}}
    likes = {{}}
    for p, d, c in zip(place, product, clicked):
        t, a = theta[p], alpha[d]
        looks.setdefault(p, []).append({look})
        likes.setdefault(d, []).append({like})
    for p, v in looks.items():
        new_theta[p] = {mean_look}
    for d, v in likes.items():
        new_alpha[d] = {mean_like}
    {last}
    return new_theta, new_alpha
"""


def _round(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "look": "1 if c else t * (1 - a) / (1 - t * a)", "like": "1 if c else a * (1 - t) / (1 - t * a)",
        "mean_look": "sum(v) / len(v)", "mean_like": "sum(v) / len(v)", "last": "new_theta[0] = 1.0",
    }  # fmt: skip
    return _ROUND.format(**parts | changed)


EM = Code(
    name="pbm_em_round",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Two products at two or three places", "两件商品，两三个位置"),
            2.0,
            inputs=(
                ([1.0, 0.4], [0.5, 0.25], [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 1, 0]),
                ([1.0, 0.6, 0.2], [0.3, 0.8], [0, 1, 2, 2, 1, 0, 2, 1], [0, 0, 1, 0, 1, 1, 1, 0],
                 [0, 1, 0, 0, 1, 1, 1, 0]),
            ),
            expect=Text(
                "For each place the mean chance of a look, for each product the mean chance that it attracts; a "
                "click counts 1",
                "每个位置为被浏览概率的均值，每件商品为有吸引力概率的均值；有点击记为 1",
            ),
            advice=Text(
                "Write the two chances beside each showing. Then average the first by place and the second by product.",
                "在每次展示旁写出两个概率，再把第一个按位置求平均，第二个按商品求平均。",
            ),
        ),
        Case(
            "unseen",
            Text("A place and a product without a showing", "没有展示过的位置和商品"),
            1.0,
            inputs=(
                ([1.0, 0.55, 0.3], [0.45, 0.7, 0.15], [0, 1, 1], [0, 0, 2], [1, 0, 0]),
                ([1.0, 0.5], [0.4], [], [], []),
            ),
            expect=Text("They keep their old values", "保持原值"),
            advice=Text(
                "A mean of nothing is no 0. Start from copies of the old lists, and replace only what was shown.",
                "空的均值不是 0。先复制旧列表，只替换展示过的部分。",
            ),
        ),
        Case("random", Text("Random logs", "随机日志"), 1.0, draw=_draw_round, n=25, hidden=True),
    ),
    hints=(
        Text(
            "Without a click the showing is split in three: looked at but not attractive, attractive but not looked "
            "at, "
            "neither. The denominator 1 − θα is the chance of no click at all.",
            "没有点击的展示分三种：看了但没吸引力、有吸引力但没看、两者都没有。分母 1 − θα 就是没有点击的概率。",
        ),
        Text(
            "Collect the chances in lists of lists, one list per place and one per product, and average at the end: "
            "then no update can see another.",
            "把概率收进列表的列表，每个位置一个、每件商品一个，最后再求平均：这样各更新互不影响。",
        ),
    ),
    wrong=(
        Wrong(
            "no_click_is_no_look",
            _round(look="c", like="c"),
            Text(
                "You count a showing without a click as 0. It may have been looked at without attracting: that is "
                "what the "
                "table of the task splits.",
                "你把没有点击的展示都算作 0。它可能被看到但没有吸引力：题目中的表格正是要把这一点分开。",
            ),
        ),
        Wrong(
            "prior_not_posterior",
            _round(look="1 if c else t", like="1 if c else a"),
            Text(
                "Without a click you take the old values themselves. That nothing was clicked is news: it makes both "
                "a look "
                "and attraction less likely.",
                "没有点击时你直接用了旧值。没有点击本身就是信息：它使浏览和吸引都更不可能。",
            ),
        ),
        Wrong(
            "swapped",
            _round(look="1 if c else a * (1 - t) / (1 - t * a)", like="1 if c else t * (1 - a) / (1 - t * a)"),
            Text(
                "The two chances are swapped: a look without attraction belongs to the place, attraction without a "
                "look to "
                "the product.",
                "两个概率弄反了：看了但没吸引力归位置，有吸引力但没看归商品。",
            ),
        ),
        Wrong(
            "not_normalised",
            _round(look="1 if c else t * (1 - a)", like="1 if c else a * (1 - t)"),
            Text(
                "The denominator is missing: what you have is the chance of both, a look and no click, and not that "
                "of a look "
                "given no click.",
                "缺了分母：你得到的是“看了且没点击”的概率，而不是“已知没点击时看了”的概率。",
            ),
        ),
        Wrong(
            "one_after_the_other",
            "def pbm_em_round(theta, alpha, place, product, clicked):\n"
            "    new_theta, new_alpha = list(theta), list(alpha)\n"
            "    looks, likes = {}, {}\n"
            "    for p, d, c in zip(place, product, clicked):\n"
            "        t, a = theta[p], alpha[d]\n"
            "        looks.setdefault(p, []).append(1 if c else t * (1 - a) / (1 - t * a))\n"
            "    for p, v in looks.items():\n"
            "        new_theta[p] = sum(v) / len(v) if p else 1.0\n"
            "    for p, d, c in zip(place, product, clicked):\n"
            "        t, a = new_theta[p], alpha[d]\n"
            "        likes.setdefault(d, []).append(1 if c else a * (1 - t) / (1 - t * a))\n"
            "    for d, v in likes.items():\n"
            "        new_alpha[d] = sum(v) / len(v)\n"
            "    return new_theta, new_alpha\n",
            Text(
                "Your new alpha is computed with the new theta. Both chances come from the old values.",
                "你用新的 theta 算了新的 alpha。两个概率都要用旧值来算。",
            ),
        ),
        Wrong(
            "unseen_is_zero",
            "def pbm_em_round(theta, alpha, place, product, clicked):\n"
            "    s, n, u, m = [0.0] * len(theta), [0] * len(theta), [0.0] * len(alpha), [0] * len(alpha)\n"
            "    for p, d, c in zip(place, product, clicked):\n"
            "        t, a = theta[p], alpha[d]\n"
            "        s[p] += 1 if c else t * (1 - a) / (1 - t * a)\n"
            "        u[d] += 1 if c else a * (1 - t) / (1 - t * a)\n"
            "        n[p] += 1\n"
            "        m[d] += 1\n"
            "    return [1.0] + [x / max(k, 1) for x, k in zip(s, n)][1:], [x / max(k, 1) for x, k in zip(u, m)]\n",
            Text(
                "All right but for what was never shown: it falls to 0. Nothing was learned about it, so it keeps "
                "its value.",
                "只差从未展示过的：它变成了 0。对它一无所知，应当保持原值。",
            ),
        ),
    ),
)  # fmt: skip


# -- sdbn_estimate ----------------------------------------------------------------------------------------------------


def _draw_pages(generator: np.random.Generator) -> tuple:
    """Pages of up to six products, with no click, one or several."""
    names = [f"p{k}" for k in range(int(generator.integers(4, 8)))]
    pages = []
    for _ in range(int(generator.integers(4, 12))):
        shown = generator.permutation(names)[: int(generator.integers(2, 7))].tolist()
        clicked = np.flatnonzero(generator.random(len(shown)) < 0.3)
        pages.append((shown, generator.permutation(clicked).tolist()))
    return (pages,)


_SDBN = """def sdbn_estimate(pages):
    seen, hits, ends = {{}}, {{}}, {{}}
    for shown, clicked in pages:
        last = {last}
        for place, name in enumerate(shown):
            for table in (seen, hits, ends):
                table.setdefault(name, 0)
            seen[name] += {seen}
            hits[name] += place in clicked
            ends[name] += {end}
    return {{n: ({alpha}, {sigma}) for n in seen}}
"""


def _sdbn(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "last": "max(clicked, default=len(shown))", "seen": "place <= last", "end": "place == last",
        "alpha": "hits[n] / seen[n] if seen[n] else math.nan", "sigma": "ends[n] / hits[n] if hits[n] else math.nan",
    }  # fmt: skip
    return _SDBN.format(**parts | changed)


SDBN = Code(
    name="sdbn_estimate",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Three pages of one query", "同一查询的三个页面"),
            1.5,
            inputs=(
                ([(["a", "b", "c"], [0, 1]), (["b", "a", "c"], [1]), (["c", "a", "b"], [])],),
                ([(["x", "y", "z", "w"], [2]), (["y", "x", "z"], [0]), (["z", "w", "y", "x"], [0, 2])],),
            ),
            expect=Text(
                "Looks end at the page's last click; sigma is the share of clicks that were the last of their page",
                "浏览止于页面的最后一次点击；sigma 是作为页面最后一次点击的比例",
            ),
            advice=Text(
                "Draw a line below the last click of each page. Count looks and clicks above it, and mark the clicks "
                "on it.",
                "在每页最后一次点击下方画一条线。数线上方的浏览和点击，并标出线上的点击。",
            ),
        ),
        Case(
            "unknown",
            Text("Never looked at, never clicked", "从未被看到，从未被点击"),
            0.75,
            inputs=(
                ([(["a", "b"], [0]), (["a", "b"], [0])],),
                ([(["a", "b"], [])],),
                ([([], []), (["a"], [0])],),
                ([],),
            ),
            expect=Text("math.nan for what is unknown, and an entry for every product", "未知处为 math.nan，且每件商品都要有"),
            advice=Text(
                "A product below every last click still gets an entry. Guard both divisions.",
                "一直位于最后点击之下的商品也要有条目。两处除法都要防止除以零。",
            ),
        ),
        Case("random", Text("Random pages", "随机页面"), 0.75, draw=_draw_pages, n=25, hidden=True),
    ),
    hints=(
        Text(
            "The last click is max(clicked), whatever the order of the list; without clicks all of the page was read.",
            "最后一次点击是 max(clicked)，与列表顺序无关；没有点击时整页都读过。",
        ),
        Text(
            "Three counters per product are enough: looked at, clicked, clicked last.",
            "每件商品三个计数器就够了：被看到、被点击、最后被点击。",
        ),
    ),
    wrong=(
        Wrong(
            "all_looked_at",
            _sdbn(seen="1"),
            Text(
                "You count every showing as a look. Below a page's last click nothing was looked at.",
                "你把每次展示都算作浏览。页面最后一次点击以下的商品没有被看到。",
            ),
        ),
        Wrong(
            "first_click",
            _sdbn(last="min(clicked, default=len(shown))", end="bool(clicked) and place == max(clicked)"),
            Text(
                "Your looks end at the first click. That is the cascade model; here customers go on until their last "
                "click.",
                "你的浏览止于第一次点击。那是级联模型；这里的顾客会继续看到最后一次点击。",
            ),
        ),
        Wrong(
            "nobody_reads_without_click",
            _sdbn(last="max(clicked, default=-1)"),
            Text(
                "On a page without a click you count nothing. It was read to its end: everything on it was looked at "
                "in vain.",
                "没有点击的页面你什么都没算。它其实被读到了最后：上面的商品都白白被看到了。",
            ),
        ),
        Wrong(
            "order_of_clicks",
            _sdbn(last="clicked[-1] if clicked else len(shown)"),
            Text(
                "You take the last entry of the list of clicks. The list is in any order: the last click is the "
                "lowest place.",
                "你取了点击列表的最后一个元素。列表顺序任意：最后一次点击是最靠下的位置。",
            ),
        ),
        Wrong(
            "sigma_per_look",
            _sdbn(sigma="ends[n] / seen[n] if seen[n] and hits[n] else math.nan"),
            Text(
                "You divide the last clicks by the looks. Satisfaction is asked of clicks: divide by these.",
                "你用最后点击数除以浏览数。满意度是针对点击的：应除以点击数。",
            ),
        ),
        Wrong(
            "unknown_is_zero",
            _sdbn(alpha="hits[n] / max(seen[n], 1)", sigma="ends[n] / max(hits[n], 1)"),
            Text(
                "All right but for what isn't known: a product that nobody looked at isn't unattractive. Return "
                "math.nan there.",
                "只差未知的情况：没人看到的商品并不等于没有吸引力。那里应返回 math.nan。",
            ),
        ),
    ),
)  # fmt: skip


# -- clipped_ips ------------------------------------------------------------------------------------------------------


def _draw_ips(generator: np.random.Generator) -> tuple:
    """Looks from certain to never, so that some are clipped."""
    n = int(generator.integers(2, 20))
    looks = np.round(generator.random(n) ** 2, 3)
    clicked = (generator.random(n) < 0.4).astype(int)
    return looks.tolist(), clicked.tolist(), float(generator.integers(2, 12))


_IPS = """def clipped_ips(looks, clicked, max_weight):
    if not looks:
        return {empty}
    x = [{clipped} for look in looks]
    return {plain}, {norm}
"""


def _ips(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "empty": "(math.nan, math.nan)", "clipped": "max(look, 1 / max_weight)",
        "plain": "sum(c / k for c, k in zip(clicked, x)) / len(looks)", "norm": "sum(clicked) / sum(x)",
    }  # fmt: skip
    return _IPS.format(**parts | changed)


IPS = Code(
    name="clipped_ips",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Looks of which some are clipped", "部分浏览概率被截断"),
            1.5,
            inputs=(
                ([1.0, 0.25, 0.05, 0.5], [1, 0, 1, 1], 8),
                ([0.8, 0.4, 0.02], [0, 1, 1], 4.0),
                ([0.1, 0.9, 0.3], [0, 0, 1], 5),
            ),
            expect=Text(
                "Mean of click / look, and clicks / sum of looks, both with looks of at least 1 / max_weight",
                "click / look 的均值，以及点击数 / 浏览概率之和；浏览概率都不小于 1 / max_weight",
            ),
            advice=Text(
                "First lift every look to at least 1 / max_weight. Both estimates then use the lifted ones.",
                "先把每个浏览概率提高到至少 1 / max_weight，两个估计都用提高后的值。",
            ),
        ),
        Case(
            "edges",
            Text("A look of 0, no click, nothing shown", "浏览概率为 0、没有点击、没有展示"),
            0.75,
            inputs=(([0.0, 1.0], [1, 0], 10), ([0.5, 0.2], [0, 0], 3), ([], [], 2), ([0.3, 0.6], [1, 1], 1)),
            expect=Text(
                "Weights of at most max_weight; math.nan twice without a showing",
                "权重不超过 max_weight；没有展示时返回两个 math.nan",
            ),
            advice=Text(
                "A look of 0 is lifted as well, so nothing is divided by 0. Only an empty list is undefined.",
                "0 也会被提高，因此不会除以 0。只有空列表是未定义的。",
            ),
        ),
        Case("random", Text("Random showings", "随机展示"), 0.75, draw=_draw_ips, n=25, hidden=True),
    ),
    hints=(
        Text("A weight of at most w means a look of at least 1 / w.", "权重不超过 w，等价于浏览概率不小于 1 / w。"),
        Text(
            "The plain estimate divides by the number of showings, clicked or not; the normalised one by the sum of "
            "looks.",
            "普通估计除以展示次数（无论是否点击）；归一化估计除以浏览概率之和。",
        ),
    ),
    wrong=(
        Wrong(
            "not_clipped",
            _ips(clipped="look if look > 0 else 1 / max_weight"),
            Text(
                "Your weights exceed max_weight. Lift rare looks to 1 / max_weight first.",
                "你的权重超过了 max_weight。先把很小的浏览概率提高到 1 / max_weight。",
            ),
        ),
        Wrong(
            "clipped_from_above",
            _ips(clipped="min(look, 1 / max_weight)"),
            Text(
                "You limit the looks from above. Weights are 1 / look: to keep them small, looks must not become too "
                "small.",
                "你从上方限制了浏览概率。权重是 1 / 浏览概率：要让权重不过大，浏览概率就不能过小。",
            ),
        ),
        Wrong(
            "weight_as_floor",
            _ips(clipped="max(look, max_weight / 100)"),
            Text(
                "The floor of a look is 1 / max_weight: the larger the weight allowed, the rarer a look may be.",
                "浏览概率的下限是 1 / max_weight：允许的权重越大，浏览概率可以越小。",
            ),
        ),
        Wrong(
            "clicks_only",
            _ips(plain="sum(c / k for c, k in zip(clicked, x)) / max(sum(clicked), 1)"),
            Text(
                "You divide by the number of clicks. Showings without a click count too, else every product is "
                "attractive.",
                "你除以了点击数。没有点击的展示也要算，否则每件商品都有吸引力。",
            ),
        ),
        Wrong(
            "normalised_unclipped",
            _ips(norm="sum(clicked) / max(sum(looks), 1e-9)"),
            Text(
                "The normalised estimate has the unclipped looks below. Both use the same lifted looks.",
                "归一化估计的分母用了未截断的浏览概率。两个估计要用同样提高过的值。",
            ),
        ),
        Wrong(
            "at_most_one",
            _ips(plain="min(1.0, sum(c / k for c, k in zip(clicked, x)) / len(looks))",
                 norm="min(1.0, sum(clicked) / sum(x))"),
            Text(
                "You cut the estimates off at 1. Then they are too low on average: luck upwards is cut, luck "
                "downwards isn't.",
                "你把估计截到了 1。这样平均而言会偏低：向上的运气被截掉，向下的没有。",
            ),
        ),
    ),
)  # fmt: skip

QUESTIONS = (HARVEST, EM, SDBN, IPS)
