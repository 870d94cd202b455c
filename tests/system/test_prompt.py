"""Tasks without a file: typed at a prompt, or in a notebook's cells."""

import subprocess
import sys

from terminal import Terminal

TYPED = """
import flyte
env = flyte.TaskEnvironment(name="nb")
OFFSET = 5
def helper(x): return x + OFFSET

@env.task
def inner(x: int) -> int:
    return helper(x)

@env.task
async def outer(x: int) -> int:
    return await inner.aio(x) + 1

flyte.init()
print(flyte.run(outer, x=1).outputs()[0])
flyte.init_from_config()
for more in ({}, {"interactive_mode": True}):
    run = flyte.with_runcontext(**more).run(outer, x=2)
    run.wait()
    print(run.outputs()[0])
try:
    flyte.with_runcontext(interactive_mode=False).run(outer, x=2)
except flyte.errors.CodeBundleError as error:
    print(error)
"""


def test_tasks_of_a_session_run_here_and_on_the_server(user: Terminal) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TYPED],
        cwd=user.cwd,
        env=user.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[:3] == ["7", "8", "8"]
    assert "at a prompt or in a notebook" in ended.stdout
