# tries: reach a server on 127.0.0.1
# control: hit
import socket


def weighted(values):
    with socket.create_connection(("127.0.0.1", HOST["port"]), timeout=1) as wire:
        wire.sendall(b"hello")
    return 0.0
