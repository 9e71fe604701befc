"""Reading what a learner handed in: which cell answers which question. Nothing of it is ever run here.

A submission is untrusted text. It may be huge, nested a hundred thousand deep, full of odd characters, or not a
notebook at all: each of these is a ``SubmissionError`` that says what to do, and costs little time and memory.
"""

from __future__ import annotations

import os
import re
import stat
import symtable
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.masters import Master
from course_lib.core.bilingual import Text
from course_lib.core.errors import DataError

#: largest file that is read at all; answers are small, what makes a notebook large are its outputs
MAX_FILE_BYTES = 5_000_000
#: largest answer cell
MAX_CELL_BYTES = 200_000
#: Cells are parsed to see which names they define, up to this size each and this much in all: Python's parser takes
#: about a thousand times the memory of what it reads.
MAX_PARSED_CHARACTERS = 50_000
_PARSE_BUDGET = 400_000
#: JSON of many tiny values takes fifty times its size as Python objects
_MAX_JSON_VALUES = 400_000
_PERCENT = re.compile(r"^# %%(?P<rest>(?: .*)?)$")
_MAGIC = re.compile(r"^\s*(?:[%!?].*|.*\?\s*)$")


class SubmissionError(DataError):
    """A file that can't be graded; ``text`` says it in both languages, without the file's name.

    Args:
        what: a clause without a final full stop.
        remedy: what the learner can do.
        where: the file, for ``str(error)``.
    """

    def __init__(self, what: Text, remedy: Text, where: str | None = None):
        super().__init__(str(what), where=where, remedy=str(remedy))
        self.text = Text(f"{what.en}. {remedy.en}.", f"{what.zh}。{remedy.zh}。")
        self._parts = what, remedy

    def at(self, where: str) -> SubmissionError:
        """The same error, naming a file."""
        return SubmissionError(*self._parts, where=where)


@dataclass(frozen=True)
class Sources:
    """Answer cells of one submission.

    Attributes:
        cells: question name -> source; a question without a cell is missing.
        notes: what the learner should know about the choice of cells.
    """

    cells: dict[str, str]
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True)
class _Cell:
    """A code cell; ``question`` is the id in its metadata, or ""."""

    question: str
    source: str


def read_sources(path: str | os.PathLike[str], master: Master) -> Sources:
    """The answer cells of a notebook (``.ipynb``) or a script (``.py``, in percent format or plain).

    Raises:
        SubmissionError: the file can't be read, is too large, or is not what its name says.
    """
    path = Path(path)
    try:
        return parse_sources(read_bytes(path), path.suffix, master)
    except SubmissionError as error:
        raise error.at(str(path)) from error


