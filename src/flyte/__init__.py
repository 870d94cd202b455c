"""Runs and actions in pure Python: declare tasks, call them, and see what became of each call.

    import flyte

    env = flyte.TaskEnvironment(name="my_env")

    @env.task
    def double(x: int) -> int:
        return x * 2

    flyte.init()
    run = flyte.run(double, x=21)
    print(run.status, run.outputs()[0])

Importing this package starts no thread, opens nothing and loads no protobuf: what a run needs is
imported by the first run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flyte import errors
from flyte._authoring.environment import TaskEnvironment
from flyte._authoring.task import Task
from flyte._context import ctx, custom_context, get_custom_context, group
from flyte._version import VERSION as __version__

if TYPE_CHECKING:
    from flyte import durable, remote, report
    from flyte._authoring.image import Image
    from flyte._authoring.policies import (
        Backoff,
        Cache,
        CachePolicy,
        CacheRequest,
        RetryStrategy,
        ReusePolicy,
        Timeout,
        VersionParameters,
    )
    from flyte._authoring.resources import AMD_GPU, GPU, TPU, Device, Resources
    from flyte._authoring.secret import Secret, SecretRequest
    from flyte._calls.checkpoint import BaseCheckpoint, Checkpoint, latest_checkpoint
    from flyte._calls.condition import ConditionWebhook, new_condition
    from flyte._calls.map import map
    from flyte._calls.trace import trace
    from flyte._log import logger, system_logger
    from flyte._rerun import rerun
    from flyte._run import run, with_runcontext
    from flyte._session import init, init_from_config

_LAZY = {
    "AMD_GPU": "flyte._authoring.resources",
    "BaseCheckpoint": "flyte._calls.checkpoint",
    "Checkpoint": "flyte._calls.checkpoint",
    "ConditionWebhook": "flyte._calls.condition",
    "latest_checkpoint": "flyte._calls.checkpoint",
    "new_condition": "flyte._calls.condition",
    "Backoff": "flyte._authoring.policies",
    "Cache": "flyte._authoring.policies",
    "CachePolicy": "flyte._authoring.policies",
    "CacheRequest": "flyte._authoring.policies",
    "Device": "flyte._authoring.resources",
    "GPU": "flyte._authoring.resources",
    "Image": "flyte._authoring.image",
    "Resources": "flyte._authoring.resources",
    "RetryStrategy": "flyte._authoring.policies",
    "ReusePolicy": "flyte._authoring.policies",
    "Secret": "flyte._authoring.secret",
    "SecretRequest": "flyte._authoring.secret",
    "TPU": "flyte._authoring.resources",
    "Timeout": "flyte._authoring.policies",
    "VersionParameters": "flyte._authoring.policies",
    "init": "flyte._session",
    "init_from_config": "flyte._session",
    "logger": "flyte._log",
    "map": "flyte._calls.map",
    "rerun": "flyte._rerun",
    "run": "flyte._run",
    "system_logger": "flyte._log",
    "trace": "flyte._calls.trace",
    "with_runcontext": "flyte._run",
}

_FACES = frozenset({"durable", "remote", "report"})
"""Modules that are there without being imported by name."""

TaskTemplate = Task
"""What annotations of other people's code call a task."""

__all__ = [
    "AMD_GPU",
    "GPU",
    "TPU",
    "Backoff",
    "BaseCheckpoint",
    "Cache",
    "CachePolicy",
    "CacheRequest",
    "Checkpoint",
    "ConditionWebhook",
    "Device",
    "Image",
    "Resources",
    "RetryStrategy",
    "ReusePolicy",
    "Secret",
    "SecretRequest",
    "Task",
    "TaskEnvironment",
    "TaskTemplate",
    "Timeout",
    "VersionParameters",
    "__version__",
    "ctx",
    "custom_context",
    "durable",
    "errors",
    "get_custom_context",
    "group",
    "init",
    "init_from_config",
    "latest_checkpoint",
    "logger",
    "map",
    "new_condition",
    "remote",
    "report",
    "rerun",
    "run",
    "system_logger",
    "trace",
    "with_runcontext",
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is not None:
        value = getattr(import_module(module), name)
    elif name in _FACES:
        value = import_module(f"flyte.{name}")
    else:
        raise AttributeError(f"module 'flyte' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
