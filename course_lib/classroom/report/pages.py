"""The report's pages: one per learner, and the index. No script, nothing from elsewhere, every text escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from course_lib.classroom import messages
from course_lib.classroom.batch import NO_FILE, Graded
from course_lib.classroom.report.charts import BINS, distribution, histogram
from course_lib.classroom.report.names import visible
from course_lib.classroom.report.summary import Run, Summary
from course_lib.classroom.report.tables import number
from course_lib.classroom.report.words import SYMBOLS, WORDS
from course_lib.core.bilingual import Text

TEMPLATES = Path(__file__).parents[1] / "templates"
#: problems listed on the index page
_PROBLEMS = 200


def learner_page(shown: str, results: Sequence[Graded], titles: dict[str, str], about: Run) -> str:
    """One learner's page.

    Args:
        shown: his name, made visible.
        titles: topic or full question id -> title.
    """
    verdicts = [verdict for graded in results for verdict in graded.verdicts]
    right = sum(verdict.outcome.value == "PASS" for verdict in verdicts)
    return _environment(about.language).get_template("learner.html").render(
        name=shown, results=results, titles=titles, about=about, points=sum(one.points for one in verdicts),
        max_points=sum(one.max_points for one in verdicts), right=right, total=len(verdicts),
        sentence=WORDS["summary"].format(right=right, all=len(verdicts)),
    )  # fmt: skip


def index_page(summary: Summary, problems: Sequence[tuple[str, Text]]) -> str:
    """The class's page."""
    language, counts = summary.about.language, histogram(summary.percents)
    bins = [(f"{n * 100 // BINS}–{(n + 1) * 100 // BINS} %", count) for n, count in enumerate(counts)]
    told = WORDS["chart_text"].format(counts=", ".join(f"{name}: {count}" for name, count in bins if count))
    chart = distribution(summary.percents, WORDS["distribution"].get(language), told.get(language))
    more = WORDS["and_more"].format(n=len(problems) - _PROBLEMS) if len(problems) > _PROBLEMS else None
    return _environment(language).get_template("index.html").render(
        summary=summary, about=summary.about, problems=problems[:_PROBLEMS], n_problems=len(problems),
        more_problems=more, chart=chart, bins=bins,
    )  # fmt: skip


@lru_cache(maxsize=2)
def _environment(language: str) -> Environment:
    def shown(value: Any) -> Any:
        """What every ``{{ … }}`` passes through before it is escaped."""
        if isinstance(value, Text):
            value = value.get(language)
        return visible(value, keep_lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value

    def prose(text: Text) -> Markup:
        """A message, with what stands between backticks as code."""
        escaped = str(escape(shown(text)))
        return Markup(re.sub(r"`([^`\n]{1,200})`", r"<code>\1</code>", escaped))

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=shown,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(number=number, prose=prose, text=lambda text: text.get(language))
    words = {key: text.get(language) for key, text in WORDS.items()}
    environment.globals.update(w=words, symbols=SYMBOLS, in_words=messages.EXPECTED, no_file=NO_FILE,
                               lang="zh-CN" if language == "zh" else "en")  # fmt: skip
    return environment
