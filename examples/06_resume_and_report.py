"""A task that fails half-way goes on from its checkpoint, and writes a report while it works.

    flyte run 06_resume_and_report.py train --steps 4

Its first attempt stops after two steps. The second finds the checkpoint of the first, and does only
what is left. `flyte.durable.time()` gives both the same instant. The result is [2, 3].
"""

import flyte
import flyte.durable
import flyte.report

env = flyte.TaskEnvironment(name="resume")


@env.task(retries=1, report=True)
async def train(steps: int) -> list[int]:
    checkpoint = flyte.ctx().checkpoint
    kept = await checkpoint.load()
    begin = int(kept.read_text()) if kept else 0
    began_at = await flyte.durable.time.aio()
    done = []
    for step in range(begin, steps):
        if step == 2 and begin == 0:
            raise RuntimeError("the machine caught fire")
        done.append(step)
        await checkpoint.save(str(step + 1).encode())
        await flyte.report.log.aio(f"<p>Step {step} of the run that began at {began_at}</p>", do_flush=True)
    return done
