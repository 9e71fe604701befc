"""The messages of the book: what of each page is to be translated, as Sphinx itself cuts pages into messages.

A message is one paragraph, heading, table cell or label, in MyST markup. Formulas on lines of their own, code cells and
their outputs are the same in every edition and are no messages.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes

#: markup that a translation must carry over as it is: code, formulas, roles with their target, targets of links
_KEPT = re.compile(r"\{[\w:-]+\}`[^`]+`|``.+?``|`[^`]+`|\$[^$]+\$|(?<=\])\([^)\s]+\)")
_WORD = re.compile(r"[^\W\d_]{2,}")


def kept(message: str) -> list[str]:
    """The parts that stay as they are, sorted; MyST's own escapes are no concern here."""
    return sorted(_KEPT.findall(message))


def prose(message: str) -> str:
    """A message without the parts that stay as they are (each leaves a space)."""
    return _KEPT.sub(" ", message)


def has_words(message: str) -> bool:
    """Whether there is anything to translate; a bare number, symbol or piece of code has no words."""
    return bool(_WORD.search(prose(message)))


def extract(root: Path) -> dict[str, list[str]]:
    """All messages with words by page, each once, in the page's order. No cell is run for it.

    Raises:
        CourseError: a page can't be read.
    """
    from sphinx import addnodes
    from sphinx.util.nodes import extract_messages

    from course_lib.publishing.build import read_config, run_sphinx
    from course_lib.publishing.language import edition_config, load_editions

    build = root.resolve() / "_build"
    settings = {**edition_config(read_config(root), load_editions(root)[0], build), "nb_execution_mode": "off"}
    app = run_sphinx(root, settings, build / "messages", build / ".doctrees-messages", builder="dummy", quiet=True)
    found = {}
    for page in sorted(app.env.found_docs):
        doctree = app.env.get_doctree(page)
        # The captions of the table of contents come from the map in every language.
        skipped = nodes.math_block | addnodes.toctree
        messages = [message for node, message in extract_messages(doctree) if not isinstance(node, skipped)]
        found[page] = [m for m in dict.fromkeys(messages) if has_words(m)]
    return found
