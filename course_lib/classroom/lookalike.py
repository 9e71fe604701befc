"""A later cell that looks like the answer with its name misspelt: the check would praise the version before it.

The rule, which must not suspect helpers: the cell was run after the answer, holds no use of the question's name, and
binds another name that nothing bound or used before (no earlier cell, not the answer, no question, not the given first
cell) and that is spelt nearly alike; a function must also have the parameters asked for, a value must be a plain one.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Collection, Iterable, Sequence

from course_lib.classroom.submission import MAX_PARSED_CHARACTERS, without_magics
from course_lib.core.parsing import parse

_ALIKE = 0.8  #: of 1 (difflib's ratio): ``recal_at_k`` for ``recall_at_k`` has 0.95, ``recall_at_k_helper`` 0.76
_BINDS = re.compile(r"^(?:(?:async[ \t]+)?def[ \t]+(\w+)|(\w+)[ \t]*(?::[^=\n]*)?=(?!=))", re.MULTILINE)


def lookalike(
    name: str, stub: str, before: Iterable[str], later: Sequence[str], taken: Collection[str] = ()
) -> tuple[int, str] | None:
    """The last cell of ``later`` that looks like the answer under a misspelt name: its index, and that name.

    Args:
        name: the question's.
        stub: the cell as the learner got it; it shows which parameters are asked for.
        before: the answer, cells run before it, and what the notebook gives.
        later: cells run after it.
        taken: the names of all questions.
    """
    old = "\n".join(before)
    for index, cell in reversed(list(enumerate(later))):
        names = {one or other for one, other in _BINDS.findall(cell)}
        near = [one for one in sorted(names - {name, *taken}) if _near(one, name) and not _stands(one, old)]
        tree = _tree(cell) if near else None
        if tree is None or any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree)):
            continue
        wanted = _form(_tree(stub), name)
        for one in near:
            if wanted is not None and _form(tree, one) == wanted:
                return index, one
    return None


def _near(one: str, name: str) -> bool:
    return difflib.SequenceMatcher(None, one, name).ratio() >= _ALIKE


def _stands(name: str, source: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", source) is not None


def _tree(source: str) -> ast.Module | None:
    if len(source) > MAX_PARSED_CHARACTERS:
        return None
    try:
        return parse(without_magics(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _form(tree: ast.Module | None, name: str) -> tuple[str, ...] | None:
    """The parameters of the function of this name, ``("=",)`` for a plain value, None for anything else."""
    form = None
    for node in tree.body if tree is not None else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            given = node.args
            form = ("def", *(one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == name for one in targets):
                form = ("=",) if _plain(node.value) else None
    return form


def _plain(value: ast.expr | None) -> bool:
    """Whether a value is a text, a number or arithmetic of numbers: what choice and number questions ask for."""
    parts = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop)
    return value is not None and all(isinstance(node, parts) for node in ast.walk(value))
