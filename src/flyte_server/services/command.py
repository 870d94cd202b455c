"""From a task's template to the command line and environment of one attempt. Pure: no file, no clock."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flyteidl2.core import tasks_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from google.protobuf.struct_pb2 import Value

from flyte_core.frozen import frozen
from flyte_core.layout import Layout
from flyte_core.model import (
    Action,
    ActionKind,
    Attempt,
    FailedPrecondition,
    InvalidArgument,
    RunRecord,
)
from flyte_core.supervision import RECOVERS
from flyte_core.wire import specs
from flyte_core.wire.actions import ORG
from flyte_server.ports.executor import Launch

CHECKPOINTS: Final = "_flytecheckpoints"
RAW: Final = "raw"

_PLACEHOLDER: Final = re.compile(r"\{\{\s*[.$]\s*(\w+)\s*\}\}")
_DEFAULT_IDLE_S: Final = 30.0
_SDK = tasks_pb2.RuntimeMetadata.FLYTE_SDK


@frozen
class Pool:
    """How an environment wants its warm workers."""

    replicas: int
    concurrency: int
    idle_s: float
    name: str
    own: bool = False
    """Each run has its own."""


@frozen
class Template:
    """What of a task template decides how it is started."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    runtime: str
    code: str
    pool: Pool | None
    outputs: tuple[str, ...]
    """Names of the declared outputs."""


def runtime_of(task: tasks_pb2.TaskTemplate) -> str:
    """`godwit`, `flyte` (the published runtime) or `raw`; see `Launch.runtime`."""
    runtime = task.metadata.runtime
    if runtime.type != _SDK or _argv(task)[:1] != ("a0",):
        return "raw"
    return "godwit" if runtime.flavor == specs.FLAVOR else "flyte"


def template_of(action: Action) -> Template:
    """Read an action's template.

    Raises:
        InvalidArgument: there is no command to run.
    """
    message = specs.message_of(action.spec, ActionKind.TASK)
    assert isinstance(message, task_definition_pb2.TaskSpec)
    task = message.task_template
    argv = _argv(task)
    if not argv:
        raise InvalidArgument(
            f"Task {action.spec.task_name} has no command: its template holds neither a container nor a pod.",
            hint="Only tasks that run as a process can run here.",
        )
    runtime = runtime_of(task)
    return Template(
        argv=argv,
        env=_env(task),
        runtime=runtime,
        code=_code(task, argv),
        pool=_pool(task) if runtime == "godwit" else None,
        outputs=tuple(entry.key for entry in task.interface.outputs.variables),
    )


def build(
    action: Action,
    attempt: Attempt,
    record: RunRecord,
    template: Template,
    layout: Layout,
    endpoint: str,
    grace_s: float,
    inputs: bytes | None,
) -> Launch:
    """The launch of one attempt. `endpoint` is `host:port` of this server, as workers reach it."""
    directory = layout.attempt(action.key, attempt.number)
    fill = _filler(action, attempt, record, template, directory)
    pool = template.pool
    return Launch(
        key=action.key,
        attempt=attempt.number,
        token=attempt.token,
        argv=tuple(fill(word) for word in template.argv),
        env={
            **_own_env(action, attempt, record, directory, str(layout.home), endpoint),
            **({RECOVERS: "1"} if record.relation == "recover" else {}),
            **{name: fill(value) for name, value in template.env.items()},
            **record.env,
        },
        dir=directory,
        interpreter=record.interpreter,
        runtime=template.runtime,
        code=template.code,
        resources=action.policy.resources,
        max_runtime_s=action.policy.timeout.max_runtime_s,
        grace_s=grace_s,
        pool="" if pool is None else pool_key(record, template, action),
        pool_replicas=1 if pool is None else pool.replicas,
        pool_concurrency=1 if pool is None else pool.concurrency,
        pool_idle_s=_DEFAULT_IDLE_S if pool is None else pool.idle_s,
        inputs=inputs,
    )


def pool_key(record: RunRecord, template: Template, action: Action) -> str:
    """Attempts with equal keys may share workers: same code, interpreter, environment and declaration."""
    if template.pool is None:
        return ""
    key = (action.spec.env_name, template.pool.name, template.code, record.interpreter)
    return "|".join((*key, "/".join(record.key)) if template.pool.own else key)


