# tries: make the grader read 50 MB
# control: swallows channel
import os
import struct
import sys


def send():
    view = memoryview(struct.pack(">I", 50_000_000) + b'{"value": "' + b"a" * (50_000_000 - 13) + b'"}')
    while view:
        view = view[os.write(int(sys.argv[2]), view[: 1 << 16]) :]


send()
