"""Does the map fit the repository? Each finding is one line: where, what, remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from course_lib.core.errors import DataError
from course_lib.publishing.mapfile import ROOMS, read_yaml
from course_lib.publishing.mapmodel import LANGUAGES, MindMap, Text, Topic
from course_lib.publishing.mapoutput import INDEX, LEDGER, TOC, read_ledger, toc

BELOW, ABOVE = ("core",), ("start",)  # layers under the map's branches, and branches that no layer may import
_PAGES = (".md", ".ipynb", ".rst")
_MAP = "book/mindmap.yml"


def check(mindmap: MindMap, root: Path | str) -> list[str]:
    """All problems of a map in the repository at ``root``, in a fixed order; an empty list means that all is well."""
    root = Path(root)
    checks = (_texts(mindmap), _prerequisites(mindmap), _circles(mindmap), _ids(mindmap, root), _rooms(mindmap, root),
              _orphans(mindmap, root), _contents(mindmap, root), _layers(mindmap, root))  # fmt: skip
    return [problem for found in checks for problem in found]


def room_paths(topic: Topic, room: str) -> tuple[str, ...]:
    """Where a room may stand, as paths from the root (a glob for solutions); the first is the usual one.

    Args:
        room: one of ``ROOMS``.
    """
    branch, name = topic.branch, topic.name
    return {
        "chapter": (f"book/{branch}/{name}.md",),
        "code": (f"course_lib/{branch}/{name}.py", f"course_lib/{branch}/{name}/__init__.py"),
        "solutions": (f"solutions/{branch}/{name}.*",),
        "exercises": (f"exercises/{branch}/{name}.ipynb",),
        "tests": (f"tests/{branch}/test_{name}.py",),
        "grade": (f"tests/{branch}/grade_{name}.py",),
    }[room]


def _texts(mindmap: MindMap) -> Iterator[str]:
    def missing(place: str, key: str, text: Text) -> Iterator[str]:
        for language in LANGUAGES:
            if not text.get(language):
                yield f"{_MAP}, {place}: {key} has no text in {language!r}. Write it in both languages"

    for branch in mindmap.branches:
        yield from missing(f"branch {branch.id}", "title", branch.title)
        yield from missing(f"branch {branch.id}", "summary", branch.summary)
        for topic in branch.topics:
            yield from missing(f"topic {topic.id}", "title", topic.title)
            yield from missing(f"topic {topic.id}", "summary", topic.summary)
            for name in (concept.name for concept in topic.concepts):
                yield from missing(f"topic {topic.id}", f"concept {(name.en or name.zh)!r}", name)
            if not 3 <= len(topic.concepts) <= 7:
                yield f"{_MAP}, topic {topic.id}: {len(topic.concepts)} concepts. Name 3 to 7"


def _prerequisites(mindmap: MindMap) -> Iterator[str]:
    place = {topic.id: n for n, topic in enumerate(mindmap.order())}
    aliases = {alias: topic.id for topic in mindmap.order() for alias in topic.aliases}
    for topic in mindmap.order():
        for needed in topic.prerequisites:
            where = f"{_MAP}, topic {topic.id}"
            if needed in aliases and needed not in place:
                yield f"{where}: prerequisite {needed!r} is retired. Name {aliases[needed]} instead"
            elif needed not in place:
                yield f"{where}: unknown prerequisite {needed!r}. Name a topic of the map"
            elif place[needed] > place[topic.id]:
                yield f"{where}: prerequisite {needed} stands later in reading order. Move one of them, or drop it"


def _circles(mindmap: MindMap) -> Iterator[str]:
    """Each circle once, named from its first topic in reading order (depth-first search, back edges)."""
    needs = {topic.id: topic.prerequisites for topic in mindmap.order()}
    done: set[str] = set()

    def visit(topic_id: str, trail: list[str]) -> Iterator[str]:
        if topic_id in trail:
            circle = trail[trail.index(topic_id) :] + [topic_id]
            yield f"{_MAP}: prerequisites form a circle: {' → '.join(circle)}. Drop one of them"
        elif topic_id in needs and topic_id not in done:
            for needed in needs[topic_id]:
                yield from visit(needed, [*trail, topic_id])
            done.add(topic_id)

    for topic_id in needs:
        yield from visit(topic_id, [])


def _ids(mindmap: MindMap, root: Path) -> Iterator[str]:
    live = {topic.id for topic in mindmap.order()}
    owner: dict[str, str] = {}
    for topic in mindmap.order():
        for alias in topic.aliases:
            where = f"{_MAP}, topic {topic.id}"
            if alias in live:
                yield f"{where}: alias {alias!r} is the id of a live topic. An alias is a retired id"
            elif alias in owner:
                yield f"{where}: alias {alias!r} belongs to {owner[alias]} already. A retired id leads to one topic"
            owner.setdefault(alias, topic.id)
    try:
        ledger = read_ledger(root)
    except DataError as error:
        yield str(error)
        return
    for topic_id in ledger:
        if topic_id not in live and topic_id not in owner:
            yield (f"{_MAP}: id {topic_id!r} was published and is gone (see {LEDGER}). "
                   "Add it to the aliases of the topic that takes its place")  # fmt: skip
    for topic in mindmap.order():
        if topic.id not in ledger:
            yield f"{LEDGER}: id {topic.id!r} is not listed. Run course map --write"


def _rooms(mindmap: MindMap, root: Path) -> Iterator[str]:
    if not (root / f"{INDEX}.md").is_file():
        yield f"{INDEX}.md: the landing page is missing. Write it; the mindmap directive draws the map"
    for name in mindmap.appendices:
        if not (root / f"book/{name}.md").is_file():
            yield f"book/{name}.md: the map names it as an appendix. Write it, or strike it from appendices"
    for topic in mindmap.order():
        for room in ROOMS:
            paths = room_paths(topic, room)
            found = [hit for path in paths for hit in sorted(root.glob(path))]
            if topic.ready and room not in topic.never and not found:
                yield (f"{paths[0]}: topic {topic.id} is ready but has no {room}. "
                       "Write it, or name the room under rooms.never")  # fmt: skip
            if room in topic.never and found:
                yield (f"{found[0].relative_to(root).as_posix()}: the map says that {topic.id} never has {room}. "
                       "Strike the room from rooms.never, or delete the file")  # fmt: skip


def _orphans(mindmap: MindMap, root: Path) -> Iterator[str]:
    paths = [path for topic in mindmap.order() for room in ROOMS for path in room_paths(topic, room)]
    owned = {hit for path in paths for hit in root.glob(path)}
    owned |= {root / f"{page}.md" for page in (INDEX, *(f"book/{name}" for name in mindmap.appendices))}
    kinds = {"book": _PAGES, "solutions": _PAGES + (".py",), "exercises": (".ipynb",), "tests": (".py",)}
    for folder, suffixes in kinds.items():
        for path in sorted((root / folder).rglob("*")):
            inside = path.relative_to(root).parts
            hidden = any(part.startswith((".", "_")) for part in inside) or path.name.lower().startswith("readme")
            if path in owned or hidden or path.suffix not in suffixes or not path.is_file():
                continue
            if folder == "tests" and not path.name.startswith("grade_"):
                continue  # library tests of shared code belong to no topic
            yield (f"{path.relative_to(root).as_posix()}: belongs to no topic of the map. "
                   f"Add its topic to {_MAP}, or rename or delete the file")  # fmt: skip


def _contents(mindmap: MindMap, root: Path) -> Iterator[str]:
    try:
        if read_yaml(root / TOC) != toc(mindmap):
            yield f"{TOC}: differs from the map. Run course map --write"
    except DataError as error:
        yield f"{error}. Run course map --write"


def _layers(mindmap: MindMap, root: Path) -> Iterator[str]:
    """import-linter's layers contracts (highest first) against the reading order (first read, lowest)."""
    where = "pyproject.toml, tool.importlinter"
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        yield f"pyproject.toml: not valid TOML: {error}"
        return
    linter = project.get("tool", {}).get("importlinter")
    if linter is None:
        return
    branches = [*BELOW, *(b.id for b in mindmap.branches if b.id not in ABOVE)]
    place = {name: n for n, name in enumerate([*branches, *(t.id for t in mindmap.order() if t.branch not in ABOVE)])}
    whole = False
    for contract in linter.get("contracts", []):
        if contract.get("type") != "layers":
            continue
        known = [name for name in _layer_names(contract) if name in place]
        whole |= known == branches[::-1]
        for higher, lower in zip(known, known[1:]):
            if place[higher] < place[lower]:
                yield (f"{where}, contract {contract.get('name', '?')!r}: {higher} stands above {lower}, against the "
                       "reading order. Order the layers as the map, last read first")  # fmt: skip
    if not whole:
        yield f"{where}: no layers contract names all branches. Its layers: {', '.join(branches[::-1])}"


def _layer_names(contract: dict) -> list[str]:
    """A contract's layers as names of the map: containers applied, package name, brackets and groups taken off."""
    containers = contract.get("containers") or [""]
    names = []
    for container in containers:
        for layer in contract.get("layers", []):
            for part in layer.replace("|", ":").split(":"):
                full = ".".join(x for x in (container, part.strip().strip("()").strip()) if x)
                names.append(full.removeprefix("course_lib."))
    return names
