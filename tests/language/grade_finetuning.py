"""How answers to ``solutions/language/finetuning.py`` are graded. There are no answers here."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

# -- info_nce ---------------------------------------------------------------------------------------------------------


def _scores(random: np.random.Generator, b: int) -> np.ndarray:
    return np.round(random.uniform(-1, 1, (b, b)), 3)


def _draw_apart(random: np.random.Generator) -> tuple:
    b = int(random.integers(2, 9))
    return (_scores(random, b), [f"q{n}" for n in range(b)], [f"p{n}" for n in range(b)],
            float(random.choice([0.1, 0.2, 0.5, 1.0])))  # fmt: skip


def _draw_shared(random: np.random.Generator) -> tuple:
    """Some pairs share their query, others their product."""
    b = int(random.integers(4, 10))
    q, p = random.integers(0, b - 1, b), random.integers(0, b - 1, b)
    return (_scores(random, b), [f"q{n}" for n in q], [f"p{n}" for n in p], float(random.choice([0.1, 0.5, 1.0])))


def _draw_large(random: np.random.Generator) -> tuple:
    scores, queries, products, _ = _draw_apart(random)
    return scores * 1000, queries, products, 0.5


_A, _B = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[0.2, 0.8, -0.1], [0.3, 0.5, 0.0], [-0.6, 0.7, 0.1]])

INFO_NCE = Code(
    name="info_nce",
    cases=(
        Case(
            "basic",
            Text("Pairs that share nothing", "没有重复的样本对"),
            1.0,
            inputs=(
                (_A, ["q1", "q2"], ["p1", "p2"], 0.5),
                (_B, ["q1", "q2", "q3"], ["p1", "p2", "p3"], 1.0),
                (_B, ["q1", "q2", "q3"], ["p1", "p2", "p3"], 0.2),
            ),
            expect=Text(
                "The mean over the rows of −ln(share of the own product)", "各行“自身商品所占份额”的负对数的平均值"
            ),
            advice=Text(
                "Take the first row alone: divide by the temperature, take exponents, divide the first by the sum.",
                "先只看第一行：除以温度，取指数，再用第一个数除以总和。",
            ),
        ),
        Case(
            "query",
            Text("Two pairs share their query", "两个样本对的查询相同"),
            0.75,
            inputs=((_B, ["q1", "q1", "q3"], ["p1", "p2", "p3"], 0.5), (_A, ["q", "q"], ["p1", "p2"], 0.5)),
            expect=Text(
                "The other product of the same query is no negative: its column is left out of the row's sum",
                "同一查询的另一个商品不是负样本：该列不计入这一行的总和",
            ),
            advice=Text(
                "Print which columns count for each row: row i, column j counts when both ids differ, or when i is j.",
                "打印每一行计入哪些列：当两个编号都不同，或 i 等于 j 时，第 i 行第 j 列才计入。",
            ),
        ),
        Case(
            "product",
            Text("Two pairs share their product", "两个样本对的商品相同"),
            0.75,
            inputs=((_B, ["q1", "q2", "q3"], ["p1", "p2", "p1"], 0.5),),
            expect=Text("A second copy of the own product is no negative", "自身商品的第二份副本不是负样本"),
            advice=Text(
                "The rule has two halves: the query must differ, and the product must differ.",
                "规则有两半：查询必须不同，商品也必须不同。",
            ),
        ),
        Case("one", Text("A batch of one pair", "只有一个样本对的批次"), 0.25,
             inputs=((np.array([[0.3]]), ["q1"], ["p1"], 0.1),),
             expect=Text("0: there is nothing to confuse it with", "0：没有可混淆的对象"),
             advice=Text("ln(1) is 0.", "ln(1) 等于 0。")),
        Case("large", Text("Large scores", "很大的分数"), 0.5, draw=_draw_large, n=10, hidden=True),
        Case("apart", Text("Random batches that share nothing", "没有重复的随机批次"), 0.25, draw=_draw_apart, n=20,
             hidden=True),
        Case("shared", Text("Random batches with duplicates", "含重复的随机批次"), 0.5, draw=_draw_shared, n=30,
             hidden=True),
    ),
    agree=close(1e-6, 1e-6),
    hints=(
        Text(
            "Make a matrix of true and false first: which columns count in which row? Then put minus infinity where a "
            "column doesn't count; its exponent is 0.",
            "先做一个真假矩阵：每一行计入哪些列？不计入的位置填负无穷，它的指数是 0。",
        ),
        Text(
            "np.array(queries)[:, None] != np.array(queries)[None, :] compares all with all. np.fill_diagonal puts the "
            "own column back.",
            "np.array(queries)[:, None] != np.array(queries)[None, :] 可以两两比较。np.fill_diagonal 把自身那一列放回来。",
        ),
        Text(
            "ln of a sum of exponents: with m the largest of the row, it is m + ln(sum(exp(x − m))). The loss of a row "
            "is that minus its own x; at the end, the mean.",
            "指数和的对数：设 m 为该行最大值，结果是 m + ln(sum(exp(x − m)))。一行的损失是它减去自身的 x，最后取平均。",
        ),
    ),
    wrong=(
        Wrong(
            "no_protection",
            "def info_nce(scores, queries, products, temperature):\n"
            "    x = np.asarray(scores, dtype=float) / temperature\n"
            "    top = x.max(axis=1)\n"
            "    return float((top + np.log(np.exp(x - top[:, None]).sum(axis=1)) - np.diag(x)).mean())\n",
            Text(
                "All columns count in your sum, duplicates too: a second pair of the same query or product is punished "
                "as a negative.",
                "你的总和计入了所有列，包括重复项：同一查询或同一商品的另一对被当作负样本受罚。",
            ),
        ),
        Wrong(
            "both_must_agree",
            "def info_nce(scores, queries, products, temperature):\n"
            "    x = np.asarray(scores, dtype=float) / temperature\n"
            "    q, p = np.array(queries), np.array(products)\n"
            "    counts = (q[:, None] != q[None, :]) | (p[:, None] != p[None, :])\n"
            "    np.fill_diagonal(counts, True)\n"
            "    x = np.where(counts, x, -np.inf)\n"
            "    top = x.max(axis=1)\n"
            "    return float((top + np.log(np.exp(x - top[:, None]).sum(axis=1)) - np.diag(x)).mean())\n",
            Text(
                "You leave a column out only where query and product both agree. One of the two is enough: another "
                "product of the same query is a right answer too.",
                "你只在查询和商品都相同时才排除该列。其实只要有一个相同就够了：同一查询的另一个商品也是正确答案。",
            ),
        ),
        Wrong(
            "multiplied",
            "def info_nce(scores, queries, products, temperature):\n"
            "    x = np.asarray(scores, dtype=float) * temperature\n"
            "    q, p = np.array(queries), np.array(products)\n"
            "    counts = (q[:, None] != q[None, :]) & (p[:, None] != p[None, :])\n"
            "    np.fill_diagonal(counts, True)\n"
            "    x = np.where(counts, x, -np.inf)\n"
            "    top = x.max(axis=1)\n"
            "    return float((top + np.log(np.exp(x - top[:, None]).sum(axis=1)) - np.diag(x)).mean())\n",
            Text(
                "Scores are divided by the temperature, not multiplied: a small temperature makes differences larger.",
                "分数应除以温度，而不是相乘：温度越小，差别越大。",
            ),
        ),
        Wrong(
            "zeroed",
            "def info_nce(scores, queries, products, temperature):\n"
            "    x = np.asarray(scores, dtype=float) / temperature\n"
            "    q, p = np.array(queries), np.array(products)\n"
            "    counts = (q[:, None] != q[None, :]) & (p[:, None] != p[None, :])\n"
            "    np.fill_diagonal(counts, True)\n"
            "    x = np.where(counts, x, 0.0)\n"
            "    top = x.max(axis=1)\n"
            "    return float((top + np.log(np.exp(x - top[:, None]).sum(axis=1)) - np.diag(x)).mean())\n",
            Text(
                "A score of 0 doesn't leave a column out: its exponent is 1 and still stands in the sum.",
                "把分数设为 0 并不能排除该列：它的指数是 1，仍在总和里。",
            ),
        ),
        Wrong(
            "overflow",
            "def info_nce(scores, queries, products, temperature):\n"
            "    x = np.exp(np.asarray(scores, dtype=float) / temperature)\n"
            "    q, p = np.array(queries), np.array(products)\n"
            "    counts = (q[:, None] != q[None, :]) & (p[:, None] != p[None, :])\n"
            "    np.fill_diagonal(counts, True)\n"
            "    return float(-np.log(np.diag(x) / (x * counts).sum(axis=1)).mean())\n",
            Text(
                "Right for small scores; for large ones exp runs out of numbers. Subtract each row's largest first.",
                "小分数时正确；分数很大时 exp 会溢出。请先减去每行的最大值。",
            ),
        ),
    ),
)

# -- macro_f1 ---------------------------------------------------------------------------------------------------------


def _draw_labels(random: np.random.Generator) -> tuple:
    n = int(random.integers(8, 40))
    truth = random.choice(list("ESCI"), n, p=[0.15, 0.35, 0.1, 0.4])
    guess = np.where(random.random(n) < 0.5, truth, random.choice(list("ESCI"), n))
    return truth.tolist(), guess.tolist()


def _draw_few(random: np.random.Generator) -> tuple:
    """Short lists, in which a label is often guessed but never true, or the other way round."""
    n = int(random.integers(1, 6))
    return random.choice(list("ESI"), n).tolist(), random.choice(list("ESCI"), n).tolist()


MACRO_F1 = Code(
    name="macro_f1",
    cases=(
        Case(
            "basic",
            Text("Labels that are true and guessed", "既出现又被猜到的标签"),
            1.0,
            inputs=(
                (list("EEIIII"), list("EIIIIE")),
                (list("ESCISS"), list("ESCIEC")),
                (list("SISISI"), list("SSSIII")),
            ),
            expect=Text(
                "The mean over the labels of 2 · right / (true + guessed)", "各标签 2 · 猜对数 /（真实数 + 猜测数）的平均值"
            ),
            advice=Text(
                "Count three numbers for one label by hand: how often it is true, how often guessed, how often both.",
                "为一个标签手数三个数：真实出现几次、被猜几次、两者同时几次。",
            ),
        ),
        Case(
            "never_guessed",
            Text("A label that is never guessed", "从未被猜到的标签"),
            0.5,
            inputs=((list("EIIII"), list("IIIII")), (list("ECSSII"), list("ESSSII"))),
            expect=Text("It counts 0 and stays in the mean", "它计 0，并且仍在平均之内"),
            advice=Text("Take the labels from truth, not from guess.", "标签应取自 truth，而不是 guess。"),
        ),
        Case(
            "never_true",
            Text("A label that is guessed but never true", "被猜到但从未真实出现的标签"),
            0.5,
            inputs=((list("EEII"), list("ECII")), (list("SS"), list("SC"))),
            expect=Text("It has no part of its own in the mean", "它在平均中没有自己的一项"),
            advice=Text("The mean goes over the labels in truth alone.", "只对 truth 中出现的标签取平均。"),
        ),
        Case("empty", Text("Nothing to measure", "没有可评估的样本"), 0.25, inputs=(([], []),),
             expect=Text("“Not a number”", "“非数”（NaN）"),
             advice=Text("Return math.nan for empty lists.", "列表为空时返回 math.nan。")),
        Case("random", Text("Random labels", "随机标签"), 0.5, draw=_draw_labels, n=30, hidden=True),
        Case("few", Text("Random short lists", "随机短列表"), 0.25, draw=_draw_few, n=40, hidden=True),
    ),
    hints=(
        Text("Write the F1 of one label first; then a loop over the labels, and a mean.",
             "先写一个标签的 F1，再对标签循环并取平均。"),
        Text(
            "zip(truth, guess) walks through both lists; a label's right guesses are where both are that label.",
            "zip(truth, guess) 同时遍历两个列表；某标签的猜对数是两者都等于它的次数。",
        ),
        Text(
            "set(truth) are the labels of the mean. truth.count(label) + guess.count(label) is the denominator, and it is "
            "never 0 for them.",
            "set(truth) 是取平均的标签。分母是 truth.count(label) + guess.count(label)，对它们来说不会为 0。",
        ),
    ),
    wrong=(
        Wrong(
            "accuracy",
            "def macro_f1(truth, guess):\n"
            "    if not truth:\n"
            "        return math.nan\n"
            "    return sum(t == g for t, g in zip(truth, guess)) / len(truth)\n",
            Text(
                "That is the share of right guesses, in which the majority label speaks loudest. Take the mean over labels.",
                "这是猜对的比例，多数标签的声音最大。请对标签取平均。",
            ),
        ),
        Wrong(
            "recall",
            "def macro_f1(truth, guess):\n"
            "    if not truth:\n"
            "        return math.nan\n"
            "    values = []\n"
            "    for label in sorted(set(truth)):\n"
            "        right = sum(t == g == label for t, g in zip(truth, guess))\n"
            "        values.append(right / truth.count(label))\n"
            "    return sum(values) / len(values)\n",
            Text(
                "You divide by how often the label is true: that is recall. Guessing a label too often must cost something, "
                "so its guesses stand in the denominator too.",
                "你除以了标签真实出现的次数：那是召回率。猜得过多也要付出代价，所以分母里还要有被猜的次数。",
            ),
        ),
        Wrong(
            "all_labels",
            "def macro_f1(truth, guess):\n"
            "    if not truth:\n"
            "        return math.nan\n"
            "    values = []\n"
            "    for label in sorted(set(truth) | set(guess)):\n"
            "        right = sum(t == g == label for t, g in zip(truth, guess))\n"
            "        values.append(2 * right / (truth.count(label) + guess.count(label)))\n"
            "    return sum(values) / len(values)\n",
            Text(
                "A label that is guessed but never true is in your mean with a 0. The mean goes over the labels that occur "
                "in truth.",
                "被猜到但从未真实出现的标签以 0 计入了你的平均。平均只对 truth 中出现的标签。",
            ),
        ),
        Wrong(
            "guessed_labels",
            "def macro_f1(truth, guess):\n"
            "    if not truth:\n"
            "        return math.nan\n"
            "    values = []\n"
            "    for label in sorted(set(truth) & set(guess)):\n"
            "        right = sum(t == g == label for t, g in zip(truth, guess))\n"
            "        values.append(2 * right / (truth.count(label) + guess.count(label)))\n"
            "    return sum(values) / len(values) if values else 0.0\n",
            Text(
                "A label that is true but never guessed is missing from your mean. It is the one that macro-F1 is there for: "
                "it counts 0.",
                "真实出现但从未被猜到的标签不在你的平均里。宏平均 F1 正是为它而设：它计 0。",
            ),
        ),
    ),
)

# -- best_temperature -------------------------------------------------------------------------------------------------

_GRID = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]


def _model(random: np.random.Generator, scale: float, n: int = 200) -> tuple[np.ndarray, list[int]]:
    """Logits that are ``scale`` times too large, with labels drawn from the honest probabilities."""
    honest = random.normal(0, 2, (n, 4))
    p = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    targets = (p.cumsum(axis=1) < random.random((n, 1))).sum(axis=1).clip(max=3)
    return np.round(honest * scale, 3), [int(one) for one in targets]


def _draw_model(random: np.random.Generator) -> tuple:
    logits, targets = _model(random, float(random.choice([0.25, 0.5, 1.0, 2.0, 4.0])))
    return logits, targets, [float(one) for one in random.permutation(_GRID)]


def _draw_wild(random: np.random.Generator) -> tuple:
    """Logits far too large for exp."""
    logits, targets = _model(random, 200.0, 60)
    return logits, targets, [10.0, 50.0, 200.0, 800.0, 5.0]


_SURE = np.array([[4.0, 0, 0], [0, 5, 1], [3, 0, 1], [0, 1, 4], [5, 1, 0], [1, 4, 0]])

TEMPERATURE = Code(
    name="best_temperature",
    cases=(
        Case(
            "basic",
            Text("A model that is too sure, and one that is not sure enough", "过于自信和不够自信的模型"),
            1.25,
            inputs=(
                (_SURE, [0, 1, 2, 2, 1, 1], [1.0, 2.0, 0.5, 8.0]),
                (_SURE / 4, [0, 1, 0, 2, 0, 1], [1.0, 4.0, 0.25, 2.0]),
                (_SURE, [0, 1, 2, 2, 1, 1], [0.5, 1.0]),
                (np.array([[0.2, 0.0], [0.1, 0.3], [0.0, 0.4]]), [0, 1, 1], [3.0, 1.0, 0.2]),
            ),
            expect=Text(
                "The temperature at which the right classes have the highest probabilities, by the mean of their logarithms",
                "使正确类别概率（按对数的平均）最高的温度",
            ),
            advice=Text(
                "Print the cross-entropy of each temperature in the grid; the answer is where it is smallest.",
                "打印网格中每个温度的交叉熵；最小的那个就是答案。",
            ),
        ),
        Case(
            "single",
            Text("A grid of one temperature", "网格里只有一个温度"),
            0.25,
            inputs=((_SURE, [0, 1, 0, 2, 0, 1], [1.5]),),
            expect=Text("That temperature", "就是那个温度"),
            advice=Text("min over a list of one is that one.", "只有一个元素时，min 就是它。"),
        ),
        Case("random", Text("Random models", "随机模型"), 0.75, draw=_draw_model, n=25, hidden=True),
        Case("wild", Text("Very large logits", "很大的 logit"), 0.75, draw=_draw_wild, n=10, hidden=True),
    ),
    hints=(
        Text(
            "Write a small function that gives the cross-entropy for one temperature. min(grid, key=that function) does "
            "the rest.",
            "写一个小函数，给出某个温度下的交叉熵。min(grid, key=该函数) 完成剩下的事。",
        ),
        Text(
            "The logarithm of the softmax is x − ln(sum(exp(x))) with x = logits / T. Subtract each row's largest x first.",
            "softmax 的对数是 x − ln(sum(exp(x)))，其中 x = logits / T。先减去每行最大的 x。",
        ),
        Text(
            "log_p[np.arange(n), targets] picks the right class of each row. Mean, minus sign, done.",
            "log_p[np.arange(n), targets] 取出每行的正确类别。取平均，加负号，即可。",
        ),
    ),
    wrong=(
        Wrong(
            "multiplied",
            "def best_temperature(logits, targets, grid):\n"
            "    def cross_entropy(temperature):\n"
            "        x = np.asarray(logits, dtype=float) * temperature\n"
            "        x = x - x.max(axis=1, keepdims=True)\n"
            "        log_p = x - np.log(np.exp(x).sum(axis=1, keepdims=True))\n"
            "        return -log_p[np.arange(len(targets)), targets].mean()\n"
            "    return float(min(grid, key=cross_entropy))\n",
            Text("You multiply by the temperature. Dividing is what makes a high one less sure.",
                 "你乘以了温度。应当相除，温度越高才越不自信。"),
        ),
        Wrong(
            "accuracy",
            "def best_temperature(logits, targets, grid):\n"
            "    def error(temperature):\n"
            "        x = np.asarray(logits, dtype=float) / temperature\n"
            "        return float((x.argmax(axis=1) != np.array(targets)).mean())\n"
            "    return float(min(grid, key=error))\n",
            Text(
                "You count wrong decisions. No temperature changes a decision, so all of them look alike: measure the "
                "probabilities.",
                "你数的是错误的判断。温度不会改变判断，所以各个温度看起来都一样：应当衡量概率。",
            ),
        ),
        Wrong(
            "surest",
            "def best_temperature(logits, targets, grid):\n"
            "    def unsure(temperature):\n"
            "        x = np.asarray(logits, dtype=float) / temperature\n"
            "        x = x - x.max(axis=1, keepdims=True)\n"
            "        p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)\n"
            "        return -p.max(axis=1).mean()\n"
            "    return float(min(grid, key=unsure))\n",
            Text(
                "You take the temperature at which the model is surest, whether it is right or not. The right class is what "
                "counts.",
                "你取的是模型最自信的温度，不管它对不对。要看的是正确类别。",
            ),
        ),
        Wrong(
            "worst",
            "def best_temperature(logits, targets, grid):\n"
            "    def cross_entropy(temperature):\n"
            "        x = np.asarray(logits, dtype=float) / temperature\n"
            "        x = x - x.max(axis=1, keepdims=True)\n"
            "        log_p = x - np.log(np.exp(x).sum(axis=1, keepdims=True))\n"
            "        return log_p[np.arange(len(targets)), targets].mean()\n"
            "    return float(min(grid, key=cross_entropy))\n",
            Text("The minus sign is missing: you return the temperature with the largest cross-entropy.",
                 "缺少负号：你返回的是交叉熵最大的温度。"),
        ),
    ),
)

QUESTIONS = (INFO_NCE, MACRO_F1, TEMPERATURE)
