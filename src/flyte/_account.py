"""Who uses this process: the name of the operating system's account."""

import os
from functools import cache


@cache
def account() -> str:
    """The account's name, or its number where it has none."""
    import pwd

    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
