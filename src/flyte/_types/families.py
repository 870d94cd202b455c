"""Codecs of classes from elsewhere: other libraries', and those that users and plugins register."""

import importlib
from collections.abc import Callable
from typing import Any, Final

from flyte._types.codec import Codec

GROUP: Final = "flyte.plugins.types"
"""Entry points of this group are called, without arguments, to register transformers."""

Make = Callable[[type, Any], Codec[Any]]
"""Makes the codec of a class, as a type hint has it."""

_KNOWN: Final = {
    "flyte._io.file.File": "flyte._types.references:reference",
    "flyte._io.dir.Dir": "flyte._types.references:reference",
    "flyte._io.dataframe.DataFrame": "flyte._types.frames:frame",
    "pandas.DataFrame": "flyte._types.frames:frame",
    "pandas.core.frame.DataFrame": "flyte._types.frames:frame",
    "polars.dataframe.frame.DataFrame": "flyte._types.frames:frame",
    "polars.lazyframe.frame.LazyFrame": "flyte._types.frames:frame",
    "pyarrow.lib.Table": "flyte._types.frames:frame",
    "numpy.ndarray": "flyte._types.arrays:array",
    "google._upb._message.Message": "flyte._types.messages:message",
    "google.protobuf.message.Message": "flyte._types.messages:message",
}
"""Where the codecs of some libraries' classes are made; nothing is imported before one is asked for."""

_registered: dict[type, Make] = {}
_loaded = False


def register(kind: type, make: Make) -> None:
    """Let a class, and those that inherit from it, have codecs of one's own."""
    _registered[kind] = make


def find(kind: type) -> Make | None:
    """What makes the codec of a class; None when nobody has said."""
    for each in kind.__mro__:
        found = _registered.get(each)
        if found is not None:
            return found
        path = _KNOWN.get(f"{each.__module__}.{each.__qualname__}")
        if path is not None:
            module, _, name = path.partition(":")
            made: Make = getattr(importlib.import_module(module), name)
            return made
    return None


def find_plugged(kind: type) -> Make | None:
    """The same, after the plugins that are installed have registered theirs."""
    load_plugins()
    return find(kind)


def load_plugins() -> None:
    """Let the plugins that are installed register their transformers, once in a process."""
    global _loaded
    if _loaded:
        return
    _loaded = True
    from importlib.metadata import entry_points

    for each in entry_points(group=GROUP):
        loaded = each.load()
        if callable(loaded):
            loaded()
