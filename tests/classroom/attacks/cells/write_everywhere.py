# tries: leave a file in each folder that may be writable
# control: done
import os
import sys


def weighted(values):
    places = ["/", "/dev", "/dev/shm", "/sub", "/usr", "/usr/lib", "/etc", "/var/tmp", "/run", "/tmp", "/proc/1", sys.prefix]
    written = []
    for place in [*places, *HOST["sites"], os.path.dirname(HOST["canary"])]:
        path = os.path.join(place, HOST["mark"])
        try:
            with open(path, "w") as file:
                file.write("here")
            os.remove(path)
            written.append(place)
        except OSError:
            pass
    if written:
        raise RuntimeError(f"DONE {written}")
    return 0.0
