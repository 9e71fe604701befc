"""The first frame of "type your own query", and its words in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from course_lib.core.bilingual import Text

WORDS = {
    "title": Text("Type your own query", "输入你自己的查询"),
    "query": Text("What are you looking for? (The shop and its model read English.)", "你在找什么？（这家商店和它的模型只懂英文，例如 running shoes）"),
    "try": Text("Judged queries to try:", "可以试试这些有标注的查询："),
    "load": Text("Load the model ({size} MB) and search", "加载模型（{size} MB）并搜索"),
    "search": Text("Search", "搜索"),
    "loading": Text("Loading the model …", "正在加载模型……"),
    "failed": Text("The model could not be loaded: {why}.", "模型加载失败：{why}。"),
    "empty": Text("Type a few words.", "请输入几个词。"),
    "took": Text("“{text}”: computed in this page in {ms} ms.", "“{text}”：在本页内计算，用时 {ms} 毫秒。"),
    "made": Text("“{text}”: computed when this page was built.", "“{text}”：在构建本页时计算。"),
    "tokens": Text(
        "The encoder reads these tokens ([CLS] and [SEP] mark the ends, ## goes on inside a word):",
        "编码器读到的词元（[CLS] 和 [SEP] 标记首尾，## 表示接在同一个词里）：",
    ),
    "unread": Text(
        "The encoder knows nothing of this. A nearest vector always exists, so the list by meaning says nothing here.",
        "编码器完全不认识这些内容。最近的向量总是存在，所以这里“按含义”的列表没有意义。",
    ),
    "unknown": Text("In no product: {words}.", "没有任何商品含有：{words}。"),
    "vector": Text("It makes a vector of them, a cell for each number:", "并把它们变成一个向量，每个数一格："),
    "vector_label": Text(
        "The vector of the query: blue cells are above zero, orange ones below, the stronger the larger.",
        "查询的向量：蓝色大于零，橙色小于零，颜色越深数值越大。",
    ),
    "words": Text("by words (BM25 score)", "按字词（BM25 分数）"),
    "meaning": Text("by meaning (cosine)", "按含义（余弦）"),
    "both": Text("by both (fused places)", "两者融合（名次的倒数之和）"),
    "grade": Text("grade {grade} of 3", "等级 {grade}/3"),
    "none": Text("No product has any of these words.", "没有商品含有这些词。"),
    "judged": Text(
        "The shop knows how well its products answer this query: grades up to 3; products without one count 0. NDCG@10 is 1 for"
        " the best list that there could be.",
        "商店知道商品与这个查询的相关程度：等级最高为 3，没有等级的商品按 0 计。列表好到不能再好时，NDCG@10 为 1。",
    ),
    "unjudged": Text("Nobody judged this query, so there is no NDCG.", "这个查询没有标注，因此没有 NDCG。"),
}


def frame(
    language: str,
    query: str,
    offered: Sequence[str],
    titles: Sequence[str],
    grades: Mapping[int, int],
    *,
    tokens: Sequence[str],
    vector: np.ndarray,
    lists: Sequence[Sequence[tuple[int, float]]],
    ndcg: Sequence[float],
    unknown: Sequence[str],
) -> str:
    """The frame as HTML.

    Args:
        query: of this frame. offered: others, to choose from.
        titles: of all items. grades: item row -> grade for this query.
        tokens, vector: of the query. lists: item rows with scores, by words, by meaning, by both. ndcg: of each list.
        unknown: words of the query that are in no product.
    """

    def say(name: str, **values: str) -> str:
        return escape(WORDS[name].get(language).format(**values))

    def line(item: int, score: float, digits: int) -> str:
        grade = f' <span class="query-grade query-grade-{grades[item]}">{say("grade", grade=grades[item])}</span>' if item in grades else ""
        return (f'<li><span class="query-title">{escape(titles[item])}</span>'
                f'<span class="query-about">{score:,.{digits}f}{grade}</span></li>')  # fmt: skip

    ids = f"query-{language}"
    buttons = " ".join(f'<button type="button" data-query="{escape(text)}">{escape(text)}</button>' for text in offered)
    remark = say("unknown", words=", ".join(unknown)) if unknown else ""
    chips = "".join(f"<li>{escape(token)}</li>" for token in tokens)
    none = f'<li class="query-none">{say("none")}</li>'
    columns = "".join(
        f'<div><p class="query-head"><strong>{say(name)}</strong> <span data-part="ndcg-{n}">NDCG@10 {value:.3f}</span></p>'
        f'<ol data-part="list-{n}">{"".join(line(*found, digits) for found in results) or none}</ol></div>'
        for n, (name, results, value, digits) in enumerate(zip(("words", "meaning", "both"), lists, ndcg, (2, 3, 4)))
    )
    return (
        f'<p class="course-demo-title">{say("title")}</p>'
        f'<form class="query-form" data-part="form" role="search" aria-label="{say("title")}" hidden>'
        f'<label for="{ids}-q"><span>{say("query")}</span><input type="search" id="{ids}-q" data-part="q" maxlength="200" '
        f'autocomplete="off" value="{escape(query)}"></label><button type="submit" data-part="go">{say("search")}</button>'
        f'<p class="query-offered">{say("try")} {buttons}</p></form>'
        f'<p class="query-line">{say("tokens")}</p><ul class="query-tokens" data-part="tokens">{chips}</ul>'
        f'<p class="query-line query-remark" data-part="unknown">{remark}</p><p class="query-line">{say("vector")}</p>{_strip(vector, say("vector_label"))}'
        f'<div class="query-lists">{columns}</div>'
        f'<p class="query-judged" data-part="judged">{say("judged")}</p>'
        f'<p class="query-status" data-part="status" role="status">{say("made", text=query)}</p>'
    )


def _strip(vector: np.ndarray, label: str) -> str:
    largest = float(np.abs(vector).max()) or 1.0
    cells = "".join(
        f'<rect x="{i}" width="1" height="1" class="query-{"below" if value < 0 else "above"}" '
        f'fill-opacity="{abs(value) / largest:.3f}"/>'
        for i, value in enumerate(vector.tolist())
    )
    return (f'<svg class="query-vector" viewBox="0 0 {len(vector)} 1" preserveAspectRatio="none" role="img" '
            f'aria-label="{label}" data-part="vector">{cells}</svg>')  # fmt: skip
