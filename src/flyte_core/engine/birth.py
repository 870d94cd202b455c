"""How an action comes to be: may it, does it exist, is its outcome known already."""

from flyte_core.engine import cache, guards, payloads
from flyte_core.engine.api import Change, NewAction
from flyte_core.engine.cache import Intact
from flyte_core.engine.settle import settle
from flyte_core.machine import cache as cache_policy
from flyte_core.machine.events import Claimed, Created, Event, Recovered, Started, TraceRecorded
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    FailedPrecondition,
    Fenced,
    InvalidArgument,
    Micros,
    NotFound,
    ResourceExhausted,
    RunClosed,
    RunKey,
    RunRecord,
    Token,
)
from flyte_core.store.ports import Tx
from flyte_core.supervision import CACHE_LOOKUP_SCOPE


def admit(tx: Tx, run: RunKey, parent: ActionName, token: Token | None) -> tuple[RunRecord, Action]:
    """The run and the parent of new children, if it may have them."""
    record = tx.run(run)
    if record is None:
        raise NotFound(f"There is no run {run.name} in {run.project}/{run.domain}.")
    mother = tx.action(ActionKey(run, parent))
    if mother is None:
        raise NotFound(f"Run {run.name} has no action {parent}.")
    if not guards.may_call(mother):
        who = f"Run {run.name}" if parent == ROOT else f"Action {parent} of run {run.name}"
        raise RunClosed(f"{who} has ended ({mother.phase}): nothing new can start in it.")
    if not guards.is_caller(mother):
        raise InvalidArgument(
            f"{mother.spec.short_name} ({parent}) is a {mother.kind}; only tasks make calls."
        )
    if not guards.is_current(mother, token):
        raise Fenced(f"This attempt of {parent} is no longer the current one: another has taken over.")
    return record, mother


def already(tx: Tx, key: ActionKey, new: NewAction) -> Action | None:
    """The action of that name, if it was made by the same call."""
    existing = tx.action(key)
    if existing is None:
        return None
    if not guards.is_same_call(existing, new, payloads.given(new.inputs, new.inputs_ref)):
        raise FailedPrecondition(
            f"ID_COLLISION: action {key.name} of run {key.run.name} is a call of {existing.spec.task_name}, "
            f"and now the same name came for {new.spec.task_name} with other content.",
            hint="Names follow from what is called with what; please report this.",
        )
    return existing


def _taken_over(
    tx: Tx, record: RunRecord, created: Created, now: Micros, intact: Intact | None
) -> tuple[Event, bytes | None] | None:
    """An outcome that a new action need not compute: from the run it recovers, or from the cache."""
    recovered = _recovered(tx, record, created.key, intact)
    if recovered is not None:
        return recovered
    if created.kind is not ActionKind.TASK or not created.cache_key or record.overwrite_cache:
        return None
    scopes = [created.cache_scope]
    if record.env.get(CACHE_LOOKUP_SCOPE) == "global":
        scopes += [each for each in tx.cache_scopes() if each != created.cache_scope]
    rules = created.spec.policy.cache
    found = (cache.look_up(tx, scope, created.cache_key, rules, now, intact) for scope in scopes)
    return next((hit for hit in found if hit is not None), None)


def source_of(tx: Tx, record: RunRecord, key: ActionKey, intact: Intact | None) -> Action | None:
    """The action whose outcome this one may take over, in the run that its own recovers.

    One whose outputs, or the files they refer to, are not there any more is none: it is executed again.
    """
    if record.relation != "recover" or key.name == ROOT or key.name in record.force_rerun:
        return None
    source = tx.action(ActionKey(record.key._replace(name=record.related_run), key.name))
    if source is None or not guards.is_recoverable_from(source):
        return None
    outputs = source.outputs
    if outputs is None or intact is None:
        return source
    data = None if outputs.uri else tx.payload(source.key, "outputs")
    return source if intact(outputs, data) else None


def _recovered(
    tx: Tx, record: RunRecord, key: ActionKey, intact: Intact | None
) -> tuple[Recovered, bytes | None] | None:
    source = source_of(tx, record, key, intact)
    if source is None:
        return None
    large = source.outputs is not None and bool(source.outputs.uri)
    outputs = None if large else tx.payload(source.key, "outputs")
    event = Recovered(source.outputs, source.output_uri, f"{record.related_run}/{key.name}")
    return event, outputs


