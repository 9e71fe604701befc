"""Differences of form: a value of another type, length or shape than was asked for.

They are told apart from wrong values, because a learner whose numbers are all right looks for his mistake in the wrong
place when he hears only that the case is not right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from course_lib.core.bilingual import Text

_NOTHING = Text("", "")


@dataclass(frozen=True)
class Form(Text):
    """What is other about the form, in words.

    Attributes:
        advice: the next step where it is plain, else empty.
        typed: whether it is the type that is another one.
    """

    advice: Text = _NOTHING
    typed: bool = False


_KINDS = {
    "nothing": Text("None", "None"),
    "truth": Text("True or False", "True 或 False"),
    "number": Text("a number", "一个数"),
    "text": Text("a text (str)", "一段文本（str）"),
    "list": Text("a list", "一个列表"),
    "tuple": Text("a tuple", "一个元组"),
    "set": Text("a set", "一个集合"),
    "dict": Text("a dict", "一个字典"),
    "array": Text("a NumPy array", "一个 NumPy 数组"),
    "tensor": Text("a torch tensor", "一个 torch 张量"),
    "other": Text("something else", "别的东西"),
}
_TO_LIST = Text("`.tolist()` makes a list of it, with plain numbers inside.", "用 `.tolist()` 把它变成列表，里面是普通的数。")
_TO_NUMBER = Text("`float(…)` or `.item()` makes a plain number of a single value.", "单个值可用 `float(…)` 或 `.item()` 变成普通的数。")
_EVERY_WAY = Text("Does every way through your function end with `return …`?", "函数的每一条路径都以 `return …` 结束吗？")
#: (kind that was expected, kind that came) -> what turns the one into the other
_CONVERSIONS = {
    ("list", "array"): _TO_LIST,
    ("list", "tensor"): _TO_LIST,
    ("list", "set"): Text("`sorted(…)` or `list(…)` makes a list of a set; a set itself has no order.",
                          "用 `sorted(…)` 或 `list(…)` 把集合变成列表；集合本身没有顺序。"),
    ("list", "dict"): Text("`list(d)` has a dict's keys, `list(d.values())` its values; which of them is asked for?",
                           "`list(d)` 是字典的键，`list(d.values())` 是它的值；题目问的是哪一个？"),
    ("list", "tuple"): Text("Return one list: a comma, as in `return a, b`, makes a tuple; `list(…)` makes a list of it.",
                            "请返回一个列表：`return a, b` 里的逗号会产生元组；`list(…)` 可把它变成列表。"),
    ("tuple", "list"): Text("Return the parts with a comma between them, as in `return a, b`: that makes a tuple.",
                            "用逗号返回各个部分，如 `return a, b`：这样得到的是元组。"),
    ("tuple", "array"): Text("Return the parts with a comma between them, as in `return a, b`: that makes a tuple.",
                             "用逗号返回各个部分，如 `return a, b`：这样得到的是元组。"),
    ("array", "list"): Text("`np.array(…)` makes an array of a list.", "用 `np.array(…)` 把列表变成数组。"),
    ("array", "tensor"): Text("`.numpy()` makes a NumPy array of a tensor.", "用 `.numpy()` 把张量变成 NumPy 数组。"),
    ("tensor", "list"): Text("`torch.tensor(…)` makes a tensor of a list.", "用 `torch.tensor(…)` 把列表变成张量。"),
    ("tensor", "array"): Text("`torch.from_numpy(…)` makes a tensor of an array.", "用 `torch.from_numpy(…)` 把数组变成张量。"),
    ("number", "array"): _TO_NUMBER,
    ("number", "tensor"): _TO_NUMBER,
    ("set", "list"): Text("`set(…)` makes a set of a list.", "用 `set(…)` 把列表变成集合。"),
    ("dict", "list"): Text("`dict(…)` makes a dict of a list of pairs (key, value).", "用 `dict(…)` 把（键，值）对的列表变成字典。"),
}  # fmt: skip


def other_type(expected: str, came: str) -> Form:
    """Another type than expected; both are keys of ``_KINDS``."""
    words = Text("{wanted} was expected, {came} came", "应当返回{wanted}，得到的是{came}").format(
        wanted=_KINDS[expected], came=_KINDS[came]
    )
    advice = _EVERY_WAY if came == "nothing" else _CONVERSIONS.get((expected, came), _NOTHING)
    return Form(words.en, words.zh, advice=advice, typed=True)


def inside(where: Text, problem: Text, **values: object) -> Text:
    """A problem of a part, with the place of the part: of the same class, so that a ``Form`` stays one.

    Args:
        where: holds ``{problem}`` and the names of ``values``.
    """
    words = where.format(problem=problem, **values)
    found = replace(problem, en=words.en, zh=words.zh)
    # A None inside a value is no missing ``return``.
    return replace(found, advice=_NOTHING) if isinstance(found, Form) and found.advice == _EVERY_WAY else found
