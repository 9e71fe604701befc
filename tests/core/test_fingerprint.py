"""Fingerprints move when, and only when, something moves that the result depends on."""

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from course_lib.core import fingerprint as module
from course_lib.core.fingerprint import (
    PACKAGE,
    code_fingerprint,
    fingerprint,
    imported_modules,
    lock_fingerprint,
    module_path,
    source_closure,
)


def test_equal_values_have_one_fingerprint_in_every_process():
    value = {"b": [1, 2.5, None], "a": "价"}
    code = "from course_lib.core.fingerprint import *; print(fingerprint({'a': '价', 'b': [1, 2.5, None]}, b'x'))"
    run = subprocess.run([sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == fingerprint(value, b"x")


def test_different_parts_differ(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"y")
    parts = [
        (), ("x",), ("x", "x"), (["x", "x"],), (b"x", b"x"), (b"xx",), (b"x\x1ex",), (b'"x"',), (tmp_path / "b",),
        (1,), ("1",), ({"a": 1},), ({"a": "1"},), (None,), ("",), (b"",),
    ]  # fmt: skip
    for one, other in combinations(parts, 2):
        assert fingerprint(*one) != fingerprint(*other), (one, other)


def test_a_path_counts_by_its_content(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"y")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")


@pytest.fixture
def package(tmp_path) -> Path:
    """A small package of the course's shape."""
    root = tmp_path / "course_lib"
    files = {
        "__init__.py": "FACE = {}",
        "core/__init__.py": "",
        "core/ids.py": "X = 1",
        "shop/__init__.py": "",
        "shop/loaders/__init__.py": "from course_lib.shop.loaders.registry import load",
        "shop/loaders/registry.py": "from course_lib.core import ids",
        "shop/measurement.py": "from course_lib.core.ids import X\nimport numpy",
        "shop/shop.py": "def late():\n    from course_lib.shop.loaders import load",
        "shop/data/words.txt": "red",
        "shop/data/__pycache__/junk": "z",
        "search/__init__.py": "",
        "search/retrieval.py": "import course_lib.core.ids as ids\nfrom course_lib import Shop",
        "search/clicks.py": "import math",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def closure(package: Path, *modules: str) -> set[str]:
    return {f.relative_to(package).as_posix() for f in source_closure(modules, package)}


def test_closure_follows_imports(package):
    assert closure(package, "course_lib.search.clicks") == {"search/clicks.py"}
    files = {"shop/measurement.py", "core/ids.py", "shop/data/words.txt"}
    assert closure(package, "course_lib.shop.measurement") == files
    # Imports inside functions, packages that re-export, and names of the face count too.
    shop = {f"shop/{name}" for name in ("shop.py", "loaders/__init__.py", "loaders/registry.py", "data/words.txt")}
    shop.add("core/ids.py")
    assert closure(package, "course_lib.shop.shop") == shop
    assert closure(package, "course_lib.search.retrieval") == {"search/retrieval.py", *shop}
    assert closure(package, "numpy", "course_lib.absent") == set()


def test_the_bare_package_stands_for_its_whole_face(package):
    assert closure(package, "course_lib") >= {"shop/shop.py", "shop/measurement.py"}
    assert imported_modules("import course_lib as c", package) == {"course_lib"}


@pytest.mark.parametrize(
    ("edited", "moves"),
    [
        ("core/ids.py", True), ("shop/measurement.py", True), ("shop/data/words.txt", True),
        ("search/clicks.py", False), ("shop/data/__pycache__/junk", False),
    ],
)  # fmt: skip
def test_code_fingerprint_moves_with_what_is_imported(package, edited, moves):
    before = code_fingerprint(["course_lib.shop.measurement"], package)
    assert before == code_fingerprint(["course_lib.shop.measurement"], package)
    (package / edited).write_text("X = 2")
    assert (code_fingerprint(["course_lib.shop.measurement"], package) != before) == moves


def test_renamed_data_move_the_fingerprint(package):
    before = code_fingerprint(["course_lib.shop.measurement"], package)
    (package / "shop/data/words.txt").rename(package / "shop/data/terms.txt")
    assert code_fingerprint(["course_lib.shop.measurement"], package) != before


def test_face_and_submodules_of_the_real_package():
    source = "from course_lib import evaluate, Ranking\nfrom course_lib.core import seeds\n"
    source += "from course_lib.core.ids import IdMap"
    assert imported_modules(source) == {
        "course_lib.shop.measurement", "course_lib.core.ranking", "course_lib.core.seeds", "course_lib.core.ids",
    }  # fmt: skip
    assert module_path("course_lib.core") == PACKAGE / "core" / "__init__.py"
    assert module_path("course_lib") is None and module_path("numpy.random") is None
    closed = source_closure(["course_lib.shop.measurement"])
    assert PACKAGE / "core" / "ids.py" in closed and PACKAGE / "shop" / "metrics.py" in closed
    assert PACKAGE / "core" / "cache.py" not in closed


def test_lock_fingerprint(tmp_path, monkeypatch):
    installed = lock_fingerprint(tmp_path)
    assert installed == lock_fingerprint(tmp_path)  # no lock file: the installed versions
    (tmp_path / "requirements.txt").write_text("numpy==2.0")
    locked = lock_fingerprint(tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy==2.1")
    assert len({installed, locked, lock_fingerprint(tmp_path)}) == 3
    assert module.ROOT == PACKAGE.parent
