"""How answers to ``solutions/search/understanding.py`` are graded. The answers come from the master."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-9, 1e-9)


def _array(*rows: Any) -> np.ndarray:
    return np.array(rows, dtype=float)


# -- what_was_meant ---------------------------------------------------------------------------------------------------

_LETTERS = "abcdef"


def _draw_words(generator: np.random.Generator) -> tuple:
    """A typed word and its neighbours; every one of frequency, slips and the word itself wins now and then."""
    names = generator.permutation(["".join(c) for c in zip(_LETTERS, _LETTERS[::-1], _LETTERS)])[:5].tolist()
    slips = {name: int(generator.integers(1, 3)) for name in names[1:]} | {names[0]: 0}
    counts = {name: int(10 ** generator.uniform(0, 4)) for name in names[1:]}
    if generator.random() < 0.4:
        counts[names[0]] = int(10 ** generator.uniform(0, 3))
    return slips, counts, float(generator.choice([0.01, 0.05, 0.2])), 0.001



MEANT = Code(
    name="what_was_meant",
    cases=(
        Case(
            "basic",
            Text("Frequent, near, and both", "常见的、相近的，以及两者兼有的"),
            1.5,
            inputs=(
                ({"ketle": 0, "kettle": 1, "kettles": 2, "nettle": 2}, {"kettle": 40, "kettles": 500, "nettle": 900},
                 0.05, 0.001),
                ({"mug": 1, "rug": 1, "mvg": 0}, {"mug": 12, "rug": 30}, 0.05, 0.001),
                ({"lamps": 2, "lamp": 1, "lmap": 0}, {"lamps": 2000, "lamp": 60}, 0.05, 0.001),
            ),
            expect=Text(
                "The candidate with the largest product of its count and the chance of its slips",
                "次数与出错概率之积最大的候选",
            ),
            advice=Text(
                "Write down count · ε^slips for each candidate, as in the example, and see which is largest.",
                "像例子那样，对每个候选写出 次数 · ε^出错次数，看哪个最大。",
            ),
        ),
        Case(
            "itself",
            Text("The typed word may be right", "打出来的词可能就是对的"),
            0.5,
            inputs=(
                ({"biro": 0, "bird": 1}, {"biro": 9, "bird": 80}, 0.05, 0.001),
                ({"form": 0, "foam": 1}, {"foam": 1}, 0.001, 0.5),
            ),
            expect=Text("The typed word, where no slip is more probable than one", "当不出错更可能时，就是打出来的词"),
            advice=Text(
                "With 0 slips the factor is 1 − ε, and a word that isn't in counts has the count unseen.",
                "出错次数为 0 时因子是 1 − ε；不在 counts 里的词次数为 unseen。",
            ),
        ),
        Case(
            "ties",
            Text("Equally probable candidates", "概率相同的候选"),
            0.25,
            inputs=(({"rug": 1, "mug": 1, "zug": 0}, {"rug": 5, "mug": 5}, 0.1, 0.001),),
            expect=Text("The first by alphabet", "按字母顺序最前的一个"),
            advice=Text("Sort by (−value, word).", "按（−值, 词）排序。"),
        ),
        Case("random", Text("Random neighbours", "随机的相近词"), 0.75, draw=_draw_words, n=40, hidden=True),
    ),
    hints=(
        Text(
            "One number for each candidate: counts.get(word, unseen) times 1 − ε or ε to the power of its slips.",
            "每个候选一个数：counts.get(word, unseen) 乘以 1 − ε，或 ε 的出错次数次方。",
        ),
        Text(
            "min over the candidates with the key (−number, word) takes the largest number, and the first word of ties.",
            "以（−数, 词）为键取 min：数最大的，相同时取字母序最前的。",
        ),
    ),
    wrong=(
        Wrong(
            "frequency_alone",
            "def what_was_meant(slips, counts, error, unseen):\n"
            "    return min(slips, key=lambda w: (-counts.get(w, unseen), w))\n",
            Text(
                "You take the most frequent candidate, however far it is. Two slips are much rarer than one.",
                "你只取了最常见的候选，不管它离得多远。出错两次比一次少见得多。",
            ),
        ),
        Wrong(
            "nearest_alone",
            "def what_was_meant(slips, counts, error, unseen):\n"
            "    return min(slips, key=lambda w: (slips[w] or 9, -counts.get(w, unseen), w))\n",
            Text(
                "You take the nearest candidate and never the typed word itself. Distance and frequency are "
                "multiplied; neither comes first.",
                "你取了最近的候选，而且从不保留原词。距离与频率要相乘，谁也不优先。",
            ),
        ),
        Wrong(
            "one_factor",
            "def what_was_meant(slips, counts, error, unseen):\n"
            "    p = lambda w: counts.get(w, unseen) * (error if slips[w] else 1 - error)\n"
            "    return min(slips, key=lambda w: (-p(w), w))\n",
            Text(
                "You count one ε for any number of slips. Each slip has its own: ε to the power of the slips.",
                "无论出错几次，你都只乘了一个 ε。每次出错都要乘一次：ε 的出错次数次方。",
            ),
        ),
        Wrong(
            "never_stays",
            "def what_was_meant(slips, counts, error, unseen):\n"
            "    others = {w: s for w, s in slips.items() if s} or slips\n"
            "    return min(others, key=lambda w: (-counts.get(w, unseen) * error ** others[w], w))\n",
            Text(
                "The typed word is a candidate as well, with 0 slips. You always change it.",
                "打出来的词也是候选，出错次数为 0。你总是把它改掉。",
            ),
        ),
        Wrong(
            "unseen_is_zero",
            "def what_was_meant(slips, counts, error, unseen):\n"
            "    p = lambda w: counts.get(w, 0) * (error ** slips[w] if slips[w] else 1 - error)\n"
            "    return min(slips, key=lambda w: (-p(w), w))\n",
            Text(
                "A word that the texts don't have gets 0 from you, so it can never stay. It has the count unseen.",
                "文本里没有的词被你算成 0，所以永远留不下来。它的次数应为 unseen。",
            ),
        ),
        Wrong(
            "last_of_ties",
            "def what_was_meant(slips, counts, error, unseen):\n"
            "    p = lambda w: counts.get(w, unseen) * (error ** slips[w] if slips[w] else 1 - error)\n"
            "    return max(slips, key=lambda w: (p(w), w))\n",
            Text(
                "All right but for ties: of equally probable words you take the last by alphabet.",
                "只差并列的情况：概率相同时你取了字母序最后的词。",
            ),
        ),
    ),
)  # fmt: skip


# -- cut_words --------------------------------------------------------------------------------------------------------


def _same_value(expected: Any, got: Any, arguments: tuple) -> Text | None:
    """Another cut of the same probability is right as well."""
    text, counts = arguments
    if not isinstance(got, (list, tuple)) or not all(isinstance(piece, str) for piece in got):
        return _CLOSE(expected, got, arguments) or Text("the pieces must be texts", "各段应为文本")
    if "".join(got) != text or not all(got):
        return Text("the pieces joined don't give the text", "各段连起来不是原文")
    if any(len(piece) > 1 and piece not in counts for piece in got):
        return Text("a piece of several characters isn't in the dictionary", "有多字的段不在词典里")
    total = sum(counts.values())

    def value(cut: Any) -> float:
        return sum(math.log(counts.get(piece, 1) / total) for piece in cut)

    if math.isclose(value(expected), value(got), rel_tol=1e-9, abs_tol=1e-9):
        return None
    return Text("there is a more probable cut", "还有概率更大的切法")


def _draw_text(generator: np.random.Generator) -> tuple:
    """A dictionary of pieces of a text over few characters, and such a text."""
    characters = list("甲乙丙丁")
    text = "".join(generator.choice(characters, size=int(generator.integers(4, 14))).tolist())
    pieces = {}
    for _ in range(10):
        start = int(generator.integers(len(text) - 1))
        piece = text[start : start + int(generator.integers(1, 4))]
        pieces[piece] = int(generator.integers(2, 60))
    return text, pieces


_SHOES = {"运动": 30, "运动鞋": 4, "鞋": 25, "红色": 40, "女士": 20}

CUT = Code(
    name="cut_words",
    agree=_same_value,
    cases=(
        Case(
            "basic",
            Text("Words within words", "词中有词"),
            1.5,
            inputs=(
                ("女士红色运动鞋", _SHOES), ("和服装", {"和": 50, "和服": 5, "服装": 40}),
                ("研究生命", {"研究": 30, "研究生": 20, "生命": 25, "命": 3}),
            ),
            expect=Text(
                "The cut with the largest product of count / total, a lone unknown character counting 1",
                "使 次数 / 总数 之积最大的切法，未知的单字按 1 次算",
            ),
            advice=Text(
                "Begin at the end: the best value of the rest is known when a word in front of it is tried.",
                "从末尾开始：尝试前面一个词时，后面部分的最优值已经知道。",
            ),
        ),
        Case(
            "unknown",
            Text("Characters that the dictionary lacks; no text", "词典里没有的字；空文本"),
            0.5,
            inputs=(("大红色的", _SHOES), ("", _SHOES), ("猫", _SHOES)),
            expect=Text("Unknown characters stand alone; an empty text gives []", "未知字单独成段；空文本给出 []"),
            advice=Text("Give a single character the count 1 where the dictionary has none.", "词典里没有的单字，次数取 1。"),
        ),
        Case(
            "long",
            Text("A text of thirty characters", "三十个字的文本"),
            0.25,
            inputs=(("女士红色运动鞋运动" * 3 + "红色鞋", _SHOES),),
            expect=Text("The best cut, within the time", "在时限内给出最优切法"),
            advice=Text(
                "Keep the best value from each place on, and use it again.",
                "记住从每个位置开始的最优值，重复使用。",
            ),
        ),
        Case("random", Text("Random dictionaries", "随机词典"), 0.75, draw=_draw_text, n=30, hidden=True),
    ),
    hints=(
        Text(
            "best[i] holds the value and the words of text[i:]. best[len(text)] is (0, []); fill it from the right.",
            "best[i] 存放 text[i:] 的最优值和各词。best[len(text)] 是 (0, [])；从右往左填。",
        ),
        Text(
            "For each i try every end j up to the longest word: log(count / total) + best[j]. Keep the largest.",
            "对每个 i 尝试每个结尾 j（不超过最长的词）：log(次数 / 总数) + best[j]，取最大的。",
        ),
    ),
    wrong=(
        Wrong(
            "longest_first",
            "def cut_words(text, counts):\n"
            "    out, i = [], 0\n"
            "    while i < len(text):\n"
            "        j = next((j for j in range(len(text), i + 1, -1) if text[i:j] in counts), i + 1)\n"
            "        out.append(text[i:j])\n"
            "        i = j\n"
            "    return out\n",
            Text(
                "You take the longest word from the left. It can swallow the beginning of the next one, as the kimono of "
                "the task does.",
                "你从左边取最长的词。它可能吞掉下一个词的开头，比如 和服装 里的 和服。",
            ),
        ),
        Wrong(
            "single_characters",
            "def cut_words(text, counts):\n    return list(text)\n",
            Text(
                "You cut into single characters. That is always allowed and hardly ever the most probable.",
                "你切成了单字。这总是允许的，但几乎从不是概率最大的。",
            ),
        ),
        Wrong(
            "sum_of_counts",
            "def cut_words(text, counts):\n"
            "    best = {len(text): (0, [])}\n"
            "    for i in range(len(text) - 1, -1, -1):\n"
            "        best[i] = max((counts.get(text[i:j], 1) + best[j][0], [text[i:j], *best[j][1]])\n"
            "                      for j in range(i + 1, len(text) + 1) if j == i + 1 or text[i:j] in counts)\n"
            "    return best[0][1]\n",
            Text(
                "You add up counts. More pieces then mean more points; probabilities are multiplied, so add their "
                "logarithms.",
                "你把次数相加，段越多分越高。概率要相乘，所以应把对数相加。",
            ),
        ),
        Wrong(
            "fewest_words",
            "def cut_words(text, counts):\n"
            "    best = {len(text): (0, [])}\n"
            "    for i in range(len(text) - 1, -1, -1):\n"
            "        best[i] = min((1 + best[j][0], [text[i:j], *best[j][1]])\n"
            "                      for j in range(i + 1, len(text) + 1) if j == i + 1 or text[i:j] in counts)\n"
            "    return best[0][1]\n",
            Text(
                "You look for the fewest words. Two frequent words may be more probable than one rare one.",
                "你找的是词数最少的切法。两个常见词可能比一个罕见词更可能。",
            ),
        ),
        Wrong(
            "without_total",
            "def cut_words(text, counts):\n"
            "    best = {len(text): (0.0, [])}\n"
            "    for i in range(len(text) - 1, -1, -1):\n"
            "        best[i] = max((math.log(counts.get(text[i:j], 1)) + best[j][0], [text[i:j], *best[j][1]])\n"
            "                      for j in range(i + 1, len(text) + 1) if j == i + 1 or text[i:j] in counts)\n"
            "    return best[0][1]\n",
            Text(
                "You forget to divide by the total. Cuts have different numbers of words, so the total doesn't cancel.",
                "你忘了除以总数。各种切法的词数不同，总数不会抵消。",
            ),
        ),
    ),
)  # fmt: skip


# -- intent_of --------------------------------------------------------------------------------------------------------


def _draw_intent(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(2, 6))
    clicks = generator.integers(0, 20, size=n).astype(float) * (generator.random() < 0.9)
    said = generator.random(n) + 0.05
    return clicks, said / said.sum(), float(generator.choice([0.5, 5.0, 30.0]))


INTENT = Code(
    name="intent_of",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Few clicks, many clicks", "点击少，点击多"),
            1.0,
            inputs=(
                (_array(3, 0, 1), _array(0.2, 0.5, 0.3), 6.0), (_array(90, 10), _array(0.1, 0.9), 5.0),
                (_array(1, 0), _array(0.4, 0.6), 20.0),
            ),
            expect=Text("(clicks + m · what the words say) / (all clicks + m)", "（点击 + m · 词给出的概率）/（总点击 + m）"),
            advice=Text(
                "Add to each category's clicks m times its probability, then divide by the sum of all that.",
                "给每个类目的点击加上 m 乘它的概率，再除以总和。",
            ),
        ),
        Case(
            "none",
            Text("No click, no weight", "没有点击，没有权重"),
            0.5,
            inputs=((_array(0, 0), _array(0.3, 0.7), 5.0), (_array(0, 0), _array(0.25, 0.75), 0.0),
                    (_array(4, 1), _array(0.5, 0.5), 0.0)),
            expect=Text("What the words say where there is no click; the share of clicks where m is 0",
                        "没有点击时就是词给出的概率；m 为 0 时就是点击占比"),
            advice=Text("0 / 0 needs a case of its own.", "0 / 0 需要单独处理。"),
        ),
        Case("random", Text("Random clicks", "随机点击"), 0.5, draw=_draw_intent, n=30, hidden=True),
    ),
    hints=(
        Text("clicks + m * words_say is an array; its sum is the divisor.", "clicks + m * words_say 是一个数组；它的和就是除数。"),
        Text("Where both clicks.sum() and m are 0, return a copy of words_say.",
             "clicks.sum() 和 m 都为 0 时，返回 words_say 的副本。"),
    ),
    wrong=(
        Wrong(
            "clicks_alone",
            "def intent_of(clicks, words_say, m):\n"
            "    k = clicks.sum()\n"
            "    return clicks / k if k else words_say.copy()\n",
            Text(
                "You take the share of clicks as soon as there is one. A single click makes a category certain then.",
                "只要有点击你就只用点击占比。这样一次点击就让某个类目变得确定。",
            ),
        ),
        Wrong(
            "plus_m_each",
            "def intent_of(clicks, words_say, m):\n"
            "    smoothed = clicks + m\n"
            "    return smoothed / smoothed.sum() if smoothed.sum() else words_say.copy()\n",
            Text(
                "You add m to every category. It is to be shared out as the words say: m · p.",
                "你给每个类目都加了 m。它应当按词给出的概率分配：m · p。",
            ),
        ),
        Wrong(
            "even_mix",
            "def intent_of(clicks, words_say, m):\n"
            "    k = clicks.sum()\n"
            "    return (clicks / k + words_say) / 2 if k else words_say.copy()\n",
            Text(
                "You take the mean of both, however many clicks there are. Many clicks should weigh more than few.",
                "不管点击多少，你都取两者的平均。点击多时应当更有分量。",
            ),
        ),
        Wrong(
            "divided_by_k",
            "def intent_of(clicks, words_say, m):\n"
            "    k = clicks.sum()\n"
            "    return (clicks + m * words_say) / k if k else words_say.copy()\n",
            Text(
                "Your result doesn't sum to 1: the divisor is all clicks plus m.",
                "你的结果之和不为 1：除数应为总点击加 m。",
            ),
        ),
        Wrong(
            "unguarded",
            "def intent_of(clicks, words_say, m):\n"
            "    with np.errstate(all='ignore'):\n"
            "        return (clicks + m * words_say) / (clicks.sum() + m)\n",
            Text(
                "All right but for no clicks and m = 0: there 0 is divided by 0.",
                "只差没有点击且 m = 0 的情况：那里 0 除以 0。",
            ),
        ),
    ),
)  # fmt: skip


# -- choose_rewrite ---------------------------------------------------------------------------------------------------


def _draw_rewrites(generator: np.random.Generator) -> tuple:
    """Movements around the limit, equal rewards, some wishes lost."""
    n, c = int(generator.integers(1, 7)), int(generator.integers(2, 5))
    query = generator.dirichlet(np.ones(c))
    other = generator.dirichlet(np.ones(c) * 0.4, size=n)
    rewrites = query + generator.random((n, 1)) * (other - query)
    rewards = generator.integers(0, 5, size=n + 1) / 4.0
    return query, rewrites, rewards, generator.random(n) < 0.3, float(generator.choice([0.2, 0.35, 0.5]))


_NONE = np.zeros(2, dtype=bool)

CHOOSE = Code(
    name="choose_rewrite",
    cases=(
        Case(
            "basic",
            Text("Rewards within guardrails", "护栏之内的奖励"),
            1.5,
            inputs=(
                (_array(0.8, 0.2), _array((0.2, 0.8), (0.5, 0.5), (0.7, 0.3)), _array(0.1, 0.9, 0.6, 0.4),
                 np.array([False, False, False]), 0.4),
                (_array(0.6, 0.4), _array((0.6, 0.4), (0.5, 0.5)), _array(0.2, 1.0, 0.3), np.array([True, False]), 0.5),
                (_array(0.4, 0.3, 0.2, 0.1), _array((0.2, 0.1, 0.4, 0.3), (0.3, 0.3, 0.2, 0.2)), _array(0.0, 0.7, 0.5),
                 _NONE, 0.25),
                (_array(0.9, 0.1), _array((0.2, 0.8), (0.1, 0.9)), _array(0.0, 0.9, 0.8), _NONE, 0.5),
            ),
            expect=Text(
                "The number of the best rewrite that lost nothing and moved by at most most; 0 where none is worth more",
                "没有丢失需求、移动不超过 most 的最好改写的编号；没有更值的就是 0",
            ),
            advice=Text(
                "Compute moved for each rewrite by hand: half of the sum of absolute differences.",
                "手算每个改写的移动量：绝对差之和的一半。",
            ),
        ),
        Case(
            "stay",
            Text("Nothing to gain, or nothing to choose", "没有收益，或没有可选的"),
            0.5,
            inputs=(
                (_array(0.5, 0.5), _array((0.5, 0.5), (0.4, 0.6)), _array(0.7, 0.7, 0.6), _NONE, 0.5),
                (_array(0.5, 0.5), np.zeros((0, 2)), _array(0.0), np.zeros(0, dtype=bool), 0.5),
                (_array(0.5, 0.5), _array((0.5, 0.5), (0.4, 0.6)), _array(0.1, 0.7, 0.7), _NONE, 0.5),
            ),
            expect=Text("0 where nothing is worth more than the query; of equal rewrites the first",
                        "没有比原查询更值的就是 0；相同时取第一个"),
            advice=Text("More, not as much: an equal reward is no reason to change anything.",
                        "要更多，而不是一样多：奖励相同就没有理由改。"),
        ),
        Case(
            "limit",
            Text("Exactly at the limit", "恰好在界限上"),
            0.25,
            inputs=((_array(0.9, 0.1), _array((0.6, 0.4), (0.55, 0.45)), _array(0.0, 0.4, 0.9), _NONE, 0.3),),
            expect=Text("A movement of exactly most is allowed, and so is what rounding adds to it",
                        "移动量恰好等于 most 是允许的，舍入误差也算在内"),
            advice=Text("Compare with most + 1e-9.", "与 most + 1e-9 比较。"),
        ),
        Case("random", Text("Random rewrites", "随机改写"), 0.75, draw=_draw_rewrites, n=60, hidden=True),
    ),
    hints=(
        Text(
            "np.abs(rewrites - query).sum(axis=1) / 2 gives the movement of each rewrite.",
            "np.abs(rewrites - query).sum(axis=1) / 2 给出每个改写的移动量。",
        ),
        Text(
            "Set the rewards of what isn't allowed to −∞ in a copy; argmax then takes the first of the largest.",
            "在副本里把不允许的奖励设为 −∞；argmax 取最大者中的第一个。",
        ),
    ),
    wrong=(
        Wrong(
            "reward_alone",
            "def choose_rewrite(query, rewrites, rewards, lost, most):\n    return int(np.argmax(rewards))\n",
            Text(
                "You follow the reward alone. The best page of something else is not what was asked for.",
                "你只看奖励。别的商品的最好页面不是顾客要的。",
            ),
        ),
        Wrong(
            "wishes_ignored",
            "def choose_rewrite(query, rewrites, rewards, lost, most):\n"
            "    r = rewards.copy()\n"
            "    r[1:][np.abs(rewrites - query).sum(axis=1) / 2 > most + 1e-9] = -np.inf\n"
            "    return int(np.argmax(r))\n",
            Text(
                "You let a rewrite through that lost a wish: a brand or a colour that the customer named.",
                "你放过了丢失需求的改写：顾客说过的品牌或颜色没了。",
            ),
        ),
        Wrong(
            "not_halved",
            "def choose_rewrite(query, rewrites, rewards, lost, most):\n"
            "    r = rewards.copy()\n"
            "    r[1:][(np.abs(rewrites - query).sum(axis=1) > most + 1e-9) | lost] = -np.inf\n"
            "    return int(np.argmax(r))\n",
            Text(
                "You forget the half: what one category loses, another gains, and both are in the sum.",
                "你忘了乘二分之一：一个类目减少的，另一个增加，和里算了两次。",
            ),
        ),
        Wrong(
            "largest_difference",
            "def choose_rewrite(query, rewrites, rewards, lost, most):\n"
            "    r = rewards.copy()\n"
            "    if len(rewrites):\n"
            "        r[1:][(np.abs(rewrites - query).max(axis=1) > most + 1e-9) | lost] = -np.inf\n"
            "    return int(np.argmax(r))\n",
            Text(
                "You look at the largest difference alone. With several categories, small ones add up.",
                "你只看最大的差。类目多时，几个小差会累加。",
            ),
        ),
        Wrong(
            "off_by_one",
            "def choose_rewrite(query, rewrites, rewards, lost, most):\n"
            "    r = rewards.copy()\n"
            "    r[1:][(np.abs(rewrites - query).sum(axis=1) / 2 > most + 1e-9) | lost] = -np.inf\n"
            "    best = int(np.argmax(r))\n"
            "    return best - 1 if best else 0\n",
            Text(
                "You count rewrites from 0. The number 0 means the query itself; the first rewrite is 1.",
                "你从 0 开始给改写编号。0 表示原查询；第一个改写是 1。",
            ),
        ),
        Wrong(
            "as_much_is_enough",
            "def choose_rewrite(query, rewrites, rewards, lost, most):\n"
            "    ok = (np.abs(rewrites - query).sum(axis=1) / 2 <= most + 1e-9) & ~lost\n"
            "    good = [i + 1 for i in range(len(rewrites)) if ok[i] and rewards[i + 1] >= rewards[0]]\n"
            "    return max(good, key=lambda i: rewards[i]) if good else 0\n",
            Text(
                "You change the query for a reward that is no larger than its own. Where nothing is gained, leave it.",
                "奖励并不比原查询大，你也改了。没有收益就别动。",
            ),
        ),
    ),
)  # fmt: skip

QUESTIONS = (MEANT, CUT, INTENT, CHOOSE)
