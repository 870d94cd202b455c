"""Where values by reference lie, and how each cloud is reached.

    flyte.init(storage=flyte.storage.S3(endpoint="http://localhost:9000", ...))

Without it, each is reached as the environment says (`AWS_*`, `GOOGLE_*`, `AZURE_*`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyte._storage.config import ABFS, GCS, S3, Storage
    from flyte._storage.face import exists, exists_sync, get, get_stream, open, put, put_stream
    from flyte._storage.places import is_remote, join

_LAZY = {
    "ABFS": "flyte._storage.config",
    "GCS": "flyte._storage.config",
    "S3": "flyte._storage.config",
    "Storage": "flyte._storage.config",
    "exists": "flyte._storage.face",
    "exists_sync": "flyte._storage.face",
    "get": "flyte._storage.face",
    "get_stream": "flyte._storage.face",
    "is_remote": "flyte._storage.places",
    "join": "flyte._storage.places",
    "open": "flyte._storage.face",
    "put": "flyte._storage.face",
    "put_stream": "flyte._storage.face",
}

__all__ = [
    "ABFS",
    "GCS",
    "S3",
    "Storage",
    "exists",
    "exists_sync",
    "get",
    "get_stream",
    "is_remote",
    "join",
    "open",
    "put",
    "put_stream",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        module = _LAZY.get(name)
        if module is None:
            raise AttributeError(f"module 'flyte.storage' has no attribute {name!r}")
        value = getattr(import_module(module), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
