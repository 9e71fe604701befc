"""What not to do: run the submission in the grader's own process, without limits. The controls of the attacks run here.

Arguments: the submission's file, and where the report goes: a file, or (digits) a descriptor that takes frames of four
bytes of length and JSON. The cells find ``argv[1]`` and ``argv[2]`` as a worker has them.
"""

import json
import random
import struct
import sys

OPEN_WHILE_GRADING = open(sys.argv[3]) if len(sys.argv) > 3 else None  # as a grader may have its solutions open


def reference(values):
    return sum((place + 1) * value for place, value in enumerate(values))


def pack(report):
    body = json.dumps(report).encode()
    return struct.pack(">I", len(body)) + body


def grade(source):
    points, message, names = 0, "", {"__name__": "submission"}
    try:
        exec(compile(source, "<submission>", "exec"), names)
        for seed in range(12):
            values = [random.Random(seed).randrange(1, 9) for _ in range(seed + 2)]
            came = names["weighted"](values)
            points += bool(came == reference(values))
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
    return {"points": points, "message": message}


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        text = file.read()
    report = grade(text)
    if sys.argv[2].isdigit():
        import os

        os.write(int(sys.argv[2]), pack(report))
    else:
        line = json.dumps(report)
        with open(sys.argv[2], "w") as file:
            file.write(line)
