"""How a program beside ``course`` ends: an error in one line, without a traceback; an interrupt likewise."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

from course_lib.core.errors import CourseError


def run_script(main: Callable[[], int], stopped: str = "interrupted; nothing was saved") -> int:
    """The exit status of ``main``: 2 after a ``CourseError``, 130 after Ctrl-C or SIGTERM; either is told on stderr.

    Args:
        stopped: what to tell after an interrupt.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return main()
    except CourseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(stopped, file=sys.stderr)
        return 130
