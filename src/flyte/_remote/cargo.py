"""Files and directories of this machine that go along with a run to a server elsewhere."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flyte._client.connect import Connect
from flyte._packaging import upload

_AT_ONCE: Final = 8


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
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(path: Path, root: str, name: str) -> str:
            async with limit:
                data = await asyncio.to_thread(path.read_bytes)
                return await upload.bring_bytes(client, name, data, project, domain, root)

        for uri, digest in self._wanted.items():
            path = Path(uri)
            # The address says what it is known by, so that the same content is brought once.
            root = hashlib.sha256(f"{digest}|{path.name}".encode()).hexdigest()[:32]
            files = [each for each in sorted(path.rglob("*")) if each.is_file()] if path.is_dir() else [path]
            names = (
                [f"{path.name}/{each.relative_to(path).as_posix()}" for each in files]
                if path.is_dir()
                else [path.name]
            )
            placed = await asyncio.gather(
                *(one(each, root, name) for each, name in zip(files, names, strict=True))
            )
            if placed:
                self._there[uri] = placed[0].removesuffix(names[0]) + path.name
        return self._there
