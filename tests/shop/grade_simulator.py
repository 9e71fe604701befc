"""How answers to ``solutions/shop/simulator.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Choice, Code, Number, Wrong
from course_lib.core.bilingual import Text

# -- mixture_propensity -----------------------------------------------------------------------------------------------

PROPENSITY = Number(
    name="mixture_propensity",
    tolerance=0.001,  # three digits after the point are enough; the nearest wrong answers are 0.0075 away
    hints=(
        Text(
            "Two kinds of page, each with its own probability of showing Lux in place 1. Find these two probabilities "
            "first.",
            "页面有两种，各自以一定概率把 Lux 放在第 1 位。先求出这两个概率。",
        ),
        Text(
            "On a shuffled page every product that can be there at all is first with the same probability. How many "
            "can?",
            "在随机打乱的页面上，每个可能出现的商品排第 1 的概率相同。可能出现的有几个？",
        ),
        Text(
            "The propensity is the share of prepared pages times the one probability, plus the share of shuffled "
            "pages times the other.",
            "倾向等于：预备列表页面的占比乘以前一个概率，加上打乱页面的占比乘以后一个概率。",
        ),
    ),
    wrong=(
        Wrong("production_only", "mixture_propensity = 3 / 8", Text(
            "This is the probability on pages with a prepared list. Every fifth page is shuffled, and Lux may be first "
            "there as well.",
            "这是预备列表页面上的概率。每五个页面有一个是打乱的，Lux 在那里也可能排第 1。",
        )),
        Wrong("no_shuffled_part", "mixture_propensity = 4 / 5 * 3 / 8", Text(
            "The part of the prepared lists is right. Add what shuffled pages contribute; it is small, but a product "
            "that is in no prepared list has nothing else.",
            "预备列表那部分是对的。还要加上打乱页面的贡献；它虽小，但对不在任何预备列表中的商品而言，这就是全部。",
        )),
        Wrong("sold_out_counted", "mixture_propensity = 4 / 5 * 3 / 8 + 1 / 5 * 1 / 40", Text(
            "On shuffled pages you divide by all products that fit. What is sold out is not shown; who is left?",
            "在打乱的页面上，你除以了全部匹配的商品数。卖完的不会展示；还剩下几个？",
        )),
        Wrong("places", "mixture_propensity = 4 / 5 * 3 / 8 + 1 / 5 * 1 / 10", Text(
            "On shuffled pages you divide by the number of places. The question is which product comes to place 1, and "
            "each product in stock has the same chance.",
            "在打乱的页面上，你除以了位置的个数。要问的是哪个商品排到第 1 位，每个有货的商品机会相同。",
        )),
        Wrong("swapped", "mixture_propensity = 1 / 5 * 3 / 8 + 4 / 5 * 1 / 16", Text(
            "The two shares are the wrong way round: one page in five is shuffled, four are not.",
            "两个占比弄反了：五个页面中有一个是打乱的，四个不是。",
        )),
        Wrong("unweighted", "mixture_propensity = 3 / 8 + 1 / 16", Text(
            "Both probabilities are right, but a page is either of the one kind or of the other. Weigh each with the "
            "share of its pages.",
            "两个概率都对，但一个页面只能是其中一种。要分别乘以各自页面的占比。",
        )),
        Wrong("in_the_list", "mixture_propensity = 4 / 5 * 7 / 8 + 1 / 5 * 10 / 16", Text(
            "This is the probability that Lux stands anywhere in the list. Asked is place 1 alone.",
            "这是 Lux 出现在列表任意位置的概率。题目只问第 1 位。",
        )),
        Wrong("percent", "mixture_propensity = 31.25", Text(
            "This looks like a percentage. A number from 0 to 1 is asked for: divide by one hundred.",
            "这像是百分数。题目要的是 0 到 1 之间的数：请除以一百。",
        )),
    ),
)  # fmt: skip

# -- simulator_claims -------------------------------------------------------------------------------------------------

CLAIMS = Choice(
    name="simulator_claims",
    options="abcdef",
    several=True,
    hints=(
        Text(
            "A simulation answers questions of the form “if the world is so, then …”. Which sentences keep the “if”?",
            "模拟回答的是“如果世界是这样，那么……”这类问题。哪些句子保留了“如果”？",
        ),
        Text(
            "The two rows differ in one assumption only. What does the change of sign tell you to do next?",
            "两行只差一个假设。符号的改变告诉你下一步该做什么？",
        ),
        Text(
            "Seeds are there to see how much luck there is; parameters are frozen before a method is tried. Two "
            "sentences remain.",
            "多个种子是为了看运气有多大；参数在尝试方法之前就冻结了。最后剩下两个句子。",
        ),
    ),
    wrong=(
        Wrong("only_b", 'simulator_claims = "b"', Text(
            "What you chose is right, but one more is supported. What does the second row add to the first?",
            "你选的没错，但还有一个句子成立。第二行给第一行补充了什么？",
        )),
        Wrong("only_c", 'simulator_claims = "c"', Text(
            "What you chose is right, but one more is supported. What does the first row show, if its assumption is "
            "kept in the sentence?",
            "你选的没错，但还有一个句子成立。如果把假设写进句子，第一行说明了什么？",
        )),
        Wrong("our_shop", 'simulator_claims = "abc"', Text(
            "Sentence a drops the “if”. Nothing here was measured in our shop, and with one assumption changed the new "
            "ranker loses.",
            "句子 a 丢掉了“如果”。这里没有任何东西是在我们的商店里测得的，而且换一个假设新排序器就输了。",
        )),
        Wrong("sells", 'simulator_claims = "ab"', Text(
            "Sentence a speaks of our shop and of sales; the experiment knows neither. Another sentence says what has "
            "to be found out first.",
            "句子 a 讲的是我们的商店和销售额，这个实验两者都不知道。另有一个句子说明了要先弄清什么。",
        )),
        Wrong("one_is_wrong", 'simulator_claims = "bcd"', Text(
            "Sentence d is not so: a method may rest on an assumption and fail without it. Both simulations can be "
            "sound, each for its own kind of visitor.",
            "句子 d 不成立：一个方法可以依赖某个假设，没有它就失效。两个模拟都可以是合理的，只是各自对应一类访客。",
        )),
        Wrong("adjust", 'simulator_claims = "bce"', Text(
            "Sentence e builds the win in. Parameters are set from what is known about people, before any method is "
            "tried, and stay.",
            "句子 e 等于把胜利事先埋进去。参数应在尝试任何方法之前根据对人的了解设定，之后不再改动。",
        )),
        Wrong("one_seed", 'simulator_claims = "bcf"', Text(
            "Sentence f forgets luck: the truth of one shop is known, but another seed gives other products, queries "
            "and clicks. Several shops show how much that moves the result.",
            "句子 f 忘了运气：一家商店的真相是已知的，但换个种子，商品、查询和点击都会不同。多家商店才能看出结果会变动多少。",
        )),
        Wrong("all", 'simulator_claims = "abcdef"', Text(
            "They can't all hold: a promises a win, c says that it hangs on something unknown. Take them one by one.",
            "不可能全部成立：a 保证会赢，c 说这取决于未知的事。请逐个判断。",
        )),
    ),
)  # fmt: skip

# -- zipf_exponent ----------------------------------------------------------------------------------------------------


def _draw_zipf(generator: np.random.Generator) -> tuple:
    """Counts around a power law, shuffled, with a tail that bends down, and often zeros at its end."""
    n, exponent = int(generator.integers(8, 60)), generator.uniform(0.4, 1.4)
    mean = 400 * np.arange(1, n + 1) ** -exponent * np.exp(-3 * np.arange(n) / n)
    counts = generator.permutation(generator.poisson(mean))
    # Two counts at least must be left, and not all equal: then no slope is 0 by chance.
    counts[:2] = (500, 90)
    return [int(count) for count in counts], int(generator.integers(3, n + 10))


_FIT = "    slope = np.polyfit(np.log(np.arange(1, len(kept) + 1)), np.log(kept), 1)[0]\n"
_KEEP = "    kept = [c for c in sorted(counts, reverse=True)[:ranks] if c > 0]\n"
_NONE = "    if len(kept) < 2:\n        return math.nan\n"
_ZIPF = "def zipf_exponent(counts, ranks):\n"

ZIPF = Code(
    name="zipf_exponent",
    agree=close(1e-6, 1e-6),
    cases=(
        Case(
            "basic",
            Text("Counts in any order, all of them used", "任意次序的计数，全部使用"),
            0.75,
            inputs=(
                ([10, 80, 20, 40], 4),
                ([7, 90, 31, 12, 55], 5),
                ([300, 100, 30, 15, 9, 4], 6),
            ),
            expect=Text(
                "Minus the slope of the least-squares line through (log rank, log count)",
                "过（对数名次，对数计数）各点的最小二乘直线斜率的相反数",
            ),
            advice=Text(
                "Sort from the largest to the smallest count, write rank 1, 2, 3 … beside them, and print the two "
                "logarithms of each.",
                "把计数从大到小排序，旁边写上名次 1、2、3……，再把两者的对数打印出来。",
            ),
        ),
        Case(
            "cut",
            Text("Fewer ranks than counts, and more", "名次少于计数，以及多于计数"),
            0.5,
            inputs=(([3, 60, 30, 20, 1], 3), ([5, 4, 100, 50, 2, 1], 2), ([8, 64, 16], 50)),
            expect=Text(
                "The line through the largest counts alone; all of them if there are fewer than asked for",
                "只过最大的那些计数的直线；如果不够，就用全部",
            ),
            advice=Text("Sort first, then take the slice [:ranks].", "先排序，再取切片 [:ranks]。"),
        ),
        Case(
            "zeros",
            Text("Some counts are 0", "有些计数为 0"),
            0.25,
            inputs=(([0, 40, 0, 10], 4), ([9, 0, 3, 27, 0], 5)),
            expect=Text("The line through the counts above 0", "过大于 0 的计数的直线"),
            advice=Text(
                "The logarithm of 0 is minus infinity, and no line goes through it: keep only counts above 0.",
                "0 的对数是负无穷，没有直线能过它：只保留大于 0 的计数。",
            ),
        ),
        Case(
            "nothing",
            Text("Fewer than two points", "不足两个点"),
            0.25,
            inputs=(([], 5), ([12], 5), ([4, 9], 1), ([0, 6, 0], 3)),
            expect=Text("“Not a number”: one point has no slope", "“非数”（NaN）：一个点没有斜率"),
            advice=Text(
                "Count the points that are left after sorting, cutting and dropping zeros, before you fit.",
                "在拟合之前，先数一数排序、截断、去掉 0 之后还剩几个点。",
            ),
        ),
        Case("random", Text("Random counts", "随机计数"), 0.25, draw=_draw_zipf, n=30, hidden=True),
    ),
    hints=(
        Text(
            "Three steps: sort and cut, take logarithms of ranks and of counts, fit a line.",
            "三步：排序并截断，对名次和计数取对数，拟合直线。",
        ),
        Text(
            "np.arange(1, m + 1) are the ranks of m counts. np.log takes the logarithm of a whole list.",
            "np.arange(1, m + 1) 是 m 个计数的名次。np.log 可以对整个列表取对数。",
        ),
        Text(
            "np.polyfit(x, y, 1)[0] is the slope. It is negative where counts fall; the exponent is positive there.",
            "np.polyfit(x, y, 1)[0] 是斜率。计数下降时它为负，而指数为正。",
        ),
    ),
    wrong=(
        Wrong("sign", _ZIPF + _KEEP + _NONE + _FIT + "    return float(slope)\n", Text(
            "You return the slope. It is negative where counts fall; the exponent is its opposite.",
            "你返回的是斜率。计数下降时斜率为负；指数是它的相反数。",
        )),
        Wrong(
            "unsorted",
            _ZIPF + "    kept = [c for c in counts[:ranks] if c > 0]\n" + _NONE + _FIT + "    return float(-slope)\n",
            Text(
                "You take the counts in the order in which they come. Rank 1 belongs to the largest count: sort first.",
                "你按给出的次序使用计数。名次 1 属于最大的计数：要先排序。",
            ),
        ),
        Wrong(
            "ascending",
            _ZIPF + "    kept = [c for c in sorted(counts)[:ranks] if c > 0]\n" + _NONE + _FIT
            + "    return float(-slope)\n",
            Text(
                "You begin with the smallest count. Rank 1 is the most frequent: sort the other way round.",
                "你从最小的计数开始。名次 1 是最频繁的：要反过来排序。",
            ),
        ),
        Wrong(
            "all_ranks",
            _ZIPF + "    kept = [c for c in sorted(counts, reverse=True) if c > 0]\n"
            + _NONE + _FIT + "    return float(-slope)\n",
            Text(
                "You use all counts. Only the `ranks` largest count here: the tail bends down and makes the line too "
                "steep.",
                "你用了全部计数。这里只看最大的 ranks 个：尾部向下弯，会使直线太陡。",
            ),
        ),
        Wrong(
            "zeros_as_one",
            _ZIPF + "    kept = [max(c, 1) for c in sorted(counts, reverse=True)[:ranks]]\n"
            + _NONE + _FIT + "    return float(-slope)\n",
            Text(
                "You lift counts of 0 to 1 so that they have a logarithm. That invents events; leave these counts out.",
                "你把 0 提高成 1，好让它有对数。这等于编造事件；应把这些计数去掉。",
            ),
        ),
        Wrong(
            "rank_without_log",
            _ZIPF + _KEEP + _NONE
            + "    return float(-np.polyfit(np.arange(1, len(kept) + 1), np.log(kept), 1)[0])\n",
            Text(
                "You take the logarithm of the counts only. That fits an exponential law; a power law needs the "
                "logarithm of the rank, too.",
                "你只对计数取了对数，拟合的是指数律；幂律还需要对名次取对数。",
            ),
        ),
        Wrong(
            "turned",
            _ZIPF + _KEEP + _NONE
            + "    slope = np.polyfit(np.log(kept), np.log(np.arange(1, len(kept) + 1)), 1)[0]\n"
            + "    return float(-slope)\n",
            Text(
                "x and y are the wrong way round: the count depends on the rank, so log rank belongs on the x axis.",
                "x 和 y 弄反了：计数取决于名次，所以对数名次应放在 x 轴。",
            ),
        ),
        Wrong(
            "rank_from_zero",
            _ZIPF + _KEEP + _NONE
            + "    return float(-np.polyfit(np.log(np.arange(len(kept)) + 1e-9), np.log(kept), 1)[0])\n",
            Text(
                "Your ranks begin at 0, whose logarithm is out of all proportion. The first rank is 1.",
                "你的名次从 0 开始，它的对数会大得离谱。第一个名次是 1。",
            ),
        ),
    ),
)  # fmt: skip

# -- examination_curve ------------------------------------------------------------------------------------------------


def _page(generator: np.random.Generator, length: int, shuffled: int, best_first: bool) -> list[tuple]:
    """One page: what is looked at and liked is clicked; production puts what is liked on top."""
    liked = generator.uniform(0.3, 1.0, length)
    liked = np.sort(liked)[::-1] if best_first else liked
    clicked = generator.random(length) < liked / np.arange(1, length + 1) ** 0.5
    return [(position, int(click), shuffled) for position, click in enumerate(clicked)]


def _draw_examination(generator: np.random.Generator) -> tuple:
    """Pages of both kinds, mixed; the first position has a click on a shuffled page."""
    length = int(generator.integers(2, 6))
    impressions = [(0, 1, 1), (0, 0, 1)]
    for _ in range(int(generator.integers(8, 25))):
        shuffled = int(generator.random() < 0.4)
        shown = int(generator.integers(1, length + 1))  # short lists end early
        impressions += _page(generator, length, shuffled, not shuffled)[:shown]
    order = generator.permutation(len(impressions))
    return [impressions[row] for row in order], length


_EXAMINE = "def examination_curve(impressions, length):\n"
_COUNT = (
    "    shown, clicks = [0] * length, [0] * length\n"
    "    for position, clicked, shuffled in impressions:\n"
    "        if {wanted}:\n"
    "            shown[position] += 1\n"
    "            clicks[position] += clicked\n"
)
_FIRST = "    if not clicks[0]:\n        return [math.nan] * length\n"
_RATES = "    rates = [k / n if n else math.nan for k, n in zip(clicks, shown)]\n"
_RELATIVE = "    return [rate / rates[0] for rate in rates]\n"

EXAMINATION = Code(
    name="examination_curve",
    cases=(
        Case(
            "basic",
            Text("Shuffled and production pages", "打乱的页面与生产页面"),
            1.25,
            inputs=(
                ([(0, 1, 1), (1, 1, 1), (0, 1, 1), (1, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 0), (1, 0, 0)], 2),
                ([(0, 1, 1), (1, 0, 1), (2, 0, 1), (0, 0, 1), (1, 1, 1), (2, 0, 1), (0, 1, 1), (1, 0, 1), (2, 1, 1),
                  (0, 1, 0), (1, 1, 0), (2, 0, 0)], 3),
            ),
            expect=Text(
                "The click rate of each position on shuffled pages, divided by that of position 0",
                "打乱页面上每个位置的点击率，除以位置 0 的点击率",
            ),
            advice=Text(
                "Count impressions and clicks of each position, looking at triples with shuffled = 1 only; then "
                "divide.",
                "只看 shuffled = 1 的三元组，数出每个位置的曝光数和点击数；再相除。",
            ),
        ),
        Case(
            "short",
            Text("Some lists are shorter", "有些列表较短"),
            0.5,
            inputs=(
                ([(0, 1, 1), (1, 1, 1), (0, 1, 1), (0, 0, 1), (0, 0, 1)], 2),
                ([(0, 1, 1), (0, 1, 1), (1, 1, 1), (1, 0, 1), (2, 1, 1), (0, 0, 1)], 3),
            ),
            expect=Text(
                "Rates, not counts: each position is divided by its own impressions; a value may exceed 1 by luck",
                "用点击率而不是点击数：每个位置除以自己的曝光数；数值可能碰巧超过 1",
            ),
            advice=Text(
                "Keep two counters per position: how often it was shown, and how often it was clicked.",
                "每个位置用两个计数器：展示了几次，点击了几次。",
            ),
        ),
        Case(
            "unseen",
            Text("A position that no shuffled page shows", "没有打乱页面展示过的位置"),
            0.5,
            inputs=(
                ([(0, 1, 1), (1, 0, 1), (2, 1, 0)], 3),
                ([(0, 1, 1), (0, 1, 1), (1, 1, 0)], 4),
            ),
            expect=Text(
                "“Not a number” at such a position; 0 where it was shown and never clicked",
                "这样的位置为“非数”（NaN）；展示过但从未被点击的位置为 0",
            ),
            advice=Text(
                "Ask for each position whether its number of impressions is 0 before you divide.",
                "对每个位置，先看曝光数是否为 0，再做除法。",
            ),
        ),
        Case(
            "nothing",
            Text("Nothing to divide by", "没有可以作除数的值"),
            0.5,
            inputs=(([], 2), ([(0, 0, 1), (1, 1, 1)], 2), ([(0, 1, 0), (1, 1, 1)], 2)),
            expect=Text("“Not a number” for every position", "每个位置都是“非数”（NaN）"),
            advice=Text(
                "Look at the first position before the loop over the others: has it a click on a shuffled page?",
                "在循环处理其他位置之前先看第一个位置：它在打乱页面上有点击吗？",
            ),
        ),
        Case("random", Text("Random logs", "随机日志"), 0.25, draw=_draw_examination, n=30, hidden=True),
    ),
    hints=(
        Text(
            "Two counters per position are enough: impressions and clicks, from shuffled pages alone.",
            "每个位置两个计数器就够了：曝光数和点击数，只取打乱的页面。",
        ),
        Text(
            "for position, clicked, shuffled in impressions: takes the triples apart. Skip those with shuffled = 0.",
            "for position, clicked, shuffled in impressions: 可以拆开三元组。跳过 shuffled = 0 的。",
        ),
        Text(
            "Rate = clicks / impressions for each position; then divide every rate by the first one. Handle the two "
            "cases without a divisor before that.",
            "每个位置的点击率 = 点击数 / 曝光数；再把每个点击率除以第一个。在此之前先处理没有除数的两种情况。",
        ),
    ),
    wrong=(
        Wrong("all_pages", _EXAMINE + _COUNT.format(wanted="True") + _FIRST + _RATES + _RELATIVE, Text(
            "You count production pages, too. There the better products stand above, and the curve mixes product and "
            "place: keep shuffled = 1 only.",
            "你把生产页面也算进去了。那里较好的商品排在上面，曲线会把商品和位置混在一起：只保留 shuffled = 1。",
        )),
        Wrong("production_pages", _EXAMINE + _COUNT.format(wanted="not shuffled") + _FIRST + _RATES + _RELATIVE, Text(
            "You count the production pages instead of the shuffled ones. Look at the condition again.",
            "你数的是生产页面，而不是打乱的页面。请再看看条件。",
        )),
        Wrong("not_relative", _EXAMINE + _COUNT.format(wanted="shuffled") + _FIRST + _RATES
              + "    return rates\n", Text(
            "These are click rates. Divide each by the rate of the first position, so that the curve begins at 1.",
            "这是点击率。请把每个值除以第一个位置的点击率，使曲线从 1 开始。",
        )),
        Wrong(
            "counts",
            _EXAMINE + _COUNT.format(wanted="shuffled") + _FIRST
            + "    return [k / clicks[0] if n else math.nan for k, n in zip(clicks, shown)]\n",
            Text(
                "You divide clicks by clicks. Positions are not shown equally often, since short lists end early: use "
                "clicks per impression.",
                "你用点击数除以点击数。各位置展示的次数不同，因为短列表提前结束：要用每次曝光的点击率。",
            ),
        ),
        Wrong(
            "largest",
            _EXAMINE + _COUNT.format(wanted="shuffled") + _FIRST + _RATES
            + "    top = max(rate for rate in rates if rate == rate)\n    return [rate / top for rate in rates]\n",
            Text(
                "You divide by the largest rate. That needn't be the first one: with little data another position may "
                "lie above by luck. Divide by the first.",
                "你除以了最大的点击率。它不一定是第一个：数据少时别的位置可能碰巧更高。要除以第一个。",
            ),
        ),
        Wrong(
            "shares",
            _EXAMINE + _COUNT.format(wanted="shuffled") + _FIRST + _RATES
            + "    whole = sum(rate for rate in rates if rate == rate)\n    return [rate / whole for rate in rates]\n",
            Text(
                "Your values add up to 1. Examination is not a share: each position has its own probability of being "
                "looked at. Divide by the first rate.",
                "你的数值之和为 1。被查看的概率不是占比：每个位置有自己的概率。请除以第一个点击率。",
            ),
        ),
        Wrong(
            "unseen_is_zero",
            _EXAMINE + _COUNT.format(wanted="shuffled") + _FIRST
            + "    first = clicks[0] / shown[0]\n"
            + "    return [k / n / first if n else 0.0 for k, n in zip(clicks, shown)]\n",
            Text(
                "A position that was never shown on a shuffled page gets 0 from you, as if nobody looked there. "
                "Nothing is known about it: math.nan.",
                "在打乱页面上从未展示过的位置，你给了 0，好像没人看那里。其实对它一无所知：应为 math.nan。",
            ),
        ),
        Wrong(
            "position_from_one",
            _EXAMINE
            + "    shown, clicks = [0] * (length + 1), [0] * (length + 1)\n"
            + "    for position, clicked, shuffled in impressions:\n"
            + "        if shuffled:\n"
            + "            shown[position] += 1\n"
            + "            clicks[position] += clicked\n"
            + "    if not clicks[1]:\n        return [math.nan] * length\n"
            + "    first = clicks[1] / shown[1]\n"
            + "    return [k / n / first if n else math.nan for k, n in zip(clicks[1:], shown[1:])]\n",
            Text(
                "You take position 1 for the first. The log counts from 0: the first position is 0.",
                "你把位置 1 当作第一个。日志从 0 开始数：第一个位置是 0。",
            ),
        ),
    ),
)  # fmt: skip

# -- weighted_click_rate ----------------------------------------------------------------------------------------------


def _draw_weighted(generator: np.random.Generator) -> tuple:
    """Propensities are sixty-fourths; clicks come where the new ranker would show more; some ratios exceed the cap."""
    n = int(generator.integers(5, 40))
    old = generator.integers(1, 65, n) / 64
    new = generator.integers(0, 65, n) / 64
    clicked = (generator.random(n) < 0.2 + 0.6 * new).astype(int)
    # One of each, so that no draw is without a click, a miss, or a weight that is clipped.
    old[:3], new[:3], clicked[:3] = (1 / 64, 0.5, 0.25), (0.75, 0.25, 0.75), (1, 0, 1)
    return clicked.tolist(), new.tolist(), old.tolist(), float(generator.choice([2, 5, 10]))


_RATE = "def weighted_click_rate(clicked, new, old, cap):\n"
_WEIGHTS = "    weights = [min(n / o, cap) for n, o in zip(new, old)]\n"
_EMPTY = "    if sum(weights) == 0:\n        return math.nan\n"
_MEAN = "    return sum(w * y for w, y in zip(weights, clicked)) / sum(weights)\n"

RATE = Code(
    name="weighted_click_rate",
    cases=(
        Case(
            "basic",
            Text("Weights below and above the cap", "低于和高于上限的权重"),
            1.25,
            inputs=(
                ([1, 0, 1, 0], [0.5, 0.25, 0.75, 0.5], [0.25, 0.5, 0.125, 0.25], 4),
                ([0, 1, 1], [0.9, 0.3, 0.2], [0.3, 0.6, 0.8], 2),
                ([1, 0, 0, 1, 0], [0.5, 0.5, 0.1, 0.4, 1.0], [0.05, 1.0, 0.4, 0.2, 0.1], 5),
            ),
            expect=Text(
                "Weights new / old, none above the cap; the weights of the clicked impressions added up, divided by "
                "the sum of all weights",
                "权重为 new / old，不超过上限；被点击曝光的权重之和，除以全部权重之和",
            ),
            advice=Text(
                "Print the list of weights for this input, before and after clipping, and both sums.",
                "对这个输入打印裁剪前后的权重列表，以及两个和。",
            ),
        ),
        Case(
            "never",
            Text("Impressions that the new ranker would never make", "新排序器绝不会产生的曝光"),
            0.5,
            inputs=(
                ([1, 0, 1], [0.0, 0.5, 0.5], [0.5, 0.25, 0.5], 10),
                ([1, 1, 0, 0], [0.0, 0.0, 0.2, 0.1], [0.5, 0.1, 0.1, 0.1], 3),
            ),
            expect=Text("Such impressions have weight 0 and change nothing", "这些曝光的权重为 0，不影响结果"),
            advice=Text(
                "A weight of 0 adds nothing to either sum; the number of impressions plays no part.",
                "权重 0 对两个和都没有贡献；曝光的个数不起作用。",
            ),
        ),
        Case(
            "nothing",
            Text("The log says nothing about the new ranker", "日志对新排序器没有任何信息"),
            0.5,
            inputs=(([], [], [], 5), ([1, 0], [0.0, 0.0], [0.5, 0.5], 5)),
            expect=Text("“Not a number”", "“非数”（NaN）"),
            advice=Text(
                "Add up the weights first; if the sum is 0, return math.nan.",
                "先求权重之和；如果为 0，返回 math.nan。",
            ),
        ),
        Case("random", Text("Random logs", "随机日志"), 0.5, draw=_draw_weighted, n=30, hidden=True),
        Case(
            "same",
            Text("The new ranker is the old one", "新排序器就是旧排序器"),
            0.25,
            inputs=(([1, 0, 0, 0, 1], [0.3, 0.2, 0.7, 0.05, 1.0], [0.3, 0.2, 0.7, 0.05, 1.0], 3),),
            hidden=True,
        ),
    ),
    hints=(
        Text(
            "First a list of weights, one per impression; then two sums over it.",
            "先得到权重列表，每次曝光一个；再对它求两个和。",
        ),
        Text(
            "min(a, b) clips a number; zip(new, old) walks through two lists together. The cap belongs to the ratio, "
            "not to a propensity.",
            "min(a, b) 可以裁剪一个数；zip(new, old) 同时遍历两个列表。上限作用于比值，而不是倾向本身。",
        ),
        Text(
            "The sum of weight times click, divided by the sum of the weights; before dividing, ask whether that sum "
            "is 0.",
            "权重乘点击之和，除以权重之和；相除之前，先看这个和是否为 0。",
        ),
    ),
    wrong=(
        Wrong("unclipped", _RATE + "    weights = [n / o for n, o in zip(new, old)]\n" + _EMPTY + _MEAN, Text(
            "You don't clip. A single impression that the old ranker hardly ever made can outweigh all others: no "
            "weight may exceed the cap.",
            "你没有裁剪。旧排序器几乎从不产生的一次曝光就可能压过其余全部：权重不得超过上限。",
        )),
        Wrong(
            "by_number",
            _RATE + _WEIGHTS + _EMPTY + "    return sum(w * y for w, y in zip(weights, clicked)) / len(weights)\n",
            Text(
                "You divide by the number of impressions. That is the plain estimate, which may exceed 1; the "
                "self-normalised one divides by the sum of the weights.",
                "你除以了曝光的个数，这是普通的估计，可能超过 1；自归一化的估计要除以权重之和。",
            ),
        ),
        Wrong("inverted", _RATE + "    weights = [min(o / n, cap) if n else 0.0 for n, o in zip(new, old)]\n" + _EMPTY
              + _MEAN, Text(
            "Your ratio is upside down. What the new ranker would show more often than the old one must count more: "
            "new divided by old.",
            "你的比值颠倒了。新排序器比旧的更常展示的应当更重要：new 除以 old。",
        )),
        Wrong(
            "dropped",
            _RATE + "    weights = [n / o if n / o <= cap else 0.0 for n, o in zip(new, old)]\n" + _EMPTY + _MEAN,
            Text(
                "You drop impressions above the cap. Clipping keeps them, with the cap as their weight.",
                "你丢掉了超过上限的曝光。裁剪是保留它们，只是权重取上限。",
            ),
        ),
        Wrong("clicked_only", _RATE + _WEIGHTS + _EMPTY
              + "    seen = [w for w, y in zip(weights, clicked) if y]\n"
              + "    return sum(seen) / max(len(seen), 1)\n", Text(
            "You average the weights of clicked impressions. A click rate needs the others as well: they belong to the "
            "sum below the fraction bar.",
            "你求的是被点击曝光的平均权重。点击率也需要其余的曝光：它们属于分母里的和。",
        )),
        Wrong(
            "normalised_unclipped",
            _RATE + _WEIGHTS + _EMPTY
            + "    return sum(w * y for w, y in zip(weights, clicked)) / sum(n / o for n, o in zip(new, old))\n",
            Text(
                "Above the fraction bar you clip, below you don't. Both sums take the same weights.",
                "分子裁剪了，分母却没有。两个和要用同样的权重。",
            ),
        ),
        Wrong("unweighted", _RATE + _WEIGHTS + _EMPTY + "    return sum(clicked) / len(clicked)\n", Text(
            "This is the old ranker's own click rate: the weights play no part in it. Each click counts with its "
            "weight.",
            "这是旧排序器自己的点击率：权重没有起作用。每次点击要按它的权重计算。",
        )),
        Wrong(
            "nothing_is_zero",
            _RATE + _WEIGHTS + "    if sum(weights) == 0:\n        return 0.0\n" + _MEAN,
            Text(
                "All right but for a log that says nothing about the new ranker: 0 would be a bad mark that it hasn't "
                "earned. See the last point of the contract.",
                "只差一种情况：日志对新排序器没有任何信息。返回 0 等于给它一个不该得的差评。请看约定的最后一条。",
            ),
        ),
    ),
)  # fmt: skip


QUESTIONS = (PROPENSITY, CLAIMS, ZIPF, EXAMINATION, RATE)
