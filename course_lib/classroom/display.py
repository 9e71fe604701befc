"""A verdict as a person reads it: plain lines in a terminal, HTML in a notebook."""

from __future__ import annotations

import html
import os
import sys
import unicodedata
from dataclasses import dataclass

from course_lib.classroom.verdict import CaseResult, Outcome, Verdict
from course_lib.core.bilingual import Text, chosen_language

#: what the outcome is called; symbol; terminal colour; colour of the bar (3:1 on white and on black)
_LOOKS = {
    Outcome.PASS: (Text("PASS", "通过"), "✓", "32", "#009E73"),
    Outcome.FAIL: (Text("FAIL", "未通过"), "✗", "31", "#D55E00"),
    Outcome.ERROR: (Text("ERROR", "出错"), "!", "35", "#CC79A7"),
    Outcome.NOT_ATTEMPTED: (Text("NOT ATTEMPTED", "未作答"), "–", "36", "#0072B2"),
}
_NEXT = Text("Next step", "下一步")
_CASES = Text("Cases", "测试用例")
_PRINTED = Text("Your code printed", "你的代码输出了")
_PRINTED_FIRST = Text("Your code printed, first lines", "你的代码输出了（前几行）")
_MORE = Text("… more lines: {n}", "… 其余行数：{n}")
_MOST_LINES, _MOST_CHARACTERS = 12, 1_000  # of what was printed; the verdict must stay in sight
_CUT = 4_000  #: a text of this length was cut before it came here
_HINT = Text("Hint {number} of {total}: {ask}", "提示 {number}/{total}：{ask}")
_HINTS_SEEN = Text("All {total} hints seen; the solution: {ask}", "{total} 条提示都看过了；参考答案：{ask}")
_HIDDEN = Text("hidden", "隐藏")
_GATED = Text("right, but it counts only once the first case passes", "结果正确，但要等第一个用例通过后才计分")
_RIGHT, _WRONG = Text("right", "正确"), Text("wrong", "错误")


@dataclass(frozen=True)
class Help:
    """Where more help is: hints seen and in all, what to type for the next one and for the solution; what was
    checked, in words; and why that may not be what the learner means."""

    seen: int
    total: int
    hint: str
    solution: str
    checked: Text = Text("", "")
    doubt: Text = Text("", "")

    def lines(self, language: str, right: bool = False) -> list[str]:
        """``Hint 1 of 3: question("…").hint()`` (not where the answer is ``right``), what was checked, and the doubt;
        without what there is nothing to say of.
        """
        hint = _HINT.format(number=self.seen + 1, total=self.total, ask=self.hint)
        if self.seen >= self.total:
            hint = _HINTS_SEEN.format(total=self.total, ask=self.solution) if self.total else Text("", "")
        said = (Text("", "") if right else hint, self.checked, self.doubt)
        return [line for one in said if (line := one.get(language))]


def outcome_word(outcome: Outcome, language: str | None = None) -> str:
    """``PASS`` / ``通过`` and so on."""
    return _LOOKS[outcome][0].get(language or chosen_language())


def symbol(outcome: Outcome) -> str:
    """One character for an outcome."""
    return _LOOKS[outcome][1]


def as_text(verdict: Verdict, help: Help | None = None, language: str | None = None, colour: bool = False) -> str:
    """The lines for a terminal. Control characters in what a learner's code gave are shown as ``?``.

    Args:
        help: where the next hint is, only told where the answer is not right; and what was checked.
        colour: with ANSI colours; the outcome is a word in any case.
    """
    language = language or chosen_language()
    word, sign, ansi, _ = _LOOKS[verdict.outcome]
    head = f"{sign} {word.get(language)} {points(verdict.points, verdict.max_points)}"
    lines = [f"{head}  {verdict.question}"]
    lines += _indented(verdict.message.get(language), "  ")
    rows = [(label.get(language), value.get(language)) for label, value in verdict.shown]
    wide = max((width(label) for label, _ in rows), default=0)
    for label, value in rows:
        first, *others = value.splitlines() or [""]
        lines.append(f"    {padded(label, wide)}  {first}")
        lines += [f"    {' ' * wide}  {other}" for other in others]
    if verdict.advice.get(language):
        first, *others = verdict.advice.get(language).splitlines()
        lines += [f"  {_NEXT.get(language)}: {first}", *(f"  {other}" for other in others)]
    if _tells_cases(verdict):
        lines.append(f"  {_CASES.get(language)}:")
        worth = [points(case.points, case.max_points) for case in verdict.cases]
        wide = max(map(len, worth))
        for case, score in zip(verdict.cases, worth, strict=True):
            lines.append(f"    {'✓' if case.passed else '✗'} {score.rjust(wide)}  {_case_words(case, language)}")
    if help:
        lines += [f"  {line}" for line in help.lines(language, verdict.outcome is Outcome.PASS)]
    if verdict.printed.strip():
        label, printed, more = _printed(verdict.printed, language)
        lines += [f"  {label}:", *_indented(printed, "    | "), *([f"    {more}"] if more else [])]
    lines = [harmless(line) for line in lines]
    if colour:
        lines[0] = f"\x1b[1;{ansi}m{head}\x1b[0m{lines[0][len(head) :]}"
    return "\n".join(lines)


