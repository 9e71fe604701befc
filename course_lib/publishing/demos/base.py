"""``Demo``: what a cell shows. In JupyterLab a widget, in the built page an element that a script brings to life."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from course_lib.core.bilingual import LANGUAGES, chosen_language
from course_lib.core.errors import ContractError
from course_lib.publishing.demos import assemble

#: set in the kernels that execute the book: its pages need no widget
BOOK = "COURSE_BOOK"
RESERVED = frozenset({"language", "frame", "payload", "layout", "comm", "keys", "tooltip"})
MAX_PAYLOAD = 2_000_000  # characters on the way to a reader: beyond it, a demo is no longer light


@dataclass(frozen=True)
class Demo:
    """One demo with its data.

    Args:
        name: of the folder ``modules/<name>``.
        frames: language -> HTML of the first frame, which is right and whole before any script runs.
        state: what the front end reads and changes, as JSON: one entry per key of its model. ``url`` lists the keys
            that the page keeps in its address, so that a link shows the same.
        payload: data that the page loads when a reader asks for it (JupyterLab has it at once).

    Raises:
        ContractError: no such demo, a frame that lacks or is no text, a state that is no JSON or uses a key of the host,
            or a payload above 2 MB.
    """

    name: str
    frames: Mapping[str, str]
    state: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes | None = None

    def __post_init__(self) -> None:
        assemble.pieces(self.name, ".js")
        lacking = [language for language in LANGUAGES if not str(self.frames.get(language, "")).strip()]
        if lacking:
            raise ContractError(f"the demo {self.name} has no first frame in {', '.join(lacking)}", where="frames")
        taken = RESERVED & set(self.state)
        if taken:
            raise ContractError(f"the host itself uses {', '.join(sorted(taken))}", where="state", remedy="Rename it")
        try:
            json.dumps(dict(self.state), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ContractError(f"the state is no JSON ({error})", where="state") from None
        size = len(base64.b64encode(self.payload or b""))
        if size > MAX_PAYLOAD:
            remedy = f"A page may load {MAX_PAYLOAD:,}; take fewer items or smaller vectors"
            raise ContractError(f"the payload is {size:,} characters long in base64", where="payload", remedy=remedy)

    def html(self, *, data: bool = True) -> str:
        """The element for a page: first frames, state and payload. The site's extension keeps what the page needs.

        Args:
            data: with the payload; where no script will run, it would only be heavy.
        """
        frames = "".join(
            f'<div class="course-demo-frame" lang="{language}"{" hidden" * (language != chosen_language())}>'
            f"{self.frames[language]}</div>"
            for language in LANGUAGES
        )
        # In JSON "<" stands in texts only, where it may be written so; no text can end the element.
        state = json.dumps(dict(self.state), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
        text = base64.b64encode(self.payload).decode() if data and self.payload is not None else ""
        payload = f'<script type="text/plain" class="course-demo-payload">{text}</script>' if text else ""
        return (
            f'<div class="course-demo" data-demo="{escape(self.name)}">{frames}'
            f'<script type="application/json" class="course-demo-state">{state}</script>{payload}</div>'
        )

    def widget(self) -> Any:
        """The demo as a widget of ``anywidget``, for JupyterLab. Raises ContractError where that is not installed."""
        try:
            import anywidget
            import traitlets
        except ImportError as error:
            raise ContractError("anywidget is not installed", remedy="pip install anywidget, or start by make lab") from error
        language = chosen_language()
        traits = {**self.state, "language": language, "frame": self.frames[language]}
        members = {key: traitlets.Any(value).tag(sync=True) for key, value in traits.items()}
        members["payload"] = traitlets.Bytes(self.payload or b"").tag(sync=True)
        members |= {"_esm": assemble.as_module(self.name), "_css": assemble.style(self.name)}
        return type(f"Demo{self.name.title()}", (anywidget.AnyWidget,), members)()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        in_book = bool(os.environ.get(BOOK))
        shown = {"text/html": self.html(data=in_book), "text/plain": repr(self)}
        if in_book:
            return shown
        try:
            widget = self.widget()
        except ContractError:
            return shown  # the first frame is whole without a script
        return {**(widget._repr_mimebundle_() or ({},))[0], **shown}

    def __repr__(self) -> str:
        size = f", {len(self.payload):,} bytes of data" if self.payload else ""
        return f"[demo: {self.name}{size}]"
