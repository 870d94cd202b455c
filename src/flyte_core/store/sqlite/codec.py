"""Rows to values and back: what of an action, an event, a run or a policy is kept as JSON.

Fields that hold their default are left out, so a row stays small and a field added later reads as
its default from rows written before.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from flyte_core.dataflow import Edge
from flyte_core.machine import events
from flyte_core.machine.events import Event
from flyte_core.model import (
    Action,
    ActionKey,
    ActionKind,
    Attempt,
    AttemptState,
    Backoff,
    CachePolicy,
    CacheStatus,
    Divergence,
    ErrorInfo,
    ErrorKind,
    Glance,
    Orphan,
    Owner,
    PayloadRef,
    Phase,
    Policy,
    ResourceRequest,
    RetryPolicy,
    RunKey,
    RunMode,
    RunRecord,
    TaskSpec,
    TimeoutPolicy,
)

Row = tuple[Any, ...]
Json = dict[str, Any]

_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_decoder: Final = json.JSONDecoder()
_quote: Final = json.encoder.encode_basestring_ascii

_PHASES: Final = {str(p): p for p in Phase}
_KINDS: Final = {str(k): k for k in ActionKind}
_STATES: Final = {str(s): s for s in AttemptState}
_CACHES: Final = {str(s): s for s in CacheStatus}


# --- parts -----------------------------------------------------------------------------------------


def _decode(text: str) -> Any:
    return _decoder.raw_decode(text)[0]


def _ref(ref: PayloadRef) -> str:
    uri = f",{_quote(ref.uri)}" if ref.uri else ""
    return f'["{ref.sha256}",{ref.size_bytes}{uri}]'


def _read_ref(raw: list[Any] | None) -> PayloadRef | None:
    return None if raw is None else PayloadRef(*raw)


def _error(error: ErrorInfo) -> str:
    raw: Json = {"code": error.code, "message": error.message}
    if error.kind is not ErrorKind.USER:
        raw["kind"] = error.kind
    if not error.recoverable:
        raw["recoverable"] = False
    if error.traceback:
        raw["traceback"] = error.traceback
    if error.worker:
        raw["worker"] = error.worker
    return _encode(raw)


def _read_error(raw: Json | None) -> ErrorInfo | None:
    if raw is None:
        return None
    return ErrorInfo(**{**raw, "kind": ErrorKind(raw.get("kind", ErrorKind.USER))})


def _attempt(attempt: Attempt) -> str:
    moves = ",".join([f'["{phase}",{at}]' for phase, at in attempt.transitions])
    text = f'{{"n":{attempt.number},"token":{attempt.token},"state":"{attempt.state}","moves":[{moves}]'
    if attempt.ended_at is not None:
        text += f',"ended_at":{attempt.ended_at}'
    if attempt.error is not None:
        text += f',"error":{_error(attempt.error)}'
    if attempt.reading_us or attempt.writing_us:
        text += f',"values":[{attempt.reading_us},{attempt.writing_us}]'
    if attempt.worker:
        text += f',"worker":{_quote(attempt.worker)}'
    return text + "}"


def _read_attempt(raw: Json) -> Attempt:
    return Attempt(
        raw["n"],
        raw["token"],
        _STATES[raw["state"]],
        tuple([(_PHASES[phase], at) for phase, at in raw["moves"]]),
        raw.get("ended_at"),
        _read_error(raw.get("error")),
        raw.get("worker", ""),
        *raw.get("values", ()),
    )


def _divergence(found: Divergence) -> str:
    orphans = [[orphan.name, orphan.short_name] for orphan in found.orphans]
    return _encode([found.action, found.attempt, orphans, found.more])


def _read_divergence(raw: list[Any]) -> Divergence:
    action, attempt, orphans, more = raw
    return Divergence(action, attempt, tuple([Orphan(*each) for each in orphans]), more)


# --- actions ---------------------------------------------------------------------------------------

_TEXTS: Final = (
    "group",
    "output_uri",
    "cache_key",
    "cache_scope",
    "aborted_by",
    "recovered_from",
)
"""Texts of an action kept in its JSON; empty by default."""
_NUMBERS: Final = (
    "depth",
    "user_failures",
    "system_losses",
)
"""Numbers of an action kept in its JSON; 0 by default."""
_INSTANTS: Final = (
    "not_before",
    "waiting_since",
    "started_at",
    "ended_at",
)
"""Instants of an action kept in its JSON; None by default."""


def encode_state(action: Action) -> str:
    """What of an action has no column of its own. Put together by hand: it is written for every change."""
    text = f'{{"queued_at":{action.queued_at}'
    for name in _TEXTS:
        if value := getattr(action, name):
            text += f',"{name}":{_quote(value)}'
    for name in _NUMBERS:
        if value := getattr(action, name):
            text += f',"{name}":{value}'
    for name in _INSTANTS:
        if (value := getattr(action, name)) is not None:
            text += f',"{name}":{value}'
    if action.attempts:
        text += f',"attempts":[{",".join([_attempt(a) for a in action.attempts])}]'
    if action.inputs is not None:
        text += f',"inputs":{_ref(action.inputs)}'
    if action.outputs is not None:
        text += f',"outputs":{_ref(action.outputs)}'
    if action.error is not None:
        text += f',"error":{_error(action.error)}'
    if action.cache_status is not CacheStatus.DISABLED:
        text += f',"cache_status":"{action.cache_status}"'
    if action.abort_reason is not None:
        text += f',"abort_reason":{_quote(action.abort_reason)}'
    if action.divergences:
        text += f',"divergences":[{",".join([_divergence(each) for each in action.divergences])}]'
    return text + "}"


ACTION_COLUMNS: Final = (
    "a.id, a.name, a.parent, a.seq, a.kind, a.phase, a.spec, a.created_at, a.version, a.changed_seq, a.state"
)
ACTION_WIDTH: Final = 11
ACTION_SPEC: Final = 6
"""Which of them is the spec's row."""


