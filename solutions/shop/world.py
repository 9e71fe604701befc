# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How a shop shows products: five questions
#
# Run the first code cell below (Shift+Enter); it brings what the answers and the checks need. The first two questions
# need no programming: write letters or a number after the equals sign, in place of the three dots, and run the cell.
# The other three are small functions: write each where it says `...  # your code here`. The cell below each answer
# checks it and says what to try next; you may try as often as you like.
#
# All numbers here are invented for the questions; the measured ones stand in the chapter.
#
# Words that all questions use:
#
# - A **page** is one list of products that was shown to somebody. An **impression** is one product on one page.
# - **Recall** picks candidates out of the whole catalogue, **ranking** puts them in order, **display** applies rules and
#   makes the page.

# %% setup=true
import math

# %% [markdown]
# ## 1 Which question can the log answer?
#
# A shop logs an event for every impression (product, query, place, price), every click, every cart and every purchase.
# It logs nothing else. Its pages always show the products in the order of its ranker.
#
# **Task.** Which of these questions can be answered from this log? There may be several.
#
# | letter | question |
# |---|---|
# | a | Which share of the products that stood in the first place last week was clicked? |
# | b | How many clicks would the 400 products have got that no page showed? |
# | c | Which share of all searches found nothing? |
# | d | Product A was shown 500 times, always in place nine, and never clicked; product B 500 times, always in place one, with 20 clicks. Do people want B more than A? |
# | e | Which share of the carts became purchases in the week of the sale, and at what mean price? |
# | f | A new recall is being tested on paper: of the products that were clicked last month, it finds fewer than the old recall. Is it worse? |
#
# **Form.** The letters in quotes, in any order, for example `"bc"`.

# %% question="which_log" points=2
which_log = ...  # one or more letters in quotes
### BEGIN SOLUTION
which_log = "ae"
### END SOLUTION

# %% [markdown]
# ## 2 What is a mended stage worth?
#
# **Page fill** says how much of the page could still be filled with the right products after a stage. A shop measured
# its recall, and what perfect recall would bring:
#
# | | page fill after recall | sales per 1,000 searches |
# |---|---|---|
# | today | 80 % | 900 |
# | perfect recall | 100 % | 1,260 |
#
# A vendor offers a language model for recall. In a test it lifts page fill to 88 %. It costs 0.01 per search. The shop
# answers two million searches a year, and keeps 25 % of its sales as margin.
#
# Assume that sales grow in proportion to page fill, between the two rows of the table.
#
# **Task.** What does the model bring the shop in a year, in money: additional margin less the cost of the model?
#
# **Example.** Another model lifts page fill by 1 point and costs nothing. Of the 20 points that are missing, one is a
# twentieth: sales rise by 360 / 20 = 18 per 1,000 searches, which is 36,000 in a year; the margin is 9,000.
#
# **Form.** A number, or a calculation with plain numbers such as `2000 * 18 * 0.25`.

# %% question="worth_of_a_point" points=1
worth_of_a_point = ...  # a number
### BEGIN SOLUTION
worth_of_a_point = 2000 * 8 * 18 * 0.25 - 2000000 * 0.01
### END SOLUTION

# %% [markdown]
# ## 3 The funnel
#
# **Task.** Count a log down the funnel, from impressions to money.
#
# | key of the result | what is divided | by what |
# |---|---|---|
# | `"clicks per impression"` | number of clicks | number of impressions |
# | `"carts per click"` | number of carts | number of clicks |
# | `"purchases per cart"` | number of purchases | number of carts |
# | `"price per purchase"` | sum of the prices of all purchases | number of purchases |
# | `"value per page"` | sum of the prices of all purchases | number of pages |
#
# A page has several impressions, and exactly one of them stands in place 0, the first: so the number of pages is the
# number of impressions in place 0.
#
# **Example.** Three impressions on two pages, in the places 0, 1 and 0; one click, one cart and one purchase, all of
# the product in place 1, at a price of 12. Clicks per impression is 1/3; carts per click and purchases per cart are 1;
# price per purchase is 12; value per page is 12 / 2 = 6.
#
# **Contract.**
#
# - `events` is a list of tuples `(kind, place, price)`: `kind` is `"impression"`, `"click"`, `"cart"` or `"purchase"`,
#   `place` a whole number from 0, `price` a number of at least 0. Every event carries the price that the product had at
#   that moment, impressions and clicks too. The list may be empty and is in no order.
# - The result is a dict with the five keys above, each with a float.
# - A rate whose divisor is 0 is undefined: give `math.nan` (“not a number”), so that nobody takes it for 0.
#
# **In the shop.** The product of the rates, times the impressions of a page, is the value of a page. Whoever wants to
# raise it must say at which of these rates.

