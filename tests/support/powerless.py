"""Runs a command that, also as root, may only write where a directory's mode allows it.

`python powerless.py COMMAND ...`, or `powerless(command)` for the words to execute.
"""

import ctypes
import os
import sys
from collections.abc import Sequence

_DROP = 24
"""`PR_CAPBSET_DROP`: what is executed afterwards does not get the capability back."""
_OVERRIDES = (1, 2)
"""`CAP_DAC_OVERRIDE` and `CAP_DAC_READ_SEARCH`."""


def powerless(command: Sequence[str]) -> list[str]:
    return [sys.executable, __file__, *command]


def main() -> None:
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in _OVERRIDES:
            if libc.prctl(_DROP, capability, 0, 0, 0):
                sys.exit(f"capability {capability} cannot be dropped: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
