"""``python -m course_lib.publishing.build``: map checked, scripts vendored, chapters run, site written and checked."""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import stale_results
from course_lib.core.script import run_script
from course_lib.publishing.language import SOURCE, Edition, edition_config, load_editions
from course_lib.publishing.offline import require_offline

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def build(root: Path = ROOT, *, strict: bool = False, fresh: bool = False, check_map: bool = True) -> Path:
    """Build all editions of the book of ``root`` into ``root/_build/html``; cells run once, for the first of them.

    Chapters whose code, lock and data are unchanged come from the execution cache; pages that are unchanged are not
    written again.

    Args:
        root: folder of ``_config.yml`` and ``_toc.yml``.
        strict: write all pages anew, and fail on any warning, not only on errors (after showing all).
        fresh: forget what earlier builds read (not what chapters computed).
        check_map: check ``book/mindmap.yml`` first.

    Returns:
        The folder of the site.

    Raises:
        CourseError: the map has problems, a cell failed, the site is not offline, or a page has an error.
    """
    root = root.resolve()
    for name in ("_config.yml", "_toc.yml"):
        if not (root / name).is_file():
            raise CourseError("no such file", where=str(root / name), remedy="Build from the repository's folder")
    if check_map:
        _check_map(root)
    site, folder = root / "_build" / "html", root / "_build"
    _make_room(site, fresh)
    config, editions = read_config(root), load_editions(root)
    for edition in editions:
        _prepare_edition(root, edition, folder)
        settings = edition_config(config, edition, folder)
        run_sphinx(
            root,
            {**settings, "course_check_offline": False},  # a page's twin is not there yet: checked at the end
            site / edition.folder,
            folder / (f".doctrees-{edition.folder}" if edition.folder else ".doctrees"),
            strict=strict,
            fresh=fresh,
        )
    require_offline(site)
    return site


def read_config(root: Path) -> dict[str, Any]:
    """Sphinx settings of ``root/_config.yml``, as Jupyter Book reads it."""
    from jupyter_book.config import get_final_config

    return get_final_config(
        user_yaml=root / "_config.yml",
        cli_config={"latex_individualpages": False, "external_toc_path": "_toc.yml"},
        sourcedir=root,
        raise_on_invalid=True,
    )[0]


def run_sphinx(
    root: Path,
    settings: dict[str, Any],
    out: Path,
    doctrees: Path,
    *,
    builder: str = "html",
    strict: bool = False,
    fresh: bool = False,
    quiet: bool = False,
) -> Sphinx:
    """One run of Sphinx over the book.

    Args:
        settings: those of ``read_config``, or of ``edition_config``.
        out: where the builder writes.
        doctrees: what Sphinx remembers of the pages.
        builder: name of the Sphinx builder.
        strict: write all pages anew, and fail on any warning, not only on errors (after showing all).
        fresh: forget what earlier builds read.
        quiet: show warnings and errors only.

    Raises:
        CourseError: a cell failed, or a page has an error (with ``strict``: a warning).
    """
    from sphinx import locale
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    locale.translators.clear()  # else the words of an edition built before in this process would come first
    errors = _Errors()
    try:
        with patch_docutils(None), docutils_namespace():
            app = Sphinx(
                srcdir=root,
                confdir=None,
                outdir=out,
                doctreedir=doctrees,
                buildername=builder,
                confoverrides=settings,
                warningiserror=strict,
                keep_going=strict,
                freshenv=fresh,
                **({"status": None} if quiet else {}),
            )
            logging.getLogger("sphinx").addHandler(errors)
            app.build(force_all=strict)
    except SphinxError as error:
        if isinstance(error.__cause__, CourseError):  # ours, thrown by a handler of an event
            raise error.__cause__ from None
        raise CourseError(f"{error.category}: {error}", where="the book", remedy="See the messages above") from error
    finally:
        logging.getLogger("sphinx").removeHandler(errors)
    if app.statuscode or errors.count:
        # What Sphinx remembers would let the next build pass over the faulty page in silence.
        (doctrees / "environment.pickle").unlink(missing_ok=True)
        what = f"{errors.count} error(s), shown above" if errors.count else "warnings, shown above"
        raise CourseError(what, where="the book", remedy="Mend the pages they name")
    return app


def _prepare_edition(root: Path, edition: Edition, folder: Path) -> None:
    """Messages and table of contents of an edition, in ``_build``; nothing is touched when nothing changed."""
    if edition.language == SOURCE:
        return
    from course_lib.publishing.i18n_catalog import publish
    from course_lib.publishing.mapfile import load_map, read_yaml
    from course_lib.publishing.mapoutput import toc, write_toc

    mindmap, path = load_map(root / "book" / "mindmap.yml"), folder / f"_toc.{edition.language}.yml"
    publish(root, edition, folder / "locale", mindmap)
    if not path.is_file() or read_yaml(path) != toc(mindmap, edition.language):
        write_toc(mindmap, folder, edition.language, path.name)


class _Errors(logging.Handler):
    """Counts messages of level ERROR: docutils shows them and builds on, but such a page is not whole."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: dict[int, logging.LogRecord] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.records[id(record)] = record  # Sphinx hands a record on twice where it holds messages back

    @property
    def count(self) -> int:
        return len(self.records)


def _check_map(root: Path) -> None:
    from course_lib.publishing.mindmap import check, load_map

    problems = check(load_map(root / "book" / "mindmap.yml"), root)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise CourseError(f"{len(problems)} problem(s) in the map, listed above", where="book/mindmap.yml")


def _make_room(site: Path, fresh: bool) -> None:
    """A fresh build starts from an empty site, so that no page of an old map stays in it."""
    if fresh and site.exists():
        shutil.rmtree(site)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 when the site is whole, 2 with one line on stderr when it is not."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.publishing.build", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of _config.yml (default: this repository)")
    parser.add_argument("--strict", action="store_true", help="write all pages, fail on any warning")
    parser.add_argument("--fresh", action="store_true", help="forget earlier builds; chapters' results stay cached")
    options = parser.parse_args(arguments)
    start = time.perf_counter()

    def make() -> int:
        site = build(options.root, strict=options.strict, fresh=options.fresh)
        stale = stale_results(options.root / "benchmarks" / "results")
        if stale:
            print(f"Measured before the code changed, and marked STALE on their pages: {', '.join(stale)} (benchmarks/results)")
        print(f"The book is in {site / 'index.html'} ({(time.perf_counter() - start) / 60:.1f} minutes)")
        return 0

    return run_script(make, "stopped; finished chapters stay cached")


if __name__ == "__main__":
    sys.exit(main())
