"""Reading the answer of a choice or number question from its cell: as a literal, without running anything."""

from __future__ import annotations

import ast
import math
from typing import Any

from course_lib.core.bilingual import Text
from course_lib.core.parsing import parse

_SIZE = 5_000  # characters of a cell
_DIGITS = 30
_TOO_LONG = Text("The cell is too long: only one line, {name} = …, is read.", "单元格太长：只读取 {name} = … 这一行。")
_BROKEN = Text("The cell can't be read as Python: {problem}.", "单元格不是合法的 Python：{problem}。")
_MISSING = Text(
    "The cell doesn't set {name}. Write {name} = and your answer.",
    "单元格没有给 {name} 赋值。请写 {name} = 加上你的答案。",
)
_NOT_PLAIN = Text(
    "Write the answer itself after {name} =, a number such as 0.25 or 3/8, or letters in quotes such as \"a\". The cell is "
    "read, not run, so names and function calls mean nothing in it.",
    "请在 {name} = 后面直接写出答案：0.25、3/8 这样的数，或带引号的字母 \"a\"。这个单元格只被读取而不执行，所以不能用变量名或函数调用。",
)  # fmt: skip


_COMMA = Text("Write the number with a point, not with a comma: {name} = 0.5", "小数要用点而不是逗号：{name} = 0.5")


class NotPlain(Exception):
    """The cell holds no answer that can be read; ``text`` says what to do."""

    def __init__(self, text: Text):
        super().__init__(text.en)
        self.text = text


def read_literal(source: str, name: str) -> Any:
    """The value that a cell assigns to ``name``: a number, a text, or ``...`` where the placeholder still stands.

    Numbers may be joined by + − * /; a list, tuple or set of texts becomes one text.

    Raises:
        NotPlain: anything else.
    """
    if len(source) > _SIZE:
        raise NotPlain(_TOO_LONG.format(name=name))
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        problem = Text(f"line {line}", f"第 {line} 行") if line else Text("it is broken", "无法解析")
        raise NotPlain(_BROKEN.format(problem=problem)) from None
    for statement in reversed(tree.body):
        if isinstance(statement, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in statement.targets
        ):
            if _decimal_comma(statement.value):
                raise NotPlain(_COMMA.format(name=name))
            try:
                return _value(statement.value)
            except (ValueError, ArithmeticError, RecursionError):
                raise NotPlain(_NOT_PLAIN.format(name=name)) from None
    raise NotPlain(_MISSING.format(name=name))


def _decimal_comma(node: ast.expr) -> bool:
    """``0,56`` is Python's way to write a pair of numbers."""
    return (
        isinstance(node, ast.Tuple)
        and len(node.elts) == 2
        and all(isinstance(one, ast.Constant) and type(one.value) is int for one in node.elts)
    )


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and (node.value is ... or node.value is None):
        return ...
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        parts = [_value(one) for one in node.elts]
        if not all(isinstance(part, str) for part in parts):
            raise ValueError("not texts")
        return "".join(parts)
    return _number(node)


def _number(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        if isinstance(node.value, int) and abs(node.value) >= 10**_DIGITS:
            raise ValueError("too long")
        value = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _number(node.operand) * (-1 if isinstance(node.op, ast.USub) else 1)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
        left, right = float(_number(node.left)), float(_number(node.right))
        value = {ast.Add: left.__add__, ast.Sub: left.__sub__, ast.Mult: left.__mul__, ast.Div: left.__truediv__}[
            type(node.op)
        ](right)
    else:
        raise ValueError("not a number")
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value
