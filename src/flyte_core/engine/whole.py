"""A call that has begun and ended before it is recorded: one save instead of several."""

from flyte_core.engine import payloads
from flyte_core.engine.api import Change, NewAction, Outcome, Verdict
from flyte_core.engine.birth import admit, check_depth, check_room
from flyte_core.engine.settle import settle_at
from flyte_core.machine.events import Claimed, Created, Event, Failed, Started, Succeeded
from flyte_core.model import ActionKey, ActionName, FailedPrecondition, Micros, RunKey, Token
from flyte_core.store.ports import Tx


def whole(
    tx: Tx,
    run: RunKey,
    parent: ActionName,
    parent_token: Token | None,
    child: NewAction,
    outcome: Outcome,
    worker: str,
    began: Micros,
    ended: Micros,
) -> Change:
    """Enqueue, claim, start and report in one, each event at its own instant.

    Only for a driver that alone makes the children of this parent attempt, and knows that the child
    does not exist, has no cache key and has called nothing. `outcome.token` does not count: the
    attempt is given its token here. Exactly what the single use cases would have recorded.

    Raises: as `enqueue`.
    """
    record, mother = admit(tx, run, parent, parent_token)
    check_room(tx, record)
    check_depth(child, mother.depth + 1)
    token = tx.next_token()
    created = Created(
        key=ActionKey(record.key, child.name),
        parent=parent,
        kind=child.kind,
        seq=tx.next_sibling_seq(run, parent),
        spec=child.spec,
        group=child.group,
        inputs=payloads.given(child.inputs, child.inputs_ref),
        depth=mother.depth + 1,
    )
    ending: Event
    outputs = None
    if outcome.error is not None:
        ending = Failed(token, outcome.error, outcome.output_uri)
    else:
        outputs = outcome.outputs
        if outputs is None and outcome.outputs_ref is None:
            outputs = b""
        ending = Succeeded(
            token,
            payloads.given(outputs, outcome.outputs_ref),
            outcome.output_uri,
            outcome.reading_us,
            outcome.writing_us,
        )
    events: list[tuple[Event, Micros]] = [
        (created, began),
        (Claimed(token, worker), began),
        (Started(token, worker), began),
        (ending, ended),
    ]
    change = settle_at(tx, None, events, inputs=child.inputs, outputs=outputs, leaf=True)
    if change.verdict is not Verdict.ACCEPTED:
        raise FailedPrecondition(f"A call of {child.spec.task_name} cannot be recorded as a whole.")
    if child.edges or outcome.edges:
        tx.add_edges(run, (*child.edges, *outcome.edges))
    return change
