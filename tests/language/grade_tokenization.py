"""How answers to ``solutions/language/tokenization.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.classroom.compare import close, kind_of
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text


def _word(generator: np.random.Generator, low: int, high: int, letters: str = "abc") -> str:
    return "".join(generator.choice(list(letters), int(generator.integers(low, high + 1))))


# -- learn_merges -----------------------------------------------------------------------------------------------------


def _draw_counts(generator: np.random.Generator) -> tuple:
    words = {_word(generator, 1, 8, "abcde") for _ in range(int(generator.integers(3, 12)))}
    return {word: int(generator.integers(1, 20)) for word in sorted(words)}, int(generator.integers(1, 10))


def _draw_repeats(generator: np.random.Generator) -> tuple:
    """Few letters and small counts: many equal pairs, many repeated letters, and an end."""
    words = {_word(generator, 1, 7, "ab") for _ in range(int(generator.integers(1, 6)))}
    return {word: int(generator.integers(1, 3)) for word in sorted(words)}, int(generator.integers(0, 12))


_MERGES = (
    "def learn_merges(counts, n_merges):\n"
    "    cut = {word: list(word) for word in counts}\n    merges = []\n"
    "    for _ in range(n_merges):\n        pairs = {}\n"
    "        for word, pieces in cut.items():\n            for pair in zip(pieces, pieces[1:]):\n"
    "                pairs[pair] = pairs.get(pair, 0) + COUNT\n"
    "        if not pairs:\n            break\n"
    "        best = BEST\n        merges.append(best)\n"
    "        for word, pieces in cut.items():\n            merged, i = [], 0\n"
    "            while i < len(pieces):\n"
    "                width = 2 if tuple(pieces[i : i + 2]) == best else 1\n"
    "                merged.append(''.join(pieces[i : i + width]))\n                i += width\n"
    "            cut[word] = merged\n    return merges\n"
)
_BEST = "min(pairs, key=lambda pair: (-pairs[pair], pair))"


def _merges(count: str = "counts[word]", best: str = _BEST) -> str:
    return _MERGES.replace("COUNT", count).replace("BEST", best)


MERGES = Code(
    name="learn_merges",
    cases=(
        Case(
            "basic",
            Text("One pair is clearly the most frequent", "有一个词对明显最频繁"),
            1.0,
            inputs=(
                ({"lamps": 5, "lamb": 3, "damp": 4}, 2),
                ({"tent": 1, "rent": 7, "rents": 4}, 3),
                ({"ab": 1, "cd": 9, "cde": 1, "ba": 5}, 2),
            ),
            expect=Text(
                "In each round the pair with the largest sum of word counts, counted anew after each merge",
                "每一轮取词频之和最大的词对；每次合并之后重新计数",
            ),
            advice=Text(
                "Write the words as lists of letters, and count pairs of neighbours on paper for the first round.",
                "把每个词写成字母列表，先在纸上数出第一轮的相邻对。",
            ),
        ),
        Case(
            "ties",
            Text("Several pairs are equally frequent", "多个词对频率相同"),
            0.75,
            inputs=(({"zy": 2, "xw": 2, "ba": 2}, 2), ({"cab": 3}, 2)),
            expect=Text(
                "Of equally frequent pairs, the one that comes first in Python's order of tuples",
                "频率相同的词对中，取按 Python 元组顺序排在最前的一个",
            ),
            advice=Text(
                "min with a key of two parts orders by the first and then by the second; a minus sign turns the order.",
                "min 的 key 可以由两部分组成：先比第一部分，再比第二部分；负号可以反转顺序。",
            ),
        ),
        Case(
            "repeats",
            Text("The same letter several times in a row", "同一字母连续出现"),
            0.5,
            inputs=(({"aaaaa": 1}, 3), ({"zaaab": 4, "aa": 1}, 4)),
            expect=Text(
                "Merged from left to right without overlap: aaa and (a, a) give aa-a",
                "从左到右合并且不重叠：aaa 用 (a, a) 合并得到 aa-a",
            ),
            advice=Text("After a merge, go on behind both pieces, not behind the first.", "合并之后，从两个片段之后继续，而不是只跳过第一个。"),
        ),
        Case(
            "end",
            Text("No pair is left, no words, no merges", "没有可合并的词对、没有词、不合并"),
            0.25,
            inputs=(({"ab": 1, "c": 5}, 9), ({}, 3), ({"abc": 2}, 0)),
            expect=Text("A shorter or empty list", "较短的列表或空列表"),
            advice=Text("Ask, before you take the most frequent pair, whether there is any.", "取最频繁的词对之前，先判断是否还有词对。"),
        ),
        Case("random", Text("Random words", "随机的词"), 1.0, draw=_draw_counts, n=25, hidden=True),
        Case("odd", Text("Random words of few letters", "由少数字母组成的随机词"), 0.5, draw=_draw_repeats, n=40, hidden=True),
    ),
    hints=(
        Text(
            "Keep each word as a list of pieces, which begins as its letters. A round has two halves: count the pairs "
            "over all words, then rewrite all words.",
            "把每个词保存为片段列表，一开始就是它的字母。每一轮分两半：先对所有词数词对，再改写所有词。",
        ),
        Text(
            "A word that occurs five times counts five times: add counts[word] for each pair in it. zip(pieces, "
            "pieces[1:]) walks over neighbours.",
            "出现五次的词要算五次：词中每个词对加上 counts[word]。zip(pieces, pieces[1:]) 可以遍历相邻片段。",
        ),
        Text(
            "For rewriting, walk with an index: if the two pieces at i are the pair, append them glued and go on by "
            "two; else append one and go on by one.",
            "改写时用下标往前走：如果下标处的两个片段正是该词对，就追加拼接结果并前进两步；否则追加一个片段并前进一步。",
        ),
    ),
    wrong=(
        Wrong("types", _merges(count="1"), Text(
            "You count each word once, however often it occurs. A pair in a frequent word weighs as much as the word.",
            "你把每个词只数了一次，不管它出现多少次。词对的权重应等于所在词的出现次数。",
        )),
        Wrong("no_tie_rule", _merges(best="max(pairs, key=lambda pair: (pairs[pair], pair))"), Text(
            "Where pairs are equally frequent, you take the last in Python's order; the contract asks for the first.",
            "频率相同时，你取了 Python 顺序中最后的一个；约定要求取最前的一个。",
        )),
        Wrong("insertion_order", _merges(best="max(pairs, key=pairs.get)"), Text(
            "Where pairs are equally frequent, you take the one you met first, so that the order of the words decides. "
            "The contract states another rule.",
            "频率相同时，你取了最先遇到的一个，结果取决于词的顺序。约定里规定了另一条规则。",
        )),
        Wrong(
            "counted_once",
            "def learn_merges(counts, n_merges):\n    pairs = {}\n"
            "    for word, times in counts.items():\n        for pair in zip(word, word[1:]):\n"
            "            pairs[pair] = pairs.get(pair, 0) + times\n"
            "    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:n_merges]\n",
            Text(
                "You count the pairs of letters once and take the first few. After each merge the pieces are others, "
                "so the pairs have to be counted again.",
                "你只数了一次字母对，然后取前几个。每次合并之后片段都变了，所以要重新计数。",
            ),
        ),
        Wrong("least", _merges(best="min(pairs, key=lambda pair: (pairs[pair], pair))"), Text(
            "You merge the rarest pair. The most frequent one saves most tokens.",
            "你合并了最罕见的词对。合并最频繁的词对才最省词元。",
        )),
    ),
    seconds=4.0,
)  # fmt: skip

# -- longest_match ----------------------------------------------------------------------------------------------------


def _draw_match(generator: np.random.Generator) -> tuple:
    pieces = {_word(generator, 1, 3) for _ in range(int(generator.integers(2, 9)))}
    inside = {"##" + _word(generator, 1, 3) for _ in range(int(generator.integers(2, 9)))}
    return _word(generator, 1, 8), {*pieces, *inside, "a", "b", "##a", "##b", "##c"}


def _draw_match_odd(generator: np.random.Generator) -> tuple:
    """Small vocabularies: often nothing fits."""
    pieces = {_word(generator, 1, 2) for _ in range(3)} | {"##" + _word(generator, 1, 3) for _ in range(3)}
    return _word(generator, 0, 5), pieces


_MATCH = (
    "def longest_match(word, vocabulary):\n    pieces, start = [], 0\n    while start < len(word):\n"
    "        for end in ENDS:\n            piece = MARK + word[start:end]\n"
    "            if piece in vocabulary:\n                break\n"
    "        else:\n            FAIL\n"
    "        pieces.append(KEEP)\n        start = end\n    return pieces\n"
)


def _match(ends: str = "range(len(word), start, -1)", mark: str = "('##' if start else '')",
           fail: str = "return ['[UNK]']", keep: str = "piece") -> str:  # fmt: skip
    return _MATCH.replace("ENDS", ends).replace("MARK", mark).replace("FAIL", fail).replace("KEEP", keep)


MATCH = Code(
    name="longest_match",
    cases=(
        Case(
            "basic",
            Text("Words that the vocabulary can spell", "词表能拼出的词"),
            1.0,
            inputs=(
                ("toaster", {"t", "to", "toast", "##er", "##e", "##r", "##aster"}),
                ("lamps", {"lamp", "lam", "##s", "s", "##ps"}),
                ("mug", {"mug", "m", "##ug"}),
            ),
            expect=Text(
                "The longest piece each time, ## before all but the first", "每次取最长的片段；除第一个外都带 ##"
            ),
            advice=Text(
                "Try the ends from the last letter backwards; the first piece found is then the longest.",
                "从最后一个字母往前尝试结束位置；这样最先找到的就是最长的片段。",
            ),
        ),
        Case(
            "unknown",
            Text("No piece fits the rest", "剩余部分没有合适的片段"),
            0.75,
            inputs=(("mugz", {"mug", "##s"}), ("xmug", {"mug", "##mug", "m"}), ("lamp", set())),
            expect=Text("The unknown token alone, for the whole word", "整个词只得到一个未知词元"),
            advice=Text(
                "Pieces that were found before the failure are thrown away.", "失败之前找到的片段都要丢弃。"
            ),
        ),
        Case(
            "greedy",
            Text("A shorter piece would have saved the word", "较短的片段本可以拼出这个词"),
            0.25,
            inputs=(("abcd", {"abc", "ab", "##cd"}),),
            expect=Text("Unknown: the cut never looks back", "未知：切分从不回头"),
            advice=Text("Once a piece is taken it stays.", "片段一旦取定就不再更改。"),
        ),
        Case(
            "empty", Text("An empty word", "空词"), 0.25, inputs=(("", {"a"}),),
            expect=Text("No pieces", "没有片段"),
            advice=Text("The loop over the rest isn't entered at all.", "对剩余部分的循环根本不会进入。"),
        ),
        Case("random", Text("Random words", "随机的词"), 0.5, draw=_draw_match, n=40, hidden=True),
        Case("odd", Text("Random words, small vocabularies", "随机的词，小词表"), 0.25, draw=_draw_match_odd, n=60,
             hidden=True),
    ),
    hints=(
        Text(
            "Two places are enough: where the rest of the word begins, and where the piece that is tried ends.",
            "两个位置就够了：剩余部分从哪里开始，尝试的片段到哪里结束。",
        ),
        Text(
            "The mark belongs to the look-up: ask for \"##\" + letters wherever the rest doesn't begin at place 0.",
            "查词表时要带上标记：只要剩余部分不是从位置 0 开始，就查 \"##\" 加字母。",
        ),
        Text(
            "A for loop over ends with an else branch: the else runs when no end was found, and returns the unknown "
            "token.",
            "对结束位置用带 else 的 for 循环：没找到时执行 else，返回未知词元。",
        ),
    ),
    wrong=(
        Wrong("shortest", _match(ends="range(start + 1, len(word) + 1)"), Text(
            "You take the shortest piece that fits. Begin with the longest end and go backwards.",
            "你取了最短的片段。应从最远的结束位置开始往回试。",
        )),
        Wrong("no_mark", _match(mark="''"), Text(
            "You look up pieces inside a word without ##. In this vocabulary `s` begins a word and `##s` continues one.",
            "你查词内片段时没有带 ##。在这个词表里，`s` 是词首，`##s` 是接续。",
        )),
        Wrong("keeps_pieces", _match(fail="return [*pieces, '[UNK]']"), Text(
            "You keep the pieces found before the failure. The whole word becomes one unknown token.",
            "你保留了失败之前的片段。整个词应变成一个未知词元。",
        )),
        Wrong("letter_unknown", _match(fail="piece, end = '[UNK]', start + 1"), Text(
            "You replace the letter that doesn't fit and go on. WordPiece gives up the whole word.",
            "你只替换了不匹配的字母并继续。WordPiece 会放弃整个词。",
        )),
        Wrong("strips_mark", _match(keep="word[start:end]"), Text(
            "Your pieces lack the ##. The result holds them as the vocabulary writes them, or a model couldn't look "
            "them up.",
            "你的片段缺少 ##。结果要按词表中的写法给出，否则模型查不到。",
        )),
    ),
)  # fmt: skip

# -- best_cut ---------------------------------------------------------------------------------------------------------


def _draw_cut(generator: np.random.Generator) -> tuple:
    pieces = {"a", "b", "c"} | {_word(generator, 2, 4) for _ in range(int(generator.integers(2, 12)))}
    return _word(generator, 3, 10), {piece: _score(generator) for piece in sorted(pieces)}


def _draw_cut_odd(generator: np.random.Generator) -> tuple:
    """Pieces that often can't spell the word."""
    pieces = {_word(generator, 1, 3) for _ in range(4)}
    return _word(generator, 0, 5), {piece: _score(generator) for piece in sorted(pieces)}


