"""Read by type checkers, never run: a user's script that says everything right, so that none may complain."""

# pyright: strict, reportUnusedVariable=false, reportUnusedImport=false, reportUnusedFunction=false
# pyright: reportDeprecated=false

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict, Union

from pydantic import BaseModel

import flyte
import flyte.errors
import flyte.io
import flyte.remote
import flyte.report
import flyte.storage
import flyte.types
from flyte.io import DataFrame, Dir, File
from flyte.io.extend import DataFrameEncoder, DataFrameTransformerEngine
from flyte.models import ActionPhase
from flyte.remote import Action, ActionDetails, Run, RunDetails, TimeFilter

image = (
    flyte.Image.from_debian_base(python_version=(3, 12))
    .with_pip_packages("pandas", "pyarrow")
    .with_apt_packages("git")
    .with_env_vars({"A": "b"})
    .with_commands(["echo"])
    .with_workdir("/app")
)
image2 = flyte.Image.from_base("x").clone(name="n", registry="r")
image3 = flyte.Image.from_uv_script(__file__, name="a", registry="b")
image4 = flyte.Image.from_dockerfile(Path("Dockerfile"), registry="r", name="n")

env = flyte.TaskEnvironment(
    name="user",
    image=image,
    resources=flyte.Resources(cpu=1, memory="1Gi", gpu="A100:2", disk="1Gi", shm="auto"),
    env_vars={"A": "B"},
    secrets=[flyte.Secret(key="k", as_env_var="K"), flyte.Secret("x", mount=Path("/etc"))],
    cache="auto",
    reusable=flyte.ReusePolicy(replicas=2, idle_ttl=timedelta(seconds=10)),
    depends_on=[],
    description="d",
    include=("a.py",),
    interruptible=True,
    queue="q",
)
env2 = flyte.TaskEnvironment(
    "second", secrets="key", depends_on=[env], resources=flyte.Resources(cpu=(1, 2), memory=("1Gi", "2Gi"))
)
env3 = env.clone_with("third", image="auto", resources=flyte.Resources(cpu="500m"))
gpus = flyte.Resources(gpu=flyte.GPU("A100", 1)), flyte.Resources(gpu=flyte.TPU("V5P", "2x2x1"))


class Color(enum.Enum):
    RED = "red"


class Point(BaseModel):
    x: int
    y: list[int] = []


@dataclass
class Config:
    name: str
    points: list[Point] = field(default_factory=lambda: list[Point]())
    color: Color = Color.RED


class Pair(NamedTuple):
    a: int
    b: str


class Movie(TypedDict):
    title: str
    year: int


@env.task
def add(x: int, y: int = 1) -> int:
    return x + y


@env.task(
    retries=flyte.RetryStrategy(count=3, backoff=flyte.Backoff(base=1, factor=2, cap=10)),
    timeout=timedelta(seconds=3),
    short_name="sum",
)
async def aadd(x: int, y: int = 1) -> int:
    return x + y


@env.task(
    cache=flyte.Cache(behavior="override", version_override="v1", ignored_inputs=("y",), salt="s"),
    report=True,
    max_inline_io_bytes=10,
)
async def everything(
    a: int,
    b: float,
    c: str,
    d: bool,
    e: datetime,
    f: date,
    g: timedelta,
    h: list[int],
    i: dict[str, float],
    j: Optional[int],
    k: Union[int, str],
    l: Color,
    m: Point,
    n: Config,
    o: tuple[int, str],
    p: Pair,
    q: Movie,
    r: File,
    s: Dir,
    t: DataFrame,
    u: Literal["a", "b"],
    v: set[int],
    w: Path,
    x: Annotated[int, "x"],
    y: Any,
    z: None = None,
) -> tuple[int, str]:
    await flyte.report.log.aio("<p>hi</p>")
    flyte.report.get_tab("main").log("x")
    await flyte.report.flush.aio()
    return a, c


@env.task
async def files(f: File[str], d: Dir[str]) -> File[str]:
    async with f.open("rb") as fh:
        data = bytes(await fh.read())
    with f.open_sync() as g:
        g.read()
    path: str = await f.download()
    async for each in d.walk():
        print(each.path, await each.exists())
    for other in d.list_files_sync():
        print(other.name)
    out: File[str] = File.new_remote()
    async with out.open("wb") as w:
        await w.write(data)
    made: File[str] = await File.from_local(path)
    dirs = await Dir[str].from_local("x")
    return out


@env.task
async def bare(f: File, d: Dir) -> Dir:
    return await Dir.from_local(await d.download())


@env.task
async def frames(df: DataFrame) -> DataFrame:
    whole = await df.open(dict).all()
    async for part in df.open(dict).iter():
        print(part)
    return await DataFrame.from_local(whole)


@flyte.trace
async def traced(x: int) -> str:
    return str(x)


@flyte.trace
def traced_sync(x: int) -> str:
    return str(x)


@flyte.trace
async def traced_gen(x: int) -> AsyncIterator[int]:
    yield x


