"""Ids from the wire, checked: they become parts of paths, so only ordinary names pass.

The organisation is never looked at: clients fill it in differently for the same run.
"""

import re
from typing import Final

from flyteidl2.common import identifier_pb2
from flyteidl2.task import task_definition_pb2

from flyte_core.model import ActionKey, ActionName, InvalidArgument, RunKey

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")
_ACTION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def name(what: str, text: str) -> str:
    """The text, if a project, a domain or a run may be called so.

    Raises:
        InvalidArgument: it may not.
    """
    if _NAME.fullmatch(text) is None:
        raise InvalidArgument(
            f"The {what} {text!r} is not a name." if text else f"The {what} is missing.",
            hint="Names are 1 to 63 letters, digits, points, hyphens and underscores.",
        )
    return text


def run_key(message: identifier_pb2.RunIdentifier) -> RunKey:
    return RunKey(name("project", message.project), name("domain", message.domain), name("run", message.name))


def action_key(message: identifier_pb2.ActionIdentifier) -> ActionKey:
    return ActionKey(run_key(message.run), action_name(message.name))


def action_name(text: str) -> ActionName:
    if _ACTION.fullmatch(text) is None:
        raise InvalidArgument(f"{text!r} is not the name of an action.")
    return ActionName(text)


def project(message: identifier_pb2.ProjectIdentifier) -> tuple[str, str]:
    """Project and domain."""
    return name("project", message.name), name("domain", message.domain)


def task(message: task_definition_pb2.TaskIdentifier) -> tuple[str, str, str, str]:
    """Project, domain, name and version; an empty version stands for the latest."""
    if not message.name or len(message.name) > 200:
        raise InvalidArgument(f"{message.name!r} is not the name of a task.")
    if len(message.version) > 200:
        raise InvalidArgument(f"{message.version!r} is not the version of a task.")
    return name("project", message.project), name("domain", message.domain), message.name, message.version
