"""The code a task ran with: the files of its bundle, read in place and bounded."""

from itertools import pairwise
from pathlib import Path

from flyteidl2.task import task_definition_pb2

from flyte_core.blobs import archive
from flyte_core.frozen import frozen
from flyte_core.model import Action, ActionKind, InvalidArgument, NotFound
from flyte_core.wire import specs
from flyte_server.console.place import inside
from flyte_server.services.command import template_of

MAX_FILES = 2_000
MAX_TEXT = 512 << 10


@frozen
class Entry:
    """Where the task stands: a file of the bundle (empty when it cannot be told) and a name in it."""

    file: str
    name: str


def listing(action: Action, home: Path) -> dict[str, object]:
    """The files of the bundle, and where the task is in them.

    Raises:
        NotFound: the action has no bundle, or it is gone.
    """
    files: list[dict[str, object]] = []
    for name, size, _ in archive.contents(_bundle(action, home)):
        files.append({"path": name, "size_bytes": size})
        if len(files) >= MAX_FILES:
            break
    entry = _entry(action)
    paths = {str(file["path"]) for file in files}
    known = next((path for path in sorted(paths, key=len) if _is_module(path, entry.file)), "")
    return {"files": files, "entry": {"file": known, "name": entry.name}, "cut": len(files) >= MAX_FILES}


def text(action: Action, home: Path, path: str) -> dict[str, object]:
    """One file of the bundle, its first `MAX_TEXT` bytes.

    Raises:
        NotFound: there is no such file.
    """
    for name, size, content in archive.contents(_bundle(action, home)):
        if name == path:
            data = content.read(MAX_TEXT)
            binary = b"\0" in data
            return {
                "path": name,
                "size_bytes": size,
                "cut": size > MAX_TEXT,
                "text": None if binary else data.decode("utf-8", "replace"),
            }
    raise NotFound(f"The code of {action.key.name} has no file {path!r}.")


def _bundle(action: Action, home: Path) -> Path:
    code = ""
    if action.kind is ActionKind.TASK:
        try:
            code = template_of(action).code
        except InvalidArgument:
            code = ""
    if not code:
        raise NotFound(
            f"{action.spec.short_name} was started without a code bundle: its code lies where it ran."
        )
    path = inside(home, code)
    if path is None or not path.is_file():
        raise NotFound(f"The code bundle of {action.spec.short_name} is no longer in the data directory.")
    return path


def _entry(action: Action) -> Entry:
    message = specs.message_of(action.spec, ActionKind.TASK)
    assert isinstance(message, task_definition_pb2.TaskSpec)
    argv = list(message.task_template.container.args)
    named = dict(pairwise(argv))
    return Entry(named.get("mod", "").replace(".", "/"), named.get("instance", action.spec.short_name))


def _is_module(path: str, module: str) -> bool:
    return bool(module) and (
        path in (f"{module}.py", f"{module}/__init__.py") or path.endswith(f"/{module}.py")
    )
