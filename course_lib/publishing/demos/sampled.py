"""The demo "a contest among a few": two invented methods, ranked among ever more of a shop's products.

One method is exactly right in some cases and lost in the others, one is never quite right. What a contest among m
others says of them is computed exactly, in Python for the first frame and in the page for all others.
"""

from __future__ import annotations

from html import escape

import numpy as np
from scipy.special import gammaln

from course_lib.core.bilingual import LANGUAGES, Text
from course_lib.core.errors import ContractError
from course_lib.publishing.demos.base import Demo
from course_lib.publishing.figures.style import PALETTE

METRICS, CUTS = ("hit", "ndcg"), (1, 5, 10, 20)
_LEVEL = 0.005  # a difference that nobody would call a win
_STEPS = (10, 15, 20, 30, 50, 70)
_BOX = (30.0, 24.0, 292.0, 180.0)  # left, top, right, bottom of the plot in the picture, which is as wide as on a phone
_COLOURS = {"a": PALETTE[0], "b": PALETTE[2]}
_MARKS = {"a": '<circle r="5"/>', "b": '<rect x="-4.5" y="-4.5" width="9" height="9"/>'}

WORDS = {
    "title": Text("A contest among a few", "只在少数商品之间比赛"),
    "a": Text("often exactly right", "时常完全命中"),
    "b": Text("never quite right", "从不完全命中"),
    "at": Text("other products in the contest", "参加比赛的其他商品数"),
    "share": Text("cases in which the first method is exactly right", "第一种方法完全命中的比例"),
    "methods": Text(
        "“Often exactly right” brings the product into the first five places in some cases, and anywhere in the others. “Never quite"
        " right” brings it to a place from 51 down to the best 5 %, always.",
        "“时常完全命中”在一部分情况下把商品排进前五，其余情况下排在任意位置；“从不完全命中”总是把它排在第 51 位到前 5 % 之间。",
    ),
    "hit": Text("hit: is it there?", "hit：在不在？"),
    "ndcg": Text("NDCG: how high?", "NDCG：排得多高？"),
    "k": Text("places that count", "计入的位数"),
    "metric": Text("measure", "指标"),
    "numbers": Text("The numbers", "数据表"),
    "caption": Text("What a contest of each size shows on average", "各种规模的比赛给出的平均值"),
    "others": Text("others", "其他商品数"),
    "picture": Text(
        "Two curves of {metric} over the number of other products, from ten to the whole shop.",
        "两条曲线：横轴为其他商品数（从十件到全店），纵轴为 {metric}。",
    ),
    "turned": Text(
        "Among {m} others, “{few}” wins: {a} against {b}. In the whole shop “{all}” does: {c} against {d}. The contest names the"
        " wrong winner.",
        "在 {m} 件其他商品中，“{few}”获胜（{a} 对 {b}）；在全店商品中，“{all}”获胜（{c} 对 {d}）。这场比赛选错了赢家。",
    ),
    "same": Text(
        "Among {m} others, “{few}” wins: {a} against {b}. So it does in the whole shop: {c} against {d}.",
        "在 {m} 件其他商品中，“{few}”获胜（{a} 对 {b}）；在全店商品中也是它（{c} 对 {d}）。",
    ),
    "whole": Text(
        "In the whole shop, “{all}” wins: {c} against {d}. No product was left out.",
        "在全店商品中，“{all}”获胜（{c} 对 {d}），没有漏掉任何商品。",
    ),
    "level": Text(
        "Among {m} others it stands {a} against {b}; in the whole shop {c} against {d}. One of the two can't tell the methods apart.",
        "在 {m} 件其他商品中是 {a} 对 {b}；在全店商品中是 {c} 对 {d}。其中一个分不出两种方法。",
    ),
    "same_level": Text(
        "Among {m} others it stands {a} against {b}, in the whole shop {c} against {d}: neither tells the methods apart.",
        "在 {m} 件其他商品中是 {a} 对 {b}，在全店商品中是 {c} 对 {d}：都分不出两种方法。",
    ),
    "whole_level": Text("In the whole shop it stands {c} against {d}: level.", "在全店商品中是 {c} 对 {d}：不分上下。"),
}


