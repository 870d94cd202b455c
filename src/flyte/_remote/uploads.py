"""Brings files and directories to where runs can read them, outside of any run."""

import asyncio
import hashlib
from pathlib import Path

from flyte import _session
from flyte._client.errors import RpcError, for_user
from flyte._client.session import connect
from flyte._io import hashing
from flyte._packaging import upload
from flyte._storage import transfer
from flyte._sync import syncify
from flyte.errors import RuntimeUserError


@syncify
async def upload_file(
    fp: str | Path, verify: bool = True, fname: str | None = None, content_type: str | None = None
) -> tuple[str, str]:
    """Bring a file to the configured server; without one, into this machine's data directory.

    Args:
        fp: The file.
        verify: There for scripts that give it; certificates are always checked.
        fname: What it is called there, instead of its own name.
        content_type: There for scripts that give it; the name tells what it is.

    Returns:
        The MD5 of its content in hexadecimal, and its address there: `File.from_existing_remote(address)`.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
        RuntimeUserError: the server did not store it.
    """
    path = Path(fp).expanduser()
    data = await asyncio.to_thread(path.read_bytes)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    name = fname or path.name
    config = _session.current().config
    if not config.endpoint:
        uri, _ = await asyncio.to_thread(transfer.keep, path, name)
        return digest, uri
    try:
        uri = await upload.bring_bytes(connect(config), name, data, config.project, config.domain)
    except RpcError as error:
        raise for_user(error) from error
    return digest, uri


@syncify
async def upload_dir(dir_path: str | Path, verify: bool = True, prefix: str | None = None) -> str:
    """Bring a directory to the configured server; without one, into this machine's data directory.

    Args:
        dir_path: The directory.
        verify: There for scripts that give it; certificates are always checked.
        prefix: The name of the directory above it there, instead of one made of its content.

    Returns:
        Its address there: `Dir.from_existing_remote(address)`.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such directory.
        RuntimeUserError: the server did not store it.
    """
    path = Path(dir_path).expanduser().absolute()
    config = _session.current().config
    if not config.endpoint:
        uri, _ = await asyncio.to_thread(transfer.keep_tree, path)
        return uri
    root = prefix if prefix is not None else await asyncio.to_thread(_digest, path)
    try:
        placed = await upload.bring_path(connect(config), path, config.project, config.domain, root)
    except RpcError as error:
        raise for_user(error) from error
    if placed is None:
        raise RuntimeUserError(
            f"{path} holds no files, so there is nothing to bring.",
            hint="flyte.io.Dir.empty() stands for it.",
        )
    return placed


def _digest(path: Path) -> str:
    transfer.check_directory(path)
    digest = hashing.of_content(path)
    assert digest is not None
    return digest.removeprefix(hashing.CONTENT)[:32]
