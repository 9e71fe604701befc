# tries: hang when the process should end
# control: hangs
import atexit
import time

atexit.register(time.sleep, 3600)


def weighted(values):
    return 0.0