def read_bytes(path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """A whole regular file. One that is too large is refused before it is read; a pipe or a device never blocks."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreadable(error) from error
    return read_handle(handle, limit)


def read_handle(handle: int, limit: int = MAX_FILE_BYTES) -> bytes:
    """The same from an open descriptor, which is closed."""
    try:
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SubmissionError(Text("this is not a file", "这不是普通文件"),
                                      Text("Hand in a notebook or a script", "请提交笔记本或脚本"))  # fmt: skip
            if status.st_size > limit:
                raise too_large(status.st_size, limit)
            content = file.read(limit + 1)
    except OSError as error:
        raise unreadable(error) from error
    if len(content) > limit:  # it grew while we read
        raise too_large(len(content), limit)
    return content


def unreadable(error: Exception) -> SubmissionError:
    """The error for a file that the system doesn't let us read."""
    if isinstance(error, IsADirectoryError):
        return SubmissionError(Text("this is a folder, not a file", "这是文件夹，不是文件"),
                               Text("Name a notebook or a script", "请给出笔记本或脚本"))  # fmt: skip
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SubmissionError(Text(f"can't be read ({reason})", f"无法读取（{reason}）"),
                           Text("Check the file's name and permissions", "请检查文件名和权限"))  # fmt: skip


def too_large(size: int, limit: int = MAX_FILE_BYTES) -> SubmissionError:
    """The error for a file above the size cap."""
    numbers = {"size": f"{size / 1e6:,.1f}", "limit": f"{limit / 1e6:,.0f}"}
    return SubmissionError(
        Text("the file has {size} MB; at most {limit} MB are read", "文件有 {size} MB，最多只读 {limit} MB").format(
            **numbers
        ),
        Text("Clear the notebook's outputs, save it and hand it in again", "请清除笔记本的输出，保存后重新提交"),
    )


def parse_sources(content: bytes, suffix: str, master: Master) -> Sources:
    """Like ``read_sources``, from the file's bytes and its suffix."""
    cells, text = _cells(content, suffix)
    if suffix == ".ipynb" or any(cell.question in master.questions for cell in cells):
        return _choose(cells, master)
    return _choose([_Cell("", text)], master)


def question_ids(path: str | os.PathLike[str]) -> set[str]:
    """The ids that a file's code cells carry, of whichever topic.

    Raises:
        SubmissionError: as in ``read_sources``.
    """
    path = Path(path)
    return {cell.question for cell in _cells(read_bytes(path), path.suffix)[0]} - {""}


def _cells(content: bytes, suffix: str) -> tuple[list[_Cell], str]:
    """The code cells of a file, and its whole text."""
    if suffix not in (".ipynb", ".py"):
        raise SubmissionError(Text("neither a notebook (.ipynb) nor a script (.py)", "既不是笔记本（.ipynb）也不是脚本（.py）"),
                              Text("Hand in one of these", "请提交其中之一"))  # fmt: skip
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SubmissionError(Text(f"byte {error.start} is not UTF-8", f"第 {error.start} 个字节不是 UTF-8"),
                              Text("Save the file as UTF-8", "请将文件保存为 UTF-8"))  # fmt: skip
    if not text.strip():
        raise SubmissionError(Text("the file is empty", "文件是空的"),
                              Text("Save your work and hand it in again", "请保存后重新提交"))  # fmt: skip
    if suffix == ".ipynb":
        return _notebook_cells(content, text), text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _script_cells(text), text


def defines(source: str, name: str) -> bool:
    """Whether a source binds ``name`` at its top level, by ``def``, ``class``, ``=``, ``import`` …

    A source that can't be parsed (or is too long to) counts by its look: a line that begins with the definition.
    """
    if name not in source:
        return False
    names = _bound_names(source)
    if names is not None:
        return name in names
    looks = rf"^(?:(?:async\s+)?def\s+{re.escape(name)}\b|{re.escape(name)}\s*(?::[^=\n]*)?=(?!=))"
    return re.search(looks, source, re.MULTILINE) is not None


def without_magics(source: str) -> str:
    """A cell without notebook magics (``%time``, ``!pip``, ``name?``), if it is no Python as it stands.

    Such lines are emptied and not removed, so that an error's line number still is the learner's.
    """
    if len(source) > MAX_PARSED_CHARACTERS or _bound_names(source) is not None:
        return source
    return "\n".join("" if _MAGIC.match(line) else line for line in source.split("\n"))


def _bound_names(source: str) -> set[str] | None:
    """Names bound at the top level; None where the source can't be parsed.

    Uses ``symtable``, which runs nothing and takes a tenth of the memory of ``ast``.
    """
    if len(source) > MAX_PARSED_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(source, "answer", "exec")
        return {one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()}
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, SystemError):
        return None


def _choose(cells: list[_Cell], master: Master) -> Sources:
    chosen: dict[str, str] = {}
    notes: list[Text] = []
    budget = _PARSE_BUDGET
    for name in master.questions:
        marked = [cell for cell in cells if cell.question == name]
        defining: list[_Cell] = []
        for cell in reversed(cells):
            if name not in cell.source or (cell.question != name and cell.question in master.questions):
                continue
            budget -= min(len(cell.source), MAX_PARSED_CHARACTERS)
            if budget < 0:
                break
            if defines(without_magics(cell.source), name):
                defining.append(cell)
        own = [cell for cell in defining if cell.question == name]
        cell = next(iter(own or defining or reversed(marked)), None)
        if cell is None:
            continue
        if len(marked) > 1:
            notes.append(_SEVERAL.format(name=name, n=len(marked)))
        elif marked and not own and defining:
            notes.append(_ELSEWHERE.format(name=name))
        elif own and len(defining) > 1:
            notes.append(_TWICE.format(name=name))
        elif not marked and len(defining) > 1:
            notes.append(_LAST.format(name=name, n=len(defining)))
        chosen[name] = _clean(cell.source, name, notes)
    return Sources(chosen, tuple(notes))


