"""A call that has begun and ended before it is recorded: one save instead of several."""

from flyte_core.engine import payloads
from flyte_core.engine.api import Change, NewAction, Outcome, Verdict
from flyte_core.engine.birth import admit, check_depth
from flyte_core.engine.settle import carry_out
from flyte_core.machine.decide import decide
from flyte_core.machine.effects import Effect, EndTree
from flyte_core.machine.events import Claimed, Created, Event, Failed, Started, Succeeded
from flyte_core.model import Action, ActionKey, ActionName, FailedPrecondition, Micros, RunKey, Token
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
    record, mother = admit(tx, run, parent, parent_token, 1)
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
    outputs = outcome.outputs
    ending: Event
    if outcome.error is not None:
        ending = Failed(token, outcome.error, outcome.output_uri)
    else:
        ending = Succeeded(token, payloads.given(outputs, outcome.outputs_ref), outcome.output_uri)
    events: list[tuple[Event, Micros]] = [
        (created, began),
        (Claimed(token, worker), began),
        (Started(token, worker), began),
        (ending, ended),
    ]
    action: Action | None = None
    effects: list[Effect] = []
    for event, at in events:
        decision = decide(action, event, at)
        if decision.verdict is not Verdict.ACCEPTED:
            raise FailedPrecondition(f"A call of {child.spec.task_name} cannot be recorded as a whole.")
        action = decision.action
        effects += decision.effects
    assert action is not None
    saved = tx.save(action, events)
    if child.inputs is not None:
        tx.put_payload(saved.key, "inputs", child.inputs)
    if outcome.error is None and outputs is not None:
        tx.put_payload(saved.key, "outputs", outputs)
    left = [effect for effect in effects if not isinstance(effect, EndTree)]
    return carry_out(tx, saved, left, ended, outputs)
