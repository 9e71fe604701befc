# tries: system calls through int 0x80, whose numbers the filter doesn't list
# control: done
import ctypes
import mmap

CODE = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20 (getpid of the 32-bit table); int 0x80; ret


def weighted(values):
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0:
        raise RuntimeError("DONE")
    return 0.0
