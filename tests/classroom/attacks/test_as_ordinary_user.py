"""The suite once more as an ordinary user, when the tests run as root: the sandbox is another one then.

All but ``test_hostile_values.py``, which reads and parses in the test's own process and needs no sandbox.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib.core.fingerprint import PACKAGE, ROOT

USER = 65_533  # nobody's neighbour: no such user needs to exist
_NEEDED = "import numpy, pytest, xdist, jinja2, yaml; import ctypes, sys; assert sys.version_info[:2] == {version}"
#: tests that this user may skip, by the beginning of their reasons
_ALLOWED = ("without the sandbox", "kernel settings", "this machine", "this user may not", "/dev/shm is smaller")


def as_user(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command as that user, in ``folder``."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder / "tmp"), "LANG": "C.UTF-8",
           "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}  # fmt: skip
    # By way of env: setpriv itself still may look where the user may not.
    return subprocess.run(
        ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "env", *command], cwd=folder, env=env, text=True,
        capture_output=True, timeout=500, check=False,
    )  # fmt: skip


@pytest.fixture
def folder() -> Iterator[Path]:
    """A copy of what the suite needs; pytest's own temporary folder is closed to other users."""
    made = Path(tempfile.mkdtemp(prefix="attacks-"))
    try:
        made.chmod(0o755)
        leave = shutil.ignore_patterns("__pycache__", "data")
        shutil.copytree(PACKAGE, made / "course_lib", ignore=leave)
        shutil.copytree(Path(__file__).parent, made / "tests" / "classroom" / "attacks", ignore=leave)
        shutil.copy(ROOT / "pyproject.toml", made)
        for path in [made, *made.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        (made / "tmp").mkdir()
        shutil.chown(made / "tmp", USER, USER)
        yield made
    finally:
        shutil.rmtree(made)


def interpreter(folder: Path) -> tuple[str, str]:
    """A Python of this version that the user can run, with a path on which it finds the packages; skips without one."""
    packages = sysconfig.get_path("purelib")
    minor = f"python3.{sys.version_info[1]}"
    tried = []
    for python in filter(None, (sys.executable, shutil.which(minor, path="/usr/bin:/usr/local/bin"))):
        # The worker runs the interpreter behind all links.
        for name, path in ((python, str(folder)), (os.path.realpath(python), f"{folder}:{packages}")):
            done = as_user([name, "-c", _NEEDED.format(version=tuple(sys.version_info[:2]))], folder, PYTHONPATH=path)
            if done.returncode == 0:
                return name, path
            tried.append(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
    pytest.skip(f"no {minor} with the packages that another user can run ({'; '.join(tried)})")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="these tests run as an ordinary user already")
def test_all_attacks_as_an_ordinary_user(folder: Path) -> None:
    python, path = interpreter(folder)
    done = as_user(
        [python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "-rs", "tests/classroom/attacks",
         "--ignore", "tests/classroom/attacks/test_hostile_values.py", "--basetemp", str(folder / "tmp" / "tests")],
        folder, PYTHONPATH=path, COURSE_REQUIRE_SANDBOX="1",
    )  # fmt: skip
    print(done.stdout[-3_000:], done.stderr[-1_000:])
    assert done.returncode == 0
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 200
    for reason in re.findall(r"^SKIPPED \[\d+\] \S+ (.*)$", done.stdout, re.MULTILINE):
        assert reason.startswith((*_ALLOWED, "these tests run as an ordinary user")), reason
