"""How answers to ``solutions/recommend/neural.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-6, 1e-6)


def _array(*rows: tuple | float) -> np.ndarray:
    return np.array(rows, dtype=float)


# -- corrected_softmax ------------------------------------------------------------------------------------------------


def _draw_batch(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(3, 8))
    q = generator.dirichlet(np.ones(5)) * 0.9 + 0.02
    return generator.normal(0, 2, (n, n)), generator.integers(5, size=n), q


_Q = _array(0.8, 0.2, 0.5)
_S = _array((1.0, 0.5, -0.5), (0.0, 2.0, 0.3), (-1.0, 0.4, 0.6))

SOFTMAX = Code(
    name="corrected_softmax",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Different items", "不同的商品"),
            1.0,
            inputs=((np.zeros((2, 2)), np.array([0, 1]), _Q), (_S, np.array([0, 1, 2]), _Q), (_S, np.array([2, 0, 1]), _Q)),
            expect=Text("The mean over the pairs of −log of the pair's own corrected share", "对各样本取自身修正后份额的 −log，再求平均"),
            advice=Text("Subtract log q of each column's item first, then take the softmax of each row.", "先从每一列减去该商品的 log q，再对每一行做 softmax。"),
        ),
        Case(
            "repeats",
            Text("An item twice in the batch, large scores", "同一商品在批次中出现两次、很大的分数"),
            1.0,
            inputs=(
                (_S, np.array([0, 1, 0]), _Q),
                (_S, np.array([1, 1, 1]), _Q),
                (_S * 400, np.array([0, 1, 2]), _Q),
            ),
            expect=Text("Other pairs with the same item are left out; the result is finite", "商品相同的其他样本不参与；结果有限"),
            advice=Text("Subtract the largest number of a row before exp; and count a pair's own item once.", "在 exp 之前减去该行的最大值；自身的商品只算一次。"),
        ),
        Case("random", Text("Random batches", "随机批次"), 1.0, draw=_draw_batch, n=30, hidden=True),
    ),
    hints=(
        Text("Row k: the columns j with items[j] != items[k], and column k itself.", "第 k 行：满足 items[j] != items[k] 的列 j，以及第 k 列自身。"),
        Text("log Σ exp(x) = max + log Σ exp(x − max).", "先减去最大值：log Σ exp(x) = max + log Σ exp(x − max)。"),
    ),
    wrong=(
        Wrong(
            "no_correction",
            "def corrected_softmax(scores, items, q):\n"
            "    out = []\n"
            "    for k in range(len(items)):\n"
            "        x = np.where((items == items[k]) & (np.arange(len(items)) != k), -np.inf, scores[k])\n"
            "        out.append(x.max() + np.log(np.exp(x - x.max()).sum()) - x[k])\n"
            "    return float(np.mean(out))\n",
            Text("log q is missing: popular items are pushed down as often as they are drawn.", "缺少 log q：热门商品被抽到多少次就被压低多少次。"),
        ),
        Wrong(
            "added_not_subtracted",
            "def corrected_softmax(scores, items, q):\n"
            "    s, out = scores + np.log(q[items]), []\n"
            "    for k in range(len(items)):\n"
            "        x = np.where((items == items[k]) & (np.arange(len(items)) != k), -np.inf, s[k])\n"
            "        out.append(x.max() + np.log(np.exp(x - x.max()).sum()) - x[k])\n"
            "    return float(np.mean(out))\n",
            Text("You add log q. It has to be subtracted, so that what is drawn often counts less each time.", "你加上了 log q。应当减去它，常被抽到的每次才算得少。"),
        ),
        Wrong(
            "repeats_kept",
            "def corrected_softmax(scores, items, q):\n"
            "    s = scores - np.log(q[items])\n"
            "    top = s.max(axis=1, keepdims=True)\n"
            "    return float((top[:, 0] + np.log(np.exp(s - top).sum(axis=1)) - np.diag(s)).mean())\n",
            Text("A pair whose item is the right one stands among the wrong answers. Leave it out.", "商品相同的样本被当成了错误答案。应把它去掉。"),
        ),
        Wrong(
            "overflow",
            "def corrected_softmax(scores, items, q):\n"
            "    e, out = np.exp(scores - np.log(q[items])), []\n"
            "    for k in range(len(items)):\n"
            "        keep = (items != items[k]) | (np.arange(len(items)) == k)\n"
            "        out.append(-np.log(e[k, k] / e[k][keep].sum()))\n"
            "    return float(np.mean(out))\n",
            Text("Large scores overflow in exp. Subtract the row's largest number first.", "分数很大时 exp 会溢出。先减去该行的最大值。"),
        ),
    ),
)  # fmt: skip


# -- read_history -----------------------------------------------------------------------------------------------------


def _draw_history(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(4, 9))
    history = [int(i) for i in generator.integers(n, size=int(generator.integers(2, 8)))]
    target = history[0] if generator.random() < 0.7 else -1
    return history, target, generator.normal(size=(n, 3))


_V = _array((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, -1.0))

HISTORY = Code(
    name="read_history",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("With and without a target", "有目标与没有目标"),
            1.0,
            inputs=(([0, 2, 1], 1, _V), ([0, 3], -1, _V), ([3, 1, 2], 3, _V)),
            expect=Text("The mean of the history's vectors, the target's left out", "历史中商品向量的平均，不含目标"),
            advice=Text("Take the target out of the history first, then average what is left.", "先把目标从历史中去掉，再对剩下的求平均。"),
        ),
        Case(
            "edges",
            Text("Repeats, and nothing left", "重复的商品、什么都不剩"),
            1.0,
            inputs=(([0, 2, 2, 2, 1], 1, _V), ([3, 3, 0], 0, _V), ([2, 2], 2, _V), ([], -1, _V)),
            expect=Text("Each item once; zeros where none is left", "每件商品只算一次；不剩时为零向量"),
            advice=Text("Use a set of items; and look at what happens when it is empty.", "用商品的集合；并注意集合为空时的情况。"),
        ),
        Case("random", Text("Random histories", "随机历史"), 1.0, draw=_draw_history, n=40, hidden=True),
    ),
    hints=(
        Text("set(history) holds each item once.", "set(history) 中每件商品只出现一次。"),
        Text("The mean of no rows is NaN: return zeros there.", "没有行时平均值是 NaN：此时返回零。"),
    ),
    wrong=(
        Wrong(
            "target_left_in",
            "def read_history(history, target, vectors):\n"
            "    kept = sorted(set(history))\n"
            "    return vectors[kept].mean(axis=0) if kept else np.zeros(vectors.shape[1])\n",
            Text("The target is still in what the tower reads, so that it only has to copy it.", "目标仍在塔读到的内容里，模型只需照抄。"),
        ),
        Wrong(
            "repeats_count",
            "def read_history(history, target, vectors):\n"
            "    kept = [i for i in history if i != target]\n"
            "    return vectors[kept].mean(axis=0) if kept else np.zeros(vectors.shape[1])\n",
            Text("An item that was bought twice counts twice. Here each item counts once.", "买过两次的商品算了两次。这里每件只算一次。"),
        ),
        Wrong(
            "divided_by_all",
            "def read_history(history, target, vectors):\n"
            "    kept = sorted(set(history) - {target})\n"
            "    return vectors[kept].sum(axis=0) / max(1, len(set(history))) if kept else np.zeros(vectors.shape[1])\n",
            Text("You divide by the number with the target. One less has been added up.", "你除以的数目包含目标。实际相加的少了一个。"),
        ),
        Wrong(
            "sum_for_mean",
            "def read_history(history, target, vectors):\n"
            "    kept = sorted(set(history) - {target})\n"
            "    return vectors[kept].sum(axis=0) if kept else np.zeros(vectors.shape[1])\n",
            Text("That is the sum: long histories would give long vectors. Divide by how many there are.", "这是求和：历史越长向量越长。要除以个数。"),
        ),
    ),
)  # fmt: skip


# -- serve_unseen -----------------------------------------------------------------------------------------------------


def _draw_user(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(6, 14))
    seen = [int(i) for i in generator.choice(n, int(generator.integers(0, 5)), replace=False)]
    return generator.normal(size=3), generator.normal(size=(n, 3)), generator.normal(0, 1.5, n), seen, int(generator.integers(1, 6))


_U, _B = _array(1.0, 0.2), _array(0.0, 0.5, -2.0, 0.1)

SERVE = Code(
    name="serve_unseen",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Some seen", "看过一部分"),
            1.0,
            inputs=((_U, _V, _B, [0], 2), (_U, _V, _B, [3], 2), (_U, _V, _B, [3, 0], 1)),
            expect=Text("The k best by score that aren't in seen", "不在 seen 中得分最高的 k 个"),
            advice=Text("Score all by inner product plus bias, order them, go through until k unseen ones are found.", "用内积加偏置打分并排序，依次取到 k 个没看过的为止。"),
        ),
        Case(
            "edges",
            Text("Nothing seen, everything seen, ties", "都没看过、都看过、同分"),
            1.0,
            inputs=((_U, _V, _B, [], 3), (_U, _V, _B, [0, 1, 2, 3], 2), (_U, _V, np.zeros(4), [1, 1], 9), (_array(0.0, 0.0), _V, np.zeros(4), [2], 2)),
            expect=Text("Fewer than k where fewer are left; equal scores by the lower row", "剩下的不够就少给；同分时行号小的在前"),
            advice=Text("A stable sort of the negated scores keeps the lower row first.", "对取负的分数做稳定排序，行号小的会在前。"),
        ),
        Case("random", Text("Random users", "随机用户"), 1.0, draw=_draw_user, n=40, hidden=True),
    ),
    hints=(
        Text("np.argsort(-scores, kind=\"stable\") orders rows by score, ties by row.", "np.argsort(-scores, kind=\"stable\") 按分数排序，同分按行号。"),
        Text("k + len(seen) items are always enough.", "取 k + len(seen) 个总是够的。"),
    ),
    wrong=(
        Wrong(
            "cut_before_dropping",
            "def serve_unseen(user, vectors, bias, seen, k):\n"
            "    order = np.argsort(-(vectors @ user + bias), kind='stable')[:k]\n"
            "    return [int(i) for i in order if i not in seen]\n",
            Text("You ask for k and then drop what was seen, so that the list is too short.", "你只取了 k 个再去掉看过的，列表就太短了。"),
        ),
        Wrong(
            "bias_forgotten",
            "def serve_unseen(user, vectors, bias, seen, k):\n"
            "    order = np.argsort(-(vectors @ user), kind='stable')\n"
            "    return [int(i) for i in order if i not in seen][:k]\n",
            Text("The bias is missing: the index would need it as one more component.", "缺少偏置：它应作为向量多出的一个分量。"),
        ),
        Wrong(
            "seen_kept",
            "def serve_unseen(user, vectors, bias, seen, k):\n"
            "    return [int(i) for i in np.argsort(-(vectors @ user + bias), kind='stable')[:k]]\n",
            Text("Your list holds items that the user has already seen.", "你的列表里有用户已经看过的商品。"),
        ),
        Wrong(
            "worst_first",
            "def serve_unseen(user, vectors, bias, seen, k):\n"
            "    order = np.argsort(vectors @ user + bias, kind='stable')\n"
            "    return [int(i) for i in order if i not in seen][:k]\n",
            Text("Your list begins with the lowest score. Mind the sign of the sort.", "你的列表从最低分开始。注意排序的符号。"),
        ),
    ),
)  # fmt: skip

QUESTIONS = (SOFTMAX, HISTORY, SERVE)
