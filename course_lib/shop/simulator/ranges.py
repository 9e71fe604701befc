"""Which values a parameter of the simulator may have, so that an impossible shop is refused and not built."""

from __future__ import annotations

import math
from typing import Any

from course_lib.core.errors import ContractError

#: probabilities and shares
SHARES = frozenset({
    "stuffed", "duplicated", "query_family", "asked_otherwise", "drift", "minority", "sale_share", "promotion", "cold_items",
    "out_of_stock", "fashion_memory", "randomised", "cascade_leaves", "exploration", "cart_rate", "purchase_rate",
    "kind_shares", "segment_shares", "page_shares", "reformulates",
})  # fmt: skip
#: shares that are all there is, so that they sum to 1
WHOLES = frozenset({"kind_shares", "segment_shares", "page_shares"})
#: counts of at least 1
COUNTS = frozenset({"clusters", "leaves_per_user", "days", "list_length", "variants"})
#: any finite number
SIGNED = frozenset({"tier_markup", "spam_quality", "elasticities", "attraction_bias", "attraction_grade", "attraction_taste",
                    "attraction_quality", "attraction_budget", "ranker_popularity", "ranker_taste"})  # fmt: skip
#: pairs of a name and a number
NAMED = frozenset({"kind_shares", "elasticities", "reformulation_shares"})
#: what ``click_model`` may say
CLICK_MODELS = ("position", "cascade")


def check(name: str, value: Any) -> None:
    """Raise ContractError where a parameter's value can't be; what is in none of the sets above must be at least 0."""
    if isinstance(value, str):
        if name != "click_model":
            raise ContractError(f"{value!r} is no number", where=f"parameters.{name}", remedy="Give a number")
        if value not in CLICK_MODELS:
            remedy = f"Use one of {', '.join(CLICK_MODELS)}"
            raise ContractError(f"unknown click model {value!r}", where="parameters.click_model", remedy=remedy)
        return
    if name in NAMED and not _are_named(value):
        remedy = 'Give pairs of a name and a number, as the default has them: (("bargain", -3.8), …)'
        raise ContractError(f"{value!r} has no names", where=f"parameters.{name}", remedy=remedy)
    nested = value if isinstance(value, (tuple, list)) else (value,)
    numbers = [one[1] if isinstance(one, (tuple, list)) and len(one) == 2 else one for one in nested]
    if not numbers and name != "sale_weeks":
        raise ContractError("nothing is given", where=f"parameters.{name}", remedy="Leave it out for the default")
    for number in numbers:
        _check_number(name, number)
    if name in WHOLES and not math.isclose(sum(numbers), 1, abs_tol=1e-6):
        raise ContractError(f"the shares sum to {sum(numbers):g}", where=f"parameters.{name}", remedy="Make them sum to 1")


def _are_named(value: Any) -> bool:
    pairs = value if isinstance(value, (tuple, list)) else [value]
    return all(isinstance(one, (tuple, list)) and len(one) == 2 and isinstance(one[0], str) for one in pairs)


def _check_number(name: str, number: Any) -> None:
    where = f"parameters.{name}"
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise ContractError(f"{number!r} is no finite number", where=where, remedy="Give a number")
    if name in SHARES and not 0 <= number <= 1:
        raise ContractError(f"{number!r} is no share", where=where, remedy="Give a number from 0 to 1")
    if name in COUNTS and (number < 1 or number != int(number)):
        raise ContractError(f"{number!r} is no count", where=where, remedy="Give a whole number of at least 1")
    if name not in SIGNED and number < 0:
        raise ContractError(f"{number!r} is below 0", where=where, remedy="Give a number of at least 0")
