"""Has anything been written into this answer cell?"""

from __future__ import annotations

import ast

from course_lib.core.parsing import parse

#: A longer cell counts as an attempt unread: Python's parser takes about a thousand times the memory of what it reads.
_PARSED_CHARACTERS = 20_000


def attempted(source: str, stub: str, name: str) -> bool:
    """Whether an answer cell holds more than its stub.

    Not attempted: the stub itself (spaces and blank lines apart), nothing but comments, or a function of that name whose
    body is only its docstring and ``...``, ``pass`` or ``raise NotImplementedError``, whatever else stands there.
    """
    if _squeezed(source) == _squeezed(stub):
        return False
    if len(source) > _PARSED_CHARACTERS:
        return True
    try:
        tree, empty = parse(source), parse(stub)
        if ast.dump(tree) in (ast.dump(empty), ast.dump(ast.Module([], []))):  # comments don't count
            return False
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # broken code is an attempt, and so is what nests a thousand deep
    functions = [
        one for one in tree.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and one.name == name
    ]
    return not (functions and all(map(_nothing, functions[-1].body)))


def _squeezed(source: str) -> list[str]:
    return [line.rstrip() for line in source.splitlines() if line.strip()]


def _nothing(statement: ast.stmt) -> bool:
    """Whether a statement does nothing: a text, ``...``, ``pass``, ``raise NotImplementedError``."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Raise):
        raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return isinstance(statement, ast.Pass)
