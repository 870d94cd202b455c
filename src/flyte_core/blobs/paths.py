"""Names of blobs: a few ordinary segments, so that no name can lead anywhere else."""

import re
from typing import Final

from flyte_core.model import InvalidArgument

DEPTH: Final = 32

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+@-]{0,199}")


def segments(path: str) -> list[str]:
    """The parts of a blob's path, each fit for a file's name on any system.

    Raises:
        InvalidArgument: empty, too deep, or a part holds anything but ASCII letters, digits and `._=+@-`,
            or begins with other than a letter, a digit or `_`.
    """
    parts = path.split("/")
    if len(parts) > DEPTH or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise InvalidArgument(
            f"{path[:120]!a} is not the path of a blob.",
            hint="Use letters, digits and . _ = + @ - between single slashes.",
        )
    return parts
