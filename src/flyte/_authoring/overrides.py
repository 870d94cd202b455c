"""What `task.override` changed for the body itself, for a worker that loads the task as it was declared."""

import base64
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flyte._authoring.secret import Secret

if TYPE_CHECKING:
    from flyte._authoring.task import Task

WORD: Final = "overridden"
"""Stands before the changes among the words that name a task to a worker."""


def told(task: "Task[..., Any]") -> list[str]:
    """The changes as words for a worker; none when there are none that it must know of."""
    declared, now = task.declared, task.options
    changes: dict[str, Any] = {}
    if now.max_inline_io_bytes != declared.max_inline_io_bytes:
        changes["max_inline_io_bytes"] = now.max_inline_io_bytes
    if now.secrets is not declared.secrets:
        changes["secrets"] = [
            [each.key, each.group, None if each.mount is None else str(each.mount), each.as_env_var]
            for each in task.secrets
        ]
    if now.links is not declared.links:
        changes["links"] = _pickled(task.links)
    return [WORD, json.dumps(changes)] if changes else []


def applied(task: "Task[..., Any]", words: dict[str, str]) -> "Task[..., Any]":
    """The task with the changes that `told` told of."""
    text = words.get(WORD)
    if text is None:
        return task
    changes = json.loads(text)
    if "secrets" in changes:
        changes["secrets"] = [
            Secret(key, group, None if mount is None else Path(mount), variable)
            for key, group, mount, variable in changes["secrets"]
        ]
    if "links" in changes:
        changes["links"] = pickle.loads(base64.b64decode(changes["links"]))
    return task.override(**changes)


def _pickled(links: tuple[Any, ...]) -> str:
    """Links are objects of the user's own classes."""
    import cloudpickle

    return base64.b64encode(cloudpickle.dumps(links)).decode()
