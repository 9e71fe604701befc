"""How answers to ``solutions/start/first_hour.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from course_lib.classroom.spec import Case, Choice, Code, Number, Wrong
from course_lib.core.bilingual import Text

# -- broken_stage -----------------------------------------------------------------------------------------------------

STAGE = Choice(
    name="broken_stage",
    options="abcdef",
    hints=(
        Text(
            "Go through the observations one by one, and strike out each stage that did its work.",
            "逐条看这些观察，把已经尽职的阶段划掉。",
        ),
        Text(
            "Between which two observations do the boots get lost? They are still there in the one and gone in the "
            "next.",
            "这些靴子是在哪两条观察之间丢掉的？前一条里还在，下一条里就没有了。",
        ),
    ),
    wrong=(
        Wrong("pretraining", 'broken_stage = "a"', Text(
            "Pretraining is judged by guessing hidden words, and that works, on unseen texts too. Look for the place "
            "where the boots get lost.",
            "预训练的好坏看猜隐藏词，这一点没有问题，在没见过的文本上也一样。请找出靴子是在哪里丢掉的。",
        )),
        Wrong("finetuning", 'broken_stage = "b"', Text(
            "The fine-tuned model brings unseen queries close to the right products. It has learned its task; does "
            "anybody use what it knows?",
            "微调后的模型能让没见过的查询靠近正确的商品。它学会了任务；但有谁用到它学会的东西吗？",
        )),
        Wrong("features", 'broken_stage = "c"', Text(
            "The vectors are good: thirteen of the twenty nearest products are the wanted boots. Who should have "
            "looked at the vectors and didn't?",
            "向量没有问题：最近的二十个商品中有十三个正是想要的靴子。谁本该用这些向量却没有用？",
        )),
        Wrong("collaborative", 'broken_stage = "e"', Text(
            "Collaborative filtering needs to know what a customer did before, and this one is unknown. It is no help "
            "here, and nothing shows that it is broken.",
            "协同过滤需要知道顾客以前的行为，而这位顾客是未知的。它在这里帮不上忙，也没有迹象表明它坏了。",
        )),
        Wrong("ranking", 'broken_stage = "f"', Text(
            "Ranking only orders what it is given, and it did that well. It can't bring back a product that is not "
            "among the candidates.",
            "排序只能排列交给它的候选，而且排得不错。不在候选中的商品，它无法找回来。",
        )),
    ),
)  # fmt: skip

# -- mean_recall ------------------------------------------------------------------------------------------------------

RECALL = Number(
    name="mean_recall",
    tolerance=0.004,  # two digits after the point are enough; the nearest wrong answer is 0.028 away
    hints=(
        Text(
            "One query after the other: how many of its places are 10 or less? Divide by the number in the second "
            "column.",
            "一个查询一个查询地算：它的位置中有几个不超过 10？再除以第二列的数。",
        ),
        Text(
            "Place 10 still belongs to the first ten. Products that were not found belong to the denominator.",
            "第 10 位仍属于前十位。没有找到的商品也要计入分母。",
        ),
        Text(
            "You should have three fractions now. Their mean is the answer, not the sum of all hits divided by the "
            "sum of all products.",
            "现在你应当有三个分数。答案是它们的平均，而不是命中总数除以商品总数。",
        ),
    ),
    wrong=(
        Wrong("pooled", "mean_recall = 8 / 19", Text(
            "You put the products of all queries into one pot. Then a query with many products counts more; take each "
            "query's recall first, then the mean.",
            "你把所有查询的商品混在一起算，这样商品多的查询权重更大。先求每个查询的召回率，再求平均。",
        )),
        Wrong("precision", "mean_recall = (4 / 10 + 1 / 10 + 3 / 10) / 3", Text(
            "You divide by ten, the number of places. That is precision. Recall divides by the number of relevant "
            "products.",
            "你除以了位置数十，得到的是精确率。召回率要除以相关商品数。",
        )),
        Wrong("whole_list", "mean_recall = (5 / 5 + 2 / 2 + 6 / 12) / 3", Text(
            "You count places beyond the tenth. Nobody scrolls that far in recall@10: only places up to 10 count.",
            "你把第十位之后的位置也算进去了。召回率@10 只看前 10 位。",
        )),
        Wrong("found_only", "mean_recall = (4 / 5 + 1 / 2 + 3 / 6) / 3", Text(
            "For the coffee grinder you divide by the products that were found somewhere. Those that were not found "
            "at all are missed too: the denominator is all relevant products.",
            "对咖啡研磨机，你除以的是找到了的商品数。完全没找到的同样是漏掉的：分母是全部相关商品。",
        )),
        Wrong("without_the_tenth", "mean_recall = (4 / 5 + 1 / 2 + 2 / 12) / 3", Text(
            "You left out place 10. The first ten places are 1 to 10, the tenth included.",
            "你漏掉了第 10 位。前十位是 1 到 10，包括第十位。",
        )),
        Wrong("eleventh", "mean_recall = (4 / 5 + 1 / 2 + 4 / 12) / 3", Text(
            "You counted place 11 of the coffee grinder. The first ten places end with the tenth.",
            "你把咖啡研磨机的第 11 位也算进去了。前十位到第十位为止。",
        )),
        Wrong("percent", "mean_recall = 51.67", Text(
            "This looks like a percentage. A number from 0 to 1 is asked for: divide by one hundred.",
            "这像是百分数。题目要的是 0 到 1 之间的数：请除以一百。",
        )),
        Wrong("sum", "mean_recall = 4 / 5 + 1 / 2 + 3 / 12", Text(
            "This is the sum of the three recalls. A recall can't exceed 1: divide by the number of queries.",
            "这是三个召回率之和。召回率不可能超过 1：要除以查询数。",
        )),
    ),
)  # fmt: skip

# -- supported --------------------------------------------------------------------------------------------------------

SUPPORTED = Choice(
    name="supported",
    options="abcdef",
    several=True,
    hints=(
        Text(
            "For each statement ask: which column would show it? And does that column say it, or something near it?",
            "对每个说法先问：哪一列能说明它？那一列说的正是它，还是与它相近的另一件事？",
        ),
        Text(
            "The two systems answered the same queries, so that their intervals share hard and easy ones; the paired "
            "test looks at the differences. And p starts from “if they were equally good”.",
            "两个系统回答的是同样的查询，它们的区间共享难题和易题；配对检验看的是差值。另外，p 的前提是“假如两者一样好”。",
        ),
        Text(
            "Look at judged@10 before you believe that meaning is bad, and at how the test data were chosen before "
            "you compare two tables. Two statements remain.",
            "在相信 meaning 很差之前，先看 judged@10；在比较两张表之前，先看测试数据是怎么选的。最后剩下两个说法。",
        ),
    ),
    wrong=(
        Wrong("only_b", 'supported = "b"', Text(
            "What you chose is right, but one more is supported. What does judged@10 say about meaning?",
            "你选的没错，但还有一个说法成立。judged@10 对 meaning 说明了什么？",
        )),
        Wrong("only_d", 'supported = "d"', Text(
            "What you chose is right, but one more is supported. What does the paired test say about hybrid?",
            "你选的没错，但还有一个说法成立。配对检验对 hybrid 说明了什么？",
        )),
        Wrong("overlap_instead", 'supported = "ad"', Text(
            "Overlapping intervals don't show that two systems are equal: both move together with the same queries. "
            "The paired test looks at the differences and finds one (p = 0.004).",
            "区间重叠并不说明两个系统一样：它们随同样的查询一起变动。配对检验看差值，并发现了差异（p = 0.004）。",
        )),
        Wrong("overlap", 'supported = "abd"', Text(
            "Statement a contradicts b. Overlapping intervals of two systems on the same queries say little; the "
            "paired test decides.",
            "说法 a 与 b 矛盾。两个系统在相同查询上的区间重叠说明不了什么；要看配对检验。",
        )),
        Wrong("ungraded", 'supported = "bc"', Text(
            "The p-value is about NDCG, where what nobody graded counts as wrong, and nearly half of what meaning "
            "shows was never graded. The condensed column turns the order round.",
            "这个 p 值针对的是 NDCG，没人标注的算错，而 meaning 展示的商品近一半从未标注。压缩（condensed）一列的次序正好相反。",
        )),
        Wrong("ungraded_too", 'supported = "bcd"', Text(
            "Statement c goes too far: nearly half of what meaning shows was never graded. That is just why d is "
            "right.",
            "说法 c 走得太远：meaning 展示的商品近一半从未标注。这正是 d 成立的原因。",
        )),
        Wrong("other_split", 'supported = "bde"', Text(
            "Statement e compares numbers from different tests. On a random tenth of the log a model has learned from "
            "the days it is asked about; that test is another one, and an easier one.",
            "说法 e 比较了来自不同测试的数。随机抽取日志的十分之一时，模型已经学过被问到的那些日子；那是另一个、更容易的测试。",
        )),
        Wrong("p_as_probability", 'supported = "bdf"', Text(
            "Statement f turns p round. p = 0.004 says how often luck would give such a difference if both were "
            "equally good, not how probable it is that hybrid is better.",
            "说法 f 把 p 弄反了。p = 0.004 说的是假如两者一样好，运气造成这种差异的频率，而不是 hybrid 更好的概率。",
        )),
        Wrong("p_instead", 'supported = "df"', Text(
            "Statement f turns p round: p starts from “if both were equally good” and can't give the probability that "
            "one is better. Another statement says what p does say.",
            "说法 f 把 p 弄反了：p 的前提是“假如两者一样好”，得不出其中一个更好的概率。另有一个说法正确表达了 p 的含义。",
        )),
        Wrong("all", 'supported = "abcdef"', Text(
            "They can't all hold: a says that no difference has been shown, b that one has. Take them one by one.",
            "不可能全部成立：a 说没有显示出差异，b 说有。请逐个判断。",
        )),
    ),
)  # fmt: skip

# -- reciprocal_rank_fusion -------------------------------------------------------------------------------------------

_PRODUCTS = [f"p{number:02d}" for number in range(30)]


def _draw(generator: np.random.Generator) -> tuple:
    """Two lists with a part in common; small constants, where places differ most, and the usual one."""
    while True:
        words, meaning = (
            [_PRODUCTS[row] for row in generator.permutation(len(_PRODUCTS))[: int(generator.integers(4, 20))]]
            for _ in range(2)
        )
        c = int(generator.choice([0, 1, 5, 60]))
        if not _hangs_on_rounding(words, meaning, c):
            return words, meaning, c


def _hangs_on_rounding(words: list[str], meaning: list[str], c: int) -> bool:
    """Whether two different sums are equal, as 1/3 + 1/6 = 1/2: then rounding would decide about the order."""
    places = {
        tuple(sorted(ranked.index(item) + 1 for ranked in (words, meaning) if item in ranked))
        for item in {*words, *meaning}
    }
    return len({sum(Fraction(1, c + place) for place in pair) for pair in places}) < len(places)


_HEAD = (
    "def reciprocal_rank_fusion(words, meaning, c):\n"
    "    score = {}\n"
    "    for ranked in (words, meaning):\n"
    "        for place, item in enumerate(ranked, start=1):\n"
)
_ADD = "            score[item] = score.get(item, 0.0) + 1 / (c + place)\n"

FUSION = Code(
    name="reciprocal_rank_fusion",
    cases=(
        Case(
            "basic",
            Text("Two lists with products in common", "有共同商品的两个列表"),
            1.5,
            inputs=(
                (["a", "b", "c"], ["c", "d", "b"], 60),
                (["m", "n", "o", "p"], ["n", "q", "m"], 1),
                (["x", "y"], ["y", "w", "v", "x"], 0),
            ),
            expect=Text(
                "All products of both lists, each once, the highest sum of 1 / (c + place) first",
                "两个列表的全部商品，各出现一次，按 1 / (c + 位置) 之和从高到低",
            ),
            advice=Text(
                "Write the score of each product beside it, with places counted from 1, then sort by score.",
                "在每个商品旁写下它的得分（位置从 1 数起），再按得分排序。",
            ),
        ),
        Case(
            "ties",
            Text("Products with the same score", "得分相同的商品"),
            0.5,
            inputs=(
                (["b", "d"], ["a", "c"], 60),
                (["zebra", "ant"], ["ant", "zebra"], 10),
            ),
            expect=Text("Products of equal score in alphabetical order of their ids", "得分相同的商品按编号的字母顺序"),
            advice=Text(
                "Sort by a pair: the negative score first, then the id.",
                "按一对值排序：先是负的得分，再是编号。",
            ),
        ),
        Case(
            "empty",
            Text("A list is empty", "有一个列表为空"),
            0.5,
            inputs=((["b", "a", "c"], [], 60), ([], ["q", "p"], 5), ([], [], 60)),
            expect=Text("The other list as it stands; of two empty lists, an empty one", "另一个列表原样返回；两个都空则返回空列表"),
            advice=Text(
                "A product that stands in one list only keeps the score from that list.",
                "只出现在一个列表中的商品保留该列表给它的得分。",
            ),
        ),
        Case("random", Text("Random lists", "随机列表"), 0.5, draw=_draw, n=30, hidden=True),
    ),
    hints=(
        Text(
            "Start with an empty dict of scores. Go through one list, then through the other, and add to the score of "
            "each product that you meet.",
            "从一个空的得分字典开始。先走完一个列表，再走另一个，遇到商品就给它加分。",
        ),
        Text(
            "enumerate(ranked, start=1) gives place and product; score.get(item, 0.0) is the score so far, 0 for a "
            "product that is new.",
            "enumerate(ranked, start=1) 给出位置和商品；score.get(item, 0.0) 是目前的得分，新商品为 0。",
        ),
        Text(
            "sorted() of a dict sorts its keys; key= takes a function of one id. Let it give a pair: the score with a "
            "minus sign, so that the highest comes first, and then the id itself.",
            "对字典用 sorted() 得到排好序的键；key= 接受以编号为参数的函数。让它返回一对值：带负号的得分（使最高分在前），再加编号本身。",
        ),
    ),
    wrong=(
        Wrong(
            "place_from_zero",
            "def reciprocal_rank_fusion(words, meaning, c):\n"
            "    score = {}\n"
            "    for ranked in (words, meaning):\n"
            "        for place, item in enumerate(ranked):\n"
            "            score[item] = score.get(item, 0.0) + 1 / (c + place)\n"
            "    return sorted(score, key=lambda item: (-score[item], item))\n",
            Text(
                "You count places from 0, as Python does. The formula counts from 1; with a small c this changes the "
                "order, and with c = 0 it divides by zero.",
                "你像 Python 那样从 0 数位置。公式从 1 数起；c 较小时次序会改变，c = 0 时还会除以零。",
            ),
        ),
        Wrong(
            "worst_first",
            _HEAD + _ADD + "    return sorted(score, key=lambda item: (score[item], item))\n",
            Text(
                "Your list begins with the lowest score. The best product belongs on top.",
                "你的列表从最低分开始。最好的商品应排在最前。",
            ),
        ),
        Wrong(
            "common_only",
            _HEAD + _ADD
            + "    both = set(words) & set(meaning)\n"
            + "    return sorted(both, key=lambda item: (-score[item], item))\n",
            Text(
                "You keep only products that stand in both lists. A product that one list lacks gets nothing from it, "
                "but it stays.",
                "你只保留了同时出现在两个列表中的商品。某个列表没有的商品只是得不到那份分数，但仍要保留。",
            ),
        ),
        Wrong(
            "ties_as_met",
            _HEAD + _ADD + "    return sorted(score, key=lambda item: -score[item])\n",
            Text(
                "The scores are right. Products of the same score stand as you met them, so that the list depends on "
                "which search is named first; order them by id.",
                "得分是对的。但得分相同的商品按遇到的先后排列，结果取决于先写哪个搜索；请按编号排列。",
            ),
        ),
        Wrong(
            "best_place_only",
            _HEAD
            + "            score[item] = max(score.get(item, 0.0), 1 / (c + place))\n"
            + "    return sorted(score, key=lambda item: (-score[item], item))\n",
            Text(
                "You keep the better of the two fractions. Fusion adds them: what both searches find should rise.",
                "你只保留了两个分数中较大的一个。融合要把它们相加：两种搜索都找到的商品应当上升。",
            ),
        ),
        Wrong(
            "second_replaces",
            _HEAD
            + "            score[item] = 1 / (c + place)\n"
            + "    return sorted(score, key=lambda item: (-score[item], item))\n",
            Text(
                "The second list overwrites the score from the first. Add to what is already there.",
                "第二个列表覆盖了第一个列表给的得分。要在已有得分上相加。",
            ),
        ),
        Wrong(
            "no_constant",
            _HEAD
            + "            score[item] = score.get(item, 0.0) + 1 / place\n"
            + "    return sorted(score, key=lambda item: (-score[item], item))\n",
            Text(
                "You don't use c. Without it the very first place of one list outweighs almost everything that both "
                "lists agree on.",
                "你没有用到 c。没有它，某个列表的第一名几乎压过两个列表的共识。",
            ),
        ),
    ),
)  # fmt: skip


QUESTIONS = (STAGE, RECALL, SUPPORTED, FUSION)
