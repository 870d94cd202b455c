"""From a Python file to the tasks it declares."""

import contextlib
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from flyte._cli.params import NOTHING, Input, describe
from flyte._cli.problem import Problem, UsageProblem, nearest, say
from flyte._runtime.imports import import_tasks
from flyte_core.frozen import frozen

_UNHINTED = "a task's inputs need type hints to be given on the command line"


@frozen
class TaskEntry:
    """One task as the command line sees it."""

    name: str
    task: Any
    root_dir: Path

    @property
    def summary(self) -> str:
        """What it does and takes, in a line."""
        first = self.task.docs.partition("\n")[0]
        takes = ", ".join(f"{each.name}: {describe(each.type)}" for each in self.task.interface.inputs)
        return f"({takes})  {first}".rstrip()

    @property
    def help(self) -> str:
        return self.task.docs or f"The task {self.task.name}."

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What can be typed for it.

        Raises:
            Problem: an input has no type hint, so nobody can tell how to read what was typed.
        """
        for each in self.task.interface.inputs:
            if not each.hinted:
                raise Problem(
                    f"input '{each.name}' of task {self.task.name} has no type hint; {_UNHINTED}.",
                    hint=f"Write, for instance, '{each.name}: int' in its signature.",
                )
        return tuple(
            Input(each.name, each.type, NOTHING if each.required else each.default)
            for each in self.task.interface.inputs
        )


@frozen
class FileTasks:
    """The tasks of a file: its own by name, and everything that can be asked for."""

    by_name: Mapping[str, TaskEntry]
    others: Mapping[str, TaskEntry]

    def find(self, name: str) -> TaskEntry | None:
        """By the function's name, or by the task's full name."""
        found = self.by_name.get(name) or self.others.get(name)
        if found is not None:
            return found
        return next((entry for entry in self.by_name.values() if entry.task.name == name), None)


def load(file: str, root_dir: Path | None = None, *, debug: bool = False) -> FileTasks:
    """Import the file and find its tasks. What it prints while it is imported goes to stderr.

    Raises:
        UsageProblem: there is no such file, or it is no Python file.
        Problem: importing it failed; the detail is the traceback of the file's own code.
    """
    path = _python_file(file)
    root = root_dir.resolve() if root_dir is not None else _package_root(path)
    module = _import(path, root, debug=debug)
    found = _tasks_of(module, root)
    own = {name: entry for name, entry in found.items() if entry.task.func.__module__ == module.__name__}
    return FileTasks(by_name=own or found, others=found)


def _python_file(file: str) -> Path:
    path = Path(file).expanduser()
    if path.is_dir():
        raise UsageProblem(
            f"'{file}' is a directory.", hint=f"Name a Python file in it: flyte run {file}/FILE.py TASK"
        )
    if not path.is_file():
        folder = path.parent
        names = [str(each.relative_to(folder)) for each in folder.glob("*.py")] if folder.is_dir() else []
        near = nearest(path.name, names)
        raise UsageProblem(
            f"there is no file '{file}'{'' if path.is_absolute() else f' here ({Path.cwd()})'}.",
            hint=near or "Write: flyte run FILE TASK, where FILE is the path of a Python file.",
        )
    if path.suffix != ".py":
        raise UsageProblem(f"'{file}' is not a Python file: its name does not end in .py.")
    return path.resolve()


def _package_root(path: Path) -> Path:
    """The directory from which the file is imported: the nearest one above that is no package."""
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def _import(path: Path, root: Path, *, debug: bool) -> ModuleType:
    name = _module_name(path, root)
    for entry in dict.fromkeys((str(Path.cwd()), str(path.parent), str(root))):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            module, line = import_tasks(name)
    except (Exception, SystemExit) as error:
        raise _import_problem(path, error, debug=debug) from error
    if line:
        say(f"{path.name} starts a run in line {line}; what stands from there on was left out.")
    origin = getattr(module, "__file__", None)
    if origin is None or not path.samefile(origin):
        raise Problem(
            f"{path.name} cannot be imported: the name '{name}' belongs to {origin or 'a built-in module'}.",
            hint="Rename the file.",
        )
    return module


def _module_name(path: Path, root: Path) -> str:
    try:
        parts = path.relative_to(root).with_suffix("").parts
    except ValueError:
        raise UsageProblem(
            f"{path} is not below the root directory {root}.",
            hint="Give --root-dir a directory above the file.",
        ) from None
    dotted = next((part for part in parts if "." in part), None)
    if dotted is not None:
        raise UsageProblem(
            f"{path.name} cannot be imported as a module: there is a dot in '{dotted}'.",
            hint="Rename it, or give --root-dir a directory below the dot.",
        )
    return ".".join(parts)


def _import_problem(path: Path, error: BaseException, *, debug: bool) -> Problem:
    """The user's own traceback; our frames and the import system's are left out."""
    frames = error.__traceback__
    while not debug and frames is not None and frames.tb_frame.f_code.co_filename != str(path):
        frames = frames.tb_next
    detail = "".join(traceback.format_exception(type(error), error, frames, chain=frames is not None))
    if isinstance(error, ModuleNotFoundError):
        hint = f"Is '{error.name}' installed in this environment ({sys.executable})?"
    elif isinstance(error, SystemExit):
        hint = "The file ends the program when it is imported; put that under: if __name__ == '__main__':"
    else:
        hint = "Nothing was run."
    return Problem(f"{path.name} could not be imported: {_short(error)}", hint=hint, detail=detail)


def _short(error: BaseException) -> str:
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _tasks_of(module: ModuleType, root: Path) -> dict[str, TaskEntry]:
    """Every task in the module's namespace, in order of definition, under the first name it has there."""
    from flyte._authoring.task import Task

    entries: dict[int, TaskEntry] = {}
    for name, value in vars(module).items():
        if isinstance(value, Task) and id(value) not in entries:
            entries[id(value)] = TaskEntry(name, value, root)
    return {entry.name: entry for entry in entries.values()}
