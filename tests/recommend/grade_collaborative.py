"""How answers to ``solutions/recommend/collaborative.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-8, 1e-6)


def _draw_histories(generator: np.random.Generator) -> tuple:
    """A few users with a few items, some of them twice."""
    n_items, n_users = int(generator.integers(4, 9)), int(generator.integers(4, 10))
    histories = [generator.integers(n_items, size=generator.integers(2, 7)).tolist() for _ in range(n_users)]
    return histories, n_items, int(generator.integers(n_users))


_COSINE = """def cosine_scores(histories, n_items, user):
    x = np.zeros((len(histories), n_items))
    for u, items in enumerate(histories):
        for i in items:
            x[u, i] {enter}
    co = x.T @ x
    n = {had}
    s = co / {length}
    {diagonal}
    return ({vote}).tolist()
"""


def _cosine(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "enter": "= 1", "had": "np.maximum(np.diag(co), 1)", "length": "np.sqrt(np.outer(n, n))",
        "diagonal": "np.fill_diagonal(s, 0)", "vote": "x[user] @ s",
    }  # fmt: skip
    return _COSINE.format(**parts | changed)


#: pair by pair: here 0 / 0 spoils the one item that nobody had, and nothing else
_ONE_BY_ONE = """def cosine_scores(histories, n_items, user):
    sets = [set(items) for items in histories]
    n = np.array([sum(i in items for items in sets) for i in range(n_items)])
    out = []
    for i in range(n_items):
        s = 0.0
        for j in sets[user] - {i}:
            s += sum(i in items and j in items for items in sets) / np.sqrt(n[j] * n[i])
        out.append(float(s))
    return out
"""


COSINE = Code(
    name="cosine_scores",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Four users, three or four items", "四个用户，三四件商品"),
            2.0,
            inputs=(
                ([[0, 1], [0, 1, 3], [2, 1], [0, 2]], 4, 3),
                ([[0, 1, 2], [0, 2], [1, 3], [3, 0], [0]], 4, 1),
            ),
            expect=Text("For each item the sum of the cosines with the other items of the history", "每件商品：与历史中其他商品的余弦之和"),
            advice=Text(
                "Count users, not events: how many had both, and how many had each?", "数用户而不是事件：多少人两件都有，各有多少人？"
            ),
        ),
        Case(
            "edges",
            Text("Repeated items, and items that nobody had", "重复的商品，以及没人有过的商品"),
            1.0,
            inputs=(([[0, 0, 1], [0, 1, 1], [1, 2, 0]], 5, 0), ([[1, 1], [2, 1]], 4, 0)),
            expect=Text("A repeat counts once; an item without users gets 0", "重复只算一次；没有用户的商品得 0"),
            advice=Text("Nobody had the last item: what do you divide by?", "最后一件没人有过：你除以什么？"),
        ),
        Case("random", Text("Random histories", "随机历史"), 1.0, draw=_draw_histories, n=20, hidden=True),
    ),
    hints=(
        Text("With X of 0 and 1, XᵀX holds all counts of pairs; its diagonal the counts of items.", "X 为 0/1 时，XᵀX 就是所有共现数，对角线是各商品的人数。"),
        Text("Set the diagonal of the cosines to 0 before the votes are added.", "在把票相加之前，把余弦矩阵的对角线设为 0。"),
    ),
    wrong=(
        Wrong("itself", _cosine(diagonal="pass"), Text("An item of the history votes for itself. Leave j = i out of the sum.", "历史中的商品给自己投了票。求和时去掉 j = i。")),
        Wrong("only_counts", _cosine(length="1.0"), Text("You add counts of pairs, so that popular items win everywhere. Divide by √(n_j n_i).", "你加的是共现次数，热门商品处处领先。请除以 √(n_j n_i)。")),
        Wrong("no_root", _cosine(length="np.outer(n, n)"), Text("The square root is missing: you divide by n_j · n_i.", "缺少平方根：你除以了 n_j · n_i。")),
        Wrong("repeats", _cosine(enter="+= 1"), Text("An item that stands twice in a history counts twice. It should count once.", "历史中出现两次的商品被算了两次，应只算一次。")),
        Wrong("nobody_spoils_all", _cosine(had="np.diag(co)"), Text("Where nobody had an item you divide 0 by 0. That gives nan, and nan times 0 is nan again, so it reaches all scores. Divide by 1 where n is 0.", "没人有过的商品处你算了 0 / 0，得到 nan；nan 乘 0 仍是 nan，于是所有分数都成了 nan。n 为 0 处请除以 1。")),
        Wrong("nobody_is_nan", _ONE_BY_ONE, Text("An item that nobody had gets 0 / 0, which is nan. Its score is 0.", "没人有过的商品得到 0 / 0，即 nan。它的分数应为 0。")),
        Wrong("one_sided", _cosine(length="n[:, None]"), Text("You divide by n_j alone: the popularity of the item that is scored must count too.", "你只除以 n_j：被打分商品的热度也要计入。")),
    ),
)  # fmt: skip


def _draw_step(generator: np.random.Generator) -> tuple:
    """Vectors of a small catalogue and a user with some of its items."""
    n, d = int(generator.integers(4, 10)), int(generator.integers(1, 4))
    had = generator.choice(n, size=int(generator.integers(1, n)), replace=False)
    vectors = np.round(generator.normal(size=(n, d)), 2)
    return vectors.tolist(), had.tolist(), float(generator.choice([2.0, 10.0])), float(generator.choice([0.5, 3.0]))


_STEP = """def user_step(item_vectors, had, alpha, lam):
    q = np.array(item_vectors, dtype=float)
    own = q[{own}]
    left = {all} + {more} * own.T @ own + {ridge} * np.eye(q.shape[1])
    return np.linalg.solve(left, {weight} * own.sum(axis=0)).tolist()
