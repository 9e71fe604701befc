# tries: run over the end of the C stack
# control: dies
import sys

sys.setrecursionlimit(10**9)


def weighted(values):
    nested = []
    for _ in range(1_000_000):
        nested = [nested]
    return len(repr(nested))
