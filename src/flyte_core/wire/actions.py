"""Actions and runs of the model as the messages that clients read, and back.

The way back is for our own client: it keeps everything `flyte get ...` shows. Fencing tokens,
versions and budgets do not travel.
"""

from collections.abc import Callable
from typing import Final

from flyteidl2.common import identifier_pb2, identity_pb2, run_pb2
from flyteidl2.core import execution_pb2, literals_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.task import run_pb2 as task_run_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from flyte_core.frozen import frozen
from flyte_core.links import LinkAddress
from flyte_core.model import (
    REPLAY_DIVERGED,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Attempt,
    AttemptState,
    Digest,
    Divergence,
    Micros,
    Orphan,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    RunView,
    TaskSpec,
    Token,
)
from flyte_core.wire import errors, phases, specs

ORG: Final = "local"
"""The one organisation there is. Ids that arrive are given it, whatever they said."""

_RELATIONS: Final = {
    "rerun": run_pb2.RELATION_TYPE_RERUN,
    "recover": run_pb2.RELATION_TYPE_RECOVER,
    "spawn": run_pb2.RELATION_TYPE_SPAWN,
    "triggered": run_pb2.RELATION_TYPE_TRIGGERED,
    "on_artifact": run_pb2.RELATION_TYPE_ON_ARTIFACT,
}
_RELATIONS_BACK: Final = {int(number): word for word, number in _RELATIONS.items()}

_ENDS: Final = {
    AttemptState.OK: Phase.SUCCEEDED,
    AttemptState.FAILED: Phase.FAILED,
    AttemptState.TIMED_OUT: Phase.TIMED_OUT,
    AttemptState.LOST: Phase.FAILED,
    AttemptState.KILLED: Phase.ABORTED,
}
_ENDS_BACK: Final = {
    Phase.SUCCEEDED: AttemptState.OK,
    Phase.FAILED: AttemptState.FAILED,
    Phase.TIMED_OUT: AttemptState.TIMED_OUT,
    Phase.ABORTED: AttemptState.KILLED,
}


@frozen
class AttemptFiles:
    """What lies in an attempt's directory, for those who show it."""

    output_uri: str = ""
    report_uri: str = ""
    logs_available: bool = False
    links: tuple[LinkAddress, ...] = ()


