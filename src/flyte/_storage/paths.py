"""Where new data go: below the running attempt, or, outside of a run, into the data directory."""

import os
from pathlib import Path

from flyte import _context, _session
from flyte._storage.places import is_remote, join
from flyte.errors import RuntimeUserError
from flyte_core.layout import Layout


def base() -> str:
    """The directory, or prefix, that new data go below."""
    context = _context.current()
    if context is not None:
        return _plain(context.raw_data_path)
    return str(Layout(_session.current().config.home).data)


def in_run() -> bool:
    """Whether the code belongs to a run."""
    return _context.current() is not None


def ours(path: Path) -> bool:
    """Whether a file lies where the running run keeps its data, so that nobody else writes it."""
    context = _context.current()
    if context is None:
        return path.is_relative_to(Layout(_session.current().config.home).data)
    return path.is_relative_to(_plain(context.run_base_dir)) or path.is_relative_to(base())


def lasting(path: Path) -> bool:
    """Whether a file must outlive the machine's end: a server tells others that it is there."""
    context = _context.current()
    return context is not None and context.is_in_cluster() and ours(path)


def new(name: str | None = None) -> str:
    """An address that nothing has yet."""
    unique = join(base(), os.urandom(8).hex())
    return join(unique, _checked(name)) if name else unique


def named(name: str) -> str:
    """The address of this name in the running action: the same in every attempt.

    Raises:
        RuntimeUserError: the name leads elsewhere, or no action is running.
    """
    context = _context.current()
    if context is None:
        raise RuntimeUserError(
            f"{name!r} has no place outside of a task: its address follows from the action.",
            hint="Use new_remote, or call it inside a task.",
        )
    attempt = _plain(context.raw_data_path).rstrip("/").removesuffix("/raw")
    return join(attempt.rpartition("/")[0], "named", _checked(name))


def absolute(uri: str) -> str:
    """The address as it holds in any directory."""
    return uri if is_remote(uri) else str(Path(_plain(uri)).expanduser().absolute())


def base_name(uri: str) -> str:
    """The last part of an address."""
    return uri.rstrip("/").rpartition("/")[2]


def _plain(path: str) -> str:
    return path.removeprefix("file://")


def _checked(name: str) -> str:
    if "/" in name or "\\" in name or name in ("", ".", ".."):
        raise RuntimeUserError(f"{name!r} is no name of a file.", hint="Use one without / and \\.")
    return name
