# tries: close all descriptors and go on
# control: dies channel
import os


def weighted(values):
    os.closerange(0, 256)
    return 0.0
