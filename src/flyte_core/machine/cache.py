"""What the cache does for an action: hit, reserve, publish, skip."""

from flyte_core.machine.due import span_us
from flyte_core.machine.effects import PublishCache, ReleaseCache
from flyte_core.model import Action, CachePolicy, CacheStatus, Micros, RunKey


def scope_of(run: RunKey) -> str:
    """Where a run's cache keys are valid unless it says otherwise."""
    return f"{run.project}/{run.domain}"


def status_at_birth(key: str, overwrite: bool) -> CacheStatus:
    """What to write on a new action, before its key is looked up."""
    if not key:
        return CacheStatus.DISABLED
    return CacheStatus.SKIPPED if overwrite else CacheStatus.MISS


def looks_up(action: Action) -> bool:
    """Whether somebody else's outcome would do for this action."""
    return action.cache_status is CacheStatus.MISS


def reserves(key: str, rules: CachePolicy) -> bool:
    """Whether only one execution of the key may run at a time."""
    return bool(key) and rules.serialize


def fresh(policy: CachePolicy, created_at: Micros, now: Micros) -> bool:
    """Whether an outcome is young enough to be used again."""
    return policy.max_age_s is None or now - created_at < span_us(policy.max_age_s)


def after_end(action: Action, own_success: bool) -> tuple[PublishCache | ReleaseCache, ...]:
    """What becomes of the cache key of an action that ended. Only an execution of its own that succeeded is published."""
    if not action.cache_key:
        return ()
    if own_success:
        return (PublishCache(action.key),)
    return (ReleaseCache(action.key),) if reserves(action.cache_key, action.policy.cache) else ()