_SEVERAL = Text("{n} cells carry the id of {name}; the last one that defines it counts.",
                "有 {n} 个单元格带有 {name} 的编号；以最后一个定义它的为准。")  # fmt: skip
_ELSEWHERE = Text("The answer cell of {name} doesn't define it; another cell does, and that one counts.",
                  "{name} 的答题单元格没有定义它；另一个单元格定义了它，以那个为准。")  # fmt: skip
_TWICE = Text("Another cell defines {name} too; only its answer cell counts.",
              "另一个单元格也定义了 {name}；只以它的答题单元格为准。")  # fmt: skip
_LAST = Text("{n} cells define {name}; the last one counts.", "有 {n} 个单元格定义了 {name}；以最后一个为准。")
_ODD = Text("The answer to {name} holds characters that no Python source may hold; each was replaced by �.",
            "{name} 的答案含有 Python 源码不允许的字符；已逐个替换为 �。")  # fmt: skip


def _clean(source: str, name: str, notes: list[Text]) -> str:
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    cleaned = re.sub("[\x00\ud800-\udfff]", "�", source)  # a lone surrogate can't even be written to a file
    if cleaned != source:
        notes.append(_ODD.format(name=name))
    if len(cleaned.encode()) > MAX_CELL_BYTES:
        raise SubmissionError(
            Text(f"the answer to {name} is longer than {MAX_CELL_BYTES // 1000} kB",
                 f"{name} 的答案超过 {MAX_CELL_BYTES // 1000} kB"),
            Text("Keep data out of the answer cell", "请勿在答题单元格中放数据"),
        )  # fmt: skip
    return without_magics(cleaned)


def _notebook_cells(content: bytes, text: str) -> list[_Cell]:
    import json

    remedy = Text("Open it in Jupyter, save it and hand it in again", "请在 Jupyter 中打开，保存后重新提交")
    if sum(content.count(sign) for sign in (b",", b"[", b"{")) > _MAX_JSON_VALUES:
        raise SubmissionError(Text("the notebook holds too much data", "笔记本中数据过多"),
                              Text("Clear its outputs, save it and hand it in again", "请清除输出，保存后重新提交"))  # fmt: skip
    try:
        notebook = json.loads(text)
    except RecursionError:
        raise SubmissionError(
            Text("the notebook's JSON is nested too deeply", "笔记本的 JSON 嵌套过深"), remedy
        ) from None
    except ValueError as error:  # JSONDecodeError, and numbers of thousands of digits
        line = getattr(error, "lineno", 1)
        raise SubmissionError(Text(f"not a notebook: line {line} is not valid JSON", f"不是笔记本：第 {line} 行不是有效的 JSON"),
                              remedy) from None  # fmt: skip
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise SubmissionError(Text("not a notebook of format 4: it has no list of cells", "不是第 4 版格式的笔记本：没有单元格列表"),
                              remedy)  # fmt: skip
    return [found for cell in cells if (found := _notebook_cell(cell)) is not None]


def _notebook_cell(cell: Any) -> _Cell | None:
    """A code cell, or None for anything else; whatever has another type than it should counts as absent."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return None
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    return _Cell(_question_in(cell.get("metadata")), source) if isinstance(source, str) else None


def _question_in(metadata: Any) -> str:
    for key, name in (("nbgrader", "grade_id"), ("course", "question")):
        options = metadata.get(key) if isinstance(metadata, dict) else None
        found = options.get(name) if isinstance(options, dict) else None
        if isinstance(found, str):
            return found
    return ""


def _script_cells(text: str) -> list[_Cell]:
    cells: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        head = _PERCENT.match(line)
        if head:
            cells.append((head["rest"], []))
        elif cells:  # what stands above the first cell is jupytext's header
            cells[-1][1].append(line)
    return [_Cell(_question_of_head(rest), "\n".join(lines).strip("\n")) for rest, lines in cells
            if not re.search(r"\[(?:markdown|md|raw)\]", rest)]  # fmt: skip


def _question_of_head(rest: str) -> str:
    """The id in a cell's head line: ``question="name"``, or jupytext's ``nbgrader={"grade_id": "name", …}``."""
    found = re.search(r'(?:^|[ ,{"])(?:question=|"?grade_id"?\s*:\s*)"([a-z0-9_]{1,100})"', rest)
    return found[1] if found else ""
