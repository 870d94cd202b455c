"""Task, trace and condition specs of the wire as `model.TaskSpec`: names, and the policy in words of ours."""

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from flyteidl2.core import interface_pb2, tasks_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import Value

from flyte_core.model import (
    ActionKind,
    Backoff,
    CachePolicy,
    Digest,
    InvalidArgument,
    Policy,
    ResourceRequest,
    RetryPolicy,
    TaskSpec,
    TimeoutPolicy,
)
from flyte_core.supervision import DATAFLOW
from flyte_core.wire import references

_MESSAGES: Final[dict[ActionKind, type[Message]]] = {
    ActionKind.TASK: task_definition_pb2.TaskSpec,
    ActionKind.TRACE: run_definition_pb2.TraceAction,
    ActionKind.CONDITION: run_definition_pb2.ConditionAction,
}

_UNITS: Final = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
}
_QUANTITY: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zA-Z]*)\s*")

_Resources = tasks_pb2.Resources

FLAVOR: Final = "godwit"
"""What our own SDK writes as the flavour of its runtime."""


def task_spec(spec: bytes | Message, kind: ActionKind = ActionKind.TASK) -> TaskSpec:
    """The spec of an action as the model has it.

    `spec` is a `flyteidl2.task.TaskSpec`, a `workflow.TraceAction` or a `workflow.ConditionAction`,
    as a message or serialized. Bytes are kept as they are; a message is serialized
    deterministically. A trace's own times and outputs are not part of its spec and are left out.

    Raises:
        InvalidArgument: the bytes are no such message, or name nothing.
    """
    message = _parsed(spec, kind)
    if isinstance(message, run_definition_pb2.TraceAction):
        message = run_definition_pb2.TraceAction(name=message.name, spec=message.spec)
        spec = message
    template = spec if isinstance(spec, bytes) else message.SerializeToString(deterministic=True)
    digest = Digest(hashlib.sha256(template).hexdigest())
    if isinstance(message, task_definition_pb2.TaskSpec):
        return _task(message, template, digest)
    assert isinstance(message, run_definition_pb2.TraceAction | run_definition_pb2.ConditionAction)
    if not message.name:
        raise InvalidArgument(f"A {kind} has no name.")
    return TaskSpec(
        digest=digest,
        template=template,
        task_name=message.name,
        short_name=message.name,
        task_type=kind.value,
        policy=_condition_policy(message),
    )


def message_of(spec: TaskSpec, kind: ActionKind) -> Message:
    """The message a spec was made from; see `task_spec` for its type."""
    return _parsed(spec.template, kind)


def takes_notes(spec: TaskSpec, env: Mapping[str, str]) -> bool:
    """Whether whoever runs a task tells how values flow in it; `env` is what its run adds to its variables."""
    message = _parsed(spec.template, ActionKind.TASK)
    assert isinstance(message, task_definition_pb2.TaskSpec)
    task = message.task_template
    variables = {pair.key: pair.value for pair in task.container.env} | dict(env)
    return task.metadata.runtime.flavor == FLAVOR and variables.get(DATAFLOW) != "0"


def may_refer(spec: TaskSpec, kind: ActionKind) -> bool:
    """Whether an action can be given, or return, files, directories or data frames."""
    message = _parsed(spec.template, kind)
    if isinstance(message, task_definition_pb2.TaskSpec):
        return references.may_refer(message.task_template.interface)
    if isinstance(message, run_definition_pb2.TraceAction):
        return references.may_refer(message.spec.interface)
    return False


def hash_interface(interface: interface_pb2.TypedInterface) -> str:
    """What tells interfaces apart; the order of inputs and outputs does not count."""
    ordered = ordered_interface(interface).SerializeToString(deterministic=True)
    return hashlib.sha256(ordered).hexdigest()


def ordered_interface(interface: interface_pb2.TypedInterface) -> interface_pb2.TypedInterface:
    """The same interface with its variables sorted by name."""

    def by_key(variables: interface_pb2.VariableMap) -> interface_pb2.VariableMap:
        entries: list[interface_pb2.VariableEntry] = list(variables.variables)
        entries.sort(key=lambda each: each.key)
        return interface_pb2.VariableMap(variables=entries)

    return interface_pb2.TypedInterface(inputs=by_key(interface.inputs), outputs=by_key(interface.outputs))


def quantity(text: str) -> Decimal | None:
    """A Kubernetes quantity (`500m`, `1.5Gi`) as a number; None when there is none.

    Raises:
        InvalidArgument: the text is no quantity.
    """
    if not text.strip():
        return None
    match = _QUANTITY.fullmatch(text)
    unit = _UNITS.get(match[2]) if match else None
    if match is None or unit is None:
        raise InvalidArgument(
            f"{text!r} is no amount of a resource.", hint="Write a number with a unit: 2, 500m, 512Mi, 4Gi."
        )
    try:
        return Decimal(match[1]) * unit
    except InvalidOperation as cause:
        raise InvalidArgument(f"{text!r} is no amount of a resource.") from cause


def _parsed(spec: bytes | Message, kind: ActionKind) -> Message:
    if isinstance(spec, Message):
        return spec
    try:
        return _MESSAGES[kind].FromString(spec)
    except DecodeError as cause:
        name = _MESSAGES[kind].DESCRIPTOR.full_name
        raise InvalidArgument(f"The spec of this {kind} is damaged: it is no {name}.") from cause


