"""Which cell answers which question, from files that were made to hurt."""

import json
import os
import threading
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.classroom import submission
from course_lib.classroom.masters import read_master
from course_lib.classroom.submission import SubmissionError, defines, parse_sources, read_sources, without_magics

MASTER = '''# %% setup=true
import math

# %% [markdown]
# Double it.

# %% question="double" points=2
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% question="which" points=1
which = ...  # one letter
### BEGIN SOLUTION
which = "b"
### END SOLUTION
'''


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    path = tmp_path_factory.mktemp("master") / "m.py"
    path.write_text(MASTER, encoding="utf-8")
    return read_master(path)


def code(source, grade_id=None, **metadata):
    if grade_id is not None:
        metadata["nbgrader"] = {"grade_id": grade_id, "solution": True}
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [], "execution_count": None}


def notebook(*cells):
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def test_cells_are_found_by_their_grade_id(master):
    found = parse_sources(
        notebook(
            code("def double(x):\n    return 0", "double-check"),
            code(["def double(x):\n", "    return x + x"], "double"),
            code('which = "c"', course={"question": "which"}),
            {**code("def double(x): pass", "double"), "cell_type": "markdown"},
        ),
        ".ipynb",
        master,
    )
    assert found.cells == {"double": "def double(x):\n    return x + x", "which": 'which = "c"'}


def test_without_ids_the_cell_that_defines_the_name_counts_and_the_last_of_several(master):
    found = parse_sources(
        notebook(code("def double(x): return 1"), code("%time\ndef double(x): return 2"), code("print(double(3))")),
        ".ipynb",
        master,
    )
    assert found.cells == {"double": "\ndef double(x): return 2"} and "2 cells define double" in found.notes[0].en


def test_of_several_cells_with_one_id_the_last_that_defines_the_name_counts(master):
    found = parse_sources(
        notebook(code("def double(x): return 1", "double"), code("def double(x): return 2", "double"),
                 code("x = 1", "double")),
        ".ipynb", master,
    )  # fmt: skip
    assert found.cells["double"].endswith("return 2") and "3 cells carry the id" in found.notes[0].en


def test_the_answer_cell_beats_other_cells_and_an_emptied_answer_cell_gives_way(master):
    first = parse_sources(notebook(code("def double(x): return 1", "double"), code("double = 5")), ".ipynb", master)
    assert first.cells["double"].endswith("return 1") and "only its answer cell counts" in first.notes[0].en
    second = parse_sources(notebook(code("# moved", "double"), code("def double(x): return 2")), ".ipynb", master)
    assert second.cells["double"].endswith("return 2") and "doesn't define it" in second.notes[0].en
    third = parse_sources(notebook(code("# gone", "double"), code("def double(x): 1", "which")), ".ipynb", master)
    assert third.cells["double"] == "# gone"  # the answer to another question is no answer to this one


def test_scripts_by_percent_cells_or_whole(master):
    assert parse_sources(MASTER.encode(), ".py", master).cells["which"].startswith("which = ...")
    head = '# %% [markdown]\n# x\n# %% nbgrader={"grade": false, "grade_id": "double"}\r\n'
    paired = head + "def double(x):\r\n    return x\n"
    assert parse_sources(paired.encode(), ".py", master).cells == {"double": "def double(x):\n    return x"}
    plain = "import math\n\ndef double(x):\n    return 2 * x\n"
    assert parse_sources(plain.encode(), ".py", master).cells == {"double": plain}
    broken = "def double(x:\n    return 2 * x\n"
    assert parse_sources(broken.encode(), ".py", master).cells == {"double": broken}
    assert parse_sources(b"x = 1", ".py", master).cells == {}


def test_magics_go_only_where_the_cell_is_no_python():
    kept = 'text = """\n%time\n!ls\n"""\ny = 5 %\\\n3'
    assert without_magics(kept) == kept
    assert without_magics("%%time\n!ls\nx = 1\n  double?\ny = 2") == "\n\nx = 1\n\ny = 2"


def test_defining_a_name():
    for source in ("def f(): 1", "async def f(): 1", "f = 2", "import f", "if 1:\n  f = 2", "a, f = 1, 2"):
        assert defines(source, "f"), source
    assert not any(defines(s, "f") for s in ("print(f)", "def g():\n  f = 1", "x.f = 1", "f == 1", "# def f(): 1"))
    assert defines("def f(:", "f") and not defines("(f = ", "f")


