# tries: open the memory of process 1 or of the parent for writing, and so take it over
# control: done
import os


def weighted(values):
    for process in (os.getppid(), 1):
        try:
            with open(f"/proc/{process}/mem", "r+b", 0):
                pass
        except OSError:
            continue
        if process != os.getpid():
            raise RuntimeError(f"DONE {process}")
    return 0.0