def _task(message: task_definition_pb2.TaskSpec, template: bytes, digest: Digest) -> TaskSpec:
    task = message.task_template
    name = task.id.name
    if not name:
        raise InvalidArgument("A task spec has no name (task_template.id.name).")
    env, _, function = name.rpartition(".")
    return TaskSpec(
        digest=digest,
        template=template,
        task_name=name,
        short_name=message.short_name or function,
        env_name=message.environment.name or env,
        task_type=task.type or "python",
        task_version=task.id.version,
        policy=_policy(task),
    )


def _policy(task: tasks_pb2.TaskTemplate) -> Policy:
    meta = task.metadata
    return Policy(
        retry=_retries(meta),
        timeout=TimeoutPolicy(
            max_runtime_s=_seconds(meta.timeout) if meta.HasField("timeout") else None,
            max_queued_s=_seconds(meta.timeouts.queued_timeout),
            deadline_s=_seconds(meta.timeouts.deadline),
        ),
        cache=CachePolicy(
            enabled=meta.discoverable,
            version=meta.discovery_version,
            serialize=meta.cache_serializable,
            ignored_inputs=tuple(meta.cache_ignore_input_vars),
            max_age_s=_seconds(meta.cache_max_age),
        ),
        resources=_resources(task),
        report=meta.generates_deck.value,
        warm=task.HasField("reuse_policy"),
    )


def _retries(meta: tasks_pb2.TaskMetadata) -> RetryPolicy:
    retries = meta.retries
    backoff = None
    base_s = _seconds(retries.backoff.base)
    if base_s is not None:
        backoff = Backoff(
            base_s=base_s,
            factor=retries.backoff.factor if retries.backoff.HasField("factor") else 1.0,
            cap_s=_seconds(retries.backoff.cap),
        )
    return RetryPolicy(user_retries=retries.retries, backoff=backoff)


def _condition_policy(
    message: run_definition_pb2.TraceAction | run_definition_pb2.ConditionAction,
) -> Policy:
    if isinstance(message, run_definition_pb2.ConditionAction):
        # An unanswered condition ends when its time is up: to the machine that is its deadline.
        return Policy(timeout=TimeoutPolicy(deadline_s=_seconds(message.timeout)))
    return Policy()


def _resources(task: tasks_pb2.TaskTemplate) -> ResourceRequest:
    asked, limits = _asked(task)
    asked = {**limits, **asked}
    cpu = quantity(asked.get("cpu", ""))
    memory = quantity(asked.get("memory", ""))
    limit = quantity(limits.get("memory", ""))
    gpu = quantity(asked.get("gpu", ""))
    device = task.extended_resources.gpu_accelerator
    return ResourceRequest(
        cpu=None if cpu is None else float(cpu),
        memory_bytes=None if memory is None else int(memory),
        gpu=0 if gpu is None else int(gpu),
        memory_limit_bytes=None if limit is None or limit == memory else int(limit),
        device=device.device,
        device_kind=_KINDS_OF_DEVICE.get(device.device_class, ""),
    )


_KINDS_OF_DEVICE: Final[Mapping[int, str]] = {
    tasks_pb2.GPUAccelerator.GOOGLE_TPU: "TPU",
    tasks_pb2.GPUAccelerator.AMAZON_NEURON: "Neuron device",
    tasks_pb2.GPUAccelerator.AMD_GPU: "AMD GPU",
    tasks_pb2.GPUAccelerator.HABANA_GAUDI: "Gaudi",
    tasks_pb2.GPUAccelerator.APPLE_SILICON: "Apple GPU",
}


def _asked(task: tasks_pb2.TaskTemplate) -> tuple[dict[str, str], dict[str, str]]:
    """Requests and limits by resource."""
    if task.WhichOneof("target") == "k8s_pod":
        return _pod_resources(task.k8s_pod)
    names = {_Resources.CPU: "cpu", _Resources.MEMORY: "memory", _Resources.GPU: "gpu"}
    resources = task.container.resources
    requests, limits = (
        {names[entry.name]: entry.value for entry in entries if entry.name in names}
        for entries in (resources.requests, resources.limits)
    )
    return requests, limits


def _pod_resources(pod: tasks_pb2.K8sPod) -> tuple[dict[str, str], dict[str, str]]:
    for container in pod.pod_spec.fields["containers"].list_value.values:
        fields = container.struct_value.fields
        if pod.primary_container_name in ("", fields["name"].string_value):
            resources = fields["resources"].struct_value.fields
            return _amounts(resources["requests"]), _amounts(resources["limits"])
    return {}, {}


def _amounts(part: Value) -> dict[str, str]:
    return {
        "gpu" if name.endswith("/gpu") else name: value.string_value or f"{value.number_value:g}"
        for name, value in part.struct_value.fields.items()
    }


def _seconds(duration: Duration) -> float | None:
    """Seconds, or None for an unset or zero duration: both mean "no limit" on the wire."""
    seconds = duration.seconds + duration.nanos / 1e9
    return seconds if seconds > 0 else None
