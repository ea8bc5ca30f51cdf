"""What a loader says when it cannot read a file.

May import: kernel errors. Must not know: any file format.
"""

from verifai.kernel.errors import InputError


class LoadError(InputError):
    """A file is unreadable or asks for something that is not supported.

    Attributes:
        reason: one sentence without the place.
        node: the operator (by its name, or by its first output) or line at fault, if one is known.
        op_type: the kind of that operator, if there is one.
    """

    def __init__(self, reason: str, *, node: str = "", op_type: str = "") -> None:
        place = f"node {node!r} ({op_type}): " if op_type else f"{node}: " if node else ""
        super().__init__(place + reason)
        self.reason = reason
        self.node = node
        self.op_type = op_type
