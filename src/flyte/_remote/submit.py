"""Submits a run to a server: code, specification, inputs, one `CreateRun`."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Literal

from flyteidl2.core.literals_pb2 import KeyValuePair
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.workflow import run_service_pb2 as runs

from flyte import _failures, _secrets, _server, _session
from flyte._client import methods
from flyte._client.connect import Connect
from flyte._client.errors import RpcError, for_user
from flyte._client.session import connect
from flyte._config import Config
from flyte._controller.options import run_message
from flyte._controller.spec import Place, task_message
from flyte._controller.submission import check_size
from flyte._packaging import bundle as bundles
from flyte._packaging import files, upload
from flyte._packaging.bundle import Bundle
from flyte._remote import capped
from flyte._remote.cargo import Cargo
from flyte._remote.current import source_of
from flyte._remote.run import Run
from flyte._storage import carry
from flyte._sync import syncify
from flyte._types.interface import codec_of_task
from flyte._version import VERSION
from flyte.errors import CodeBundleError
from flyte_core import naming
from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    CoreError,
    Micros,
    Phase,
    RunKey,
    RunMode,
    RunRecord,
    RunView,
)
from flyte_core.supervision import SYS_PATHS
from flyte_core.wire import actions, specs

if TYPE_CHECKING:
    from flyte._authoring.task import Task
    from flyte._run import RunOptions

INTERPRETER = "FLYTE_PYTHON"
"""The variable that tells a server of this machine which Python has the packages of the task."""
PLACE_VARIABLES = frozenset({INTERPRETER, SYS_PATHS, _secrets.VARIABLE})
"""Variables of a run that say where its code runs, rather than what its tasks are to read."""


async def submit_run(
    task: "Task[..., Any]", args: tuple[Any, ...], kwargs: Mapping[str, Any], options: "RunOptions"
) -> Run:
    """Create a run on the session's server; returns when the server has it on its disk.

    Everything that can be wrong with the call is found before anything is started or sent.

    Raises:
        TypeError: the arguments do not fit the task.
        AutostartForbidden: this machine's server does not run and may not be started.
        flyte.errors.BaseRuntimeError: a value does not fit, the code cannot be bundled, the name is
            taken, the server refuses or cannot be reached.
    """
    session = _session.current()
    config = session.config
    key = RunKey(options.project or config.project, options.domain or config.domain, name_of(options))
    root = files.root_of(task, options.root_dir or session.root_dir)
    paths = files.import_paths(root) if options.copy_style == "all" and options.sync_sys_paths else []
    bundle = bundles.bundle(task, options.copy_style, root, interactive=options.interactive_mode, paths=paths)
    place = Place(key.project, key.domain, options.version, root_dir=root)
    if bundle is not None:
        place = _placed(place, bundle, "to be uploaded")
        _copy(bundle, options.copy_bundle_to)
    cargo = Cargo()
    request = runs.CreateRunRequest(
        run_id=actions.run_id(key),
        task_spec=task_message(task, place),
        inputs=_inputs(task, args, kwargs, options, cargo),
        run_spec=run_message(options),
    )
    if paths:
        request.run_spec.envs.values.append(KeyValuePair(key=SYS_PATHS, value=os.pathsep.join(paths)))
    if options.dry_run:
        return Rehearsal(_unborn(key, request), source_of(config, local=True), codec_of_task(task))
    client = await connected(config)
    if client.endpoint.local:
        capped.tell(task, config)
        request.run_spec.envs.values.append(KeyValuePair(key=INTERPRETER, value=sys.executable))
        if options.copy_style == "none":
            request.run_spec.envs.values.append(KeyValuePair(key=SYS_PATHS, value=str(root)))
        dotenv = _secrets.find(Path.cwd(), root)
        if dotenv is not None:
            request.run_spec.envs.values.append(KeyValuePair(key=_secrets.VARIABLE, value=str(dotenv)))
    try:
        if cargo and not client.endpoint.local:
            await cargo.bring(client, key.project, key.domain)
            request.inputs.CopyFrom(_inputs(task, args, kwargs, options, cargo))
        if bundle is None:
            answer = await client.unary(methods.CREATE_RUN, request)
        else:
            answer = await _with_code(
                client,
                request,
                bundle,
                config,
                lambda uri: task_message(task, _placed(place, bundle, uri)),
            )
    except RpcError as error:
        raise for_user(error) from error
    view, source = actions.from_run(answer.run), source_of(config)
    if view.root.phase.terminal:
        # The cache had its outcome; the answer does not say where that is.
        view = await source.run(view.record.key)
    return Run(view, source, codec_of_task(task))


class Rehearsal(Run):
    """A run that was prepared and not created: `dry_run=True`. It stays queued for ever."""

    async def _latest(self) -> Action:
        return self._view.root

    @syncify
    async def wait(self, quiet: bool = False, wait_for: Literal["terminal", "running"] = "terminal") -> None:
        """There is nothing to wait for."""


def _unborn(key: RunKey, request: runs.CreateRunRequest) -> RunView:
    """What would have been recorded."""
    spec = specs.task_spec(request.task_spec)
    now = Micros(time.time_ns() // 1_000)
    record = RunRecord(
        key=key,
        mode=RunMode.SERVER,
        created_at=now,
        task_name=spec.task_name,
        labels=dict(request.run_spec.labels.values),
    )
    root = Action(
        key=ActionKey(key, ROOT),
        parent=None,
        kind=ActionKind.TASK,
        seq=0,
        spec=spec,
        phase=Phase.QUEUED,
        created_at=now,
        queued_at=now,
    )
    return RunView(record, root)


async def _with_code(
    client: Connect,
    request: runs.CreateRunRequest,
    bundle: Bundle,
    config: Config,
    message: Callable[[str], task_definition_pb2.TaskSpec],
) -> runs.CreateRunResponse:
    """Create the run with the code where the server has it; bring it there if that is not known."""
    run = request.run_id
    uploads = upload.Uploads(config.home)
    key = upload.key_of(bundle, client.endpoint, config.home, run.project, run.domain)
    uri = uploads.find(key)
    known = uri is not None
    while True:
        if uri is None:
            uri = await upload.bring(client, bundle, run.project, run.domain)
            uploads.remember(key, uri)
        request.task_spec.CopyFrom(message(uri))
        try:
            return await client.unary(methods.CREATE_RUN, request)
        except RpcError as error:
            if error.code != "not_found" or not known:
                raise
            uploads.forget(key)
            uri, known = None, False


async def connected(config: Config) -> Connect:
    """The configured server; without one this machine's own, started if need be."""
    if config.endpoint:
        return connect(config)
    ensure = partial(_server.ensure_server, config.home, port=config.port, autostart=config.autostart)
    # A start takes a second or more, in which others may use this loop.
    info = _server.status(config.home)
    if info is None or info.version != VERSION:
        info = await asyncio.to_thread(ensure)
    return connect(config.override("this machine's server", endpoint=info.url))


def _placed(place: Place, bundle: Bundle, uri: str) -> Place:
    """The place with the bundle at an address."""
    version = place.version or bundle.version
    if bundle.pickled:
        return replace(place, version=version, pkl=uri)
    return replace(place, version=version, tgz=uri)


def name_of(options: "RunOptions") -> str:
    try:
        return naming.check_run_name(options.name) if options.name else naming.new_run_name(SystemRandom())
    except CoreError as error:
        raise _failures.of_core(error) from error


def _inputs(
    task: "Task[..., Any]",
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: "RunOptions",
    cargo: Cargo,
) -> common_pb2.Inputs:
    values = task.interface.bind(args, kwargs)
    with carry.carried(cargo):
        encoded = codec_of_task(task).encode_inputs(values, options.custom_context)
    check_size(task, "inputs", encoded.data)
    return common_pb2.Inputs.FromString(encoded.data)


def _copy(bundle: Bundle, folder: Path | None) -> None:
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / bundle.name).write_bytes(bundle.make())
    except OSError as error:
        raise CodeBundleError(f"The code bundle cannot be copied to {folder}: {error.strerror}.") from error
