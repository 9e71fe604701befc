"""Questions with intents: BANKING77 and HINT3. Each question is a row of ``queries``, with its split and its intent."""

from __future__ import annotations

from typing import Any

from course_lib.core.errors import DataError
from course_lib.core.tables import make_table
from course_lib.shop.loaders.fields import label, no_rows, table_rows, text
from course_lib.shop.loaders.folder import Folder


def load_banking77(folder: Folder) -> dict[str, Any]:
    """``queries``: query_id ("train/0"), text, and further the columns split ("train", "test") and intent.

    There are no items, users or events: these are questions to a bank's customer service.
    Files (https://github.com/PolyAI-LDN/task-specific-datasets): ``train.csv``, ``test.csv``.

    Raises:
        DataError: a file is missing or damaged, a text has two intents, a test intent never occurs in train.
    """
    folder.need("train.csv", "test.csv")
    columns = _columns()
    for split in ("train", "test"):
        _read(folder, f"{split}.csv", ("text", "category"), columns, split=split)
    trained = {i for i, s in zip(columns["intent"], columns["split"]) if s == "train"}
    for row, (intent, split) in enumerate(zip(columns["intent"], columns["split"])):
        if split == "test" and intent not in trained:
            where = f"{folder.where('test.csv')}, question {columns['query_id'][row]}"
            raise DataError(f"the intent {intent!r} is not in train.csv", where=where, remedy="Correct the category")
    return {"queries": make_table("queries", columns)}


def load_hint3(folder: Folder, part: str = "") -> dict[str, Any]:
    """``queries`` as of BANKING77, with a further column ``bot``; intent ``NO_NODES_DETECTED`` is "out of scope".

    Files (https://github.com/hellohaptik/HINT3): ``BOT_train.csv`` and ``BOT_test.csv`` for each bot.

    Args:
        part: one bot (``"curekart"``), or "" for all in the folder.

    Raises:
        DataError: a file is missing or damaged, a text has two intents in a file.
    """
    bots = sorted(f.name.removesuffix("_train.csv") for f in folder.path.glob("*_train.csv") if f.is_file())
    if part or not bots:
        bots = [folder.one_part(part, bots, "hint3", "BOT_train.csv")]
    folder.need(*(f"{bot}_test.csv" for bot in bots))
    columns = _columns("bot")
    for bot in bots:
        for split in ("train", "test"):
            _read(folder, f"{bot}_{split}.csv", ("sentence", "label"), columns, bot=bot, split=split)
    return {"queries": make_table("queries", columns)}


def _columns(*further: str) -> dict[str, list[str]]:
    return {name: [] for name in ("query_id", "text", *further, "split", "intent")}


def _read(folder: Folder, name: str, header: tuple[str, str], columns: dict[str, list[str]], **fixed: str) -> None:
    first: dict[str, tuple[str, str]] = {}
    number = 0
    for where, row in table_rows(folder, name, header):
        question, intent = text(row, header[0], where), label(row, header[1], where)
        earlier, place = first.setdefault(question, (intent, where))
        if earlier != intent:
            what = f"{question[:40]!r} is {intent!r} here and {earlier!r} in {place.rpartition(', ')[2]}"
            raise DataError(what, where=where, remedy="Keep one of the two lines")
        values = {"query_id": "/".join([*fixed.values(), str(number)]), "text": question, **fixed, "intent": intent}
        for column, value in values.items():
            columns[column].append(value)
        number += 1
    if not number:
        raise no_rows(folder.where(name))
