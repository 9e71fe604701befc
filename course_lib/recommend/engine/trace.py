"""What happened to one request, stage by stage: who proposed what, what the ranker made of it, what the page moved."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

@dataclass(frozen=True)
class Stage:
    """One stage of a recommendation.

    Attributes:
        name: ``history``, the name of a generator, ``rank`` (``fuse`` without a ranker) or ``display``.
        seconds: by the clock.
        said: what the stage did, in a line.
        rows: its first products, each with ``item_id``, ``title``, ``score``. ``rank``: also ``places`` (generator ->
            place in its list, from 1), ``chance`` or None, ``value`` or None, ``features`` and ``added`` (feature ->
            log odds, the largest first). ``display``: see ``RecommendationPipeline.show``.
        dropped: of ``display``: the ranker's first that aren't on the page, each with ``place`` by the ranker and ``why``.
    """

    name: str
    seconds: float
    said: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    """A traced request: ``str`` of it is a text for a terminal, ``as_json`` goes into a file or a page.

    Attributes:
        user: the public id, or "visitor". generators: their names. stages: in order.
    """

    user: str
    generators: tuple[str, ...]
    stages: tuple[Stage, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, texts, lists and objects."""
        return {"user": self.user, "generators": list(self.generators), "stages": [asdict(stage) for stage in self.stages],
                "seconds": sum(stage.seconds for stage in self.stages)}  # fmt: skip

    def __getitem__(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    @property
    def ordered(self) -> Stage:
        """The stage that put candidates in order: ``rank`` or ``fuse``."""
        return self.stages[-2]

    def __str__(self) -> str:
        lines = []
        for stage in self.stages:
            order = f"; the last {len(stage.rows)}, newest first" if stage.name == "history" and stage.rows else ""
            lines.append(f"{stage.name:<11}{1000 * stage.seconds:7.1f} ms  {stage.said}{order}")
            for place, row in enumerate(stage.rows, start=1):
                score = f"{row['score']:z.3f}  " if row["score"] is not None else ""
                lines.append(f"{place:>6}. {score}{_short(row['title'])}  [{row['item_id']}]{_parts(row)}")
                lines += [f"          {line}" for line in map(_whole, (row.get("because"), row.get("moved"))) if line]
            for row in stage.dropped:
                lines.append(f"     –  {_short(row['title'])}  [{row['item_id']}], {row['place']} by the ranker: {row['why']}")
        return "\n".join(lines)


def _parts(row: dict[str, Any]) -> str:
    """What the ranker saw, in a line."""
    if "features" not in row:
        return ""
    places = ", ".join(f"{name} {place}" for name, place in row["places"].items())
    added = ", ".join(f"{name} {value:+.2f}" for name, value in list(row["added"].items())[:3])
    return f"  from {places}" + (f"; log odds: {added}" if added else "")


def _whole(text: str | None) -> str:
    return "".join(c for c in text or "" if c.isprintable())


def _short(title: str, longest: int = 60) -> str:
    """Cut, and without what a terminal would obey."""
    title = "".join(c for c in title[: 2 * longest] if c.isprintable())
    return title if len(title) <= longest else title[: longest - 1] + "…"
