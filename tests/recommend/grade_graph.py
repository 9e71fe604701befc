"""How answers to ``solutions/recommend/graph.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-9, 1e-6)


def _draw_edges(generator: np.random.Generator, n_users: int, n_items: int) -> list:
    """Edges by lot; the last user and the last item have none."""
    met = generator.random((n_users, n_items)) < 0.5
    met[0, 0], met[-1], met[:, -1] = True, False, False
    return np.argwhere(met).tolist()


# -- lightgcn_forward -------------------------------------------------------------------------------------------------


def _draw_forward(generator: np.random.Generator) -> tuple:
    n_users, n_items, d = (int(generator.integers(low, low + 4)) for low in (2, 3, 1))
    vectors = np.round(generator.normal(size=(n_users + n_items, d)), 2).tolist()
    layers = int(generator.integers(1, 5))
    return _draw_edges(generator, n_users, n_items), vectors[:n_users], vectors[n_users:], layers


_FORWARD = """def lightgcn_forward(edges, users, items, layers):
    a, b = np.array(users, float), np.array(items, float)
    du, di = np.zeros(len(a)), np.zeros(len(b))
    for u, i in edges:
        du[u] += 1
        di[i] += 1
    all_a, all_b = [a], [b]
    for _ in range(layers):
        new_a, new_b = np.zeros_like(a), np.zeros_like(b)
        for u, i in edges:
            w = {weight}
            new_a[u] += w * b[i]
            new_b[i] += w * {source}[u]
        a, b = {kept}
        all_a.append(a)
        all_b.append(b)
    return {result}
"""


def _forward(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "weight": "1 / math.sqrt(du[u] * di[i])", "source": "a", "kept": "new_a, new_b",
        "result": "(sum(all_a) / (layers + 1)).tolist(), (sum(all_b) / (layers + 1)).tolist()",
    }  # fmt: skip
    return _FORWARD.format(**parts | changed)


FORWARD = Code(
    name="lightgcn_forward",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Two layers on a small graph", "小图上的两层传播"),
            2,
            inputs=(
                ([[0, 0], [0, 1], [1, 1]], [[1.0, 0.0], [0.0, 2.0]], [[3.0, 1.0], [-1.0, 1.0]], 2),
                ([[0, 1], [1, 0], [1, 1], [2, 1]], [[1.0], [4.0], [-2.0]], [[0.5], [3.0]], 2),
            ),
            expect=Text(
                "The mean of layers 0, 1 and 2, each from the layer before over edges of weight 1 / √(d_u d_i)",
                "第 0、1、2 层的均值；每层由前一层经权重 1 / √(d_u d_i) 的边得到",
            ),
            advice=Text(
                "Print layer 1 and compare it with the example done by hand; only then add the second step.",
                "先打印第 1 层，与手算的例子比较；对了再加第二步。",
            ),
        ),
        Case(
            "edges",
            Text("No layer, a node without an edge, many layers", "零层、没有边的节点、很多层"),
            1,
            inputs=(
                ([[0, 0]], [[2.0], [5.0]], [[1.0], [7.0]], 0),
                ([[0, 0]], [[2.0], [5.0]], [[1.0], [7.0]], 1),
                ([[0, 0], [1, 0], [1, 1]], [[2.0], [5.0]], [[1.0], [7.0], [3.0]], 6),
            ),
            expect=Text(
                "With 0 layers the vectors as given; a node without an edge ends at its own vector / (layers + 1)",
                "0 层时原样返回；没有边的节点得到自身向量 / (layers + 1)",
            ),
            advice=Text(
                "A node without an edge receives zeros, and the mean is over layers + 1 for it as well.",
                "没有边的节点收到的是零，均值同样除以 layers + 1。",
            ),
        ),
        Case("random", Text("Random graphs", "随机图"), 1, draw=_draw_forward, n=20, hidden=True),
    ),
    hints=(
        Text("Count the degrees first: every edge weight needs both of them.", "先数出度数：每条边的权重都要用到两端的度。"),
        Text(
            "In each step make two new arrays of zeros, go through the edges, and replace the old arrays only at the end.",
            "每一步新建两个全零数组，遍历所有边，最后才替换旧数组。",
        ),
    ),
    wrong=(
        Wrong(
            "mean_of_neighbours",
            _forward(weight="1.0", kept="new_a / np.maximum(du, 1)[:, None], new_b / np.maximum(di, 1)[:, None]"),
            Text(
                "You take the mean of the neighbours. LightGCN divides by the root of both degrees, so that a busy "
                "node keeps more than a mean and its neighbours get less of it.",
                "你取的是邻居的平均。LightGCN 除以两端度数之积的平方根。",
            ),
        ),
        Wrong(
            "no_normalisation",
            _forward(weight="1.0"),
            Text(
                "Your edges all weigh 1, so the vectors grow with every layer. Divide by √(d_u d_i).",
                "你的每条边权重都是 1，向量会逐层变大。要除以 √(d_u d_i)。",
            ),
        ),
        Wrong(
            "last_layer_alone",
            _forward(result="a.tolist(), b.tolist()"),
            Text(
                "You return the last layer. The final vector is the mean of all layers, layer 0 included.",
                "你返回的是最后一层。最终向量是包括第 0 层在内所有层的均值。",
            ),
        ),
        Wrong(
            "one_layer_too_few_counted",
            _forward(result="(sum(all_a) / layers).tolist(), (sum(all_b) / layers).tolist()"),
            Text(
                "You sum all layers and divide by `layers`. With layer 0 there are layers + 1 of them.",
                "你把所有层相加却除以 layers。算上第 0 层共有 layers + 1 层。",
            ),
        ),
        Wrong(
            "layer_zero_left_out",
            _forward(result="(sum(all_a[layers > 0:]) / max(layers, 1)).tolist(), (sum(all_b[layers > 0:]) / max(layers, 1)).tolist()"),
            Text(
                "Layer 0 is missing from the mean: a node's own vector belongs to it.",
                "均值里缺了第 0 层：节点自身的向量也要算进去。",
            ),
        ),
        Wrong(
            "items_see_new_users",
            """def lightgcn_forward(edges, users, items, layers):
    a, b = np.array(users, float), np.array(items, float)
    r = np.zeros((len(a), len(b)))
    for u, i in edges:
        r[u, i] = 1
    r = r / np.sqrt(np.maximum(r.sum(1), 1))[:, None] / np.sqrt(np.maximum(r.sum(0), 1))
    sa, sb = a.copy(), b.copy()
    for _ in range(layers):
        a = r @ b
        b = r.T @ a
        sa, sb = sa + a, sb + b
    return (sa / (layers + 1)).tolist(), (sb / (layers + 1)).tolist()
