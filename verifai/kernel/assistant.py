"""A second process that takes over part of a check, and whose silence is no answer.

May import: the standard library, errors. Must not know: what is checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from verifai.kernel.errors import Rejection, Unable

YES = b"accepted"
CAN_FORK = hasattr(os, "fork")
MAX_ANSWER = 1 << 16


class Assistant:
    """Runs a task in a forked process; leaving the context waits for its answer.

    The task ends silently or raises Rejection. Only the exact word of success counts: an assistant
    that crashes, is killed or says anything else leaves the check without an answer.
    """

    def __init__(self, task: Callable[[], None]) -> None:
        """Forks."""
        self.pipe, answer = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(self.pipe)
            code = 1
            try:
                os.write(answer, _answer(task)[:MAX_ANSWER])
                code = 0
            finally:
                os._exit(code)
        os.close(answer)

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Waits for the answer: yes, the other's Rejection, or Unable."""
        if error is not None:
            os.kill(self.process, 9)
        with open(self.pipe, "rb") as pipe:
            answer = pipe.read(MAX_ANSWER)
        _, status = os.waitpid(self.process, 0)
        if error is not None or (status == 0 and answer == YES):
            return
        try:
            reason = _Reason(*json.loads(answer))
        except (ValueError, TypeError):
            raise Unable(
                "the second process of the check ended without an answer (was memory short?)"
            ) from None
        raise Rejection(reason.rule, reason.text)


class _Reason(NamedTuple):
    """Why the other process said no."""

    rule: str
    text: str


def _answer(task: Callable[[], None]) -> bytes:
    try:
        task()
    except Rejection as rejection:
        return json.dumps([rejection.rule, rejection.reason]).encode()
    return YES
