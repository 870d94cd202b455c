"""What outlives an attempt: checkpoints, and instants that were read."""

from pathlib import Path

import flyte
import flyte.durable
from programs.table import program

env = flyte.TaskEnvironment(name="lasting")

SOON = flyte.RetryStrategy(2, flyte.Backoff(base=0.01))


def attempt() -> int:
    context = flyte.ctx()
    assert context is not None
    return context.attempt_number


def checkpoint() -> flyte.Checkpoint:
    context = flyte.ctx()
    assert context is not None
    return context.checkpoint


@program([2, 3, 4], tree="resumes x3")
@env.task(retries=SOON)
async def resumes() -> list[int]:
    kept = await checkpoint().load()
    begin = int(kept.read_text()) if kept else 0
    done = []
    for step in range(begin, 5):
        if step == 2 and attempt() < 2:
            raise RuntimeError("stopped")
        done.append(step)
        await checkpoint().save(str(step + 1).encode())
    return done


@program(["a.txt", "deep/b.txt"], tree="keeps_a_folder x2")
@env.task(retries=SOON)
def keeps_a_folder() -> list[str]:
    kept = checkpoint().load_sync()
    if kept is None:
        folder = Path("state")
        (folder / "deep").mkdir(parents=True)
        (folder / "a.txt").write_text("a")
        (folder / "deep" / "b.txt").write_text("b")
        checkpoint().save_sync(folder)
        raise RuntimeError("stopped")
    return sorted(str(each.relative_to(kept)) for each in kept.rglob("*.txt"))


@program("newest", tree="finds_the_newest")
@env.task
def finds_the_newest() -> str:
    folder = Path("models")
    folder.mkdir()
    (folder / "old.ckpt").write_text("old")
    (folder / "newest.ckpt").write_text("newest")
    found = flyte.latest_checkpoint(folder, "*.ckpt", key=lambda path: len(path.name))
    assert found is not None
    return found.read_text()


@env.task(retries=SOON)
def child() -> str:
    kept = checkpoint().load_sync()
    if kept is None:
        checkpoint().save_sync(b"the child's")
        raise RuntimeError("stopped")
    return kept.read_text()


@program(["the child's", None], tree="each_action_has_its_own(child x2)")
@env.task
def each_action_has_its_own() -> list[str | None]:
    found = child()
    own = checkpoint().load_sync()
    return [found, None if own is None else own.read_text()]


@program(True, tree="reads_one_instant x2(2*durable.time)")
@env.task(retries=SOON)
def reads_one_instant() -> bool:
    at, now = flyte.durable.time(), flyte.durable.now()
    kept = checkpoint().load_sync()
    if kept is None:
        checkpoint().save_sync(repr([at, now.timestamp()]).encode())
        raise RuntimeError("stopped")
    assert now.tzinfo is not None
    return kept.read_text() == repr([at, now.timestamp()])


@program(True, tree="reads_one_instant_later x2(2*durable.time)")
@env.task(retries=SOON)
async def reads_one_instant_later() -> bool:
    at, now = await flyte.durable.time.aio(), await flyte.durable.now.aio()
    kept = await checkpoint().load()
    if kept is None:
        await checkpoint().save(repr([at, now.timestamp()]).encode())
        raise RuntimeError("stopped")
    return kept.read_text() == repr([at, now.timestamp()])


@program(True, tree="sleeps_once x2(durable.sleep)")
@env.task(retries=SOON)
def sleeps_once() -> bool:
    flyte.durable.sleep(0.02)
    if attempt() == 0:
        raise RuntimeError("stopped")
    return True


@program(True, tree="sleeps_once_later x2(durable.sleep)")
@env.task(retries=SOON)
async def sleeps_once_later() -> bool:
    await flyte.durable.sleep.aio(0.02)
    if attempt() == 0:
        raise RuntimeError("stopped")
    return True