def decode_action(run: RunKey, row: Row, spec: Callable[[int], TaskSpec]) -> Action:
    """The action in a row of `ACTION_COLUMNS`. `spec` finds a task spec by its row."""
    _, name, parent, seq, kind, phase, spec_id, created_at, version, changed_seq, state = row
    raw = _decode(state)
    attempts = raw.pop("attempts", None)
    inputs = raw.pop("inputs", None)
    outputs = raw.pop("outputs", None)
    error = raw.pop("error", None)
    cache_status = raw.pop("cache_status", None)
    divergences = raw.pop("divergences", ())
    return Action(
        key=ActionKey(run, name),
        parent=parent,
        kind=_KINDS[kind],
        seq=seq,
        spec=spec(spec_id),
        phase=_PHASES[phase],
        created_at=created_at,
        version=version,
        changed_seq=changed_seq,
        attempts=tuple([_read_attempt(a) for a in attempts]) if attempts else (),
        inputs=_read_ref(inputs),
        outputs=_read_ref(outputs),
        error=_read_error(error),
        cache_status=_CACHES[cache_status] if cache_status else CacheStatus.DISABLED,
        divergences=tuple([_read_divergence(each) for each in divergences]),
        **raw,
    )


_TASK: Final = str(ActionKind.TASK)
_WAITING: Final = str(Phase.WAITING_FOR_RESOURCES)
_STARTING: Final = str(Phase.INITIALIZING)
_RUNNING: Final = str(Phase.RUNNING)


def decode_glance(row: Row, spec: Callable[[int], TaskSpec]) -> Glance:
    """`Glance.of` the action in a row of `ACTION_COLUMNS`, without making the action."""
    _, name, parent, seq, kind, phase, spec_id, created_at, _, _, state = row
    raw = _decode(state)
    attempts = raw.get("attempts", ())
    cuts: tuple[Any, ...] = ()
    if attempts:
        first = dict(reversed(attempts[0]["moves"]))  # of two moves to a phase the first counts
        waiting, starting, running = first.get(_WAITING), first.get(_STARTING), first.get(_RUNNING)
        if len(attempts) > 1:
            cuts = tuple([each["moves"][0][1] for each in attempts[1:] if each["moves"]])
    else:
        waiting, starting, running = raw.get("waiting_since"), None, None
    if kind != _TASK:
        waiting, starting, running = None, None, raw.get("started_at") or created_at
    cache_status = raw.get("cache_status")
    return Glance(
        name,
        parent,
        _KINDS[kind],
        seq,
        spec(spec_id),
        _PHASES[phase],
        raw.get("group", ""),
        _CACHES[cache_status] if cache_status else CacheStatus.DISABLED,
        _read_error(raw.get("error")),
        (created_at, waiting, starting, running, raw.get("ended_at")),
        len(attempts),
        cuts,
    )


