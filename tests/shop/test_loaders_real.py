"""The real folders of ``shared/data``: the rows that their README states, known facts, and seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_lib.shop.loaders import manifest, names
from course_lib.shop.loaders.fetching import fetch, verify
from course_lib.shop.shop import Shop

DATA = Path(os.environ.get("COURSE_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
#: data that stand beside the checkout
HERE = [name for name in names() if (DATA / name).is_dir()]
_loaded: dict[str, Shop] = {}


def shop(name: str) -> Shop:
    folder = DATA / name.partition("/")[0]
    if not folder.is_dir():
        pytest.skip(f"the files of {name} are not beside the checkout")
    if name not in _loaded:
        _loaded[name] = Shop.load(name, folder)
    return _loaded[name]


def rows(table, **wanted) -> int:
    keep = np.ones(len(table), dtype=bool)
    for column, value in wanted.items():
        keep &= np.array(table[column][:]) == value
    return int(keep.sum())


@pytest.mark.parametrize("name", [n for n in names() if manifest(n).files and n != "esci"])
def test_files_are_the_pinned_ones(name):
    if not (DATA / name).is_dir():
        pytest.skip(f"the files of {name} are not beside the checkout")
    assert {file["state"] for file in verify(manifest(name), DATA / name)} == {"right"}


def test_gowalla():
    found = shop("gowalla")
    train, test = found.interactions(until=1), found.interactions(since=1)
    assert (len(train), len(test)) == (810_128, 217_242)
    assert len(train.users) == len(test.users) == len(found.users) == 29_858 and len(found.items) == 40_981
    assert found.source["redistribution"] == "forbidden" and all(f["verified"] for f in found.source["files"])


@pytest.mark.parametrize(
    ("name", "users", "items", "events"),
    [("Beauty", 22_363, 12_101, 198_502), ("Sports_and_Outdoors", 35_598, 18_357, 296_337)],
)
def test_s3rec(name, users, items, events):
    found = shop(f"s3rec/{name}")
    assert (len(found.users), len(found.items), len(found.events)) == (users, items, events)
    assert all(found.items["attributes"][:])
    user, place = np.array(found.events["user_id"][:]), np.array(found.events["timestamp"][:])
    assert ((place[1:] == place[:-1] + 1) | ((place[1:] == 0) & (user[1:] != user[:-1]))).all()


def test_banking77():
    queries = shop("banking77").queries
    assert (rows(queries, split="train"), rows(queries, split="test")) == (10_003, 3_080)
    assert len(set(queries["intent"][:])) == 77


def test_hint3():
    queries = shop("hint3").queries
    counts = {(b, s): rows(queries, bot=b, split=s) for b in ("curekart", "powerplay11") for s in ("train", "test")}
    assert list(counts.values()) == [600, 991, 471, 983]
    assert rows(queries, bot="curekart", split="test", intent="NO_NODES_DETECTED") == 539


@pytest.mark.parametrize(
    ("task", "counts", "matches"),
    [("Abt-Buy", (5_743, 1_916, 1_916), 1_028), ("Amazon-Google", (6_874, 2_293, 2_293), 1_167)],
)
def test_matching(task, counts, matches):
    pairs = shop("matching").tables["pairs"]
    assert tuple(rows(pairs, task=task, split=split) for split in ("train", "valid", "test")) == counts
    assert rows(pairs, task=task, match=1) == matches
    assert set(pairs["left_id"][:]) | set(pairs["right_id"][:]) == set(shop("matching").item_ids)


def test_obd():
    found = shop("obd")
    decisions = found.tables["decisions"]
    assert len(decisions) == 40_000 and len(found.items) == 34 + 46 and len(found.tables["item_context"]) == 160
    for campaign, n_items in (("men", 34), ("women", 46)):
        for policy in ("bts", "random"):
            assert rows(decisions, policy=policy, campaign=campaign) == 10_000
            assert 46 <= rows(decisions, policy=policy, campaign=campaign, click=1) <= 69
        uniform = np.array(decisions["propensity"][:])[
            (np.array(decisions["policy"][:]) == "random") & (np.array(decisions["campaign"][:]) == campaign)
        ]
        np.testing.assert_allclose(uniform, 1 / n_items, rtol=1e-6)
    assert {len(a) for a in decisions["affinity"][:]} == {34, 46}


def test_hillstrom():
    users = shop("hillstrom").users.to_pandas()
    assert len(users) == 64_000
    visits = users.groupby("segment")["visit"].mean()
    arms = ["No E-Mail", "Mens E-Mail", "Womens E-Mail"]
    np.testing.assert_allclose(visits[arms], [0.1062, 0.1828, 0.1514], atol=5e-5)


def test_online_retail():
    found = shop("online-retail")
    orders = found.tables["orders"].to_pandas()
    assert len(orders) == 541_909 and len(found.items) == 4_070 and len(found.users) == 4_372
    # the same selection, by pandas
    file = DATA / "online-retail" / "online_retail.parquet"
    import pandas as pd

    raw = pd.read_parquet(file)
    sold = raw[(raw.Quantity > 0) & (raw.UnitPrice > 0) & raw.CustomerID.notna() & ~raw.InvoiceNo.str.startswith("C")]
    services = {"POST", "DOT", "C2", "M", "m", "D", "S", "B", "PADS", "CRUK", "BANK CHARGES", "AMAZONFEE"}
    expected = sold[~sold.StockCode.isin(services)]
    assert len(found.events) == len(expected) == 396_337
    assert found.events["item_id"][:] == expected.StockCode.tolist()
    assert found.events["timestamp"][:] == (expected.InvoiceDate.astype("datetime64[s]").astype("int64")).tolist()
    assert len(found.interactions(until=found.split_time(0.8))) > 300_000


def test_grocery():
    found = shop("grocery")
    photos = found.tables["photos"]
    assert len(found.items) == 81 and len(photos) == 5_421
    assert [rows(photos, split=split) for split in ("train", "val", "test")] == [2_640, 296, 2_485]
    assert set(photos["item_id"][:]) == set(found.item_ids) and max(photos[0]["image"].size) <= 160
    assert "" not in found.items["description"][:]


@pytest.mark.parametrize("name", ["gowalla", "online-retail", "s3rec/Sports_and_Outdoors"])
def test_large_data_load_in_seconds_and_bounded_memory(name):
    folder = DATA / name.partition("/")[0]
    if not folder.is_dir():
        pytest.skip(f"the files of {name} are not beside the checkout")
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of memory is read from /proc")
    # Not ru_maxrss: a child starts with the peak of the process that it was forked from, here all tests before.
    code = (
        "import sys, time, datasets; from course_lib import Shop; start = time.process_time(); Shop.load(*sys.argv[1:]);"
        "peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'));"
        "print(time.process_time() - start, int(peak) / 1024)"
    )
    # In a process of its own: coverage's tracing makes loaders several times slower.
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "COVERAGE_"))}
    run = [sys.executable, "-c", code, name, str(folder)]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=plain)
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 10 and megabytes < 1_500  # about 2 s and 0.5 GB alone


@pytest.mark.parametrize("name", [n for n in ("hint3", "matching") if n in HERE])
def test_fetch_from_a_folder_gives_the_same_shop(name, tmp_path):
    fetch(manifest(name), tmp_path, str(DATA / name))
    assert all(file["verified"] for file in Shop.load(name, tmp_path).source["files"])