BAD = {
    "not JSON": (b"{", "line 1 is not valid JSON"),
    "deep": (b"[" * 200_000, "nested too deeply"),
    "deep, closed": (b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "a huge number": (b'{"cells": ' + b"9" * 6000 + b"}", "not valid JSON"),
    "a list": (b"[]", "no list of cells"),
    "no cells": (b"{}", "no list of cells"),
    "format 3": (b'{"worksheets": [{"cells": []}]}', "no list of cells"),
    "latin-1": (b'{"cells": "\xe9"}', "byte 11 is not UTF-8"),
    "UTF-16": ('{"cells": []}'.encode("utf-16"), "not UTF-8"),
    "empty": (b" \n", "empty"),
    "many values": (b"[" + b"{}," * 500_000 + b"{}]", "too much data"),
    "a long answer": (notebook(code("#" * 300_000, "double")), "longer than 200 kB"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_notebook_is_one_clear_error(master, tmp_path, name):
    content, said = BAD[name]
    path = tmp_path / "bad.ipynb"
    path.write_bytes(content)
    with pytest.raises(SubmissionError, match=said) as caught:
        read_sources(path, master)
    assert str(path) in str(caught.value) and caught.value.text.zh and str(path) not in caught.value.text.en


def test_odd_cells_are_skipped_and_odd_characters_are_replaced(master):
    odd = [None, 5, "x", [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5},
           {"cell_type": "code", "source": ["def double", 5]}, {"cell_type": ["code"], "source": "which = 1"},
           {"cell_type": "code", "source": "which = 2", "metadata": {"nbgrader": []}},
           code("def double(): '\ud800\x00'", [])]  # fmt: skip
    found = parse_sources(notebook(*odd), ".ipynb", master)
    assert found.cells == {"which": "which = 2", "double": "def double(): '��'"}
    assert "no Python source may hold" in found.notes[0].en


def test_a_200_mb_notebook_is_refused_by_its_size(master, tmp_path):
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    with pytest.raises(SubmissionError, match=r"200.0 MB; at most 5 MB"):
        read_sources(path, master)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_what_is_no_file_is_refused_at_once(master, tmp_path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    started = time.monotonic()
    with pytest.raises(SubmissionError, match="not a file"):
        read_sources(tmp_path / "pipe.ipynb", master)
    with pytest.raises(SubmissionError, match="this is a"):
        read_sources(tmp_path / "folder.ipynb", master)
    with pytest.raises(SubmissionError, match="No such file"):
        read_sources(tmp_path / "absent.ipynb", master)
    with pytest.raises(SubmissionError, match="can't be read"):
        read_sources(tmp_path / "a\0.ipynb", master)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SubmissionError, match="neither a notebook"):
        read_sources(tmp_path / "a.txt", master)
    assert time.monotonic() - started < 2


PARSER_BOMBS = ["(" * 49_000, "-" * 49_000 + "1", "not " * 12_000 + "1", "a" + ".b" * 24_000, "a" + "()" * 24_000,
                "lambda:" * 7_000 + "1", "1" + "+1" * 24_000, "[" * 20_000 + "]" * 20_000, 'f"' + "{" * 10_000,
                "a" + "[0]" * 16_000, "9" * 49_000]  # fmt: skip


def test_sources_that_break_a_parser_break_nothing(master):
    """Also in a thread, where the C stack is small."""
    results = []

    def work():
        for bomb in PARSER_BOMBS:
            found = parse_sources(notebook(code(f"double = {bomb}", "double")), ".ipynb", master)
            results.append(found.cells["double"])

    thread = threading.Thread(target=work)
    started = time.monotonic()
    thread.start()
    thread.join()
    assert results == [f"double = {bomb}" for bomb in PARSER_BOMBS] and time.monotonic() - started < 10


def test_many_cells_to_parse_cost_no_more_than_the_budget(master, monkeypatch):
    parsed = []
    real = submission._bound_names
    monkeypatch.setattr(submission, "_bound_names", lambda source: parsed.append(len(source)) or real(source))
    cells = [code("double\n" * 6_000) for _ in range(90)]
    parse_sources(notebook(*cells), ".ipynb", master)
    assert sum(parsed) < 3 * submission._PARSE_BUDGET


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
        | st.sampled_from(["code", "double", "def double(x): 1", "which = 1"]),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["cell_type", "source", "metadata", "nbgrader", "grade_id", "x"]), inner),
        max_leaves=20,
    )
)  # fmt: skip
def test_any_json_gives_cells_or_a_submission_error(master, value):
    for content in (value, {"cells": [value]}, {"cells": [{"cell_type": "code", "source": value, "metadata": value}]}):
        try:
            found = parse_sources(json.dumps(content).encode(), ".ipynb", master)
        except SubmissionError:
            continue
        assert all(isinstance(source, str) for source in found.cells.values())
