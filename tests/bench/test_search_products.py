"""What a title says of a product, and the queries that are made of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.bench.search_products import Product, find_kind, read_products, words
from course_lib.bench.search_queries import hard_negatives, synthetic_pairs
from course_lib.bench.search_run import read
from course_lib.core.errors import DataError
from course_lib.core.tables import make_table


def items(*rows: tuple[str, str, str, dict[str, str]]):
    """An items table of (title, brand, description, attributes)."""
    return make_table(
        "items",
        {
            "item_id": [f"{n}" for n in range(len(rows))],
            "title": [row[0] for row in rows],
            "brand": [row[1] for row in rows],
            "description": [row[2] for row in rows],
            "attributes": [[{"name": name, "value": value} for name, value in row[3].items()] for row in rows],
            "category": [""] * len(rows),
            "price": [1.0] * len(rows),
        },
    )


def titled(*titles: str, **attributes: str) -> list[Product]:
    """Products of the brand Xerox whose names are the second words of their titles."""
    return read_products(items(*((t, "Xerox", f"{t.split()[1]}. For all printers", attributes) for t in titles)))


@pytest.mark.parametrize(
    ("rest", "kind"),
    [
        ("toner cartridge Original Black 1 pc(s)", "toner cartridge"),
        ("toner cartridge", "toner cartridge"),
        ("USB cable 2 m", "usb cable"),
        ("Drip coffee maker Manual", "drip coffee maker"),
        ("TV 139 cm", "tv"),
        ("keyboard USB", "keyboard"),
        ("Original yellow", ""),  # the value of an attribute, then a colour in small letters
        ("Galaxy Tab", ""),
        ("1200 x 1200 DPI", ""),
        ("", ""),
    ],
)
def test_the_kind_stands_between_name_and_features(rest, kind):
    products = titled(*(f"Xerox N{n} {rest}".strip() for n in range(3)), type="Original")
    assert [product.kind for product in products] == [kind] * 3
    assert [product.name for product in products] == ["N0", "N1", "N2"]


def test_a_kind_that_few_titles_share_is_none_and_a_known_one_is_found_elsewhere():
    known = [f"Xerox N{n} toner cartridge" for n in range(3)]
    products = titled(*known, "Xerox N3 odd thing", "Xerox N4 Black Toner Cartridge")
    assert [product.kind for product in products[3:]] == ["", "toner cartridge"]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Acme Wireless Keyboard black", "keyboard"),
        ("Acme AC adapter for notebook", ""),
        ("Acme notebook case with keyboard", "notebook case"),
        ("Acme notebook (keyboard)", "notebook"),
        ("Acme keyboards", ""),
        ("", ""),
    ],
)
def test_a_known_kind_counts_before_the_title_speaks_of_something_else(title, kind):
    assert find_kind(title, {("keyboard",), ("notebook",), ("notebook", "case"), ("case",)}) == kind


def test_a_blind_text_lacks_the_kind_and_nothing_else():
    product = titled(*(f"Xerox N{n} toner cartridge Black" for n in range(3)), colour="Black")[0]
    assert product.text() == "Xerox N0 toner cartridge Black. For all printers. colour Black"
    assert product.text(blind=True) == "Xerox N0 Black. For all printers. colour Black"
    assert replace(product, kind="").text(blind=True) == product.text()


@settings(max_examples=25)
@given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=40))
def test_any_text_is_read(title, brand, description):
    (product,) = read_products(items((title, brand, description, {"a": title})))
    assert title.startswith(product.name) or product.name in title[len(brand) :].lstrip()
    assert product.kind == ""
    product.text(blind=True)


def test_every_query_is_made_of_its_product(chorus_data):
    products = read_products(read(chorus_data).items)
    pairs = synthetic_pairs(products, 400)
    assert len(pairs) == 400 and pairs == synthetic_pairs(products, 400) != synthetic_pairs(products, 400, seed=1)
    for pair in pairs:
        product = products[pair.row]
        told = " ".join([product.title, product.details, *(value for _, value in product.attributes)]).lower()
        assert pair.query and all(word in told or word.removesuffix("s") in told for word in pair.query.split())
        assert pair.group == product.kind and pair.text in (product.text(), product.text(blind=True))
        assert not pair.broad or product.kind in pair.query
    assert {pair.broad for pair in pairs} == {True, False}
    assert {pair.text == products[pair.row].text() for pair in pairs} == {True, False}


def test_rare_kinds_are_not_drowned():
    products = titled(*(f"Xerox N{n} toner cartridge" for n in range(64)), *(f"Xerox M{n} duplex unit" for n in range(4)))
    share = np.mean([pair.group == "duplex unit" for pair in synthetic_pairs(products, 4_000)])
    assert 0.15 < share < 0.25  # √4 : √64 is 1 : 4; as the catalogue is, it would be 1 : 16


def test_no_words_no_queries():
    with pytest.raises(DataError, match="no product has a word"):
        synthetic_pairs(read_products(items(("?!", "", "", {}))), 5)


def test_a_hard_negative_is_no_answer(chorus_data):
    products = read_products(read(chorus_data).items)
    pairs = synthetic_pairs(products, 200)
    everything = np.tile(np.arange(len(products)), (len(pairs), 1))
    texts = {product.text(): product for product in products}
    found = hard_negatives(pairs, products, everything)
    assert found == hard_negatives(pairs, products, everything)
    assert sum(text != pair.text for pair, (text,) in zip(pairs, found)) > 100
    for pair, (text,) in zip(pairs, found):
        if text == pair.text:  # nothing is wrong: training leaves it out
            continue
        wrong = texts[text]
        assert not set(words(pair.query)) <= set(words(text))
        if pair.broad:
            assert wrong.kind and wrong.kind.split()[-1] != pair.group.split()[-1]
