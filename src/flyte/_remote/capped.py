"""Says beforehand which tasks will have less than they ask for, since the machine has no more."""

from collections.abc import Iterator
from typing import Any

from flyte import _server
from flyte._authoring.environment import Environment
from flyte._authoring.resources import Resources
from flyte._authoring.task import Task
from flyte._config import Config
from flyte_core import views
from flyte_core.model import ResourceRequest
from flyte_core.wire.specs import quantity

_said: set[str] = set()
"""What this process has said: once is enough."""


def tell(task: Task[..., Any], config: Config) -> None:
    """Say on stderr what of the task, and of the environments it may call, is more than its server has."""
    asked = [(who, _request(resources)) for who, resources in _declared(task)]
    if all(request == ResourceRequest() for _, request in asked):
        return
    info = _server.recorded(config.home)
    if info is None:
        return
    there = ResourceRequest(info.cpu, info.memory_bytes)
    for who, request in asked:
        beyond = views.beyond(request, there)
        text = f"{who} for {beyond}: it has all there is, and runs by itself."
        if beyond and text not in _said:
            _said.add(text)
            _server.to_stderr(text)


def _declared(task: Task[..., Any]) -> Iterator[tuple[str, Resources | None]]:
    if task.resources is not task.env.resources:
        yield f"{task.name} asks", task.resources
    reached: list[Environment] = [task.env]
    for env in reached:
        yield f"Each task of {env.name} asks", env.resources
        reached += (each for each in env.depends_on if each not in reached)


def _request(resources: Resources | None) -> ResourceRequest:
    """CPUs and memory as they are counted."""
    if resources is None:
        return ResourceRequest()
    cpu, memory = (resources.amounts(name) for name in ("cpu", "memory"))
    return ResourceRequest(
        cpu=None if cpu is None else float(quantity(cpu[0]) or 0),
        memory_bytes=None if memory is None else int(quantity(memory[0]) or 0),
    )
