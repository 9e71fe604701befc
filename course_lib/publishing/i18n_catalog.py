"""The translators' files: one ``.po`` per page in ``book/locale``, kept in the order of the page, without dates.

``update`` brings them up to the English text: what was only edited keeps its old translation, marked *fuzzy* (not shown
to readers, to be looked at); what left the page moves to the end of the file. Titles come from the map.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError, read_po, write_po

from course_lib.core.errors import DataError
from course_lib.core.files import atomic_file
from course_lib.publishing.i18n_messages import has_words
from course_lib.publishing.language import LOCALE, Edition
from course_lib.publishing.mapmodel import MindMap

_LINE = re.compile(r'(?:#.*|(?:msg\w+\s+)?"(?:[^"\\]|\\.)*")?')
_HEAD = """\
# {page}: English to {name}. Written by `make i18n-update`; translate between the quotes of msgstr.
msgid ""
msgstr ""
"Language: {locale}\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def po_path(root: Path, edition: Edition, page: str) -> Path:
    """Where the messages of a page (``book/start/setup``) stand."""
    return root / LOCALE / edition.locale / "LC_MESSAGES" / f"{page}.po"


def read_catalog(path: Path, edition: Edition) -> Catalog:
    """A translators' file, or an empty catalogue where there is none. Raises DataError for one that is not valid."""
    if not path.is_file():
        return Catalog(locale=edition.locale)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't be read as UTF-8 text ({type(error).__name__})", where=str(path)) from error
    for number, line in enumerate(text.splitlines(), 1):
        # Babel would pass over a line without its closing quote, and the next update would lose the translation.
        if not _LINE.fullmatch(line.strip()):
            raise DataError(
                "not a line of a .po file",
                where=f"{path}, line {number}",
                remedy='Put the text between "straight quotes"',
            )
    try:
        return read_po(BytesIO(text.encode()), locale=edition.locale, abort_invalid=True)
    except PoFileError as error:
        raise DataError(f"not a valid .po file: {error.args[0]}", where=str(path)) from error


def write_catalog(path: Path, catalog: Catalog, edition: Edition, page: str) -> bool:
    """Write a translators' file; returns whether it differs from what was there."""
    body = BytesIO()
    write_po(body, catalog, width=0, omit_header=True, no_location=True)
    text = _HEAD.format(page=page, name=edition.name, locale=edition.locale) + body.getvalue().decode("utf-8").strip()
    text += "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    with atomic_file(path) as file:
        file.write(text)
    return True


def updated(catalog: Catalog, messages: Sequence[str], titles: Mapping[str, str]) -> Catalog:
    """The catalogue for these messages: old translations kept, near ones fuzzy, the rest obsolete.

    Args:
        titles: English to translation, for messages that are titles of the map.
    """
    template = Catalog(locale=catalog.locale)
    for message in messages:
        template.add(message)
    set_aside = {entry.id: entry.string for entry in catalog.obsolete.values()}
    catalog.update(template)
    for message in messages:
        entry = catalog.get(message)
        if message in set_aside:  # a paragraph that came back
            entry.string, entry.flags = set_aside[message], entry.flags - {"fuzzy"}
            catalog.obsolete.pop(message, None)
        if message in titles:
            entry.string, entry.flags = titles[message], entry.flags - {"fuzzy"}
    return catalog


def map_titles(mindmap: MindMap, edition: Edition) -> dict[str, str]:
    """Titles of topics and branches, English to translation."""
    named = [*mindmap.branches, *mindmap.order()]
    return {one.title.en: one.title.get(edition.language) for one in named if one.title.get(edition.language)}


def live(catalog: Catalog) -> list[Any]:
    """The entries of a catalogue that hold messages (not its header, not obsolete ones)."""
    return [entry for entry in catalog if entry.id]


def unfinished(path: Path, edition: Edition) -> bool:
    """Whether readers of this page meet English text: no file, or an entry without a translation that is shown."""
    entries = live(read_catalog(path, edition))
    return not entries or any(has_words(e.id) and (e.fuzzy or not e.string) for e in entries)


def publish(root: Path, edition: Edition, folder: Path, mindmap: MindMap | None = None) -> None:
    """Copy the files to ``folder``, where Sphinx compiles them; a file is written only when it changed.

    A page of the map that has no file yet gets one there with its title, so that the navigation is in one language.
    """
    source, target = root / LOCALE / edition.locale, folder / edition.locale
    wanted = {path.relative_to(source): path.read_bytes() for path in sorted(source.rglob("*.po"))}
    for topic in mindmap.order() if mindmap else ():
        name = Path("LC_MESSAGES") / f"{topic.page}.po"
        if topic.ready and name not in wanted:
            alone = BytesIO()
            catalog = Catalog(locale=edition.locale)
            catalog.add(topic.title.en, topic.title.get(edition.language))
            write_po(alone, catalog, width=0, omit_header=True)
            wanted[name] = alone.getvalue()
    for name, text in wanted.items():
        to = target / name
        if not to.is_file() or to.read_bytes() != text:
            with atomic_file(to, "wb") as file:
                file.write(text)
    for path in sorted(target.rglob("*.[pm]o")):
        if path.relative_to(target).with_suffix(".po") not in wanted:
            path.unlink()