"""


def _step(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {"own": "np.array(had, dtype=int)", "all": "q.T @ q", "more": "(alpha - 1)", "ridge": "lam", "weight": "alpha"}
    return _STEP.format(**parts | changed)


STEP = Code(
    name="user_step",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Two small catalogues", "两个小商品库"),
            2.0,
            inputs=(
                ([[1.0, 0.5], [2.0, -1.0], [0.0, 1.5]], [0, 2], 4.0, 2.0),
                ([[1.0], [3.0], [0.5]], [1], 5.0, 0.5),
            ),
            expect=Text("The solution of (Qᵀ C Q + λI) p = Qᵀ C y", "(Qᵀ C Q + λI) p = Qᵀ C y 的解"),
            advice=Text("Set the derivative to 0. Which items stand in the first matrix, which on the right?", "令导数为 0。左边的矩阵含哪些商品，右边含哪些？"),
        ),
        Case(
            "edges",
            Text("A user without an item, and one with all", "没有商品的用户，以及全都有的用户"),
            1.0,
            inputs=(([[1.0, 0.0], [0.5, 2.0]], [], 3.0, 1.0), ([[1.0, 0.0], [0.5, 2.0]], [1, 0], 3.0, 1.0)),
            expect=Text("Zeros for the one without", "没有商品的得到全零"),
            advice=Text("An empty list as an index has no type: np.array([], dtype=int) has one.", "空列表作索引没有类型：np.array([], dtype=int) 有。"),
        ),
        Case("random", Text("Random vectors", "随机向量"), 1.0, draw=_draw_step, n=20, hidden=True),
    ),
    hints=(
        Text("An item that was not had still pulls the score to 0, with confidence 1.", "没有过的商品也以置信度 1 把分数拉向 0。"),
        Text("Qᵀ C Q = QᵀQ + (α − 1) Σ q qᵀ over the items had; the right side is α Σ q over them.", "Qᵀ C Q = QᵀQ + (α − 1) Σ q qᵀ（对有过的商品）；右边是 α Σ q。"),
    ),
    wrong=(
        Wrong("own_items_alone", _step(all="0 * q.T @ q", more="alpha"), Text("You fit the user's own items alone. Empty cells count too, with confidence 1.", "你只拟合了用户自己的商品。空格也要计入，置信度为 1。")),
        Wrong("alpha_twice", _step(more="alpha"), Text("Own items have confidence 1 + α in your matrix: take out the 1 that QᵀQ already holds.", "在你的矩阵里自己的商品置信度是 1 + α：请减去 QᵀQ 已含的 1。")),
        Wrong("right_without_alpha", _step(weight="1.0"), Text("The right side is Qᵀ C y: the confidence α is missing there.", "右边是 Qᵀ C y：那里缺少置信度 α。")),
        Wrong("no_ridge", _step(ridge="0.0 * lam + 1e-9"), Text("λ is missing from the matrix.", "矩阵里缺少 λ。")),
    ),
)  # fmt: skip


def _draw_x(generator: np.random.Generator) -> tuple:
    """A small table of 0 and 1."""
    n, m = int(generator.integers(4, 12)), int(generator.integers(2, 6))
    x = (generator.random((n, m)) < 0.5).astype(int)
    x[0, :2] = 1
    return x.tolist(), float(generator.choice([0.5, 2.0, 10.0]))


_EASE = """def ease_matrix(x, lam):
    x = np.array(x, dtype=float)
    g = {gram}
    p = np.linalg.inv(g + {ridge})
    b = {sign}p / {by}
    {diagonal}
    return b.tolist()
"""


def _ease(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "gram": "x.T @ x", "ridge": "lam * np.eye(len(g))", "sign": "-", "by": "np.diag(p)[None, :]",
        "diagonal": "np.fill_diagonal(b, 0)",
    }  # fmt: skip
    return _EASE.format(**parts | changed)


EASE = Code(
    name="ease_matrix",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Three users, three items", "三个用户，三件商品"),
            2.0,
            inputs=(([[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]], 2.0), ([[1, 1], [1, 0], [1, 1]], 1.0)),
            expect=Text("−P_ij / P_jj off the diagonal, 0 on it", "非对角为 −P_ij / P_jj，对角为 0"),
            advice=Text("A whole column j is divided by P_jj. In numpy, which way is a row of numbers spread?", "整列 j 除以 P_jj。numpy 里一行数沿哪个方向展开？"),
        ),
        Case("random", Text("Random tables", "随机表"), 1.0, draw=_draw_x, n=20, hidden=True),
    ),
    hints=(
        Text("XᵀX is items × items.", "XᵀX 是 商品 × 商品。"),
        Text("p / np.diag(p) divides column j by P_jj; then set the diagonal to 0.", "p / np.diag(p) 把第 j 列除以 P_jj；再把对角线设为 0。"),
    ),
    wrong=(
        Wrong("rows", _ease(by="np.diag(p)[:, None]"), Text("You divide rows, so B is turned over: divide column j by P_jj.", "你除的是行，B 被转置了：请把第 j 列除以 P_jj。")),
        Wrong("sign", _ease(sign=""), Text("The minus sign is missing: items that go together get negative weights.", "缺少负号：一起出现的商品得到了负权重。")),
        Wrong("diagonal", _ease(diagonal="pass"), Text("The diagonal must be 0, or each item predicts itself.", "对角线必须为 0，否则每件商品预测自己。")),
        Wrong("no_ridge", _ease(ridge="1e-6 * lam * np.eye(len(g))"), Text("λ is missing: rare items then get wild weights.", "缺少 λ：罕见商品的权重会失控。")),
    ),
)  # fmt: skip

QUESTIONS = (COSINE, STEP, EASE)
