"""Secrets on one machine: from the environment, else from a `.env` file of the project.

Values never pass through declarations, the record or the wire. A server of this machine is told
where the file lies, and the worker reads it.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flyte._authoring.secret import Secret

VARIABLE: Final = "FLYTE_DOTENV"
"""Tells a worker where the project's file lies."""

_missed: set[str] = set()
"""What has been told to be missing: once for each process is enough."""


def find(*folders: Path | None) -> Path | None:
    """The first `.env` in these folders."""
    for folder in folders:
        if folder is not None and (folder / ".env").is_file():
            return folder / ".env"
    return None


def variables(secrets: "Iterable[Secret]", file: Path | None, environ: Mapping[str, str]) -> dict[str, str]:
    """What must be added to an environment so that it holds these secrets; those that are files are put there.

    What is missing is told on stderr, once.
    """
    wanted = [each for each in secrets if each.mount is not None or each.env_var not in environ]
    if not wanted:
        return {}
    there = {**(read(file) if file is not None else {}), **environ}
    found: dict[str, str] = {}
    for each in wanted:
        value = there.get(each.source)
        if each.file is not None:
            _put(each.file, value)
        if value is None:
            if each.file is None or not each.file.exists():
                _tell(each.source, f"neither the environment nor .env has {each.source}", each.key)
        elif each.env_var is not None:
            found[each.env_var] = value
    return found


def _put(path: Path, value: str | None) -> None:
    """Write a secret to its file, for its owner alone. One that is there already, as it should be, stays."""
    try:
        if value is None or (path.exists() and path.read_text("utf-8") == value):
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(value, "utf-8")
        draft.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        _tell(str(path), f"{path} cannot be written: {error}", path.name)


def _tell(about: str, why: str, key: str) -> None:
    if about not in _missed:
        _missed.add(about)
        print(f"[flyte] The secret {key} is missing: {why}.", file=sys.stderr, flush=True)


def given_to_worker(secrets: "Iterable[Secret]") -> None:
    """Put a task's secrets into the environment of its worker."""
    file = os.environ.get(VARIABLE, "")
    os.environ.update(variables(secrets, Path(file) if file else None, os.environ))


def read(file: Path) -> dict[str, str]:
    """The variables in a `.env` file: `NAME=value` a line, perhaps quoted, perhaps after `export`."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name = name.strip()
        if equals and name.isidentifier():
            found[name] = _value(value.strip())
    return found


def _value(text: str) -> str:
    quote = text[:1]
    if quote in ("'", '"') and (end := text.find(quote, 1)) > 0:
        inner = text[1:end]
        return inner.replace("\\n", "\n") if quote == '"' else inner
    return text.partition(" #")[0].rstrip()
