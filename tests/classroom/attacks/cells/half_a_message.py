# tries: send half a reply, a byte at a time
# control: stalls channel
import os
import struct
import sys
import time


def weighted(values):
    body = b'{"value": 0.0, "changed": []}' + b" " * 100
    os.write(int(sys.argv[2]), struct.pack(">I", 2 * len(body)))
    for byte in body:
        os.write(int(sys.argv[2]), bytes([byte]))
        time.sleep(0.05)
    time.sleep(3600)
