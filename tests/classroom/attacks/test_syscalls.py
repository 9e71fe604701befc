"""System calls that the filter refuses: each gives EPERM in the sandbox, and another answer (or success) without it.

Numbers: the kernel's tables for x86-64 and arm64, written here a second time, apart from ``seccomp.py``.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from typing import Any

import pytest

EPERM, ENOSYS = 1, 38
# name: numbers on x86-64 and arm64, arguments that do no harm when the call is allowed, whether an ordinary user gets
# through without the sandbox (else, and where a container refuses, the control says why it is skipped).
CALLS: dict[str, tuple[int | None, int | None, str]] = {
    "unshare": (272, 97, "0x10000000, 0, 0, 0, 0, 0"),  # CLONE_NEWUSER
    "clone_process": (56, 220, "17, 0, 0, 0, 0, 0"),  # SIGCHLD: what fork is made of
    "clone_new_namespace": (56, 220, "0x10000011, 0, 0, 0, 0, 0"),
    "fork": (57, None, "0, 0, 0, 0, 0, 0"),
    "vfork_by_clone": (56, 220, "0x4011, 0, 0, 0, 0, 0"),  # CLONE_VFORK without CLONE_VM
    "ptrace": (101, 117, "0, 0, 0, 0, 0, 0"),  # PTRACE_TRACEME
    "process_vm_readv": (310, 270, "own, 0, 0, 0, 0, 0"),
    "process_vm_writev": (311, 271, "own, 0, 0, 0, 0, 0"),
    "memfd_create": (319, 279, "name, 0, 0, 0, 0, 0"),
    "io_uring_setup": (425, 425, "1, zeros, 0, 0, 0, 0"),
    "bpf": (321, 280, "0, zeros, 4, 0, 0, 0"),
    "keyctl": (250, 219, "0, -3, 0, 0, 0, 0"),  # KEYCTL_GET_KEYRING_ID of the session
    "add_key": (248, 217, "0, 0, 0, 0, 0, 0"),
    "perf_event_open": (298, 241, "0, 0, 0, 0, 0, 0"),
    "userfaultfd": (323, 282, "0x1, 0, 0, 0, 0, 0"),
    "open_by_handle_at": (304, 265, "-1, 0, 0, 0, 0, 0"),
    "name_to_handle_at": (303, 264, "-1, 0, 0, 0, 0, 0"),
    "mount": (165, 40, "0, 0, 0, 0, 0, 0"),
    "umount2": (166, 39, "name, 0, 0, 0, 0, 0"),
    "pivot_root": (155, 41, "0, 0, 0, 0, 0, 0"),
    "chroot": (161, 51, "name, 0, 0, 0, 0, 0"),
    "setns": (308, 268, "-1, 0, 0, 0, 0, 0"),
    "socket": (41, 198, "1, 1, 0, 0, 0, 0"),
    "socketpair": (53, 199, "1, 1, 0, zeros, 0, 0"),
    "connect": (42, 203, "-1, 0, 0, 0, 0, 0"),
    "shmget": (29, 194, "0, 4096, 0x380, 0, 0, 0"),
    "mq_open": (240, 180, "name, 0, 0, 0, 0, 0"),
    "pidfd_getfd": (438, 438, "-1, 0, 0, 0, 0, 0"),
    "fsopen": (430, 430, "0, 0, 0, 0, 0, 0"),
    "open_tree": (428, 428, "-1, 0, 0, 0, 0, 0"),
    "kexec_load": (246, 104, "0, 0, 0, 0xffff, 0, 0"),
    "x32_getpid": (0x40000000 + 39, None, "0, 0, 0, 0, 0, 0"),
}
CELL = """\
import ctypes
import os


def call():
    libc = ctypes.CDLL(None, use_errno=True)
    own, name, zeros = os.getpid(), ctypes.c_char_p(b"attack"), ctypes.create_string_buffer(4096)
    came = libc.syscall(ctypes.c_long({number}), {arguments})
    error = ctypes.get_errno()
    if came == 0 and {forks}:
        os._exit(0)
    return "came %d errno %d" % (came, error if came < 0 else 0)


def weighted(values):
    raise RuntimeError(call())
"""


def cell(name: str) -> str:
    numbers = CALLS[name][:2]
    number = numbers[0] if platform.machine() == "x86_64" else numbers[1]
    if number is None:
        pytest.skip(f"{platform.machine()} has no {name}")
    return CELL.format(number=number, arguments=CALLS[name][2], forks="fork" in name or name.startswith("clone_"))


def errno_in(text: str) -> int:
    found = re.search(r"came -?\d+ errno (\d+)(?![^`]*`\))", text)
    assert found, text
    return int(found[1])


@pytest.mark.parametrize("name", CALLS)
def test_refused_in_the_sandbox(name: str, grader: Any) -> None:
    verdict = grader.grade({"weighted": cell(name)})["weighted"]
    assert errno_in(verdict["message"]["en"]) == EPERM


@pytest.mark.parametrize("name", CALLS)
def test_not_refused_so_without_the_sandbox(name: str) -> None:
    done = subprocess.run([sys.executable, "-I", "-c", cell(name) + "\n\nprint(call())"], capture_output=True, text=True,
                          timeout=20, check=False)  # fmt: skip
    error = errno_in(done.stdout)
    if error in (EPERM, ENOSYS, 13):
        pytest.skip(f"without the sandbox {name} fails here as well (errno {error})")


def test_clone3_seems_missing_so_that_threads_still_start(grader: Any) -> None:
    """glibc asks for clone3 first: told EPERM it would give up, told ENOSYS it uses clone, whose flags are checked."""
    asks = CELL.format(number=435, arguments="0, 0, 0, 0, 0, 0", forks=False)
    assert errno_in(grader.grade({"weighted": asks})["weighted"]["message"]["en"]) == ENOSYS
    threads = """\
import threading


def weighted(values):
    found = []
    one = threading.Thread(target=lambda: found.append(sum((n + 1) * v for n, v in enumerate(values))))
    one.start()
    one.join()
    return float(found[0])
"""
    assert grader.grade({"weighted": threads})["weighted"]["outcome"] == "PASS"
    done = subprocess.run([sys.executable, "-I", "-c", asks + "\n\nprint(call())"], capture_output=True, text=True,
                          timeout=20, check=False)  # fmt: skip
    if errno_in(done.stdout) == ENOSYS:
        pytest.skip("without the sandbox clone3 is missing here as well")
    assert errno_in(done.stdout) == 22  # EINVAL: it is there, and refuses a size of 0