""",
            Text(
                "The items already see the users' new vectors. Compute both sides from the layer before, then replace both.",
                "商品用到了用户的新向量。两边都应由前一层算出，然后一起替换。",
            ),
        ),
    ),
)  # fmt: skip


# -- two_step_scores --------------------------------------------------------------------------------------------------


def _draw_two_step(generator: np.random.Generator) -> tuple:
    n_users, n_items = int(generator.integers(3, 8)), int(generator.integers(4, 8))
    history = generator.permutation(n_items)[: generator.integers(1, 4)].tolist()
    return _draw_edges(generator, n_users, n_items), n_items, history


_TWO = """def two_step_scores(edges, n_items, history):
    n_users = max([u for u, _ in edges], default=-1) + 1
    r = np.zeros((n_users, n_items))
    for u, i in edges:
        r[u, i] = 1
    du, di = np.maximum(r.sum(axis=1), 1), np.maximum(r.sum(axis=0), 1)
    r = {normalised}
    x = np.zeros(n_items)
    x[history] = {signal}
    s = {score}
    {mask}
    return s.tolist()
"""


def _two(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "normalised": "r / np.sqrt(du)[:, None] / np.sqrt(di)", "signal": "1.0", "score": "(x @ r.T) @ r",
        "mask": "s[history] = -math.inf",
    }  # fmt: skip
    return _TWO.format(**parts | changed)


TWO = Code(
    name="two_step_scores",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Histories of one and of two items", "一件和两件商品的历史"),
            1.5,
            inputs=(
                ([[0, 0], [0, 1], [1, 1], [1, 2], [1, 3], [2, 2], [3, 0]], 4, [0]),
                ([[0, 0], [0, 1], [0, 2], [1, 1], [1, 3], [2, 2], [2, 3]], 4, [1, 2]),
            ),
            expect=Text(
                "Sums over the users in common, of 1 / √(d_v d_i) · 1 / √(d_v d_j); -inf for the history",
                "对共同用户求和：1 / √(d_v d_i) · 1 / √(d_v d_j)；历史中的商品为 -inf",
            ),
            advice=Text(
                "Go from each item of the history to its users, and from each of these to all their items.",
                "从历史中的每件商品走到它的用户，再从每个用户走到其所有商品。",
            ),
        ),
        Case(
            "edges",
            Text("An empty history, items without an edge", "空历史、没有边的商品"),
            0.75,
            inputs=(
                ([[0, 0], [0, 1], [1, 1]], 3, []),
                ([[0, 0], [0, 1], [1, 1]], 4, [3]),
                ([[0, 0], [0, 1], [1, 1], [1, 2]], 4, [3, 0]),
            ),
            expect=Text("0 where nothing arrives; nothing is divided by 0", "没有到达的地方为 0；不会除以 0"),
            advice=Text(
                "An item without an edge has no users to go to. An empty history excludes nothing.",
                "没有边的商品没有用户可走。空历史不排除任何商品。",
            ),
        ),
        Case("random", Text("Random graphs and histories", "随机图与历史"), 0.75, draw=_draw_two_step, n=25, hidden=True),
    ),
    hints=(
        Text("With a matrix R of edge weights the whole answer is two products.", "有了边权重矩阵 R，整个答案就是两次乘法。"),
        Text(
            "The user's degree comes in twice, once on each step, so its root becomes 1 / d_v.",
            "用户的度在两步中各出现一次，因此合起来是 1 / d_v。",
        ),
    ),
    wrong=(
        Wrong(
            "counts_in_common",
            _two(normalised="r"),
            Text(
                "You count users in common. Busy users and best-sellers then decide everything: weigh each step by "
                "the roots of both degrees.",
                "你只数了共同用户。这样活跃用户和热销商品决定一切：每一步都要用两端度数的平方根加权。",
            ),
        ),
        Wrong(
            "users_not_divided",
            _two(normalised="r / np.sqrt(di)"),
            Text(
                "The users' degrees are missing. Somebody with a thousand items says little about any one of them.",
                "缺了用户的度。拥有上千件商品的人对其中任何一件都说明不了什么。",
            ),
        ),
        Wrong(
            "user_divided_once",
            _two(score="(x @ r.T) @ ((r > 0) / np.sqrt(di))"),
            Text(
                "One of your two weights lacks the user's degree d_v. Each of the two steps has the root of both degrees.",
                "两个权重中有一个缺了用户的度 d_v。两步都要除以两端度数的平方根。",
            ),
        ),
        Wrong(
            "first_weight_alone",
            _two(score="(x @ r.T) @ (r > 0)"),
            Text(
                "Only the step from the history to the users is weighed. The step on to their items has a weight too, with d_j.",
                "只有从历史走到用户的那一步有权重。从用户走到商品的那一步也有，其中含 d_j。",
            ),
        ),
        Wrong(
            "second_weight_alone",
            _two(score="(x @ (r > 0).T) @ r"),
            Text(
                "Only the step from the users to their items is weighed. The step from the history has a weight too, with d_i.",
                "只有从用户走到商品的那一步有权重。从历史出发的那一步也有，其中含 d_i。",
            ),
        ),
        Wrong(
            "random_walk",
            _two(normalised="r / du[:, None]", score="(x / di @ (r > 0).T) @ r"),
            Text(
                "You divide by whole degrees, as a random walk does. Here each step has the root of both.",
                "你像随机游走那样除以整个度数。这里每一步用的是两端度数的平方根。",
            ),
        ),
        Wrong(
            "history_listed",
            _two(mask="pass"),
            Text(
                "The history's own items have the best scores. Give them -math.inf, so that they aren't shown again.",
                "历史中的商品自己得分最高。把它们设为 -math.inf，避免再次展示。",
            ),
        ),
        Wrong(
            "signal_shared_out",
            _two(signal="1 / max(len(history), 1)"),
            Text(
                "You share the signal out over the history. Every item of it counts 1.",
                "你把信号平分给了历史中的商品。每件都应计 1。",
            ),
        ),
    ),
)  # fmt: skip


# -- swap_edges -------------------------------------------------------------------------------------------------------


def _draw_swaps(generator: np.random.Generator) -> tuple:
    n_users, n_items = int(generator.integers(4, 8)), int(generator.integers(4, 8))
    edges = generator.permutation(np.array(_draw_edges(generator, n_users, n_items)))
    while len(edges) < 4:
        edges = generator.permutation(np.array(_draw_edges(generator, n_users, n_items)))
    swaps = [generator.permutation(len(edges))[:2].tolist() for _ in range(12)]
    return edges.tolist(), swaps


_SWAP = """def swap_edges(edges, swaps):
    now = {copy}
    for a, b in swaps:
        (u, i), (v, j) = now[a], now[b]
        if {free}:
            {change}
    return [list(pair) for pair in now]
