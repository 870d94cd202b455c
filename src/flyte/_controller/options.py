"""The options of a run on the wire, the same for local and server runs."""

from typing import TYPE_CHECKING, Final

from flyteidl2.core.literals_pb2 import KeyValuePair
from flyteidl2.task import run_pb2

from flyte_core.supervision import DISABLE_CACHE

if TYPE_CHECKING:
    from flyte._run import RunOptions

_SCOPES: Final = {
    "global": run_pb2.CACHE_LOOKUP_SCOPE_GLOBAL,
    "project-domain": run_pb2.CACHE_LOOKUP_SCOPE_PROJECT_DOMAIN,
}


def run_message(options: "RunOptions") -> run_pb2.RunSpec:
    """The options of a run as `flyteidl2.task.RunSpec`."""
    message = run_pb2.RunSpec(
        overwrite_cache=options.overwrite_cache,
        queue=options.queue,
        max_action_concurrency=options.max_action_concurrency,
    )
    if options.labels:
        message.labels.values.update(options.labels)
    if options.annotations:
        message.annotations.values.update(options.annotations)
    variables = {**options.env_vars, **({DISABLE_CACHE: "1"} if options.disable_run_cache else {})}
    for key, value in variables.items():
        message.envs.values.append(KeyValuePair(key=key, value=value))
    if options.cache_lookup_scope:
        message.cache_config.cache_lookup_scope = _SCOPES[options.cache_lookup_scope]
    if options.service_account:
        message.security_context.run_as.k8s_service_account = options.service_account
    if options.notifications:
        from flyte._controller import notices

        notices.put(message, options.notifications)
    if options.interruptible is not None:
        message.interruptible.value = options.interruptible
    if options.raw_data_path:
        message.raw_data_storage.raw_data_prefix = options.raw_data_path
    if options.run_start_time is not None:
        message.run_start_time.FromDatetime(options.run_start_time)
    return message