def _score(generator: np.random.Generator) -> float:
    """On a grid, so that every order of adding gives the same sum."""
    return -float(generator.integers(1, 600)) / 64


def _agree_cut(expected: Any, got: Any, arguments: tuple) -> Text | None:
    """Any cut with the best sum is right."""
    word, scores = arguments
    if kind_of(got) != "list" or len(got) != 2 or kind_of(got[0]) != "list" or kind_of(got[1]) != "number":
        return Text("Return a tuple of two: a list of pieces, and a number.", "请返回两项的元组：片段列表和一个数。")
    pieces = list(got[0])
    if close()(float(expected[1]), got[1], arguments):
        return Text("The sum is another one.", "总和不对。")
    if pieces == list(expected[0]):
        return None
    if not expected[0]:
        return None if not pieces else Text("There should be no pieces.", "不应该有片段。")
    if not all(isinstance(piece, str) and piece in scores for piece in pieces) or "".join(pieces) != word:
        return Text("These are not pieces of `scores` that spell the word in order.", "这些不是按顺序拼出该词的 `scores` 片段。")
    if not math.isclose(sum(scores[piece] for piece in pieces), float(expected[1]), abs_tol=1e-9):
        return Text("The pieces don't have the sum you return.", "这些片段的总和与你返回的不一致。")
    return None


