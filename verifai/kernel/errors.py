"""The three ways in which the kernel does not say yes.

May import: nothing. Must not know: files, networks, the command line.
"""


class InputError(Exception):
    """A network, query or number is unreadable: the statement itself is at fault (exit code 4)."""


class Unable(Exception):
    """Nothing was judged: this process or machine cannot carry out the check (exit code 4)."""


class Rejection(Exception):
    """A certificate is not accepted (exit code 1).

    Attributes:
        rule: the name of the violated rule, one of those listed in SPEC.md.
        reason: one sentence that says what was found.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason}")
        self.rule = rule
        self.reason = reason