def stamp(at: Micros) -> Timestamp:
    """An instant as the wire has it."""
    return Timestamp(seconds=at // 1_000_000, nanos=at % 1_000_000 * 1_000)


def micros(at: Timestamp) -> Micros:
    """An instant of the wire, cut to microseconds."""
    return Micros(at.seconds * 1_000_000 + at.nanos // 1_000)


def relation_word(number: int) -> str:
    """`rerun`, `recover`, ...; empty for an unset or unknown relation."""
    return _RELATIONS_BACK.get(number, "")


def relation_number(word: str) -> "run_pb2.RelationType":
    return _RELATIONS.get(word, run_pb2.RELATION_TYPE_UNSPECIFIED)


def run_id(key: RunKey) -> identifier_pb2.RunIdentifier:
    return identifier_pb2.RunIdentifier(org=ORG, project=key.project, domain=key.domain, name=key.name)


def action_id(key: ActionKey) -> identifier_pb2.ActionIdentifier:
    return identifier_pb2.ActionIdentifier(run=run_id(key.run), name=key.name)


def run_key(message: identifier_pb2.RunIdentifier) -> RunKey:
    return RunKey(message.project, message.domain, message.name)


def action_key(message: identifier_pb2.ActionIdentifier) -> ActionKey:
    return ActionKey(run_key(message.run), ActionName(message.name))


def identity(subject: str) -> identity_pb2.EnrichedIdentity:
    """Who did it: the name of the account, which is all a machine of one user knows."""
    user = identity_pb2.User(
        id=identifier_pb2.UserIdentifier(subject=subject),
        spec=identity_pb2.UserSpec(first_name=subject, user_handle=subject),
    )
    return identity_pb2.EnrichedIdentity(user=user)


def to_action(action: Action, record: RunRecord) -> run_definition_pb2.Action:
    """The short form, for lists."""
    return run_definition_pb2.Action(
        id=action_id(action.key), metadata=_metadata(action, record), status=_status(action)
    )


def to_run(view: RunView) -> run_definition_pb2.Run:
    return run_definition_pb2.Run(action=to_action(view.root, view.record), labels=view.record.labels)


def to_details(
    action: Action,
    record: RunRecord,
    files: Callable[[int], AttemptFiles],
    answer: literals_pb2.Literal | None = None,
) -> run_definition_pb2.ActionDetails:
    """The long form. `files` is asked for each attempt by number; `answer` is that of a condition."""
    details = run_definition_pb2.ActionDetails(
        id=action_id(action.key),
        metadata=_metadata(action, record),
        status=_status(action),
        attempts=_attempts(action, files),
    )
    _put_spec(details, action)
    _put_divergences(details.attempts[-1], action.divergences)
    if action.phase is Phase.ABORTED:
        details.abort_info.CopyFrom(
            run_definition_pb2.AbortInfo(
                reason=action.abort_reason or "", aborted_by=identity(action.aborted_by)
            )
        )
    elif action.error is not None:
        details.error_info.CopyFrom(errors.to_info(action.error))
    elif answer is not None:
        details.signal_info.CopyFrom(run_definition_pb2.SignalInfo(output=answer))
    return details


def to_run_details(view: RunView, details: run_definition_pb2.ActionDetails) -> run_definition_pb2.RunDetails:
    """A run with the details of its root. The run spec is the one that was sent, byte for byte."""
    run_spec = task_run_pb2.RunSpec.FromString(view.record.run_spec)
    return run_definition_pb2.RunDetails(run_spec=run_spec, action=details)


def from_action(message: run_definition_pb2.Action, seq: int = 0) -> Action:
    """The model's view of a short form. Its spec holds names only."""
    return _back(message.id, message.metadata, message.status, seq, spec=_named_spec(message.metadata))


def from_details(message: run_definition_pb2.ActionDetails, seq: int = 0) -> Action:
    """The model's view of a long form. `seq` is not on the wire: the caller knows it from the list."""
    attempts = tuple(_attempt_back(each) for each in message.attempts if each.phase_transitions)
    action = _back(message.id, message.metadata, message.status, seq, spec=_full_spec(message))
    error = errors.from_info(message.error_info) if message.WhichOneof("result") == "error_info" else None
    aborted = message.abort_info if message.WhichOneof("result") == "abort_info" else None
    running = [at for each in attempts for phase, at in each.transitions if phase is Phase.RUNNING]
    started_at = running[0] if running else (action.started_at if not attempts else None)
    divergences = _divergences_back(message.attempts[-1]) if message.attempts else ()
    last = message.attempts[-1].outputs.output_uri if message.attempts and action.phase.good else ""
    return action.evolve(
        attempts=attempts,
        divergences=divergences,
        error=error,
        started_at=started_at,
        output_uri=last,
        abort_reason=None if aborted is None else aborted.reason,
        aborted_by="" if aborted is None else aborted.aborted_by.user.id.subject,
    )


def from_run(message: run_definition_pb2.Run) -> RunView:
    """A run of a list."""
    root = from_action(message.action)
    return RunView(_record_back(root, message.action.metadata, dict(message.labels), b""), root)


def from_run_details(message: run_definition_pb2.RunDetails) -> RunView:
    root = from_details(message.action)
    labels = dict(message.run_spec.labels.values)
    spec = message.run_spec.SerializeToString(deterministic=True)
    return RunView(_record_back(root, message.action.metadata, labels, spec), root)


def _metadata(action: Action, record: RunRecord) -> run_definition_pb2.ActionMetadata:
    spec = action.spec
    meta = run_definition_pb2.ActionMetadata(
        parent=action.parent or "",
        group=action.group,
        action_type=phases.kind_number(action.kind),
        environment_name=spec.env_name,
        funtion_name=spec.task_name.rpartition(".")[2],
    )
    if record.created_by:
        meta.executed_by.CopyFrom(identity(record.created_by))
    match action.kind:
        case ActionKind.TASK:
            meta.task.id.CopyFrom(
                task_definition_pb2.TaskIdentifier(
                    org=ORG,
                    project=record.key.project,
                    domain=record.key.domain,
                    name=spec.task_name,
                    version=spec.task_version,
                )
            )
            meta.task.task_type = spec.task_type
            meta.task.short_name = spec.short_name
        case ActionKind.TRACE:
            meta.trace.name = spec.task_name
        case ActionKind.CONDITION:
            meta.condition.name = spec.task_name
            if spec.template:
                asked = specs.message_of(spec, ActionKind.CONDITION)
                assert isinstance(asked, run_definition_pb2.ConditionAction)
                meta.condition.type.CopyFrom(asked.type)
    if action.parent is None and record.related_run:
        related = run_id(RunKey(record.key.project, record.key.domain, record.related_run))
        meta.relation.CopyFrom(
            run_pb2.Relation(related_to=related, relation_type=relation_number(record.relation))
        )
    if action.recovered_from:
        run, _, name = action.recovered_from.rpartition("/")
        source = ActionKey(RunKey(record.key.project, record.key.domain, run), ActionName(name))
        meta.recovered_from.CopyFrom(action_id(source))
    return meta


def _status(action: Action) -> run_definition_pb2.ActionStatus:
    began = _began(action)
    status = run_definition_pb2.ActionStatus(
        phase=phases.phase_number(action.phase),
        start_time=stamp(began),
        # Clients take the last attempt by this number: there is always at least one to look at.
        attempts=max(1, len(action.attempts)),
        cache_status=phases.cache_number(action.cache_status),
    )
    if action.ended_at is not None:
        status.end_time.CopyFrom(stamp(action.ended_at))
        status.duration_ms = max(0, (action.ended_at - began) // 1_000)
    return status


def _began(action: Action) -> Micros:
    """When clients say it started: its creation; for a trace, recorded afterwards, when its body began."""
    if action.kind is ActionKind.TRACE and action.started_at is not None:
        return action.started_at
    return action.created_at


def _attempts(action: Action, files: Callable[[int], AttemptFiles]) -> list[run_definition_pb2.ActionAttempt]:
    if not action.attempts:
        return [_placeholder(action, files(1))]
    return [_attempt(action, each, files(each.number)) for each in action.attempts]


def _placeholder(action: Action, found: AttemptFiles) -> run_definition_pb2.ActionAttempt:
    """Stands in where nothing was executed (queued, a cache hit, a trace); it has no transitions."""
    message = run_definition_pb2.ActionAttempt(
        attempt=1,
        phase=phases.phase_number(action.phase),
        start_time=stamp(_began(action)),
        cache_status=phases.cache_number(action.cache_status),
        logs_available=found.logs_available,
        outputs=common_pb2.OutputReferences(output_uri=action.output_uri, report_uri=found.report_uri),
    )
    if action.ended_at is not None:
        message.end_time.CopyFrom(stamp(action.ended_at))
    return message


def _attempt(action: Action, attempt: Attempt, found: AttemptFiles) -> run_definition_pb2.ActionAttempt:
    ended = attempt.state is not AttemptState.LIVE
    phase = _ENDS[attempt.state] if ended else attempt.transitions[-1][0]
    message = run_definition_pb2.ActionAttempt(
        attempt=attempt.number,
        phase=phases.phase_number(phase),
        start_time=stamp(attempt.transitions[0][1]),
        cache_status=phases.cache_number(action.cache_status),
        logs_available=found.logs_available,
        outputs=common_pb2.OutputReferences(output_uri=found.output_uri, report_uri=found.report_uri),
        log_info=[execution_pb2.TaskLog(name=each.name, uri=each.url) for each in found.links],
        cluster=attempt.worker,
    )
    if attempt.ended_at is not None:
        message.end_time.CopyFrom(stamp(attempt.ended_at))
    if attempt.error is not None:
        message.error_info.CopyFrom(errors.to_info(attempt.error))
    ends = [at for _, at in attempt.transitions[1:]]
    if attempt.ended_at is not None:
        ends.append(attempt.ended_at)
    for index, (entered, at) in enumerate(attempt.transitions):
        step = message.phase_transitions.add(phase=phases.phase_number(entered), start_time=stamp(at))
        if index < len(ends):
            step.end_time.CopyFrom(stamp(ends[index]))
    return message


_NOT_AGAIN: Final = " was not called again"


def _put_divergences(message: run_definition_pb2.ActionAttempt, divergences: tuple[Divergence, ...]) -> None:
    """As events of the attempt, which every client shows: one for each orphan."""
    for each in divergences:
        for orphan in each.orphans:
            message.cluster_events.add(
                reason=REPLAY_DIVERGED,
                source_component=f"{each.action}/{each.attempt}",
                message=f"{orphan.short_name}/{orphan.name}{_NOT_AGAIN}",
                count=each.more,
            )


def _divergences_back(message: run_definition_pb2.ActionAttempt) -> tuple[Divergence, ...]:
    orphans: dict[tuple[str, int], list[Orphan]] = {}
    for event in message.cluster_events:
        if event.reason == REPLAY_DIVERGED:
            short_name, _, name = event.message.removesuffix(_NOT_AGAIN).rpartition("/")
            of = (event.source_component, event.count)
            orphans.setdefault(of, []).append(Orphan(ActionName(name), short_name))
    return tuple(
        Divergence(ActionName(place.rpartition("/")[0]), int(place.rpartition("/")[2]), tuple(found), more)
        for (place, more), found in orphans.items()
    )


def _put_spec(details: run_definition_pb2.ActionDetails, action: Action) -> None:
    if not action.spec.template:
        return
    message = specs.message_of(action.spec, action.kind)
    if isinstance(message, task_definition_pb2.TaskSpec):
        details.task.CopyFrom(message)
    elif isinstance(message, run_definition_pb2.TraceAction):
        details.trace.CopyFrom(message.spec)
    elif isinstance(message, run_definition_pb2.ConditionAction):
        details.condition.CopyFrom(message)


def _back(
    key: identifier_pb2.ActionIdentifier,
    meta: run_definition_pb2.ActionMetadata,
    status: run_definition_pb2.ActionStatus,
    seq: int,
    spec: TaskSpec,
) -> Action:
    began = micros(status.start_time)
    kind = phases.kind_from(meta.action_type)
    source = meta.recovered_from
    return Action(
        key=action_key(key),
        parent=ActionName(meta.parent) if meta.parent else None,
        kind=kind,
        seq=seq,
        spec=spec,
        phase=phases.phase_from(status.phase),
        created_at=began,
        queued_at=began,
        group=meta.group,
        started_at=began if kind is ActionKind.TRACE else None,
        ended_at=micros(status.end_time) if status.HasField("end_time") else None,
        cache_status=phases.cache_from(status.cache_status),
        recovered_from=f"{source.run.name}/{source.name}" if source.name else "",
    )


def _attempt_back(message: run_definition_pb2.ActionAttempt) -> Attempt:
    phase = phases.phase_from(message.phase)
    steps = tuple(
        (phases.phase_from(step.phase), micros(step.start_time)) for step in message.phase_transitions
    )
    return Attempt(
        number=message.attempt,
        token=Token(0),
        state=_ENDS_BACK.get(phase, AttemptState.LIVE),
        transitions=steps,
        ended_at=micros(message.end_time) if message.HasField("end_time") else None,
        error=errors.from_info(message.error_info) if message.HasField("error_info") else None,
        worker=message.cluster,
    )


def _full_spec(message: run_definition_pb2.ActionDetails) -> TaskSpec:
    match message.WhichOneof("spec"):
        case "task":
            return specs.task_spec(message.task, ActionKind.TASK)
        case "trace":
            trace = run_definition_pb2.TraceAction(name=message.metadata.trace.name, spec=message.trace)
            return specs.task_spec(trace, ActionKind.TRACE)
        case "condition":
            return specs.task_spec(message.condition, ActionKind.CONDITION)
        case _:
            return _named_spec(message.metadata)


def _named_spec(meta: run_definition_pb2.ActionMetadata) -> TaskSpec:
    match meta.WhichOneof("spec"):
        case "trace":
            return TaskSpec(Digest(""), b"", meta.trace.name, meta.trace.name, task_type="trace")
        case "condition":
            name = meta.condition.name
            return TaskSpec(Digest(""), b"", name, name, task_type="condition")
        case _:
            return TaskSpec(
                Digest(""),
                b"",
                task_name=meta.task.id.name,
                short_name=meta.task.short_name,
                env_name=meta.environment_name,
                task_type=meta.task.task_type,
                task_version=meta.task.id.version,
            )


def _record_back(
    root: Action, meta: run_definition_pb2.ActionMetadata, labels: dict[str, str], run_spec: bytes
) -> RunRecord:
    return RunRecord(
        key=root.key.run,
        mode=RunMode.SERVER,
        created_at=root.created_at,
        task_name=root.spec.task_name,
        created_by=meta.executed_by.user.id.subject,
        labels=labels,
        run_spec=run_spec,
        related_run=meta.relation.related_to.name,
        relation=relation_word(meta.relation.relation_type),
    )