def contest_demo(n_items: int = 10_000, *, share: int = 30, sampled: int = 100, k: int = 10, metric: str = "hit") -> Demo:
    """The demo, with its first frame at these settings.

    Args:
        n_items: products of the shop, at least 1,100: the vague method's ranks are 51 to 5 % of them.
        share: in how many of 100 cases the sharp method puts the product into places 1–5; else anywhere.
        sampled: others in the contest, one of ``grid(n_items)``.
        k: places that count, one of ``CUTS``. metric: ``"hit"`` or ``"ndcg"``.

    Raises:
        ContractError: a setting outside of these.
    """
    if n_items < 1_100:
        raise ContractError(f"n_items is {n_items}; it must be at least 1,100")
    steps = grid(n_items)
    for name, value, known in (("sampled", sampled, steps), ("k", k, CUTS), ("metric", metric, METRICS),
                               ("share", share, range(101))):  # fmt: skip
        if value not in known:
            raise ContractError(f"{name} is {value!r}", remedy=f"Use one of {', '.join(map(str, known))}")
    state = {
        "url": ["at", "k", "metric", "share"], "at": steps.index(sampled), "k": k, "metric": metric, "share": share,
        "items": n_items, "grid": steps, "ranges": ranges(n_items),
        "words": {language: {name: text.get(language) for name, text in WORDS.items()} for language in LANGUAGES},
    }  # fmt: skip
    found = contest_curves(n_items, share=share, k=k, metric=metric)
    return Demo("sampled", {language: _frame(state, found, language) for language in LANGUAGES}, state)


def grid(n_items: int) -> list[int]:
    """Sizes of the contest, about evenly spaced on a logarithmic axis; the last is the whole shop."""
    steps = [step * 10**power for power in range(7) for step in _STEPS]
    return [step for step in steps if step < 0.85 * n_items] + [n_items - 1]


