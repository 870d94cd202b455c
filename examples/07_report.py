"""A fan-out that can fail, remembers what it has done, and reports what came of it.

    flyte run 07_report.py survey

`survey` measures three cities side by side and writes a page about them: the Reports tab of its
action. Run it again: nothing is measured twice. The result is {"Oslo": 4, "Quito": 5, "Ushuaia": 7}.
"""

import flyte
import flyte.report

env = flyte.TaskEnvironment(name="survey")


@env.task(retries=2, cache="auto")
def measure(city: str) -> int:
    context = flyte.ctx()
    if city == "Quito" and context is not None and context.attempt_number == 0:
        raise ConnectionError(f"{city} does not answer")
    return len(city)


@env.task(report=True)
def survey(cities: list[str] = ["Oslo", "Quito", "Ushuaia"]) -> dict[str, int]:  # noqa: B006
    sizes = list(flyte.map(measure, cities, return_exceptions=False))
    flyte.report.log("<h2>How long names are</h2>")
    for city, size in zip(cities, sizes, strict=True):
        flyte.report.log(f"<p>{city} <meter max=10 value={size}></meter> {size}</p>")
    return dict(zip(cities, sizes, strict=True))
