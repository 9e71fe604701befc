"""How answers to ``solutions/recommend/generative.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import math

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-9, 1e-6)

# -- residual_codes ---------------------------------------------------------------------------------------------------


def _draw_books(generator: np.random.Generator) -> tuple:
    """Centres that are finer from level to level, and a vector; whole numbers now and then, so that there are ties."""
    d, levels = int(generator.integers(1, 4)), int(generator.integers(1, 5))
    books = [
        np.round(generator.normal(scale=4.0 / 2**level, size=(int(generator.integers(2, 6)), d)), int(generator.integers(0, 3)))
        for level in range(levels)
    ]
    return np.round(generator.normal(scale=4, size=d), 1).tolist(), [book.tolist() for book in books]


_CODES = """def residual_codes(vector, books):
    x, r, codes = np.array(vector, float), np.array(vector, float), []
    for book in books:
        b = np.array(book, float)
        d = {distance}
        k = {pick}
        codes.append(int(k))
        r = {left}
    return codes, {rest}.tolist()
"""


def _codes(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {"distance": "((r - b) ** 2).sum(1)", "pick": "np.argmin(d)", "left": "r - b[k]", "rest": "r"}
    return _CODES.format(**parts | changed)


CODES = Code(
    name="residual_codes",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Two levels, three vectors", "两层，三个向量"),
            1.5,
            inputs=(
                ([5.0, 1.0], [[[0.0, 0.0], [4.0, 0.0]], [[2.0, 0.0], [0.0, 1.0]]]),
                ([1.0, 1.0], [[[0.0, 0.0], [9.0, 9.0]], [[0.0, 3.0], [1.0, 0.5]]]),
                ([8.0, 10.0], [[[0.0, 0.0], [9.0, 9.0]], [[0.0, 3.0], [-1.0, 0.5]]]),
            ),
            expect=Text(
                "At each level the centre nearest to what the levels before have left; then that centre is taken away",
                "每一层取离前几层剩余量最近的中心，然后减去这个中心",
            ),
            advice=Text(
                "Print what is left after the first level. Is it this that your second level compares with its centres?",
                "把第一层之后剩下的向量打印出来。第二层拿来和中心比较的是它吗？",
            ),
        ),
        Case(
            "edges",
            Text("Equally near centres, one centre, no book", "等距的中心、只有一个中心、没有码本"),
            0.75,
            inputs=(([1.0], [[[0.0], [2.0]], [[1.0], [1.0]]]), ([3.0, 4.0], [[[1.0, 1.0]]]), ([2.0, -2.0], [])),
            expect=Text("The lower number of two; with no book no code and the whole vector", "两者取编号小的；没有码本时没有编码，剩下整个向量"),
            advice=Text(
                "Which number do you take where two distances are equal? Take the first smallest.",
                "两个距离相等时你取哪个编号？取第一个最小的。",
            ),
        ),
        Case("random", Text("Random books of one to four levels", "一到四层的随机码本"), 0.75, draw=_draw_books, n=25, hidden=True),
    ),
    hints=(
        Text("Keep one array, what is left. At first it is the whole vector.", "维护一个数组：剩余量。开始时它就是整个向量。"),
        Text(
            "At each level: distances of what is left to all centres, the place of the smallest, subtract that centre.",
            "每一层：算剩余量到各中心的距离，找最小的位置，减去那个中心。",
        ),
    ),
    wrong=(
        Wrong(
            "always_the_whole_vector",
            _codes(distance="((x - b) ** 2).sum(1)"),
            Text(
                "Every level compares its centres with the whole vector. From the second level on, compare with what is left.",
                "每一层都拿整个向量去比。从第二层起，要和剩余量比较。",
            ),
        ),
        Wrong(
            "largest_product",
            _codes(distance="-(b @ r)"),
            Text(
                "You take the centre with the largest product. A long centre wins that from far away: take the smallest distance.",
                "你取的是内积最大的中心。很长的中心离得远也会赢：请取距离最小的。",
            ),
        ),
        Wrong(
            "last_of_equals",
            _codes(pick="len(d) - 1 - np.argmin(d[::-1])"),
            Text("Of two equally near centres you take the higher number. The lower one counts.", "两个等距的中心你取了编号大的。应取编号小的。"),
        ),
        Wrong(
            "added",
            _codes(left="r + b[k]"),
            Text("You add the centre to what is left. Take it away.", "你把中心加到了剩余量上。应当减去。"),
        ),
        Wrong(
            "rest_is_the_sum",
            _codes(rest="(x - r)"),
            Text(
                "You return the sum of the centres. Asked is what is left of the vector after them.",
                "你返回的是各中心之和。要的是减去它们之后剩下的向量。",
            ),
        ),
    ),
)  # fmt: skip


# -- next_chances -----------------------------------------------------------------------------------------------------


def _draw_words(generator: np.random.Generator) -> tuple:
    """Some words of two or three codes, a beginning that occurs (or not, now and then), and scores."""
    size, length = int(generator.integers(2, 6)), int(generator.integers(2, 4))
    words = np.unique(generator.integers(size, size=(int(generator.integers(2, 12)), length)), axis=0)
    words = words[generator.permutation(len(words))]
    depth = int(generator.integers(0, length))
    written = words[generator.integers(len(words)), :depth] if generator.random() < 0.85 else generator.integers(size, size=depth)
    return words.tolist(), written.tolist(), np.round(generator.normal(scale=3, size=size), 2).tolist()


_CHANCES = """def next_chances(words, written, scores):
    n = len(written)
    ok = sorted(set(w[n] for w in words if {fits}))
    if {none}:
        return [0.0 for _ in scores]
    s = np.array({scores}, float)
    mask = np.zeros(len(scores), bool)
    mask[ok] = True
    e = {exp}
    return ({share}).tolist()