# --- events ----------------------------------------------------------------------------------------

_EVENTS: Final[dict[str, type[Any]]] = {
    "created": events.Created,
    "trace": events.TraceRecorded,
    "waiting": events.WaitingForResources,
    "claimed": events.Claimed,
    "started": events.Started,
    "succeeded": events.Succeeded,
    "failed": events.Failed,
    "lost": events.Lost,
    "refused": events.Refused,
    "timed_out": events.TimedOut,
    "abort": events.AbortRequested,
    "retry": events.RetryDue,
    "cache_hit": events.CacheHit,
    "recovered": events.Recovered,
    "diverged": events.Diverged,
    "signaled": events.Signaled,
}


def _shape(cls: type[Any], kind: str) -> tuple[str, tuple[tuple[str, Any], ...], Callable[[Any], Any]]:
    """An event's kind, its fields with their defaults, and what fetches them all (two at the least)."""
    names = [(f.name, f.default) for f in fields(cls) if f.name != "key"]
    names += [("__class__", cls)] * (2 - len(names))
    return kind, tuple(names), attrgetter(*[name for name, _ in names])


_EVENT_KINDS: Final = {cls: _shape(cls, kind) for kind, cls in _EVENTS.items()}

_WRITE: Final[dict[type[Any], Callable[[Any], str]]] = {
    str: _quote,
    int: str,
    PayloadRef: _ref,
    ErrorInfo: _error,
    Divergence: _divergence,
    ActionKind: lambda kind: f'"{kind}"',
    CacheStatus: lambda status: f'"{status}"',
    events.TimeoutKind: lambda kind: f'"{kind}"',
    type(None): lambda _: "null",
}
"""How the fields of events are written as JSON, by type."""


def encode_event(event: Event, spec: Callable[[TaskSpec], int]) -> tuple[str, str]:
    """The event's kind and its JSON. The action's key is the row's; `spec` gives a task spec its row."""
    kind, names, fetch = _EVENT_KINDS[type(event)]
    parts: list[str] = []
    for (name, default), value in zip(names, fetch(event), strict=True):
        if value is default or value == default:
            continue
        if name == "spec":
            value = spec(value)
        parts.append(f'"{name}":{_WRITE[type(value)](value)}')
    return kind, f"{{{','.join(parts)}}}"


def decode_event(key: ActionKey, kind: str, data: str, spec: Callable[[int], TaskSpec]) -> Event:
    """What `encode_event` wrote."""
    cls = _EVENTS[kind]
    raw = _decode(data)
    for name, read in (("inputs", _read_ref), ("outputs", _read_ref), ("error", _read_error)):
        if name in raw:
            raw[name] = read(raw[name])
    if cls is events.Created or cls is events.TraceRecorded:
        raw["key"] = key
        raw["spec"] = spec(raw["spec"])
    if cls is events.Created:
        raw["kind"] = _KINDS[raw["kind"]]
        raw["cache_status"] = _CACHES[raw.get("cache_status", CacheStatus.DISABLED)]
    if cls is events.Diverged:
        raw["divergence"] = _read_divergence(raw["divergence"])
    if cls is events.TimedOut:
        raw["kind"] = events.TimeoutKind(raw["kind"])
    event: Event = cls(**raw)
    return event


# --- task specs and runs ---------------------------------------------------------------------------


def encode_policy(policy: Policy) -> str:
    retry, timeout, cache, resources = policy.retry, policy.timeout, policy.cache, policy.resources
    raw: Json = {
        "retry": _changed(retry, RetryPolicy()),
        "timeout": _changed(timeout, TimeoutPolicy()),
        "cache": _changed(cache, CachePolicy()),
        "resources": _changed(resources, ResourceRequest()),
        "report": policy.report,
        "warm": policy.warm,
    }
    if retry.backoff is not None:
        raw["retry"]["backoff"] = [retry.backoff.base_s, retry.backoff.factor, retry.backoff.cap_s]
    return _encode({name: value for name, value in raw.items() if value})


