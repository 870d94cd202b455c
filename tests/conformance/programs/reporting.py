"""Reports: pages that tasks write about themselves, the same in every mode."""

import flyte
import flyte.report
from programs.table import program

env = flyte.TaskEnvironment(name="reporting")

SOON = flyte.RetryStrategy(1, flyte.Backoff(base=0.01))


@program(tree="reports", reports={"reports": ("<h1>all</h1>", "<p>and more</p>")})
@env.task(report=True)
def reports() -> None:
    flyte.report.log("<h1>all</h1>")
    flyte.report.log("<p>and more</p>")


@program(tree="reports_later", reports={"reports_later": ("<b>last</b>", "rows", "data")})
@env.task(report=True)
async def reports_later() -> None:
    await flyte.report.log.aio("<b>first</b>", do_flush=True)
    flyte.report.get_tab("data").log("<i>rows</i>")
    await flyte.report.replace.aio("<b>last</b>")
    await flyte.report.flush.aio()


@env.task(report=True)
def part(name: str) -> str:
    flyte.report.log(f"<p>part {name}</p>")
    return name


@program("ab", tree="parts_report(2*part)", reports={"part": ("<p>part ",), "parts_report": ()})
@env.task
def parts_report() -> str:
    return part("a") + part("b")


@program(fails="ValueError", reports={"fails_after_reporting": ("<p>so far</p>",)})
@env.task(report=True)
def fails_after_reporting() -> None:
    flyte.report.log("<p>so far</p>")
    raise ValueError("no further")


@program(1, tree="each_attempt_reports x2", reports={"each_attempt_reports": ("attempt 1",)})
@env.task(report=True, retries=SOON)
def each_attempt_reports() -> int:
    context = flyte.ctx()
    assert context is not None
    flyte.report.log(f"attempt {context.attempt_number}")
    if context.attempt_number == 0:
        raise ValueError("once more")
    return context.attempt_number


@program(tree="reports_in_vain", reports={"reports_in_vain": ()})
@env.task
def reports_in_vain() -> None:
    flyte.report.log("nobody sees this")
