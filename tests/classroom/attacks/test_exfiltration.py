"""Nothing that a learner is shown may carry a hidden input: reports of two seeds are the same but for the scores.

The control of each is the report of a naive grader, which shows what the answer says on any input.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

HONEST_UNSEEN = "def unseen(number):\n    return 2 * number + 1\n"
BASIC = "def weighted(values):\n    {steal}\n    return float(sum((n + 1) * v for n, v in enumerate(values)))\n"
#: name -> answers; each tries to bring the hidden input of ``unseen`` or ``weighted`` into its own report
ATTACKS: dict[str, dict[str, str]] = {
    "message": {"unseen": "def unseen(number):\n    raise ValueError(f'the input is {number}')\n"},
    "exception_name": {"unseen": "def unseen(number):\n    raise type(f'Input{number}', (Exception,), {})\n"},
    "built_in_name_with_a_message": {
        "unseen": "def unseen(number):\n    raise type('KeyError', (Exception,), {'__str__': lambda self: str(number)})\n"
    },
    "name_of_an_unusable_type": {"unseen": "def unseen(number):\n    return type(f'Input{number}', (), {})()\n"},
    "name_of_a_deep_type": {"unseen": "def unseen(number):\n    return [type(f'Input{number}', (), {})()]\n"},
    "returned_value": {"unseen": "def unseen(number):\n    return f'input {number}'\n"},
    "returned_list": {"unseen": "def unseen(number):\n    return [number] * 3\n"},
    "stdout": {"unseen": "def unseen(number):\n    print('input', number)\n    return 0\n"},
    "stderr": {"unseen": "import sys\n\n\ndef unseen(number):\n    print(number, file=sys.stderr)\n    return 0\n"},
    "line_number": {
        "unseen": "def unseen(number):\n    digit = number % 3\n    if digit == 0:\n        raise ValueError\n"
        "    if digit == 1:\n        raise ValueError\n    raise ValueError\n"
    },
    "changed_arguments": {"weighted": "def weighted(values):\n    values.append(sum(values))\n    return 0.0\n"},
    "a_later_visible_case": {
        # the hidden case of one question is called before a visible one of the next, were it not for the order
        "unseen": "import builtins\nbuiltins.kept = []\n\n\ndef unseen(number):\n    builtins.kept.append(number)\n    return 0\n",
        "weighted": "import builtins\n\n\ndef weighted(values):\n    raise ValueError(f'kept {getattr(builtins, \"kept\", None)}')\n",
    },
    "a_later_cell_at_import": {
        # a question with hidden cases only must be loaded before anything hidden is called
        "weighted": BASIC.replace(
            "{steal}", "import builtins; builtins.kept = [*getattr(builtins, 'kept', []), values]"
        ),
        "unseen": "import builtins\n\nif len(getattr(builtins, 'kept', [])) > 3:\n"
        "    raise ValueError(f'kept {builtins.kept[3:]}')\n\n\ndef unseen(number):\n    return 0\n",
    },
    "a_cell_loaded_again_after_a_crash": {
        # ``third`` ends the worker before anything hidden is called; the next worker calls the hidden case of
        # ``weighted`` before it loads ``unseen``
        "weighted": BASIC.replace("{steal}", "open('kept', 'a').write(str(values))"),
        "unseen": "import os\n\nif os.path.exists('kept') and len(open('kept').read()) > 30:\n"
        "    raise ValueError(open('kept').read()[20:])\n\n\ndef unseen(number):\n    return 0\n",
        "third": "import os\n\n\ndef third(text):\n    os._exit(0)\n",
    },
    "exit_code": {"unseen": "import os\n\n\ndef unseen(number):\n    os._exit(number % 200 + 1)\n"},
    "protocol_error": {
        "unseen": "import os, struct, sys\n\n\ndef unseen(number):\n"
        "    body = b'x' * (number % 900)\n    os.write(int(sys.argv[2]), struct.pack('>I', len(body)) + body)\n    return 0\n"
    },
    "files_left_in_the_scratch_folder": {
        "unseen": "import os\n\n\ndef unseen(number):\n    open(f'input{number}', 'w').close()\n    return 0\n",
        "weighted": "import os\n\n\ndef weighted(values):\n    raise ValueError(str(os.listdir('.')))\n",
    },
}


def shown(verdicts: dict[str, dict[str, Any]]) -> str:
    """What a report may show, without what is a score: points, cases that passed; and without the seconds."""
    plain = json.loads(json.dumps(verdicts))
    for verdict in plain.values():
        for key in ("points", "seconds", "outcome"):
            verdict.pop(key)
        for case in verdict["cases"]:
            for key in ("points", "passed", "gated"):
                case.pop(key)
    return json.dumps(plain, sort_keys=True, ensure_ascii=False)


def hidden_numbers(grader: Any, seed: int) -> list[int]:
    inputs = grader.ask(seed=seed)["inputs"]
    return [arguments[0] for arguments in inputs["unseen"]["drawn"]]


@pytest.mark.parametrize("name", ATTACKS)
def test_two_seeds_one_report(name: str, grader: Any) -> None:
    sources = {"weighted": BASIC.replace("{steal}", "pass"), "unseen": HONEST_UNSEEN, **ATTACKS[name]}
    reports = [grader.grade(sources, seed) for seed in (1, 2)]
    assert shown(reports[0]) == shown(reports[1])
    said = json.dumps(reports[0])
    for number in hidden_numbers(grader, 1):
        assert str(number) not in said
    for arguments in grader.ask(seed=1)["inputs"]["weighted"]["drawn"]:
        assert str(arguments[0]) not in said


def test_the_seeds_do_differ(grader: Any) -> None:
    assert hidden_numbers(grader, 1) != hidden_numbers(grader, 2)


@pytest.mark.parametrize("name", [one for one, answers in ATTACKS.items() if set(answers) == {"unseen"}])
def test_a_naive_report_would_tell(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows the name, the text and the line of an exception, the value, its type, what was printed, the exit code."""
    import subprocess
    import sys

    file = tmp_path / "answer.py"
    file.write_text(ATTACKS[name]["unseen"])
    naive = """
import sys, traceback
names = {}
try:
    exec(compile(open(sys.argv[1]).read(), "answer", "exec"), names)
    value = names["unseen"](int(sys.argv[3]))
    print("value", type(value), value, [type(one) for one in value] if isinstance(value, list) else "")
except Exception as error:
    print(type(error), error, traceback.extract_tb(error.__traceback__)[-1].lineno)
"""
    said = []
    for number in ("123456788", "987654322"):
        with (tmp_path / "channel").open("wb") as channel:
            done = subprocess.run([sys.executable, "-I", "-c", naive, str(file), str(channel.fileno()), number],
                                  capture_output=True, text=True, timeout=20, check=False, pass_fds=(channel.fileno(),))  # fmt: skip
        said.append(f"{done.stdout} {done.stderr} {done.returncode} {(tmp_path / 'channel').stat().st_size}")
    assert said[0] != said[1]


