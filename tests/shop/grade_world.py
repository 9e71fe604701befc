"""How answers to ``solutions/shop/world.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.spec import Case, Choice, Code, Number, Wrong
from course_lib.core.bilingual import Text

# -- which_log --------------------------------------------------------------------------------------------------------

WHICH_LOG = Choice(
    name="which_log",
    options="abcdef",
    several=True,
    hints=(
        Text(
            "For each question, name the events that would have to be counted. Is every one of them in the log?",
            "对每个问题，先说出要数哪些事件。它们都在日志里吗？",
        ),
        Text(
            "What was never shown leaves no event, and neither does a search without a result. And a click needs two "
            "things: somebody who looks, and somebody who wants.",
            "从未展示过的商品不会留下事件，没有结果的搜索也不会。另外，一次点击需要两件事：有人看到，并且想要。",
        ),
        Text(
            "Two questions remain: they only ask what happened to products that were shown.",
            "最后剩下两个问题：它们只问展示过的商品发生了什么。",
        ),
    ),
    wrong=(
        Wrong("only_a", 'which_log = "a"', Text(
            "What you chose is right, but one more can be answered. What stands beside carts and purchases in the log?",
            "你选的没错，但还有一个问题可以回答。日志里加购和购买旁边还记了什么？",
        )),
        Wrong("only_e", 'which_log = "e"', Text(
            "What you chose is right, but one more can be answered. Look for another question about what was shown.",
            "你选的没错，但还有一个问题可以回答。再找一个只涉及已展示商品的问题。",
        )),
        Wrong("never_shown", 'which_log = "abe"', Text(
            "Of products that no page showed, the log holds nothing at all. A click needs an impression.",
            "没有任何页面展示过的商品，日志里什么都没有。没有曝光就没有点击。",
        )),
        Wrong("no_result", 'which_log = "ace"', Text(
            "A search that finds nothing shows nothing, and this shop logs only what happens to products. It would "
            "have to log its requests, too.",
            "什么都没找到的搜索什么也不展示，而这家店只记录商品上发生的事。它还得记录请求本身。",
        )),
        Wrong("places", 'which_log = "ade"', Text(
            "In place nine few people look. The log can't tell whether a product there was disliked or not seen, "
            "unless places are mixed at random.",
            "很少有人看到第九位。除非随机打乱位置，日志无法区分商品是不受欢迎还是没被看到。",
        )),
        Wrong("own_log", 'which_log = "aef"', Text(
            "Last month's clicks are on products that the old recall found. Whatever only the new one finds could not "
            "be clicked, and counts against it.",
            "上个月的点击都在旧召回找到的商品上。只有新召回才能找到的商品当时无法被点击，这对它不公平。",
        )),
        Wrong("all_of_them", 'which_log = "abcdef"', Text(
            "A log tells what happened to what was shown. Most of these questions ask for something else.",
            "日志只说明展示过的东西发生了什么。这里大多数问题问的是别的。",
        )),
    ),
)  # fmt: skip

# -- worth_of_a_point -------------------------------------------------------------------------------------------------

WORTH = Number(
    name="worth_of_a_point",
    tolerance=1.0,  # the nearest wrong answer is thousands away
    hints=(
        Text(
            "How many points of page fill does the model win, and what is one point worth per 1,000 searches? The "
            "example has the second number.",
            "模型把页面可填满程度提高了几个百分点？每个百分点每 1,000 次搜索值多少？第二个数例子里有。",
        ),
        Text(
            "Two million searches are 2,000 times 1,000. First the additional sales in a year, then the margin "
            "on them.",
            "两百万次搜索是 2,000 个 1,000 次。先算一年增加的销售额，再算其中的毛利。",
        ),
        Text(
            "The model is paid for every search, whether it sells something or not. Subtract that from the margin.",
            "每次搜索都要为模型付费，不管有没有卖出东西。从毛利里减去这笔费用。",
        ),
    ),
    wrong=(
        Wrong("without_the_cost", "worth_of_a_point = 2000 * 8 * 18 * 0.25", Text(
            "This is the additional margin. The model has its price as well: a small one, but for every search.",
            "这是增加的毛利。模型本身也有价格：单价很小，但每次搜索都要付。",
        )),
        Wrong("the_cost_alone", "worth_of_a_point = -2000000 * 0.01", Text(
            "This is what the model costs. It also wins points of page fill, and those bring sales.",
            "这是模型的费用。但模型也提高了页面可填满程度，由此带来销售额。",
        )),
        Wrong("without_the_margin", "worth_of_a_point = 2000 * 8 * 18 - 2000000 * 0.01", Text(
            "You count all additional sales as profit. Of each sale the shop keeps only its margin.",
            "你把增加的销售额全算成了利润。每笔销售，商店只留下毛利部分。",
        )),
        Wrong("perfect_recall", "worth_of_a_point = 2000 * 360 * 0.25 - 2000000 * 0.01", Text(
            "That would be perfect recall. The model wins a part of the missing points only.",
            "那是完美召回的情形。模型只补上了缺失百分点中的一部分。",
        )),
        Wrong("eight_per_cent_of_the_gap", "worth_of_a_point = 2000 * 0.08 * 360 * 0.25 - 2000000 * 0.01", Text(
            "You take 8 % of what perfect recall brings. But the model closes 8 of the 20 missing points.",
            "你取了完美召回收益的 8%。但模型补上的是 20 个缺失百分点中的 8 个。",
        )),
        Wrong("eight_per_cent_of_sales", "worth_of_a_point = 2000 * 0.08 * 900 * 0.25 - 2000000 * 0.01", Text(
            "You raise today's sales by 8 %. A point of page fill is not a per cent of sales: the table says what it "
            "is worth.",
            "你把今天的销售额提高了 8%。页面可填满程度的一个百分点并不等于销售额的百分之一：它值多少由表格给出。",
        )),
        Wrong("cost_per_thousand", "worth_of_a_point = 2000 * 8 * 18 * 0.25 - 2000 * 0.01", Text(
            "The price of the model is for one search, not for a thousand.",
            "模型的价格是每次搜索的价格，不是每千次。",
        )),
        Wrong("per_thousand_searches", "worth_of_a_point = 8 * 18 * 0.25 - 1000 * 0.01", Text(
            "This is what 1,000 searches bring. The question is about a year of two million.",
            "这是 1,000 次搜索带来的。题目问的是一年两百万次。",
        )),
    ),
)  # fmt: skip

# -- funnel_rates -----------------------------------------------------------------------------------------------------

_KINDS = ("impression", "click", "cart", "purchase")


def _draw_events(generator: np.random.Generator) -> tuple:
    """Pages of products, some of which are clicked, carted and bought; shuffled. No kind of event is missing."""
    while True:
        events = []
        for _ in range(int(generator.integers(3, 12))):
            for place in range(int(generator.integers(2, 7))):
                price = round(float(generator.uniform(2, 90)), 2)
                events.append(("impression", place, price))
                for kind, chance in (("click", 0.5), ("cart", 0.6), ("purchase", 0.6)):
                    if generator.random() > chance:
                        break
                    events.append((kind, place, price))
        if {kind for kind, _, _ in events} == set(_KINDS):
            return ([events[row] for row in generator.permutation(len(events))],)


_COUNT = (
    "def funnel_rates(events):\n"
    "    n = {k: sum(1 for kind, _, _ in events if kind == k) for k in "
    "('impression', 'click', 'cart', 'purchase')}\n"
    "    pages = sum(1 for kind, place, _ in events if kind == 'impression' and place == 0)\n"
    "    money = sum(price for kind, _, price in events if kind == 'purchase')\n"
    "    div = lambda a, b: a / b if b else math.nan\n"
)
_RATES = (
    "    return {'clicks per impression': div(n['click'], n['impression']),"
    " 'carts per click': div(n['cart'], n['click']), 'purchases per cart': div(n['purchase'], n['cart']),"
    " 'price per purchase': div(money, n['purchase']),"
    " 'value per page': div(money, pages)}\n"
)

FUNNEL = Code(
    name="funnel_rates",
    uses=(),
    cases=(
        Case(
            "basic",
            Text("Three pages with a few sales", "三个页面，有几笔成交"),
            1.5,
            inputs=(
                (
                    [
                        ("impression", 0, 20.0), ("impression", 1, 5.5), ("impression", 2, 8.0), ("click", 1, 5.5),
                        ("impression", 0, 20.0), ("impression", 1, 31.0), ("click", 0, 20.0), ("cart", 0, 20.0),
                        ("purchase", 0, 20.0), ("impression", 0, 5.5), ("click", 0, 5.5), ("cart", 0, 5.5),
                    ],
                ),
                (
                    [
                        ("purchase", 1, 7.0), ("cart", 1, 7.0), ("click", 1, 7.0), ("impression", 1, 7.0),
                        ("impression", 0, 3.0), ("purchase", 0, 3.0), ("cart", 0, 3.0), ("click", 0, 3.0),
                        ("impression", 2, 9.0),
                    ],
                ),
            ),
            expect=Text(
                "Five rates, each a number of events or a sum of prices divided by another",
                "五个比率，每个都是事件数或价格之和除以另一个数",
            ),
            advice=Text(
                "Count each kind of event, the impressions in place 0, and the prices of the purchases; then divide.",
                "分别数出每种事件、位于第 0 位的曝光，以及购买的价格之和，然后再相除。",
            ),
        ),
        Case(
            "undefined",
            Text("A step never happened", "某一步从未发生"),
            0.5,
            inputs=(
                ([],),
                ([("impression", 0, 4.0), ("impression", 1, 6.0)],),
                ([("impression", 0, 4.0), ("click", 0, 4.0)],),
                ([("impression", 3, 4.0), ("click", 3, 4.0), ("cart", 3, 4.0)],),
            ),
            expect=Text(
                "math.nan for each rate whose divisor is 0, numbers for the others",
                "除数为 0 的比率是 math.nan，其余为数值",
            ),
            advice=Text(
                "Check each divisor by itself before you divide.",
                "每次相除之前，单独检查各自的除数。",
            ),
        ),
        Case("random", Text("Random logs", "随机日志"), 1.0, draw=_draw_events, n=15, hidden=True),
    ),  # fmt: skip
    hints=(
        Text(
            "Go through the events once, and keep a counter for each kind, one for the pages, and a sum of money.",
            "把事件走一遍，为每种事件各留一个计数器，为页面留一个，再加一个金额合计。",
        ),
        Text(
            "A page is an impression in place 0. Money is added for purchases alone: clicks carry a price as well.",
            "一个页面就是一次第 0 位的曝光。只有购买才累加金额：点击事件也带有价格。",
        ),
        Text(
            "Write one small helper that divides, and gives math.nan where the divisor is 0; use it five times.",
            "写一个做除法的小函数，除数为 0 时返回 math.nan，用五次。",
        ),
    ),
    wrong=(
        Wrong(
            "value_per_impression",
            _COUNT + _RATES.replace("div(money, pages)", "div(money, n['impression'])"),
            Text(
                "Your value per page is divided by all impressions. A page has several of them; count those in "
                "place 0.",
                "你的每页价值除以了全部曝光数。一个页面有多次曝光；请数第 0 位的曝光。",
            ),
        ),
        Wrong(
            "all_prices",
            _COUNT + "    money = sum(price for _, _, price in events)\n" + _RATES,
            Text(
                "You add up the prices of all events. Nobody pays for an impression: only purchases bring money.",
                "你把所有事件的价格都加了起来。没有人为曝光付钱：只有购买带来金额。",
            ),
        ),
        Wrong(
            "per_impression",
            _COUNT
            + _RATES.replace("div(n['cart'], n['click'])", "div(n['cart'], n['impression'])")
            .replace("div(n['purchase'], n['cart'])", "div(n['purchase'], n['impression'])"),
            Text(
                "You divide carts and purchases by impressions. In a funnel each step is divided by the step before.",
                "你把加购数和购买数除以了曝光数。漏斗里每一步都除以它的上一步。",
            ),
        ),
        Wrong(
            "zero_for_undefined",
            _COUNT.replace("math.nan", "0.0") + _RATES,
            Text(
                "Where nothing can be divided you give 0. That reads as “nobody bought”; the rate is undefined.",
                "无法相除时你给了 0。那会被读成“没有人买”；而这个比率其实没有定义。",
            ),
        ),
        Wrong(
            "price_per_page_of_carts",
            _COUNT.replace("kind == 'purchase')", "kind == 'cart')") + _RATES,
            Text(
                "Your money is that of the carts. Most carts are left behind: only purchases are paid.",
                "你统计的是加购的金额。多数购物车会被放弃：只有购买才付款。",
            ),
        ),
    ),
)

# -- page_fill --------------------------------------------------------------------------------------------------------

_PRODUCTS = tuple(f"p{n:02d}" for n in range(40))


def _draw_stages(generator: np.random.Generator) -> tuple:
    """A chain in which each stage keeps a part of what it got."""
    wanted = {_PRODUCTS[row] for row in generator.permutation(40)[: int(generator.integers(1, 16))]}
    left = [_PRODUCTS[row] for row in generator.permutation(40)]
    stages = []
    for _ in range(int(generator.integers(2, 5))):
        kept = max(1, int(len(left) * generator.uniform(0.3, 0.9)))
        left = [left[row] for row in generator.permutation(len(left))[:kept]]
        stages.append(left)
    return stages, wanted, int(generator.integers(1, 9))


FILL = Code(
    name="page_fill",
    uses=(),
    cases=(
        Case(
            "basic",
            Text("Recall, ranking and display", "召回、排序与展现"),
            1.0,
            inputs=(
                ([["a", "b", "c", "d", "e", "x", "y"], ["b", "x", "d", "y"], ["x", "d"]], {"a", "b", "c", "d"}, 3),
                ([["k", "m", "n"], ["m", "n"], ["n"]], {"k", "m", "z"}, 5),
                ([["q", "r", "s", "t"], ["q"]], {"q", "u", "v", "w"}, 2),
            ),
            expect=Text(
                "For each stage the wanted products that are left, at most one per place, divided by what a full page "
                "could hold of them",
                "每个阶段还剩多少应展示的商品（最多每个位置一个），除以整页最多能放下的数量",
            ),
            advice=Text(
                "Cap both counts at the number of places: the one above the line and the one below.",
                "分子和分母都要以位置数为上限。",
            ),
        ),
        Case(
            "nothing_wanted",
            Text("Nothing ought to be shown, or nothing is left", "没有应展示的商品，或什么都没剩下"),
            0.5,
            inputs=(
                ([["a", "b"], ["a"]], set(), 2),
                ([[], []], {"a"}, 4),
                ([["b"], []], {"b"}, 1),
            ),
            expect=Text(
                "math.nan for every stage when nothing is wanted; 0 when nothing is left",
                "没有应展示的商品时每个阶段都是 math.nan；什么都没剩下时是 0",
            ),
            advice=Text(
                "Deal with an empty set first; an empty stage needs no special case.",
                "先处理空集合；空的阶段不需要特殊处理。",
            ),
        ),
        Case("random", Text("Random chains", "随机的级联"), 0.5, draw=_draw_stages, n=30, hidden=True),
    ),
    hints=(
        Text(
            "How many of the wanted products could a perfect page hold? That is the divisor, the same for all stages.",
            "一个完美的页面最多能放下多少个应展示的商品？这就是除数，所有阶段都一样。",
        ),
        Text(
            "For one stage: the size of the intersection of wanted and what is left, but never more than the places.",
            "对一个阶段：应展示集合与剩余商品的交集大小，但不超过位置数。",
        ),
        Text(
            "min(len(wanted.intersection(left)), places) / min(len(wanted), places), for each left in stages.",
            "对 stages 中的每个 left 计算 min(len(wanted.intersection(left)), places) / min(len(wanted), places)。",
        ),
    ),
    wrong=(
        Wrong(
            "recall",
            "def page_fill(stages, wanted, places):\n"
            "    if not wanted:\n"
            "        return [math.nan for _ in stages]\n"
            "    return [len(wanted.intersection(left)) / len(wanted) for left in stages]\n",
            Text(
                "This is recall: the share of all wanted products that is left. A page with two places is full with "
                "two of them; cap both counts at the places.",
                "这是召回率：全部应展示商品中剩下的比例。只有两个位置的页面放两个就满了；分子分母都要以位置数为上限。",
            ),
        ),
        Wrong(
            "always_places",
            "def page_fill(stages, wanted, places):\n"
            "    if not wanted:\n"
            "        return [math.nan for _ in stages]\n"
            "    return [min(len(wanted.intersection(left)), places) / places for left in stages]\n",
            Text(
                "You divide by the places even where fewer products are wanted. Then no stage can reach 1, however "
                "good it is.",
                "即使应展示的商品比位置少，你也除以位置数。这样再好的阶段也到不了 1。",
            ),
        ),
        Wrong(
            "no_cap_above",
            "def page_fill(stages, wanted, places):\n"
            "    if not wanted:\n"
            "        return [math.nan for _ in stages]\n"
            "    return [len(wanted.intersection(left)) / min(len(wanted), places) for left in stages]\n",
            Text(
                "Your numbers can exceed 1: a page can't be more than full. Cap the count above the line, too.",
                "你的数值可能超过 1：页面不可能比满还满。分子也要封顶。",
            ),
        ),
        Wrong(
            "of_the_stage_before",
            "def page_fill(stages, wanted, places):\n"
            "    result, before = [], len(wanted)\n"
            "    for left in stages:\n"
            "        n = len(wanted.intersection(left))\n"
            "        full = min(before, places)\n"
            "        result.append(min(n, places) / full if full else math.nan)\n"
            "        before = n\n"
            "    return result\n",
            Text(
                "You compare each stage with the one before. The question is what the page can still hold of all that "
                "is wanted, so that the divisor stays the same.",
                "你把每个阶段和前一个阶段相比。问题是页面还能放下全部应展示商品中的多少，所以除数始终不变。",
            ),
        ),
        Wrong(
            "first_places_only",
            "def page_fill(stages, wanted, places):\n"
            "    if not wanted:\n"
            "        return [math.nan for _ in stages]\n"
            "    return [len(wanted.intersection(left[:places])) / min(len(wanted), places) for left in stages]\n",
            Text(
                "You look only at the first places of each stage. A product further down is still there for the next "
                "stage to pick.",
                "你只看每个阶段的前几位。排在后面的商品仍然在，下一阶段还可以选它。",
            ),
        ),
    ),
)

# -- display_list -----------------------------------------------------------------------------------------------------

_BRANDS = ("Lumo", "Karst", "Ovel", "Pinna", "")


def _draw_display(generator: np.random.Generator) -> tuple:
    """A ranked list with few brands, some of it sold out; the rules bite in most draws."""
    ranked = [_PRODUCTS[row] for row in generator.permutation(40)[: int(generator.integers(6, 22))]]
    brand = {item: _BRANDS[int(generator.integers(len(_BRANDS)))] for item in ranked}
    in_stock = {item for item in ranked if generator.random() < 0.75}
    return ranked, brand, in_stock, int(generator.integers(1, 4)), int(generator.integers(3, 11))


_DISPLAY = "def display_list(ranked, brand, in_stock, per_brand, places):\n    page, used = [], {}\n"

DISPLAY = Code(
    name="display_list",
    uses=(),
    cases=(
        Case(
            "basic",
            Text("Stock and brands", "库存与品牌"),
            1.5,
            inputs=(
                (
                    ["m1", "m2", "k1", "m3", "k2", "m4", "o1"],
                    {**dict.fromkeys(("m1", "m2", "m3", "m4"), "Lumo"), "k1": "Karst", "k2": "Karst", "o1": "Ovel"},
                    {"m2", "k1", "m3", "k2", "m4", "o1"},
                    2,
                    4,
                ),
                (
                    ["s1", "s2", "t1", "s3", "t2"],
                    {"s1": "Pinna", "s2": "Pinna", "t1": "Karst", "s3": "Pinna", "t2": "Karst"},
                    {"s1", "s2", "t1", "s3", "t2"},
                    1,
                    5,
                ),
            ),
            expect=Text(
                "The first products of the list that are in stock and within the limit of their brand",
                "列表中最靠前的、有库存且未超过品牌上限的商品",
            ),
            advice=Text(
                "Count a brand only when one of its products goes onto the page, and go on until the page is full.",
                "只有当某品牌的商品真正上了页面才计数，一直走到页面填满为止。",
            ),
        ),
        Case(
            "no_brand",
            Text("Products without a brand, and lists that run out", "没有品牌的商品，以及走完的列表"),
            0.5,
            inputs=(
                (["a", "b", "c"], {"a": "", "b": "", "c": ""}, {"a", "b", "c"}, 1, 3),
                (["a", "b"], {"a": "Lumo", "b": "Lumo"}, set(), 2, 3),
                ([], {}, {"z"}, 1, 1),
                (["d", "e", "f", "g"], {"d": "", "e": "Ovel", "f": "", "g": "Ovel"}, {"d", "f", "e", "g"}, 1, 10),
            ),
            expect=Text(
                "No limit for products without a brand; a shorter page, even an empty one, when the list runs out",
                "没有品牌的商品不受限制；列表走完时页面可以更短，甚至为空",
            ),
            advice=Text(
                "An empty name is no brand: test for it before you look at the limit.",
                "空的名字不是品牌：先判断它，再看上限。",
            ),
        ),
        Case("random", Text("Random lists", "随机列表"), 1.0, draw=_draw_display, n=30, hidden=True),
    ),
    hints=(
        Text(
            "Go down the list with one loop. Keep the page so far, and a dict with the number of products per brand "
            "on it.",
            "用一个循环从上往下走。记住当前的页面，以及一个字典：每个品牌已有几个商品。",
        ),
        Text(
            "Three questions for each product: is the page full (stop), is it sold out (pass), is its brand's limit "
            "reached (pass)?",
            "对每个商品问三个问题：页面满了吗（停止）？售罄了吗（跳过）？品牌上限到了吗（跳过）？",
        ),
        Text(
            "Only after all three questions: add it to the page, and add 1 for its brand. A brand named \"\" never "
            "reaches a limit.",
            "三个问题都通过之后才把它加入页面，并给它的品牌加 1。名为 \"\" 的品牌永远不会到上限。",
        ),
    ),
    wrong=(
        Wrong(
            "cut_first",
            _DISPLAY
            + "    for item in ranked[:places]:\n"
            "        if item in in_stock and (not brand[item] or used.get(brand[item], 0) < per_brand):\n"
            "            used[brand[item]] = used.get(brand[item], 0) + 1\n"
            "            page.append(item)\n"
            "    return page\n",
            Text(
                "You cut the list first and apply the rules to what is left. Each product that a rule drops then "
                "leaves a hole; let the next one move up.",
                "你先截断列表，再对剩下的应用规则。这样每丢掉一个商品就留下一个空位；应让后面的商品补上。",
            ),
        ),
        Wrong(
            "sold_out_counts",
            _DISPLAY
            + "    for item in ranked:\n"
            "        used[brand[item]] = used.get(brand[item], 0) + 1\n"
            "        within = not brand[item] or used[brand[item]] <= per_brand\n"
            "        if item in in_stock and within and len(page) < places:\n"
            "            page.append(item)\n"
            "    return page\n",
            Text(
                "You count a product for its brand although it is sold out. Only what stands on the page uses up the "
                "limit.",
                "售罄的商品你也算进了它的品牌。只有真正上了页面的商品才占用上限。",
            ),
        ),
        Wrong(
            "stops_at_the_first",
            _DISPLAY
            + "    for item in ranked:\n"
            "        full = len(page) == places or (brand[item] and used.get(brand[item], 0) >= per_brand)\n"
            "        if full or item not in in_stock:\n"
            "            break\n"
            "        used[brand[item]] = used.get(brand[item], 0) + 1\n"
            "        page.append(item)\n"
            "    return page\n",
            Text(
                "You stop at the first product that breaks a rule. It is only passed over; the page goes on below it.",
                "遇到第一个违反规则的商品你就停下了。它只是被跳过；页面还要往下继续。",
            ),
        ),
        Wrong(
            "no_name_is_a_brand",
            _DISPLAY
            + "    for item in ranked:\n"
            "        if len(page) < places and item in in_stock and used.get(brand[item], 0) < per_brand:\n"
            "            used[brand[item]] = used.get(brand[item], 0) + 1\n"
            "            page.append(item)\n"
            "    return page\n",
            Text(
                "You treat \"\" as the name of a brand. Products without a brand have nothing in common; no limit "
                "holds for them.",
                "你把 \"\" 当成了一个品牌名。没有品牌的商品之间没有共同点，不受上限约束。",
            ),
        ),
        Wrong(
            "stock_ignored",
            _DISPLAY
            + "    for item in ranked:\n"
            "        if len(page) < places and (not brand[item] or used.get(brand[item], 0) < per_brand):\n"
            "            used[brand[item]] = used.get(brand[item], 0) + 1\n"
            "            page.append(item)\n"
            "    return page\n",
            Text(
                "Your page shows products that are sold out. They can't be bought, and they take the place of one "
                "that can.",
                "你的页面展示了售罄的商品。它们买不到，还占了能买的商品的位置。",
            ),
        ),
        Wrong(
            "one_too_many",
            _DISPLAY
            + "    for item in ranked:\n"
            "        within = not brand[item] or used.get(brand[item], 0) <= per_brand\n"
            "        if len(page) < places and item in in_stock and within:\n"
            "            used[brand[item]] = used.get(brand[item], 0) + 1\n"
            "            page.append(item)\n"
            "    return page\n",
            Text(
                "Your page holds one product of a brand too many: at the moment of the test, the product itself is "
                "not counted yet.",
                "你的页面上某个品牌多了一个商品：判断的那一刻，这个商品自己还没有计入。",
            ),
        ),
    ),
)

QUESTIONS = (WHICH_LOG, WORTH, FUNNEL, FILL, DISPLAY)
