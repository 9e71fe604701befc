"""Which real shops the course can load, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.core.errors import ContractError, DataError
from course_lib.shop.loaders.chorus import load_chorus

#: name of a shop -> function from a folder in the publisher's layout to the fields of ``Shop``
LOADERS: dict[str, Callable[[Path], dict[str, Any]]] = {"chorus": load_chorus}


def load(name: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The fields of ``Shop`` (its tables, ``truth`` and ``source``) from a folder in the publisher's layout.

    Raises:
        ContractError: no loader has that name.
        DataError: no such folder, or a file of it is missing or wrong; names the file, the row and the remedy.
    """
    if name not in LOADERS:
        raise ContractError(f"no real shop is called {name!r}; known are {', '.join(LOADERS)}")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        what = "this is a file, not a folder" if folder.exists() else "no such folder"
        raise DataError(what, where=str(folder), remedy=f"Name the folder that holds the files of {name}")
    return LOADERS[name](folder)
