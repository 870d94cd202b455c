"""Whether a parent that runs again asks for the children it asked for before.

It need not: its code may depend on the time, on chance, or on who was first. Then an outcome that was
recorded is no part of what the parent returns, and that is said.
"""

from collections.abc import Collection, Iterator
from typing import Final

from flyte_core.engine import guards
from flyte_core.engine.api import Change, Changes
from flyte_core.engine.birth import admit, check_room, source_of
from flyte_core.engine.cache import Intact
from flyte_core.engine.settle import settle
from flyte_core.machine.events import Diverged, TraceRecorded
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Divergence,
    Fenced,
    Micros,
    NotFound,
    Orphan,
    Phase,
    RunKey,
    RunRecord,
    Token,
)
from flyte_core.store.ports import ActionQuery, Reader, Tx

NAMED: Final = 1_000
"""So many orphans are named; of more, only the number is kept."""


def compare(reader: Reader, key: ActionKey, asked: Collection[ActionName]) -> Divergence | None:
    """What the present attempt, having called `asked` and nothing more, left out; None: nothing.

    Earlier attempts are those of the action itself and, in a run that recovers another, the action
    of the same name there. A child that was aborted has no outcome to be missed.

    Raises:
        NotFound: no such action.
    """
    view, action = reader.run(key.run), reader.action(key)
    if view is None or action is None:
        raise NotFound(f"There is no action {key.name} in run {key.run.name}.")
    left: dict[ActionName, Orphan] = {}
    for child in _earlier(reader, view.record, action):
        if child.key.name not in asked and child.phase is not Phase.ABORTED:
            left.setdefault(child.key.name, Orphan(child.key.name, child.spec.short_name))
    if not left:
        return None
    orphans = tuple(left.values())
    return Divergence(key.name, len(action.attempts), orphans[:NAMED], max(0, len(orphans) - NAMED))


def tell(tx: Tx, key: ActionKey, token: Token | None, divergence: Divergence, now: Micros) -> Change:
    """Record a divergence with the action, and with the root, where the run is looked at.

    Raises:
        NotFound: no such action.
        Fenced: another attempt of the action holds the token.
    """
    action = tx.action(key)
    if action is None:
        raise NotFound(f"There is no action {key.name} in run {key.run.name}.")
    if not guards.is_current(action, token):
        raise Fenced(f"This attempt of {key.name} is no longer the current one: another has taken over.")
    done = Changes()
    done.add(settle(tx, action, [Diverged(divergence)], now))
    root = tx.action(ActionKey(key.run, ROOT))
    if key.name != ROOT and root is not None:
        done.add(settle(tx, root, [Diverged(divergence)], now))
    return Change(tuple(done.actions))


def recall(
    tx: Tx,
    run: RunKey,
    parent: ActionName,
    token: Token | None,
    name: ActionName,
    now: Micros,
    intact: Intact | None = None,
) -> Change:
    """Take over what a traced call came to in the run that this one recovers; empty: it must be made.

    Raises:
        RunClosed, Fenced, NotFound: as `enqueue`.
    """
    record, mother = admit(tx, run, parent, token)
    key = ActionKey(run, name)
    source = source_of(tx, record, key, intact)
    if source is None or source.kind is not ActionKind.TRACE or tx.action(key) is not None:
        return Change()
    check_room(tx, record)
    event = TraceRecorded(
        key=key,
        parent=parent,
        seq=tx.next_sibling_seq(run, parent),
        spec=source.spec,
        started_at=now,
        ended_at=now,
        group=source.group,
        inputs=source.inputs,
        outputs=source.outputs,
        output_uri=source.output_uri,
        depth=mother.depth + 1,
        recovered_from=f"{source.key.run.name}/{name}",
    )
    inputs, outputs = tx.payload(source.key, "inputs"), tx.payload(source.key, "outputs")
    return settle(tx, None, [event], now, inputs=inputs, outputs=outputs)


def _earlier(reader: Reader, record: RunRecord, action: Action) -> Iterator[Action]:
    """The children of earlier attempts, in call order."""
    key = action.key
    if len(action.attempts) > 1:
        yield from reader.actions(key.run, ActionQuery(parent=key.name)).actions
    if record.relation != "recover":
        return
    run = key.run._replace(name=record.related_run)
    source = reader.action(ActionKey(run, key.name))
    if source is None or not guards.is_same_content(source, action):
        return
    known = {orphan.name for each in source.divergences for orphan in each.orphans}
    for child in reader.actions(run, ActionQuery(parent=key.name)).actions:
        if child.key.name not in known:
            yield child