def _record_trace(
    tx: Tx,
    key: ActionKey,
    parent: ActionName | None,
    seq: int,
    depth: int,
    new: NewAction,
    now: Micros,
) -> Change:
    trace = new.trace
    assert trace is not None
    assert parent is not None
    outputs = trace.outputs
    if trace.error is None and outputs is None and trace.outputs_ref is None:
        outputs = b""
    event = TraceRecorded(
        key=key,
        parent=parent,
        seq=seq,
        spec=new.spec,
        started_at=trace.started_at,
        ended_at=trace.ended_at,
        group=new.group,
        inputs=payloads.given(new.inputs, new.inputs_ref),
        outputs=payloads.given(outputs, trace.outputs_ref) if trace.error is None else None,
        output_uri=trace.output_uri,
        error=trace.error,
        depth=depth,
    )
    kept = outputs if trace.error is None else None
    return settle(tx, None, [event], now, inputs=new.inputs, outputs=kept)


def check_room(tx: Tx, record: RunRecord, made: int = 0) -> None:
    """Refuse one more action than a run may have. `made` were created since `record` was read."""
    # Every action has at least one event, so the number at hand bounds the one that must be counted.
    if not guards.fits(record.last_seq + made, 1) and not guards.fits(tx.count_actions(record.key), 1):
        raise ResourceExhausted(
            f"Run {record.key.name} has reached the limit of {guards.MAX_ACTIONS:,} actions.",
            hint="Let each action do more, or split the work over several runs.",
        )


def check_depth(new: NewAction, depth: int) -> None:
    """Refuse calls that nest without end."""
    if not guards.is_shallow(depth):
        raise InvalidArgument(
            f"{new.spec.short_name} would be {depth} calls below the run's root; {guards.MAX_DEPTH} is the limit.",
            hint="Does a task call itself without end? Otherwise turn the recursion into a loop.",
        )


def birth(
    tx: Tx,
    record: RunRecord,
    parent: Action | None,
    new: NewAction,
    seq: int,
    now: Micros,
    intact: Intact | None,
    *,
    run_by: str | None = None,
) -> Change:
    """Create an action that does not exist. `run_by` starts its first attempt at once."""
    change = _birth(tx, record, parent, new, seq, now, intact, run_by)
    if new.edges:
        tx.add_edges(record.key, new.edges)
    return change


def _birth(
    tx: Tx,
    record: RunRecord,
    parent: Action | None,
    new: NewAction,
    seq: int,
    now: Micros,
    intact: Intact | None,
    run_by: str | None,
) -> Change:
    depth = 0 if parent is None else parent.depth + 1
    mother = None if parent is None else parent.key.name
    check_depth(new, depth)
    key = ActionKey(record.key, new.name)
    inputs = payloads.given(new.inputs, new.inputs_ref)
    if new.kind is ActionKind.TRACE:
        return _record_trace(tx, key, mother, seq, depth, new, now)
    scope = (new.cache_scope or cache_policy.scope_of(record.key)) if new.cache_key else ""
    created = Created(
        key=key,
        parent=mother,
        kind=new.kind,
        seq=seq,
        spec=new.spec,
        group=new.group,
        inputs=inputs,
        cache_key=new.cache_key,
        cache_scope=scope,
        cache_status=cache_policy.status_at_birth(new.cache_key, record.overwrite_cache),
        depth=depth,
    )
    taken = _taken_over(tx, record, created, now, intact)
    if taken is not None:
        outcome, outputs = taken
        return settle(tx, None, [created, outcome], now, inputs=new.inputs, outputs=outputs)
    if run_by is None or new.kind is not ActionKind.TASK:
        return settle(tx, None, [created], now, inputs=new.inputs)
    if not cache.reserve(tx, key, created.cache_scope, created.cache_key, new.spec.policy.cache, now):
        return settle(tx, None, [created], now, inputs=new.inputs)
    token = tx.next_token()
    events: list[Event] = [created, Claimed(token, run_by), Started(token, run_by)]
    return settle(tx, None, events, now, inputs=new.inputs)
