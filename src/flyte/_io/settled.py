"""What a reference is known by when it is sent: an address that holds elsewhere, and a hash."""

from typing import Final, NamedTuple

from flyte._io import hashing
from flyte._storage import carry, paths
from flyte._storage.places import is_remote, local_path

EMPTY: Final = "::flyte-empty-dir::"
"""The address of no directory."""


class Settled(NamedTuple):
    """An address that holds for whoever reads it, and what caches know it by."""

    uri: str
    hash: str | None


def settle(uri: str, digest: str | None) -> Settled:
    """A reference as it is sent: absolute, and with a hash that changes when the data do.

    What the run itself has written is read for that; other data of this machine are looked at.
    """
    if is_remote(uri) or uri == EMPTY:
        return Settled(uri, digest)
    uri = paths.absolute(uri)
    here = local_path(uri)
    if digest is None and here is not None:
        digest = hashing.of_content(here) if paths.ours(here) else hashing.of_look(here)
    taken = carry.current()
    return Settled(uri if taken is None else taken(uri, digest), digest)


def shown_hash(digest: str | None) -> str | None:
    """A hash as a task sees it; what files look like from outside is not its business."""
    return None if not digest or digest.startswith(hashing.LOOK) else digest
