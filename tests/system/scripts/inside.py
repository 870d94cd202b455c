"""Tasks that use what there is inside a task: checkpoints, reports, conditions, time, traces."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import flyte
import flyte.durable
import flyte.report
from flyte import errors

env = flyte.TaskEnvironment(name="inside")


def attempt() -> int:
    context = flyte.ctx()
    assert context is not None
    return context.attempt_number


# -- Checkpoints -----------------------------------------------------------------------------------


@env.task(retries=2)
def resumes(kind: str) -> list[str]:
    """The first attempt saves, the second fails at once, the third has what the first saved."""
    context = flyte.ctx()
    assert context is not None
    kept = context.checkpoint.load_sync()
    if attempt() == 0:
        assert kept is None and not context.checkpoint.prev_exists()
        folder = Path("weights")
        (folder / "deep").mkdir(parents=True, exist_ok=True)
        (folder / "deep" / "w.bin").write_text("weights")
        file = folder / "deep" / "w.bin"
        context.checkpoint.save_sync(b"old")
        context.checkpoint.save_sync(
            {"bytes": b"weights", "file": file, "folder": folder, "text": str(file)}[kind]
        )
    if attempt() < 2:
        raise ValueError("again")
    assert kept is not None
    files = [kept] if kept.is_file() else sorted(path for path in kept.rglob("*") if path.is_file())
    newest = flyte.latest_checkpoint(kept, "**/*.bin") if kept.is_dir() else kept
    assert newest == files[-1]
    return [path.read_text() for path in files]


@env.task(retries=1)
async def resumes_async() -> int:
    context = flyte.ctx()
    assert context is not None
    before = await context.checkpoint.load()
    at = int(before.read_text()) if before is not None else 0
    await context.checkpoint.save(str(at + 10).encode())
    if attempt() == 0:
        raise ValueError("again")
    return at


# -- Reports ---------------------------------------------------------------------------------------


@env.task(report=True, retries=1)
async def reports() -> None:
    """Shows one thing, waits until it has been seen, fails, and shows another."""
    await flyte.report.log.aio(f"<b>attempt {attempt()}</b>", do_flush=True)
    flyte.report.get_tab("data <1>").log("<i>rows</i>")
    if attempt() == 0:
        await (await flyte.new_condition.aio("seen")).wait.aio()
        raise ValueError("again")
    flyte.report.replace("<b>last</b>")


@env.task
def reports_in_vain() -> None:
    flyte.report.log("nobody sees this", do_flush=True)


# -- Conditions ------------------------------------------------------------------------------------


@env.task
async def asks() -> list[str]:
    yes = await flyte.new_condition.aio("yes", prompt="Go?", description="Think twice.")
    count = await flyte.new_condition.aio(
        "count", prompt="**How** many?", prompt_type="markdown", data_type=int
    )
    share = await flyte.new_condition.aio("share", data_type=float, timeout=600)
    text = await flyte.new_condition.aio("text", data_type=str)
    found = await asyncio.gather(yes.wait.aio(), count.wait.aio(), share.wait.aio(), text.wait.aio())
    return [f"{type(each).__name__} {each}" for each in found]


@env.task
def asks_in_vain() -> list[str]:
    seen = []
    try:
        flyte.new_condition("late", timeout=0.2).wait()
    except errors.ConditionTimedoutError as error:
        seen.append(error.code)
    stays = flyte.new_condition("aborted")
    try:
        flyte.new_condition("aborted")
    except errors.ConditionAlreadyExistsError as error:
        seen.append(error.code)
    try:
        stays.wait()
    except errors.ConditionFailedError as error:
        seen.append(error.code)
    return seen


@env.task(retries=1)
def asks_once() -> int:
    """Asked again by the second attempt, it is answered already."""
    answer = flyte.new_condition("once", data_type=int).wait()
    if attempt() == 0:
        raise ValueError("again")
    return answer


@env.task
async def asks_wrongly() -> list[str]:
    seen = []
    try:
        flyte.new_condition("blocking")
    except errors.SyncTaskCallInAsyncContextError as error:
        seen.append(error.code)
    asked = await flyte.new_condition.aio("never")
    try:
        asked.wait()
    except errors.SyncTaskCallInAsyncContextError as error:
        seen.append(error.code)
    try:
        await asyncio.wait_for(asked.wait.aio(), 0.2)
    except TimeoutError:
        seen.append("cancelled")
    return seen


# -- Time ------------------------------------------------------------------------------------------


@env.task(retries=1)
async def sleeps(folder: str) -> bool:
    """Both attempts read the same clock, and the second does not wait again."""
    times = [str(flyte.durable.time()), str(await flyte.durable.now.aio())]
    await flyte.durable.sleep.aio(0.5)
    seen = Path(folder) / "times"
    if attempt() == 0:
        seen.write_text("\n".join(times))
        raise ValueError("again")
    return seen.read_text().splitlines() == times


# -- Traces ----------------------------------------------------------------------------------------


def note(folder: str, what: str) -> None:
    with (Path(folder) / "calls").open("a") as file:
        file.write(f"{what}\n")


@flyte.trace
def plain(folder: str, x: int) -> int:
    note(folder, "plain")
    return x + 1


@flyte.trace
async def awaited(folder: str, x: int) -> int:
    note(folder, "awaited")
    return x + 1


@flyte.trace
def counts(folder: str, n: int) -> Iterator[int]:
    note(folder, "counts")
    yield from range(n)


@flyte.trace
async def counts_async(folder: str, n: int) -> AsyncIterator[int]:
    note(folder, "counts_async")
    for each in range(n):
        yield each


@flyte.trace
def gives_up(folder: str) -> int:
    note(folder, "gives_up")
    raise errors.NonRecoverableError("never")


@flyte.trace
def calls_a_task() -> int:
    return leaf(1)


@env.task
def leaf(x: int) -> int:
    return x


@env.task
async def aleaf(x: int) -> int:
    return x


@env.task(retries=1)
async def traces(folder: str) -> list[int]:
    """The second attempt gets everything from the first, the error included."""
    found = [await aleaf(1), plain(folder, 1), await awaited(folder, 2)]
    found += counts(folder, 2)
    found += [each async for each in counts_async(folder, 2)]
    try:
        gives_up(folder)
    except errors.NonRecoverableError as error:
        assert "never" in str(error)
        found.append(-1)
    if attempt() == 0:
        raise ValueError("again")
    return found


@env.task
def nests() -> str:
    try:
        calls_a_task()
    except errors.TraceDoesNotAllowNestedTasksError as error:
        return error.code
    return ""


# -- Errors ----------------------------------------------------------------------------------------


@env.task
def fails(name: str) -> None:
    kind = getattr(errors, name)
    raise kind(message=f"{name} it is", code="" if name != "CustomError" else "OWN_CODE")


@env.task
def fails_for_good() -> None:
    raise errors.NonRecoverableError("never again", "OWN_CODE")


@env.task
def fails_otherwise() -> None:
    raise LookupError("not there")


@env.task
def catches(names: list[str]) -> list[list[str]]:
    """What a parent sees of each error: class, code, kind, message, and whether it has advice and its worker."""
    found = []
    calls = [lambda name=name: fails(name) for name in names]
    for call in [*calls, fails_for_good, fails_otherwise]:
        try:
            call()
        except errors.BaseRuntimeError as error:
            told = error.message.splitlines()[0]
            advice = "hint" if error.hint and error.worker.startswith("pid ") else ""
            found.append([type(error).__name__, error.code, error.kind, told, advice])
    return found


# -- Run options -----------------------------------------------------------------------------------

secretive = flyte.TaskEnvironment(
    name="secretive", secrets=["api-key", flyte.Secret("nowhere"), flyte.Secret("quoted", as_env_var="OTHER")]
)


@env.task
def nested() -> dict[str, str]:
    return told()


@env.task
def tells() -> dict[str, str]:
    """What a task and its child know of the options of their run."""
    own, child = told(), nested()
    assert own == child, (own, child)
    return own


def told() -> dict[str, str]:
    context = flyte.ctx()
    assert context is not None
    flyte.system_logger.info("said by the SDK")
    flyte.logger.debug("said by the user")
    return {
        "variable": os.environ.get("OWN_VARIABLE", ""),
        "context": ",".join(f"{key}={value}" for key, value in context.custom_context.items()),
        "version": context.version,
        "started": context.run_start_time.isoformat(),
        "action": f"{context.action.project}/{context.action.domain}/{context.action.run_name}",
        "mode": context.mode,
        "key": context.idempotency_key.partition("/")[0],
        "in_cluster": str(context.is_in_cluster()),
    }


@secretive.task
def secret() -> list[str | None]:
    return [os.environ.get(name) for name in ("API_KEY", "NOWHERE", "OTHER")]


@env.task
def applies(func: Callable[[int], int], task: Any) -> list[int]:
    """Takes a function and a task."""
    return [func(1), task(2)]


class Tracker:
    """A link."""

    name = "Tracker"
    icon_uri = None

    def __init__(self, address: str = "https://tracker.example") -> None:
        self.address = address

    def get_link(self, run_name: str, action_name: str, context: dict[str, str], **_: Any) -> str:
        return f"{self.address}/{run_name}/{action_name}?team={context.get('team', '')}"


@env.task(links=Tracker())
def linked(x: int) -> int:
    return x


@env.task
def links() -> int:
    return linked(1) + linked.override(
        links=(Tracker("https://other.example"), Tracker("https://more.example"))
    )(2)


@env.task
def filed(mount: str) -> list[str]:
    """A secret as a file."""
    return opens.override(secrets=flyte.Secret("api-key", mount=Path(mount)))(mount)


@env.task
def opens(mount: str) -> list[str]:
    path = Path(mount, "api-key")
    return [path.read_text(), oct(path.stat().st_mode)[-3:], os.environ.get("API_KEY", "")]


@env.task(cache="auto")
def remembered(x: int) -> int:
    return x


@env.task
def passes() -> list[int]:
    add = 10
    return applies(lambda x: x + add, leaf)


@env.task
def notifies(fail: bool) -> None:
    if fail:
        raise ValueError('it said "no"\nand left')


@env.task
def asks_to_approve() -> bool:
    return flyte.new_condition("approve", prompt='Really "now"?').wait()


@env.task
def asks_by_webhook(url: str) -> bool:
    hook = flyte.ConditionWebhook(url, {"text": ["Please answer", "{callback_uri}"], "n": 1})
    return flyte.new_condition("hooked", webhook=hook).wait()


# -- Overriding, and the context -------------------------------------------------------------------


@env.task
def long(n: int) -> str:
    return "x" * n


@env.task
def overrides() -> list[Any]:
    """What is overridden reaches the body, wherever it runs."""
    found: list[Any] = []
    try:
        long.override(max_inline_io_bytes=1000)(5000)
    except errors.InlineIOMaxBytesBreached as error:
        found.append(error.code)
    found.append(len(long.override(max_inline_io_bytes=12 * 1024 * 1024)(11 * 1024 * 1024)))
    found.append(secret.override(secrets=flyte.Secret("api-key", as_env_var="OTHER"))()[2])
    found.append(variable.override(env_vars={"OWN_VARIABLE": "theirs"})())
    return found


@env.task
def variable() -> str:
    return os.environ.get("OWN_VARIABLE", "")


@env.task
async def knows() -> list[str]:
    context = flyte.ctx()
    assert context is not None
    assert context.rank is None and not context.interactive_mode and context.checkpoint_paths.checkpoint_path
    with flyte.group("outer"):
        inner = flyte.ctx()
        assert inner is not None and inner.group_data is not None
        group = inner.group_data.name
    assert context.group_data is None
    return [group, context.action.name, context.task_action.name, type(context.data).__name__]


# -- Traced generators -----------------------------------------------------------------------------


@flyte.trace
def endless(folder: str) -> Iterator[int]:
    note(folder, "endless")
    n = 0
    while True:
        yield n
        n += 1


@flyte.trace
async def endless_async(folder: str) -> AsyncIterator[int]:
    note(folder, "endless_async")
    n = 0
    while True:
        yield n
        n += 1


@flyte.trace
def breaks(folder: str) -> Iterator[int]:
    note(folder, "breaks")
    yield 1
    raise errors.NonRecoverableError("broken")


@env.task(retries=1)
async def streams(folder: str) -> list[int]:
    """Items come as they are made, and calls between them are no part of the trace."""
    found = []
    for item in endless(folder):
        found.append(item)
        if item == 2:
            break
    stream = endless_async(folder)
    async for item in stream:
        found.append(await aleaf(item))
        if item == 1:
            break
    await stream.aclose()  # type: ignore[attr-defined]
    try:
        found.extend(breaks(folder))
    except errors.NonRecoverableError:
        found.append(-1)
    if attempt() == 0:
        raise ValueError("again")
    return found


# -- Limits ----------------------------------------------------------------------------------------


@env.task
async def lasts() -> list[float]:
    """When it ran: long enough to meet another."""
    began = time.monotonic()
    await asyncio.sleep(0.1)
    return [began, time.monotonic()]


@env.task
async def spreads(n: int) -> list[list[float]]:
    return list(await asyncio.gather(*[lasts() for _ in range(n)]))


@env.task
async def deepens(n: int) -> int:
    return 0 if n == 0 else await deepens(n - 1) + 1
