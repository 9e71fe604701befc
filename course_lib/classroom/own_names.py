"""A name that an answer lacks although the learner has defined it: it stands in another cell."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace

from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text

_OTHER_CELL = Text(
    "{name} lives in another cell of your notebook. Only this cell, after the notebook's given first cell, is run when "
    "you are graded: put {name} into this cell.",
    "{name} 写在笔记本的另一个单元格里。批改时，在给定的第一个单元格之后只运行这一个单元格：请把 {name} 放进这个单元格。",
)


def explained(verdict: Verdict, names: Container[str]) -> Verdict:
    """The verdict, whose advice says so where it is about a missing name that ``names`` holds."""
    missing = re.search(r"\bNameError\b.*?\bname '(\w{1,100})' is not defined", verdict.message.en, re.DOTALL)
    if verdict.outcome is not Outcome.ERROR or missing is None or missing[1] not in names:
        return verdict
    return replace(verdict, advice=_OTHER_CELL.format(name=missing[1]))
