# tries: fork twice in a new session, out of the process group's reach
# control: left
import os
import time


def weighted(values):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open("/proc/self/comm", "w") as file:
                file.write(HOST["mark"])
            os.closerange(0, 256)
            time.sleep(60)
        os._exit(0)
    time.sleep(0.1)
    return 0.0
