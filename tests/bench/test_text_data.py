"""Reading: the argument, the real folders, small ones, and damage."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from course_lib.bench.text_data import OUT_OF_SCOPE, read
from course_lib.bench.text_options import parse_data
from course_lib.core.errors import ContractError, CourseError, DataError

DATA = Path(os.environ.get("COURSE_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def real(kind: str, part: str = ""):
    if not (DATA / kind).is_dir():
        pytest.skip(f"the files of {kind} are not beside the checkout")
    return read(f"{kind}:{DATA / kind / part}")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("banking77:a/b", ("banking77", Path("a/b"), "")),
        ("hint3:a/b/bot", ("hint3", Path("a/b"), "bot")),
        ("hint3:bot", ("hint3", Path("."), "bot")),
        ("matching:/x/Abt-Buy/", ("matching", Path("/x"), "Abt-Buy")),
        ("banking77:C:/data", ("banking77", Path("C:/data"), "")),
    ],
)
def test_the_argument_names_kind_folder_and_part(argument, expected):
    assert parse_data(argument) == expected


@pytest.mark.parametrize("argument", ["", "banking77", "banking77:", "bank:x", ":x", "hint3:/", "matching:a/.."])
def test_other_arguments_are_refused(argument):
    with pytest.raises(ContractError, match="--data is"):
        parse_data(argument)


def test_real_banking77():
    data = real("banking77")
    assert (len(data.texts), len(data.test_texts), len(set(data.labels))) == (10_003, 3_080, 77)
    assert data.out_of_scope is None and set(data.test_labels) <= set(data.labels)


@pytest.mark.parametrize(("bot", "counts"), [("curekart", (600, 991, 539)), ("powerplay11", (471, 983, 708))])
def test_real_hint3(bot, counts):
    data = real("hint3", bot)
    assert (len(data.texts), len(data.test_texts), Counter(data.test_labels)[OUT_OF_SCOPE]) == counts
    assert data.name == f"hint3/{bot}" and OUT_OF_SCOPE not in data.labels


@pytest.mark.parametrize(
    ("name", "counts", "matches"),
    [("Abt-Buy", (5_743, 1_916, 1_916), 1_028), ("Amazon-Google", (6_874, 2_293, 2_293), 1_167)],
)
def test_real_matching(name, counts, matches):
    data = real("matching", name)
    assert tuple(len(rows) for rows in data.splits.values()) == counts
    everything = np.concatenate(list(data.splits.values()))
    assert everything[:, 2].sum() == matches
    assert set(everything[:, 0]) == set(range(len(data.left))) and set(everything[:, 1]) == set(range(len(data.right)))


def test_small_folders(argument):
    data = read(argument)
    assert [file["name"] for file in data.source["files"]] and all(len(f["sha256"]) == 64 for f in data.source["files"])
    if argument.startswith("matching"):
        a, b, same = data.splits["valid"][0]
        assert same == 1 and data.left[a].title == "sony camera m40040" and data.right[b].title == "sony camera m400-40"
        assert data.left[a].price == 50 and np.isnan(data.right[b].price)
    else:
        assert data.texts[0] == "my card is lost" and data.labels[0] == "CARD" and len(data.texts) == 45


def folder_of(argument: str) -> Path:
    return parse_data(argument)[1]


DAMAGE = [
    ("banking77", "train.csv", lambda t: t.replace("CARD\n", "\n", 1), r"train\.csv, line 2"),
    ("banking77", "train.csv", lambda t: t.replace("text,category", "words,kind"), "header"),
    ("banking77", "train.csv", lambda t: t + '"no label"\n', r"line 47"),
    ("banking77", "test.csv", lambda t: t.replace("PIN", "PINE"), "PINE"),
    ("banking77", "test.csv", None, "test.csv"),
    ("banking77", "train.csv", lambda t: t.replace("MONEY", "CARD").replace("PIN", "CARD"), "CARD|MONEY|two"),
    ("hint3", "bot_train.csv", lambda t: t.replace("PIN\n", "NO_NODES_DETECTED\n", 1), "no intent answers"),
    ("hint3", "bot_test.csv", lambda t: t.replace("PIN", "PINE"), "PINE"),
    ("hint3", "bot_test.csv", lambda t: "", "empty"),
    ("matching", "Toy/train.txt", lambda t: t.replace("\t1\n", "\t2\n", 1), r"train\.txt, line 1: .*not 0 or 1"),
    ("matching", "Toy/valid.txt", lambda t: t.replace("\t", " ", 1), r"valid\.txt, line 1: 2 part"),
    ("matching", "Toy/test.txt", lambda t: t.replace("\t0\n", "\t1\n"), r"test\.txt: all pairs have the same label"),
    ("matching", "Toy/test.txt", lambda t: t[: len(t) // 2], r"test\.txt"),
    ("matching", "Toy/valid.txt", None, "valid.txt"),
]


@pytest.mark.parametrize(("kind", "file", "spoil", "says"), DAMAGE)
def test_damage_is_named_in_one_line(kind, file, spoil, says, tmp_path, makers):
    argument = makers[kind](tmp_path)
    path = tmp_path / file
    path.unlink() if spoil is None else path.write_text(spoil(path.read_text()))
    with pytest.raises(DataError, match=says) as raised:
        read(argument)
    assert "\n" not in str(raised.value) and str(tmp_path) in str(raised.value)


def test_a_part_or_folder_that_is_not_there(tmp_path, makers):
    makers["hint3"](tmp_path)
    for argument in (f"hint3:{tmp_path}/other", f"matching:{tmp_path}/none/Toy", f"banking77:{tmp_path}/none"):
        with pytest.raises(CourseError):
            read(argument)
