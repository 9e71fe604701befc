"""How answers to ``solutions/language/transformers.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

# -- masked_attention -------------------------------------------------------------------------------------------------


def _grid(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers on a grid, so that what is shown can be read."""
    return generator.integers(-12, 13, shape) / 4.0


def _attention(generator: np.random.Generator, rows: int, keys: int, width: int, out: int, large: float = 1.0) -> tuple:
    """A mask that allows at least one key to each query, and never all of them."""
    mask = generator.random((rows, keys)) < 0.6
    mask[:, 0], mask[:, -1] = True, False
    return (large * _grid(generator, rows, width), large * _grid(generator, keys, width), _grid(generator, keys, out),
            mask)  # fmt: skip


def _draw_attention(generator: np.random.Generator) -> tuple:
    rows, keys, width, out = (int(n) for n in generator.integers((1, 2, 2, 1), (7, 9, 9, 6)))
    return _attention(generator, rows, keys, width, out)


def _draw_attention_odd(generator: np.random.Generator) -> tuple:
    """Rows that may look nowhere, among large scores."""
    query, key, value, mask = _attention(generator, 4, int(generator.integers(2, 7)), 3, 2, large=12.0)
    mask[int(generator.integers(4))] = False
    return query, key, value, mask


_FIXED = np.random.default_rng(20)
_BLIND = _attention(_FIXED, 3, 4, 4, 2)
_BLIND[3][1] = False
_NOTHING = _attention(_FIXED, 2, 3, 4, 2)
_NOTHING[3][:] = False

_SCORES = "    scores = query @ key.T / math.sqrt(query.shape[1])\n"
_HEAD = "def masked_attention(query, key, value, mask):\n"
_STABLE = (
    "    highest = scores.max(axis=1, keepdims=True)\n"
    "    highest = np.where(np.isfinite(highest), highest, 0.0)\n"
    "    weights = np.exp(scores - highest)\n"
)
_RATIO = (
    "    total = weights.sum(axis=1, keepdims=True)\n"
    "    return (weights / np.where(total > 0, total, 1.0)) @ value\n"
)
_HIDE = "    scores = np.where(mask, scores, -np.inf)\n"

