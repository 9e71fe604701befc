# tries: reach a server on an abstract Unix socket, which lies in no file system
# control: hit
import socket


def weighted(values):
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect("\0" + HOST["mark"])
    return 0.0