# %% question="funnel_rates" points=3
def funnel_rates(events: list) -> dict:
    """Rates of the funnel.

    Args:
        events: list[tuple[str, int, float]], (kind, place, price) of each event; may be empty.

    Returns:
        dict[str, float]: the five rates; math.nan where the divisor is 0.
    """
    ### BEGIN SOLUTION
    count = {kind: 0 for kind in ("impression", "click", "cart", "purchase")}
    pages, money = 0, 0.0
    for kind, place, price in events:
        count[kind] += 1
        pages += kind == "impression" and place == 0
        money += price if kind == "purchase" else 0.0

    def rate(above: float, below: float) -> float:
        return above / below if below else math.nan

    return {
        "clicks per impression": rate(count["click"], count["impression"]),
        "carts per click": rate(count["cart"], count["click"]),
        "purchases per cart": rate(count["purchase"], count["cart"]),
        "price per purchase": rate(money, count["purchase"]),
        "value per page": rate(money, pages),
    }
    ### END SOLUTION


# %% [markdown]
# ## 4 How far can the page still be filled?
#
# **Task.** A product that one stage drops, no later one can show. After each stage, how much of the page could still be
# filled with products that ought to be shown?
#
# $$
# f_j = \frac{\min(|C_j \cap G|, n)}{\min(|G|, n)}
# $$
#
# | symbol | meaning |
# |---|---|
# | $C_j$ | the products that stage $j$ hands on |
# | $G$ | the products that ought to be shown; the bars $\lvert \cdot \rvert$ count |
# | $n$ | `places`, the number of products on a page |
#
# **Example.** Wanted are `{"a", "b", "c"}`, the page has 2 places. Recall hands on `["a", "x", "b", "c"]`, ranking
# `["x", "c"]`, display `["x"]`. After recall the page can be filled with two of the three: 2 / 2 = 1. After ranking
# one is left: 1 / 2 = 0.5. After display: 0. The result is `[1.0, 0.5, 0.0]`.
#
# **Contract.**
#
# - `stages` is a list of lists of product ids, none twice in one list: what each stage hands on, the first stage first.
# - `wanted` is a set of ids; `places` is a whole number of at least 1.
# - The result is a list of floats, one for each stage, from 0 to 1.
# - With nothing wanted the page can't fail: every entry is `math.nan`.
#
# **In the shop.** The first stage whose number falls is the one to mend. A shop that only looks at the last page can't
# tell a bad ranker from a recall that handed it nothing.

# %% question="page_fill" points=2
def page_fill(stages: list, wanted: set, places: int) -> list:
    """How much of the page can still be filled after each stage.

    Args:
        stages: list[list[str]], ids that each stage hands on; a list may be empty.
        wanted: set[str], ids that ought to be shown; may be empty.
        places: products on a page, at least 1.

    Returns:
        list[float], one per stage, from 0 to 1; math.nan everywhere if nothing is wanted.
    """
    ### BEGIN SOLUTION
    if not wanted:
        return [math.nan for _ in stages]
    full = min(len(wanted), places)
    return [min(len(wanted.intersection(left)), places) / full for left in stages]
    ### END SOLUTION


# %% [markdown]
# ## 5 The display list
#
# **Task.** The ranker hands on a list, best first. Make the page of it: nothing that is sold out, at most `per_brand`
# products of one brand, at most `places` products in all. Go down the list; whatever breaks a rule is passed over, and
# the next product gets its chance.
#
# **Example.** The list is `["a", "b", "c", "d", "e"]`. Brands: `a`, `b` and `c` are of *Lumo*, `d` and `e` have no
# brand (`""`). Sold out is `a`. With `per_brand=1` and `places=3` the page is `["b", "d", "e"]`: `a` is sold out and
# doesn't count for its brand, `b` is the one product of Lumo, `c` would be the second; `d` and `e` have no brand, so
# that no limit holds for them.
#
# **Contract.**
#
# - `ranked` is a list of ids, none twice; `brand` maps every id of the list to the name of its brand, `""` where it has
#   none; `in_stock` is the set of ids that can be bought; `per_brand` and `places` are whole numbers of at least 1.
# - The result is a list of ids in the order of `ranked`; it is shorter than `places` when the list runs out.
#
# **In the shop.** Where these rules stand matters as much as what they say. Applied before ranking, they throw away
# products that nobody has looked at yet.

# %% question="display_list" points=3
def display_list(ranked: list, brand: dict, in_stock: set, per_brand: int, places: int) -> list:
    """The page: the best products that the rules allow.

    Args:
        ranked: list[str], ids, best first.
        brand: dict[str, str], the brand of each id, "" for none.
        in_stock: set[str], ids that can be bought.
        per_brand: the most products of one brand, at least 1.
        places: the most products on the page, at least 1.

    Returns:
        list[str]: ids of the page, in the order of ranked.
    """
    ### BEGIN SOLUTION
    page: list = []
    used: dict = {}
    for item in ranked:
        name = brand[item]
        if len(page) == places:
            break
        if item not in in_stock or (name and used.get(name, 0) >= per_brand):
            continue
        used[name] = used.get(name, 0) + 1
        page.append(item)
    return page
    ### END SOLUTION
