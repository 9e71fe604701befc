"""What happened to one query, stage by stage: scores, reasons, and time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One stage of a search.

    Attributes:
        name: ``understand``, ``lexical``, ``dense``, ``fuse``, ``rank`` or ``display``.
        seconds: by the clock.
        said: what the stage found out, in a line.
        rows: its best products, each with ``item_id``, ``title``, ``score`` and whatever the score was made of.
    """

    name: str
    seconds: float
    said: str
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    """A traced search: ``str`` of it is a text for a terminal, ``as_json`` goes into a file or a page."""

    query: str
    stages: tuple[Stage, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, texts, lists and objects."""
        return {"query": self.query, "stages": [asdict(stage) for stage in self.stages],
                "seconds": sum(stage.seconds for stage in self.stages)}  # fmt: skip

    def __getitem__(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def __str__(self) -> str:
        lines = []
        for stage in self.stages:
            lines.append(f"{stage.name:<11}{1000 * stage.seconds:7.1f} ms  {stage.said}")
            for place, row in enumerate(stage.rows, start=1):
                parts = [f"{key} {value:.3f}" for key, value in row.items()
                         if stage.name == "rank" and key not in ("item_id", "title", "score")]  # fmt: skip
                made_of = f"  = {' + '.join(parts)}" if parts else ""
                lines.append(f"{place:>6}. {row['score']:.3f}  {_short(row['title'])}  [{row['item_id']}]{made_of}")
        return "\n".join(lines)


def _short(title: str, longest: int = 60) -> str:
    return title if len(title) <= longest else title[: longest - 1] + "…"
