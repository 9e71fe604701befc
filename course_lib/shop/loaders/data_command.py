"""``course data``: the real data sets that the course can load; what is known of them; fetching their files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.shop.loaders.manifests import Manifest


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Register the command with its three actions."""
    parser = commands.add_parser(
        "data",
        help="real data sets: list them, what is known of one, fetch its files",
        description="Real data for Shop.load. The simulated shop needs none of them.",
        epilog=(
            "examples:\n"
            "  course data list\n"
            "  course data info gowalla --check DIR\n"
            "  course data fetch gowalla --to DIR\n"
            "  course data fetch online-retail --from /media/stick/online-retail"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    listing = actions.add_parser("list", help="all data sets", description="All data sets that Shop.load knows.")
    info = actions.add_parser("info", help="one data set", description="Source, licence, files, tables and rows.")
    info.add_argument("name", metavar="NAME")
    check = "also verify the files in a folder; exit code 1 when one is not right"
    info.add_argument("--check", metavar="DIR", help=check)
    fetching = actions.add_parser(
        "fetch",
        help="fetch the files of a data set",
        description="Fetch the files of a data set, verify their sha256, and keep what is right already.",
    )
    fetching.add_argument("name", metavar="NAME")
    fetching.add_argument(
        "--from", dest="source", metavar="DIR_OR_URL", help="where the files are (default: the publisher's addresses)"
    )
    fetching.add_argument("--to", metavar="DIR", help="folder for the files (default: data/NAME in the course's cache)")
    for action in (listing, info, fetching):
        action.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: no such data set, no connection, a file that is not the published one.
    """
    return {"list": _list, "info": _info, "fetch": _fetch}[options.action](options)


def _list(options: argparse.Namespace) -> int:
    from course_lib.shop.loaders.manifests import manifest, names

    known = [manifest(name) for name in names()]
    if options.json:
        _json([{"name": m.name, "about": m.about, "licence": m.licence, "redistribution": m.redistribution,
                "bytes": m.bytes, "files": len(m.files), "url": m.url} for m in known])  # fmt: skip
        return 0
    wide = max(len(m.name) for m in known)
    for m in known:
        star = " " if m.can_be_fetched else "*"
        print(f"{m.name.ljust(wide)}  {_size(m.bytes) if m.files else '–':>8}{star} {m.about}")
    print("\n* has files that you get by hand. More about one: course data info NAME")
    return 0


def _info(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from course_lib.core.errors import ContractError
    from course_lib.core.tables import SCHEMAS
    from course_lib.shop.loaders.fetching import verify

    m = _whole(options.name)
    if options.check is not None and not m.files:
        raise ContractError(f"of {m.name} no files are known to check against", remedy=m.how)
    states = verify(m, options.check) if options.check is not None else []
    wrong = any(file["state"] != "right" for file in states)
    if options.json:
        _json({**asdict(m), "bytes": m.bytes, "may_be_shown": m.may_be_shown, **({"check": states} if states else {})})
        return int(wrong)
    print(f"{m.name}: {m.about}\n")
    lines = {"publisher": m.url, "licence": m.licence, "redistribution": m.redistribution, "cite": m.citation}
    if m.parts:
        lines["parts"] = f"{m.name}/PART, where PART is {m.parts}"
    for title, value in lines.items():
        print(f"{title:<14}  {value}")
    if m.files:
        print(f"\nfiles ({_size(m.bytes)}):")
    found = {file["name"]: file["state"] for file in states}
    for file in m.files:
        print(f"  {file.name}  {file.bytes:,} bytes  sha256 {file.sha256}  {found.get(file.name, '')}".rstrip())
    if m.rows:
        print("\nrows:")
    for table, rows in m.rows.items():
        print(f"  {table}: {rows:,}")
    for table, columns in m.schema.items():
        further = "further columns of " if table in SCHEMAS else ""
        print(f"\n{further}{table}: " + ", ".join(f"{column} ({kind})" for column, kind in columns.items()))
    if m.how:
        print(f"\n{m.how}.")
    if states:
        bad = [f"{file['name']} is {file['state']}" for file in states if file["state"] != "right"]
        remedy = f"Get it anew: course data fetch {m.name} --to {options.check}"
        print("\n" + (f"Not as published: {', '.join(bad)}. {remedy}" if bad else "All files are as published."))
    return int(wrong)


def _fetch(options: argparse.Namespace) -> int:
    from course_lib.shop.loaders.fetching import fetch
    from course_lib.shop.loaders.registry import fetched

    m = _whole(options.name)
    folder = options.to or str(fetched(m.name))
    with _Bar(m.bytes) as bar:
        files = fetch(m, folder, options.source, bar)
    if options.json:
        _json({"name": m.name, "folder": folder, "files": files})
        return 0
    for file in files:
        print(f"{file['state']:>7}  {file['name']}  {file['bytes']:,} bytes, sha256 verified")
    where = f", {folder!r}" if options.to else ""
    if m.needs_part:
        print(f"Shop.load('{m.name}/PART'{where}), where PART is {m.parts}")
    else:
        print(f"Shop.load({m.name!r}{where})" + (f"; or a part, '{m.name}/…': {m.parts}" if m.parts else ""))
    return 0


def _whole(name: str) -> Manifest:
    """The manifest of a data set; a part of one is refused, since its files come together."""
    from course_lib.core.errors import ContractError
    from course_lib.shop.loaders.manifests import manifest

    about = manifest(name)
    if name != about.name:
        raise ContractError(f"{name!r} names a part of {about.name}; this command takes the whole", remedy=f"Say {about.name}")
    return about


class _Bar:
    """A progress bar on stderr, shown in a terminal and only once bytes arrive."""

    def __init__(self, total: int):
        self._total, self._here, self._bar = total, {}, None

    def __enter__(self) -> _Bar:
        return self

    def __call__(self, file, here: int) -> None:
        if self._bar is None:
            import sys

            from tqdm import tqdm

            self._bar = tqdm(total=self._total, unit="B", unit_scale=True, file=sys.stderr, disable=None, leave=False)
        self._bar.set_description_str(file.name, refresh=False)
        self._bar.update(here - self._here.get(file.name, 0))
        self._here[file.name] = here

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _size(n: int) -> str:
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} GB"


def _json(value: object) -> None:
    import json

    print(json.dumps(value, ensure_ascii=False, indent=2))
