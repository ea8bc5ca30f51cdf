"""A second process that takes over part of a check, and whose silence is no answer.

May import: the standard library, the kernel's errors and checker. Must not know: what is checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from verifai.kernel.checker import Helper
from verifai.kernel.errors import Rejection

CAN_FORK = hasattr(os, "fork")
MAX_ANSWER = 1 << 16


def helper(processes: int) -> Helper | None:
    """What the kernel may share a check with where so many processes are allowed."""
    return Forked if processes > 1 and CAN_FORK else None


class Forked:
    """A task in a forked process, which says the task's word, or why it says no."""

    def __init__(self, task: Callable[[], bytes]) -> None:
        """Forks."""
        pipe, answer = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(pipe)
            code = 1
            try:
                os.write(answer, _said(task)[:MAX_ANSWER])
                code = 0
            finally:
                os._exit(code)
        os.close(answer)
        self.pipe, self.is_running = os.fdopen(pipe, "rb"), True

    def answer(self) -> bytes:
        """Waits for the task's word; empty if the process ended in any other way than it should.

        Raises:
            Rejection: that of the task.
        """
        said = self.pipe.read(MAX_ANSWER)
        _, status = os.waitpid(self.process, 0)
        self.is_running = False
        if status:
            return b""
        try:
            rule, reason = json.loads(said)
        except (ValueError, TypeError):
            return said
        raise Rejection(str(rule), str(reason))

    def __enter__(self) -> Callable[[], bytes]:
        """What waits for the answer."""
        return self.answer

    def __exit__(self, *_: object) -> None:
        """Ends the process if nobody waited for its answer."""
        self.pipe.close()
        if self.is_running:
            os.kill(self.process, 9)
            os.waitpid(self.process, 0)


def _said(task: Callable[[], bytes]) -> bytes:
    try:
        return task()
    except Rejection as rejection:
        return json.dumps([rejection.rule, rejection.reason]).encode()
