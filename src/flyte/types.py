"""Teach the type system a class of your own.

    class MyTransformer(flyte.types.TypeTransformer[Mine]): ...
    flyte.types.TypeEngine.register(MyTransformer("Mine", Mine))

A package does so for all who install it with an entry point of the group `flyte.plugins.types`: a
function that registers its transformers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyte._types.custom import Renderable, TypeEngine, TypeTransformer, TypeTransformerFailedError
    from flyte._types.dynamic import FlytePickle

_LAZY = {
    "FlytePickle": "flyte._types.dynamic",
    "Renderable": "flyte._types.custom",
    "TypeEngine": "flyte._types.custom",
    "TypeTransformer": "flyte._types.custom",
    "TypeTransformerFailedError": "flyte._types.custom",
}

__all__ = ["FlytePickle", "Renderable", "TypeEngine", "TypeTransformer", "TypeTransformerFailedError"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        module = _LAZY.get(name)
        if module is None:
            raise AttributeError(f"module 'flyte.types' has no attribute {name!r}")
        value = getattr(import_module(module), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