ATTENTION = Code(
    name="masked_attention",
    agree=close(1e-6, 1e-6),
    cases=(
        Case(
            "basic",
            Text("Each token may look at some others", "每个词元可以看到其中一些词元"),
            2.0,
            inputs=(_attention(_FIXED, 2, 3, 4, 1), _attention(_FIXED, 4, 5, 9, 3)),
            expect=Text(
                "Each row: the mean of the allowed values, weighted by the softmax of its allowed scores",
                "每一行：按允许的得分做 softmax，以此为权重对允许的值求平均",
            ),
            advice=Text(
                "Print the weights: each row must sum to 1, and be 0 exactly where the mask is False. If they do, look at "
                "the scores: what are they divided by?",
                "打印权重：每行之和应为 1，且恰好在掩码为 False 处为 0。如果都对，再看得分：除以了什么？",
            ),
        ),
        Case(
            "blind",
            Text("A token that may look at nothing", "什么都不能看的词元"),
            0.5,
            inputs=(_BLIND, _NOTHING),
            expect=Text("A row of zeros for it; the other rows as before", "该行全为零，其余各行不变"),
            advice=Text(
                "The sum of its weights is 0, and 0 / 0 is NaN. Divide by 1 instead where the sum is 0.",
                "它的权重之和为 0，而 0 / 0 得 NaN。和为 0 时改为除以 1。",
            ),
        ),
        Case(
            "large",
            Text("Scores of some thousands", "得分高达数千"),
            0.5,
            inputs=(_attention(_FIXED, 3, 4, 4, 2, large=40.0), _attention(_FIXED, 2, 6, 9, 2, large=60.0)),
            expect=Text("Finite numbers: the largest score of a row takes nearly all", "有限的数：每行最大的得分几乎占去全部权重"),
            advice=Text(
                "Subtract the largest allowed score of each row before np.exp; the weights stay the same.",
                "在 np.exp 之前，先减去每行允许的得分中最大的一个；权重不变。",
            ),
        ),
        Case("random", Text("Random shapes", "随机形状"), 0.5, draw=_draw_attention, n=30, hidden=True),
        Case("odd", Text("Random inputs with all of this", "包含上述各种情况的随机输入"), 0.5, draw=_draw_attention_odd,
             n=20, hidden=True),
    ),
    hints=(
        Text(
            "Four steps, each an array [l, m] or [l, e]: scores, the mask, weights, result. query @ key.T holds all "
            "products at once.",
            "四步，每一步得到 [l, m] 或 [l, e] 的数组：得分、掩码、权重、结果。query @ key.T 一次得到全部乘积。",
        ),
        Text(
            "Put −infinity where the mask is False: np.exp of it is 0, so that the key takes no part in the sum either.",
            "在掩码为 False 处放上负无穷：np.exp 后为 0，该键也不参与求和。",
        ),
        Text(
            "Sums and maxima of rows keep their column with keepdims=True. The maximum of a row of −infinity is "
            "−infinity: replace it by 0 before subtracting.",
            "按行求和、求最大值时用 keepdims=True 保留一列。全为负无穷的行，最大值也是负无穷：相减之前把它换成 0。",
        ),
    ),
    wrong=(
        Wrong(
            "not_scaled",
            _HEAD + "    scores = query @ key.T\n" + _HIDE + _STABLE + _RATIO,
            Text(
                "You don't divide the scores by √d. Long vectors have large products, and the softmax then listens to "
                "one token only.",
                "你没有把得分除以 √d。向量越长乘积越大，softmax 就会只听一个词元的。",
            ),
        ),
        Wrong(
            "scaled_by_d",
            _HEAD + "    scores = query @ key.T / query.shape[1]\n" + _HIDE + _STABLE + _RATIO,
            Text(
                "You divide by d. A sum of d random products grows with √d, and so does the divisor of the formula.",
                "你除以了 d。d 个随机乘积之和按 √d 增长，公式中的除数也是 √d。",
            ),
        ),
        Wrong(
            "mask_after_softmax",
            _HEAD + _SCORES + "    weights = np.exp(scores - scores.max(axis=1, keepdims=True))\n"
            "    weights = weights / weights.sum(axis=1, keepdims=True)\n    return (weights * mask) @ value\n",
            Text(
                "You set weights to 0 after the softmax, so that a row no longer sums to 1: what the hidden tokens took is "
                "lost. Hide them before.",
                "你在 softmax 之后才把权重置零，于是每行之和不再是 1：被遮住的词元拿走的部分丢失了。应在 softmax 之前遮住。",
            ),
        ),
        Wrong(
            "mask_by_zero",
            _HEAD + _SCORES + "    scores = np.where(mask, scores, 0.0)\n" + _STABLE + _RATIO,
            Text(
                "You put 0 where the mask is False. A score of 0 is an ordinary score: e⁰ = 1 takes part in the sum. "
                "Which number does np.exp turn into 0?",
                "你在掩码为 False 处放了 0。得分 0 只是普通的得分：e⁰ = 1 仍参与求和。np.exp 会把哪个数变成 0？",
            ),
        ),
        Wrong(
            "mask_turned_round",
            _HEAD + _SCORES + "    scores = np.where(mask, -np.inf, scores)\n" + _STABLE + _RATIO,
            Text(
                "Your mask is turned round: you hide what may be seen. True means: may look. (Some libraries mean the "
                "opposite, so look it up each time.)",
                "你的掩码反了：遮住了可以看的。True 表示可以看。（有些库的约定相反，每次都要查清楚。）",
            ),
        ),
        Wrong(
            "no_mask",
            _HEAD + _SCORES + _STABLE + _RATIO,
            Text(
                "You don't use the mask: every token looks at every other one.",
                "你没有用掩码：每个词元都看到了所有词元。",
            ),
        ),
        Wrong(
            "softmax_over_queries",
            _HEAD + _SCORES + _HIDE + "    highest = scores.max(axis=0, keepdims=True)\n"
            "    weights = np.exp(scores - np.where(np.isfinite(highest), highest, 0.0))\n"
            "    total = weights.sum(axis=0, keepdims=True)\n"
            "    return (weights / np.where(total > 0, total, 1.0)) @ value\n",
            Text(
                "Your columns sum to 1, not your rows. Each query shares its attention among the keys: sum along axis 1.",
                "你的各列之和为 1，而不是各行。每个查询把注意力分给各个键：应沿轴 1 求和。",
            ),
        ),
        Wrong(
            "nan_where_blind",
            _HEAD + _SCORES + _HIDE + "    with np.errstate(all='ignore'):\n"
            "        weights = np.exp(scores - scores.max(axis=1, keepdims=True))\n"
            "        return (weights / weights.sum(axis=1, keepdims=True)) @ value\n",
            Text(
                "All right but for a token that may look at nothing: there 0 is divided by 0. See the contract.",
                "只差一种情况：什么都不能看的词元，此时是 0 除以 0。请看约定。",
            ),
        ),
        Wrong(
            "overflow",
            _HEAD + _SCORES + "    with np.errstate(all='ignore'):\n        weights = np.exp(scores) * mask\n"
            "        total = weights.sum(axis=1, keepdims=True)\n"
            "        return (weights / np.where(total > 0, total, 1.0)) @ value\n",
            Text(
                "All right for small scores, but e¹⁰⁰⁰ is infinite. Subtract the largest score of each row first; "
                "the weights stay the same.",
                "得分小时没问题，但 e¹⁰⁰⁰ 是无穷大。先减去每行最大的得分，权重不变。",
            ),
        ),
    ),
)  # fmt: skip


