"""The cache within a unit of work: look up, reserve, publish, release."""

from collections.abc import Callable

from flyte_core.engine import guards, payloads
from flyte_core.machine import cache as policy
from flyte_core.machine.events import CacheHit
from flyte_core.model import Action, ActionKey, CachePolicy, Micros, PayloadRef
from flyte_core.store.ports import CacheEntry, Tx

Intact = Callable[[PayloadRef, bytes | None], bool]
"""Tells whether outputs are whole: large ones (that come without bytes) where they should be, and the
files that they refer to where those should be."""

_LEASE_US = 7 * 24 * 3600 * 1_000_000
"""A stop for leases whose holder vanished with its run; otherwise the holder's state decides."""


def look_up(
    tx: Tx, scope: str, key: str, rules: CachePolicy, now: Micros, intact: Intact | None
) -> tuple[CacheHit, bytes | None] | None:
    """An outcome that may be used again, with its bytes when they are small.

    A damaged one is forgotten: it is a miss, never an answer.
    """
    entry = tx.cache_entry(scope, key)
    if entry is None or not policy.fresh(rules, entry.created_at, now):
        return None
    large = bool(entry.outputs.uri)
    data = None if large else entry.data
    whole = data is None or guards.is_intact(entry, payloads.reference(data))
    if not whole or not (intact is None or intact(entry.outputs, data)):
        tx.delete_cache_entry(scope, key)
        return None
    return CacheHit(entry.outputs, entry.output_uri, entry.source), data


def reserve(tx: Tx, action: ActionKey, scope: str, key: str, rules: CachePolicy, now: Micros) -> bool:
    """Whether this action may be the one that computes its key: always, unless the key is serialized.

    A holder that has ended gives way.
    """
    if not policy.reserves(key, rules):
        return True
    until = Micros(now + _LEASE_US)
    holder = tx.cache_lease(scope, key, action, until, now)
    if holder != action and _has_ended(tx, holder):
        tx.release_cache_lease(scope, key, holder)
        holder = tx.cache_lease(scope, key, action, until, now)
    return holder == action


def publish(tx: Tx, action: Action, outputs: bytes | None, now: Micros) -> None:
    """Offer the outcome of an action that has succeeded to others."""
    if action.outputs is None:
        return
    data = b"" if action.outputs.uri else outputs
    if data is None:
        data = tx.payload(action.key, "outputs") or b""
    source = f"{action.key.run.name}/{action.key.name}"
    entry = CacheEntry(action.outputs, data, action.output_uri, source, now)
    tx.put_cache_entry(action.cache_scope, action.cache_key, entry)
    release(tx, action)


def release(tx: Tx, action: Action) -> None:
    """Let another execution of a serialized key run."""
    if policy.reserves(action.cache_key, action.policy.cache):
        tx.release_cache_lease(action.cache_scope, action.cache_key, action.key)


def _has_ended(tx: Tx, key: ActionKey) -> bool:
    holder = tx.action(key)
    return holder is None or holder.phase.terminal
