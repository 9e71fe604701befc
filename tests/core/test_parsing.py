"""Parsing from several threads: every thread gets its tree."""

from __future__ import annotations

import ast
import gc
from concurrent.futures import ThreadPoolExecutor

import pytest

from course_lib.core.parsing import parse


def test_a_tree_is_that_of_ast():
    assert ast.dump(parse("a = [1, 2]")) == ast.dump(ast.parse("a = [1, 2]"))
    with pytest.raises(SyntaxError):
        parse("a = [")


def test_many_threads_at_once():
    """Without the lock, some of these fail on Python 3.11.7 (the collector runs, and switches threads, while one parses)."""
    source = "\n".join(f"def f{n}(a, b=[{n}, (1, 2)]):\n    return [a for a in b if a]" for n in range(60))
    threshold = gc.get_threshold()
    gc.set_threshold(50)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert {len(tree.body) for tree in pool.map(parse, [source] * 60)} == {60}
    finally:
        gc.set_threshold(*threshold)