# -- encoder_parameters -----------------------------------------------------------------------------------------------


def _draw_encoder(generator: np.random.Generator) -> tuple:
    heads = int(generator.integers(2, 9))
    width = heads * int(generator.integers(2, 17))
    return (int(generator.integers(20, 30_000)), width, int(generator.integers(1, 25)), heads,
            int(generator.integers(2, 5)) * width + 2, int(generator.integers(8, 600)))  # fmt: skip


_PARAMETERS = "def encoder_parameters(vocabulary, width, layers, heads, hidden, places):\n"
_GUARD = "    if width % heads:\n        raise ValueError('width')\n"


def _count(
    embeddings: str = "(vocabulary + places + 2) * width + 2 * width",
    attention: str = "4 * (width * width + width)",
    feed_forward: str = "2 * width * hidden + hidden + width",
    norms: str = "4 * width",
    total: str = "embeddings + layers * (attention + feed_forward + norms)",
    guard: str = _GUARD,
) -> str:
    """The source of an answer, in which one part may be a wrong one."""
    return (f"{_PARAMETERS}{guard}    embeddings = {embeddings}\n    attention = {attention}\n"
            f"    feed_forward = {feed_forward}\n    norms = {norms}\n    return {total}\n")  # fmt: skip


PARAMETERS = Code(
    name="encoder_parameters",
    cases=(
        Case(
            "basic",
            Text("Small encoders, and a real one", "小编码器，以及一个真实的编码器"),
            1.5,
            inputs=((11, 6, 1, 2, 10, 5), (30, 8, 3, 4, 20, 7), (30_522, 384, 6, 12, 1_536, 512)),
            expect=Text(
                "The sum of all parts of the formula, each block counted once for each layer",
                "公式各部分之和，每个块按层数计入",
            ),
            advice=Text(
                "Take the first input and compute the four parts by hand, as in the example; compare one by one. For "
                "MiniLM, the third one, about 22.6 million must come out.",
                "取第一个输入，像例子那样手算四个部分，逐项对照。第三个是 MiniLM，应得到约 2260 万。",
            ),
        ),
        Case(
            "none",
            Text("No block at all", "一个块也没有"),
            0.25,
            inputs=((12, 4, 0, 2, 8, 3), (50, 10, 0, 5, 20, 9)),
            expect=Text("Only the embeddings and their norm", "只有嵌入及其归一化"),
            advice=Text("What is multiplied by layers, and what is not?", "哪些要乘以层数，哪些不要？"),
        ),
        Case(
            "refused",
            Text("A width that the heads can't share", "宽度不能被头数整除"),
            0.5,
            inputs=((11, 6, 1, 4, 10, 5), (30, 5, 2, 2, 20, 7)),
            raises="ValueError",
            expect=Text("A ValueError: there is no such model", "ValueError：不存在这样的模型"),
            advice=Text("width % heads is what remains; if anything does, raise.", "width % heads 是余数；有余数就抛出异常。"),
        ),
        Case("random", Text("Random encoders", "随机编码器"), 0.75, draw=_draw_encoder, n=20, hidden=True),
    ),
    hints=(
        Text(
            "Give each part a line and a name: embeddings, attention, feed_forward, norms. Then add them up.",
            "每个部分写一行、起个名字：embeddings、attention、feed_forward、norms，最后相加。",
        ),
        Text(
            "Heads share the columns of the same matrices: twelve heads of 32 columns are as many parameters as one of 384.",
            "各个头分享同一组矩阵的列：12 个 32 列的头与 1 个 384 列的头参数一样多。",
        ),
        Text(
            "There are two norms in each block, and one more over the embeddings; each has 2 · width parameters.",
            "每个块有两个归一化，嵌入之后还有一个；每个有 2 · width 个参数。",
        ),
    ),
    wrong=(
        Wrong(
            "times_heads",
            _count(attention="heads * 4 * (width * width + width)"),
            Text(
                "You multiply attention by the number of heads. Heads share the columns of the same matrices; more heads "
                "are more and smaller attentions, not more parameters.",
                "你把注意力乘以了头数。各个头分享同一组矩阵的列；头多意味着更多更小的注意力，而不是更多参数。",
            ),
        ),
        Wrong(
            "no_output",
            _count(attention="3 * (width * width + width)"),
            Text(
                "You count three matrices of attention: queries, keys and values. A fourth one joins the heads.",
                "注意力你只数了三个矩阵：查询、键和值。还有第四个用来合并各个头。",
            ),
        ),
        Wrong(
            "no_bias",
            _count(attention="4 * width * width", feed_forward="2 * width * hidden"),
            Text(
                "You count the matrices alone. Each linear layer of this model has a bias, one number per output.",
                "你只数了矩阵。这个模型的每个线性层都有偏置，每个输出一个数。",
            ),
        ),
        Wrong(
            "no_places",
            _count(embeddings="(vocabulary + 2) * width + 2 * width"),
            Text(
                "The table of positions is missing: each of the places has a vector of its own.",
                "缺少位置表：每个位置都有自己的向量。",
            ),
        ),
        Wrong(
            "embeddings_without_norm",
            _count(embeddings="(vocabulary + places + 2) * width"),
            Text(
                "The norm over the embeddings is missing: 2 · width numbers, once.",
                "缺少嵌入之后的归一化：2 · width 个数，只有一次。",
            ),
        ),
        Wrong(
            "one_norm",
            _count(norms="2 * width"),
            Text(
                "You count one norm for each block. There are two: after attention and after the feed-forward network.",
                "每个块你只数了一个归一化。共有两个：注意力之后和前馈网络之后。",
            ),
        ),
        Wrong(
            "all_times_layers",
            _count(total="layers * (embeddings + attention + feed_forward + norms)"),
            Text(
                "You multiply the embeddings by the number of layers. They stand once, below the first block.",
                "你把嵌入也乘以了层数。嵌入只有一份，在第一个块之前。",
            ),
        ),
        Wrong(
            "unguarded",
            _count(guard=""),
            Text(
                "The count is right, but a width that the heads can't share must raise a ValueError.",
                "数目是对的，但宽度不能被头数整除时必须抛出 ValueError。",
            ),
        ),
    ),
)  # fmt: skip


