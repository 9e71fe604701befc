# tries: descriptors without end
# control: done
import os


def weighted(values):
    found = []
    try:
        for _ in range(200):
            found.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for one in found:
            os.close(one)
    raise RuntimeError("DONE")
