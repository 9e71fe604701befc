"""Every loader on a small folder in its publisher's layout, and on damaged copies of it: one clear line each."""

from __future__ import annotations

import base64
import gzip
import json
import math
import os
import shutil
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.core.tables import SCHEMAS
from course_lib.shop.loaders import load, manifest, names
from course_lib.shop.shop import Shop

#: a picture of one pixel
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PT"
    "gyPC4zNDL/wAALCAABAAEBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIh"
    "MUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhI"
    "WGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APn+"
    "iiiv/9k="
)
MEN = "random/men"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """What ``datasets`` writes goes to a folder of the test."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    datasets.disable_progress_bars()


# --- small folders ------------------------------------------------------------------------------------------------


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def chorus(folder: Path) -> None:
    products = [{"id": "1", "title": "Acme printer", "supplier": "Acme", "price": 500}, {"id": "2", "title": "Café"}]
    with zipfile.ZipFile(folder / "1.json.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.json", json.dumps(products))
    write(folder, {"Broad_Query_Set_rated.csv": "query,docid,rating\nprinter,1,3\nprinter,2,0\n"})


def lightgcn(folder: Path) -> None:
    write(folder, {"train.txt": "0 10 2 33\n1 2 10\n7 5\n", "test.txt": "0 5\n7\n1 33 41\n"})


def s3rec(folder: Path) -> None:
    attributes = {"1": [3, 4], "2": [3], "9": []}
    write(folder, {"Toys.txt": "1 2 9 1\n2 9\n", "Toys_item2attributes.json": json.dumps(attributes)})


def banking77(folder: Path) -> None:
    train = 'text,category\nWhere is my card?,card_arrival\n"Lost it, help",lost_card\n'
    write(folder, {"train.csv": train, "test.csv": "text,category\nNo card came,card_arrival\n"})


def hint3(folder: Path) -> None:
    write(folder, {
        "shoes_train.csv": "sentence,label\nOrder it,ORDER\nSizes?,SIZES\n",
        "shoes_test.csv": 'sentence,label\n"Order, please",ORDER\nसाइज,NO_NODES_DETECTED\n',
    })  # fmt: skip


def matching(folder: Path) -> None:
    left = "COL title VAL red shoe COL manufacturer VAL acme COL price VAL 9.5 "
    line = f"{left}\tCOL title VAL shoe red COL price VAL  \t1\n"
    other = f"{left}\tCOL title VAL hat COL price VAL 3 \t0\n"
    write(folder, {"Shoes/train.txt": line + other, "Shoes/valid.txt": other, "Shoes/test.txt": line})


def obd(folder: Path) -> None:
    log = (
        ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,"
        "user_feature_3,user-item_affinity_0,user-item_affinity_1\n"
        "0,2019-11-24 00:00:03.5+00:00,1,3,0,0.5,a,b,c,d,0.0,2.0\n"
        "1,2019-11-24 00:00:09+00:00,0,1,1,0.25,e,b,c,d,1.0,0.0\n"
    )
    context = (
        ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n0,0,-0.5,x,y,z\n1,1,0.25,x,y,w\n"
    )
    write(folder, {f"{MEN}/men.csv": log, f"{MEN}/item_context.csv": context})


HILLSTROM = (
    "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend\n"
    "10,2) $100 - $200,142.44,1,0,Surburban,0,Phone,Womens E-Mail,0,0,0\n"
    "6,3) $200 - $350,329.08,1,1,Rural,1,Web,No E-Mail,1,1,29.99\n"
)


def hillstrom(folder: Path) -> None:
    write(folder, {"marketing_data.csv": HILLSTROM})


ORDERS = {
    "InvoiceNo": ["1", "1", "2", "C3", "4", "5", "5"],
    "StockCode": ["85123A", "POST", "22", "22", "22", "22", "85123A"],
    "Description": ["LIGHT", "POSTAGE", None, "MUG", "MUG", "BIG MUG", "LIGHT"],
    "Quantity": [6, 1, 2, -2, 3, 1, 0],
    "InvoiceDate": [datetime(2010, 12, 1, 8, 26 + i) for i in range(7)],
    "UnitPrice": [2.5, 18.0, 1.0, 1.0, 3.0, 2.0, 2.5],
    "CustomerID": [17850.0, 17850.0, 900.0, 900.0, None, 17850.0, 900.0],
    "Country": ["United Kingdom"] * 7,
}


def online_retail(folder: Path) -> None:
    pq.write_table(pa.table(ORDERS), folder / "online_retail.parquet")


GROCERY = {
    "classes.csv": (
        "Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int),Iconic Image Path (str),"
        "Product Description Path (str)\nGala,0,Apple,0,/icons/Fruit/Gala.jpg,/icons/Fruit/Gala.txt\n"
        "Milk,1,Milk,4,/icons/Packages/Milk.jpg,/icons/Packages/Milk.txt"
    ),
    "icons/Fruit/Gala.jpg": JPEG, "icons/Fruit/Gala.txt": "A crisp\napple.\n",
    "icons/Packages/Milk.jpg": JPEG, "icons/Packages/Milk.txt": "Fresh.\n",
    "train.txt": "train/a.jpg, 0, 0\ntrain/b.jpg, 1, 4\n", "val.txt": "val/a.jpg, 0, 0\n",
    "test.txt": "test/a.jpg, 1, 4",
    "train/a.jpg": JPEG, "train/b.jpg": JPEG, "val/a.jpg": JPEG, "test/a.jpg": JPEG,
}  # fmt: skip


def grocery(folder: Path) -> None:
    with zipfile.ZipFile(folder / "grocery.zip", "w") as archive:
        for name, content in GROCERY.items():
            archive.writestr(name, content)


def unpacked(folder: Path) -> None:
    write(folder, GROCERY)


EXAMPLES = {
    "example_id": [0, 1, 2, 3], "query": ["red shoe", "red shoe", "hat", "zapato"], "query_id": [5, 5, 6, 7],
    "product_id": ["B1", "B2", "B2", "B1"], "product_locale": ["us", "us", "us", "es"],
    "esci_label": ["E", "I", "C", "S"], "small_version": [0, 1, 0, 0], "large_version": [1, 1, 1, 1],
    "split": ["train", "train", "test", "train"],
}  # fmt: skip
PRODUCTS = {
    "product_id": ["B1", "B2", "B1"], "product_title": ["Red shoe", "Hat", "Zapato"],
    "product_description": ["Nice", None, None], "product_bullet_point": ["light\nsoft", None, None],
    "product_brand": ["Acme", None, None], "product_color": ["Red", None, None], "product_locale": ["us", "us", "es"],
}  # fmt: skip


def esci(folder: Path) -> None:
    pq.write_table(pa.table(EXAMPLES), folder / "shopping_queries_dataset_examples.parquet")
    pq.write_table(pa.table(PRODUCTS), folder / "shopping_queries_dataset_products.parquet")


REVIEWS = [
    {"rating": 5.0, "title": "Good", "text": "Fits.", "images": [], "asin": "A1b", "parent_asin": "A1", "user_id": "U1",
     "timestamp": 1588687728923, "helpful_vote": 2, "verified_purchase": True},
    {"rating": 1.0, "title": "", "text": "", "images": [], "asin": "A9", "parent_asin": "A9", "user_id": "U2",
     "timestamp": 1588687700000, "helpful_vote": 0, "verified_purchase": False},
]  # fmt: skip
META = [
    {"main_category": "All Beauty", "title": "Brush", "average_rating": 4.5, "rating_number": 3, "features": ["soft"],
     "description": ["A brush."], "price": 9.99, "images": [], "videos": [], "store": "Acme",
     "categories": ["Beauty", "Hair"],
     "details": {"Color": "Red", "Dimensions": {"cm": 3}}, "parent_asin": "A1", "bought_together": None},
    {"main_category": "All Beauty", "title": "Comb", "average_rating": 4.0, "rating_number": 1, "features": [],
     "description": [], "price": None, "images": [], "videos": [], "store": None, "categories": [],
     "details": "{\"Size\": \"L\"}", "parent_asin": "A2", "bought_together": None},
]  # fmt: skip


def lines(rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def amazon_reviews(folder: Path) -> None:
    write(folder, {"All_Beauty.jsonl": lines(REVIEWS), "meta_All_Beauty.jsonl.gz": gzip.compress(lines(META).encode())})


FOLDERS = {
    "chorus": chorus, "gowalla": lightgcn, "lightgcn": lightgcn, "s3rec": s3rec, "banking77": banking77, "hint3": hint3,
    "matching": matching, "obd": obd, "hillstrom": hillstrom, "online-retail": online_retail, "grocery": grocery,
    "esci": esci, "amazon-reviews-2023": amazon_reviews,
}  # fmt: skip


def made(name: str, folder: Path) -> Path:
    FOLDERS[name](folder)
    return folder


def test_every_data_set_has_a_folder_here():
    assert set(FOLDERS) == set(names())


@pytest.mark.parametrize("name", FOLDERS)
def test_a_good_folder_keeps_the_contract(name, tmp_path):
    shop = Shop.load(name, made(name, tmp_path))
    assert shop.name == name and shop.truth is None
    for table, schema in SCHEMAS.items():
        found = getattr(shop, table)
        assert list(found.features)[: len(schema)] == list(schema), table
        assert [str(found.features[c].dtype) for c in schema if schema[c] != "list[attribute]"] == [
            kind for kind in schema.values() if kind != "list[attribute]"
        ]
        assert all(value is not None for column in schema for value in found[column][:])
    about = manifest(name)
    for table, columns in about.schema.items():
        found = shop.tables[table] if table in shop.tables else getattr(shop, table)
        assert set(columns) <= set(found.column_names), (table, found.column_names)
    assert set(shop.tables) <= set(about.schema)
    assert set(shop.events["item_id"][:]) <= set(shop.item_ids)
    assert set(shop.events["user_id"][:]) <= set(shop.users["user_id"][:])
    assert set(shop.judgements["item_id"][:]) <= set(shop.item_ids)
    source = shop.source
    assert source["redistribution"] == about.redistribution and source["files"]
    assert all(f["verified"] in (None, False) and len(f["sha256"]) == 64 for f in source["files"])  # ours, not theirs


# --- what the small folders hold ----------------------------------------------------------------------------------


def test_lightgcn(tmp_path):
    shop = Shop.load("lightgcn", made("lightgcn", tmp_path))
    assert shop.items["item_id"][:] == ["2", "5", "10", "33", "41"] and shop.users["user_id"][:] == ["0", "1", "7"]
    train, test = shop.interactions(until=1), shop.interactions(since=1)
    pairs = lambda found: set(zip(found.users.take(found.user_rows), found.items.take(found.item_rows)))  # noqa: E731
    assert pairs(train) == {("0", "10"), ("0", "2"), ("0", "33"), ("1", "2"), ("1", "10"), ("7", "5")}
    assert pairs(test) == {("0", "5"), ("1", "33"), ("1", "41")}
    (tmp_path / "train.txt").write_bytes(b"\xef\xbb\xbf0 10 2 33\r\n\r\n1  2 10 \r\n7 5\r\n")
    again = Shop.load("lightgcn", tmp_path)
    assert pairs(again.interactions(until=1)) == pairs(train)


def test_s3rec(tmp_path):
    shop = Shop.load("s3rec", made("s3rec", tmp_path))
    assert shop.items["item_id"][:] == ["1", "2", "9"]
    assert shop.items["attributes"][:][0] == [{"name": "attribute", "value": "3"}, {"name": "attribute", "value": "4"}]
    rows = list(zip(*(shop.events[c][:] for c in ("user_id", "item_id", "timestamp"))))
    assert rows == [("1", "2", 0), ("1", "9", 1), ("1", "1", 2), ("2", "9", 0)]
    (tmp_path / "Games.txt").write_text("1 4\n")
    with pytest.raises(ContractError, match="several parts of s3rec. Name one of s3rec/Games, s3rec/Toys"):
        load("s3rec", tmp_path)
    with pytest.raises(ContractError, match="no part 'Hats' of s3rec"):
        load("s3rec/Hats", tmp_path)
    assert len(load("s3rec/Games", tmp_path)["events"]) == 1  # without attributes
    with pytest.raises(ContractError, match="gowalla has no parts"):
        load("gowalla/x", tmp_path)


def test_intents(tmp_path):
    (tmp_path / "a").mkdir()
    queries = load("banking77", made("banking77", tmp_path / "a"))["queries"]
    assert queries["query_id"][:] == ["train/0", "train/1", "test/0"]
    assert queries["text"][1] == "Lost it, help"
    assert queries["intent"][:] == ["card_arrival", "lost_card", "card_arrival"]
    (tmp_path / "b").mkdir()
    queries = load("hint3/shoes", made("hint3", tmp_path / "b"))["queries"]
    assert queries[3] == {
        "query_id": "shoes/test/1", "text": "साइज", "bot": "shoes", "split": "test", "intent": "NO_NODES_DETECTED",
    }  # fmt: skip
    with pytest.raises(ContractError, match="no part 'hats' of hint3.*hint3/shoes"):
        load("hint3/hats", tmp_path / "b")


def test_matching(tmp_path):
    shop = Shop.load("matching", made("matching", tmp_path))
    assert shop.items["item_id"][:] == ["Shoes/left/0", "Shoes/right/0", "Shoes/right/1"]
    assert shop.items[0]["title"] == "red shoe" and shop.items[0]["brand"] == "acme" and shop.items[0]["price"] == 9.5
    assert math.isnan(shop.items[1]["price"]) and shop.items["category"][:] == ["Shoes"] * 3
    pairs = shop.tables["pairs"]
    assert pairs["match"][:] == [1, 0, 0, 1] and pairs["split"][:] == ["train", "train", "valid", "test"]
    assert pairs[1] == {
        "task": "Shoes", "split": "train", "left_id": "Shoes/left/0", "right_id": "Shoes/right/1", "match": 0,
    }  # fmt: skip
    assert "4 pairs" in repr(shop)


def test_obd(tmp_path):
    shop = Shop.load("obd", made("obd", tmp_path))
    assert shop.items["item_id"][:] == ["men/0", "men/1"]
    assert shop.tables["decisions"][0] == {
        "policy": "random", "campaign": "men", "row": 0, "timestamp": 1574553603, "item_id": "men/1", "position": 2,
        "click": 0, "propensity": 0.5, "user_features": ["a", "b", "c", "d"], "affinity": [0.0, 2.0],
    }  # fmt: skip
    assert shop.tables["item_context"][1]["features"] == ["x", "y", "w"]


def test_hillstrom(tmp_path):
    users = load("hillstrom", made("hillstrom", tmp_path))["users"]
    assert users["user_id"][:] == ["0", "1"] and users["spend"][:] == [0.0, 29.99] and users["mens"][:] == [1, 1]
    assert users["segment"][:] == ["Womens E-Mail", "No E-Mail"]


def test_online_retail(tmp_path):
    shop = Shop.load("online-retail", made("online-retail", tmp_path))
    assert shop.items["item_id"][:] == ["22", "85123A", "POST"]
    assert shop.items["title"][:] == ["MUG", "LIGHT", "POSTAGE"]
    assert shop.items["price"][:] == [2.0, 2.5, 18.0]  # of 1, 3 and 2 pounds; the cancelled line doesn't count
    assert shop.users["user_id"][:] == ["900", "17850"] and len(shop.tables["orders"]) == 7
    bought = list(zip(*(shop.events[c][:] for c in ("user_id", "item_id", "session_id", "price"))))
    assert bought == [("17850", "85123A", "1", 2.5), ("900", "22", "2", 1.0), ("17850", "22", "5", 2.0)]
    assert shop.events["timestamp"][0] == 1291191960  # 2010-12-01 08:26 UTC
    assert shop.tables["orders"]["user_id"][4] == "" and shop.tables["orders"]["description"][2] == ""


@pytest.mark.parametrize("build", [grocery, unpacked])
def test_grocery(tmp_path, build):
    build(tmp_path)
    shop = Shop.load("grocery", tmp_path)
    assert shop.items["category"][:] == ["Fruit > Apple", "Packages > Milk"]
    assert shop.items["description"][:] == ["A crisp apple.", "Fresh."] and shop.items[0]["icon"].size == (1, 1)
    photos = shop.tables["photos"]
    assert photos["split"][:] == ["train", "train", "val", "test"] and photos["item_id"][:] == ["0", "1", "0", "1"]
    assert photos[0]["image"].size == (1, 1) and photos["photo_id"][3] == "test/a.jpg"


def test_esci(tmp_path):
    shop = Shop.load("esci", made("esci", tmp_path))
    assert shop.items["item_id"][:] == ["B1", "B2"] and shop.items[0]["description"] == "Nice light\nsoft"
    assert shop.items[0]["attributes"] == [{"name": "color", "value": "Red"}] and shop.items[1]["brand"] == ""
    assert shop.queries.to_dict() == {
        "query_id": ["5", "6"], "text": ["red shoe", "hat"], "split": ["train", "test"], "small": [1, 0],
    }  # fmt: skip
    assert shop.judgements.to_dict() == {"query_id": ["5", "5", "6"], "item_id": ["B1", "B2", "B2"], "grade": [3, 0, 1]}
    assert Shop.load("esci/es", tmp_path).items["title"][:] == ["Zapato"]
    with pytest.raises(ContractError, match="no part 'fr' of esci. Name one of esci/us"):
        load("esci/fr", tmp_path)
    with pytest.raises(DataError, match="no example is of the locale 'jp'"):
        load("esci/jp", tmp_path)
    changed = {**PRODUCTS, "product_title": ["Blue shoe", "Hat", "Zapato"]}  # the cache must notice
    pq.write_table(pa.table(changed), tmp_path / "shopping_queries_dataset_products.parquet")
    assert Shop.load("esci", tmp_path).items["title"][:] == ["Blue shoe", "Hat"]


def test_amazon_reviews(tmp_path):
    shop = Shop.load("amazon-reviews-2023/All_Beauty", made("amazon-reviews-2023", tmp_path))
    assert shop.items["item_id"][:] == ["A1", "A2", "A9"]  # A9 is reviewed but not described
    assert shop.items[0]["category"] == "Beauty > Hair" and shop.items[0]["description"] == "soft A brush."
    assert shop.items[0]["attributes"] == [
        {"name": "Color", "value": "Red"}, {"name": "Dimensions", "value": '{"cm": 3}'},
    ]  # fmt: skip
    assert shop.items[1]["attributes"] == [{"name": "Size", "value": "L"}] and shop.items[1]["category"] == "All Beauty"
    assert shop.items[0]["price"] == 9.99 and math.isnan(shop.items[1]["price"]) and shop.items[2]["title"] == ""
    event = shop.events[0]
    assert event["timestamp"] == 1588687728 and event["verified"] == 1 and event["rating"] == 5.0
    assert event["review"] == "Fits." and event["helpful_vote"] == 2
    assert len(shop.interactions()) == 2


@pytest.mark.parametrize(
    ("price", "means"),
    [("$5", 5), ("12.5", 12.5), ("None", None), ("from 3", None), (True, None), (-1, None), ("—", None)],
)
def test_prices_of_amazon(tmp_path, price, means):
    made("amazon-reviews-2023", tmp_path)
    meta = lines([{**META[0], "price": price}])
    (tmp_path / "meta_All_Beauty.jsonl.gz").write_bytes(gzip.compress(meta.encode()))
    found = load("amazon-reviews-2023", tmp_path)["items"]["price"][0]
    assert found == means if means is not None else math.isnan(found)


# --- damage -------------------------------------------------------------------------------------------------------

#: of each data set, the text files that hold rows
TEXTS = {
    "gowalla": ["train.txt", "test.txt"], "s3rec": ["Toys.txt"], "banking77": ["train.csv", "test.csv"],
    "hint3": ["shoes_train.csv", "shoes_test.csv"], "matching": ["Shoes/train.txt", "Shoes/test.txt"],
    "obd": [f"{MEN}/men.csv", f"{MEN}/item_context.csv"], "hillstrom": ["marketing_data.csv"],
    "chorus": ["Broad_Query_Set_rated.csv"],
}  # fmt: skip
EVERY_TEXT = [(name, file) for name, files in TEXTS.items() for file in files]
BINARY = {
    "chorus": "1.json.zip", "online-retail": "online_retail.parquet", "grocery": "grocery.zip",
    "esci": "shopping_queries_dataset_products.parquet", "amazon-reviews-2023": "meta_All_Beauty.jsonl.gz",
}  # fmt: skip


def refused(name: str, folder: Path, *says: str) -> None:
    with pytest.raises(CourseError) as error:
        load(name, folder)
    line = str(error.value)
    assert "\n" not in line and error.value.where and error.value.remedy, line
    for part in says:
        assert part in line, line


@pytest.mark.parametrize(("name", "file"), EVERY_TEXT)
@pytest.mark.parametrize("cut", [2, 5, "half"])
def test_truncated_text(name, file, cut, tmp_path):
    path = made(name, tmp_path) / file
    content = path.read_bytes()
    if name == "chorus" and cut == 2:
        cut = 4  # a last digit that is a whole grade tells nothing; a missing one does
    path.write_bytes(content[: len(content) // 2].rstrip(b"\n") if cut == "half" else content[:-cut])
    refused(name, tmp_path, file.rpartition("/")[2], "line")


@pytest.mark.parametrize(("name", "file"), EVERY_TEXT)
def test_empty_text(name, file, tmp_path):
    (made(name, tmp_path) / file).write_bytes(b"")
    refused(name, tmp_path, "the file is empty")


@pytest.mark.parametrize(("name", "file"), EVERY_TEXT)
def test_text_of_a_header_alone(name, file, tmp_path):
    path = made(name, tmp_path) / file
    has_header = file.endswith(".csv")
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0] if has_header else b"\n")
    refused(name, tmp_path, file.rpartition("/")[2])


@pytest.mark.parametrize(("name", "file"), EVERY_TEXT)
def test_bad_bytes(name, file, tmp_path):
    path = made(name, tmp_path) / file
    content = bytearray(path.read_bytes())
    content[-3] = 0xE9
    path.write_bytes(content)
    refused(name, tmp_path, "byte 0xe9", "is not UTF-8", "line")


@pytest.mark.parametrize(("name", "file"), EVERY_TEXT)
def test_missing_file(name, file, tmp_path):
    (made(name, tmp_path) / file).unlink()
    refused(name, tmp_path, "the folder ", str(tmp_path))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_truncated_binary(name, keep, tmp_path):
    path = made(name, tmp_path) / BINARY[name]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    refused(name, tmp_path, BINARY[name], "not a whole")


@pytest.mark.parametrize("name", BINARY)
def test_empty_binary(name, tmp_path):
    (made(name, tmp_path) / BINARY[name]).write_bytes(b"")
    refused(name, tmp_path, BINARY[name], "the file is empty")


@pytest.mark.parametrize("name", BINARY)
def test_bytes_in_the_middle_of_a_binary(name, tmp_path):
    path = made(name, tmp_path) / BINARY[name]
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle - 20 : middle + 20] = bytes(40)
    path.write_bytes(content)
    try:
        load(name, tmp_path)
    except CourseError as error:
        assert "\n" not in str(error) and error.where
    # parquet without checksums may keep a damaged text that is still UTF-8; anything but a CourseError would fail here


_IDS = "Class ID (int),Coarse Class Name (str)"
#: data set, file, what stands there, what replaces it, what the line says
CELLS = [
    # shuffled columns: the values stand under the wrong names
    ("banking77", "train.csv", "text,category", "category,text", "line 2: category is 'Where is my card?', not"),
    ("hint3", "shoes_train.csv", "sentence,label", "label,sentence", "label is 'Order it', not one word"),
    ("hillstrom", "marketing_data.csv", "recency,history_segment", "history_segment,recency", "recency is '2) $100"),
    ("hillstrom", "marketing_data.csv", "visit,conversion,spend", "spend,visit,conversion", "conversion is '29.99'"),
    ("obd", f"{MEN}/men.csv", "item_id,position", "position,item_id", "item 3 is not in item_context.csv"),
    ("obd", f"{MEN}/men.csv", "click,propensity_score", "propensity_score,click", "the propensity is 0"),
    ("obd", f"{MEN}/men.csv", "user-item_affinity_1", "user-item_affinity_7", "user-item_affinity_1"),
    ("obd", f"{MEN}/item_context.csv", "item_id,item_feature_0", "item_feature_0,item_id", "item_id is '-0.5'"),
    ("chorus", "Broad_Query_Set_rated.csv", "query,docid,rating", "query,rating,docid", "2 judgement(s) are about"),
    ("matching", "Shoes/train.txt", " \tCOL title VAL shoe red COL price VAL  \t1", "\t1\tCOL title VAL", "the label"),
    ("grocery", "classes.csv", _IDS, ",".join(_IDS.split(",")[::-1]), "line 2: Class ID (int) is 'Apple'"),
    ("grocery", "train.txt", "train/b.jpg, 1, 4", "1, train/b.jpg, 4", "class is 'train/b.jpg', not a whole number"),
    # missing values
    ("gowalla", "train.txt", "7 5", "7 ,5", "line 3: ',5' is not a whole number"),
    ("gowalla", "train.txt", "7 5", "7 -5", "line 3: '-5' is not a whole number"),
    ("gowalla", "train.txt", "7 5", "7 1234567890123456789", "line 3: '1234567890123456789' is not a whole number"),
    ("s3rec", "Toys.txt", "\n2 9", "\nnan 9", "line 2: 'nan' is not a whole number"),
    ("s3rec", "Toys_item2attributes.json", "[3]", "null", "item '2' has 'None', not a list"),
    ("s3rec", "Toys_item2attributes.json", '"9"', '"x"', "item 'x' has '[]'"),
    ("s3rec", "Toys_item2attributes.json", "{", "[", "not valid JSON"),
    ("banking77", "train.csv", "Where is my card?", " ", "line 2: text is empty"),
    ("banking77", "test.csv", "card_arrival", "", "line 2: category is empty"),
    ("banking77", "test.csv", "card_arrival", "card_lost", "the intent 'card_lost' is not in train.csv"),
    ("hint3", "shoes_test.csv", "NO_NODES_DETECTED", "", "line 3: label is empty"),
    ("matching", "Shoes/test.txt", "red shoe", "", "line 1: a product has no title"),
    ("matching", "Shoes/test.txt", "VAL 9.5", "VAL cheap", "line 1: the price is 'cheap'"),
    ("matching", "Shoes/test.txt", "COL manufacturer", "COL maker", "unknown field 'maker'"),
    ("matching", "Shoes/test.txt", "COL title VAL red", "red", "no description starts with"),
    ("matching", "Shoes/test.txt", "\t1", "", "2 part(s) where two descriptions and a label belong"),
    ("obd", f"{MEN}/men.csv", "0.25,e", ",e", "line 3: propensity_score is ''"),
    ("obd", f"{MEN}/men.csv", "0.25,e", "0,e", "line 3: the propensity is 0"),
    ("obd", f"{MEN}/men.csv", "0.25,e", "nan,e", "line 3: propensity_score is 'nan'"),
    ("obd", f"{MEN}/men.csv", "0.25,e", "1.5,e", "not a number from 0 to 1"),
    ("obd", f"{MEN}/men.csv", "0.25,e", "0.25,", "line 3: user_feature_0 is empty"),
    ("obd", f"{MEN}/men.csv", "2019-11-24 00:00:09+00:00", "yesterday", "line 3: timestamp is 'yesterday'"),
    ("obd", f"{MEN}/men.csv", "00:00:09+00:00", "00:00:09", "has no time zone"),
    ("hillstrom", "marketing_data.csv", "329.08", "", "line 3: history is ''"),
    ("hillstrom", "marketing_data.csv", "No E-Mail", "", "line 3: segment is '', none of No E-Mail"),
    ("hillstrom", "marketing_data.csv", "1,1,29.99", "0,1,29.99", "visit 0, conversion 1 and spend 29.99 disagree"),
    ("hillstrom", "marketing_data.csv", "10,2)", "13,2)", "recency is '13', not a whole number between 1 and 12"),
    ("grocery", "train.txt", "train/b.jpg, 1, 4", "train/b.jpg, , 4", "line 2: class is ''"),
    ("grocery", "train.txt", "train/b.jpg, 1, 4", "train/b.jpg, 1", "2 part(s) where path"),
    ("grocery", "train.txt", "train/b.jpg, 1, 4", "train/b.jpg, 1, 0", "no class 1 in the coarse class 0"),
    ("grocery", "train.txt", "train/b.jpg", "../b.jpg", "leads out of the folder"),
    ("grocery", "train.txt", "train/b.jpg", "train/c.jpg", "no such file"),
    ("grocery", "train.txt", "train/b.jpg", "classes.csv", "'classes.csv' is not a whole JPEG picture"),
    # duplicate ids
    ("gowalla", "train.txt", "7 5", "0 5", "line 3: user 0 stands already in line 1"),
    ("gowalla", "train.txt", "1 2 10", "1 2 10 2", "user 1 has item 2 twice"),
    ("gowalla", "test.txt", "0 5", "0 33", "user 0 has item 33 in train.txt too"),
    ("s3rec", "Toys.txt", "\n2 9", "\n1 9", "line 2: user 1 stands already in line 1"),
    ("banking77", "train.csv", '"Lost it, help"', "Where is my card?", "is 'lost_card' here and 'card_arrival' in"),
    ("hint3", "shoes_train.csv", "Sizes?", "Order it", "'Order it' is 'SIZES' here and 'ORDER' in line 2"),
    ("obd", f"{MEN}/men.csv", "\n1,2019", "\n0,2019", "line 3: row 0 stands twice"),
    ("obd", f"{MEN}/item_context.csv", "1,1,0.25", "1,0,0.25", "line 3: item 0 stands already in line 2"),
    ("chorus", "Broad_Query_Set_rated.csv", "printer,2,0", "printer,1,0", "are judged already in line 2"),
    ("grocery", "classes.csv", "Milk,1,", "Milk,0,", "line 3: the class id 0 stands twice"),
    ("grocery", "train.txt", "train/b.jpg, 1, 4", "train/a.jpg, 0, 0", "stands already in train.txt, line 1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "old", "new", "says"), CELLS)
def test_a_bad_cell(name, file, old, new, says, tmp_path):
    (unpacked if name == "grocery" else FOLDERS[name])(tmp_path)
    path = tmp_path / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    refused(name, tmp_path, says)


def changed(columns: dict, **cells) -> pa.Table:
    """The table with some columns replaced; None leaves one out."""
    return pa.table({n: cells.get(n, values) for n, values in columns.items() if cells.get(n, 0) is not None})


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (changed(ORDERS, StockCode=None), "the columns need StockCode, once"),
        (changed(ORDERS, StockCode=list(range(7))), "the column StockCode holds int64, not text"),
        (changed(ORDERS, InvoiceDate=["2010"] * 7), "the column InvoiceDate holds string, not time"),
        (changed(ORDERS, Quantity=ORDERS["UnitPrice"], UnitPrice=ORDERS["Quantity"]), "holds double, not whole"),
        (changed(ORDERS, InvoiceNo=["1", None, *"23455"]), "row 1: InvoiceNo is missing"),
        (changed(ORDERS, UnitPrice=[1.0] * 6 + [None]), "row 6: UnitPrice is missing"),
        (changed(ORDERS, CustomerID=[1.0, 2.5, *[None] * 5]), "row 1: CustomerID is 2.5"),
        (pa.table(ORDERS).slice(0, 0), "the file holds no rows"),
    ],
)
def test_bad_orders(table, says, tmp_path):
    pq.write_table(table, tmp_path / "online_retail.parquet")
    refused("online-retail", tmp_path, "online_retail.parquet", says)


def test_orders_that_are_not_utf8(tmp_path):
    bad = pa.StringArray.from_buffers(7, pa.array(["MUG"] * 7).buffers()[1], pa.py_buffer(b"M\xe9G" * 7))
    pq.write_table(pa.table({**ORDERS, "Description": bad}), tmp_path / "online_retail.parquet")
    refused("online-retail", tmp_path, "online_retail.parquet", "not a whole Parquet file", "UTF8")


EXAMPLES_FILE, PRODUCTS_FILE = (f"shopping_queries_dataset_{name}.parquet" for name in ("examples", "products"))


@pytest.mark.parametrize(
    ("file", "table", "says"),
    [
        (EXAMPLES_FILE, changed(EXAMPLES, esci_label=None), "the columns need esci_label, once"),
        (EXAMPLES_FILE, changed(EXAMPLES, esci_label=["E", "X", "C", "S"]), "row 1: esci_label is 'X', none of E, S"),
        (EXAMPLES_FILE, changed(EXAMPLES, esci_label=["E", None, "C", "S"]), "row 1: esci_label is missing"),
        (EXAMPLES_FILE, changed(EXAMPLES, split=EXAMPLES["product_locale"]), "split is 'us', none of train, test"),
        (EXAMPLES_FILE, changed(EXAMPLES, query_id=[5, 5, 5, 7]), "query 5 has two texts or splits"),
        (EXAMPLES_FILE, changed(EXAMPLES, product_id=["B1", "B1", "B2", "B1"]), "stands already as example of 'us' 1"),
        (EXAMPLES_FILE, changed(EXAMPLES, product_id=["B1", "B7", "B2", "B1"]), "1 judged product(s) are not among"),
        (EXAMPLES_FILE, changed(EXAMPLES, product_locale=["uk"] * 4), "product_locale is 'uk', none of us, es, jp"),
        (PRODUCTS_FILE, changed(PRODUCTS, product_title=[1, 2, 3]), "product_title holds int64, not text"),
        (PRODUCTS_FILE, changed(PRODUCTS, product_title=["x", None, "y"]), "row 1: product_title is missing"),
        (PRODUCTS_FILE, changed(PRODUCTS, product_id=["B1", "B1", "B1"]), "'B1' stands already as product of 'us' 1"),
        (PRODUCTS_FILE, changed(PRODUCTS, product_locale=["es"] * 3), "no product is of the locale 'us'"),
    ],
)
def test_bad_esci(file, table, says, tmp_path):
    pq.write_table(table, made("esci", tmp_path) / file)
    refused("esci", tmp_path, says)


@pytest.mark.parametrize(
    ("file", "rows", "says"),
    [
        ("All_Beauty.jsonl", [REVIEWS[0], {**REVIEWS[1], "user_id": None}], "line 2: user_id is missing"),
        ("All_Beauty.jsonl", [{**REVIEWS[0], "parent_asin": ""}], "line 1: parent_asin is missing"),
        ("All_Beauty.jsonl", [{**REVIEWS[0], "user_id": 7}], "user_id is '7', not a text"),
        ("All_Beauty.jsonl", [{**REVIEWS[0], "rating": 6}], "rating is '6', not a number from 1 to 5"),
        ("All_Beauty.jsonl", [{**REVIEWS[0], "rating": None}], "rating is 'None'"),
        ("All_Beauty.jsonl", [{**REVIEWS[0], "timestamp": "2020"}], "timestamp is '2020', not milliseconds"),
        ("All_Beauty.jsonl", [REVIEWS[0], [1]], "line 2: is a list, not an object"),
        ("All_Beauty.jsonl", [], "the file is empty"),
        ("All_Beauty.jsonl", META, "line 1: rating is 'None'"),  # the two files changed places
        ("meta_All_Beauty.jsonl", [META[0], META[0]], "the product 'A1' stands already as product 1"),
        ("meta_All_Beauty.jsonl", [{**META[0], "title": ["x"]}], "title is \"['x']\", not a text"),
        ("meta_All_Beauty.jsonl", [{**META[0], "details": 3}], "details is a int, not an object"),
        ("meta_All_Beauty.jsonl", [{**META[0], "features": "soft"}], "features is not a list of texts"),
    ],
)
def test_bad_reviews(file, rows, says, tmp_path):
    made("amazon-reviews-2023", tmp_path)
    if file.startswith("meta"):
        (tmp_path / "meta_All_Beauty.jsonl.gz").unlink()
    (tmp_path / file).write_text(lines(rows), encoding="utf-8")
    refused("amazon-reviews-2023", tmp_path, file, says)


def test_reviews_cut_off_and_bad_bytes(tmp_path):
    path = made("amazon-reviews-2023", tmp_path) / "All_Beauty.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    refused("amazon-reviews-2023", tmp_path, "All_Beauty.jsonl, line 2: not valid JSON")
    path.write_bytes(content.replace(b"Fits.", b"Fit\xe9."))
    refused("amazon-reviews-2023", tmp_path, "All_Beauty.jsonl, line 1: byte 0xe9")
    path.write_bytes(b"\n\n")
    refused("amazon-reviews-2023", tmp_path, "the file holds no rows")
    path.unlink()
    refused("amazon-reviews-2023", tmp_path, "the folder holds no NAME.jsonl")


def test_a_line_too_long(tmp_path, monkeypatch):
    from course_lib.shop.loaders import amazon_reviews as module

    monkeypatch.setattr(module, "MAX_LINE", 20)
    refused("amazon-reviews-2023", made("amazon-reviews-2023", tmp_path), "line 1: the line has more than 20 bytes")


def test_grocery_needs_one_archive(tmp_path):
    refused("grocery", tmp_path, "the folder lacks classes.csv")
    shutil.copy(made("grocery", tmp_path) / "grocery.zip", tmp_path / "again.zip")
    refused("grocery", tmp_path, "the folder holds 2 archives")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions don't bind this user")
def test_unreadable_large_file(tmp_path):
    (made("online-retail", tmp_path) / "online_retail.parquet").chmod(0)
    refused("online-retail", tmp_path, "can't be read (Permission denied)")


def test_names_that_lead_out_of_the_folder(tmp_path):
    from course_lib.shop.loaders.folder import Folder

    folder = Folder(tmp_path)
    for name in ("../x", "/etc/passwd", "a/../../x", "..\\x", "", "x\0"):
        with pytest.raises(DataError, match="leads out of the folder"):
            folder.read(name)
    with pytest.raises(DataError, match="absent: no such file"):
        folder.large("absent")


@pytest.mark.parametrize(
    ("name", "file", "content", "says"),
    [
        ("s3rec", "Toys.txt", "1\n2\n", "no user has an item"),
        ("s3rec", "Toys_item2attributes.json", "[1]", "holds a list, not an object"),
        ("grocery", "train.txt", "\n\n", "the file holds no rows"),
        ("grocery", "classes.csv", GROCERY["classes.csv"].splitlines()[0], "the file holds no rows"),
        ("gowalla", "test.txt", "0 5\x0c\n", "line 1: '5\\x0c' is not a whole"),
    ],
)
def test_other_content(name, file, content, says, tmp_path):
    (unpacked if name == "grocery" else FOLDERS[name])(tmp_path)
    (tmp_path / file).write_text(content, encoding="utf-8")
    refused(name, tmp_path, file, says)


def test_a_large_file_that_cannot_be_read(tmp_path, monkeypatch):
    from course_lib.shop.loaders import folder

    def denied(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folder, "sha256_of", denied)
    refused("online-retail", made("online-retail", tmp_path), r"can't be read (Permission denied)")


def test_a_fault_of_ours_in_a_streamed_table_stays_one(tmp_path, monkeypatch):
    from datasets.exceptions import DatasetGenerationError

    from course_lib.shop.loaders import esci as module

    monkeypatch.setattr(module, "_item", lambda product: {}["no such key"])
    with pytest.raises(DatasetGenerationError):
        load("esci", made("esci", tmp_path))


@pytest.mark.parametrize("name", FOLDERS)
def test_random_damage_is_refused_in_one_line_or_harmless(name, tmp_path):
    made(name, tmp_path)
    random = np.random.default_rng(0)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    n_refused = n_trials = 0
    for path in files:
        whole = path.read_bytes()
        for _ in range(60 if name in TEXTS else 15):
            content = bytearray(whole)
            for at in random.integers(len(content), size=random.integers(1, 4)):
                content[at] = random.integers(256)
            path.write_bytes(content)
            n_trials += 1
            try:
                load(name, tmp_path)
            except CourseError as error:  # any other error fails the test
                n_refused += 1
                assert "\n" not in str(error) and error.where, error
        path.write_bytes(whole)
    assert n_refused > n_trials / 4
