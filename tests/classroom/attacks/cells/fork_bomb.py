# tries: start processes until it can't (it stops at 40)
# control: done
import os
import time


def weighted(values):
    for _ in range(40):
        if os.fork() == 0:
            with open("/proc/self/comm", "w") as file:
                file.write(HOST["mark"])
            time.sleep(20)
            os._exit(0)
    raise RuntimeError("DONE")
