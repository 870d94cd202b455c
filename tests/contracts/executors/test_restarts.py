"""Server, zygote, shim or worker is killed: attempts under way go on, none runs twice, none is lost in silence."""

import asyncio
import os
import signal
from pathlib import Path

from tests.contracts.executors.conftest import Bench, gone, until, zygotes_of

from flyte_core import supervision
from flyte_server.ports.executor import EndReason, Launch

WAITS_FOR_A_FILE = """
    import os, pathlib, sys, time
    pathlib.Path("../started").open("a").write("x")
    print("ready", flush=True)
    while not os.path.exists("../go"):
        time.sleep(0.01)
    sys.exit(7)
"""


def go(launch: Launch) -> None:
    (launch.dir / "go").touch()


def starts(launch: Launch) -> int:
    return len((launch.dir / "started").read_text())


async def test_a_running_attempt_is_adopted(bench: Bench) -> None:
    launch = await bench.running(bench.script(WAITS_FOR_A_FILE))
    await bench.restart()
    await bench.executor.reattach([launch])
    assert bench.started[launch.token] == f"pid {bench.pids(launch)[1]}"
    go(launch)
    ended = await bench.end(launch)
    assert (ended.reason, ended.exit_code) == (EndReason.EXIT, 7)
    assert starts(launch) == 1


async def test_an_end_that_nobody_saw_is_told_later(bench: Bench) -> None:
    launch = await bench.running(bench.script(WAITS_FOR_A_FILE))
    await bench.executor.stop()
    go(launch)
    await until(lambda: supervision.read_exit(launch.dir))
    await bench.open()
    await bench.executor.reattach([launch])
    assert bench.ended[launch.token].exit_code == 7


async def test_spawned_but_never_recorded(bench: Bench) -> None:
    """The server died between asking for the process and hearing that it is there."""
    launch = await bench.submit(bench.script(WAITS_FOR_A_FILE))
    await until((launch.dir / supervision.CLAIM).exists)
    await bench.restart()
    await bench.executor.reattach([launch])
    go(launch)
    assert (await bench.end(launch)).exit_code == 7
    assert starts(launch) == 1


async def test_never_started_is_started(bench: Bench) -> None:
    launch = bench.script("print('ran')")
    await bench.executor.reattach([launch])
    assert (await bench.end(launch)).exit_code == 0
    assert bench.text(launch) == ["ran"]


async def test_two_shims_of_one_attempt_run_it_once(bench: Bench) -> None:
    """As when a request outlived the server that sent it."""
    launch = bench.script(WAITS_FOR_A_FILE)
    other = Bench(bench.layout, zygotes=False)
    await other.open()
    await asyncio.gather(bench.submit(launch), other.submit(launch))
    await until(lambda: launch.token in bench.started and launch.token in other.started)
    go(launch)
    assert (await bench.end(launch)).exit_code == (await other.end(launch)).exit_code == 7
    assert starts(launch) == 1
    await other.executor.stop()


async def test_a_killed_supervisor_loses_the_attempt_and_its_processes(bench: Bench) -> None:
    launch = await bench.running(
        bench.script(
            """
            import subprocess, sys, time
            other = subprocess.Popen(["sleep", "600"], start_new_session=True)
            print(other.pid, flush=True)
            print("ready", flush=True)
            time.sleep(600)
            """
        )
    )
    shim, worker = bench.pids(launch)
    os.kill(shim, signal.SIGKILL)
    ended = await bench.end(launch)
    assert ended.reason is EndReason.LOST and str(shim) in ended.detail
    assert gone(worker) and gone(int(bench.text(launch)[0]))


async def test_a_supervisor_killed_while_the_server_was_down(bench: Bench) -> None:
    launch = await bench.running(bench.script(WAITS_FOR_A_FILE))
    shim, worker = bench.pids(launch)
    await bench.executor.stop()
    os.kill(shim, signal.SIGKILL)
    await until(lambda: gone(shim))
    await bench.open()
    await bench.executor.reattach([launch])
    assert (await bench.end(launch)).reason is EndReason.LOST
    assert gone(worker)


async def test_everything_of_an_attempt_killed_at_once(bench: Bench) -> None:
    launch = await bench.running(
        bench.script(
            """
            import os, time
            child = os.fork()
            if child:
                os.write(1, b"%d\\nready\\n" % child)
            time.sleep(600)
            """
        )
    )
    child = int(bench.text(launch)[0])
    shim, worker = bench.pids(launch)
    for pid in (shim, worker):
        os.kill(pid, signal.SIGKILL)
    assert (await bench.end(launch)).reason is EndReason.LOST
    assert gone(child)


async def test_an_unreadable_claim_is_one_of_an_earlier_boot(bench: Bench) -> None:
    launch = bench.script("print('ran')")
    launch.dir.mkdir(parents=True)
    (launch.dir / supervision.CLAIM).write_bytes(b"")
    await bench.executor.reattach([launch])
    ended = await bench.end(launch)
    assert ended.reason is EndReason.LOST and "restarted" in ended.detail


async def test_cancelling_an_attempt_of_an_earlier_server(bench: Bench) -> None:
    launch = await bench.running(bench.script("import time; print('ready', flush=True); time.sleep(600)"))
    await bench.restart()
    await bench.cancel(launch)
    assert (await bench.end(launch)).reason is EndReason.CANCELLED


async def test_cancelling_what_no_server_began(bench: Bench) -> None:
    launch = bench.script("print('ran')")
    await bench.cancel(launch)
    assert (await bench.end(launch)).reason is EndReason.CANCELLED
    record = supervision.read_exit(launch.dir)
    assert record is not None and record.token == launch.token
    await bench.restart()
    await bench.executor.reattach([launch])
    assert (await bench.end(launch)).reason is EndReason.CANCELLED
    assert bench.text(launch) == []


async def test_a_killed_zygote_takes_nothing_with_it(bench: Bench, home: Path) -> None:
    launch = await bench.running(bench.script(WAITS_FOR_A_FILE))
    before = zygotes_of(home)
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: all(gone(pid) for pid in before))
    later = await bench.finish(bench.script("print('later')"))
    assert later.exit_code == 0
    go(launch)
    assert (await bench.end(launch)).exit_code == 7
    assert set(zygotes_of(home)).isdisjoint(before)


async def test_an_attempt_whose_zygote_dies_as_it_is_asked(bench: Bench, home: Path) -> None:
    launches = [bench.script(WAITS_FOR_A_FILE) for _ in range(4)]
    await bench.finish(bench.script(""))
    for launch in launches:
        await bench.submit(launch)
    for pid in zygotes_of(home):
        os.kill(pid, signal.SIGKILL)
    for launch in launches:
        launch.dir.mkdir(parents=True, exist_ok=True)
        go(launch)
    for launch in launches:
        assert (await bench.end(launch)).exit_code == 7
        assert starts(launch) == 1


async def test_a_very_deep_data_directory(tmp_path: Path) -> None:
    """Longer than a socket's address may be."""
    from flyte_core.layout import Layout

    deep = tmp_path / ("d" * 100) / ("e" * 100)
    bench = Bench(Layout(deep))
    await bench.open()
    assert (await bench.finish(bench.script(""))).exit_code == 0
    assert len(zygotes_of(deep)) == 1
    await bench.executor.stop()
    (socket,) = (deep / "zygotes").glob("*.sock")
    (zygote,) = zygotes_of(deep)
    os.kill(zygote, signal.SIGTERM)
    socket.unlink()
