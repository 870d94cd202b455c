"""Deployed tasks: one file a version, found by project, domain, name and version."""

import os
from pathlib import Path
from urllib.parse import quote, unquote

from flyteidl2.task import task_definition_pb2

from flyte_core import files
from flyte_core.frozen import frozen
from flyte_core.model import AlreadyExists, Micros, NotFound


@frozen
class TaskId:
    project: str
    domain: str
    name: str
    version: str


@frozen
class DeployedTask:
    id: TaskId
    deployed_at: Micros
    spec: bytes
    """Serialized `flyteidl2.task.TaskSpec`."""

    def message(self) -> task_definition_pb2.TaskSpec:
        return task_definition_pb2.TaskSpec.FromString(self.spec)


class DeployedTasks:
    """Files below one directory: `<project>/<domain>/<name>/<version>`, each part percent-encoded."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def deploy(self, task: DeployedTask) -> None:
        """Keep a version. The same content again is fine.

        Raises:
            AlreadyExists: this version was deployed with other content.
        """
        path = self._path(task.id)
        if path.exists():
            if self.get(task.id).spec == task.spec:
                return
            raise AlreadyExists(
                f"Version {task.id.version} of task {task.id.name} was deployed before, with other content.",
                hint="Deploy it under another version.",
            )
        files.write(path, task.spec)
        instant = task.deployed_at / 1_000_000
        os.utime(path, (instant, instant))

    def get(self, task: TaskId) -> DeployedTask:
        """A version; the latest when none is named. Raises `NotFound`."""
        if not task.version:
            versions = self.list(task.project, task.domain, task.name)
            if versions:
                return versions[-1]
        else:
            found = self._load(task, self._path(task))
            if found is not None:
                return found
        version = f" in version {task.version}" if task.version else ""
        raise NotFound(
            f"There is no task {task.name}{version} in {task.project}/{task.domain}.",
            hint="`flyte get task` lists the deployed tasks.",
        )

    def list(self, project: str = "*", domain: str = "*", name: str = "*") -> list[DeployedTask]:
        """Every version, the latest deployed last. `*` means any."""
        pattern = "/".join(part if part == "*" else _quoted(part) for part in (project, domain, name, "*"))
        found = []
        for path in self._root.glob(pattern):
            parts = [unquote(part) for part in path.relative_to(self._root).parts]
            if path.name.startswith("."):
                continue
            task = self._load(TaskId(*parts), path)
            if task is not None:
                found.append(task)
        return sorted(found, key=lambda each: (each.deployed_at, each.id.name, each.id.version))

    def _load(self, task: TaskId, path: Path) -> DeployedTask | None:
        try:
            at = Micros(path.stat().st_mtime_ns // 1_000)
            return DeployedTask(task, at, path.read_bytes())
        except FileNotFoundError:
            return None

    def _path(self, task: TaskId) -> Path:
        return self._root.joinpath(
            *(_quoted(part) for part in (task.project, task.domain, task.name, task.version))
        )


def _quoted(part: str) -> str:
    """One file name: no slash, and no leading point."""
    quoted = quote(part, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted
