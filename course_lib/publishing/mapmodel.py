"""The map as data: frozen objects for branches and topics, their order, and what stands before what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from course_lib.core.bilingual import LANGUAGES, Text, language_of
from course_lib.core.errors import UnknownIdError

__all__ = ["LANGUAGES", "Branch", "Concept", "MindMap", "Text", "Topic", "language_of"]


@dataclass(frozen=True)
class Concept:
    """A notion that a topic teaches; ``beyond`` marks one that the source article does not have."""

    name: Text
    beyond: bool


@dataclass(frozen=True)
class Topic:
    """A leaf of the map; the fields are those of the file (its head describes them)."""

    id: str
    title: Text
    summary: Text
    concepts: tuple[Concept, ...]
    prerequisites: tuple[str, ...]
    role: str
    minutes: int
    status: str
    beyond: bool
    aliases: tuple[str, ...]
    never: tuple[str, ...]  #: rooms that this topic does without

    @property
    def branch(self) -> str:
        """Id of the branch: the part before the dot."""
        return self.id.split(".")[0]

    @property
    def name(self) -> str:
        """The part after the dot: the file name in every room."""
        return self.id.split(".")[1]

    @property
    def ready(self) -> bool:
        """Whether the topic has its page."""
        return self.status == "ready"

    @property
    def page(self) -> str:
        """The chapter's document name from the root, without suffix (``book/search/retrieval``)."""
        return f"book/{self.branch}/{self.name}"


@dataclass(frozen=True)
class Branch:
    """A branch of the map with its topics in reading order."""

    id: str
    title: Text
    summary: Text
    topics: tuple[Topic, ...]


@dataclass(frozen=True)
class MindMap:
    """The whole map. ``path`` is the file that it was read from, ``appendices`` names pages that are no topics."""

    branches: tuple[Branch, ...]
    path: Path
    appendices: tuple[str, ...] = ()

    def order(self) -> tuple[Topic, ...]:
        """All topics in reading order."""
        return tuple(topic for branch in self.branches for topic in branch.topics)

    def topic(self, topic_id: str) -> Topic:
        """The topic with this live id; raises UnknownIdError (``resolve`` also knows retired ids)."""
        for topic in self.order():
            if topic.id == topic_id:
                return topic
        raise UnknownIdError(f"no topic {topic_id!r} on the map", remedy="course map lists all topics")

    def resolve(self, topic_id: str) -> Topic:
        """The topic that an id leads to today, live or retired; raises UnknownIdError where it leads nowhere."""
        for topic in self.order():
            if topic_id in topic.aliases:
                return topic
        return self.topic(topic_id)

    def prerequisites_closure(self, topic_id: str) -> tuple[Topic, ...]:
        """All that should be read before a topic, directly or not, in reading order.

        Raises:
            UnknownIdError: the topic, or a prerequisite on the way, is not on the map.
        """
        needed: set[str] = set()
        waiting = list(self.resolve(topic_id).prerequisites)
        while waiting:
            topic = self.topic(waiting.pop())
            if topic.id not in needed:
                needed.add(topic.id)
                waiting += topic.prerequisites
        return tuple(topic for topic in self.order() if topic.id in needed)
