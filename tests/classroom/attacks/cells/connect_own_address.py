# tries: reach a server on the machine's own address
# control: hit
import socket


def weighted(values):
    with socket.create_connection((HOST["address"], HOST["port"]), timeout=1) as wire:
        wire.sendall(b"hello")
    return 0.0
