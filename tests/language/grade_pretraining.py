"""How answers to ``solutions/language/pretraining.py`` are graded. The answers themselves come from the master."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.classroom.compare import close, kind_of
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_EQUAL = close()


def _as_list(value: Any) -> Any:
    """An array of numbers as a list, anything else as it is."""
    return value.tolist() if kind_of(value) == "array" and value.ndim == 1 and value.dtype.kind in "iub" else value


def _two_lists(first: Text, second: Text) -> Any:
    """Compares two lists of whole numbers, and says which of the two differs."""

    def agree(expected: Any, got: Any, arguments: tuple) -> Text | None:
        if kind_of(got) != "list" or len(got) != 2:
            return Text("a tuple of two lists was expected", "应当返回由两个列表组成的元组")
        for name, one, other in zip((first, second), expected, got):
            problem = _EQUAL(one, _as_list(other), arguments)
            if problem is not None:
                return Text("{name}: {problem}", "{name}：{problem}").format(name=name, problem=problem)
        return None

    return agree


# -- mask_rule --------------------------------------------------------------------------------------------------------


def _draw_mask(generator: np.random.Generator) -> tuple:
    """A padded text; draws on a grid, so that bounds are met exactly."""
    n = int(generator.integers(6, 40))
    special = [True, *(generator.random(n) < 0.15).tolist(), True]
    m = len(special)
    draw, fate = (np.round(generator.random(m), 2).tolist() for _ in range(2))
    ids, other = (generator.integers(low, low + 40, m).tolist() for low in (10, 60))
    return ids, special, draw, fate, other, 4, float(generator.choice([0.15, 0.4, 0.8]))


_MASK_HEAD = "def mask_rule(ids, special, draw, fate, replacement, mask_id, share):\n    seen, labels = [], []\n"
_MASK_LOOP = "    for x, fixed, u, f, r in zip(ids, special, draw, fate, replacement):\n"
_MASK_RULE = (
    "        if not chosen or 0.8 <= f < 0.9:\n            seen.append(x)\n"
    "        else:\n            seen.append(mask_id if f < 0.8 else r)\n"
)
_MASK_END = "    return seen, labels\n"

MASK = Code(
    name="mask_rule",
    cases=(
        Case(
            "basic",
            Text("Each of the three fates", "三种处理方式各出现一次"),
            1.0,
            inputs=(
                ([1, 11, 12, 13, 14, 2], [True, False, False, False, False, True], [0.5, 0.1, 0.12, 0.03, 0.7, 0.9],
                 [0.1, 0.2, 0.85, 0.97, 0.3, 0.2], [70, 71, 72, 73, 74, 75], 4, 0.15),
                ([1, 21, 22, 2], [True, False, False, True], [0.9, 0.3, 0.2, 0.6], [0.9, 0.95, 0.79, 0.1],
                 [80, 81, 82, 83], 5, 0.4),
            ),
            expect=Text(
                "Chosen tokens become [MASK] below 0.8, stay from 0.8 to 0.9, and are replaced from 0.9 on; their "
                "labels "
                "are the tokens that stood there",
                "被选中的词元：fate 小于 0.8 变成 [MASK]，0.8 到 0.9 保持不变，0.9 及以上换成随机词元；标签是原来的词元",
            ),
            advice=Text(
                "Take one place at a time: is it chosen? Then look at its fate, and only then.",
                "逐个位置处理：先看它是否被选中，选中了才看 fate。",
            ),
        ),
        Case(
            "special",
            Text("Special tokens with small draws", "特殊词元抽到很小的数"),
            0.5,
            inputs=(
                ([1, 31, 2, 0, 0], [True, False, True, True, True], [0.0, 0.05, 0.0, 0.01, 0.02],
                 [0.1, 0.1, 0.95, 0.5, 0.92], [90, 91, 92, 93, 94], 4, 0.15),
                ([1, 2], [True, True], [0.0, 0.0], [0.0, 0.99], [60, 61], 4, 0.9),
            ),
            expect=Text("Special tokens stay as they are, and nothing is asked there",
                        "特殊词元保持不变，那里也不提问"),
            advice=Text("Being special comes before every draw.", "先判断是不是特殊词元，再看抽到的数。"),
        ),
        Case(
            "bounds",
            Text("Draws that lie exactly on a bound; nothing to choose", "抽到的数恰好在边界上；没有可选的词元"),
            0.5,
            inputs=(
                ([51, 52, 53, 54], [False] * 4, [0.15, 0.1, 0.1, 0.1], [0.1, 0.8, 0.9, 0.0], [95, 96, 97, 98], 4, 0.15),
                ([51, 52], [False] * 2, [0.0, 0.0], [0.1, 0.9], [95, 96], 4, 0.0),
                ([], [], [], [], [], 4, 0.15),
            ),
            expect=Text("Chosen is strictly below the share; 0.8 stays, and 0.9 is replaced",
                        "严格小于 share 才算选中；0.8 保持不变，0.9 换成随机词元"),
            advice=Text("Compare with <, not with <=.", "用 < 比较，不要用 <=。"),
        ),
        Case("random", Text("Random texts", "随机文本"), 1.0, draw=_draw_mask, n=30, hidden=True),
    ),
    agree=_two_lists(Text("seen", "seen"), Text("labels", "labels")),
    hints=(
        Text("Go through the places with zip of the five lists, and append one number to seen and one to labels.",
             "用 zip 同时遍历五个列表，每个位置向 seen 和 labels 各添加一个数。"),
        Text("First the question whether the place is chosen; its label follows from that alone.",
             "先判断该位置是否被选中；标签只取决于这一点。"),
        Text(
            "What is seen: the token itself where the place isn't chosen or its fate lies from 0.8 to below 0.9; else "
            "mask_id "
            "below 0.8 and the replacement from 0.9.",
            "看到的内容：未选中，或 fate 在 0.8（含）到 0.9（不含）之间时，是原词元；否则 0.8 以下是 mask_id，0.9 及以上是替换词元。",
        ),
    ),
    wrong=(
        Wrong(
            "all_masked",
            _MASK_HEAD + _MASK_LOOP + "        chosen = not fixed and u < share\n"
            "        labels.append(x if chosen else -100)\n        seen.append(mask_id if chosen else x)\n" + _MASK_END,
            Text(
                "You hide every chosen token. A model trained so meets [MASK] in training and never again: look at "
                "fate.",
                "你把所有选中的词元都遮住了。这样训练出的模型只在训练时见过 [MASK]，以后再也见不到：请看 fate。",
            ),
        ),
        Wrong(
            "kept_and_random_swapped",
            _MASK_HEAD + _MASK_LOOP + "        chosen = not fixed and u < share\n"
            "        labels.append(x if chosen else -100)\n"
            "        if not chosen or f >= 0.9:\n            seen.append(x)\n"
            "        else:\n            seen.append(mask_id if f < 0.8 else r)\n" + _MASK_END,
            Text(
                "You replace from 0.8 to 0.9 and keep from 0.9 on. The shares are the same, but the rule says it the "
                "other "
                "way round.",
                "你在 0.8 到 0.9 之间替换，在 0.9 以上保留。比例相同，但规则正好相反。",
            ),
        ),
        Wrong(
            "labels_everywhere",
            _MASK_HEAD + _MASK_LOOP + "        chosen = not fixed and u < share\n        labels.append(x)\n"
            + _MASK_RULE + _MASK_END,
            Text(
                "Every place has its token as a label. Then the model is asked about tokens that it sees, which is "
                "easy "
                "and teaches nothing: −100 where nothing is chosen.",
                "你给每个位置都设了标签。这等于问模型它已经看到的词元，太容易，学不到东西：未选中的位置应为 −100。",
            ),
        ),
        Wrong(
            "labels_only_at_mask",
            _MASK_HEAD + _MASK_LOOP + "        chosen = not fixed and u < share\n"
            "        labels.append(x if chosen and f < 0.8 else -100)\n" + _MASK_RULE + _MASK_END,
            Text(
                "You ask only where [MASK] stands. Chosen tokens that stay or are replaced are asked too; that is "
                "what keeps the model from trusting every word it sees.",
                "你只在 [MASK] 处提问。保持不变和被替换的选中词元也要提问，这样模型才不会盲目相信看到的每个词。",
            ),
        ),
        Wrong(
            "labels_as_seen",
            _MASK_HEAD + _MASK_LOOP + "        chosen = not fixed and u < share\n" + _MASK_RULE
            + "        labels.append(seen[-1] if chosen else -100)\n" + _MASK_END,
            Text(
                "Your labels hold what the model sees, [MASK] included. The label is what stood there before.",
                "你的标签是模型看到的内容，连 [MASK] 也在内。标签应当是原来的词元。",
            ),
        ),
        Wrong(
            "special_chosen",
            _MASK_HEAD + _MASK_LOOP + "        chosen = u < share\n        labels.append(x if chosen else -100)\n"
            + _MASK_RULE + _MASK_END,
            Text(
                "Special tokens and padding get hidden too. Nobody needs a model that guesses where a text ends.",
                "特殊词元和填充也被你遮住了。没有人需要一个猜文本在哪里结束的模型。",
            ),
        ),
        Wrong(
            "bounds_included",
            _MASK_HEAD + _MASK_LOOP + "        chosen = not fixed and u <= share\n"
            "        labels.append(x if chosen else -100)\n"
            "        if not chosen or 0.8 < f <= 0.9:\n            seen.append(x)\n"
            "        else:\n            seen.append(mask_id if f <= 0.8 else r)\n" + _MASK_END,
            Text(
                "All right but for draws that lie exactly on a bound: chosen means below the share, and so on. With a "
                "share "
                "of 0 a draw of 0 must not be chosen.",
                "只差恰好落在边界上的数：选中是指严格小于 share，其余边界同理。share 为 0 时，抽到 0 也不算选中。",
            ),
        ),
    ),
)  # fmt: skip


# -- causal_perplexity ------------------------------------------------------------------------------------------------


def _draw_logits(generator: np.random.Generator) -> tuple:
    """Texts of different lengths, padded; the right token is a little likelier than others."""
    b, length, v = (int(generator.integers(low, high)) for low, high in ((2, 6), (4, 12), (3, 9)))
    labels = generator.integers(0, v, (b, length))
    logits = generator.normal(0, 1.5, (b, length, v))
    for row, end in enumerate(generator.integers(2, length + 1, b)):
        labels[row, end:] = -100
    return logits, labels


def _draw_large(generator: np.random.Generator) -> tuple:
    """Logits in the thousands, positive or negative."""
    logits, labels = _draw_logits(generator)
    return logits + float(generator.choice([-3000.0, 3000.0])), labels


def _draw_logits_with_holes(generator: np.random.Generator) -> tuple:
    """Places in the middle are not asked either, and sometimes nothing is."""
    logits, labels = _draw_logits(generator)
    labels[generator.random(labels.shape) < generator.choice([0.3, 1.0], p=[0.8, 0.2])] = -100
    return logits, labels


_BASIC_LOGITS = np.array([[[1.0, 0.0, 2.0], [0.5, 1.5, -1.0], [0.0, 0.25, 0.5], [2.0, 1.0, 0.0]],
                          [[0.0, 3.0, 1.0], [1.0, 0.0, 0.5], [0.25, 2.0, 1.0], [1.0, -1.0, 0.0]]])  # fmt: skip
_BASIC_LABELS = np.array([[0, 2, 1, 0], [1, 1, 2, 0]])
_PADDED_LABELS = np.array([[0, 2, 1, 0], [1, 1, -100, -100]])
_LOG_SUM = (
    "    z = z - z.max(axis=-1, keepdims=True)\n"
    "    logp = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))\n"
)
_PICK = (
    "    asked = y != -100\n"
    "    if not asked.any():\n        return math.nan\n"
    "    picked = np.take_along_axis(logp, np.where(asked, y, 0)[..., None], axis=-1)[..., 0]\n"
)
_PERPLEXITY = "def causal_perplexity(logits, labels):\n"
_SHIFT = "    z, y = logits[:, :-1], labels[:, 1:]\n"

PERPLEXITY = Code(
    name="causal_perplexity",
    cases=(
        Case(
            "basic",
            Text("Two full texts, and one with certain answers", "两段完整文本，以及一段答案确定的文本"),
            1.0,
            inputs=(
                (_BASIC_LOGITS, _BASIC_LABELS),
                (np.zeros((1, 3, 5)), np.array([[0, 4, 2]])),
                (_BASIC_LOGITS[:, ::-1] * 2, _BASIC_LABELS[::-1]),
            ),
            expect=Text(
                "The exponential of the mean of −log p, where the logits at a place are held against the label one "
                "place "
                "further on",
                "−log p 的均值再取指数；某位置的 logits 对应的是后一个位置的标签",
            ),
            advice=Text(
                "Logits without their last place, labels without their first: logits[:, :-1] and labels[:, 1:].",
                "logits 去掉最后一个位置，labels 去掉第一个位置：logits[:, :-1] 和 labels[:, 1:]。",
            ),
        ),
        Case(
            "padded",
            Text("Texts of different lengths", "长度不同的文本"),
            0.75,
            inputs=((_BASIC_LOGITS, _PADDED_LABELS), (_BASIC_LOGITS, np.array([[0, -100, 1, 0], [1, 1, 2, -100]]))),
            expect=Text("One mean over all places that are asked; a place with label −100 counts nowhere",
                        "对所有被提问的位置取一个均值；标签为 −100 的位置不参与计算"),
            advice=Text(
                "Make a mask asked = labels != −100 after the shift, and use it before you take the mean.",
                "移位之后再求掩码 asked = labels != −100，并在求均值之前使用它。",
            ),
        ),
        Case(
            "nothing",
            Text("Nothing is asked", "没有任何提问"),
            0.5,
            inputs=((_BASIC_LOGITS, np.array([[0, -100, -100, -100], [1, -100, -100, -100]])),
                    (np.zeros((2, 1, 3)), np.array([[1], [2]]))),
            expect=Text("“Not a number”: there was nothing to be surprised by", "“非数”（NaN）：没有可以惊讶的内容"),
            advice=Text("If no label is left after the shift, return math.nan.", "移位后若没有剩下标签，返回 math.nan。"),
        ),
        Case("large", Text("Logits in the thousands", "数值上千的 logits"), 0.75, draw=_draw_large, n=10, hidden=True),
        Case("random", Text("Random texts with gaps", "带空缺的随机文本"), 1.0, draw=_draw_logits_with_holes, n=25,
             hidden=True),
    ),
    agree=close(1e-6, 1e-6),
    hints=(
        Text("The model says the next token. So the last logits have no label, and the first label has no logits.",
             "模型预测的是下一个词元。所以最后一处 logits 没有标签，第一个标签没有 logits。"),
        Text(
            "−log p of the right token is log(sum(exp(z))) − z[right]. Subtract the largest z of the place first, so "
            "that exp "
            "can't overflow.",
            "正确词元的 −log p 等于 log(sum(exp(z))) − z[正确词元]。先减去该位置最大的 z，exp 就不会溢出。",
        ),
        Text(
            "With asked = following != −100, scores[asked] is a table of [n, v] and following[asked] a list of n "
            "labels; "
            "scores[np.arange(n), labels] picks one per row. Mean, then np.exp.",
            "令 asked = following != −100，则 scores[asked] 是 [n, v] 的表，following[asked] 是 n 个标签；"
            "scores[np.arange(n), labels] 每行取一个。先求均值，再 np.exp。",
        ),
    ),
    wrong=(
        Wrong(
            "no_shift",
            _PERPLEXITY + "    z, y = logits, labels\n" + _LOG_SUM + _PICK
            + "    return float(np.exp(-picked[asked].mean()))\n",
            Text(
                "You hold the logits of a place against the token of the same place. The model has just read that one; "
                "it "
                "is asked for the next.",
                "你用某位置的 logits 去对应同一位置的词元。模型刚刚读过它；要问的是下一个词元。",
            ),
        ),
        Wrong(
            "shift_the_wrong_way",
            _PERPLEXITY + "    z, y = logits[:, 1:], labels[:, :-1]\n" + _LOG_SUM + _PICK
            + "    return float(np.exp(-picked[asked].mean()))\n",
            Text(
                "You shift the wrong way: the logits are held against the token before. Which of the two loses its "
                "first place?",
                "移位方向反了：你让 logits 对应前一个词元。想一想，两者中哪个应去掉第一个位置？",
            ),
        ),
        Wrong(
            "ignored_counted",
            _PERPLEXITY + _SHIFT + _LOG_SUM + _PICK + "    return float(np.exp(-(picked * asked).sum() / y.size))\n",
            Text(
                "You divide by the number of all places, padding included. The more padding, the better your model "
                "looks.",
                "你除以了所有位置的个数，连填充也算在内。填充越多，模型看起来就越好。",
            ),
        ),
        Wrong(
            "padding_as_a_token",
            _PERPLEXITY + _SHIFT + _LOG_SUM
            + "    if not (y != -100).any():\n        return math.nan\n"
            "    picked = np.take_along_axis(logp, np.maximum(y, 0)[..., None], axis=-1)[..., 0]\n"
            "    return float(np.exp(-picked.mean()))\n",
            Text(
                "Places with label −100 take part in your mean. Nothing is asked there, so they count nowhere.",
                "标签为 −100 的位置也进入了你的均值。那里没有提问，不应计入。",
            ),
        ),
        Wrong(
            "mean_of_texts",
            _PERPLEXITY + _SHIFT + _LOG_SUM + _PICK
            + "    each = [-p[a].mean() for p, a in zip(picked, asked) if a.any()]\n"
            "    return float(np.exp(np.mean(each)))\n",
            Text(
                "You take a mean of the texts' means, so a token of a short text weighs more than one of a long text. "
                "All "
                "asked places count alike.",
                "你对每段文本的均值再取均值，短文本的词元因此比长文本的更重。所有被提问的位置应同等计入。",
            ),
        ),
        Wrong(
            "cross_entropy",
            _PERPLEXITY + _SHIFT + _LOG_SUM + _PICK + "    return float(-picked[asked].mean())\n",
            Text("That is the cross-entropy, in nats. Perplexity is its exponential.",
                 "这是以 nat 为单位的交叉熵。困惑度是它的指数。"),
        ),
        Wrong(
            "base_two",
            _PERPLEXITY + _SHIFT + _LOG_SUM + _PICK + "    return float(2 ** -picked[asked].mean())\n",
            Text(
                "You raise 2 to a number of nats. With natural logarithms the base is e; 2 belongs to bits (log2).",
                "你对以 nat 计的数取了 2 的幂。用自然对数时底数是 e；2 对应的是比特（log2）。",
            ),
        ),
        Wrong(
            "overflow",
            _PERPLEXITY + _SHIFT
            + "    asked = y != -100\n    if not asked.any():\n        return math.nan\n"
            "    z, y = z[asked], y[asked]\n"
            "    with np.errstate(all=\"ignore\"):\n"
            "        e = np.exp(z)\n"
            "        return float(np.exp(-np.log(e[np.arange(len(y)), y] / e.sum(axis=1)).mean()))\n",
            Text(
                "Right for small logits. np.exp of a large one is infinite, of a very negative one 0: subtract the "
                "largest logit of each place first.",
                "logits 较小时是对的。但很大的数取 np.exp 会变成无穷，很小的负数会变成 0：请先减去每个位置最大的 logit。",
            ),
        ),
    ),
)  # fmt: skip


# -- corrupt_spans ----------------------------------------------------------------------------------------------------


def _draw_spans(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(4, 30))
    hidden = (generator.random(n) < generator.choice([0.15, 0.4, 0.7])).tolist()
    return generator.integers(5, 80, n).tolist(), hidden, list(range(100, 132))


_SPANS_HEAD = (
    "def corrupt_spans(ids, hidden, sentinels):\n"
    "    source, target, used, before = [], [], 0, False\n"
    "    for token, gone in zip(ids, hidden):\n"
)
_SPANS_BODY = (
    "        if gone and not before:\n"
    "            source.append(sentinels[used])\n            target.append(sentinels[used])\n            used += 1\n"
    "        (target if gone else source).append(token)\n        before = gone\n"
)
_SPANS_END = "    return source, target + [sentinels[used]]\n"

SPANS = Code(
    name="corrupt_spans",
    cases=(
        Case(
            "basic",
            Text("Two runs inside a text", "文本中间有两段被遮住"),
            1.0,
            inputs=(
                ([11, 12, 13, 14, 15, 16, 17], [False, True, True, False, True, False, False], [70, 71, 72, 73]),
                ([21, 22, 23, 24, 25, 26], [False, True, False, True, True, False], [80, 81, 82, 83, 84]),
            ),
            expect=Text(
                "Each run becomes one sentinel in the input; the target holds each sentinel, its run, and one last "
                "sentinel",
                "每段连续被遮的词元在输入中变成一个哨兵；目标依次是每个哨兵及其对应的词元，最后再加一个哨兵",
            ),
            advice=Text(
                "A new sentinel is due where a token is hidden and the one before it is not.",
                "当一个词元被遮住而它前一个没有被遮住时，才需要新的哨兵。",
            ),
        ),
        Case(
            "ends",
            Text("Runs at the beginning and at the end", "开头和结尾处被遮住"),
            0.5,
            inputs=(
                ([31, 32, 33, 34, 35], [True, True, False, False, True], [60, 61, 62, 63]),
                ([41, 42], [True, True], [60, 61]),
            ),
            expect=Text("A run may begin with the first token and end with the last", "一段可以从第一个词元开始，到最后一个结束"),
            advice=Text("Before the first token stands nothing, so nothing hidden.", "第一个词元之前什么都没有，因此也没有被遮住的。"),
        ),
        Case(
            "nothing",
            Text("Nothing is hidden, and no text at all", "什么都没遮住，以及空文本"),
            0.5,
            inputs=(([51, 52, 53], [False] * 3, [60, 61]), ([], [], [65, 66])),
            expect=Text("The text as it is, and the first sentinel alone", "文本保持原样，目标只有第一个哨兵"),
            advice=Text("The last sentinel stands in every target.", "每个目标的末尾都有一个哨兵。"),
        ),
        Case("random", Text("Random texts", "随机文本"), 1.0, draw=_draw_spans, n=30, hidden=True),
    ),
    agree=_two_lists(Text("source", "source"), Text("target", "target")),
    hints=(
        Text("Go through the tokens once, and remember whether the one before was hidden.",
             "从头到尾遍历一次词元，并记住前一个是否被遮住。"),
        Text("A hidden token goes into the target, any other into the source. At the first token of a run, both get "
             "the sentinel before that.",
             "被遮住的词元放进 target，其余放进 source。每段的第一个词元之前，两边都先放入哨兵。"),
        Text("Count the sentinels that are used. When the loop is done, the next one ends the target.",
             "数一数用掉了几个哨兵。循环结束后，下一个哨兵就是 target 的结尾。"),
    ),
    wrong=(
        Wrong(
            "sentinel_per_token",
            _SPANS_HEAD
            + "        if gone:\n            source.append(sentinels[used])\n"
            "            target += [sentinels[used], token]\n            used += 1\n"
            "        else:\n            source.append(token)\n"
            + _SPANS_END.replace("[used]", "[min(used, len(sentinels) - 1)]"),
            Text(
                "Each hidden token gets a sentinel of its own. Hidden neighbours are one run and share one; that is "
                "what "
                "makes input and target short.",
                "你给每个被遮的词元都用了一个哨兵。相邻被遮的词元是同一段，共用一个哨兵，输入和目标因此才短。",
            ),
        ),
        Wrong(
            "no_last_sentinel",
            _SPANS_HEAD + _SPANS_BODY + "    return source, target\n",
            Text(
                "The last sentinel is missing, which says that nothing more comes. Without it a model never learns to "
                "stop.",
                "缺少最后一个表示“到此为止”的哨兵。没有它，模型学不会停下来。",
            ),
        ),
        Wrong(
            "same_sentinel",
            _SPANS_HEAD + _SPANS_BODY.replace("sentinels[used]", "sentinels[0]") + _SPANS_END,
            Text(
                "All holes carry the first sentinel. Then nobody can say which part of the target belongs into which "
                "hole.",
                "所有空缺都用了第一个哨兵，这样就无法知道目标的哪一部分属于哪个空缺。",
            ),
        ),
        Wrong(
            "whole_text_as_target",
            _SPANS_HEAD + _SPANS_BODY + "    return source, list(ids)\n",
            Text(
                "Your target is the whole text. That is another objective (BART's); a T5 writes only what was hidden, "
                "behind its sentinels.",
                "你的目标是整段文本。那是另一种目标（BART）；T5 只写出被遮住的部分，前面带上哨兵。",
            ),
        ),
        Wrong(
            "last_repeated",
            _SPANS_HEAD + _SPANS_BODY + "    return source, target + [sentinels[max(0, used - 1)]]\n",
            Text(
                "The target ends with a sentinel that was used already. It ends with the next one.",
                "目标以一个已经用过的哨兵结尾。应当用下一个。",
            ),
        ),
        Wrong(
            "turned_round",
            _SPANS_HEAD + _SPANS_BODY.replace("if gone and", "if not gone and")
            .replace("target if gone", "source if gone").replace("before = gone", "before = not gone") + _SPANS_END,
            Text(
                "You cut out what should stay, and keep what is hidden. A hidden token stands in the target.",
                "你剪掉了该保留的，留下了被遮住的。被遮住的词元应当在 target 中。",
            ),
        ),
    ),
)  # fmt: skip


QUESTIONS = (MASK, PERPLEXITY, SPANS)
