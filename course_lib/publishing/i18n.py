"""``python -m course_lib.publishing.i18n check|update``: is the translation whole, and brought up to the English text?

``check`` counts, for every page, messages that are untranslated, fuzzy or stale (the English text has changed since),
that break the glossary, or whose code, formulas and links differ from the English ones. A page that
``book/languages.yml`` promises as complete must have none of these.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import ROOT
from course_lib.publishing.i18n_catalog import live, map_titles, po_path, read_catalog, updated, write_catalog
from course_lib.publishing.i18n_glossary import Term, load_glossary, violations
from course_lib.publishing.i18n_messages import extract, kept
from course_lib.publishing.language import SOURCE, Edition, load_editions
from course_lib.publishing.mapfile import load_map

KINDS = ("untranslated", "fuzzy", "stale", "glossary", "markup")


@dataclass
class PageReport:
    """What is wrong with the translation of one page: lists of lines by kind (``KINDS``)."""

    page: str
    promised: bool
    total: int
    faults: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    @property
    def whole(self) -> bool:
        return not any(self.faults.values())


def check_page(
    page: str, messages: Sequence[str], path: Path, edition: Edition, terms: Sequence[Term], titles: Mapping[str, str]
) -> PageReport:
    """Hold a page's ``.po`` file against its messages (``extract``), the glossary and the map's titles."""
    catalog = read_catalog(path, edition)
    report = PageReport(page, edition.promises(page), len(messages))
    faults = report.faults
    for message in messages:
        entry = catalog.get(message)
        if entry is None or not entry.string:
            faults["untranslated"].append(message)
        elif entry.fuzzy:
            faults["fuzzy"].append(message)
        else:
            if kept(message) != kept(entry.string):
                faults["markup"].append(message)
            if message not in titles:
                faults["glossary"] += [f"{line}: {message}" for line in violations(terms, message, entry.string)]
            elif titles[message] != entry.string:
                faults["glossary"].append(f"the map says {titles[message]}: {message}")
    faults["stale"] = [entry.id for entry in live(catalog) if entry.id not in set(messages)]
    return report


def check(root: Path, edition: Edition) -> list[PageReport]:
    """The reports of all pages in one edition."""
    terms, titles = load_glossary(root), map_titles(load_map(root / "book" / "mindmap.yml"), edition)
    return [
        check_page(page, messages, po_path(root, edition, page), edition, terms, titles)
        for page, messages in extract(root).items()
    ]


def update(root: Path, edition: Edition) -> list[str]:
    """Bring all ``.po`` files of an edition up to the English text; returns the pages whose file changed."""
    titles, changed = map_titles(load_map(root / "book" / "mindmap.yml"), edition), []
    for page, messages in extract(root).items():
        path = po_path(root, edition, page)
        catalog = updated(read_catalog(path, edition), messages, titles)
        if write_catalog(path, catalog, edition, page):
            changed.append(page)
    return changed


def show(reports: Sequence[PageReport], every: bool = False) -> str:
    """A table of counts, then the faulty messages of promised pages (of all pages with ``every``)."""
    width = max((len(report.page) for report in reports), default=4)
    lines = [f"{'page':{width}}  messages  " + "  ".join(KINDS)]
    for report in reports:
        counts = "  ".join(f"{len(report.faults[kind]):{len(kind)}}" for kind in KINDS)
        mark = "  not promised yet" if not report.promised else "  complete" if report.whole else "  PROMISED COMPLETE"
        lines.append(f"{report.page:{width}}  {report.total:8}  {counts}{mark}")
    for report in reports:
        if every or report.promised:
            for kind, found in report.faults.items():
                lines += [f"{report.page}: {kind}: {' '.join(one.split())[:160]}" for one in found]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. ``check`` gives 1 when a promised page is not whole; 2 with one line on stderr for an error."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.publishing.i18n", description=__doc__)
    parser.add_argument("command", choices=("check", "update"))
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of _config.yml (default: this repository)")
    parser.add_argument("--all", action="store_true", help="show the faulty messages of pages not promised, too")
    options = parser.parse_args(arguments)
    root, broken = options.root.resolve(), False
    try:
        for edition in load_editions(root):
            if edition.language == SOURCE:
                continue
            if options.command == "update":
                changed = update(root, edition)
                print(f"{edition.name}: {', '.join(changed) if changed else 'nothing'} changed")
                continue
            reports = check(root, edition)
            print(edition.name, show(reports, options.all), sep="\n")
            promised = [report for report in reports if report.promised]
            faulty = sum(not report.whole for report in promised)
            verdict = f"{faulty} of them not whole" if faulty else "all whole"
            print(f"{edition.name}: {len(promised)} of {len(reports)} pages are promised, {verdict}")
            broken |= faulty > 0
    except CourseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
