"""How answers to ``solutions/search/ranking.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text


def _scores(generator: np.random.Generator, n: int, spread: int = 12) -> list[float]:
    """Quarters, all different."""
    return (generator.permutation(np.arange(-spread, spread + 1))[:n] / 4).tolist()


def _grades(generator: np.random.Generator, n: int) -> list[int]:
    """Not all alike, and not all 0."""
    while True:
        grades = generator.integers(0, 4, n).tolist()
        if len(set(grades)) > 1:
            return grades


def _draw_list(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(4, 9))
    return _scores(generator, n), _grades(generator, n)


def _draw_ties(generator: np.random.Generator) -> tuple:
    """Equal grades, equal scores, single products."""
    n = int(generator.integers(1, 6))
    return (generator.integers(-2, 3, n) / 2).tolist(), generator.integers(0, 3, n).tolist()


# -- ranknet_gradient -------------------------------------------------------------------------------------------------

RANKNET = Code(
    name="ranknet_gradient",
    cases=(
        Case(
            "basic",
            Text("Three and four products, all grades different", "三件和四件商品，等级各不相同"),
            1.0,
            inputs=(([0.5, -0.25, 1.5], [1, 0, 2]), ([1.0, 2.0, -1.0, 0.0], [3, 1, 0, 2])),
            expect=Text(
                "For each product the sum of its pairs' forces, minus where it wins and plus where it loses",
                "每件商品为其各对作用力之和：作为优者取负，作为劣者取正",
            ),
            advice=Text(
                "Write down all pairs of the first list with their forces. Each force enters twice, with opposite signs; so "
                "the entries sum to 0.",
                "写出第一个列表的所有对及其作用力。每个力出现两次，符号相反，所以各项之和为 0。",
            ),
        ),
        Case(
            "equal_grades",
            Text("Some products have the same grade", "有些商品等级相同"),
            0.5,
            inputs=(([0.0, 2.0, 1.0, -1.0], [1, 1, 0, 1]), ([3.0, 1.0], [2, 2])),
            expect=Text("Equal grades make no pair", "等级相同不构成对"),
            advice=Text(
                "Only pairs in which one grade is strictly higher count; if there is none, every entry is 0.",
                "只计一方等级严格更高的对；没有这样的对时，各项都是 0。",
            ),
        ),
        Case(
            "one",
            Text("A single product", "只有一件商品"),
            0.25,
            inputs=(([1.5], [3]),),
            expect=Text("One product makes no pair", "一件商品不构成对"),
            advice=Text("Return a list with one 0.", "返回只含一个 0 的列表。"),
        ),
        Case("random", Text("Random lists", "随机列表"), 0.75, draw=_draw_list, n=20, hidden=True),
        Case("ties", Text("Random lists with equal scores and grades", "得分与等级有相同值的随机列表"), 0.5, draw=_draw_ties,
             n=30, hidden=True),
    ),
    hints=(
        Text(
            "Two loops over the products, one for the better of a pair, one for the worse. Begin with a list of zeros.",
            "用两层循环遍历商品，一层是对中的优者，一层是劣者。先建一个全 0 的列表。",
        ),
        Text(
            "In each pair with grades[i] > grades[j], compute the force with math.exp, subtract it at i and add it at j.",
            "对每个 grades[i] > grades[j] 的对，用 math.exp 算出作用力，在 i 处减去，在 j 处加上。",
        ),
    ),
    wrong=(
        Wrong(
            "ascent",
            "def ranknet_gradient(scores, grades):\n"
            "    out = [0.0] * len(scores)\n"
            "    for i in range(len(scores)):\n"
            "        for j in range(len(scores)):\n"
            "            if grades[i] > grades[j]:\n"
            "                force = 1 / (1 + math.exp(scores[i] - scores[j]))\n"
            "                out[i] += force\n                out[j] -= force\n"
            "    return out\n",
            Text(
                "All signs are turned round. A gradient points where the loss grows: for the better product that is a "
                "lower score.",
                "所有符号都反了。梯度指向损失增大的方向：对优者来说，是得分降低的方向。",
            ),
        ),
        Wrong(
            "winner_alone",
            "def ranknet_gradient(scores, grades):\n"
            "    out = [0.0] * len(scores)\n"
            "    for i in range(len(scores)):\n"
            "        for j in range(len(scores)):\n"
            "            if grades[i] > grades[j]:\n"
            "                out[i] -= 1 / (1 + math.exp(scores[i] - scores[j]))\n"
            "    return out\n",
            Text(
                "You move the better product of each pair and leave the worse one where it is. A pair acts on both.",
                "你只移动了每对中的优者，劣者没有动。一对同时作用于两者。",
            ),
        ),
        Wrong(
            "right_order",
            "def ranknet_gradient(scores, grades):\n"
            "    out = [0.0] * len(scores)\n"
            "    for i in range(len(scores)):\n"
            "        for j in range(len(scores)):\n"
            "            if grades[i] > grades[j]:\n"
            "                force = 1 / (1 + math.exp(scores[j] - scores[i]))\n"
            "                out[i] -= force\n                out[j] += force\n"
            "    return out\n",
            Text(
                "Your force is the chance of the right order, so a pair that stands well pulls most. Look at the sign in "
                "the exponent.",
                "你的作用力是次序正确的概率，于是排得好的对反而作用最大。请看指数里的符号。",
            ),
        ),
        Wrong(
            "mean",
            "def ranknet_gradient(scores, grades):\n"
            "    out, n = [0.0] * len(scores), 0\n"
            "    for i in range(len(scores)):\n"
            "        for j in range(len(scores)):\n"
            "            if grades[i] > grades[j]:\n"
            "                force = 1 / (1 + math.exp(scores[i] - scores[j]))\n"
            "                out[i] -= force\n                out[j] += force\n                n += 1\n"
            "    return [g / max(n, 1) for g in out]\n",
            Text(
                "You divide by the number of pairs. That is the gradient of the mean; asked is that of the sum.",
                "你除以了对的个数。那是均值的梯度；题目问的是和的梯度。",
            ),
        ),
        Wrong(
            "equal_too",
            "def ranknet_gradient(scores, grades):\n"
            "    out = [0.0] * len(scores)\n"
            "    for i in range(len(scores)):\n"
            "        for j in range(len(scores)):\n"
            "            if i != j and grades[i] >= grades[j]:\n"
            "                force = 1 / (1 + math.exp(scores[i] - scores[j]))\n"
            "                out[i] -= force\n                out[j] += force\n"
            "    return out\n",
            Text(
                "Products of equal grade pull one another in your answer. Nobody said which of the two is better.",
                "你的答案里，等级相同的商品也相互作用。没有人说过两者谁更好。",
            ),
        ),
    ),
)  # fmt: skip


# -- swap_weight ------------------------------------------------------------------------------------------------------


def _draw_swap(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(4, 9))
    grades = _grades(generator, n)
    i = int(generator.integers(n))
    j = int(generator.choice([p for p in range(n) if grades[p] != grades[i]] or [0]))
    return _scores(generator, n), grades, i, j


def _draw_swap_ties(generator: np.random.Generator) -> tuple:
    """Equal scores, equal grades, no grade at all, a product with itself."""
    n = int(generator.integers(2, 6))
    grades = generator.integers(0, 3, n).tolist() if generator.random() < 0.7 else [0] * n
    i, j = generator.integers(0, n, 2).tolist()
    return (generator.integers(0, 3, n) / 2).tolist(), grades, i, j


SWAP = Code(
    name="swap_weight",
    cases=(
        Case(
            "basic",
            Text("Four products that don't stand in the order of the list", "四件商品，次序与列表不同"),
            1.0,
            inputs=(([0.5, 2.0, -1.0, 1.0], [1, 0, 3, 2], 1, 2), ([0.5, 2.0, -1.0, 1.0], [1, 0, 3, 2], 3, 0),
                    ([3.0, 1.0, 2.0], [0, 2, 3], 0, 2)),
            expect=Text(
                "The change of gain times the change of discount, over the DCG of the best order",
                "增益之差乘以折扣之差，再除以最优次序的 DCG",
            ),
            advice=Text(
                "First find the place of every product: how many have a higher score? Then the DCG of the grades sorted from "
                "high to low. Only then the pair.",
                "先求每件商品的位置：有多少件得分更高？再求等级从高到低排列的 DCG。最后才看这一对。",
            ),
        ),
        Case(
            "ties",
            Text("Equal scores", "得分相等"),
            0.5,
            inputs=(([1.0, 1.0, 1.0], [0, 2, 1], 0, 1), ([0.0, 1.0, 1.0, 0.0], [3, 0, 1, 0], 0, 3)),
            expect=Text("Equal scores keep the order of the list", "得分相等时保持列表次序"),
            advice=Text(
                "sorted(…, key=…) is stable; np.argsort of −scores needs kind=\"stable\".",
                "sorted(…, key=…) 是稳定排序；对 −scores 用 np.argsort 时要写 kind=\"stable\"。",
            ),
        ),
        Case(
            "nothing",
            Text("No grade above 0; or two products of the same grade", "没有大于 0 的等级；或两件商品等级相同"),
            0.25,
            inputs=(([1.0, 2.0], [0, 0], 0, 1), ([1.0, 2.0, 0.0], [2, 2, 1], 0, 1)),
            expect=Text("No swap changes anything: 0", "任何交换都不改变结果：0"),
            advice=Text("Ask for a best DCG of 0 before you divide by it.", "除以最优 DCG 之前，先判断它是否为 0。"),
        ),
        Case("random", Text("Random lists", "随机列表"), 0.75, draw=_draw_swap, n=30, hidden=True),
        Case("random_ties", Text("Random lists with equal scores and grades", "得分与等级有相同值的随机列表"), 0.5,
             draw=_draw_swap_ties, n=40, hidden=True),
    ),
    hints=(
        Text(
            "Four steps: gains; the order by score and with it each product's 1 / D; the best DCG; the weight.",
            "四步：增益；按得分排序并得到每件商品的 1 / D；最优 DCG；权重。",
        ),
        Text(
            "The product in place r has 1 / math.log2(r + 1). The best DCG puts the largest gain in place 1, whatever the "
            "scores say.",
            "第 r 位的商品为 1 / math.log2(r + 1)。最优 DCG 把最大的增益放在第 1 位，与得分无关。",
        ),
    ),
    wrong=(
        Wrong(
            "places_of_the_list",
            "def swap_weight(scores, grades, i, j):\n"
            "    gain = [2**g - 1 for g in grades]\n"
            "    d = [1 / math.log2(r + 2) for r in range(len(grades))]\n"
            "    best = sum(g * x for g, x in zip(sorted(gain, reverse=True), d))\n"
            "    return abs(gain[i] - gain[j]) * abs(d[i] - d[j]) / best if best else 0.0\n",
            Text(
                "You take i and j for places. The place of a product follows from its score.",
                "你把 i 和 j 当成了位置。商品的位置由它的得分决定。",
            ),
        ),
        Wrong(
            "linear",
            "def swap_weight(scores, grades, i, j):\n"
            "    order = sorted(range(len(scores)), key=lambda p: -scores[p])\n"
            "    d = {p: 1 / math.log2(r + 2) for r, p in enumerate(order)}\n"
            "    best = sum(g / math.log2(r + 2) for r, g in enumerate(sorted(grades, reverse=True)))\n"
            "    return abs(grades[i] - grades[j]) * abs(d[i] - d[j]) / best if best else 0.0\n",
            Text(
                "You use the grades themselves as gains. Here the gain is 2 to the power of the grade, minus 1.",
                "你把等级本身当作增益。这里的增益是 2 的等级次方减 1。",
            ),
        ),
        Wrong(
            "no_ideal",
            "def swap_weight(scores, grades, i, j):\n"
            "    gain = [2**g - 1 for g in grades]\n"
            "    order = sorted(range(len(scores)), key=lambda p: -scores[p])\n"
            "    d = {p: 1 / math.log2(r + 2) for r, p in enumerate(order)}\n"
            "    return float(abs(gain[i] - gain[j]) * abs(d[i] - d[j]))\n",
            Text(
                "That is the change in DCG. NDCG is divided by the DCG of the best order.",
                "这是 DCG 的变化。NDCG 还要除以最优次序的 DCG。",
            ),
        ),
        Wrong(
            "own_dcg",
            "def swap_weight(scores, grades, i, j):\n"
            "    gain = [2**g - 1 for g in grades]\n"
            "    order = sorted(range(len(scores)), key=lambda p: -scores[p])\n"
            "    d = {p: 1 / math.log2(r + 2) for r, p in enumerate(order)}\n"
            "    total = sum(gain[p] * d[p] for p in d)\n"
            "    return abs(gain[i] - gain[j]) * abs(d[i] - d[j]) / total if total else 0.0\n",
            Text(
                "You divide by the DCG of the present order. The ideal one is sorted by grade.",
                "你除以了当前次序的 DCG。理想次序是按等级排列的。",
            ),
        ),
        Wrong(
            "discount_not_inverse",
            "def swap_weight(scores, grades, i, j):\n"
            "    gain = [2**g - 1 for g in grades]\n"
            "    order = sorted(range(len(scores)), key=lambda p: -scores[p])\n"
            "    D = {p: math.log2(r + 2) for r, p in enumerate(order)}\n"
            "    best = sum(g / math.log2(r + 2) for r, g in enumerate(sorted(gain, reverse=True)))\n"
            "    return abs(gain[i] - gain[j]) * abs(D[i] - D[j]) / best if best else 0.0\n",
            Text(
                "You take the difference of the discounts themselves. A gain is divided by its discount, so it is 1 / D "
                "that changes.",
                "你取了折扣本身之差。增益要除以折扣，所以变化的是 1 / D。",
            ),
        ),
        Wrong(
            "rising",
            "def swap_weight(scores, grades, i, j):\n"
            "    gain = [2**g - 1 for g in grades]\n"
            "    order = sorted(range(len(scores)), key=lambda p: scores[p])\n"
            "    d = {p: 1 / math.log2(r + 2) for r, p in enumerate(order)}\n"
            "    best = sum(g / math.log2(r + 2) for r, g in enumerate(sorted(gain, reverse=True)))\n"
            "    return abs(gain[i] - gain[j]) * abs(d[i] - d[j]) / best if best else 0.0\n",
            Text(
                "Your list begins with the lowest score. The highest stands in place 1.",
                "你的列表从最低分开始。得分最高的排在第 1 位。",
            ),
        ),
    ),
)  # fmt: skip


# -- listnet_loss -----------------------------------------------------------------------------------------------------


def _draw_far(generator: np.random.Generator) -> tuple:
    """Scores so far apart that a naive softmax overflows, or loses a product."""
    n = int(generator.integers(2, 6))
    return (generator.integers(-8, 9, n) * 125.0).tolist(), _grades(generator, n)


LISTNET = Code(
    name="listnet_loss",
    cases=(
        Case(
            "basic",
            Text("Three and four products", "三件和四件商品"),
            1.0,
            inputs=(([0.5, -0.25, 1.5], [1, 0, 2]), ([1.0, 2.0, -1.0, 0.0], [3, 1, 0, 2])),
            expect=Text(
                "The shares of the gains, times the logarithms of the softmax, summed, with a minus",
                "增益占比乘以 softmax 的对数，求和，再取负",
            ),
            advice=Text(
                "Compute y for the first list by hand: the gains are 1, 0 and 3. Then the three p, and the sum.",
                "先手算第一个列表的 y：增益是 1、0、3。再算三个 p，最后求和。",
            ),
        ),
        Case(
            "shift",
            Text("All scores shifted by a hundred", "所有得分平移一百"),
            0.25,
            inputs=(([100.0, 101.0, 99.5], [0, 1, 3]), ([-100.0, -99.0, -100.5], [0, 1, 3])),
            expect=Text("The same loss as without the shift", "与不平移时损失相同"),
            advice=Text("A constant cancels in the softmax.", "常数在 softmax 中会约掉。"),
        ),
        Case(
            "far",
            Text("Scores of a thousand", "得分达到一千"),
            0.5,
            inputs=(([1000.0, 0.0], [0, 3]), ([-1000.0, 1000.0, 0.0], [1, 2, 0])),
            expect=Text("A finite number: about the distance of the scores", "有限的数：约等于得分之差"),
            advice=Text(
                "ln p = (s − largest) − ln Σ e^(s − largest). No p is computed, so none can become 0.",
                "ln p = (s − 最大值) − ln Σ e^(s − 最大值)。不计算 p，就不会有 p 变成 0。",
            ),
        ),
        Case(
            "nothing",
            Text("All grades 0", "等级全为 0"),
            0.25,
            inputs=(([1.0, 2.0], [0, 0]), ([3.0], [0])),
            expect=Text("Grades that say nothing cost nothing: 0", "等级没有信息，损失为 0"),
            advice=Text("Ask whether the gains sum to 0 before you divide.", "除之前先判断增益之和是否为 0。"),
        ),
        Case("random", Text("Random lists", "随机列表"), 0.5, draw=_draw_list, n=20, hidden=True),
        Case("random_far", Text("Random lists with scores far apart", "得分相差很远的随机列表"), 0.5, draw=_draw_far, n=20,
             hidden=True),
    ),
    hints=(
        Text(
            "Begin with y: 2.0 ** g − 1 for each grade, divided by their sum. If that sum is 0, you are done.",
            "先算 y：每个等级的 2.0 ** g − 1，除以它们之和。如果和为 0，就已经完成。",
        ),
        Text(
            "Subtract the largest score from all. Then ln p is that difference minus the logarithm of the sum of its "
            "exponentials.",
            "所有得分先减去最大值。于是 ln p 等于这个差，减去其指数之和的对数。",
        ),
    ),
    wrong=(
        Wrong(
            "grades_as_targets",
            "def listnet_loss(scores, grades):\n"
            "    y = np.array(grades, dtype=float)\n"
            "    if not y.any():\n        return 0.0\n"
            "    y = y / y.sum()\n"
            "    s = np.array(scores, dtype=float) - max(scores)\n"
            "    return float(-(y * (s - np.log(np.exp(s).sum()))).sum())\n",
            Text(
                "Your targets are shares of the grades. Asked are shares of the gains, 2^g − 1.",
                "你的目标是等级的占比。题目要的是增益 2^g − 1 的占比。",
            ),
        ),
        Wrong(
            "softmax_of_grades",
            "def listnet_loss(scores, grades):\n"
            "    if not any(grades):\n        return 0.0\n"
            "    g = np.array(grades, dtype=float)\n"
            "    y = np.exp(g) / np.exp(g).sum()\n"
            "    s = np.array(scores, dtype=float) - max(scores)\n"
            "    return float(-(y * (s - np.log(np.exp(s).sum()))).sum())\n",
            Text(
                "You take the softmax of the grades, as the original ListNet does: products of grade 0 keep a share. Here "
                "the shares are those of the gains.",
                "你对等级取了 softmax，像最初的 ListNet 那样：等级 0 的商品也占一份。这里用的是增益的占比。",
            ),
        ),
        Wrong(
            "naive",
            "def listnet_loss(scores, grades):\n"
            "    y = 2.0 ** np.array(grades, dtype=float) - 1\n"
            "    if not y.any():\n        return 0.0\n"
            "    e = np.exp(np.clip(np.array(scores, dtype=float), -700, 700))\n"
            "    return float(-(y / y.sum() * np.log(np.maximum(e / e.sum(), 1e-300))).sum())\n",
            Text(
                "Right where scores are close. With scores of a thousand something is cut off on the way: subtract the "
                "largest score and stay with logarithms.",
                "得分相近时是对的。得分达到一千时，中途有东西被截断：先减去最大值，并始终用对数计算。",
            ),
        ),
        Wrong(
            "no_shares",
            "def listnet_loss(scores, grades):\n"
            "    y = 2.0 ** np.array(grades, dtype=float) - 1\n"
            "    s = np.array(scores, dtype=float) - max(scores)\n"
            "    return float(-(y * (s - np.log(np.exp(s).sum()))).sum())\n",
            Text(
                "Your targets are the gains themselves. They have to sum to 1: a list with many good products would "
                "otherwise count more.",
                "你的目标是增益本身。它们的和应为 1：否则好商品多的列表会占更大分量。",
            ),
        ),
        Wrong(
            "mean",
            "def listnet_loss(scores, grades):\n"
            "    y = 2.0 ** np.array(grades, dtype=float) - 1\n"
            "    if not y.any():\n        return 0.0\n"
            "    s = np.array(scores, dtype=float) - max(scores)\n"
            "    return float(-(y / y.sum() * (s - np.log(np.exp(s).sum()))).mean())\n",
            Text(
                "You take the mean over the products. The shares already sum to 1; the loss is their sum.",
                "你对商品取了均值。占比之和已经是 1；损失就是求和。",
            ),
        ),
        Wrong(
            "sign",
            "def listnet_loss(scores, grades):\n"
            "    y = 2.0 ** np.array(grades, dtype=float) - 1\n"
            "    if not y.any():\n        return 0.0\n"
            "    s = np.array(scores, dtype=float) - max(scores)\n"
            "    return float((y / y.sum() * (s - np.log(np.exp(s).sum()))).sum())\n",
            Text(
                "Your loss is negative: logarithms of chances are. Training would run away from the grades.",
                "你的损失是负的：概率的对数是负数。这样训练会背离等级。",
            ),
        ),
    ),
)  # fmt: skip


# -- pool_adjacent ----------------------------------------------------------------------------------------------------


def _draw_outcomes(generator: np.random.Generator) -> tuple:
    """Outcomes that rise on the whole, with violations over several blocks."""
    n = int(generator.integers(8, 25))
    return ((generator.random(n) < np.linspace(0.15, 0.85, n)).astype(int).tolist(),)


def _draw_few(generator: np.random.Generator) -> tuple:
    return (generator.integers(0, 2, int(generator.integers(1, 6))).tolist(),)


POOL = Code(
    name="pool_adjacent",
    cases=(
        Case(
            "basic",
            Text("Outcomes with violations that reach back over blocks", "违反次序且需要回溯合并的结果"),
            1.0,
            inputs=(([0, 1, 0, 1, 0, 0, 1, 1],), ([1, 0, 1, 1, 0, 1, 0, 1, 1],)),
            expect=Text("Blocks whose means never fall", "各块的均值从不下降"),
            advice=Text(
                "After two blocks have become one, compare the new one with the block before it, too: its mean has fallen.",
                "两块合并后，还要把新块与它前面的块比较：它的均值已经变小。",
            ),
        ),
        Case(
            "rising",
            Text("Nothing to pool", "无需合并"),
            0.5,
            inputs=(([0, 0, 1, 1],), ([0],), ([1, 1, 1],)),
            expect=Text("The outcomes themselves", "结果本身"),
            advice=Text("Where no block is lower than the one before, nothing changes.", "没有块低于前一块时，什么都不变。"),
        ),
        Case(
            "falling",
            Text("Everything in the wrong order", "次序全反"),
            0.5,
            inputs=(([1, 1, 0, 0, 0],), ([1, 0],)),
            expect=Text("One block with the mean of all", "一个块，取全体均值"),
            advice=Text(
                "The mean is over all products of a block, not over the means of the two blocks that it came from.",
                "均值是对块内全部商品求的，不是两个原块均值的平均。",
            ),
        ),
        Case("random", Text("Random outcomes", "随机结果"), 0.5, draw=_draw_outcomes, n=30, hidden=True),
        Case("few", Text("Few outcomes", "很少的结果"), 0.5, draw=_draw_few, n=30, hidden=True),
    ),
    hints=(
        Text(
            "Keep a list of blocks, each with its sum and its number of products. Add one product at a time.",
            "维护一个块的列表，每块记录总和与商品数。每次加入一件商品。",
        ),
        Text(
            "While the last block's mean is lower than that of the one before, replace the two by one whose sum and number are "
            "theirs added. In the end write each mean as often as its block has products.",
            "当最后一块的均值低于前一块时，用总和与个数分别相加的一块代替这两块。最后，每块的均值按商品数重复写出。",
        ),
    ),
    wrong=(
        Wrong(
            "one_pass",
            "def pool_adjacent(relevant):\n"
            "    blocks = []\n"
            "    for y in relevant:\n"
            "        if blocks and y < blocks[-1][0] / blocks[-1][1]:\n"
            "            blocks[-1] = (blocks[-1][0] + y, blocks[-1][1] + 1)\n"
            "        else:\n            blocks.append((y, 1))\n"
            "    return [s / n for s, n in blocks for _ in range(n)]\n",
            Text(
                "You pool once and don't look back. A pooled block has a lower mean than before and may now violate the order "
                "with the block before it.",
                "你只合并一次，没有回头看。合并后的块均值变小，可能又与前一块违反次序。",
            ),
        ),
        Wrong(
            "mean_of_means",
            "def pool_adjacent(relevant):\n"
            "    blocks = []\n"
            "    for y in relevant:\n"
            "        value, n = float(y), 1\n"
            "        while blocks and blocks[-1][0] > value:\n"
            "            before = blocks.pop()\n"
            "            value, n = (value + before[0]) / 2, n + before[1]\n"
            "        blocks.append((value, n))\n"
            "    return [v for v, n in blocks for _ in range(n)]\n",
            Text(
                "You take the mean of two blocks' means. A block of four products must count four times as much as one of one.",
                "你取了两块均值的平均。四件商品的块，分量应是一件商品的块的四倍。",
            ),
        ),
        Wrong(
            "running_maximum",
            "def pool_adjacent(relevant):\n"
            "    out, high = [], 0\n"
            "    for y in relevant:\n        high = max(high, y)\n        out.append(float(high))\n"
            "    return out\n",
            Text(
                "Your curve rises to the highest outcome so far and stays there. It should lie as near as possible to all "
                "outcomes, those below it as well.",
                "你的曲线升到目前最高的结果后就停在那里。它应当尽量接近所有结果，也包括低于它的。",
            ),
        ),
        Wrong(
            "blocks_not_products",
            "def pool_adjacent(relevant):\n"
            "    blocks = []\n"
            "    for y in relevant:\n"
            "        s, n = y, 1\n"
            "        while blocks and blocks[-1][0] / blocks[-1][1] > s / n:\n"
            "            before = blocks.pop()\n            s, n = s + before[0], n + before[1]\n"
            "        blocks.append((s, n))\n"
            "    return [s / n for s, n in blocks]\n",
            Text(
                "You return one value per block. Asked is one per product: repeat each value as often as its block has "
                "products.",
                "你每块只返回一个值。题目要每件商品一个：把每块的值按商品数重复。",
            ),
        ),
        Wrong(
            "sorted_outcomes",
            "def pool_adjacent(relevant):\n    return [float(y) for y in sorted(relevant)]\n",
            Text(
                "You sort the outcomes. They belong to products in the order of their scores; only neighbours may be pooled.",
                "你把结果排了序。它们属于按得分排列的商品；只能合并相邻的。",
            ),
        ),
    ),
)  # fmt: skip


QUESTIONS = (RANKNET, SWAP, LISTNET, POOL)
