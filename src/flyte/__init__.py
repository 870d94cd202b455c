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
from flyte._authoring.environment import Environment, TaskEnvironment
from flyte._authoring.task import Task
from flyte._context import ctx, custom_context, get_custom_context, group
from flyte._version import VERSION as __version__

if TYPE_CHECKING:
    from flyte import config, durable, extend, extras, models, remote, report
    from flyte import io as io
    from flyte import storage as storage
    from flyte import types as types
    from flyte._authoring.documentation import Documentation
    from flyte._authoring.image import Image
    from flyte._authoring.link import Link
    from flyte._authoring.pod import PodTemplate
    from flyte._authoring.policies import (
        Backoff,
        Cache,
        CachePolicy,
        CacheRequest,
        RetryStrategy,
        ReusePolicy,
        Timeout,
        TimeoutType,
        VersionParameters,
    )
    from flyte._authoring.resources import (
        AMD_GPU,
        APPLE_SILICON,
        GPU,
        HABANA_GAUDI,
        TPU,
        Device,
        DeviceClass,
        Neuron,
        Resources,
    )
    from flyte._authoring.secret import Secret, SecretRequest
    from flyte._authoring.trigger import (
        Cron,
        FixedRate,
        OnArtifact,
        Trigger,
        TriggeredArtifact,
        TriggeredPartition,
        TriggerTime,
    )
    from flyte._calls.checkpoint import BaseCheckpoint, Checkpoint, latest_checkpoint
    from flyte._calls.condition import ConditionWebhook, new_condition
    from flyte._calls.map import map
    from flyte._calls.trace import trace
    from flyte._log import logger, system_logger
    from flyte._programs.script import run_python_script
    from flyte._rerun import rerun
    from flyte._run import run, with_runcontext
    from flyte._session import (
        current_domain,
        current_project,
        init,
        init_from_api_key,
        init_from_config,
        init_in_cluster,
        init_passthrough,
        is_control_plane_available,
    )

_LAZY = {
    "AMD_GPU": "flyte._authoring.resources",
    "APPLE_SILICON": "flyte._authoring.resources",
    "Backoff": "flyte._authoring.policies",
    "BaseCheckpoint": "flyte._calls.checkpoint",
    "Cache": "flyte._authoring.policies",
    "CachePolicy": "flyte._authoring.policies",
    "CacheRequest": "flyte._authoring.policies",
    "Checkpoint": "flyte._calls.checkpoint",
    "ConditionWebhook": "flyte._calls.condition",
    "Cron": "flyte._authoring.trigger",
    "Device": "flyte._authoring.resources",
    "DeviceClass": "flyte._authoring.resources",
    "Documentation": "flyte._authoring.documentation",
    "FixedRate": "flyte._authoring.trigger",
    "GPU": "flyte._authoring.resources",
    "HABANA_GAUDI": "flyte._authoring.resources",
    "Image": "flyte._authoring.image",
    "Link": "flyte._authoring.link",
    "Neuron": "flyte._authoring.resources",
    "OnArtifact": "flyte._authoring.trigger",
    "PodTemplate": "flyte._authoring.pod",
    "Resources": "flyte._authoring.resources",
    "RetryStrategy": "flyte._authoring.policies",
    "ReusePolicy": "flyte._authoring.policies",
    "Secret": "flyte._authoring.secret",
    "SecretRequest": "flyte._authoring.secret",
    "TPU": "flyte._authoring.resources",
    "Timeout": "flyte._authoring.policies",
    "TimeoutType": "flyte._authoring.policies",
    "Trigger": "flyte._authoring.trigger",
    "TriggerTime": "flyte._authoring.trigger",
    "TriggeredArtifact": "flyte._authoring.trigger",
    "TriggeredPartition": "flyte._authoring.trigger",
    "VersionParameters": "flyte._authoring.policies",
    "current_domain": "flyte._session",
    "current_project": "flyte._session",
    "init": "flyte._session",
    "init_from_api_key": "flyte._session",
    "init_from_config": "flyte._session",
    "init_in_cluster": "flyte._session",
    "init_passthrough": "flyte._session",
    "is_control_plane_available": "flyte._session",
    "latest_checkpoint": "flyte._calls.checkpoint",
    "logger": "flyte._log",
    "map": "flyte._calls.map",
    "rerun": "flyte._rerun",
    "new_condition": "flyte._calls.condition",
    "run": "flyte._run",
    "run_python_script": "flyte._programs.script",
    "system_logger": "flyte._log",
    "trace": "flyte._calls.trace",
    "with_runcontext": "flyte._run",
}

_FACES = frozenset(
    {"config", "durable", "extend", "extras", "io", "models", "remote", "report", "storage", "types"}
)
"""Modules that are there without being imported by name."""

_LATER = frozenset(
    {"ai", "app", "build", "build_images", "clustered", "deploy", "prefetch", "sandbox", "serve"}
)
"""What scripts may ask for that Godwit does not have yet."""

TaskTemplate = Task
AsyncFunctionTaskTemplate = Task
"""What annotations of other people's code call a task."""


def version() -> str:
    """The version of this SDK."""
    return __version__


__all__ = [
    "AMD_GPU",
    "APPLE_SILICON",
    "GPU",
    "HABANA_GAUDI",
    "TPU",
    "AsyncFunctionTaskTemplate",
    "Backoff",
    "BaseCheckpoint",
    "Cache",
    "CachePolicy",
    "CacheRequest",
    "Checkpoint",
    "ConditionWebhook",
    "Cron",
    "Device",
    "DeviceClass",
    "Documentation",
    "Environment",
    "FixedRate",
    "Image",
    "Link",
    "Neuron",
    "OnArtifact",
    "PodTemplate",
    "Resources",
    "RetryStrategy",
    "ReusePolicy",
    "Secret",
    "SecretRequest",
    "Task",
    "TaskEnvironment",
    "TaskTemplate",
    "Timeout",
    "TimeoutType",
    "Trigger",
    "TriggerTime",
    "TriggeredArtifact",
    "TriggeredPartition",
    "VersionParameters",
    "__version__",
    "config",
    "ctx",
    "current_domain",
    "current_project",
    "custom_context",
    "durable",
    "errors",
    "extend",
    "extras",
    "get_custom_context",
    "group",
    "init",
    "init_from_api_key",
    "init_from_config",
    "init_in_cluster",
    "init_passthrough",
    "is_control_plane_available",
    "latest_checkpoint",
    "logger",
    "map",
    "models",
    "new_condition",
    "remote",
    "report",
    "rerun",
    "run",
    "run_python_script",
    "system_logger",
    "trace",
    "version",
    "with_runcontext",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        module = _LAZY.get(name)
        if module is not None:
            value = getattr(import_module(module), name)
        elif name in _FACES:
            value = import_module(f"flyte.{name}")
        elif name in _LATER:
            raise AttributeError(
                f"flyte.{name} is not there yet; tasks run without it: flyte.run(task), or flyte run FILE TASK."
            )
        else:
            raise AttributeError(f"module 'flyte' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