"""


def _swap(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "copy": "[list(pair) for pair in edges]", "free": "[u, j] not in now and [v, i] not in now",
        "change": "now[a], now[b] = [u, j], [v, i]",
    }  # fmt: skip
    return _SWAP.format(**parts | changed)


SWAP = Code(
    name="swap_edges",
    agree=close(),
    cases=(
        Case(
            "basic",
            Text("Swaps that are free and swaps that are refused", "可行的交换与被拒绝的交换"),
            1.5,
            inputs=(
                ([[0, 0], [1, 1], [2, 2], [2, 0]], [[0, 1], [1, 3], [2, 0], [3, 2]]),
                ([[0, 1], [1, 2], [2, 3], [3, 1], [0, 2]], [[2, 0], [3, 1], [4, 2], [0, 3]]),
            ),
            expect=Text(
                "u–i, v–j become u–j, v–i in their places, unless one of these is there already",
                "u–i、v–j 在原位变成 u–j、v–i；若其一已存在则不变",
            ),
            advice=Text(
                "Work on one list that changes as you go: a later swap sees what the earlier ones made.",
                "在同一个不断变化的列表上操作：后面的交换看到的是前面交换的结果。",
            ),
        ),
        Case(
            "edges",
            Text("Nothing to try, one user, the same edge twice, the given list kept", "没有交换、同一用户、同一条边、原列表不变"),
            0.75,
            inputs=(
                ([[0, 0], [1, 1]], []),
                ([[0, 0], [0, 1], [1, 2]], [[0, 1], [1, 2]]),
                ([[0, 0], [1, 1]], [[0, 1], [1, 0]]),
                ([[0, 3], [1, 3], [2, 1]], [[0, 1], [1, 2]]),
            ),
            expect=Text("Two edges of one user or one item stay", "同一用户或同一商品的两条边保持不变"),
            advice=Text(
                "Test both new edges against the whole list, the two old edges included.",
                "用整个列表（包括两条旧边）检查两条新边。",
            ),
        ),
        Case("random", Text("Random edges and swaps", "随机的边与交换"), 0.75, draw=_draw_swaps, n=25, hidden=True),
    ),
    hints=(
        Text("Copy the list first, then look up places a and b in the copy.", "先复制列表，再在副本中取位置 a 和 b。"),
        Text(
            "Users stay in their places; only the two items change sides.",
            "用户留在原位，只有两件商品互换。",
        ),
    ),
    wrong=(
        Wrong(
            "never_refused",
            _swap(free="True"),
            Text(
                "You swap even where the new edge is there already. Then one edge stands twice, and a degree is lost.",
                "即使新边已存在你也交换了。这样一条边会出现两次，度数也就变了。",
            ),
        ),
        Wrong(
            "one_side_checked",
            _swap(free="[u, j] not in now"),
            Text(
                "You check one of the two new edges only. Either may be there already.",
                "你只检查了两条新边中的一条。任何一条都可能已存在。",
            ),
        ),
        Wrong(
            "checked_against_the_start",
            _swap(free="[u, j] not in edges and [v, i] not in edges"),
            Text(
                "You look the new edges up in the list as it was given. Earlier swaps have changed it: look at it as it is now.",
                "你是在最初给定的列表里查找新边。之前的交换已改变了它：应查看当前的列表。",
            ),
        ),
        Wrong(
            "users_moved",
            _swap(change="now[a], now[b] = [v, i], [u, j]"),
            Text(
                "The edges are right, their places are not: u stays in the place of the first edge and v in that of "
                "the second.",
                "边是对的，位置不对：u 留在第一条边的位置，v 留在第二条的位置。",
            ),
        ),
        Wrong(
            "both_ends_swapped",
            _swap(change="now[a], now[b] = [v, j], [u, i]"),
            Text(
                "You exchange the whole edges, so nothing changes but their order. Exchange the items alone.",
                "你交换了整条边，除了顺序什么都没变。只交换商品。",
            ),
        ),
    ),
)  # fmt: skip

QUESTIONS = (FORWARD, TWO, SWAP)
