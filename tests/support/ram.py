"""Where databases lie whose durability a test does not depend on: in memory, where this machine has such a place."""

import os
from tempfile import TemporaryDirectory
from typing import Final

PLACE: Final = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def directory() -> "TemporaryDirectory[str]":
    """A new one; forcing its files to the disk costs nothing."""
    return TemporaryDirectory(dir=PLACE)
