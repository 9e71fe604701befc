"""The first frame of "attention over a product title", what it counts, and its words in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.bilingual import Text

if TYPE_CHECKING:
    from course_lib.publishing.demos.attention import Looked

STEPS = 65_535  # attention is kept in parts of this many
#: where a head's attention goes, in the order of ``goes``
PLACES = ("marks", "itself", "before", "after", "others")

WORDS = {
    "title": Text("Attention over a product title", "商品标题上的注意力"),
    "about": Text(
        "Pick a token and see how much it takes from every other one. The second bar is a measurement: how far the token's last"
        " vector moves when the other token is really taken away. Attention is not an explanation: compare the two.",
        "选一个词元，看它从其他每个词元取多少。第二根柱是实测：真的去掉那个词元后，所选词元的最终向量移动多远。注意力不是解释：请对比两者。",
    ),
    "which": Text("title", "标题"),
    "layer": Text("layer", "层"),
    "head": Text("head", "头"),
    "mean": Text("mean of all", "全部取平均"),
    "who": Text("Who looks? Click a token, or use the arrow keys.", "谁在看？点一个词元，或用方向键。"),
    "weight": Text("attention: what it takes", "注意力：取多少"),
    "moves": Text("removal: how far its vector moves", "去掉：它的向量移动多远"),
    "scale": Text("The largest of each kind fills the height.", "每一类中最大的占满高度。"),
    "self": Text("itself", "它自己"),
    "both": Text(
        "“{token}” takes most from {first} ({a}). Of the other tokens of the product it takes most from “{best}” ({b}).",
        "“{token}”从{first}取得最多（{a}）。在商品的其他词元中，它从“{best}”取得最多（{b}）。",
    ),
    "one": Text("“{token}” takes most from “{best}” ({b}).", "“{token}”从“{best}”取得最多（{b}）。"),
    "wrong": Text(
        "Take “{best}” away, and the vector of “{token}” moves by {x}. It moves further, by {y}, when “{real}” is taken away,"
        " from which it takes {c} here.",
        "去掉“{best}”，“{token}”的向量移动 {x}；去掉“{real}”则移动更远（{y}），而这里它只从“{real}”取 {c}。",
    ),
    "right": Text(
        "Take “{best}” away, and the vector of “{token}” moves by {x}, further than for any other. Here the two agree.",
        "去掉“{best}”，“{token}”的向量移动 {x}，比去掉任何其他词元都远。这里两者一致。",
    ),
    "count": Text(
        "In this view they agree for {k} of the {n} tokens of the title; blind guesses would for {g} on average.",
        "在这个视图里，标题的 {n} 个词元中有 {k} 个两者一致；盲猜平均为 {g} 个。",
    ),
    "goes": Text("Where the attention of the title's tokens goes here, on average:", "在这里，标题各词元的注意力平均去向："),
    "marks": Text("[CLS], [SEP]", "[CLS]、[SEP]"),
    "itself": Text("itself", "自己"),
    "before": Text("the token before", "前一个词元"),
    "after": Text("the token after", "后一个词元"),
    "others": Text("the others", "其他词元"),
    "numbers": Text("The numbers", "数据表"),
    "caption": Text("What “{token}” takes from each token, and what taking that one away moves", "“{token}”从每个词元取多少，去掉该词元又使什么移动"),
    "col_token": Text("token", "词元"),
    "col_weight": Text("taken", "取"),
    "col_moves": Text("removed: it moves", "去掉后它移动"),
    "col_title": Text("removed: the title moves", "去掉后标题移动"),
    "made": Text("The first choice loads the numbers of all titles ({size} MB).", "第一次选择时会加载全部标题的数据（{size} MB）。"),
    "loading": Text("Loading the numbers …", "正在加载数据……"),
    "failed": Text("The numbers could not be loaded: {why}.", "数据加载失败：{why}。"),
}  # fmt: skip


def weights_of(looked: Looked, layer: int, head: int) -> np.ndarray:
    """Attention of a layer (from 1) and a head (from 1; 0: the mean of all): float64 [n, n]."""
    steps = looked.attention[layer - 1].astype(np.int64)
    return (steps.mean(axis=0) if head == 0 else steps[head - 1]) / STEPS


def strongest(row: np.ndarray, i: int) -> int:
    """The token between the marks, other than i, with the largest number; the first of several."""
    inner = [j for j in range(1, len(row) - 1) if j != i]
    return max(inner, key=lambda j: row[j])


def goes(weights: np.ndarray) -> list[float]:
    """Mean share of attention, over the tokens between the marks, that goes to each of ``PLACES``."""
    n, found = len(weights), np.zeros(5)
    for i in range(1, n - 1):
        row = weights[i]
        parts = [row[0] + row[-1], row[i], row[i - 1] if i > 1 else 0.0, row[i + 1] if i < n - 2 else 0.0]
        found += [*parts, row.sum() - sum(parts)]
    return (found / (n - 2)).tolist()


def verdict(language: str, looked: Looked, weights: np.ndarray, i: int) -> str:
    """What a token takes, what moves it, and how often the two agree, in words."""
    tokens, row, moved = looked.tokens, weights[i], looked.moved[i]
    first, best, real = int(row.argmax()), strongest(row, i), strongest(moved, i)
    inner = range(1, len(tokens) - 1)
    values = {
        "token": tokens[i], "best": tokens[best], "real": tokens[real], "a": percent(row[first]), "b": percent(row[best]),
        "c": percent(row[real]), "x": f"{moved[best]:.3f}", "y": f"{moved[real]:.3f}", "n": len(inner),
        "first": WORDS["self"].get(language) if first == i else tokens[first],
        "k": sum(strongest(weights[k], k) == strongest(looked.moved[k], k) for k in inner),
        "g": f"{len(inner) / (len(inner) - 1):.1f}",
    }  # fmt: skip
    names = ["one" if first == best else "both", "right" if best == real else "wrong", "count"]
    return ("" if language == "zh" else " ").join(WORDS[name].get(language).format(**values) for name in names)


def percent(value: float) -> str:
    """A share as the page writes it."""
    return f"{100 * value:.0f} %"


def frame(language: str, titles: Sequence[Looked], at: Mapping[str, int]) -> str:
    """The frame as HTML.

    Args:
        titles: all that can be chosen. at: "title", "layer", "head" and "token" of this frame.
    """

    def say(name: str, **values: Any) -> str:
        return escape(WORDS[name].get(language).format(**values))

    looked, i, ids = titles[at["title"]], at["token"], f"attention-{language}"
    weights = weights_of(looked, at["layer"], at["head"])
    layers, heads = looked.attention.shape[:2]
    offered = {
        "title": {k: one.text for k, one in enumerate(titles)}, "layer": {k: str(k) for k in range(1, layers + 1)},
        "head": {0: WORDS["mean"].get(language), **{k: str(k) for k in range(1, heads + 1)}},
    }  # fmt: skip
    controls = "".join(
        f'<label for="{ids}-{name}"><span>{say("which" if name == "title" else name)}</span>'
        f'<select id="{ids}-{name}" data-part="{name}">'
        + "".join(f'<option value="{k}"{" selected" * (k == at[name])}>{escape(text)}</option>' for k, text in of.items())
        + "</select></label>"
        for name, of in offered.items()
    )
    places = "".join(f"<li>{say(name)} <b>{percent(value)}</b></li>" for name, value in zip(PLACES, goes(weights)))
    key = "".join(f'<span><i class="attention-{name}" aria-hidden="true"></i>{say(name)}</span>' for name in ("weight", "moves"))
    token = looked.tokens[i]
    heading = "".join(f'<th scope="col">{say(name)}</th>'
                      for name in ("col_token", "col_weight", "col_moves", "col_title"))  # fmt: skip
    return (
        f'<p class="course-demo-title">{say("title")}</p><p class="attention-about">{say("about")}</p>'
        f'<form data-part="form"><div class="course-demo-controls attention-controls" data-part="controls" hidden>{controls}</div>'
        f'<p class="attention-about" data-part="status" role="status"></p>'
        f'<fieldset data-part="tokens" disabled><legend>{say("who")}</legend>'
        f'<div class="attention-tokens" data-part="chips">{_chips(looked, weights[i], i)}</div></fieldset></form>'
        f'<p class="attention-key">{key}<span>{say("scale")}</span></p>'
        f'<p class="attention-verdict" data-part="verdict" role="status">{escape(verdict(language, looked, weights, i))}</p>'
        f'<p class="attention-about">{say("goes")}</p><ul class="attention-goes" data-part="goes">{places}</ul>'
        f'<details><summary>{say("numbers")}</summary><table class="attention-numbers"><caption class="visually-hidden" data-part="caption">'
        f'{say("caption", token=token)}</caption><thead><tr>{heading}</tr></thead>'
        f'<tbody data-part="rows">{_rows(looked, weights[i], i)}</tbody></table></details>'
    )


def _chips(looked: Looked, row: np.ndarray, i: int) -> str:
    moved = np.nan_to_num(looked.moved[i])
    return "".join(
        f'<label><input type="radio" name="token" value="{j}"{" checked" * (j == i)}><span class="attention-chip">'
        f'<span class="attention-bars" aria-hidden="true" data-part="bars"><i class="attention-weight" style="height: {100 * a / row.max():.1f}%;"></i>'
        f'<i class="attention-moves" style="height: {100 * m / moved.max():.1f}%;"></i></span>'
        f'<span data-part="name">{escape(token)}</span> <small data-part="share">{percent(a)}</small></span></label>'
        for j, (token, a, m) in enumerate(zip(looked.tokens, row, moved))
    )


def _rows(looked: Looked, row: np.ndarray, i: int) -> str:
    def shown(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.3f}"

    return "".join(
        f'<tr{" class=attention-here" * (j == i)}><th scope="row">{escape(token)}</th><td>{a:.3f}</td><td>{shown(m)}</td>'
        f"<td>{shown(t)}</td></tr>"
        for j, (token, a, m, t) in enumerate(zip(looked.tokens, row, looked.moved[i], looked.title_moved))
    )
