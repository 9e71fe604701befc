# tries: break the grader's JSON parser
# control: breaks channel
import os
import struct
import sys


def send():
    body = b'{"value": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    view = memoryview(struct.pack(">I", len(body)) + body)
    while view:
        view = view[os.write(int(sys.argv[2]), view) :]


send()
