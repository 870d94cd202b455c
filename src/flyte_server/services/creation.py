"""Creating a run: from what a client asks for to the record and its root action."""

from pathlib import Path

from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from google.protobuf.message import DecodeError

from flyte_core import files, naming
from flyte_core.engine.api import NewAction, NewRun
from flyte_core.frozen import frozen
from flyte_core.model import (
    ROOT,
    ActionKey,
    ActionKind,
    ActionName,
    Digest,
    InvalidArgument,
    PayloadRef,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
)
from flyte_core.supervision import DISABLE_CACHE
from flyte_core.wire import specs
from flyte_core.wire.actions import relation_word
from flyte_server.services import caching
from flyte_server.services.command import runtime_of
from flyte_server.services.context import ServerContext
from flyte_server.services.interpreters import VARIABLE
from flyte_server.services.peers import Peer
from flyte_server.services.values import INLINE_MAX, digest, sync_file


@frozen
class Wanted:
    """What a client asks for. Inputs come as bytes, or by the address of an upload."""

    key: RunKey
    spec: bytes
    """Serialized `flyteidl2.task.TaskSpec`."""
    run_spec: run_pb2.RunSpec
    inputs: bytes = b""
    inputs_uri: str = ""
    inputs_hash: str = ""
    interpreter: str = ""
    """The Python for the run's tasks when the environment names none; empty: the caller's."""


def prepare(context: ServerContext, wanted: Wanted, peer: Peer | None) -> NewRun:
    """The run to be created. Reads and writes files: not on the loop.

    Raises:
        InvalidArgument: the spec or the inputs are damaged, or lie outside the data directory.
        NotFound: the uploaded inputs are gone.
        FailedPrecondition: nobody knows which Python could run its tasks.
    """
    spec = specs.task_spec(wanted.spec)
    task = task_definition_pb2.TaskSpec.FromString(wanted.spec).task_template
    inputs, ref = _inputs(context, wanted)
    data = inputs if inputs is not None else Path(ref.uri).read_bytes() if ref is not None else b""
    run_spec = wanted.run_spec
    env = {pair.key: pair.value for pair in run_spec.envs.values}
    interpreter = env.get(VARIABLE, "") or wanted.interpreter
    if not interpreter and runtime_of(task) == "flyte":
        interpreter = context.interpreters.of_peer(peer)
    cache = run_spec.cache_config
    related = run_spec.relation.related_to.name or run_spec.related_to.name
    record = RunRecord(
        key=wanted.key,
        mode=RunMode.SERVER,
        created_at=context.clock.now(),
        task_name=spec.task_name,
        created_by=context.account,
        labels=dict(run_spec.labels.values),
        run_spec=run_spec.SerializeToString(deterministic=True),
        env=env,
        content_digest=_content(spec, data, run_spec),
        related_run=related,
        relation=relation_word(run_spec.relation.relation_type) or ("rerun" if related else ""),
        overwrite_cache=run_spec.overwrite_cache or cache.overwrite_cache,
        max_action_concurrency=run_spec.max_action_concurrency,
        force_rerun=tuple(ActionName(name) for name in run_spec.recover.force_rerun_actions),
        interpreter=interpreter,
    )
    root = NewAction(
        name=ROOT,
        kind=ActionKind.TASK,
        spec=spec,
        inputs=inputs,
        inputs_ref=ref,
        cache_key="" if DISABLE_CACHE in env else caching.root_key(task, spec, data, wanted.inputs_hash),
        loose_inputs=loose(spec, data),
    )
    return NewRun(record, root)


def loose(spec: TaskSpec, inputs: bytes) -> bool:
    """Whether the name of a call leaves open some bytes of its inputs.

    Ignored inputs and values with a hash of their own are not in the name, and what is not a plain
    value may be written in more than one way.
    """
    if spec.policy.cache.ignored_inputs:
        return True
    return any(
        each.value.hash or each.value.scalar.WhichOneof("value") not in ("primitive", "none_type")
        for each in common_pb2.Inputs.FromString(inputs).literals
    )


def check_inputs(data: bytes) -> bytes:
    """The same bytes, if they are inputs.

    Raises:
        InvalidArgument: they are not.
    """
    try:
        common_pb2.Inputs.FromString(data)
    except DecodeError as cause:
        raise InvalidArgument("The inputs are damaged: they are no flyteidl2.task.Inputs.") from cause
    return data


def _inputs(context: ServerContext, wanted: Wanted) -> tuple[bytes | None, PayloadRef | None]:
    path: Path | None = None
    data = wanted.inputs
    if wanted.inputs_uri:
        data, path = context.values.from_uri(wanted.inputs_uri)
    check_inputs(data)
    if len(data) <= INLINE_MAX:
        return data, None
    if path is None:
        path = context.values.file_of(ActionKey(wanted.key, ROOT))
        files.write(path, data)
    else:
        sync_file(path)
    return None, PayloadRef(digest(data), len(data), str(path))


def _content(spec: TaskSpec, inputs: bytes, run_spec: run_pb2.RunSpec) -> Digest:
    return Digest(
        naming.digest(
            "run", spec.digest, digest(inputs), digest(run_spec.SerializeToString(deterministic=True))
        )
    )
