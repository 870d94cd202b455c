"""The pipeline of a call: bind, convert, hash, name. The same for local and server runs.

What a child is called follows from what is called with what, so a parent that runs again finds the
children of its last attempt. Nothing in a name depends on the order in which calls are scheduled:
only identical calls are counted.
"""

from collections.abc import Mapping
from typing import Any

from flyte._authoring.task import Task
from flyte._context import TaskContext
from flyte._controller.protocol import ParentRef, Submission
from flyte._controller.spec import Place, Prepared, prepare
from flyte._dataflow.observe import Handle
from flyte._types.interface import Encoded
from flyte.errors import InlineIOMaxBytesBreached
from flyte_core import naming
from flyte_core.model import ROOT, ActionKind


def parent_of(context: TaskContext) -> ParentRef:
    """The calling action, as controllers name it."""
    return ParentRef(context.run.key, context.name, context.token)


def submit(
    context: TaskContext,
    task: Task[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    place: Place,
    handle: Handle | None = None,
) -> Submission:
    """A call made inside an action, ready for a controller. `handle` knows where its inputs came from.

    Raises:
        TypeError: the arguments do not fit the signature.
        RuntimeDataValidationError: a value is not of its input's type.
        InlineIOMaxBytesBreached: the inputs are too large.
    """
    ready = prepare(task, place)
    values = task.interface.bind(args, kwargs)
    encoded = encode(ready, task, values, context.custom_context)
    inputs = naming.inputs_hash(_counted(ready, encoded))
    group = context.group
    repeat = context.repeat(ready.identity, inputs, group)
    use_cache = ready.cached and not context.run.disable_run_cache
    name = naming.action_name(context.name, inputs, ready.identity, repeat, group)
    return Submission(
        name=name,
        kind=ActionKind.TASK,
        spec=ready.spec,
        inputs=encoded.data,
        group=group,
        cache_key=_cache_key(ready, task, inputs) if use_cache else "",
        loose_inputs=_loose(ready, encoded),
        edges=() if handle is None else handle.edges(name, task.interface, values),
        body=task,
    )


def root(
    task: Task[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    place: Place,
    *,
    custom_context: Mapping[str, str] | None = None,
    use_cache: bool = True,
) -> Submission:
    """The call that a run begins with.

    Raises:
        TypeError, RuntimeDataValidationError, InlineIOMaxBytesBreached: as `submit`.
    """
    ready = prepare(task, place)
    encoded = encode(ready, task, task.interface.bind(args, kwargs), custom_context or {})
    inputs = naming.inputs_hash(_counted(ready, encoded))
    return Submission(
        name=ROOT,
        kind=ActionKind.TASK,
        spec=ready.spec,
        inputs=encoded.data,
        cache_key=_cache_key(ready, task, inputs) if ready.cached and use_cache else "",
        loose_inputs=_loose(ready, encoded),
        body=task,
    )


def encode(
    ready: Prepared,
    task: Task[..., Any],
    values: Mapping[str, Any],
    custom_context: Mapping[str, str],
) -> Encoded:
    """Inputs by name, serialized, within the task's limit."""
    encoded = ready.codec.encode_inputs(values, custom_context)
    check_size(task, "inputs", encoded.data)
    return encoded


def check_size(task: Task[..., Any], what: str, data: bytes) -> None:
    """Refuse values larger than the task allows.

    Raises:
        InlineIOMaxBytesBreached: they are.
    """
    limit = task.options.max_inline_io_bytes
    if len(data) > limit:
        raise InlineIOMaxBytesBreached(
            f"The {what} of {task.name} are {len(data):,} bytes; its limit is {limit:,}.",
            hint=f"Pass large data by reference, or declare max_inline_io_bytes={len(data)} or more.",
        )


def _counted(ready: Prepared, encoded: Encoded) -> list[tuple[str, bytes]]:
    if not ready.ignored:
        return encoded.canonical
    return [pair for pair in encoded.canonical if pair[0] not in ready.ignored]


def _loose(ready: Prepared, encoded: Encoded) -> bool:
    """Whether equal names may come with other bytes: for all but plain values, order is not pinned."""
    return bool(ready.ignored) or any(value[0] != ord("p") for _, value in encoded.canonical)


def _cache_key(ready: Prepared, task: Task[..., Any], inputs: str) -> str:
    return naming.cache_key(task.name, ready.interface_hash, ready.version, inputs)
