"""Reading ``book/mindmap.yml``: what its head allows and nothing else, with errors that name the topic and the key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from course_lib.core.errors import DataError
from course_lib.core.fingerprint import ROOT
from course_lib.publishing.mapmodel import LANGUAGES, Branch, Concept, MindMap, Text, Topic

MAP_PATH = ROOT / "book" / "mindmap.yml"
ROLES = ("developer", "business", "both")
STATUSES = ("planned", "ready")
ROOMS = ("chapter", "code", "solutions", "exercises", "tests", "grade")
_BRANCH_ID = re.compile(r"[a-z][a-z0-9_]*")
_NAME_RULE = "lower-case letters, digits and underscores"
_TOPIC_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def load_map(path: Path | str = MAP_PATH) -> MindMap:
    """Read a map file.

    Raises:
        DataError: naming the file and the line, or the topic and the key, for anything that the file's head does not
            allow: YAML syntax, a key twice, unknown or missing keys, wrong types, bad or duplicate ids. Whether the
            map fits the repository is for ``check``.
    """
    path = Path(path)
    head = _Fields(read_yaml(path), str(path), required={"branches"}, optional={"appendices"})
    branches = tuple(_branch(raw, str(path), n) for n, raw in enumerate(head.items("branches"), start=1))
    if not branches:
        raise DataError("the map has no branch", where=str(path))
    seen: set[str] = set()
    for named in [*branches, *(topic for branch in branches for topic in branch.topics)]:
        if named.id in seen:
            raise DataError(f"id {named.id!r} stands twice", where=str(path), remedy="Every id names one place")
        seen.add(named.id)
    appendices = (_matching(a, _BRANCH_ID, _NAME_RULE, f"{path}, appendices") for a in head.names("appendices"))
    return MindMap(branches, path, tuple(appendices))


def read_yaml(path: Path) -> Any:
    """The value of a YAML file; raises DataError with the file and the line."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except OSError as error:
        raise DataError(f"can't be read ({error.strerror or type(error).__name__})", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise DataError(f"byte {error.start} is not UTF-8", where=str(path), remedy="Save the file as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DataError(f"not valid YAML: {error.problem}", where=f"{path}{line}") from error
    except yaml.YAMLError as error:  # e.g. a control character: no line is known
        raise DataError(f"not valid YAML: {error}", where=str(path)) from error


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key standing twice, which PyYAML would silently resolve to the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)  # a list or mapping as key is refused below, by SafeLoader
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"key {name!r} stands twice", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def _branch(raw: Any, file: str, number: int) -> Branch:
    fields = _Fields(raw, f"{file}, branch {_shown(raw, number)}", required={"id", "title", "summary", "topics"})
    branch_id = fields.id("id", _BRANCH_ID, _NAME_RULE)
    topics = tuple(_topic(t, file, branch_id, n) for n, t in enumerate(fields.items("topics"), start=1))
    if not topics:
        raise DataError("a branch without topics", where=fields.where)
    return Branch(branch_id, fields.text("title"), fields.text("summary"), topics)


def _topic(raw: Any, file: str, branch: str, number: int) -> Topic:
    required = {"id", "title", "summary", "concepts", "prerequisites", "role", "minutes", "status"}
    where = f"{file}, topic {_shown(raw, number, f'of {branch}')}"
    fields = _Fields(raw, where, required, optional={"beyond", "aliases", "rooms"})
    topic_id = fields.id("id", _TOPIC_ID, "branch.topic in lower-case letters, digits and underscores")
    if topic_id.split(".")[0] != branch:
        raise DataError(f"id {topic_id!r} stands under branch {branch!r}", where=where, remedy="Move it, or rename it")
    rooms = _Fields(raw.get("rooms", {}), f"{where}, rooms", optional={"never"})
    return Topic(
        id=topic_id,
        title=fields.text("title"),
        summary=fields.text("summary"),
        concepts=tuple(_concept(c, f"{where}, concepts") for c in fields.items("concepts")),
        prerequisites=fields.names("prerequisites"),
        role=fields.choice("role", ROLES),
        minutes=fields.minutes("minutes"),
        status=fields.choice("status", STATUSES),
        beyond=fields.flag("beyond"),
        aliases=tuple(_matching(a, _TOPIC_ID, "branch.topic", f"{where}, aliases") for a in fields.names("aliases")),
        never=tuple(_one_of(room, ROOMS, f"{where}, rooms.never") for room in rooms.names("never")),
    )


def _concept(raw: Any, where: str) -> Concept:
    fields = _Fields(raw, where, optional={*LANGUAGES, "beyond"})
    name = _text({k: v for k, v in raw.items() if k != "beyond"}, where)
    return Concept(name, fields.flag("beyond"))


class _Fields:
    """One mapping of the file, with typed access; every error names where it stands and the key."""

    def __init__(self, raw: Any, where: str, required: set[str] = frozenset(), optional: set[str] = frozenset()):
        self.raw, self.where = raw, where
        if not isinstance(raw, Mapping):
            raise DataError(f"expected a mapping, found {_kind(raw)}", where=where)
        unknown = [str(key) for key in raw if key not in required | optional]
        if unknown:
            known = ", ".join(sorted(required | optional))
            raise DataError(f"unknown key {unknown[0]!r}", where=where, remedy=f"Known keys: {known}")
        missing = sorted(required - set(raw))
        if missing:
            raise DataError(f"key {missing[0]!r} is missing", where=where)

    def _typed(self, key: str, kind: type, default: Any) -> Any:
        value = self.raw.get(key, default)
        # bool is a subclass of int, so compare types, not instances: `minutes: true` is an error.
        if type(value) is not kind:
            expected = {str: "a text", int: "a whole number", bool: "true or false", list: "a list"}[kind]
            raise DataError(f"{key!r} must be {expected}, found {_kind(value)}", where=self.where)
        return value

    def id(self, key: str, pattern: re.Pattern[str], rule: str) -> str:
        return _matching(self._typed(key, str, None), pattern, rule, self.where)

    def items(self, key: str) -> list:
        return self._typed(key, list, [])

    def names(self, key: str) -> tuple[str, ...]:
        values = self.items(key)
        for value in values:
            if not isinstance(value, str):
                raise DataError(f"{key!r} must list texts, found {_kind(value)}", where=self.where)
        if len(set(values)) != len(values):
            raise DataError(f"{key!r} lists a name twice", where=self.where)
        return tuple(values)

    def flag(self, key: str) -> bool:
        return self._typed(key, bool, False)

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        return _one_of(self._typed(key, str, None), choices, f"{self.where}, {key}")

    def minutes(self, key: str) -> int:
        value = self._typed(key, int, None)
        if value < 1:
            raise DataError(f"{key!r} is {value}; it must be at least 1", where=self.where)
        return value

    def text(self, key: str) -> Text:
        return _text(self.raw[key], f"{self.where}, {key}")


def _text(raw: Any, where: str) -> Text:
    fields = _Fields(raw, where, optional=set(LANGUAGES))
    return Text(*(fields._typed(language, str, "").strip() for language in LANGUAGES))


def _matching(value: str, pattern: re.Pattern[str], rule: str, where: str) -> str:
    if not pattern.fullmatch(value):
        raise DataError(f"bad id {value!r}", where=where, remedy=f"An id is {rule}")
    return value


def _one_of(value: str, choices: tuple[str, ...], where: str) -> str:
    if value not in choices:
        raise DataError(f"unknown value {value!r}", where=where, remedy=f"Choose one of {', '.join(choices)}")
    return value


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true/false", type(None): "nothing"}
    return names.get(type(value), f"{type(value).__name__} {value!r}")


def _shown(raw: Any, number: int, of: str = "") -> str:
    """How errors name an entry: by its id, or by its place where it has none."""
    if isinstance(raw, Mapping) and isinstance(raw.get("id"), str):
        return raw["id"]
    return f"number {number} {of}".strip()