def decode_policy(text: str) -> Policy:
    raw = _decode(text)
    retry, cache = raw.get("retry", {}), raw.get("cache", {})
    if "backoff" in retry:
        retry["backoff"] = Backoff(*retry["backoff"])
    if "ignored_inputs" in cache:
        cache["ignored_inputs"] = tuple(cache["ignored_inputs"])
    return Policy(
        retry=RetryPolicy(**retry),
        timeout=TimeoutPolicy(**raw.get("timeout", {})),
        cache=CachePolicy(**cache),
        resources=ResourceRequest(**raw.get("resources", {})),
        report=raw.get("report", False),
        warm=raw.get("warm", False),
    )


def _changed(value: Any, default: Any) -> Json:
    """The fields of a flat dataclass that differ from its default."""
    names = (f.name for f in fields(value))
    return {n: v for n in names if (v := getattr(value, n)) != getattr(default, n)}


SPEC_COLUMNS: Final = "id, digest, template, task_name, short_name, env_name, task_type, task_version, policy"


def encode_spec(spec: TaskSpec) -> Row:
    """`SPEC_COLUMNS` without the id."""
    return (
        spec.digest,
        spec.template,
        spec.task_name,
        spec.short_name,
        spec.env_name,
        spec.task_type,
        spec.task_version,
        encode_policy(spec.policy),
    )


def decode_spec(row: Row) -> TaskSpec:
    _, digest, template, task_name, short_name, env_name, task_type, task_version, policy = row
    return TaskSpec(
        digest, template, task_name, short_name, env_name, task_type, task_version, decode_policy(policy)
    )


_DETAIL: Final[tuple[tuple[str, Any], ...]] = (
    ("labels", {}),
    ("env", {}),
    ("related_run", ""),
    ("relation", ""),
    ("overwrite_cache", False),
    ("max_action_concurrency", 0),
    ("force_rerun", ()),
    ("interpreter", ""),
    ("root_dir", ""),
)

RUN_COLUMNS: Final = (
    "r.id, r.project, r.domain, r.name, r.mode, r.created_at, r.task_name, r.created_by, "
    "r.content_digest, r.run_spec, r.detail, r.last_seq"
)
RUN_WIDTH: Final = 12


def encode_run(run: RunRecord) -> Row:
    """`RUN_COLUMNS` without the id."""
    detail: Json = {name: v for name, default in _DETAIL if (v := getattr(run, name)) != default}
    if run.owner is not None:
        detail["owner"] = [run.owner.pid, run.owner.start_ticks, run.owner.boot_id]
    return (
        *run.key,
        run.mode,
        run.created_at,
        run.task_name,
        run.created_by,
        run.content_digest,
        run.run_spec,
        _encode(detail),
        run.last_seq,
    )


def decode_run(row: Row) -> RunRecord:
    _, project, domain, name, mode, created_at, task_name, created_by, digest, spec, detail, last_seq = row
    raw = _decode(detail)
    owner = raw.pop("owner", None)
    if "force_rerun" in raw:
        raw["force_rerun"] = tuple(raw["force_rerun"])
    return RunRecord(
        key=RunKey(project, domain, name),
        mode=RunMode(mode),
        created_at=created_at,
        task_name=task_name,
        created_by=created_by,
        content_digest=digest,
        run_spec=spec,
        last_seq=last_seq,
        owner=Owner(*owner) if owner else None,
        **raw,
    )


# --- edges ---


def encode_flow(edges: Sequence[tuple[Edge, int]]) -> str | None:
    """The edges that an action brings along, each with the id of its source."""
    if not edges:
        return None
    rows = [
        f"[{source & _NUMBER},{_quote(edge.source_path)},{_quote(edge.target_param)},"
        f'{_quote(edge.target_path)},"{edge.relation}","{edge.confidence}"]'
        for edge, source in edges
    ]
    return f"[{','.join(rows)}]"


def decode_flow(data: str) -> list[Any]:
    """Number of the source, its path, parameter, path, relation and confidence of each."""
    found: list[Any] = json.loads(data)
    return found


_NUMBER: Final = (1 << 32) - 1
