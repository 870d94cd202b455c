"""Defects to be seeded, each one guard taken away: the state machine must notice every one."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flyte_core.engine.api import Change
from flyte_core.machine.effects import PublishCache
from flyte_core.machine.retry import Charge
from flyte_core.model import Action, AttemptState, CacheStatus, Micros
from flyte_core.store.ports import Tx


@dataclass(frozen=True)
class Mutant:
    """A name in one or more modules, and what takes its place, made from what stood there."""

    says: str
    modules: str
    name: str
    make: Callable[[Any], Any]

    def install(self, patch: Callable[[Any, str, Any], None]) -> None:
        for path in self.modules.split():
            module = importlib.import_module(f"flyte_core.{path}")
            patch(module, self.name, self.make(getattr(module, self.name)))


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda original: lambda *args, **more: value


def _holds_if_anybody_lives(action: Action, token: int) -> bool:
    return action.live is not None


def _without_fence(original: Any) -> Any:
    """Any word counts that meets a live attempt, whoever says it."""

    def in_order(action: Action, event: Any, now: Micros) -> bool:
        live = action.live
        if live is not None and getattr(event, "token", None) is not None:
            event = replace(event, token=live.token)
        return bool(original(action, event, now))

    return in_order


def _retry_for_free(original: Any) -> Any:
    def charge(action: Action, error: Any) -> Charge:
        return replace(original(action, error), user_failures=action.user_failures)

    return charge


def _losses_charged_to_the_user(original: Any) -> Any:
    return importlib.import_module("flyte_core.machine.retry").charge_user


def _no_wait(original: Any) -> Any:
    def charge(action: Action, error: Any) -> Charge:
        charged = original(action, error)
        return charged if charged.retry_after_us is None else replace(charged, retry_after_us=0)

    return charge


def _losses_never_cleared(original: Any) -> Any:
    def charge(action: Action, error: Any) -> Charge:
        return replace(original(action, error), system_losses=action.system_losses)

    return charge


def _leave_attempt_alive(original: Any) -> Any:
    return lambda action, state, phase, now, error: action.attempts


def _killed_means_lost(original: Any) -> Any:
    def end(action: Action, state: AttemptState, *rest: Any) -> Any:
        return original(action, AttemptState.LOST if state is AttemptState.KILLED else state, *rest)

    return end


def _only_children(original: Any) -> Any:
    def open_below(tx: Tx, key: Any) -> list[Action]:
        return [action for action in original(tx, key) if action.parent == key.name]

    return open_below


def _publish_everything(original: Any) -> Any:
    def after_end(action: Action, own_success: bool) -> Any:
        return (PublishCache(action.key),) if action.cache_key else ()

    return after_end


def _publish_without_outputs(original: Any) -> Any:
    def publish(tx: Tx, action: Action, outputs: Any, now: Micros) -> None:
        original(tx, action, b"" if outputs is None else outputs[:0], now)

    return publish


def _no_cascade(original: Any) -> Any:
    return lambda *args, **more: Change()


def _no_takeover_of(event_name: str) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def taken_over(*args: Any) -> Any:
            taken = original(*args)
            return None if taken is not None and type(taken[0]).__name__ == event_name else taken

        return taken_over

    return make


def _ask_when_overwriting(original: Any) -> Any:
    def taken_over(tx: Tx, record: Any, *rest: Any) -> Any:
        return original(tx, replace(record, overwrite_cache=False), *rest)

    return taken_over


def _take_in_spite_of_force(original: Any) -> Any:
    return lambda tx, record, *rest: original(tx, replace(record, force_rerun=()), *rest)


def _first_content_wins(original: Any) -> Any:
    return lambda tx, existing, wanted: original(tx, existing, existing)


def _backoff_is_queueing(original: Any) -> Any:
    return lambda action: action.queued_at


def _hit_without_status(original: Any) -> Any:
    return lambda action: action.cache_status is not CacheStatus.DISABLED


GUARDS, ENGINE_GUARDS = "machine.guards", "engine.guards"

MUTANTS = [
    Mutant("an event counts in any phase", GUARDS, "takes", _always(True)),
    Mutant("an event counts whenever it comes", GUARDS, "in_order", _always(True)),
    Mutant("any live attempt may be spoken for", GUARDS, "holds", lambda _: _holds_if_anybody_lives),
    Mutant("a report needs no token", GUARDS, "in_order", _without_fence),
    Mutant("a repeated report is called stale", GUARDS, "repeats", _always(False)),
    Mutant("every report of a closed action is called a repetition", GUARDS, "repeats", _always(True)),
    Mutant("a retry starts before its time", "engine.action machine.guards", "backoff_over", _always(True)),
    Mutant("a limit passes whenever somebody says so", GUARDS, "passed", _always(True)),
    Mutant("no limit ever passes", GUARDS, "passed", _always(False)),
    Mutant("what cannot recover is retried", GUARDS, "may_recover", _always(True)),
    Mutant("nothing is ever retried", GUARDS, "may_recover", _always(False)),
    Mutant("budgets have no bottom", GUARDS, "within", _always(True)),
    Mutant(
        "one retry more than allowed", GUARDS, "within", lambda _: lambda spent, budget: spent <= budget + 1
    ),
    Mutant("one retry less than allowed", GUARDS, "within", lambda _: lambda spent, budget: spent < budget),
    Mutant("failures are not counted", "machine.decide", "charge_user", _retry_for_free),
    Mutant("losses are charged to the user", "machine.decide", "charge_system", _losses_charged_to_the_user),
    Mutant("losses are never cleared", "machine.decide", "charge_user", _losses_never_cleared),
    Mutant("retries do not wait", "machine.decide", "charge_user", _no_wait),
    Mutant("losses in a row do not wait", "machine.decide", "charge_system", _no_wait),
    Mutant("time may run backwards", "machine.decide", "_last_instant", _always(0)),
    Mutant("nobody is killed", "machine.decide", "_kill", _always(())),
    Mutant("an attempt outlives its action", "machine.decide", "_end_live", _leave_attempt_alive),
    Mutant("a killed attempt is called lost", "machine.decide", "_end_live", _killed_means_lost),
    Mutant("any second answer is the same answer", "machine.decide", "_answered", _always(True)),
    Mutant("the same answer is another answer", "machine.decide", "_answered", _always(False)),
    Mutant(
        "the wait for a retry is a stay in the queue", "machine.due", "in_queue_since", _backoff_is_queueing
    ),
    Mutant("nothing is ever due", "engine.timers", "due_event", _always(None)),
    Mutant("an ended action may call", ENGINE_GUARDS, "may_call", _always(True)),
    Mutant("a condition may call", ENGINE_GUARDS, "is_caller", _always(True)),
    Mutant("a zombie parent may call", ENGINE_GUARDS, "is_current", _always(True)),
    Mutant("any call with the same name is the same", ENGINE_GUARDS, "is_same_call", _always(True)),
    Mutant("no call is ever the same", ENGINE_GUARDS, "is_same_call", _always(False)),
    Mutant("a run has no end of room", ENGINE_GUARDS, "fits", _always(True)),
    Mutant("calls nest without end", ENGINE_GUARDS, "is_shallow", _always(True)),
    Mutant("a damaged value is an answer", ENGINE_GUARDS, "is_intact", _always(True)),
    Mutant("failures are recovered", ENGINE_GUARDS, "is_recoverable_from", _always(True)),
    Mutant("enqueueing again makes a new action", "engine.action", "already", _always(None)),
    Mutant("the same run is created again", "engine.run", "_same_run", _first_content_wins),
    Mutant("the tree below is left open", "engine.settle", "end_tree", _no_cascade),
    Mutant("only children end with their parent", "engine.settle", "open_below", _only_children),
    Mutant("kills are forgotten", "engine.settle", "_record_kill", _always(None)),
    Mutant("two compute one serialized key", "engine.cache", "reserve", _always(True)),
    Mutant("nobody computes a serialized key", "engine.cache", "reserve", _always(False)),
    Mutant("outcomes are not published", "engine.cache", "publish", _always(None)),
    Mutant("outcomes are published empty", "engine.cache", "publish", _publish_without_outputs),
    Mutant("a hit is published as its own", "machine.decide", "after_end", _publish_everything),
    Mutant("old outcomes are used for ever", "machine.cache", "fresh", _always(True)),
    Mutant("no outcome is young enough", "machine.cache", "fresh", _always(False)),
    Mutant("the cache is not asked", "engine.birth", "_taken_over", _no_takeover_of("CacheHit")),
    Mutant(
        "the cache is asked in spite of overwriting", "engine.birth", "_taken_over", _ask_when_overwriting
    ),
    Mutant("nothing is recovered", "engine.birth", "_taken_over", _no_takeover_of("Recovered")),
    Mutant("what must run again is recovered", "engine.birth", "_recovered", _take_in_spite_of_force),
    Mutant("a claim takes any cached value", "machine.cache", "looks_up", _hit_without_status),
]
