"""A task's declaration on the wire: what a server or a local run keeps of it, made once for each task."""

from pathlib import Path
from typing import Any, Final

from flyteidl2.core import identifier_pb2, literals_pb2, security_pb2, tasks_pb2
from flyteidl2.core.interface_pb2 import Parameter
from flyteidl2.task import environment_pb2, task_definition_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue

from flyte._authoring.identity import instance_name, module_name
from flyte._authoring.overrides import told
from flyte._authoring.policies import ReusePolicy
from flyte._authoring.resources import Device, Resources
from flyte._authoring.task import Task
from flyte._programs import task as programs
from flyte._types.codec import Mismatch
from flyte._types.interface import InterfaceCodec, codec_of_task
from flyte._version import VERSION
from flyte.errors import DeclarationError
from flyte_core import naming
from flyte_core.frozen import frozen
from flyte_core.model import TaskSpec
from flyte_core.wire import specs

RESOLVER: Final = "flyte._runtime.resolver"
_NAME_LIMIT: Final = 63

_RESOURCE: Final = tasks_pb2.Resources
_DEVICE_CLASS: Final = {
    "GPU": tasks_pb2.GPUAccelerator.NVIDIA_GPU,
    "TPU": tasks_pb2.GPUAccelerator.GOOGLE_TPU,
    "AMD_GPU": tasks_pb2.GPUAccelerator.AMD_GPU,
    "NEURON": tasks_pb2.GPUAccelerator.AMAZON_NEURON,
    "HABANA_GAUDI": tasks_pb2.GPUAccelerator.HABANA_GAUDI,
    "APPLE_SILICON": tasks_pb2.GPUAccelerator.APPLE_SILICON,
}


@frozen
class Place:
    """Where a task is to run, and which code its worker loads.

    Attributes:
        project: The run's.
        domain: The run's.
        version: The version of the code: the bundle's digest, or what was given.
        tgz: URI of the code bundle; empty when the worker finds the code without one.
        pkl: URI of the pickled tasks, instead of a bundle.
        root_dir: Modules are named from here.
    """

    project: str
    domain: str
    version: str = ""
    tgz: str = ""
    pkl: str = ""
    root_dir: Path | None = None


@frozen
class Prepared:
    """What every call of a task needs, worked out once."""

    codec: InterfaceCodec
    spec: TaskSpec
    identity: str
    interface_hash: str
    version: str
    cached: bool
    ignored: frozenset[str]
    max_inline_io_bytes: int


def prepare(task: Task[..., Any], place: Place) -> Prepared:
    """What calls of the task need at this place. Kept with the task.

    Raises:
        DeclarationError: a hint cannot be evaluated, or a default is not of its input's type.
    """
    found: Prepared | None = task.derived.get(place)
    if found is None:
        found = task.derived[place] = _prepare(task, place)
    return found


def _prepare(task: Task[..., Any], place: Place) -> Prepared:
    codec = codec_of_task(task)
    message = task_message(task, place)
    interface_hash = specs.hash_interface(message.task_template.interface)
    cache = task.cache
    return Prepared(
        codec=codec,
        spec=specs.task_spec(message),
        identity=naming.task_identity(task.name, interface_hash, task.version),
        interface_hash=interface_hash,
        version=task.version,
        cached=cache.enabled,
        ignored=frozenset(cache.ignored),
        max_inline_io_bytes=task.options.max_inline_io_bytes,
    )


def task_message(task: Task[..., Any], place: Place) -> task_definition_pb2.TaskSpec:
    """The task as `flyteidl2.task.TaskSpec`."""
    codec = codec_of_task(task)
    short, _, _ = task.docs.partition("\n")
    message = task_definition_pb2.TaskSpec(
        task_template=tasks_pb2.TaskTemplate(
            id=identifier_pb2.Identifier(
                resource_type=identifier_pb2.TASK,
                project=place.project,
                domain=place.domain,
                name=task.name,
                version=place.version or task.version,
            ),
            type="python",
            metadata=_metadata(task),
            interface=codec.typed(),
            container=_container(task, place),
            security_context=_security(task),
            extended_resources=_extended(task.resources),
            reuse_policy=_reuse(task, task.reusable),
        ),
        short_name=task.short_name[:_NAME_LIMIT],
        environment=environment_pb2.Environment(
            name=task.env.name[:_NAME_LIMIT], description=task.env.description or ""
        ),
        documentation=task_definition_pb2.DocumentationEntity(
            short_description=short, long_description=task.docs
        ),
    )
    _add_defaults(message, task, codec)
    return message


def _metadata(task: Task[..., Any]) -> tasks_pb2.TaskMetadata:
    cache, retries, timeout = task.cache, task.retries, task.timeout
    backoff = None
    if retries.backoff is not None:
        backoff = literals_pb2.Backoff(
            base=duration(retries.backoff.base_s),
            factor=retries.backoff.factor,
            cap=duration(retries.backoff.cap_s),
        )
    return tasks_pb2.TaskMetadata(
        discoverable=cache.enabled,
        discovery_version=task.version,
        cache_serializable=cache.serialize,
        cache_ignore_input_vars=cache.ignored,
        cache_max_age=duration(cache.max_age_s),
        retries=literals_pb2.RetryStrategy(retries=retries.count, backoff=backoff),
        timeout=duration(timeout.max_runtime_s),
        timeouts=literals_pb2.TimeoutStrategy(
            queued_timeout=duration(timeout.max_queued_s), deadline=duration(timeout.deadline_s)
        ),
        interruptible=task.interruptible,
        pod_template_name=task.pod_template if isinstance(task.pod_template, str) else "",
        generates_deck=BoolValue(value=task.options.report),
        is_entrypoint=task.options.entrypoint,
        produces_artifacts=task.options.produces_artifacts,
        runtime=tasks_pb2.RuntimeMetadata(
            type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version=VERSION, flavor=specs.FLAVOR
        ),
    )


