"""The build's own faults are one line each; the Makefile finds Python or says what is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from course_lib.core.errors import CourseError
from course_lib.publishing.build import build

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make: install the Debian package make")


def _make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, env=clean, timeout=60)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def _python(folder: Path, body: str) -> Path:
    """A stand-in for a Python: a shell script that writes down how it was called."""
    path = folder / "python-stand-in"
    path.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/calls"\n{body}\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def test_make_alone_lists_the_targets(clone):
    said = _make(clone).stdout
    assert all(f"make {target}:" in said for target in ("book", "test", "lab", "clean"))


def test_no_python_is_one_clear_line(clone):
    done = _make(clone, "book", "CANDIDATES=surely-no-python")
    assert done.returncode and "no Python 3.11 or newer found" in done.stderr and "PYTHON=" in done.stderr
    assert not (clone / ".venv").exists()


def test_a_python_without_venv_is_one_clear_line(clone):
    stand_in = _python(clone, 'case "$2" in *ensurepip*) exit 1;; esac')
    done = _make(clone, "test", f"PYTHON={stand_in}")
    assert done.returncode and "lacks the venv module" in done.stderr and "python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


MAKES_VENV = """
if [ "$1" = -m ] && [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
if [ "$2" = pip ] && [ -e "{folder}/no-network" ]; then exit 1; fi
"""


def test_installs_once_and_again_only_when_the_lock_changes(clone):
    stand_in = _python(clone, MAKES_VENV.format(folder=clone))
    calls = clone / "calls"

    def installs() -> int:
        calls.write_text("", encoding="utf-8")
        assert _make(clone, "book", f"PYTHON={stand_in}").returncode == 0
        said = calls.read_text(encoding="utf-8")
        assert "-m course_lib.publishing.build" in said
        return said.count("pip install")

    assert installs() == 2  # the lock file, then the package
    assert installs() == 0
    os.utime(clone / "requirements.txt", (2**31 - 1, 2**31 - 1))
    assert installs() == 2


def test_an_interrupted_installation_is_done_again(clone):
    stand_in = _python(clone, MAKES_VENV.format(folder=clone))
    (clone / "no-network").touch()
    assert _make(clone, "book", f"PYTHON={stand_in}").returncode
    assert not (clone / ".venv" / ".installed").exists()
    (clone / "no-network").unlink()
    assert _make(clone, "book", f"PYTHON={stand_in}").returncode == 0
    assert (clone / ".venv" / ".installed").exists()


def test_a_fault_in_the_map_stops_the_build(tmp_path, capsys):
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "mindmap.yml").write_text("nonsense: true\n", encoding="utf-8")
    with pytest.raises(CourseError, match="mindmap.yml"):
        build(tmp_path)
    shutil.copy(ROOT / "book" / "mindmap.yml", tmp_path / "book" / "mindmap.yml")  # sound, but its rooms are not here
    with pytest.raises(CourseError, match=r"problem\(s\) in the map"):
        build(tmp_path)
    assert "book/index.md" in capsys.readouterr().err
    assert not (tmp_path / "_build").exists()


@pytest.mark.slow
def test_lab_opens_chapters_as_notebooks(tmp_path):
    """The override that ``make lab`` writes is the one that JupyterLab's server hands to the browser."""
    import json
    import sys

    bin_ = Path(sys.executable).parent
    jupytext = shutil.which("jupytext-config", path=str(bin_))
    if jupytext is None:
        pytest.skip("jupytext is not installed")
    settings = tmp_path / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir()
    subprocess.run(
        [jupytext, "--settings-file", str(settings), "set-default-viewer", "myst", "markdown"],
        check=True,
        capture_output=True,
    )
    code = (
        "from jupyterlab.labapp import LabApp; import json\n"
        "from jupyterlab_server.settings_utils import get_settings\n"
        "from jupyterlab.commands import get_app_dir; from pathlib import Path\n"
        "from jupyterlab_server.config import get_page_config\n"
        "from jupyterlab_server.settings_utils import _get_overrides\n"
        "found = _get_overrides(str(Path(get_app_dir()) / 'settings'))[0]\n"
        "print(json.dumps(found['@jupyterlab/docmanager-extension:plugin']['defaultViewers']))"
    )
    env = {**os.environ, "JUPYTER_CONFIG_PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["markdown"] == "Jupytext Notebook"
