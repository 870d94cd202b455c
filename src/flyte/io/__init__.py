"""Values by reference: files, directories and data frames, here or in an object store.

    from flyte.io import DataFrame, Dir, File

A task takes and returns them like any other value; what travels is the address and a hash.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flyte._io.dataframe import DataFrame
    from flyte._io.dir import Dir, EmptyDir
    from flyte._io.file import File
    from flyte._io.hashing import HashFunction, HashMethod

ARROW: Final = "arrow"
"""The format of data frames unless another one is asked for: an Arrow IPC file."""
PARQUET: Final = "parquet"
CSV: Final = "csv"

_LAZY = {
    "DataFrame": "flyte._io.dataframe",
    "Dir": "flyte._io.dir",
    "EmptyDir": "flyte._io.dir",
    "File": "flyte._io.file",
    "HashFunction": "flyte._io.hashing",
    "HashMethod": "flyte._io.hashing",
}

__all__ = [
    "ARROW",
    "CSV",
    "PARQUET",
    "DataFrame",
    "Dir",
    "EmptyDir",
    "File",
    "HashFunction",
    "HashMethod",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        module = _LAZY.get(name)
        if module is None:
            raise AttributeError(f"module 'flyte.io' has no attribute {name!r}")
        value = getattr(import_module(module), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