_CUT = (
    "def best_cut(word, scores):\n"
    "    best = [([], FIRST)] + [([], -math.inf)] * len(word)\n"
    "    for end in range(1, len(word) + 1):\n        for start in range(end):\n"
    "            pieces, total = best[start]\n            piece = word[start:end]\n"
    "            if piece in scores and total + scores[piece] > best[end][1]:\n"
    "                best[end] = ([*pieces, piece], total + scores[piece])\n"
)
_GREEDY = (
    "def best_cut(word, scores):\n    pieces, start = [], 0\n    while start < len(word):\n"
    "        fits = [end for end in range(start + 1, len(word) + 1) if word[start:end] in scores]\n"
    "        if not fits:\n            return [], -math.inf\n"
    "        end = PICK\n"
    "        pieces.append(word[start:end])\n        start = end\n"
    "    return pieces, sum((scores[piece] for piece in pieces), 0.0)\n"
)

CUT = Code(
    name="best_cut",
    agree=_agree_cut,
    cases=(
        Case(
            "basic",
            Text("The longest piece is not the best", "最长的片段不是最好的"),
            1.5,
            inputs=(
                ("abcab", {"a": -1.0, "b": -2.0, "c": -4.0, "abc": -9.0, "bc": -2.5, "ab": -2.5}),
                ("红色运动鞋", {"红色": -2.0, "红色运": -6.0, "运动": -2.0, "动鞋": -3.0, "鞋": -1.5, "运动鞋": -3.0,
                            "红": -5.0, "色": -5.0}),
                ("ccc", {"c": -3.0, "cc": -5.0}),
            ),
            expect=Text("The cut with the largest sum of log-probabilities", "对数概率之和最大的切分"),
            advice=Text(
                "List all cuts of the first input by hand and add up their scores.", "手工列出第一个输入的全部切分并求和。"
            ),
        ),
        Case(
            "no_cut",
            Text("The pieces can't spell the word", "片段拼不出这个词"),
            0.5,
            inputs=(("abx", {"a": -1.0, "b": -1.0, "ab": -1.5}), ("ab", {"abc": -1.0}), ("a", {})),
            expect=Text("No pieces, and minus infinity", "没有片段，总和为负无穷"),
            advice=Text("Start every b with -math.inf and let only pieces raise it.", "让每个 b 从 -math.inf 开始，只有片段能把它提高。"),
        ),
        Case(
            "late",
            Text("The best beginning leads nowhere", "最好的开头走不通"),
            0.5,
            inputs=(("abcd", {"abc": -0.5, "ab": -4.0, "cd": -4.0, "a": -3.0, "b": -3.0}),),
            expect=Text("The cut that reaches the end", "能到达词尾的切分"),
            advice=Text("Every place in the word keeps its own best sum.", "词中的每个位置都保留自己的最佳总和。"),
        ),
        Case(
            "empty", Text("An empty word", "空词"), 0.25, inputs=(("", {"a": -1.0}),),
            expect=Text("No pieces, and a sum of 0", "没有片段，总和为 0"),
            advice=Text("Nothing has been added: the sum of nothing is 0.", "什么都没加：空和为 0。"),
        ),
        Case("random", Text("Random words", "随机的词"), 0.75, draw=_draw_cut, n=40, hidden=True),
        Case("odd", Text("Random words that often have no cut", "常常无法切分的随机词"), 0.5, draw=_draw_cut_odd, n=60,
             hidden=True),
    ),
    hints=(
        Text(
            "Make a list with one entry per place in the word, 0 to n: the best cut of the letters before it, and its "
            "sum.",
            "为词中每个位置（0 到 n）准备一项：它之前的字母的最佳切分及其总和。",
        ),
        Text(
            "To fill the entry of an end, try all starts before it: the last piece is word[start:end], and what comes "
            "before it has been solved already.",
            "填某个结束位置时，尝试它之前的所有开始位置：最后一个片段是 word[start:end]，之前的部分已经解好。",
        ),
        Text(
            "Entry 0 is ([], 0.0), all others begin as ([], -math.inf); a candidate replaces an entry only if its sum "
            "is larger. Return the last entry.",
            "第 0 项是 ([], 0.0)，其余从 ([], -math.inf) 开始；只有总和更大时才替换。返回最后一项。",
        ),
    ),
    wrong=(
        Wrong("longest", _GREEDY.replace("PICK", "fits[-1]"), Text(
            "You take the longest piece from the left. A long, rare piece can cost more than two short, frequent ones.",
            "你从左取最长的片段。又长又罕见的片段可能比两个短而常见的更不划算。",
        )),
        Wrong("likeliest_first", _GREEDY.replace("PICK", "max(fits, key=lambda end: scores[word[start:end]])"), Text(
            "You take the most probable piece at each step. The best first piece may lead to a bad rest; compare whole "
            "cuts.",
            "你每一步都取概率最大的片段。最好的第一个片段可能导致很差的剩余；要比较整个切分。",
        )),
        Wrong("smallest_sum", _CUT.replace("FIRST", "0.0").replace("-math.inf", "math.inf").replace(
            "scores[piece] >", "scores[piece] <") + "    return best[len(word)]\n", Text(
            "You take the smallest sum. Log-probabilities are negative: the likeliest cut has the largest sum, nearest "
            "to 0.",
            "你取了最小的和。对数概率是负数：最可能的切分总和最大，最接近 0。",
        )),
        Wrong("zero_for_impossible", _CUT.replace("FIRST", "0.0")
              + "    return best[len(word)] if best[len(word)][0] else ([], 0.0)\n", Text(
            "A word that can't be spelled gets the sum 0 from you, the sum of a certainty. Impossible is minus infinity.",
            "拼不出的词你给了 0，那是必然事件的总和。不可能应为负无穷。",
        )),
        Wrong("mean", _CUT.replace("FIRST", "0.0") + "    pieces, total = best[len(word)]\n"
              "    return pieces, total / max(len(pieces), 1)\n", Text(
            "Your pieces are right, but you return the mean of their scores. The probability of a cut is a product, so "
            "its logarithm is a sum.",
            "片段是对的，但你返回了平均值。切分的概率是乘积，其对数是总和。",
        )),
    ),
)  # fmt: skip

QUESTIONS = (MERGES, MATCH, CUT)
