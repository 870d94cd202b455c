"""Files and directories of this machine that go along with a run to a server elsewhere."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from flyte._client.connect import Connect
from flyte._packaging import upload


class Cargo:
    """Is told of what the inputs refer to while they are encoded; then brings it, and they are encoded
    again with the addresses that hold there."""

    def __init__(self) -> None:
        self._wanted: dict[str, str | None] = {}
        self._there: dict[str, str] = {}

    def __call__(self, uri: str, digest: str | None) -> str:
        self._wanted[uri] = digest
        return self._there.get(uri, uri)

    def __bool__(self) -> bool:
        return bool(self._wanted)

    async def bring(self, client: Connect, project: str, domain: str) -> Mapping[str, str]:
        """Upload it all; where each is on the server's side.

        Raises:
            FileNotFoundError: something is not there.
            RuntimeUserError: the server did not store it.
        """
        for uri, digest in self._wanted.items():
            path = Path(uri)
            # The address says what it is known by, so that the same content is brought once.
            root = hashlib.sha256(f"{digest}|{path.name}".encode()).hexdigest()[:32]
            placed = await upload.bring_path(client, path, project, domain, root)
            if placed is not None:
                self._there[uri] = placed
        return self._there
