"""``python -m course_lib.publishing.lab``: JupyterLab with the map as its first page and the chapters as notebooks.

Everything that JupyterLab needs for that stands in ``_build/lab``, written anew at each start; the learner's own settings
of Jupyter stay in force, and no chapter and no exercise is touched.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from course_lib.core.bilingual import chosen_language
from course_lib.core.errors import CourseError
from course_lib.core.files import atomic_file, write_json
from course_lib.core.fingerprint import ROOT
from course_lib.publishing.lab_page import PAGE, page, read_progress
from course_lib.publishing.lab_sources import write_extension
from course_lib.publishing.lab_workspace import NAME, show_page
from course_lib.publishing.mapfile import load_map

FOLDER = "_build/lab"
_NBGRADER = ("formgrader", "validate_assignment", "assignment_list", "course_list")
_LOOK_AGAIN = 2.0  # seconds between looks at the learner's progress


def prepare(root: Path = ROOT, workspaces: str | None = None) -> Path:
    """Write the settings, the page and the workspace; returns their folder.

    Args:
        root: the course's folder.
        workspaces: where JupyterLab keeps its workspaces, if not with the rest.

    Raises:
        CourseError: the map or the bibliography is broken, ``COURSE_LANG`` names no language of the course, or the folder
            can't be written.
    """
    folder = root / FOLDER
    try:
        (folder / "labconfig").mkdir(parents=True, exist_ok=True)
        (folder / "jupyter_server_config.d").mkdir(exist_ok=True)
        write_json(folder / "labconfig" / "default_setting_overrides.json", {
            "@jupyterlab/docmanager-extension:plugin": {
                "defaultViewers": {"myst": "Jupytext Notebook", "markdown": "Jupytext Notebook"}},
            "@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false"},
            "@jupyterlab/translation-extension:plugin": {"locale": {"en": "en", "zh": "zh_CN"}[chosen_language()]},
        })  # fmt: skip
        # nbgrader serves the authors' tests only; its extensions would put an instructor's menu before every learner.
        write_json(folder / "labconfig" / "page_config.json", {"disabledExtensions": {"@jupyter/nbgrader": True}})
        off = {f"nbgrader.server_extensions.{name}": False for name in _NBGRADER}
        write_json(folder / "jupyter_server_config.d" / "nbgrader.json", {"ServerApp": {"jpserver_extensions": off}})
        write_extension(folder / "labextensions", root / "book" / "references.bib", PAGE)
        write_page(root)
        show_page(Path(workspaces) if workspaces else folder / "workspaces", PAGE)
    except OSError as error:
        raise CourseError(f"can't be written ({error.strerror})", where=str(folder),
                          remedy="Make the course's folder writable") from error  # fmt: skip
    return folder


def write_page(root: Path = ROOT) -> None:
    """Write the page of the course as things stand now.

    Raises:
        CourseError: the map is broken, or ``COURSE_LANG`` names no language of the course.
    """
    text = page(load_map(root / "book" / "mindmap.yml"), root, chosen_language(), read_progress(root))
    (root / PAGE).parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(root / PAGE) as file:
        file.write(text)


def arguments(root: Path, folder: Path, more: Sequence[str]) -> list[str]:
    """JupyterLab's command line: our settings, save those that ``more``, the learner's, has, and then the learner's."""
    ours = {
        "--ServerApp.root_dir": str(root),
        "--LabApp.default_url": f"/lab/workspaces/{NAME}",
        "--LabApp.workspaces_dir": str(folder / "workspaces"),
        "--LabApp.extra_labextensions_path": str(folder / "labextensions"),
        "--LabApp.extension_manager": "readonly",  # its own looks for packages on the web
        "--ContentsManager.checkpoints_class": "course_lib.publishing.lab_checkpoints.CourseCheckpoints",
    }
    theirs = {one.partition("=")[0] for one in more}  # given twice, a setting would be a list to JupyterLab
    return [*(f"{name}={value}" for name, value in ours.items() if name not in theirs), *more]


def check_arguments(more: Sequence[str]) -> None:
    """Say before the start what would stop JupyterLab after it, in many lines.

    Raises:
        CourseError: the port that was asked for is no number or is taken, or an administrator has not said
            ``--allow-root``.
    """
    port = _value_of(more, "--port", "--ServerApp.port")
    if port is not None:
        if not port.isdecimal() or not 0 <= int(port) < 65536:
            raise CourseError(f"{port!r} is no port", remedy="Choose a number from 1024 to 65535")
        if int(port) and _taken(int(port)):
            raise CourseError(f"port {port} is in use", remedy="Choose another, make lab LAB_OPTIONS='--port N', or none: "
                              "then a free one is taken")  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0 and not any(one.startswith("--allow-root") for one in more):
        raise CourseError("JupyterLab does not run as root", remedy="Start it as another user, or, in a container of your "
                          "own, with make lab LAB_OPTIONS=--allow-root")  # fmt: skip


def _value_of(arguments: Sequence[str], *names: str) -> str | None:
    """What the last of ``--name=value`` and ``--name value`` says."""
    found = None
    for one, following in zip(arguments, [*arguments[1:], ""]):
        name, equals, value = one.partition("=")
        if name in names:
            found = value if equals else following
    return found


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _follow_progress(root: Path, stop: threading.Event) -> None:
    """Write the page again when the learner's progress has changed (JupyterLab reads it when its tab comes to the front)."""
    file = Path(os.environ.get("COURSE_PROGRESS") or root / "exercises" / "progress.json").expanduser()

    def seen() -> float:
        try:
            return file.stat().st_mtime
        except OSError:
            return 0.0

    last = seen()
    while not stop.wait(_LOOK_AGAIN):
        if seen() != last:
            last = seen()
            try:
                write_page(root)
            except (CourseError, OSError) as error:
                print(f"the page of the course is not up to date: {error}", file=sys.stderr)


def main(more: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Prepare and run JupyterLab until it is stopped; 2 with one line on stderr where it can't start."""
    more = sys.argv[1:] if more is None else list(more)
    try:
        check_arguments(more)
        folder = prepare(root, _value_of(more, "--LabApp.workspaces_dir"))
        try:
            os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
                filter(None, [str(folder), os.environ.get("JUPYTER_CONFIG_PATH")])
            )
            from jupyterlab.labapp import LabApp
        except ImportError as error:
            raise CourseError(f"JupyterLab is not installed ({error})", remedy="Start it by make lab, which installs it") \
                from error  # fmt: skip
    except CourseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("JupyterLab opens in your browser. Where none opens, copy the address with ?token= from below. "
          "Ctrl-C ends it.", file=sys.stderr)  # fmt: skip
    stop = threading.Event()
    threading.Thread(target=_follow_progress, args=(root, stop), daemon=True).start()
    try:
        LabApp.launch_instance(arguments(root, folder, more))
    finally:
        stop.set()
    return 0


if __name__ == "__main__":
    sys.exit(main())
