# tries: read address 0
# control: dies
import ctypes


def weighted(values):
    ctypes.string_at(0)
    return 0.0
