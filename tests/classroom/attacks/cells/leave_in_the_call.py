# tries: end the process instead of answering
# control: dies
import os


def weighted(values):
    os._exit(0)
