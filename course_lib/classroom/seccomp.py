"""The system calls that a sandboxed worker may not make, as a classic BPF program (Linux, seccomp).

Everything else is allowed: the namespaces keep files, network and processes away; the filter closes what they leave
open (new namespaces, tracing, kernel interfaces, memory that no limit counts: System V segments outlive their mapping)
and keeps the worker from starting processes. Numbers: the kernel's
``unistd`` tables of each architecture; the program's form: ``man 2 seccomp``, ``linux/filter.h``.
"""

from __future__ import annotations

import errno
import platform
import struct

_LOAD, _EQUAL, _AT_LEAST, _MASKED, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # ld [k] · jeq · jge · jset · ret
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data (low word of the first argument)
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000  # x86-64's second table of system calls begins here

#: machine -> (AUDIT_ARCH, clone, denied)
_TABLES: dict[str, tuple[int, int, dict[str, int]]] = {
    "x86_64": (0xC000003E, 56, {
        "socket": 41, "connect": 42, "bind": 49, "shmget": 29, "socketpair": 53, "fork": 57, "vfork": 58,
        "semget": 64, "msgget": 68, "ptrace": 101, "pivot_root": 155, "chroot": 161,
        "acct": 163, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
        "reboot": 169, "init_module": 175, "delete_module": 176, "kexec_load": 246, "add_key": 248, "request_key": 249,
        "keyctl": 250, "mq_open": 240, "unshare": 272, "perf_event_open": 298, "name_to_handle_at": 303,
        "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
        "finit_module": 313, "memfd_create": 319,
        "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
    }),
    "aarch64": (0xC00000B7, 220, {
        "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "acct": 89, "kexec_load": 104, "init_module": 105,
        "delete_module": 106, "ptrace": 117, "reboot": 142, "socket": 198, "socketpair": 199, "bind": 200,
        "connect": 203, "add_key": 217, "request_key": 218, "keyctl": 219, "swapon": 224, "swapoff": 225,
        "perf_event_open": 241, "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268, "unshare": 97,
        "mq_open": 180, "msgget": 186, "semget": 190, "shmget": 194, "process_vm_readv": 270,
        "process_vm_writev": 271, "finit_module": 273, "memfd_create": 279, "bpf": 280, "userfaultfd": 282,
        "kexec_file_load": 294,
    }),
}  # fmt: skip
#: numbers that all architectures share (added to Linux since 5.1)
_COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_getfd": 438, "mount_setattr": 442,
    "landlock_restrict_self": 446, "memfd_secret": 447, "open_tree_attr": 467,
}  # fmt: skip
_CLONE3 = 435


def machines() -> tuple[str, ...]:
    """Machines that there is a filter for."""
    return tuple(_TABLES)


def seccomp_filter(machine: str | None = None) -> bytes:
    """The program as ``bwrap --seccomp`` reads it.

    Args:
        machine: as ``platform.machine()`` gives it; default: this one.

    Raises:
        KeyError: there is no table for this machine.
    """
    arch, clone, denied = _TABLES[machine or platform.machine()]
    refuse = _RETURN, 0, 0, _ERRNO | errno.EPERM
    program = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64" or (machine is None and platform.machine() == "x86_64"):
        program += [(_AT_LEAST, 0, 1, _X32), refuse]
    # A library asked for clone3 must hear that the kernel lacks it, and falls back to clone, whose flags can be read.
    program += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for number in sorted({**denied, **_COMMON}.values()):
        program += [(_EQUAL, 0, 1, number), refuse]
    # A new thread is fine, a new process is not.
    program += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, _ARGUMENT), (_MASKED, 1, 0, _CLONE_THREAD), refuse]
    program += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