def ranges(n_items: int) -> dict[str, list[int]]:
    """First and last rank of each kind of case, all between as likely (as in ``exhibits.sharp_and_vague``)."""
    return {"sharp": [1, 5], "lost": [1, n_items], "vague": [51, n_items // 20]}


def contest_curves(n_items: int, *, share: int, k: int, metric: str) -> dict[str, np.ndarray]:
    """Expected hit@k or NDCG@k of both methods at each size of the contest: float64 [len(grid)] for "a" and "b".

    Of the rank − 1 products above the right one, a contest with m others holds a hypergeometric number (Krichene and
    Rendle 2020, KDD, §3).
    """
    gains = np.ones(k) if metric == "hit" else 1 / np.log2(np.arange(k) + 2)
    logs = gammaln(np.arange(n_items + 1) + 1.0)  # ln 0!, ln 1!, …: SciPy's own hypergeometric takes half a minute here
    of = {}
    for name, (low, high) in ranges(n_items).items():
        above = np.arange(low - 1, high)[:, None]
        of[name] = np.array([(_chances(n_items - 1, above, m, k, logs) @ gains).mean() for m in grid(n_items)])
    return {"a": (share * of["sharp"] + (100 - share) * of["lost"]) / 100, "b": of["vague"]}


def _chances(others: int, above: np.ndarray, m: int, k: int, logs: np.ndarray) -> np.ndarray:
    """Chance that 0, …, k − 1 of the ``above`` [n, 1] better products are among m drawn of all others: float64 [n, k]."""

    def choose(of: np.ndarray | int, number: np.ndarray | int) -> np.ndarray:
        inside = (number >= 0) & (number <= of)
        number = np.where(inside, number, 0)
        return np.where(inside, logs[of] - logs[number] - logs[of - number], -np.inf)

    drawn = np.arange(k)
    return np.exp(choose(above, drawn) + choose(others - above, m - drawn) - choose(others, m))


def verdict(state: dict, found: dict[str, np.ndarray], language: str) -> str:
    """Who wins among few and who in the whole shop, in words."""
    a, b, at = found["a"], found["b"], state["at"]
    side = ["level" if abs(x - y) < _LEVEL else "a" if x > y else "b" for x, y in zip(a, b)]
    few, last = side[at], side[-1]
    if at == len(a) - 1:
        name = "whole_level" if last == "level" else "whole"
    elif "level" in (few, last):
        name = "same_level" if few == last else "level"
    else:
        name = "same" if few == last else "turned"
    numbers = [*_winner_first(few, a[at], b[at]), *_winner_first(last, a[-1], b[-1])]
    return WORDS[name].get(language).format(
        m=f"{state['grid'][at]:,}", **{key: f"{value:.3f}" for key, value in zip("abcd", numbers)},
        **{key: "" if who == "level" else WORDS[who].get(language) for key, who in (("few", few), ("all", last))},
    )  # fmt: skip


def _winner_first(winner: str, a: float, b: float) -> tuple[float, float]:
    return (b, a) if winner == "b" else (a, b)


def _frame(state: dict, found: dict[str, np.ndarray], language: str) -> str:
    def say(name: str) -> str:
        return escape(WORDS[name].get(language))

    said = verdict(state, found, language)
    label = WORDS["picture"].get(language).format(metric=f"{state['metric']}@{state['k']}") + " " + said
    ids = f"contest-{language}"
    slide = (
        '<label class="contest-wide" for="{ids}-{name}"><span>{text}: <output data-part="{name}-value" for="{ids}-{name}">{shown}'
        '</output></span><input type="range" id="{ids}-{name}" data-part="{name}" min="0" max="{top}" value="{value}"></label>'
    )
    select = '<label for="{ids}-{name}"><span>{text}</span><select id="{ids}-{name}" data-part="{name}">{options}</select></label>'
    controls = [
        slide.format(ids=ids, name="at", text=say("at"), shown=f"{state['grid'][state['at']]:,}",
                     top=len(state["grid"]) - 1, value=state["at"]),
        slide.format(ids=ids, name="share", text=say("share"), shown=f"{state['share']} %", top=100, value=state["share"]),
        *(select.format(ids=ids, name=name, text=say(name), options="".join(
            f'<option value="{value}"{" selected" * (value == state[name])}>{say(value) if name == "metric" else value}</option>'
            for value in values))
          for name, values in (("k", CUTS), ("metric", METRICS))),
    ]  # fmt: skip
    keys = "".join(
        f'<span><svg viewBox="-13 -6 26 12" aria-hidden="true" fill="{_COLOURS[name]}"><path d="M-13 0H13" '
        f'stroke="{_COLOURS[name]}" stroke-width="2"/>{_MARKS[name]}</svg>{say(name)}</span>'
        for name in "ab"
    )
    rows = "".join(
        f'<tr{" class=contest-here" * (i == state["at"])}><th scope="row">{m:,}</th><td>{a:.3f}</td><td>{b:.3f}</td></tr>'
        for i, (m, a, b) in enumerate(zip(state["grid"], found["a"], found["b"]))
    )
    return (
        f'<p class="course-demo-title">{say("title")}</p><p class="contest-methods">{say("methods")}</p>'
        f'<div class="course-demo-controls" data-part="controls" hidden>{"".join(controls)}</div>'
        f'<p class="contest-key">{keys}</p>{_picture(state, found, label, say("at"))}'
        f'<p class="contest-verdict" data-part="verdict" role="status">{escape(said)}</p>'
        f'<details><summary>{say("numbers")}</summary><table><caption class="visually-hidden">{say("caption")}</caption>'
        f'<thead><tr><th scope="col">{say("others")}</th><th scope="col">{say("a")}</th><th scope="col">{say("b")}</th></tr>'
        f'</thead><tbody data-part="rows">{rows}</tbody></table></details>'
    )


def _picture(state: dict, found: dict[str, np.ndarray], label: str, xlabel: str) -> str:
    left, top, right, bottom = _BOX
    steps = np.log(state["grid"])
    x = left + (right - left) * (steps - steps[0]) / (steps[-1] - steps[0])
    lines = []
    for value in (0, 0.2, 0.4, 0.6, 0.8, 1):
        y = bottom - (bottom - top) * value
        lines.append(f'<path class="contest-grid" d="M{left} {y:.1f}H{right}"/><text x="{left - 6}" y="{y + 4:.1f}" '
                     f'text-anchor="end">{value:g}</text>')  # fmt: skip
    for m, at in zip(state["grid"], x):
        if m in (10, 100, 1_000) or m == state["grid"][-1]:
            anchor = "end" if m == state["grid"][-1] else "middle"
            lines.append(f'<path class="contest-axis" d="M{at:.1f} {bottom}v5"/><text x="{at:.1f}" y="{bottom + 19}" '
                         f'text-anchor="{anchor}">{m:,}</text>')  # fmt: skip
    here = x[state["at"]]
    for name in "ab":
        y = bottom - (bottom - top) * found[name]
        path = "".join(f"{'L' if i else 'M'}{u:.1f} {v:.1f}" for i, (u, v) in enumerate(zip(x, y)))
        colour = _COLOURS[name]
        lines.append(f'<path data-part="line-{name}" d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<g data-part="dot-{name}" transform="translate({here:.1f} {y[state["at"]]:.1f})" fill="{colour}">'
                     f"{_MARKS[name]}</g>")  # fmt: skip
    return (
        f'<svg class="contest-picture" viewBox="0 0 298 220" role="img" aria-label="{escape(label)}" data-part="picture" '
        f'data-plot="{left:g} {top:g} {right:g} {bottom:g}">'
        f'<path class="contest-at" data-part="line-at" d="M{here:.1f} {top}V{bottom}"/>'
        f'<path class="contest-axis" d="M{left} {bottom}H{right}"/>{"".join(lines)}'
        f'<text x="{left - 24}" y="{top - 12}" data-part="metric-name">{state["metric"]}@{state["k"]}</text>'
        f'<text x="{right}" y="{bottom + 36}" text-anchor="end">{escape(xlabel)}</text></svg>'
    )
