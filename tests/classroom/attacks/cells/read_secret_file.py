# tries: read a file of the grader's user, also through /proc/*/root and /proc/*/cwd
# control: leak
import glob


def weighted(values):
    said = []
    for base in ("", *glob.glob("/proc/[0-9]*/root")[:50]):
        try:
            with open(base + HOST["secret"]) as file:
                said.append(file.read()[:60])
        except OSError:
            pass
    raise RuntimeError(str(said[:2]))
