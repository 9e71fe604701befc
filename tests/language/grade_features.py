"""How answers to ``solutions/language/features.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-6, 1e-6)


def _array(*rows: tuple | float) -> np.ndarray:
    return np.array(rows, dtype=float)


# -- mean_pool_unit ---------------------------------------------------------------------------------------------------


def _draw_tokens(generator: np.random.Generator) -> tuple:
    """Some tokens, padding anywhere, junk under the padding."""
    l, d = int(generator.integers(2, 9)), int(generator.integers(2, 6))
    mask = (generator.random(l) < 0.6).astype(int)
    mask[int(generator.integers(l))] = 1
    return generator.normal(size=(l, d)) * 3 + 1, mask


MEAN_POOL = Code(
    name="mean_pool_unit",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Tokens and padding at the end", "词元在前，填充在后"),
            1.5,
            inputs=(
                (_array((2, 0), (4, 4), (6, 8), (50, -9)), np.array([1, 1, 1, 0])),
                (_array((1, 2, 2), (3, 0, -2), (7, 7, 7), (8, 8, 8)), np.array([1, 1, 0, 0])),
            ),
            expect=Text(
                "The mean of the rows whose mask is 1, divided by its length",
                "掩码为 1 的各行的均值，再除以它的长度",
            ),
            advice=Text(
                "By hand: cross out the padding, add up the other rows, divide by how many they are, then by the length.",
                "手算一遍：划掉填充行，把其余各行相加，除以行数，再除以长度。",
            ),
        ),
        Case(
            "nothing",
            Text("No token, or a mean of zero", "没有词元，或均值为零"),
            0.75,
            inputs=(
                (_array((3, 4), (5, 6)), np.array([0, 0])),
                (_array((1, -2), (-1, 2), (9, 9)), np.array([1, 1, 0])),
            ),
            expect=Text("Zeros, since there is no direction", "全零，因为没有方向"),
            advice=Text(
                "Two divisions can go wrong: by the number of tokens, and by the length. Look at both before dividing.",
                "有两处除法可能出错：除以词元个数，和除以长度。除之前都要检查。",
            ),
        ),
        Case("random", Text("Random texts, padding anywhere", "随机文本，填充位置不定"), 0.75, draw=_draw_tokens, n=30,
             hidden=True),
    ),
    hints=(
        Text(
            "A mask of 0 and 1 can be multiplied with the rows: mask[:, None] has the shape [l, 1].",
            "由 0 和 1 组成的掩码可以与各行相乘：mask[:, None] 的形状是 [l, 1]。",
        ),
        Text(
            "Divide the sum by mask.sum(), not by the number of rows. Then np.linalg.norm gives the length.",
            "总和要除以 mask.sum()，而不是行数。然后用 np.linalg.norm 求长度。",
        ),
    ),
    wrong=(
        Wrong(
            "padding_counted",
            "def mean_pool_unit(hidden, mask):\n"
            "    mean = hidden.mean(axis=0)\n"
            "    length = np.linalg.norm(mean)\n"
            "    return mean / length if length > 0 else mean\n",
            Text(
                "You take the mean of all rows. Padding is no part of the text: only rows whose mask is 1 count.",
                "你对所有行取了均值。填充不属于文本：只有掩码为 1 的行才算。",
            ),
        ),
        Wrong(
            "not_unit",
            "def mean_pool_unit(hidden, mask):\n"
            "    return (hidden * mask[:, None]).sum(axis=0) / max(mask.sum(), 1)\n",
            Text(
                "The mean is right, but it isn't of length 1. One more division is missing.",
                "均值是对的，但长度不是 1。还差一次除法。",
            ),
        ),
        Wrong(
            "sum_of_components",
            "def mean_pool_unit(hidden, mask):\n"
            "    mean = (hidden * mask[:, None]).sum(axis=0) / max(mask.sum(), 1)\n"
            "    total = np.abs(mean).sum()\n"
            "    return mean / total if total > 0 else mean\n",
            Text(
                "You divide by the sum of the components. The length is the root of the sum of their squares.",
                "你除以了各分量之和。长度是各分量平方和的平方根。",
            ),
        ),
        Wrong(
            "unit_before_mean",
            "def mean_pool_unit(hidden, mask):\n"
            "    rows = hidden / np.maximum(np.linalg.norm(hidden, axis=1, keepdims=True), 1e-12)\n"
            "    mean = (rows * mask[:, None]).sum(axis=0) / max(mask.sum(), 1)\n"
            "    length = np.linalg.norm(mean)\n"
            "    return mean / length if length > 0 else mean\n",
            Text(
                "You bring each token to length 1 before the mean. The tokens' lengths belong into the mean; only the "
                "result is normalised.",
                "你在取均值之前把每个词元都归一化了。词元的长度应该参与均值，只对结果归一化。",
            ),
        ),
        Wrong(
            "first_token",
            "def mean_pool_unit(hidden, mask):\n"
            "    length = np.linalg.norm(hidden[0])\n"
            "    return hidden[0] / length if length > 0 else hidden[0]\n",
            Text(
                "You take the first row alone. That is another way of pooling; the mean takes all tokens.",
                "你只取了第一行。那是另一种池化方式；均值池化要用所有词元。",
            ),
        ),
        Wrong(
            "unguarded",
            "def mean_pool_unit(hidden, mask):\n"
            "    with np.errstate(all='ignore'):\n"
            "        mean = (hidden * mask[:, None]).sum(axis=0) / mask.sum()\n"
            "        return mean / np.linalg.norm(mean)\n",
            Text(
                "All right but for texts without a direction: there 0 is divided by 0, and NaN spreads through every "
                "search. See the last point of the contract.",
                "只差没有方向的文本：那里 0 除以 0，NaN 会传遍整个搜索。请看约定的最后一条。",
            ),
        ),
    ),
)  # fmt: skip


# -- hard_negatives ---------------------------------------------------------------------------------------------------


def _draw_mining(generator: np.random.Generator) -> tuple:
    """Scores with ties, some positives among the highest."""
    n = int(generator.integers(4, 14))
    items = generator.integers(-4, 5, size=(n, 3)).astype(float)
    query = generator.integers(1, 4, size=3).astype(float)
    order = np.argsort(-(items @ query), kind="stable")
    known = {int(row) for row in order[: int(generator.integers(1, 4))]} if generator.random() < 0.8 else set()
    return query, items, known, int(generator.integers(1, 5)), int(generator.integers(0, 4))


_LINE = _array((0.1, 0), (0.9, 0), (0.5, 0), (0.8, 0), (0.7, 0), (0.3, 0))

MINING = Code(
    name="hard_negatives",
    cases=(
        Case(
            "basic",
            Text("Positives among the highest", "正样本排在前列"),
            1.5,
            inputs=(
                (_array(1, 0), _LINE, {1, 4}, 2, 1),
                (_array(2, 1), _array((1, 1), (0, 1), (1, 0), (2, 2), (-1, 0)), {3}, 2, 1),
            ),
            expect=Text(
                "Rows by falling score, without the known positives, after the first skip of those that are left",
                "按得分从高到低的行号，去掉已知正样本，再跳过剩下的前 skip 个",
            ),
            advice=Text(
                "Write down the scores, cross out the positives, cross out the first skip of the rest, take k.",
                "写出得分，划掉正样本，再划掉剩下的前 skip 个，取 k 个。",
            ),
        ),
        Case(
            "few",
            Text("Fewer left than wanted", "剩下的不够 k 个"),
            0.5,
            inputs=((_array(1, 0), _LINE, {0, 1, 2}, 5, 1), (_array(1, 0), _LINE[:2], {0}, 3, 4)),
            expect=Text("Those that are there; at worst an empty list", "有几个返回几个；最坏是空列表"),
            advice=Text(
                "A slice that reaches beyond the end of a list is no error.",
                "切片超出列表末尾不会报错。",
            ),
        ),
        Case(
            "ties",
            Text("Equal scores", "得分相同"),
            0.5,
            inputs=((_array(1, 1), _array((1, 2), (2, 1), (0, 3), (3, 0), (0, 0)), {1}, 2, 0),),
            expect=Text("Of equal scores the lower row comes first", "得分相同时行号小的在前"),
            advice=Text("Sort stably by the negative score.", "对负得分做稳定排序。"),
        ),
        Case("random", Text("Random catalogues", "随机商品目录"), 0.5, draw=_draw_mining, n=40, hidden=True),
    ),
    hints=(
        Text(
            "All scores at once: items @ query. np.argsort(-scores, kind=\"stable\") gives the rows, best first.",
            "一次算出全部得分：items @ query。np.argsort(-scores, kind=\"stable\") 给出从高到低的行号。",
        ),
        Text(
            "First remove the positives, then skip: the other order skips products that are gone anyway.",
            "先去掉正样本，再跳过：顺序反了，就会跳过本来就要去掉的商品。",
        ),
    ),
    wrong=(
        Wrong(
            "positives_kept",
            "def hard_negatives(query, items, positives, k, skip):\n"
            "    return [int(r) for r in np.argsort(-(items @ query), kind='stable')][skip:skip + k]\n",
            Text(
                "Known positives are among your negatives. A model would learn to push good products away.",
                "你的负样本里有已知的正样本。模型会学着把好商品推开。",
            ),
        ),
        Wrong(
            "skip_before_removing",
            "def hard_negatives(query, items, positives, k, skip):\n"
            "    order = [int(r) for r in np.argsort(-(items @ query), kind='stable')][skip:]\n"
            "    return [r for r in order if r not in positives][:k]\n",
            Text(
                "You skip first and remove the positives afterwards. The positives stand on top, so hardly anything "
                "is skipped that isn't removed anyway.",
                "你先跳过再去掉正样本。正样本本来就在最前面，跳过的大多是反正要去掉的。",
            ),
        ),
        Wrong(
            "skip_ignored",
            "def hard_negatives(query, items, positives, k, skip):\n"
            "    order = [int(r) for r in np.argsort(-(items @ query), kind='stable')]\n"
            "    return [r for r in order if r not in positives][:k]\n",
            Text(
                "You never skip. The highest of the unknown products are the likeliest to be good.",
                "你没有跳过任何商品。未知商品中得分最高的最有可能是好商品。",
            ),
        ),
        Wrong(
            "easiest",
            "def hard_negatives(query, items, positives, k, skip):\n"
            "    order = [int(r) for r in np.argsort(items @ query, kind='stable')]\n"
            "    return [r for r in order if r not in positives][skip:skip + k]\n",
            Text(
                "Your list begins with the lowest scores: these are the easiest negatives. Mind the sign.",
                "你的列表从最低得分开始：那是最容易的负样本。注意符号。",
            ),
        ),
        Wrong(
            "cut_before_removing",
            "def hard_negatives(query, items, positives, k, skip):\n"
            "    order = [int(r) for r in np.argsort(-(items @ query), kind='stable')][:skip + k]\n"
            "    return [r for r in order if r not in positives][skip:]\n",
            Text(
                "You cut the list before you remove the positives, so that too few are left.",
                "你在去掉正样本之前就截断了列表，所以剩下的太少。",
            ),
        ),
    ),
)  # fmt: skip


# -- truncate_unit ----------------------------------------------------------------------------------------------------


def _draw_vectors(generator: np.random.Generator) -> tuple:
    n, d = int(generator.integers(2, 7)), int(generator.integers(3, 8))
    vectors = generator.normal(size=(n, d))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, int(generator.integers(2, d))


TRUNCATE = Code(
    name="truncate_unit",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Unit vectors cut short", "截短单位向量"),
            1.0,
            inputs=(
                (_array((0.48, 0.36, 0.8), (0.8, 0.0, 0.6), (0.28, 0.96, 0.0)), 2),
                (_array((0.5, -0.5, 0.5, 0.5), (0.1, 0.7, -0.1, 0.7)), 3),
            ),
            expect=Text(
                "The first m components of each row, divided by the length of what is left of that row",
                "每行的前 m 个分量，除以该行剩下部分的长度",
            ),
            advice=Text(
                "Cut first, then compute the length of each row: np.linalg.norm(…, axis=1, keepdims=True).",
                "先截断，再算每行的长度：np.linalg.norm(…, axis=1, keepdims=True)。",
            ),
        ),
        Case(
            "zero",
            Text("A row without anything left", "截断后什么都不剩的行"),
            0.5,
            inputs=((_array((0, 0, 1), (0.6, 0.8, 0)), 2),),
            expect=Text("Zeros in that row, the others as usual", "该行为零，其余照常"),
            advice=Text("Divide by 1 where the length is 0: np.where helps.", "长度为 0 的地方除以 1：可以用 np.where。"),
        ),
        Case("random", Text("Random unit vectors", "随机单位向量"), 0.5, draw=_draw_vectors, n=30, hidden=True),
    ),
    hints=(
        Text("vectors[:, :m] keeps the first m columns.", "vectors[:, :m] 保留前 m 列。"),
        Text(
            "The length has to be that of the cut rows; the whole rows had length 1 already.",
            "长度要用截断后的行来算；完整的行长度本来就是 1。",
        ),
    ),
    wrong=(
        Wrong(
            "not_whole",
            "def truncate_unit(vectors, m):\n    return vectors[:, :m].copy()\n",
            Text(
                "You cut and leave it at that. The rows are shorter than 1 now, each by another amount, so products "
                "aren't cosines any more.",
                "你只截断了。现在各行的长度都小于 1，而且各不相同，乘积不再是余弦。",
            ),
        ),
        Wrong(
            "whole_length",
            "def truncate_unit(vectors, m):\n"
            "    length = np.linalg.norm(vectors, axis=0, keepdims=True)[:, :m]\n"
            "    return vectors[:, :m] / np.where(length > 0, length, 1)\n",
            Text(
                "You divide each column by its length. A vector is a row: each row has to get length 1.",
                "你按列除以长度。向量是行：每一行的长度要变成 1。",
            ),
        ),
        Wrong(
            "one_length_for_all",
            "def truncate_unit(vectors, m):\n"
            "    cut = vectors[:, :m]\n"
            "    return cut / np.linalg.norm(cut)\n",
            Text(
                "You divide all rows by one number, the length of the whole table. Each row has its own length.",
                "你用同一个数（整个表的长度）除所有行。每行有自己的长度。",
            ),
        ),
        Wrong(
            "last_components",
            "def truncate_unit(vectors, m):\n"
            "    cut = vectors[:, -m:]\n"
            "    length = np.linalg.norm(cut, axis=1, keepdims=True)\n"
            "    return cut / np.where(length > 0, length, 1)\n",
            Text(
                "You keep the last components. A Matryoshka model puts the most important first.",
                "你保留了最后几个分量。套娃模型把最重要的放在最前面。",
            ),
        ),
        Wrong(
            "unguarded",
            "def truncate_unit(vectors, m):\n"
            "    cut = vectors[:, :m]\n"
            "    with np.errstate(all='ignore'):\n"
            "        return cut / np.linalg.norm(cut, axis=1, keepdims=True)\n",
            Text(
                "All right but for rows of which nothing is left: 0 / 0 gives NaN there.",
                "只差截断后全为零的行：那里 0 / 0 得到 NaN。",
            ),
        ),
    ),
)  # fmt: skip

QUESTIONS = (MEAN_POOL, MINING, TRUNCATE)