# -- next_token_batch -------------------------------------------------------------------------------------------------


def _draw_batch(generator: np.random.Generator) -> tuple:
    lengths = generator.integers(2, 9, int(generator.integers(1, 6)))
    return [generator.integers(1, 50, n).tolist() for n in lengths], 0


def _draw_batch_odd(generator: np.random.Generator) -> tuple:
    """The id of padding also stands in the texts."""
    lengths = generator.integers(3, 8, int(generator.integers(2, 5)))
    return [[3, *generator.integers(3, 6, n - 1).tolist()] for n in lengths], 3


def _batch(
    longest: str = "max(len(text) for text in texts) - 1",
    inputs: str = "text[:-1]",
    targets: str = "text[1:]",
    fill: str = "-100",
    causal: str = "np.tril(np.ones((longest, longest), dtype=bool))",
    mask: str = "causal[None] & real[:, None, :]",
    n: str = "len(text) - 1",
) -> str:
    """The source of an answer, in which one part may be a wrong one."""
    return (
        "def next_token_batch(texts, pad):\n"
        f"    longest = {longest}\n"
        "    inputs = np.full((len(texts), longest), pad)\n"
        f"    targets = np.full((len(texts), longest), {fill})\n"
        "    real = np.zeros((len(texts), longest), dtype=bool)\n"
        "    for row, text in enumerate(texts):\n"
        f"        n = {n}\n"
        f"        inputs[row, :n] = {inputs}\n"
        f"        targets[row, :n] = {targets}\n"
        "        real[row, :n] = True\n"
        f"    causal = {causal}\n"
        f"    return inputs, targets, {mask}\n"
    )


