"""Events applied to one action within a unit of work, with everything that follows from them."""

from collections.abc import Sequence

from flyte_core.engine import cache
from flyte_core.engine.api import Change, Verdict
from flyte_core.machine.decide import decide
from flyte_core.machine.effects import Effect, EndTree, Kill, Launch, PublishCache, ReleaseCache
from flyte_core.machine.events import AbortRequested, Event
from flyte_core.machine.guards import IN_QUEUE
from flyte_core.model import ROOT, Action, ActionKey, Micros, RunMode
from flyte_core.store.ports import Tx


def settle(
    tx: Tx,
    action: Action | None,
    events: Sequence[Event],
    now: Micros,
    *,
    inputs: bytes | None = None,
    outputs: bytes | None = None,
) -> Change:
    """Decide on the events in turn, save once, and carry out what belongs to the same unit of work.

    Events that change nothing are not recorded; when none does, nothing is written and the change
    is empty. `inputs` and `outputs` are the bytes that become the action's own with this change.
    """
    timed = [(event, now) for event in events]
    return settle_at(tx, action, timed, inputs=inputs, outputs=outputs)


def settle_at(
    tx: Tx,
    action: Action | None,
    events: Sequence[tuple[Event, Micros]],
    *,
    inputs: bytes | None = None,
    outputs: bytes | None = None,
    leaf: bool = False,
) -> Change:
    """The same with an instant of its own for each event. A `leaf` is known to have called nothing."""
    recorded: list[tuple[Event, Micros]] = []
    effects: list[Effect] = []
    verdict = Verdict.ACCEPTED
    for event, at in events:
        decision = decide(action, event, at)
        verdict = decision.verdict
        if verdict is Verdict.ACCEPTED:
            action = decision.action
            recorded.append((event, at))
            effects += decision.effects
    if action is None or not recorded:
        return Change(verdict=verdict)
    saved = tx.save(action, recorded)
    if inputs is not None:
        tx.put_payload(saved.key, "inputs", inputs)
    if outputs is not None:
        tx.put_payload(saved.key, "outputs", outputs)
    if leaf:
        effects = [effect for effect in effects if not isinstance(effect, EndTree)]
    return carry_out(tx, saved, effects, recorded[-1][1], outputs, verdict)


def carry_out(
    tx: Tx,
    action: Action,
    effects: Sequence[Effect],
    now: Micros,
    outputs: bytes | None = None,
    verdict: Verdict = Verdict.ACCEPTED,
) -> Change:
    """Do what a decision asks for here and now; what remains for the driver is in the change."""
    actions = [action]
    left: list[Effect] = []
    launch: Launch | None = None
    for effect in effects:
        match effect:
            case Launch():
                launch = effect
            case Kill():
                _record_kill(tx, effect, now)
                left.append(effect)
            case PublishCache():
                cache.publish(tx, action, outputs, now)
            case ReleaseCache():
                cache.release(tx, action)
            case EndTree():
                below = end_tree(tx, action, effect.reason, now)
                actions += below.actions
                left += below.effects
    if launch is not None and action.phase in IN_QUEUE:
        left.append(launch)
    return Change(tuple(actions), tuple(left), verdict)


def end_tree(tx: Tx, top: Action, reason: str, now: Micros) -> Change:
    """Abort everything open below an action that has ended."""
    actions: list[Action] = []
    effects: list[Effect] = []
    event = AbortRequested(reason, top.aborted_by)
    for action in open_below(tx, top.key):
        decision = decide(action, event, now)
        saved = tx.save(decision.action, [(event, now)])
        actions.append(saved)
        for effect in decision.effects:
            if isinstance(effect, Kill):
                _record_kill(tx, effect, now)
                effects.append(effect)
            elif isinstance(effect, ReleaseCache):
                cache.release(tx, saved)
    return Change(tuple(actions), tuple(effects))


def open_below(tx: Tx, key: ActionKey) -> list[Action]:
    """Every open action below `key`. Below the root that is every other one of the run."""
    if key.name == ROOT:
        return [action for action in tx.open_actions(key.run) if action.key.name != ROOT]
    return tx.open_descendants(key)


def _record_kill(tx: Tx, kill: Kill, now: Micros) -> None:
    """Make a kill durable. The process that drives a local run ends its attempts itself."""
    run = tx.run(kill.key.run)
    if run is not None and run.mode is RunMode.SERVER:
        tx.add_outbox("kill", kill.key, kill.token, kill.attempt, kill.reason, now)
