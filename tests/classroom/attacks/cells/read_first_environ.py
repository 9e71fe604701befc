# tries: read /proc/self/environ and that of the parent and of process 1
# control: leak
import os


def weighted(values):
    found = []
    for process in ("self", str(os.getppid()), "1"):
        try:
            with open(f"/proc/{process}/environ", "rb") as file:
                text = file.read().decode(errors="replace")
                found += [part[:80] for part in text.split("\0") if "ATTACK" in part]
        except OSError:
            pass
    raise RuntimeError(str(found))