def _container(task: Task[..., Any], place: Place) -> tasks_pb2.Container:
    image = task.env.image
    return tasks_pb2.Container(
        image=image if isinstance(image, str) else image.uri if image is not None else "auto",
        args=_arguments(task, place),
        env=[literals_pb2.KeyValuePair(key=key, value=value) for key, value in task.env_vars.items()],
        resources=_resources(task.resources),
    )


def _arguments(task: Task[..., Any], place: Place) -> list[str]:
    """The command line of an attempt; see `flyte._runtime.a0`."""
    words = ["a0", "--inputs", "{{.input}}", "--outputs-path", "{{.outputPrefix}}"]
    words += ["--version", place.version or task.version]
    words += ["--raw-data-path", "{{.rawOutputDataPrefix}}"]
    words += ["--checkpoint-path", "{{.checkpointOutputPrefix}}"]
    words += ["--prev-checkpoint", "{{.prevCheckpointPrefix}}"]
    words += ["--run-name", "{{.runName}}", "--name", "{{.actionName}}"]
    words += ["--run-start-time", "{{.runStartTime}}"]
    if place.pkl and not isinstance(task, programs.ProgramTask):
        return [
            *words,
            "--pkl",
            place.pkl,
            "--dest",
            ".",
            "--resolver",
            RESOLVER,
            "task",
            task.name,
            *told(task),
        ]
    if place.tgz:
        words += ["--tgz", place.tgz]
    if isinstance(task, programs.ProgramTask):
        return [*words, "--dest", ".", "--resolver", RESOLVER, *programs.told(task)]
    module = module_name(task.func, place.root_dir)
    resolver = ["--resolver", RESOLVER, "mod", module, "instance", instance_name(task), *told(task)]
    return [*words, "--dest", ".", *resolver]


def _resources(resources: Resources | None) -> tasks_pb2.Resources:
    found = tasks_pb2.Resources()
    if resources is None:
        return found
    known = (("cpu", _RESOURCE.CPU), ("memory", _RESOURCE.MEMORY), ("disk", _RESOURCE.EPHEMERAL_STORAGE))
    for name, number in known:
        amounts = resources.amounts(name)
        if amounts is not None:
            found.requests.add(name=number, value=amounts[0])
            found.limits.add(name=number, value=amounts[1])
    device = resources.accelerator()
    if device is not None:
        found.requests.add(name=_RESOURCE.GPU, value=str(device.quantity))
        found.limits.add(name=_RESOURCE.GPU, value=str(device.quantity))
    return found


def _extended(resources: Resources | None) -> tasks_pb2.ExtendedResources | None:
    if resources is None:
        return None
    device, shm = resources.accelerator(), resources.shm
    found = tasks_pb2.ExtendedResources()
    if device is not None and device.device:
        found.gpu_accelerator.CopyFrom(_accelerator(device))
    if shm is not None:
        limit = "" if shm == "auto" else shm
        found.shared_memory.CopyFrom(tasks_pb2.SharedMemory(mount_path="/dev/shm", size_limit=limit))
    return found if found.ByteSize() else None


def _accelerator(device: Device) -> tasks_pb2.GPUAccelerator:
    found = tasks_pb2.GPUAccelerator(device=device.device, device_class=_DEVICE_CLASS[device.device_class])
    if device.partition:
        found.partition_size = device.partition
    else:
        found.unpartitioned = True
    return found


def _security(task: Task[..., Any]) -> security_pb2.SecurityContext | None:
    secrets = [
        security_pb2.Secret(
            group=each.group or "",
            key=each.key,
            env_var=each.env_var or "",
            mount_requirement=security_pb2.Secret.ENV_VAR if each.env_var else security_pb2.Secret.FILE,
        )
        for each in task.secrets
    ]
    if not secrets and not task.service_account:
        return None
    found = security_pb2.SecurityContext(secrets=secrets)
    if task.service_account:
        found.run_as.k8s_service_account = task.service_account
    return found


def _reuse(task: Task[..., Any], policy: ReusePolicy | None) -> tasks_pb2.ReusePolicy | None:
    if policy is None:
        return None
    low, high = policy.bounds
    scopes = {"global": tasks_pb2.ReusePolicy.GLOBAL, "run": tasks_pb2.ReusePolicy.RUN}
    return tasks_pb2.ReusePolicy(
        name=task.env.name,
        min_replicas=low,
        max_replicas=high,
        concurrency=policy.concurrency,
        idle_ttl=duration(policy.idle_ttl_s),
        scaledown_ttl=duration(policy.scaledown_ttl_s),
        scope=scopes[policy.scope],
    )


def _add_defaults(message: task_definition_pb2.TaskSpec, task: Task[..., Any], codec: InterfaceCodec) -> None:
    types = {each.key: each.value for each in message.task_template.interface.inputs.variables}
    converters = dict(codec.inputs)
    for each in task.interface.inputs:
        if each.required:
            continue
        literal = literals_pb2.Literal()
        try:
            converters[each.name].fill(literal, each.default)
        except Mismatch as error:
            raise DeclarationError(
                f"The default of input {each.name} of task {task.name} is not of its type: {error.at(each.name)}.",
                hint="Change the default or the type hint.",
            ) from None
        parameter = Parameter(var=types[each.name], default=literal)
        message.default_inputs.add(name=each.name, parameter=parameter)


def duration(seconds: float | None) -> Duration | None:
    """A length of time on the wire; None for no limit."""
    if not seconds:
        return None
    whole = int(seconds)
    return Duration(seconds=whole, nanos=round((seconds - whole) * 1e6) * 1000)
