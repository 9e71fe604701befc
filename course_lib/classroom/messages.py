"""What learners are told, in both languages. Nothing here holds an expected value or a hidden input."""

from __future__ import annotations

from course_lib.classroom.form import Form
from course_lib.classroom.observe import Ended, Event, Raised, Returned, Unusable
from course_lib.classroom.spec import Case, Choice, Code, Number, Question
from course_lib.core.bilingual import Text

PASSED = Text("All cases are right.", "全部用例通过。")
NOT_ATTEMPTED = Text("Nothing is written here yet.", "这里还没有作答。")
INPUT = Text("input", "输入")
EXPECTED = Text("expected", "期望")
CAME = Text("came", "得到")
NEXT_STEP = Text(
    "Take this input and work it out by hand, step by step, beside your code.", "拿这个输入，对照代码一步一步手算一遍。"
)
HIDDEN_STEP = Text(
    "Make such an input yourself, small enough to work out by hand, and compare it with what your code says.",
    "自己造一个这样的输入，小到可以手算，再和代码的结果对照。",
)
INCOMPARABLE = Text("the value can't be compared", "这个值无法比较")
_READ = Text("Read the question once more, then ask for a hint.", "再读一遍题目，然后看一条提示。")

_HIDDEN = Text(
    "The visible cases are right, but a hidden one is not: {title}.", "可见用例都对了，但有一个隐藏用例不对：{title}。"
)
_HIDDEN_RAISED = Text("A hidden case ends with {what}: {title}.", "一个隐藏用例以{what}结束：{title}。")
_AN_EXCEPTION = Text("an exception", "异常")
_WRONG = Text("Not right yet: {title}.", "还不对：{title}。")
_OTHER_TYPE = Text("The type is another one: {difference}.", "类型不对：{difference}。")
_FORM_STEP = Text(
    "Compare what came with what the question asks for: which type, and how many values?",
    "把得到的结果和题目要求对照：应当是什么类型？有多少个值？",
)
_PLAIN_STEP = Text(
    "Make a plain value of it before you return it: `list(…)`, `float(…)` or `.tolist()`.",
    "返回之前先变成普通的值：`list(…)`、`float(…)` 或 `.tolist()`。",
)
_RETURNS_NOTHING = Text(
    "Your function returns nothing (None). Hand the result back by `return …`; `print` only shows it.",
    "你的函数没有返回值（None）。请用 `return …` 交回结果；`print` 只是显示。",
)
_RAISED = Text("{type}{place}: {message}", "{type}{place}：{message}")
_LINE = Text(" in line {line} of your cell (`{code}`)", "，在你单元格的第 {line} 行（`{code}`）")
_UNUSABLE = Text("Your function returned this: {kind}. It can't be compared. Return plain numbers, texts, lists, dicts or arrays.",
                 "你的函数返回了 {kind}，无法比较。请返回普通的数、文本、列表、字典或数组。")  # fmt: skip
_COPY_STEP = Text(
    "`list(x)`, `dict(x)` or `x.copy()` makes a copy. What changes the argument itself: `x.sort()` (`sorted(x)` does not), "
    "`x.append(…)`, `x[0] = …`, `x += …`.",
    "`list(x)`、`dict(x)` 或 `x.copy()` 得到副本。会改动参数本身的有：`x.sort()`（`sorted(x)` 不会）、`x.append(…)`、`x[0] = …`、`x += …`。",
)
_CHANGED = Text(
    "your function changed its argument number {places}; work on a copy", "函数改动了第 {places} 个参数；请在副本上操作"
)
_SHOULD_RAISE = Text("a {type} should be raised here", "这里应当抛出 {type}")
_NO_FUNCTION = Text("The cell doesn't define {name}. Keep the line `def {name}(…):` as it was given.",
                    "单元格里没有定义 {name}。请保留题目给出的 `def {name}(…):` 这一行。")  # fmt: skip
_NOT_CALLABLE = Text("{name} is not a function. Keep the line `def {name}(…):` as it was given.",
                     "{name} 不是函数。请保留题目给出的 `def {name}(…):` 这一行。")  # fmt: skip
