"""The run card at the end of a chapter: what its cells cost when they last ran, on what, when, and on which data.

It stands in the built book where the page has an admonition of class ``run-card``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from course_lib.core.bilingual import Text, language_of
from course_lib.core.errors import DataError
from course_lib.core.files import read_json
from course_lib.publishing.standin import StandIn

WORDS = {
    "caption": Text("Run card", "运行卡"),
    "nothing": Text("This page runs no code.", "本页不运行代码。"),
    "time": Text("Time", "用时"),
    "seconds": Text("{n} s", "{n} 秒"),
    "memory": Text("Memory", "内存"),
    "peak": Text("{n} GB at the peak", "峰值 {n} GB"),
    "device": Text("Device", "设备"),
    "thread": Text("1 CPU thread", "1 个 CPU 线程"),
    "threads": Text("{n} CPU threads", "{n} 个 CPU 线程"),
    "date": Text("Run on", "运行日期"),
    "commit": Text("Commit", "提交"),
    "changed": Text("{id}, with changes that are not committed", "{id}，另有未提交的改动"),
    "data": Text("Data", "数据"),
    "simulated": Text("simulated while the page ran", "页面运行时模拟生成"),
    "measured": Text("measured on {date}", "测量于 {date}"),
    "comma": Text(", ", "，"),
    "semicolon": Text("; ", "；"),
}


class RunCard(nodes.General, nodes.Element):
    """Stands where the card will be until the page is written; then it becomes a table."""


class PlaceRunCard(StandIn):
    """What the page's cells cost when they last ran, in place of the admonition of class ``run-card``."""

    name = "run-card"

    def draw(self) -> list[nodes.Node]:
        return [RunCard()]


def run_of(env: BuildEnvironment, page: str) -> dict[str, Any] | None:
    """What the execution of a page recorded, or None where the page runs no code."""
    return (getattr(env, "nb_metadata", {}).get(page, {}).get("exec_data") or {}).get("course")


def rows(run: Mapping[str, Any], language: str = "en", root: Path | None = None) -> list[tuple[str, str]]:
    """The lines of a run card, as (name, value). A record that lacks something lacks its line.

    Args:
        run: what the execution recorded.
        language: a locale of the course's languages.
        root: the book's folder, to read where saved results come from.
    """

    def say(name: str, **values: object) -> str:
        return WORDS[name].get(language).format(**values)

    threads = say("thread") if run["threads"] == 1 else say("threads", n=run["threads"])
    device = [*filter(None, (run.get("gpu"), run.get("cpu"))), threads]
    found = [(say("time"), say("seconds", n=f"{run['execution_seconds']:.0f}"))]
    if run.get("peak_mb"):
        found.append((say("memory"), say("peak", n=f"{run['peak_mb'] / 1000:.1f}")))
    found.append((say("device"), say("comma").join(device)))
    found.append((say("date"), run["date"][:10]))
    known = run["commit"].removesuffix("+")
    found.append((say("commit"), known if known == run["commit"] else say("changed", id=known)))
    data = [say("simulated")] if run.get("simulated") else []
    data += [_origin(root / name, name, language) for name in run.get("results", ()) if root is not None]
    if data:
        found.append((say("data"), say("semicolon").join(data)))
    return found


def _origin(path: Path, name: str, language: str) -> str:
    """A saved result by its name, with where its data come from and when it was measured."""
    try:
        record = read_json(path)
        sources = list(_sources(record["data"]))
        when = WORDS["measured"].get(language).format(date=record["date"])
    except (DataError, KeyError, TypeError):  # the page itself says what is wrong with a result that it shows
        return name
    return f"{WORDS['comma'].get(language).join([name, when])} ({'; '.join(dict.fromkeys(sources))})"


def _sources(data: Any) -> Iterator[str]:
    """Every citation, or else source or address, that the description of a result's data holds."""
    if isinstance(data, Mapping):
        said = next((data[key] for key in ("citation", "source", "url") if isinstance(data.get(key), str)), None)
        if said:
            yield " ".join(said.split()).rstrip(".")
        else:
            for value in data.values():
                yield from _sources(value)


def card(run: Mapping[str, Any] | None, language: str = "en", root: Path | None = None) -> str:
    """The run card as HTML: a table of two columns, or a sentence where the page runs no code."""
    if not run:
        return f'<p class="run-card">{escape(WORDS["nothing"].get(language))}</p>'
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows(run, language, root)
    )
    return f'<table class="run-card"><caption>{escape(WORDS["caption"].get(language))}</caption><tbody>{lines}</tbody></table>'


def text(run: Mapping[str, Any] | None, language: str = "en", root: Path | None = None) -> str:
    """The run card in one paragraph, for formats other than HTML."""
    if not run:
        return WORDS["nothing"].get(language)
    colon, stop = ("：", "；") if language_of(language) == "zh" else (": ", "; ")
    return stop.join(f"{name}{colon}{value}" for name, value in rows(run, language, root))


def _fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    run, root = run_of(app.env, page), Path(app.srcdir)
    for place in list(doctree.findall(RunCard)):
        if app.builder.format == "html":
            place.replace_self(nodes.raw("", card(run, app.config.language, root), format="html"))
        else:
            said = text(run, app.config.language, root)
            place.replace_self(nodes.container("", nodes.paragraph("", said, translatable=False), classes=["run-card"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform; the style is in ``course.css``."""
    app.add_transform(PlaceRunCard)
    app.add_node(RunCard)
    app.connect("doctree-resolved", _fill)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
