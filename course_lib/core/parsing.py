"""Python source to a syntax tree, also from several threads at once."""

from __future__ import annotations

import ast
import threading

_LOCK = threading.Lock()


def parse(source: str) -> ast.Module:
    """``ast.parse``, one thread at a time.

    CPython before 3.11.8 and 3.12.2 counts the depth of all trees in one place: two threads that parse at once may get
    ``SystemError: AST constructor recursion depth mismatch`` (gh-106905).

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as ``ast.parse``.
    """
    with _LOCK:
        return ast.parse(source)
