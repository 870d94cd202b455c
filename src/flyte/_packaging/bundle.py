"""The bundle of a run: its files as one archive, or the task itself as a pickle, named by content."""

import gzip
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flyte._packaging import files as select
from flyte._packaging.files import Files
from flyte.errors import CodeBundleError
from flyte_core.frozen import frozen
from flyte_core.model import InvalidArgument

if TYPE_CHECKING:
    from flyte._authoring.task import Task

CopyStyle = Literal["loaded_modules", "all", "none"]

_NAMED_BY = 32
"""So many hexadecimal digits of the content's digest are in the name."""


@frozen
class Bundle:
    """Code to be brought to the server, unless it is there.

    `digest` is that of the content, `make` packs it; most runs find it packed and uploaded already.
    """

    name: str
    digest: str
    make: Callable[[], bytes]
    pickled: bool = False

    @property
    def version(self) -> str:
        """The version of the tasks in it."""
        return self.digest[:_NAMED_BY]


def bundle(
    task: "Task[..., Any]",
    style: CopyStyle,
    root: Path,
    *,
    interactive: bool | None = None,
    paths: Sequence[str] = (),
) -> Bundle | None:
    """What must go with the task so that a worker can run it. None: nothing, it is installed there.

    Args:
        task: The task that the run begins with.
        style: The files of the user's loaded modules, all files below the root, or none.
        root: The folder from which the worker imports.
        interactive: Pickle the task. By default that is done when it has no file: in a notebook, at a
            prompt.
        paths: Folders below the root from which the worker imports as well.

    Raises:
        CodeBundleError: a file cannot be read, something is too large, or the task cannot be pickled.
    """
    if _without_file(task) if interactive is None else interactive:
        data = _pickled(task, root)
        digest = hashlib.sha256(data).hexdigest()
        return Bundle(f"code{digest[:_NAMED_BY]}.pkl.gz", digest, lambda: data, pickled=True)
    if _without_file(task):
        raise CodeBundleError(
            f"{task.name} was written at a prompt or in a notebook: there is no file that a worker could import.",
            hint="Leave interactive_mode out, so that it goes as a pickle; or put it into a file.",
        )
    if style == "none":
        return None
    found = select.loaded(task, root) if style == "loaded_modules" else select.everything(root)
    if style == "all":
        _require_importable(task, root, paths)
    if not found:
        return None
    digest = digest_of(found)
    return Bundle(f"fast{digest[:_NAMED_BY]}.tar.gz", digest, lambda: _packed(found))


def digest_of(files: Files) -> str:
    """SHA-256 of names, contents and executable bits: equal for equal bundles, whenever and wherever made."""
    whole = hashlib.sha256()
    for name in sorted(files):
        try:
            data = files[name].read_bytes()
            runs = bool(files[name].stat().st_mode & 0o111)
        except OSError as error:
            raise _unreadable(files[name], error) from error
        for part in (name.encode("utf-8", "surrogateescape"), data, b"x" if runs else b"-"):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return whole.hexdigest()


def _packed(files: Files) -> bytes:
    from flyte_core.blobs import archive

    try:
        return archive.pack(files)
    except InvalidArgument as error:
        raise CodeBundleError(
            error.message, hint="Rename the file, or leave it out by a .flyteignore file."
        ) from error
    except OSError as error:
        raise _unreadable(Path(str(error.filename)), error) from error


def _without_file(task: "Task[..., Any]") -> bool:
    """Whether the task was written where no worker can import it from."""
    if task.func.__module__ != "__main__":
        return False
    file = getattr(sys.modules["__main__"], "__file__", None)
    return file is None or not Path(file).is_file()


def _require_importable(task: "Task[..., Any]", root: Path, paths: Sequence[str]) -> None:
    """With all files in their places, the task's module must be where its name says."""
    module = sys.modules.get(task.func.__module__)
    file = getattr(module, "__file__", None)
    if module is None or file is None or module.__name__ == "__main__":
        return
    path = Path(file).resolve()
    parts = module.__name__.split(".")
    name = Path(*parts, "__init__") if path.stem == "__init__" else Path(*parts)
    expected = [root / each / name for each in ("", *paths)]
    if path.is_relative_to(root) and path.with_suffix("") not in expected:
        raise CodeBundleError(
            f"Module {module.__name__} is {path.relative_to(root)} below the root {root}: "
            "a worker that imports from the root does not find it.",
            hint="Make the folder it is imported from the root (root_dir=, --root-dir), "
            "or use copy_style='loaded_modules'.",
        )


def _pickled(task: "Task[..., Any]", root: Path) -> bytes:
    """All tasks of the session by name, with the user's own modules inside: gzipped, without a time."""
    import cloudpickle

    own = select.user_modules(root)
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        tasks = {each.name: each for each in _tasks_of_main() if _can_be_pickled(each)}
        tasks[task.name] = task
        data = cloudpickle.dumps(tasks)
    except Exception as error:
        raise CodeBundleError(
            f"Task {task.name} cannot be pickled: {type(error).__name__}: {error}",
            hint="Something it uses cannot leave this process (a lock, a connection): make it inside the task, "
            "or put the task into a file.",
        ) from error
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)
    return gzip.compress(data, 6, mtime=0)


def _tasks_of_main() -> "list[Task[..., Any]]":
    from flyte._authoring.task import Task

    return [each for each in vars(sys.modules["__main__"]).values() if isinstance(each, Task)]


def _can_be_pickled(task: "Task[..., Any]") -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(task)
    except Exception:
        return False
    return True


def _unreadable(path: Path, error: OSError) -> CodeBundleError:
    return CodeBundleError(f"{path} cannot be put into the code bundle: {error.strerror}.")
