"""Where the command's process begins: Ctrl-C and SIGTERM wait until they can be answered.

May import: the standard library; cli on demand. Must not know: commands.
"""

from __future__ import annotations

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command and leaves the process with its exit code.

    Importing what a command needs takes a while on a busy machine, and an interrupt there would
    leave with a traceback. So the system keeps such signals until `verifai.cli.run` hears them.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    from verifai.cli import main as command

    command()