@env.task
async def parent(n: int) -> list[int]:
    ctx = flyte.ctx()
    if ctx is not None:
        print(
            ctx.action.name,
            ctx.action.run_name,
            ctx.version,
            ctx.mode,
            ctx.custom_context.get("a"),
            ctx.is_in_cluster(),
        )
        await ctx.checkpoint.save(b"x")
        ctx.checkpoint.save_sync(b"x")
        prev = await ctx.checkpoint.load()
    with flyte.group("g"):
        r = await asyncio.gather(*[aadd(i, y=2) for i in range(n)])
    with flyte.custom_context(trace="x"):
        s: int = await add.aio(1)
    t: int = add(1, y=2)
    print(flyte.get_custom_context()["trace"])
    for res in flyte.map(add, range(3), group_name="m", concurrency=2):
        if isinstance(res, Exception):
            continue
        print(res + 1)
    async for res2 in flyte.map.aio(aadd, range(3), return_exceptions=True):
        print(res2)
    for res3 in flyte.map(partial(add, y=3), [1, 2]):
        print(res3)
    c = await flyte.new_condition.aio("ok", prompt="Approve?", data_type=bool, timeout=timedelta(hours=1))
    answer: bool = await c.wait.aio()
    u: str = await traced(3)
    u2: str = traced_sync(3)
    async for v in traced_gen(3):
        print(v + 1)
    await flyte.durable.sleep.aio(1)
    at = await flyte.durable.time.aio()
    now = flyte.durable.now()
    try:
        await aadd.override(short_name="q", retries=2, resources=flyte.Resources(cpu=2), cache="disable")(1)
    except flyte.errors.OOMError as err:
        print(err.code, err.kind, err.worker)
    except flyte.errors.RuntimeUserError:
        raise
    flyte.logger.info("x")
    return list(r)


@env.task(
    triggers=(flyte.Trigger("t", flyte.Cron("0 * * * *"), inputs={"n": 1}), flyte.Trigger.hourly()), links=()
)
def scheduled(n: int = 1) -> None: ...


class Lines(list[str]):
    pass


class LinesEncoder(DataFrameEncoder[Lines]):
    async def encode(self, dataframe: DataFrame, structured_dataset_type: Any) -> Any:
        return dataframe.uri


async def main() -> None:
    flyte.init_from_config()
    await flyte.init_from_config.aio()
    run = await flyte.run.aio(parent, n=3)
    await run.wait.aio(quiet=True)
    outs = await run.outputs.aio()
    value = outs[0]
    print(outs.named_outputs["o0"])
    r = await Run.get.aio("x")
    async for each in Run.listall.aio(
        in_phase=("failed", ActionPhase.RUNNING), limit=3, created_at=TimeFilter(after=datetime.now())
    ):
        print(each.name)
    async for line in r.get_logs.aio():
        print(line.upper())
    det: ActionDetails = await r.action.details.aio()
    await r.abort.aio("why")
    async for d in r.watch():
        print(d.phase)


if __name__ == "__main__":
    flyte.init(endpoint="dns:///x", project="p", domain="d", insecure=True, storage=flyte.storage.S3.auto())
    flyte.init_from_config("config.yaml", project="p")
    flyte.init_from_config(Path("config.yaml"))
    run = flyte.run(add, 1, y=2)
    run2 = flyte.run(parent, n=1)
    run3 = flyte.with_runcontext(
        mode="local",
        name="x",
        env_vars={"A": "b"},
        labels={"a": "b"},
        copy_style="all",
        custom_context={"a": "b"},
        raw_data_path="s3://x",
        overwrite_cache=True,
        log_level=10,
    ).run(add, x=1)
    print(run.status, run.phase, run.url, run.name)
    run.wait()
    o = run.outputs()[0]
    x: str = run.status
    assert run.phase == ActionPhase.SUCCEEDED
    rr = Run.get("x")
    rr.abort(reason="x")
    for a in Action.listall(for_run_name="x"):
        for l in a.get_logs():
            print(l)
        print(a.details().attempts, a.parent_name)
    dd: RunDetails = rr.details()
    print(rr.inputs()["x"], dd.outputs().named_outputs)
    t = rr.typed_outputs({"o0": Config})["o0"]
    again = flyte.rerun("x", n=3)
    again2 = flyte.rerun("x", recover=True, force_rerun_actions=["a"])
    uri: str = flyte.remote.upload_dir(Path("."))
    md5, where = flyte.remote.upload_file(Path("x"))
    failure = rr.first_failure()
    if failure is not None:
        print(failure.task_name, failure.error_message.upper(), failure.running_time)
    rr.raise_for_status()
    code: Path = rr.download_code("there")
    for entry in flyte.remote.Logs.tail(rr.action.action_id):
        print(entry.message, entry.timestamp.isoformat())
    who: str = flyte.remote.User.get().name()
    failed = list(Run.listall(in_phase="failed"))
    DataFrameTransformerEngine.register(LinesEncoder(Lines, supported_format="lines"))
    asyncio.run(main())
