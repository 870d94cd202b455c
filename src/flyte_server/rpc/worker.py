"""`godwit.v1.WorkerService`: what our own runtime says. Batches in, one stream of outcomes out, warm workers."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

from flyte_core import files
from flyte_core.engine import action as engine
from flyte_core.engine import replay
from flyte_core.engine.api import Change, Changes, NewAction, Outcome, TraceResult
from flyte_core.engine.cache import Intact
from flyte_core.model import (
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    CoreError,
    Digest,
    ErrorInfo,
    ErrorKind,
    FailedPrecondition,
    Fenced,
    InvalidArgument,
    Micros,
    PayloadRef,
    ResourceExhausted,
    RunKey,
    TaskSpec,
    Token,
)
from flyte_core.store.ports import Tx
from flyte_core.wire import edges, errors, specs
from flyte_core.wire.godwit.v1 import worker_pb2
from flyte_server.rpc import ids
from flyte_server.services import creation, watch
from flyte_server.services.context import ServerContext
from flyte_server.services.values import INLINE_MAX, digest, sync_file
from flyte_server.services.watch import until_stopping

BEAT_S = 10.0
_SPECS = 1_000


def _enqueue(
    tx: Tx,
    run: RunKey,
    parent: ActionName,
    token: Token | None,
    children: Sequence[NewAction],
    refused: dict[int, CoreError],
    intact: Intact,
    now: Micros,
) -> Change:
    """All children; where one is refused, the others none the less."""
    refused.clear()
    try:
        return engine.enqueue(tx, run, parent, token, children, now, intact)
    except (FailedPrecondition, InvalidArgument, ResourceExhausted):
        done = Changes()
        for index, child in enumerate(children):
            try:
                done.add(engine.enqueue(tx, run, parent, token, [child], now, intact))
            except (FailedPrecondition, InvalidArgument, ResourceExhausted) as error:
                refused[index] = error
        return Change(tuple(done.actions), tuple(done.effects))


def _recall(
    tx: Tx, parent: ActionKey, token: Token | None, name: ActionName, intact: Intact, now: Micros
) -> Change:
    return replay.recall(tx, parent.run, parent.name, token, name, now, intact)


def _report(
    tx: Tx, outcomes: Sequence[tuple[ActionKey, Outcome]], verdicts: list[str], now: Micros
) -> Change:
    """The ends of several attempts; what has become of each goes to `verdicts`."""
    verdicts.clear()
    done = Changes()
    for key, outcome in outcomes:
        change = engine.report(tx, key, outcome, now)
        done.add(change)
        verdicts.append(change.verdict.value)
    return Change(tuple(done.actions), tuple(done.effects))


class WorkerService:
    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._specs: OrderedDict[str, TaskSpec] = OrderedDict()

    async def enqueue(self, request: worker_pb2.EnqueueRequest) -> worker_pb2.EnqueueResponse:
        parent = _key(request.parent)
        children: list[NewAction] = []
        places: list[int] = []
        answer = worker_pb2.EnqueueResponse()
        for index, message in enumerate(request.children):
            try:
                children.append(await self._child(parent.run, message))
                places.append(index)
            except CoreError as error:
                answer.refused[index].CopyFrom(_refusal(error))
        refused: dict[int, CoreError] = {}
        await self._context.transactor.change(
            _enqueue,
            parent.run,
            parent.name,
            _token(request.token),
            children,
            refused,
            self._context.values.intact,
        )
        for index, refusal in refused.items():
            answer.refused[places[index]].CopyFrom(_refusal(refusal))
        return answer

    async def watch_children(
        self, request: worker_pb2.WatchChildrenRequest
    ) -> AsyncIterator[worker_pb2.WatchChildrenResponse]:
        parent = _key(request.parent)
        self._require_current(parent, _token(request.token))
        current = False
        async for changes, whole in watch.outcomes(self._context, parent, request.after_seq, BEAT_S):
            current = current or whole
            yield worker_pb2.WatchChildrenResponse(
                updates=[self._update(action) for action in changes.actions],
                current=current,
                seq=changes.seq,
            )

    async def abort_child(self, request: worker_pb2.AbortChildRequest) -> worker_pb2.AbortChildResponse:
        parent = _key(request.parent)
        self._require_current(parent, _token(request.token))
        key = ActionKey(parent.run, ids.action_name(request.name))
        if self._context.action(key).parent != parent.name:
            raise InvalidArgument(f"{key.name} is not a child of {parent.name}.")
        await self._context.abort_action(key, request.reason or "Its caller stopped waiting for it.")
        return worker_pb2.AbortChildResponse()

    async def replayed(self, request: worker_pb2.ReplayedRequest) -> worker_pb2.ReplayedResponse:
        key, token = _key(request.parent), _token(request.token)
        self._require_current(key, token)
        asked = frozenset(ActionName(name) for name in request.asked)
        found = await asyncio.to_thread(replay.compare, self._context.store, key, asked)
        if found is None:
            return worker_pb2.ReplayedResponse()
        await self._context.transactor.change(replay.tell, key, token, found)
        return worker_pb2.ReplayedResponse(divergence=str(found))

    async def recall(self, request: worker_pb2.RecallRequest) -> worker_pb2.RecallResponse:
        parent = _key(request.parent)
        change = await self._context.transactor.change(
            _recall, parent, _token(request.token), ids.action_name(request.name), self._context.values.intact
        )
        answer = worker_pb2.RecallResponse()
        if change.actions:
            answer.found.CopyFrom(self._update(change.actions[0]))
        return answer

    async def rest(self, request: worker_pb2.RestRequest) -> AsyncIterator[worker_pb2.RestResponse]:
        key, token = _key(request.action), Token(request.token)
        self._require_current(key, token)
        with self._context.resting(key, token):
            yield worker_pb2.RestResponse()
            await self._context.ending.wait()

    async def pull(self, request: worker_pb2.PullRequest) -> AsyncIterator[worker_pb2.PullResponse]:
        if self._context.pools is None:
            raise FailedPrecondition("This server has no warm workers.")
        async with aclosing(until_stopping(self._context, self._context.pools.connect(request))) as responses:
            async for response in responses:
                yield response

    async def report(self, request: worker_pb2.ReportRequest) -> worker_pb2.ReportResponse:
        outcomes = await asyncio.gather(*(self._outcome(report) for report in request.reports))
        verdicts = await self._take(
            [(_key(r.action), o) for r, o in zip(request.reports, outcomes, strict=True)]
        )
        if self._context.pools is not None:
            for report in request.reports:
                self._context.pools.finished(request.worker_id, Token(report.token))
        return worker_pb2.ReportResponse(verdicts=verdicts)

    async def _outcome(self, report: worker_pb2.Report) -> Outcome:
        token = Token(report.token)
        if report.HasField("error"):
            return Outcome(token, error=errors.from_worker(report.error))
        key = _key(report.action)
        directory = self._directory(key, token)
        outputs, ref = await self._payload(report.outputs, directory / "outputs.pb")
        flow = edges.get(report.edges, key.name)
        return Outcome(
            token,
            outputs=outputs,
            outputs_ref=ref,
            output_uri=str(directory),
            edges=flow,
            reading_us=report.reading_us,
            writing_us=report.writing_us,
        )

    def _directory(self, key: ActionKey, token: Token) -> Path:
        pools = self._context.pools
        held = pools.directory_of(token) if pools is not None else None
        if held is not None:
            return held
        attempts = self._context.action(key).attempts
        number = next((each.number for each in attempts if each.token == token), 0)
        return self._context.layout.attempt(key, number)

    async def _take(self, outcomes: Sequence[tuple[ActionKey, Outcome]]) -> list[str]:
        """Record what came together in one unit of work; if that cannot be, each by itself."""
        verdicts: list[str] = []
        try:
            await self._context.transactor.change(_report, outcomes, verdicts)
        except CoreError:
            if len(outcomes) < 2:
                raise
            verdicts = [(await self._take([each]))[0] for each in outcomes]
        return verdicts

    async def _child(self, run: RunKey, message: worker_pb2.Child) -> NewAction:
        try:
            kind = ActionKind(message.kind or ActionKind.TASK)
        except ValueError:
            raise InvalidArgument(f"{message.kind!r} is no kind of action.") from None
        key = ActionKey(run, ids.action_name(message.name))
        spec = self._spec(message, kind)
        inputs, ref = await self._payload(message.inputs, self._context.values.file_of(key))
        trace = await self._trace(message.trace, key) if kind is ActionKind.TRACE else None
        return NewAction(
            name=key.name,
            kind=kind,
            spec=spec,
            group=message.group,
            inputs=inputs,
            inputs_ref=ref,
            cache_key=message.cache_key,
            trace=trace,
            loose_inputs=message.loose_inputs or inputs is None or creation.loose(spec, inputs),
            edges=edges.get(message.edges, key.name),
        )

    def _spec(self, message: worker_pb2.Child, kind: ActionKind) -> TaskSpec:
        """The spec, sent with the first child of its kind and named by its digest afterwards."""
        found = self._specs.get(message.spec_sha256)
        if found is None and message.spec:
            found = specs.task_spec(message.spec, kind)
        elif found is None:
            found = self._context.store.spec(Digest(message.spec_sha256))
        if found is None:
            raise FailedPrecondition(
                f"The spec of child {message.name} is not known here.", hint="Send it with the child."
            )
        self._specs[found.digest] = found
        if len(self._specs) > _SPECS:
            self._specs.popitem(last=False)
        return found

    async def _trace(self, message: worker_pb2.Trace, key: ActionKey) -> TraceResult:
        error = errors.from_worker(message.error) if message.HasField("error") else None
        path = self._context.layout.action(key) / "outputs.pb"
        outputs, ref = (None, None) if error else await self._payload(message.outputs, path)
        return TraceResult(
            started_at=Micros(message.started_at_us),
            ended_at=Micros(max(message.started_at_us, message.ended_at_us)),
            outputs=outputs,
            outputs_ref=ref,
            output_uri=str(path),
            error=error,
        )

    async def _payload(
        self, message: worker_pb2.Payload, path: Path
    ) -> tuple[bytes | None, PayloadRef | None]:
        """Small bytes as they are; large ones as a checked file, which may be there already."""
        if not message.uri:
            if len(message.data) <= INLINE_MAX:
                self._context.values.remember(message.data)
                return message.data, None
            await asyncio.to_thread(files.write, path, message.data)
            return None, PayloadRef(digest(message.data), len(message.data), str(path))
        return None, await asyncio.to_thread(self._checked, message)

    def _checked(self, message: worker_pb2.Payload) -> PayloadRef:
        path = self._context.values.inside(message.uri)
        try:
            data = path.read_bytes()
        except OSError as cause:
            raise FailedPrecondition(f"The values at {path} cannot be read: {cause.strerror}.") from cause
        if message.sha256 and digest(data) != message.sha256:
            raise FailedPrecondition(f"The values at {path} are damaged.")
        sync_file(path)
        return PayloadRef(digest(data), len(data), str(path))

    def _update(self, action: Action) -> worker_pb2.ChildUpdate:
        update = worker_pb2.ChildUpdate(
            name=action.key.name,
            phase=action.phase.value,
            seq=action.seq,
            cache_status=action.cache_status.value,
            kind=action.kind.value,
        )
        if action.phase.good:
            self._put_outputs(update.outputs, action)
        elif action.phase.terminal:
            update.error.CopyFrom(errors.to_worker(_why(action)))
        return update

    def _put_outputs(self, payload: worker_pb2.Payload, action: Action) -> None:
        payload.present = True
        ref = action.outputs
        if ref is None:
            return
        payload.sha256, payload.size_bytes, payload.uri = ref.sha256, ref.size_bytes, ref.uri
        if not ref.uri:
            payload.data = self._context.values.load(action, "outputs")

    def _require_current(self, key: ActionKey, token: Token | None) -> None:
        action = self._context.action(key)
        if token is not None and (action.live is None or action.live.token != token):
            raise Fenced(f"This attempt of {key.name} is no longer the current one.")


def _why(action: Action) -> ErrorInfo:
    failure = action.failure
    if failure is not None:
        return failure
    reason = action.abort_reason or "It was aborted."
    return ErrorInfo("ActionAbortedError", reason, ErrorKind.USER, recoverable=False)


def _key(message: worker_pb2.ActionRef) -> ActionKey:
    run = RunKey(
        ids.name("project", message.project), ids.name("domain", message.domain), ids.name("run", message.run)
    )
    return ActionKey(run, ids.action_name(message.action))


def _token(number: int) -> Token | None:
    return Token(number) if number else None


def _refusal(error: CoreError) -> worker_pb2.Error:
    return worker_pb2.Error(code=error.code, message=str(error), system=True)
