# tries: a thread that keeps writing replies, to this question and the next
# control: full channel
import json
import os
import struct
import sys
import threading
import time

body = json.dumps({"ok": True, "defined": True, "points": 12, "passed": True, "value": 0.0, "changed": []}).encode()
frame = struct.pack(">I", len(body)) + body


def keep_writing():
    for _ in range(2_000):
        os.write(int(sys.argv[2]), frame)
        time.sleep(0.0005)


threading.Thread(target=keep_writing, daemon=True).start()
time.sleep(0.02)


def weighted(values):
    return 0.0
