"""The e-mail experiment of K. Hillstrom (MineThatData, 2008): 64,000 customers, three arms by chance."""

from __future__ import annotations

from typing import Any

from course_lib.core.errors import DataError
from course_lib.core.tables import make_table
from course_lib.shop.loaders.fields import no_rows, number, one_of, table_rows, whole
from course_lib.shop.loaders.folder import Folder

FILE = "marketing_data.csv"
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
_KNOWN = {
    "history_segment": (
        "1) $0 - $100", "2) $100 - $200", "3) $200 - $350", "4) $350 - $500", "5) $500 - $750", "6) $750 - $1,000",
        "7) $1,000 +",
    ),
    "zip_code": ("Urban", "Surburban", "Rural"),  # the publisher's spelling
    "channel": ("Phone", "Web", "Multichannel"),
    "segment": ARMS,
}  # fmt: skip
_FLAGS = ("mens", "womens", "newbie", "visit", "conversion")
COLUMNS = (
    "recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel", "segment", "visit",
    "conversion", "spend",
)  # fmt: skip


def load_hillstrom(folder: Folder) -> dict[str, Any]:
    """``users``: a customer per row (the file has no ids: user_id is the row, from "0"), with the file's columns.

    recency in months, history and spend in US dollars; mens, womens, newbie, visit and conversion are 0 or 1; segment
    is the arm. There are no items or events.

    Raises:
        DataError: the file is missing or damaged, a cell has an unknown value, a customer bought without a visit.
    """
    folder.need(FILE)
    columns: dict[str, list[Any]] = {name: [] for name in ("user_id", *COLUMNS)}
    for where, row in table_rows(folder, FILE, COLUMNS):
        values: dict[str, Any] = {"user_id": str(len(columns["user_id"]))}
        values["recency"] = whole(row, "recency", where, 1, 12)
        values |= {name: number(row, name, where, 0, 1e9) for name in ("history", "spend")}
        values |= {name: whole(row, name, where, 0, 1) for name in _FLAGS}
        values |= {name: one_of(row, name, known, where) for name, known in _KNOWN.items()}
        if values["conversion"] > values["visit"] or (values["spend"] > 0) != values["conversion"]:
            what = f"visit {values['visit']}, conversion {values['conversion']} and spend {values['spend']:g} disagree"
            raise DataError(what, where=where, remedy="Who spends has converted, and who converts has visited")
        for name, value in values.items():
            columns[name].append(value)
    if not columns["user_id"]:
        raise no_rows(folder.where(FILE))
    return {"users": make_table("users", columns)}
