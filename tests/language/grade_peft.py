"""How answers to ``solutions/language/peft.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

# -- merge_lora -------------------------------------------------------------------------------------------------------


def _matrix(generator: np.random.Generator, rows: int, columns: int) -> list[list[float]]:
    """Quarters, whose sums and products carry no rounding error."""
    return (generator.integers(-12, 13, size=(rows, columns)) / 4).tolist()


def _draw_merge(generator: np.random.Generator) -> tuple:
    """Rank 2 to 4, outputs and inputs that differ."""
    rank, outputs = int(generator.integers(2, 5)), int(generator.integers(4, 7))
    inputs = outputs + int(generator.integers(1, 4))
    alpha = float(generator.integers(1, 9)) / 2 + 0.25
    return (_matrix(generator, outputs, inputs), _matrix(generator, rank, inputs), _matrix(generator, outputs, rank),
            alpha)  # fmt: skip


def _draw_merge_square(generator: np.random.Generator) -> tuple:
    """Outputs, inputs and rank all alike, so that a wrong order of the product raises no error."""
    n = int(generator.integers(2, 5))
    return (*(_matrix(generator, n, n) for _ in range(3)), float(generator.integers(1, 9)) + 0.25)


MERGE = Code(
    name="merge_lora",
    cases=(
        Case(
            "basic",
            Text("Rank 2, three outputs and two inputs", "秩为 2，三个输出、两个输入"),
            1.0,
            inputs=(
                ([[1, 0], [0, 1], [2, 2]], [[1, 1], [0, 2]], [[1, 0], [0, 1], [1, 1]], 3),
                ([[0.5, 1], [1, 0], [0, 0]], [[2, 0], [1, 4]], [[1, 2], [0, 0], [3, 1]], 5),
            ),
            expect=Text("W plus alpha / r times the product B A", "W 加上 alpha / r 乘以乘积 B A"),
            advice=Text(
                "Write down the shapes of B and A and of their product: it must be that of W. Then multiply it by alpha "
                "and divide by the number of rows of A.",
                "写下 B、A 及其乘积的形状：乘积的形状必须与 W 相同。再乘以 alpha，除以 A 的行数。",
            ),
        ),
        Case(
            "one",
            Text("Rank 1", "秩为 1"),
            0.5,
            inputs=(([[1, 2, 3], [4, 5, 6]], [[1, 0, -1]], [[2], [1]], 0.5), ([[2]], [[3]], [[5]], 3)),
            expect=Text("With rank 1, alpha itself is the factor", "秩为 1 时，系数就是 alpha 本身"),
            advice=Text(
                "The rank is the number of rows of A, which is 1 here; B has one column.",
                "秩是 A 的行数，这里为 1；B 只有一列。",
            ),
        ),
        Case(
            "square",
            Text("All matrices of one size", "所有矩阵大小相同"),
            0.5,
            inputs=(([[1, 0], [0, 1]], [[1, 2], [3, 5]], [[0, 1], [2, 7]], 4),),
            expect=Text("The product in the order B A, not A B", "乘积的顺序是 B A，不是 A B"),
            advice=Text(
                "Square matrices can be multiplied in both orders, with different results. A comes first to the input, "
                "so it stands on the right.",
                "方阵按两种顺序都能相乘，但结果不同。输入先经过 A，所以 A 在右边。",
            ),
        ),
        Case("random", Text("Random matrices", "随机矩阵"), 0.5, draw=_draw_merge, n=20, hidden=True),
        Case("random_square", Text("Random square matrices", "随机方阵"), 0.5, draw=_draw_merge_square, n=20, hidden=True),
    ),
    hints=(
        Text(
            "Turn the lists into arrays with np.array(…, dtype=float). The operator @ multiplies matrices, .tolist() turns "
            "an array into lists.",
            "用 np.array(…, dtype=float) 把列表变成数组。运算符 @ 做矩阵乘法，.tolist() 把数组变成列表。",
        ),
        Text(
            "One line does it: W plus a number times a product. The number is alpha divided by the rank, and the rank is "
            "the number of rows of A.",
            "一行就够：W 加上一个数乘以一个乘积。这个数是 alpha 除以秩，秩是 A 的行数。",
        ),
    ),
    wrong=(
        Wrong(
            "no_rank",
            "def merge_lora(W, A, B, alpha):\n"
            "    W, A, B = (np.array(m, dtype=float) for m in (W, A, B))\n"
            "    return (W + alpha * (B @ A)).tolist()\n",
            Text(
                "You multiply by alpha and don't divide by the rank. The factor is alpha / r, so that a larger rank "
                "doesn't count more strongly.",
                "你乘了 alpha，却没有除以秩。系数是 alpha / r，这样秩变大时作用不会变强。",
            ),
        ),
        Wrong(
            "no_scale",
            "def merge_lora(W, A, B, alpha):\n"
            "    W, A, B = (np.array(m, dtype=float) for m in (W, A, B))\n"
            "    return (W + B @ A).tolist()\n",
            Text(
                "You add B A as it is. Where does alpha come in? Look at the factor before the product.",
                "你直接加上了 B A。alpha 用在哪里？请看乘积前面的系数。",
            ),
        ),
        Wrong(
            "rank_of_outputs",
            "def merge_lora(W, A, B, alpha):\n"
            "    W, A, B = (np.array(m, dtype=float) for m in (W, A, B))\n"
            "    return (W + alpha / len(B) * (B @ A)).tolist()\n",
            Text(
                "You divide by the number of outputs (the rows of B). The rank is the side that A and B share: rows of A, "
                "columns of B.",
                "你除以了输出的个数（B 的行数）。秩是 A 与 B 共有的那一边：A 的行数，B 的列数。",
            ),
        ),
        Wrong(
            "subtracted",
            "def merge_lora(W, A, B, alpha):\n"
            "    W, A, B = (np.array(m, dtype=float) for m in (W, A, B))\n"
            "    return (W - alpha / len(A) * (B @ A)).tolist()\n",
            Text(
                "You subtract the LoRA. That takes it out of weights into which it was merged; merging adds it.",
                "你减去了 LoRA。那是把已合并的 LoRA 取出来；合并应当相加。",
            ),
        ),
        Wrong(
            "change_alone",
            "def merge_lora(W, A, B, alpha):\n"
            "    A, B = (np.array(m, dtype=float) for m in (A, B))\n"
            "    return (alpha / len(A) * (B @ A)).tolist()\n",
            Text(
                "That is the change alone. Merged weights are the frozen ones plus the change.",
                "这只是改变量。合并后的权重是冻结的权重加上改变量。",
            ),
        ),
        Wrong(
            "wrong_order",
            "def merge_lora(W, A, B, alpha):\n"
            "    W, A, B = (np.array(m, dtype=float) for m in (W, A, B))\n"
            "    return (W + alpha / len(A) * (A @ B)).tolist()\n",
            Text(
                "Your product is A B, whose shapes don't fit. The input meets A first, so the matrix of the whole is B A.",
                "你算的是 A B，形状对不上。输入先经过 A，所以整体的矩阵是 B A。",
            ),
        ),
    ),
)  # fmt: skip


# -- lora_cost --------------------------------------------------------------------------------------------------------


def _draw_cost(generator: np.random.Generator) -> tuple:
    n = int(generator.integers(2, 9))
    shapes = [(int(o), int(o + d)) for o, d in zip(generator.integers(5, 900, n), generator.integers(1, 900, n))]
    return shapes, int(generator.integers(2, 33))


def _draw_cost_odd(generator: np.random.Generator) -> tuple:
    """Few matrices or none, rank 1 among others."""
    n = int(generator.integers(0, 3))
    return [(int(o), int(i)) for o, i in generator.integers(1, 50, (n, 2))], int(generator.integers(1, 4))


COST = Code(
    name="lora_cost",
    cases=(
        Case(
            "basic",
            Text("Some matrices", "几个矩阵"),
            1.25,
            inputs=(([(10, 20), (7, 30), (12, 40)], 3), ([(384, 1536), (384, 385)], 4)),
            expect=Text(
                "r times (outputs + inputs), summed over the matrices, and 8 bytes for each of them",
                "对各矩阵求和：r 乘以（输出数 + 输入数）；每个权重 8 字节",
            ),
            advice=Text(
                "Draw A and B for one matrix: A is r × inputs, B is outputs × r. Count their entries.",
                "给一个矩阵画出 A 和 B：A 是 r × 输入数，B 是 输出数 × r。数一数它们的元素。",
            ),
        ),
        Case(
            "none",
            Text("No matrix gets a LoRA", "没有矩阵使用 LoRA"),
            0.25,
            inputs=(([], 4),),
            expect=Text("Nothing is trained and Adam holds nothing", "没有可训练的权重，Adam 也不保存任何东西"),
            advice=Text("The sum over nothing is 0.", "空的求和为 0。"),
        ),
        Case(
            "seven_billion",
            Text("A model of 7 billion weights: 64 matrices of 4,096 × 4,096", "70 亿参数的模型：64 个 4,096 × 4,096 的矩阵"),
            0.5,
            inputs=(([(4096, 4096)] * 64, 8),),
            expect=Text("About four million trained weights", "大约四百万个可训练权重"),
            advice=Text(
                "One matrix brings 8 · (4,096 + 4,096) trained weights. There are 64 of them.",
                "一个矩阵带来 8 ·（4,096 + 4,096）个可训练权重，共有 64 个矩阵。",
            ),
        ),
        Case("random", Text("Random shapes", "随机形状"), 0.5, draw=_draw_cost, n=20, hidden=True),
        Case("odd", Text("Few matrices, small ranks", "矩阵很少、秩很小"), 0.5, draw=_draw_cost_odd, n=30, hidden=True),
    ),
    hints=(
        Text(
            "Count the entries of A and of B for one matrix first. They share the side r.",
            "先数一个矩阵的 A 和 B 各有多少元素。它们共有长度为 r 的一边。",
        ),
        Text(
            "sum(… for outputs, inputs in shapes) adds over the matrices. Adam's bytes are a fixed multiple of it.",
            "sum(… for outputs, inputs in shapes) 对各矩阵求和。Adam 的字节数是它的固定倍数。",
        ),
    ),
    wrong=(
        Wrong(
            "full",
            "def lora_cost(shapes, rank):\n    n = sum(o * i for o, i in shapes)\n    return n, 8 * n\n",
            Text(
                "You count the entries of the matrices themselves. They are frozen; only the thin A and B are trained.",
                "你数的是矩阵本身的元素。它们是冻结的；只有细长的 A 和 B 参与训练。",
            ),
        ),
        Wrong(
            "four_bytes",
            "def lora_cost(shapes, rank):\n    n = sum(rank * (o + i) for o, i in shapes)\n    return n, 4 * n\n",
            Text(
                "The count is right, the bytes are half. Adam keeps two numbers for each trained weight.",
                "权重个数对了，字节数只有一半。Adam 为每个可训练权重保存两个数。",
            ),
        ),
        Wrong(
            "sixteen_bytes",
            "def lora_cost(shapes, rank):\n    n = sum(rank * (o + i) for o, i in shapes)\n    return n, 16 * n\n",
            Text(
                "The count is right. Your bytes include the weights and their gradients; asked is what Adam itself holds: "
                "two numbers of 4 bytes.",
                "权重个数对了。你的字节数包含了权重和梯度；题目只问 Adam 自己保存的：两个 4 字节的数。",
            ),
        ),
        Wrong(
            "only_a",
            "def lora_cost(shapes, rank):\n    n = sum(rank * i for o, i in shapes)\n    return n, 8 * n\n",
            Text(
                "You count A alone. B, of shape (outputs, r), is trained as well.",
                "你只数了 A。形状为（输出数, r）的 B 也要训练。",
            ),
        ),
        Wrong(
            "product",
            "def lora_cost(shapes, rank):\n    n = sum(rank * o * i for o, i in shapes)\n    return n, 8 * n\n",
            Text(
                "You multiply outputs and inputs. A has r · inputs entries and B outputs · r: add them.",
                "你把输出数和输入数相乘了。A 有 r · 输入数 个元素，B 有 输出数 · r 个：应当相加。",
            ),
        ),
        Wrong(
            "first_only",
            "def lora_cost(shapes, rank):\n    n = len(shapes) * rank * sum(shapes[0]) if shapes else 0\n    return n, 8 * n\n",
            Text(
                "You take the first shape for all. The matrices differ: sum over them.",
                "你把第一个形状当成了所有矩阵的形状。各矩阵不同：要逐个求和。",
            ),
        ),
    ),
)  # fmt: skip


# -- share_ranks ------------------------------------------------------------------------------------------------------


def _layers(generator: np.random.Generator, values: np.ndarray) -> list[list[float]]:
    cuts = np.sort(generator.integers(0, len(values) + 1, int(generator.integers(2, 5))))
    return [part.tolist() for part in np.split(values, cuts)]


def _draw_ranks(generator: np.random.Generator) -> tuple:
    """All importances different."""
    n = int(generator.integers(8, 25))
    values = generator.permutation(np.arange(1, 4 * n))[:n] / 8
    return _layers(generator, values), int(generator.integers(2, n - 1))


def _draw_ranks_ties(generator: np.random.Generator) -> tuple:
    """Few different importances, budgets from nothing to more than there is."""
    n = int(generator.integers(3, 15))
    return _layers(generator, generator.integers(0, 5, n) / 4), int(generator.integers(0, n + 3))


RANKS = Code(
    name="share_ranks",
    cases=(
        Case(
            "basic",
            Text("Three layers, all importances different", "三层，重要性各不相同"),
            1.5,
            inputs=(
                ([[0.5, 0.25, 2.0], [1.0, 0.75, 0.125], [4.0, 0.375, 3.0]], 5),
                ([[8.0, 7.0, 6.0, 5.0], [1.0, 4.0], [0.5, 3.0, 2.0]], 4),
            ),
            expect=Text(
                "The most important directions stay, wherever they are; so many stay as the budget says",
                "最重要的方向留下，不论在哪一层；留下的个数等于预算",
            ),
            advice=Text(
                "Put the importances of all layers into one sorted list and find the threshold. Then count in each layer "
                "how many are above it.",
                "把所有层的重要性放进一个排好序的列表，找出阈值，再数每层有多少个大于它。",
            ),
        ),
        Case(
            "ties",
            Text("Equal importances at the threshold", "阈值处有相等的重要性"),
            0.75,
            inputs=(([[1.0, 0.5], [0.5, 0.25]], 2), ([[1.0, 1.0, 1.0], [1.0]], 2)),
            expect=Text(
                "Ties at the threshold fall together; the budget may be left unused",
                "与阈值相等的一起去掉；预算可以用不完",
            ),
            advice=Text(
                "Compare with the threshold itself: what is equal to it is not above it.",
                "与阈值本身比较：与它相等就不算大于它。",
            ),
        ),
        Case(
            "all",
            Text("A budget for everything", "预算足够全部留下"),
            0.5,
            inputs=(([[0.5, 0.0], [0.25]], 3), ([[1.0], [], [2.0]], 7)),
            expect=Text("Everything stays, importances of 0 included", "全部留下，包括重要性为 0 的"),
            advice=Text(
                "n − b is 0 or less here, so there is no threshold. Ask for that first; beware of every[-1].",
                "这里 n − b 不大于 0，没有阈值。请先判断这种情况；当心 every[-1]。",
            ),
        ),
        Case(
            "nothing",
            Text("A budget of nothing", "预算为零"),
            0.25,
            inputs=(([[0.5, 2.0], [0.25]], 0),),
            expect=Text("No direction stays", "没有方向留下"),
            advice=Text("All n fall: the threshold is the largest importance.", "全部 n 个都去掉：阈值是最大的重要性。"),
        ),
        Case("random", Text("Random importances", "随机的重要性"), 0.5, draw=_draw_ranks, n=30, hidden=True),
        Case("random_ties", Text("Random importances, many of them equal", "随机的重要性，很多相等"), 0.5,
             draw=_draw_ranks_ties, n=40, hidden=True),
    ),
    hints=(
        Text(
            "One threshold serves all layers. Sort all n importances in rising order; n − budget of them fall.",
            "所有层共用一个阈值。把全部 n 个重要性按升序排列；其中 n − 预算 个要去掉。",
        ),
        Text(
            "The k-th smallest of a sorted list stands at index k − 1. Before that, deal with a budget that is enough for "
            "all.",
            "排好序的列表中，第 k 小的在下标 k − 1。在此之前，先处理预算足够的情况。",
        ),
        Text(
            "Three steps: sort; threshold = sorted[n − budget − 1]; in each layer count what is strictly above it.",
            "三步：排序；阈值 = 排序后的[n − budget − 1]；在每层数严格大于它的个数。",
        ),
    ),
    wrong=(
        Wrong(
            "equal_shares",
            "def share_ranks(scores, budget):\n"
            "    return [min(len(layer), budget // len(scores)) for layer in scores]\n",
            Text(
                "You give every layer the same share. That is LoRA with a fixed rank; AdaLoRA lets the directions of all "
                "layers compete.",
                "你给每层相同的份额，那是固定秩的 LoRA；AdaLoRA 让所有层的方向一起竞争。",
            ),
        ),
        Wrong(
            "per_layer",
            "def share_ranks(scores, budget):\n"
            "    ranks = []\n"
            "    for layer in scores:\n"
            "        fall = len(layer) - budget\n"
            "        if fall <= 0:\n            ranks.append(len(layer))\n            continue\n"
            "        threshold = sorted(layer)[fall - 1]\n"
            "        ranks.append(sum(s > threshold for s in layer))\n"
            "    return ranks\n",
            Text(
                "You apply the budget to each layer on its own. It is one budget for all layers together: sort all "
                "importances in one list.",
                "你把预算分别用在每一层上。预算是所有层共有的：把全部重要性放进一个列表排序。",
            ),
        ),
        Wrong(
            "ties_stay",
            "def share_ranks(scores, budget):\n"
            "    every = sorted((s for layer in scores for s in layer), reverse=True)\n"
            "    if budget >= len(every):\n        return [len(layer) for layer in scores]\n"
            "    if budget == 0:\n        return [0 for layer in scores]\n"
            "    return [sum(s >= every[budget - 1] for s in layer) for layer in scores]\n",
            Text(
                "With you, ties at the threshold stay, and more directions may stay than the budget allows. The contract "
                "lets them fall.",
                "你让与阈值相等的都留下了，留下的方向可能超过预算。按约定，它们应当去掉。",
            ),
        ),
        Wrong(
            "first_of_ties",
            "def share_ranks(scores, budget):\n"
            "    every = [(-s, n) for n, layer in enumerate(scores) for s in layer]\n"
            "    kept = [n for _, n in sorted(every)[:budget]]\n"
            "    return [kept.count(n) for n in range(len(scores))]\n",
            Text(
                "You take exactly as many as the budget says, and of equal ones the first. The contract treats ties alike: "
                "all of them fall.",
                "你正好取了预算那么多个，相等时取前面的。按约定，相等的要一视同仁：全部去掉。",
            ),
        ),
        Wrong(
            "one_too_few",
            "def share_ranks(scores, budget):\n"
            "    every = sorted(s for layer in scores for s in layer)\n"
            "    fall = len(every) - budget\n"
            "    if fall <= 0:\n        return [len(layer) for layer in scores]\n"
            "    threshold = every[min(fall, len(every) - 1)]\n"
            "    return [sum(s > threshold for s in layer) for layer in scores]\n",
            Text(
                "One direction too few stays. The k-th smallest stands at index k − 1, since Python counts from 0.",
                "留下的方向少了一个。Python 从 0 数起，第 k 小的下标是 k − 1。",
            ),
        ),
        Wrong(
            "least_important",
            "def share_ranks(scores, budget):\n"
            "    every = sorted((s for layer in scores for s in layer), reverse=True)\n"
            "    fall = len(every) - budget\n"
            "    if fall <= 0:\n        return [len(layer) for layer in scores]\n"
            "    threshold = every[fall - 1]\n"
            "    return [sum(s < threshold for s in layer) for layer in scores]\n",
            Text(
                "You keep the least important directions. Those above the threshold stay.",
                "你留下了最不重要的方向。应当留下大于阈值的。",
            ),
        ),
        Wrong(
            "how_many_fall",
            "def share_ranks(scores, budget):\n"
            "    every = sorted(s for layer in scores for s in layer)\n"
            "    fall = len(every) - budget\n"
            "    if fall <= 0:\n        return [0 for layer in scores]\n"
            "    threshold = every[fall - 1]\n"
            "    return [sum(s <= threshold for s in layer) for layer in scores]\n",
            Text(
                "You return how many fall in each layer. Asked is how many stay.",
                "你返回的是每层去掉的个数。题目问的是留下多少。",
            ),
        ),
    ),
)  # fmt: skip


QUESTIONS = (MERGE, COST, RANKS)
