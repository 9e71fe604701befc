# tries: write replies to the channel before the grader asks
# control: full channel
import json
import os
import struct
import sys

body = json.dumps({"ok": True, "defined": True, "points": 12, "passed": True, "value": 0.0, "changed": []}).encode()
for _ in range(100):
    os.write(int(sys.argv[2]), struct.pack(">I", len(body)) + body)


def weighted(values):
    return 0.0
