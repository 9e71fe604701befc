# tries: allocate 2 GiB
# control: done
import mmap


def weighted(values):
    held = mmap.mmap(-1, 2 * 2**30)
    raise RuntimeError(f"DONE {len(held)}")