def as_html(verdict: Verdict, help: Help | None = None, language: str | None = None) -> str:
    """The same for a notebook: one ``<div role="status">``, readable on light and dark pages; everything is escaped."""
    language = language or chosen_language()
    word, sign, _, bar = _LOOKS[verdict.outcome]
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}font-weight:600;white-space:nowrap">{_safe(label.get(language))}</th>'
        f'<td style="{_CELL}"><code style="{_CODE}">{_safe(value.get(language))}</code></td></tr>'
        for label, value in verdict.shown
    )
    parts = [
        f'<div style="font-size:1.1em"><strong><span aria-hidden="true">{sign} </span>{word.get(language)} '
        f"{points(verdict.points, verdict.max_points)}</strong> "
        f'<span style="opacity:.75">{_safe(verdict.question)}</span></div>',
        _paragraph(_safe(verdict.message.get(language))),
        f'<table style="border-collapse:collapse;margin:.4em 0">{rows}</table>' if rows else "",
    ]
    if verdict.advice.get(language):
        parts.append(_paragraph(f"<strong>{_NEXT.get(language)}:</strong> {_safe(verdict.advice.get(language))}"))
    if _tells_cases(verdict):
        items = "".join(_case_html(case, language) for case in verdict.cases)
        parts.append(_paragraph(f"<strong>{_CASES.get(language)}</strong>"))
        parts.append(f'<ul style="list-style:none;margin:.2em 0;padding-left:.4em">{items}</ul>')
    if help:
        parts += [_paragraph(_safe(line)) for line in help.lines(language, verdict.outcome is Outcome.PASS)]
    if verdict.printed.strip():
        label, printed, more = _printed(verdict.printed, language)
        parts.append(_paragraph(f"<strong>{label}</strong>"))
        parts.append(f'<pre style="{_CODE}margin:.2em 0">{_safe(printed)}</pre>')
        parts += [_paragraph(more)] if more else []
    return framed("".join(parts), bar, language)


def framed(inner: str, bar: str = "#0072B2", language: str | None = None) -> str:
    """HTML in the frame that all answers of a question have; ``inner`` is already escaped."""
    code = {"zh": "zh-CN"}.get(language or chosen_language(), "en")
    style = f"border-left:4px solid {bar};padding:.3em .8em;margin:.4em 0;color:inherit;line-height:1.5;overflow-wrap:anywhere"
    return f'<div role="status" lang="{code}" style="{style}">{inner}</div>'


def points(earned: float, of: float) -> str:
    """``1.5/2``."""
    return f"{round(earned, 2):g}/{round(of, 2):g}"


def wants_colour(stream: object = None) -> bool:
    """Whether a stream (default: stdout) is a terminal whose user has not set ``NO_COLOR``."""
    stream = sys.stdout if stream is None else stream
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream is not None and stream.isatty()


def harmless(text: str) -> str:
    """Text whose control characters (terminal escapes, direction marks) are ``?``; tabs become spaces."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text.replace("\t", "    "))


def width(text: str) -> int:
    """Columns in a terminal: a Chinese character takes two, a combining mark none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, columns: int) -> str:
    """Text filled up with spaces to so many columns."""
    return text + " " * (columns - width(text))


_CELL = "font-size:inherit;text-align:left;vertical-align:top;padding:.15em .8em .15em 0;background:transparent;"
_CODE = "background:transparent;color:inherit;white-space:pre-wrap;overflow-wrap:anywhere;"


def _tells_cases(verdict: Verdict) -> bool:
    """Whether the cases tell more than the headline: not where all are right, nor where none could be run."""
    ran = verdict.outcome is Outcome.FAIL or verdict.shown or any(case.passed for case in verdict.cases)
    return bool(verdict.cases) and verdict.outcome is not Outcome.PASS and bool(ran)


def _printed(text: str, language: str) -> tuple[str, str, str]:
    """What was printed, cut to what a verdict has room for: a label, the text, and how much is left out or ""."""
    lines = text.rstrip().splitlines()
    first = "\n".join(lines[:_MOST_LINES])
    shown = first if len(first) <= _MOST_CHARACTERS else first[:_MOST_CHARACTERS] + "…"
    left = len(lines) - 1 - shown.count("\n")
    number = f"{left}+" if len(text) >= _CUT else left
    label = _PRINTED_FIRST if left or shown != first else _PRINTED
    return label.get(language), shown, _MORE.format(n=number).get(language) if left else ""


def _case_words(case: CaseResult, language: str) -> str:
    notes = [text.get(language) for text, there in ((_HIDDEN, case.hidden), (_GATED, case.gated)) if there]
    return case.title.get(language) + (f" ({', '.join(notes)})" if notes else "")


def _case_html(case: CaseResult, language: str) -> str:
    said = (_RIGHT if case.passed else _WRONG).get(language)
    sign = "✓" if case.passed else "✗"
    score = points(case.points, case.max_points)
    return f'<li><span role="img" aria-label="{said}">{sign}</span> {score} {_safe(_case_words(case, language))}</li>'


def _paragraph(inner: str) -> str:
    return f'<div style="margin:.3em 0;white-space:pre-line">{inner}</div>'


def _safe(text: str) -> str:
    return html.escape(harmless(text))


def _indented(text: str, by: str) -> list[str]:
    return [by + line for line in text.splitlines()]