"""


def _chances(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "fits": "w[:n] == written", "none": "not ok", "scores": "scores",
        "exp": "np.where(mask, np.exp(np.minimum(s - s[mask].max(), 0)), 0)", "share": "e / e.sum()",
    }  # fmt: skip
    return _CHANCES.format(**parts | changed)


CHANCES = Code(
    name="next_chances",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Three words, from the first place and from the second", "三个词，从第一位和第二位开始"),
            1.5,
            inputs=(
                ([[0, 2], [0, 1], [1, 0]], [0], [9.0, 0.0, 0.0]),
                ([[0, 2], [0, 1], [1, 0]], [], [1.0, 2.0, 3.0]),
                ([[0, 2], [0, 1], [1, 0]], [1], [-1.0, 4.0, 0.0]),
            ),
            expect=Text(
                "A softmax over the codes that follow these in some word; 0 for the others; together 1",
                "对能接在后面的编码做 softmax；其余为 0；总和为 1",
            ),
            advice=Text(
                "List the codes that may follow by hand, then look at which of your chances are above 0, and at their sum.",
                "先手工列出可以接的编码，再看你的结果里哪些大于 0，以及总和是多少。",
            ),
        ),
        Case(
            "edges",
            Text("Large scores, and a beginning that no word has", "很大的分数，以及没有词以此开头"),
            1.0,
            inputs=(
                ([[0, 1], [2, 1]], [], [1000.0, 1000.0, 999.0]),
                ([[0, 1], [2, 1]], [], [-1000.0, 1000.0, -999.0]),
                ([[0, 1], [2, 1]], [1], [0.0, 0.0, 0.0]),
            ),
            expect=Text("Finite chances; all 0 where no word begins like this", "有限的概率；没有词以此开头时全为 0"),
            advice=Text(
                "exp(1000) overflows, and exp(−1000) of all that is allowed sums to 0. Subtract the largest allowed score first.",
                "exp(1000) 会溢出；若允许的都是 exp(−1000)，和会是 0。先减去允许的编码里最大的分数。",
            ),
        ),
        Case("random", Text("Random words, beginnings and scores", "随机的词、开头和分数"), 1.5, draw=_draw_words, n=25, hidden=True),
    ),
    hints=(
        Text("First the set of codes that follow: look at every word that begins with what is written.", "先求可接编码的集合：看每个以已写内容开头的词。"),
        Text(
            "Then the softmax over this set alone: e^(s − largest of the set), over the sum of these.",
            "再只对这个集合做 softmax：e^(s − 集合内最大值) 除以它们的和。",
        ),
    ),
    wrong=(
        Wrong(
            "struck_out_afterwards",
            _chances(exp="np.exp(s - s.max())", share="np.where(mask, e / e.sum(), 0)"),
            Text(
                "You take the softmax over all codes and strike out afterwards: what is left no longer sums to 1.",
                "你先对所有编码做 softmax 再划掉：剩下的不再加起来等于 1。",
            ),
        ),
        Wrong(
            "score_zero",
            _chances(exp="np.exp(np.where(mask, s, 0) - np.where(mask, s, 0).max())"),
            Text(
                "A score of 0 is a score like any other: e^0 = 1. What is not allowed needs the chance 0.",
                "分数 0 也是分数：e^0 = 1。不允许的编码概率要为 0。",
            ),
        ),
        Wrong(
            "any_word",
            _chances(fits="True"),
            Text(
                "You allow every code that some word has at this place, whatever stands before it. Compare the beginnings.",
                "你允许了任何词在这一位出现过的编码，而没看前面是什么。请比较开头。",
            ),
        ),
        Wrong(
            "last_code_alone",
            _chances(fits="n == 0 or w[n - 1] == written[-1]"),
            Text(
                "You compare only the last written code. The whole beginning must agree.",
                "你只比较了最后写的一个编码。整个开头都要一致。",
            ),
        ),
        Wrong(
            "all_alike",
            _chances(exp="mask.astype(float)"),
            Text("All allowed codes get the same chance. The scores must decide.", "所有允许的编码概率都一样。应由分数决定。"),
        ),
    ),
)  # fmt: skip


# -- beam_step --------------------------------------------------------------------------------------------------------


def _draw_beams(generator: np.random.Generator) -> tuple:
    """Beginnings of one length, chances with zeros and ties among them, and a width."""
    size, depth, n = int(generator.integers(2, 5)), int(generator.integers(1, 4)), int(generator.integers(1, 5))
    codes = np.unique(generator.integers(size, size=(n, depth)), axis=0)
    known = generator.choice([0.5, 0.25, 0.125, 0.0625], size=len(codes))
    weights = generator.choice([0.0, 1.0, 1.0, 2.0, 4.0], size=(len(codes), size)) + np.eye(size)[generator.integers(size, size=len(codes))]
    order = generator.permutation(len(codes))
    beams = [(codes[i].tolist(), math.log(known[i])) for i in order]
    return beams, (weights / weights.sum(1, keepdims=True))[order].tolist(), int(generator.integers(1, 7))


_BEAM = """def beam_step(beams, chances, width):
    out = []
    for (p, s), row in zip(beams, chances):
        one = []
        for c, q in enumerate(row):
            if {keep}:
                one.append(({longer}, {total}))
        out = out + {each}
    out = sorted(out, key=lambda o: (round({sign}o[1], 9), {tie}))
    return {cut}
