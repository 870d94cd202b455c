"""Begins a local run: everything that is recorded of it before its first line of user code."""

import os
import random
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from flyteidl2.core.literals_pb2 import KeyValuePair
from flyteidl2.task import run_pb2

from flyte import _failures, _log, _server, _session
from flyte._account import account
from flyte._authoring.task import Task
from flyte._context import RunInfo
from flyte._controller.home import Home, echo, home_at
from flyte._controller.local import LocalRun, Root
from flyte._controller.spec import Place
from flyte._controller.submission import root
from flyte._packaging.files import root_of
from flyte_core import naming, process
from flyte_core.model import ActionName, CoreError, Digest, RunKey, RunMode, RunRecord
from flyte_core.supervision import DATAFLOW, DISABLE_CACHE

if TYPE_CHECKING:
    from flyte._run import RunOptions


def begin(
    task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], options: "RunOptions"
) -> tuple[Home, Root]:
    """Record a run of this process, and its root action.

    Raises:
        TypeError: the arguments do not fit the task.
        flyte.errors.BaseRuntimeError: a value does not, the name is taken, or nothing can be recorded.
    """
    _log.LogChoice().apply()
    session = _session.current()
    config = session.config
    place = Place(
        options.project or config.project,
        options.domain or config.domain,
        options.version,
        root_dir=options.root_dir or session.root_dir,
    )
    use_cache = config.local_cache_enabled and not options.disable_run_cache
    call = root(
        task,
        args,
        kwargs,
        place,
        custom_context=options.custom_context,
        use_cache=use_cache,
    )
    try:
        name = (
            naming.check_run_name(options.name)
            if options.name
            else naming.new_run_name(random.SystemRandom())
        )
        home = home_at(config.home)
        key = RunKey(place.project, place.domain, name)
        run_spec = run_message(options).SerializeToString(deterministic=True)
        record = RunRecord(
            key=key,
            mode=RunMode.LOCAL,
            created_at=home.ledger.clock.now(),
            task_name=task.name,
            owner=process.identity(),
            created_by=account(),
            labels=dict(options.labels),
            run_spec=run_spec,
            env={**_own_env(), **options.env_vars},
            content_digest=Digest(naming.digest(call.spec.digest, call.inputs, run_spec)),
            related_run=options.related_run,
            relation=options.relation,
            overwrite_cache=options.overwrite_cache,
            max_action_concurrency=options.max_action_concurrency,
            force_rerun=tuple(ActionName(name) for name in options.force_rerun),
            interpreter=sys.executable,
            root_dir=str(root_of(task, place.root_dir)),
        )
        info = RunInfo(
            key,
            "local",
            run_base_dir=str(home.layout.run(key)),
            run_start_time=options.run_start_time or datetime.now(UTC),
            version=options.version or task.version,
            custom_context=options.custom_context,
            disable_run_cache=not use_cache,
            raw_data_path=options.raw_data_path,
        )
        run = LocalRun(
            home.ledger,
            record,
            info,
            place,
            echo(options.echo),
            notified=bool(options.notifications),
            url=_server.base_url(config.home, config.port),
        )
        return home, run.begin(call)
    except CoreError as error:
        raise _failures.of_core(error) from error


_SCOPES: Final = {
    "global": run_pb2.CACHE_LOOKUP_SCOPE_GLOBAL,
    "project-domain": run_pb2.CACHE_LOOKUP_SCOPE_PROJECT_DOMAIN,
}


def _own_env() -> dict[str, str]:
    """What history has to know of this process's variables: whether it takes notes of how data flows."""
    return {name: os.environ[name] for name in (DATAFLOW,) if name in os.environ}


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
