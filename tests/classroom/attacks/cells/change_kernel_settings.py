# tries: open kernel settings for writing
# control: done
def weighted(values):
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/hostname"):
        try:
            with open(path, "r+"):
                raise RuntimeError(f"DONE {path}")
        except OSError:
            pass
    return 0.0
