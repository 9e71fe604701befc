# tries: send a datagram
# control: hit
import socket


def weighted(values):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", HOST["port"]))
    return 0.0
