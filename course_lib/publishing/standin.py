"""Stand-ins: what a page shows outside the built book, where the book shows something that only it can draw.

A directive of our own would be an error on a page that is open in JupyterLab. So the source has an ordinary admonition or
picture with a class, which JupyterLab shows as it is written, and the build puts the real thing in its place::

    :::{admonition} Run card
    :class: run-card
    The built book says here what this page cost to run.
    :::

Its words are in no message catalogue, since no built page has them.
"""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes
from sphinx.transforms import SphinxTransform


class StandIn(SphinxTransform):
    """Replaces every admonition or image of the class ``name`` by what ``draw`` returns."""

    default_priority = 15  # before messages are collected, translated or counted (20)
    name: str

    def draw(self) -> Sequence[nodes.Node]:
        """The nodes that the built book has."""
        raise NotImplementedError

    def apply(self, **kwargs: object) -> None:
        for node in list(self.document.findall(_stands_in)):
            if self.name in node["classes"]:  # type: ignore[index]
                node.parent.replace(node, list(self.draw()))


def _stands_in(node: nodes.Node) -> bool:
    return isinstance(node, nodes.admonition | nodes.image)
