# tries: open the other ends of its own pipes, and answer itself
# control: full channel
import json
import os
import struct
import sys

body = json.dumps({"ok": True, "defined": True, "points": 12, "passed": True, "value": 0.0, "changed": []}).encode()
handle = os.open(f"/proc/self/fd/{sys.argv[2]}", os.O_WRONLY | os.O_NONBLOCK)
for _ in range(50):
    os.write(handle, struct.pack(">I", len(body)) + body)


def weighted(values):
    return 0.0