_ENDED = {
    "time": Text("Your code was stopped after {seconds:g} s. Is there a loop that never ends, or work that grows with the square of the input?",
                 "你的代码运行 {seconds:g} 秒后被终止。是否有停不下来的循环，或随输入规模平方增长的计算？"),
    "died": Text("Your code ended its own process ({detail}), or needed more than {memory:,} MB of memory.",
                 "你的代码结束了自己的进程（{detail}），或占用的内存超过 {memory:,} MB。"),
    "protocol": Text("What came back could not be read: {detail}.", "返回的内容无法读取：{detail}。"),
    "budget": Text("Not run: the other answers of this notebook had used up its time.", "未运行：这个笔记本的其他答案已用完时间。"),
}  # fmt: skip
_MEMORY = Text("Your code asked for more than {memory:,} MB of memory{place}. Do you build something as large as all pairs of the input?",
               "你的代码申请的内存超过 {memory:,} MB{place}。是否构造了与输入两两配对一样大的对象？")  # fmt: skip
_NEXT = {
    "NameError": Text("Only this cell and the notebook's given first cell are run: define or import the name here.",
                      "批改时只运行这个单元格和笔记本给定的第一个单元格：请在这里定义或导入该名字。"),
    "ImportError": Text("Use what the first cell imports, and Python's own library.", "请使用第一个单元格导入的库和 Python 标准库。"),
    "SyntaxError": Text("Python can't read the cell: look at that line and the one before (brackets, colons, indents).",
                        "Python 读不懂这个单元格：检查这一行和上一行（括号、冒号、缩进）。"),
    "ZeroDivisionError": Text("Put the shown input into that line by hand: why is the divisor 0 there, and may it be?", "把上面的输入代入这一行手算：除数为什么是 0？它可以是 0 吗？"),
    "TypeError": Text("Compare the number and the types of the arguments in that line with what the question says.", "对照题目，检查这一行里参数的个数和类型。"),
    "IndexError": Text("Which input is shorter than your index?", "哪种输入比你的下标还短？"),
    "KeyError": Text("Which key may be missing, and what does the question ask for then?", "哪个键可能不存在？题目对此如何要求？"),
}  # fmt: skip
_SLOW = Text("Call your function on a tiny input with a print in the loop: what would have to change for the loop to end?",
             "用很小的输入调用你的函数，并在循环里加 print：要使循环结束，哪个值必须变化？")  # fmt: skip
_OTHERS_FIRST = Text(
    "Mend the answers that don't end; then this one is run.", "先修好停不下来的答案，这一题才会被运行。"
)
_NEXT["ModuleNotFoundError"] = _NEXT["ImportError"]
_NEXT["IndentationError"] = _NEXT["TabError"] = _NEXT["SyntaxError"]
_CHOICE_FORM = Text(
    "The answer is {came}; write one of the letters {letters}{several}.",
    "答案写成了 {came}；请写 {letters} 中的字母{several}。",
)
_SEVERAL = Text(', or several of them, such as "{example}"', '，可写多个，例如 "{example}"')
_NUMBER_FORM = Text(
    "The answer is the text {came}; write a number, without quotes and units.",
    "答案是文本 {came}；请写一个数，不加引号和单位。",
)
_WRONG_CHOICE = Text("{came} is not right.", "{came} 不对。")
_WRONG_SEVERAL = Text("{came} is not the right set: some letters don't belong to it, or some are missing. Take each letter alone.",
                      "{came} 这一组不对：有多选的，或有漏选的。请逐个字母判断。")  # fmt: skip
_WRONG_NUMBER = Text("{came}{unit} is not right.", "{came}{unit} 不对。")


def loading(name: str, event: Event, source: str, question: Code) -> tuple[Text, Text]:
    """Message and next step where the cell did not give a function."""
    if isinstance(event, Returned):  # value: whether the name is there, but something else
        return (_NOT_CALLABLE if event.value else _NO_FUNCTION).format(name=name), _READ
    return _failure(event, source, question), _next(event)


