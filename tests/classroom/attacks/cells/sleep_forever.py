# tries: never answer
# control: hangs
import time


def weighted(values):
    time.sleep(3600)
