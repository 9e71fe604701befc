"""What JupyterLab has to know of the course: its works cited, and its page. Written as a prebuilt extension.

``lab_extension/plugin.js`` is the whole extension, in the form in which JupyterLab loads one; nothing is compiled.
"""

from __future__ import annotations

import json
from pathlib import Path

from course_lib.core.errors import DataError
from course_lib.core.files import atomic_file

NAME = "course-lab"
_SCRIPT = Path(__file__).parent / "lab_extension" / "plugin.js"


def read_sources(path: Path) -> dict[str, dict[str, str]]:
    """Every work of a BibTeX file: key -> ``label`` (``[Liu et al., 2017]``) and ``title``.

    Raises:
        DataError: the file is missing or broken.
    """
    from pybtex.database import parse_file
    from pybtex.exceptions import PybtexError
    from pybtex.richtext import Text

    try:
        entries = parse_file(path, bib_format="bibtex").entries
    except (OSError, UnicodeDecodeError, PybtexError) as error:
        raise DataError(f"no readable bibliography ({error})", where=str(path)) from error

    def plain(text: str) -> str:
        return str(Text.from_latex(text))

    found = {}
    for key, entry in entries.items():
        names = [plain(" ".join([*one.prelast_names, *one.last_names])) for one in entry.persons.get("author", ())]
        who = names[0] + " et al." if len(names) > 2 else " and ".join(names)
        title, year = plain(entry.fields.get("title", key)), entry.fields.get("year", "")
        found[key] = {"label": f"[{', '.join(filter(None, [who or title, year]))}]", "title": title}
    return found


def write_extension(folder: Path, bibliography: Path, page: str) -> None:
    """Write the extension into ``folder/course-lab`` (a folder of ``LabApp.extra_labextensions_path``).

    Raises:
        DataError: the bibliography is missing or broken.
    """
    settings = json.dumps({"page": page, "sources": read_sources(bibliography)}, ensure_ascii=False)
    script = _SCRIPT.read_text(encoding="utf-8").replace("%SETTINGS%;", f"{settings};", 1)
    about = {"name": NAME, "version": "1.0.0", "jupyterlab": {
        "extension": True, "_build": {"load": "static/plugin.js", "extension": "./extension"}}}  # fmt: skip
    at = folder / NAME
    (at / "static").mkdir(parents=True, exist_ok=True)
    for file, text in ((at / "package.json", json.dumps(about)), (at / "static" / "plugin.js", script)):
        with atomic_file(file) as out:
            out.write(text)
