"""One front-end module per demo, put together from its pieces: the same code for JupyterLab, for a page, and for tests.

The pieces are plain scripts with declarations only, ``modules/shared/*.js`` and ``modules/<name>/*.js``, joined in the
order of their names; the last declares ``render({ model, el })``. A page opened from a folder can load neither modules
nor data by ``fetch``, so it gets the same text as a classic script.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from course_lib.core.errors import ContractError

MODULES = Path(__file__).parent / "modules"
SHARED = "shared"
# JupyterLab hands over an empty element, a page one that holds the first frame already.
_RENDER = """
function renderDemo({ model, el }) {
  if (!el.firstElementChild) el.innerHTML = model.get("frame");
  el.classList.add("course-demo");
  // else JupyterLab takes the arrow keys for its own; its pages look at the element that has the focus only
  for (const one of el.querySelectorAll("input, select, button, summary")) one.dataset.lmSuppressShortcuts = "true";
  return render({ model, el });
}
"""


def names() -> tuple[str, ...]:
    """The demos that there are."""
    return tuple(sorted(folder.name for folder in MODULES.iterdir() if folder.is_dir() and folder.name != SHARED))


def pieces(name: str, suffix: str) -> list[Path]:
    """The files of a demo with this suffix, the shared ones first.

    Raises:
        ContractError: no demo of that name.
    """
    if not re.fullmatch("[a-z_]+", name) or name == SHARED or not (MODULES / name).is_dir():
        raise ContractError(f"there is no demo {name!r}; known are {', '.join(names())}")
    return [file for folder in (SHARED, name) for file in sorted((MODULES / folder).glob(f"*{suffix}"))]


def source(name: str) -> str:
    """The joined pieces, without anything around them."""
    return "\n".join(file.read_text(encoding="utf-8") for file in pieces(name, ".js"))


def as_module(name: str, exports: Sequence[str] = ()) -> str:
    """An ES module in the form of ``anywidget``; ``exports`` are further names that a test calls."""
    more = f"export {{ {', '.join(exports)} }};\n" if exports else ""
    return f"{source(name)}{_RENDER}export default {{ render: renderDemo }};\n{more}"


def as_script(name: str) -> str:
    """A classic script that registers the demo with the page's host (``demo-host.js``)."""
    register = f'(window.courseDemos = window.courseDemos || {{}})["{name}"] = {{ render: renderDemo }};'
    return f'(function () {{\n"use strict";\n{source(name)}{_RENDER}{register}\n}})();\n'


def style(name: str) -> str:
    """The demo's style sheet."""
    return "\n".join(file.read_text(encoding="utf-8") for file in pieces(name, ".css"))
