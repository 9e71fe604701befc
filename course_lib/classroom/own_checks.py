"""Calls of ``question(…)`` in a learner's own source: they are what asks for the check, no part of the answer.

A worker that ran them would check the answer from within the check, and it has no ``course_lib`` at all.
"""

from __future__ import annotations

import ast
import re
import warnings

from course_lib.core.parsing import parse

_SIGNS = re.compile(r"question|classroom|\.(?:check|hint|solution)\b")
_LONGEST = 50_000  # characters: parsing takes a thousand times the memory of what it reads
_METHODS = ("check", "hint", "solution")


def without_checks(source: str) -> str:
    """Source whose top-level statements that import from ``course_lib.classroom`` or call ``question(…)`` are ``pass``;
    what is assigned from such a call is None.

    Lines keep their numbers. Source that Python can't read, or that is too long, comes back as it is.
    """
    if len(source) > _LONGEST or not _SIGNS.search(source):
        return source
    source = source.replace("\r\n", "\n").replace("\r", "\n")  # as Python counts lines
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the learner's own code: his cell has shown it
            tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source
    lines = source.encode().split(b"\n")  # Python counts columns in bytes
    for statement in reversed(tree.body):  # backwards, so that the places of those before stay right
        if not _asks(statement):
            continue
        part, instead = (statement.value, b"None") if _assigns(statement) else (statement, b"pass")
        first, last = part.lineno - 1, part.end_lineno - 1
        after = lines[last][part.end_col_offset :]  # more statements behind a semicolon, a closing bracket
        lines[first] = lines[first][: part.col_offset] + instead + after
        lines[first + 1 : last + 1] = [b""] * (last - first)
    return b"\n".join(lines).decode()


def _asks(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return bool(statement.module) and f"{statement.module}.".startswith("course_lib.classroom.")
    if isinstance(statement, ast.Import):
        return any(f"{one.name}.".startswith("course_lib.classroom.") for one in statement.names)
    if not isinstance(statement, (ast.Expr, ast.For, ast.If, ast.With)) and not _assigns(statement):
        return False
    if any(isinstance(node, ast.Call) and _is_question(node.func) for node in ast.walk(statement)):
        return True
    called = statement.value.func if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) else None
    # q = question(…) in another cell, q.check() in this one
    return isinstance(called, ast.Attribute) and called.attr in _METHODS and isinstance(called.value, ast.Name)


def _assigns(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None


def _is_question(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):  # course_lib.classroom.question
        return function.attr == "question" and _last_name(function.value) == "classroom"
    return isinstance(function, ast.Name) and function.id == "question"


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