@pytest.mark.parametrize("name", [one for one, answers in ATTACKS.items() if "weighted" in answers])
def test_in_another_order_they_would_tell(name: str, tmp_path: Any) -> None:
    """The naive order: one question after the other in one process, each with its hidden inputs; texts are shown."""
    import subprocess
    import sys

    naive = """
import json, sys
sources, seed, order = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split()
inputs = {"weighted": [[1, 2, 3], [4, 0, 1], [], [seed, 7, 7, 7, 7, 7]], "unseen": [seed * 7]}
for name in order:
    names = {}
    try:
        exec(sources[name], names)
        for one in inputs[name]:
            before = json.dumps(one)
            names[name](one)
            if json.dumps(one) != before:
                print("changed to", one)
    except Exception as error:
        print(error)
"""
    said = {}
    for order in ("weighted unseen", "unseen weighted", "weighted"):
        for seed in ("1234", "5678"):
            folder = tmp_path / (order + seed)
            folder.mkdir()
            done = subprocess.run([sys.executable, "-I", "-c", naive, json.dumps(ATTACKS[name]), seed, order], text=True,
                                  capture_output=True, timeout=20, check=False, cwd=folder)  # fmt: skip
            said[order, seed] = done.stdout
    assert any(said[order, "1234"] != said[order, "5678"] for order, _ in said)