def start_time(record: RunRecord) -> str:
    """When the run began, as its tasks read it: the same for every action and attempt; as was said, if it was."""
    spec = run_pb2.RunSpec.FromString(record.run_spec)
    at = datetime.fromtimestamp(record.created_at / 1_000_000, UTC)
    if spec.HasField("run_start_time"):
        at = spec.run_start_time.ToDatetime(UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _filler(
    action: Action, attempt: Attempt, record: RunRecord, template: Template, directory: Path
) -> "_Filler":
    own, of_action = str(directory), str(directory.parent)
    inputs = action.inputs.uri if action.inputs and action.inputs.uri else f"{of_action}/inputs.pb"
    before = f"{of_action}/{attempt.number - 1}/{CHECKPOINTS}"
    # The published runtime is used to a shell's empty word where there is no earlier attempt.
    nothing = "" if template.runtime == "godwit" else '""'
    return _Filler(
        {
            "input": inputs,
            "inputprefix": inputs.rpartition("/")[0],
            "outputprefix": own,
            "rawoutputdataprefix": _raw_prefix(action, attempt, record) or f"{own}/{RAW}",
            "checkpointoutputprefix": f"{own}/{CHECKPOINTS}",
            "prevcheckpointprefix": before if attempt.number > 1 else nothing,
            "runname": record.key.name,
            "actionname": action.key.name,
            "runstarttime": start_time(record),
            "perretryuniquekey": f"{record.key.name}-{action.key.name}-{attempt.number}",
        }
    )


def _raw_prefix(action: Action, attempt: Attempt, record: RunRecord) -> str:
    """Where the run wants the large values of an attempt; empty: beside the rest."""
    wanted = run_pb2.RunSpec.FromString(record.run_spec).raw_data_storage.raw_data_prefix
    return f"{wanted.rstrip('/')}/{record.key.name}/{action.key.name}/{attempt.number}" if wanted else ""


@frozen
class _Filler:
    values: Mapping[str, str]

    def __call__(self, text: str) -> str:
        """The text with every placeholder we know replaced; others stay as they are."""
        return _PLACEHOLDER.sub(lambda found: self.values.get(found[1].lower(), found[0]), text)


def _own_env(
    action: Action, attempt: Attempt, record: RunRecord, directory: Path, home: str, endpoint: str
) -> dict[str, str]:
    return {
        "ACTION_NAME": action.key.name,
        "RUN_NAME": record.key.name,
        "_U_RUN_BASE": str(directory.parent.parent),
        "_U_ORG_NAME": ORG,
        "FLYTE_INTERNAL_EXECUTION_PROJECT": record.key.project,
        "FLYTE_INTERNAL_EXECUTION_DOMAIN": record.key.domain,
        "_U_EP_OVERRIDE": endpoint,
        "_U_INSECURE": "true",
        "_U_USE_ACTIONS": "1",
        "FLYTE_ATTEMPT_NUMBER": str(attempt.number - 1),
        "FLYTE_ATTEMPT_TOKEN": str(attempt.token),
        "FLYTE_HOME": home,
        "FSSPEC_FILE": '{"auto_mkdir": true}',
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _argv(task: tasks_pb2.TaskTemplate) -> tuple[str, ...]:
    if task.WhichOneof("target") != "k8s_pod":
        return (*task.container.command, *task.container.args)
    fields = _main_container(task.k8s_pod)
    words = [
        value.string_value
        for part in ("command", "args")
        for value in (fields[part].list_value.values if part in fields else ())
    ]
    return tuple(words)


def _env(task: tasks_pb2.TaskTemplate) -> dict[str, str]:
    if task.WhichOneof("target") != "k8s_pod":
        return {pair.key: pair.value for pair in task.container.env}
    fields = _main_container(task.k8s_pod)
    entries = fields["env"].list_value.values if "env" in fields else ()
    pairs = [entry.struct_value.fields for entry in entries]
    return {pair["name"].string_value: pair["value"].string_value for pair in pairs if "value" in pair}


def _main_container(pod: tasks_pb2.K8sPod) -> Mapping[str, Value]:
    spec = pod.pod_spec.fields
    for container in spec["containers"].list_value.values if "containers" in spec else ():
        fields = container.struct_value.fields
        if pod.primary_container_name in ("", fields["name"].string_value):
            return fields
    return {}


def _code(task: tasks_pb2.TaskTemplate, argv: tuple[str, ...]) -> str:
    for option in ("--tgz", "--pkl"):
        if option in argv[:-1]:
            return argv[argv.index(option) + 1]
    return task.metadata.code_bundle_uri


def _pool(task: tasks_pb2.TaskTemplate) -> Pool | None:
    if not task.HasField("reuse_policy"):
        return None
    policy = task.reuse_policy
    idle_s = policy.idle_ttl.seconds + policy.idle_ttl.nanos / 1e9
    return Pool(
        replicas=max(1, policy.max_replicas, policy.min_replicas),
        concurrency=max(1, policy.concurrency),
        idle_s=idle_s if idle_s > 0 else _DEFAULT_IDLE_S,
        name=policy.name,
        own=policy.scope == tasks_pb2.ReusePolicy.RUN,
    )


def require_interpreter(record: RunRecord, template: Template) -> None:
    """Refuse what nobody here can run.

    Raises:
        FailedPrecondition: the task belongs to the published client, and its Python is not known.
    """
    if template.runtime == "flyte" and not record.interpreter:
        raise FailedPrecondition(
            "The Python environment of the published flyte client was not found, so its tasks cannot run.",
            hint="Run the client on this machine, or start the server with --runtime-python PATH.",
        )
