"""The sandbox: a worker in a bubblewrap container with no network, no files of ours, no new processes.

The worker sees the system's ``/usr``, the Python it runs on, installed packages, the worker's two files and an empty
working folder; it can write nowhere. It sees neither this repository (solutions, specs) nor ``course_lib``, nor the environment.
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from course_lib.classroom.process import WORKER_FILES, Stopped, Worker, python, site_folders
from course_lib.classroom.seccomp import machines, seccomp_filter
from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import PACKAGE, ROOT

_FIRST_UID = 60_000  # one per slot, so that limits on a user's processes don't add up
_AS_USER = ["--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
_AS_ROOT = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]


class Sandbox:
    """See ``process.Confinement``.

    Args:
        slot: number of the parallel worker, from 0.
        secrets: more folders that the worker must not see, should they lie inside a folder that it does see.
    """

    limits = True  # beside those of prlimit: both hold

    def __init__(self, slot: int = 0, secrets: tuple[Path, ...] = ()):
        self.slot, self.secrets = slot, secrets

    def command(self, requests: int, replies: int, memory_mb: int, seconds: int) -> tuple[list[str], tuple[int, ...]]:
        """See ``process.Confinement``."""
        filter_end = _pipe_with(seccomp_filter())
        limits = [f"--as={memory_mb * 2**20}", f"--cpu={seconds}", "--nproc=32", f"--fsize={16 * 2**20}",
                  "--nofile=64", "--core=0"]  # fmt: skip
        worker = ["/usr/bin/prlimit", *limits, *python(), "/sub/worker.py", str(requests), str(replies)]
        root = os.geteuid() == 0
        if root:
            uid = str(_FIRST_UID + self.slot)
            worker = ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all",
                      "--bounding-set=-all", "--no-new-privs", *worker]  # fmt: skip
        user = _AS_ROOT if root else [*_AS_USER, *_no_user_namespaces()]
        return [_bwrap(), *_NAMESPACES, *_ENVIRONMENT, *_files(self.secrets), "--seccomp", str(filter_end), *user, "--",
                *worker], (filter_end,)  # fmt: skip


_NAMESPACES = ["--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
               "--unshare-cgroup-try", "--hostname", "sandbox"]  # fmt: skip
_ENVIRONMENT = ["--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/tmp/w", "--setenv", "LANG", "C.UTF-8",
                "--setenv", "OPENBLAS_NUM_THREADS", "1", "--setenv", "OMP_NUM_THREADS", "1", "--setenv",
                "MKL_NUM_THREADS", "1", "--setenv", "PYTHONHASHSEED", "0"]  # fmt: skip


def _files(secrets: tuple[Path, ...]) -> list[str]:
    """What the worker sees of the file system."""
    base, sites = os.path.realpath(sys.base_prefix), site_folders()
    shown = ["/usr", *([] if base == "/usr" else [base])]
    arguments: list[str] = []
    for folder in _ancestors([*shown, *sites, "/tmp/w"]):
        arguments += ["--perms", "0755", "--dir", folder]  # as root, bwrap would make them 0700
    for folder in shown:
        arguments += ["--ro-bind", folder, folder]
    for link, target in (("/lib", "usr/lib"), ("/lib64", "usr/lib64"), ("/bin", "usr/bin")):
        if os.path.islink(link):
            arguments += ["--symlink", target, link]
        elif os.path.isdir(link):
            arguments += ["--ro-bind", link, link]
    # A checkout inside /usr would be seen with it: cover it, then show its installed packages again.
    covers = _inside([ROOT, *secrets], shown)
    arguments += [part for path in covers for part in ("--tmpfs", path)]
    for folder in sites:
        arguments += ["--ro-bind", folder, folder]
    within_sites = _inside([PACKAGE, *secrets], sites)  # installed as a wheel, the package lies among the others
    arguments += [part for path in within_sites for part in ("--tmpfs", path)]
    # As an ordinary user the worker owns the covers: writable, they would be memory that no limit counts.
    arguments += [part for path in dict.fromkeys([*covers, *within_sites]) for part in ("--remount-ro", path)]
    # No /proc: as an ordinary user the worker has the user id of bwrap's own first process, which has no limits, and
    # through /proc/1/mem could make it go on after the end. Libraries only look for the kind of processor there.
    arguments += ["--perms", "0755", "--dir", "/proc", "--ro-bind-try", "/proc/cpuinfo", "/proc/cpuinfo"]
    arguments += ["--dev", "/dev", "--remount-ro", "/dev"]
    # No scratch folder: bwrap bounds a folder's bytes but not its files, and an empty file takes 1 kB of the kernel's memory.
    arguments += ["--perms", "0755", "--dir", "/tmp/w", "--perms", "0755", "--dir", "/sub"]
    for file in WORKER_FILES:
        arguments += ["--ro-bind", str(file), f"/sub/{file.name}"]
    return [*arguments, "--remount-ro", "/", "--chdir", "/tmp/w"]


def _inside(secrets: list[Path], shown: list[str]) -> list[str]:
    """Those of the secret folders that lie in a folder that is shown."""
    real = [os.path.realpath(secret) for secret in secrets]
    return [path for path in real if os.path.isdir(path) and any(_within(path, folder) for folder in shown)]


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _ancestors(paths: list[str]) -> list[str]:
    return sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/", "/usr"})


def _pipe_with(data: bytes) -> int:
    """The reading end of a pipe that holds ``data`` (shorter than a pipe's buffer) and has ended."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


def _bwrap() -> str:
    """Its whole path, since the worker's environment has no PATH to look it up in."""
    return shutil.which("bwrap") or "bwrap"


@functools.cache
def _no_user_namespaces() -> list[str]:
    """``--disable-userns`` where this bwrap has it (0.8); the filter refuses new namespaces anyway."""
    text = subprocess.run([_bwrap(), "--help"], capture_output=True, text=True, env={}, check=False).stdout
    return ["--disable-userns"] if "--disable-userns" in text else []


@functools.cache
def why_not() -> CourseError | None:
    """None where the sandbox works, tried once by starting it; else the reason and the remedy."""
    override = "or grade with --trust-submissions on a machine that you can afford to lose"
    if not sys.platform.startswith("linux"):
        return CourseError(
            f"the sandbox needs Linux, this is {platform.system()}", remedy=f"Use a Linux machine, {override}"
        )
    if platform.machine() not in machines():
        return CourseError(f"there is no system call filter for {platform.machine()}",
                           remedy=f"Use one of {', '.join(machines())}, {override}")  # fmt: skip
    for program, package in (("bwrap", "bubblewrap"), ("prlimit", "util-linux"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            return CourseError(f"the sandbox needs {program}, which is not installed",
                               remedy=f"Install it (Debian, Ubuntu: apt install {package}), {override}")  # fmt: skip
    try:
        with Worker(Sandbox(), (), 512, 5.0):
            return None
    except Stopped as stopped:
        said = subprocess.run([_bwrap(), "--ro-bind", "/", "/", "--unshare-user", "--unshare-pid", "--unshare-net", "true"],
                              capture_output=True, text=True, env={}, check=False).stderr.strip()  # fmt: skip
        return CourseError(
            f"the sandbox can't start here ({said.splitlines()[-1] if said else stopped.detail})",
            remedy="Allow user namespaces (Ubuntu 24.04: an AppArmor profile for bwrap; Docker: --security-opt "
            f"seccomp=unconfined and a privileged user namespace), {override}",
        )
