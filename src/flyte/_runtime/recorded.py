"""Finds the task of a local run again, in the file it came from."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyteidl2.task import task_definition_pb2

from flyte._runtime import resolver
from flyte._runtime.a0 import parse
from flyte.errors import ModuleLoadError
from flyte_core.model import Action, ActionKind, RunRecord
from flyte_core.wire import specs

if TYPE_CHECKING:
    from flyte._authoring.task import Task


def task_of(record: RunRecord, action: Action) -> "Task[..., Any]":
    """The task that an action of a local run called, as its file declares it now.

    Raises:
        ModuleLoadError: the file is gone, cannot be imported, or does not declare the task any more.
    """
    name = record.key.name
    if action.kind is not ActionKind.TASK:
        raise ModuleLoadError(
            f"{action.key.name} is a {action.kind}; only the call of a task can be run by itself.",
            hint=f"List the actions: flyte get action {name}",
        )
    message = specs.message_of(action.spec, ActionKind.TASK)
    assert isinstance(message, task_definition_pb2.TaskSpec)
    arguments = parse(tuple(message.task_template.container.args)).resolver_args
    module = resolver.module_of(arguments)
    root = Path(record.root_dir)
    if not record.root_dir:
        raise ModuleLoadError(
            f"Run {name} does not say where its code was, so it cannot be run again.",
            hint="Start its task again: flyte run --local FILE TASK",
        )
    file = _file(root, module)
    if file is None and module.partition(".")[0] not in sys.modules and not _installed(module):
        raise ModuleLoadError(
            f"The code of run {name} is gone: there is no {root.joinpath(*module.split('.'))}.py any more.",
            hint="Put the file back, or start a new run from where it is now: flyte run --local FILE TASK",
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    _adopt_main(module, file)
    return resolver.load(arguments)


def _file(root: Path, module: str) -> Path | None:
    path = root.joinpath(*module.split("."))
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module.partition(".")[0]) is not None


def _adopt_main(module: str, file: Path | None) -> None:
    """The script of this very process is imported already, as `__main__`."""
    main = sys.modules["__main__"]
    own = getattr(main, "__file__", None)
    if file is not None and own is not None and Path(own).resolve() == file.resolve():
        sys.modules.setdefault(module, main)