"""


def _beam(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "keep": "q > 0", "longer": "p + [c]", "total": "s + math.log(q)", "each": "one", "sign": "-", "tie": "o[0]",
        "cut": "out[:width]",
    }  # fmt: skip
    return _BEAM.format(**parts | changed)


_LOG = math.log

BEAM = Code(
    name="beam_step",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Two beams, then three", "两个束，然后三个束"),
            1.5,
            inputs=(
                ([([0], _LOG(0.6)), ([1], _LOG(0.4))], [[0.5, 0.5], [0.0, 1.0]], 2),
                ([([0], _LOG(0.5)), ([1], _LOG(0.3)), ([2], _LOG(0.2))], [[0.2, 0.7, 0.1], [0.9, 0.0, 0.1], [0.0, 0.0, 1.0]], 3),
            ),
            expect=Text(
                "All longer beginnings of chance above 0, the likeliest of all of them first, no more than width",
                "所有概率大于 0 的更长开头，一起按可能性从大到小，最多 width 个",
            ),
            advice=Text(
                "Write all longer beginnings with their chances on paper: which are the largest? Then compare with what you keep.",
                "把所有更长的开头和概率写在纸上：哪些最大？再和你保留的比较。",
            ),
        ),
        Case(
            "edges",
            Text("Equal chances, fewer than width, one beam", "概率相等、少于 width、只有一个束"),
            1.0,
            inputs=(
                ([([1], _LOG(0.5)), ([0], _LOG(0.5))], [[0.5, 0.5], [0.5, 0.5]], 3),
                ([([2, 0], _LOG(0.1))], [[0.0, 1.0]], 5),
                ([([], 0.0)], [[0.25, 0.5, 0.25]], 2),
            ),
            expect=Text("Equal ones by their codes; what has the chance 0 is not there", "相等时按编码排；概率为 0 的不出现"),
            advice=Text(
                "log 0 doesn't exist: leave those out. For equal chances compare the lists of codes.",
                "log 0 不存在：去掉它们。概率相等时比较编码列表。",
            ),
        ),
        Case("random", Text("Random beams", "随机的束"), 1.5, draw=_draw_beams, n=25, hidden=True),
    ),
    hints=(
        Text("Chances multiply, so their logarithms add up.", "概率相乘，所以对数相加。"),
        Text(
            "Collect the longer beginnings of all beams in one list, sort it by (−log chance, codes), and cut it once.",
            "把所有束的更长开头放进一个列表，按（−对数概率, 编码）排序，只截一次。",
        ),
    ),
    wrong=(
        Wrong(
            "new_code_alone",
            _beam(total="math.log(q)"),
            Text(
                "You forget how likely the beginning was. Add the log chance of the beam.",
                "你忘了开头本身有多可能。要加上该束的对数概率。",
            ),
        ),
        Wrong(
            "width_for_each",
            _beam(each="sorted(one, key=lambda o: (-o[1], o[0]))[:width]", cut="out"),
            Text(
                "You keep width longer ones of each beam. The width counts all beams together.",
                "你为每个束各保留了 width 个。width 是所有束合计。",
            ),
        ),
        Wrong(
            "best_of_each",
            _beam(each="sorted(one, key=lambda o: (-o[1], o[0]))[:1]"),
            Text(
                "You go on with the best code of each beam alone. A likely beam may hold several of the best.",
                "每个束你只延续最好的一个编码。一个可能性大的束可以占多个名额。",
            ),
        ),
        Wrong(
            "least_likely_first",
            _beam(sign=""),
            Text("The least likely come first. Sort by the log chance, the largest first.", "最不可能的排在最前。按对数概率从大到小排。"),
        ),
        Wrong(
            "chance_not_log",
            _beam(total="s + q"),
            Text(
                "You add a chance to a logarithm. Add the logarithm of the new chance.",
                "你把概率加到了对数上。应加新概率的对数。",
            ),
        ),
        Wrong(
            "ties_backwards",
            _beam(tie="[-c for c in o[0]]"),
            Text(
                "Of two equally likely ones, first comes the one whose list of codes is smaller.",
                "可能性相等时，编码列表较小的排在前面。",
            ),
        ),
    ),
)  # fmt: skip

QUESTIONS = (CODES, CHANCES, BEAM)
