"""The editions of the book: which languages there are, and the settings of a build in each of them.

There is one source, ``_config.yml``: an edition's settings are derived from it when it is built, by what
``book/languages.yml`` says differs. The English site is the folder of the site itself, another edition a folder in it
(``_build/html/zh``), so that a page's twin is the same path below another root.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.core.bilingual import LANGUAGES
from course_lib.core.errors import DataError
from course_lib.core.fingerprint import fingerprint
from course_lib.publishing.mapfile import read_yaml

FILE = "book/languages.yml"
LOCALE = "book/locale"  # <locale>/LC_MESSAGES/<page>.po below it
INTERFACE = "LC_MESSAGES/interface.po"  # below the locale: words of the theme, which are no page's messages
SOURCE = "en"  # the language that pages are written in
_KEYS = {"name": str, "locale": str, "tag": str, "complete": list, "config": dict}


@dataclass(frozen=True)
class Edition:
    """One language of the book; the fields are those of ``book/languages.yml``."""

    language: str
    name: str
    locale: str
    tag: str
    complete: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Its folder in the site, from the site's root: ``""`` for the language of the source."""
        return "" if self.language == SOURCE else self.language

    def promises(self, page: str) -> bool:
        """Whether this page (``book/start/setup``) is named as complete, by itself or by a folder above it."""
        return any(page == name or page.startswith(f"{name}/") for name in self.complete)


def load_editions(root: Path) -> tuple[Edition, ...]:
    """All editions, the source language first; the English one alone where the book has no ``languages.yml``.

    Raises:
        DataError: the file breaks the form that its head describes.
    """
    path = root / FILE
    if not path.is_file():
        return (Edition(SOURCE, "English", "en", "en"),)
    raw = read_yaml(path)
    if not isinstance(raw, dict) or next(iter(raw), None) != SOURCE:
        raise DataError(f"the first language must be {SOURCE!r}, that of the source", where=str(path))
    return tuple(_edition(language, values, path) for language, values in raw.items())


def _edition(language: Any, values: Any, path: Path) -> Edition:
    where = f"{path}, {language}"
    if language not in LANGUAGES:
        raise DataError("the course does not know this language", where=where, remedy=f"Known: {', '.join(LANGUAGES)}")
    if not isinstance(values, dict):
        raise DataError("expected a mapping", where=where)
    for key, value in values.items():
        if key not in _KEYS:
            raise DataError(f"unknown key {key!r}", where=where, remedy=f"Known keys: {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise DataError(f"{key!r} must be of type {_KEYS[key].__name__}", where=where)
    missing = [key for key in ("name", "locale", "tag") if not values.get(key)]
    if missing:
        raise DataError(f"key {missing[0]!r} is missing", where=where)
    return Edition(language, **{**values, "complete": tuple(values.get("complete", ()))})


def edition_config(config: Mapping[str, Any], edition: Edition, build: Path) -> dict[str, Any]:
    """Sphinx settings of an edition.

    Args:
        config: those of ``_config.yml``, as Jupyter Book reads it; not changed.
        edition: what differs.
        build: folder that all builds share (``_build``): execution cache, logs, vendored scripts, compiled messages.
    """
    settings = _merged(copy.deepcopy(dict(config)), edition.config)
    settings |= {
        "language": edition.locale,
        "course_build": str(build),
        "course_pages": _pages_fingerprint(build.parent, edition),
        "nb_execution_cache_path": str(build / ".jupyter_cache"),  # one execution for all editions
    }
    if edition.language != SOURCE:
        settings |= {
            "locale_dirs": [str(build / "locale")],
            "gettext_compact": False,  # a page's messages under the page's own name
            "external_toc_path": str(build / f"_toc.{edition.language}.yml"),
        }
        if settings.get("html_baseurl"):
            settings["html_baseurl"] = f"{settings['html_baseurl'].rstrip('/')}/{edition.folder}/"
    return settings


def _pages_fingerprint(root: Path, edition: Edition) -> str:
    """Digest of what makes pages out of the text; when it changes, Sphinx reads and writes all of them again."""
    files = [*Path(__file__).parent.rglob("*"), root / FILE, root / LOCALE / edition.locale / INTERFACE]
    kept = sorted(f for f in files if f.is_file() and "__pycache__" not in f.parts)
    return fingerprint(*(part for f in kept for part in (f.name, f)))


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in over.items():
        base[key] = _merged(dict(base.get(key) or {}), value) if isinstance(value, Mapping) else value
    return base