BATCH = Code(
    name="next_token_batch",
    cases=(
        Case(
            "basic",
            Text("Texts of different lengths", "长度不同的文本"),
            2.0,
            inputs=(([[4, 9, 2, 6], [8, 3]], 0), ([[5, 7], [6, 1, 2], [3, 4, 8, 9, 2]], 0)),
            expect=Text(
                "inputs without the last tokens, targets without the first ones, and a mask that looks neither ahead nor at "
                "padding",
                "inputs 去掉最后一个词元，targets 去掉第一个词元，掩码既不看后面也不看填充",
            ),
            advice=Text(
                "Take one text alone and write down its three arrays by hand: below each input stands the token that comes "
                "next.",
                "只取一个文本，手写它的三个数组：每个输入下方是它后面的那个词元。",
            ),
        ),
        Case(
            "alone",
            Text("One text, or the shortest ones", "只有一个文本，或最短的文本"),
            0.5,
            inputs=(([[6, 2, 9]], 0), ([[4, 7]], 0), ([[4, 7], [7, 4]], 0)),
            expect=Text("No padding at all; two tokens make one question", "完全没有填充；两个词元只产生一个问题"),
            advice=Text("The arrays are one shorter than the longest text.", "数组比最长的文本少一个。"),
        ),
        Case(
            "pad",
            Text("The id of padding is also a real token", "填充的编号也是真实词元"),
            0.5,
            inputs=(([[5, 3, 5, 2], [5, 4]], 5), ([[7, 7, 7], [7, 7, 7, 7]], 7)),
            expect=Text(
                "Real tokens stay visible, and are asked for, whatever their id is",
                "真实词元无论编号是什么，都可以被看到，也要被预测",
            ),
            advice=Text(
                "Find padding by the length of each text, not by comparing ids.",
                "要按每个文本的长度来判断填充，而不是比较编号。",
            ),
        ),
        Case("random", Text("Random texts", "随机文本"), 0.5, draw=_draw_batch, n=30, hidden=True),
        Case("odd", Text("Random texts that hold the id of padding", "含有填充编号的随机文本"), 0.5,
             draw=_draw_batch_odd, n=20, hidden=True),
    ),
    hints=(
        Text(
            "Make three arrays of the right size first, filled with pad, −100 and False; then write each text over them.",
            "先建好三个大小正确的数组，分别填上 pad、−100 和 False，再把每个文本写进去。",
        ),
        Text(
            "np.tril(np.ones((l, l), dtype=bool)) holds True at and below the diagonal: j ≤ i.",
            "np.tril(np.ones((l, l), dtype=bool)) 在对角线及其下方为 True，即 j ≤ i。",
        ),
        Text(
            "real[b, j] says whether token j of text b is a token. causal[None] & real[:, None, :] joins both: padding "
            "hides whole columns.",
            "real[b, j] 表示文本 b 的第 j 个是不是真实词元。causal[None] & real[:, None, :] 把两者合在一起：填充遮住整列。",
        ),
    ),
    wrong=(
        Wrong(
            "not_shifted",
            _batch(targets="text[:-1]"),
            Text(
                "Your targets are the inputs: the model is asked for the token that it reads. Ask for the next one.",
                "你的 targets 就是 inputs：模型被问的是它正在读的词元。应当问下一个。",
            ),
        ),
        Wrong(
            "shifted_twice",
            _batch(targets="[*text[2:], -100]"),
            Text(
                "You shift by two places: below each input must stand the very next token.",
                "你移了两位：每个输入下方应是紧接着的那个词元。",
            ),
        ),
        Wrong(
            "no_causal_mask",
            _batch(mask="np.repeat(real[:, None, :], longest, axis=1)"),
            Text(
                "Your tokens see those that come later, and the answer is among them: the model will copy it. Only j ≤ i is "
                "allowed.",
                "你的词元看到了后面的词元，答案就在其中：模型会照抄。只允许 j ≤ i。",
            ),
        ),
        Wrong(
            "blind_to_itself",
            _batch(causal="np.tril(np.ones((longest, longest), dtype=bool), -1)"),
            Text(
                "Your tokens don't see themselves. The last token read is the best clue to the next: j = i is allowed.",
                "你的词元看不到自己。刚读到的词元是预测下一个的最好线索：允许 j = i。",
            ),
        ),
        Wrong(
            "looks_ahead",
            _batch(causal="np.triu(np.ones((longest, longest), dtype=bool))"),
            Text(
                "Your mask is turned round: tokens see those that come later, and not those before them.",
                "你的掩码反了：词元看到的是后面的，而不是前面的。",
            ),
        ),
        Wrong(
            "padding_seen",
            _batch(mask="np.repeat(causal[None], len(texts), axis=0)"),
            Text(
                "Your mask lets tokens look at padding. Hide the columns of padding as well.",
                "你的掩码允许看到填充。填充所在的列也要遮住。",
            ),
        ),
        Wrong(
            "padding_asked",
            _batch(fill="pad"),
            Text(
                "Your targets are filled up with pad: the model is trained to write padding. Use −100, which the loss "
                "passes over.",
                "你用 pad 填充了 targets：模型会学着输出填充。请用 −100，损失函数会跳过它。",
            ),
        ),
        Wrong(
            "by_value",
            _batch(mask="causal[None] & (inputs != pad)[:, None, :]"),
            Text(
                "You find padding by its id. A real token may have the same id, and then vanishes: go by the lengths.",
                "你按编号判断填充。真实词元可能有相同的编号，于是被遮住了：应按长度判断。",
            ),
        ),
    ),
)  # fmt: skip

QUESTIONS = (ATTENTION, PARAMETERS, BATCH)