def event(case: Case, event: Event, difference: Text | None, source: str, question: Code) -> Text:
    """Message for the first input of a visible case that went wrong: what is other about the form comes first."""
    if not isinstance(event, Returned):
        return _failure(event, source, question)
    if event.value is None:
        return _RETURNS_NOTHING
    if isinstance(difference, Form):
        return _OTHER_TYPE.format(difference=difference) if difference.typed else _WRONG.format(title=difference)
    return _WRONG.format(title=case.title)


def hidden(case: Case, event: Event, source: str, question: Code) -> Text:
    """Message for a hidden case: nothing that the learner's code could have chosen, but Python's own exception names."""
    if isinstance(event, Ended) and event.reason in ("time", "budget"):
        return _failure(event, source, question)
    if isinstance(event, Raised):
        from course_lib.classroom.judge import builtin_only

        what = builtin_only(event.type)
        return _HIDDEN_RAISED.format(what=Text(what, f" {what} ") if what else _AN_EXCEPTION, title=case.title)
    return _HIDDEN.format(title=case.title)


def next_step(event: Event, case: Case, difference: Text | None = None, basic: bool = False) -> Text:
    """What to do about an input that went wrong: advice on an exception or on the form first, then the case's.

    Args:
        basic: whether it is the question's first case. Its advice is about the values; that of a later one may be about
            the length that comes out there.
    """
    if isinstance(event, Ended) and event.reason in ("time", "budget"):
        return _next(event)
    if not case.hidden:
        if isinstance(event, Raised) and event.type in _NEXT:
            return _NEXT[event.type]
        if isinstance(event, Unusable) and not event.kind.startswith(("a whole number", "nested")):
            return _PLAIN_STEP
        if isinstance(difference, Form) and (difference.advice.en or basic):
            return difference.advice if difference.advice.en else _FORM_STEP
    return case.advice or (HIDDEN_STEP if case.hidden else NEXT_STEP)


def changed(places: tuple[int, ...]) -> Form:
    """The answer changed arguments."""
    words = _CHANGED.format(places=", ".join(str(place + 1) for place in places))
    return Form(words.en, words.zh, advice=_COPY_STEP)


def should_raise(kind: str) -> Text:
    """The reference raises here."""
    return _SHOULD_RAISE.format(type=kind)


def wrong_literal(question: Question, value: object) -> Text:
    """A choice or number that is wrong, and no known mistake."""
    if isinstance(question, Number):
        return _WRONG_NUMBER.format(came=f"{value:g}", unit=question.unit)
    return (_WRONG_SEVERAL if getattr(question, "several", False) else _WRONG_CHOICE).format(came=f"“{value}”")


def literal_form(question: Choice | Number, value: object) -> Text:
    """A choice or number of the wrong kind."""
    if isinstance(question, Number):
        return _NUMBER_FORM.format(came=repr(value)[:40])
    several = _SEVERAL.format(example=question.options[0] + question.options[-1]) if question.several else Text("", "")
    letters = ", ".join(question.options)
    return _CHOICE_FORM.format(came=repr(value)[:40], letters=letters, several=several)


def _failure(event: Event, source: str, question: Code) -> Text:
    if isinstance(event, Unusable):
        return _UNUSABLE.format(kind=event.kind)
    if isinstance(event, Ended):
        detail = event.detail or "?"
        return _ENDED[event.reason].format(seconds=question.seconds, detail=detail, memory=question.memory_mb)
    lines = source.split("\n")
    quoted = lines[event.line - 1].strip()[:80] if event.line and event.line <= len(lines) else ""
    place = _LINE.format(line=event.line, code=quoted) if quoted else Text("", "")
    if event.type == "MemoryError":
        return _MEMORY.format(memory=question.memory_mb, place=place)
    return _RAISED.format(type=event.type, place=place, message=event.message or "–")


def _next(event: Event) -> Text:
    if isinstance(event, Ended):
        return _OTHERS_FIRST if event.reason == "budget" else _SLOW if event.reason == "time" else NEXT_STEP
    return _NEXT.get(event.type, NEXT_STEP) if isinstance(event, Raised) else NEXT_STEP
