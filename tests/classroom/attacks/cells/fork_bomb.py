# tries: start processes until it can't (it stops at 40)
# control: left
import os
import time


def weighted(values):
    for _ in range(40):
        if os.fork() == 0:
            with open("/proc/self/comm", "w") as file:
                file.write(HOST["mark"])
            time.sleep(20)
            os._exit(0)
    time.sleep(0.1)
    return 0.0
