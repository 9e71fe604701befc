"""UCI Online Retail: 541,909 order lines of a British gift shop, December 2010 to December 2011.

File: ``online_retail.parquet``, the lines of the publisher's workbook (https://doi.org/10.24432/C5BW33).
"""

from __future__ import annotations

from typing import Any

from course_lib.core.errors import DataError
from course_lib.core.tables import make_table
from course_lib.shop.loaders.arrow import bare_items, dataset_of, events
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.parquet import read_columns

FILE = "online_retail.parquet"
KINDS = {
    "InvoiceNo": "text", "StockCode": "text", "Description": "text", "Quantity": "whole", "InvoiceDate": "time",
    "UnitPrice": "number", "CustomerID": "number", "Country": "text",
}  # fmt: skip
_REQUIRED = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "Country")
#: stock codes of postage, fees, discounts, samples and corrections: no products
NOT_PRODUCTS = ("POST", "DOT", "C2", "M", "m", "D", "S", "B", "PADS", "CRUK", "BANK CHARGES", "AMAZONFEE")


def load_online_retail(folder: Folder) -> dict[str, Any]:
    """``items``, ``users``, ``events`` (what known customers bought) and the table ``orders`` (every line of the file).

    - items: every stock code, sorted; title is its most frequent description (of equals the first by alphabet), ""
      where it never has one; price is the median price it was sold at, in pounds, NaN where it never was.
    - users: every customer id of the file, sorted as numbers.
    - events: a purchase per line with a known customer, a positive quantity and price, no cancellation (invoice number
      C…) and a real product (not ``NOT_PRODUCTS``); session_id is the invoice, price the unit price.
    - orders: invoice, item_id, description ("" where unknown), quantity (negative: returned), timestamp, price (per
      unit, in pounds; negative in two corrections), user_id ("" where unknown), country.
    - timestamps: the file has no time zone; its times are taken as UTC.

    Raises:
        DataError: the file is missing or damaged, a cell that every line needs is empty, a customer id is not whole.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    folder.need(FILE)
    path = folder.large(FILE)
    table = read_columns(path, KINDS, _REQUIRED)
    customer = table["CustomerID"].cast(pa.float64())
    odd = pc.fill_null(pc.or_(pc.not_equal(customer, pc.floor(customer)), pc.less(customer, 0)), False)
    if pc.any(odd).as_py():
        row = odd.to_pylist().index(True)
        what = f"CustomerID is {customer[row]}, no whole number"
        raise DataError(what, where=f"{path}, row {row}", remedy="Correct the cell")
    orders = pa.table({
        "invoice": table["InvoiceNo"].cast(pa.string()),
        "item_id": table["StockCode"].cast(pa.string()),
        "description": pc.fill_null(table["Description"].cast(pa.string()), ""),
        "quantity": table["Quantity"].cast(pa.int64()),
        "timestamp": table["InvoiceDate"].cast(pa.timestamp("s"), safe=False).cast(pa.int64()),
        "price": table["UnitPrice"].cast(pa.float64()),
        "user_id": pc.fill_null(customer.cast(pa.int64()).cast(pa.string()), ""),
        "country": table["Country"].cast(pa.string()),
    })  # fmt: skip
    product = pc.invert(pc.is_in(orders["item_id"], value_set=pa.array(NOT_PRODUCTS)))
    sold = pc.and_(pc.greater(orders["quantity"], 0), pc.greater(orders["price"], 0))
    sold = pc.and_(sold, pc.invert(pc.starts_with(orders["invoice"], "C")))
    known = pc.and_(sold, pc.and_(product, pc.not_equal(orders["user_id"], "")))
    bought = orders.filter(known)
    users = sorted(pc.unique(orders["user_id"]).to_pylist(), key=lambda u: (len(u), u))
    named = {"session_id": bought["invoice"], "price": bought["price"]}
    return {
        "items": _items(orders, orders.filter(sold)),
        "users": make_table("users", {"user_id": [user for user in users if user]}),
        "events": events(bought["user_id"], bought["item_id"], "purchase", bought["timestamp"], **named),
        "tables": {"orders": dataset_of({name: orders[name] for name in orders.column_names})},
    }


def _items(orders: Any, sold: Any) -> Any:
    import math

    counts = orders.group_by(["item_id", "description"]).aggregate([([], "count_all")]).to_pylist()
    best: dict[str, str] = {}
    for row in sorted(counts, key=lambda r: (-r["count_all"], r["description"])):
        if row["description"].strip():
            best.setdefault(row["item_id"], row["description"].strip())
    prices = sold.select(["item_id", "price"]).to_pandas().groupby("item_id")["price"].median().to_dict()
    ids = sorted({row["item_id"] for row in counts})
    title, price = [best.get(i, "") for i in ids], [prices.get(i, math.nan) for i in ids]
    return bare_items(ids, title=title, price=price)
