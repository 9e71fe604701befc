"""The course's workspace in JupyterLab: what is open, and where. The page of the course is always there, in front."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAME = "course"
_LAYOUT = "layout-restorer:data"
_LEFT = {"collapsed": False, "visible": True, "current": "filebrowser",
         "widgets": ["filebrowser", "running-sessions", "@jupyterlab/toc:plugin"]}  # fmt: skip


def show_page(folder: Path, page: str) -> None:
    """Put a Markdown page, as a preview, in front of the workspace; what the learner had open stays open.

    Args:
        folder: where JupyterLab keeps its workspaces (``LabApp.workspaces_dir``).
        page: the page's path, as JupyterLab sees it.
    """
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    manager = WorkspacesManager(folder)
    try:
        data = manager.load(NAME).get("data")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # a file that JupyterLab did not write
        data = None
    data = data if isinstance(data, dict) else {}
    widget = f"markdownviewer-widget:{page}"
    if not isinstance(data.get(_LAYOUT), dict):
        data[_LAYOUT] = {"left": _LEFT}
    main = data[_LAYOUT].get("main")
    tabs = _first_tabs(main.get("dock")) if isinstance(main, dict) else None
    if tabs is None:
        tabs = {"type": "tab-area", "widgets": []}
        main = data[_LAYOUT]["main"] = {"dock": tabs}
    tabs["widgets"] = [widget, *(one for one in tabs["widgets"] if one != widget)]
    tabs["currentIndex"] = 0
    main["current"] = widget
    data[widget] = {"data": {"path": page, "factory": "Markdown Preview"}}
    data.setdefault("file-browser-filebrowser:cwd", {"path": ""})
    manager.save(NAME, json.dumps({"data": data, "metadata": {"id": NAME}}))


def _first_tabs(area: Any) -> dict[str, Any] | None:
    """The first group of tabs of a layout that JupyterLab saved, or None where it has none."""
    if not isinstance(area, dict):
        return None
    if area.get("type") == "tab-area" and isinstance(area.get("widgets"), list):
        return area
    children = area.get("children")
    return next(filter(None, map(_first_tabs, children)), None) if isinstance(children, list) else None
