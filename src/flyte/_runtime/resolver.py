"""Finds the task that a command line names: `mod <module> instance <attribute>`, and what was overridden."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flyte._programs.task import WORD, taken
from flyte._runtime.imports import import_tasks
from flyte.errors import ModuleLoadError

if TYPE_CHECKING:
    from flyte._authoring.task import Task


def load(arguments: Sequence[str]) -> "Task[..., Any]":
    """Import the module and take the task out of it.

    Raises:
        ModuleLoadError: the arguments are no such pairs, the module cannot be imported, or it has no such task.
    """
    found = dict(zip(arguments[::2], arguments[1::2], strict=False))
    if WORD in found:
        return taken(found[WORD])
    try:
        module, attribute = found["mod"], found["instance"]
    except KeyError as missing:
        raise ModuleLoadError(
            f"The command line names no task: {' '.join(arguments)!r} lacks {missing}.",
            hint="It ends in: mod <module> instance <attribute>",
        ) from None
    value = import_module(module)
    for name in attribute.split("."):
        if not hasattr(value, name):
            raise ModuleLoadError(
                f"Module {module} has no task {attribute!r}.",
                hint="Submit again: the code that was submitted with the run is another one.",
            )
        value = getattr(value, name)
    from flyte._authoring.overrides import applied
    from flyte._authoring.task import Task

    if not isinstance(value, Task):
        raise ModuleLoadError(
            f"{attribute} of module {module} is no task, but a {type(value).__name__}.",
            hint="Decorate the function with @env.task.",
        )
    return applied(value, found)


def module_of(arguments: Sequence[str]) -> str:
    """The module that `load` would import; empty: none is named."""
    found = dict(zip(arguments[::2], arguments[1::2], strict=False))
    return found.get("mod", "")


def import_module(name: str) -> Any:
    """Import user code; whatever it raises becomes a `ModuleLoadError`, with its own traceback as cause."""
    try:
        return import_tasks(name)[0]
    except Exception as error:
        raise ModuleLoadError(
            f"Module {name} cannot be imported: {type(error).__name__}: {error}",
            hint=getattr(error, "hint", "")
            or "If a module is missing, install it in the environment of the task, or add it to the code bundle.",
        ) from error
