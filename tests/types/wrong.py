"""Read by type checkers, never run: each line that ends in `# wrong` must be refused, and no other."""

import flyte
import flyte.errors
import flyte.remote
import flyte.report
import flyte.storage
from flyte.io import DataFrame, Dir, File
from flyte.remote import Action, ActionDetails, Condition, Run, TimeFilter

env = flyte.TaskEnvironment(name="e")


@env.task
def add(x: int, y: int = 1) -> int:
    return x + y


@env.task
async def aadd(x: int) -> int:
    return x


flyte.run(add, 1, z=3)  # wrong
flyte.with_runcontext(name=3)  # wrong
flyte.with_runcontext(labels={"a": 1})  # wrong
flyte.with_runcontext(nope=1)  # wrong
flyte.with_runcontext(copy_style="some")  # wrong
flyte.with_runcontext().run(add, "x")  # wrong
env.task(retries="3")  # wrong
env.task(cache="sometimes")  # wrong
env.task(timeout="3")  # wrong
env.task(nope=3)  # wrong
env.task(report="x")  # wrong
env.task(3)  # wrong
env.clone_with("x", image=3)  # wrong
env.clone_with("x", nope=3)  # wrong
env.clone_with()  # wrong
flyte.TaskEnvironment("x", resources=3)  # wrong
flyte.TaskEnvironment("x", cache="some")  # wrong
flyte.TaskEnvironment("x", secrets=3)  # wrong
flyte.TaskEnvironment("x", depends_on=["y"])  # wrong
flyte.TaskEnvironment("x", env_vars={"a": 1})  # wrong
flyte.TaskEnvironment("x", nope=1)  # wrong
flyte.TaskEnvironment.from_task("x", 3)  # wrong
add.override(retries="x")  # wrong
add.override(nope=3)  # wrong
add.override(cache="some")  # wrong
add.aio("x")  # wrong
flyte.Resources(nope=1)  # wrong
flyte.Resources(cpu=("1", "2", "3"))  # wrong
Run.get()  # wrong
Run.get(1)  # wrong
Run.listall(limit="x")  # wrong
Run.listall(in_phase=3)  # wrong
run = Run.get("x")
run.wait(wait_for="never")  # wrong
run.abort(3)  # wrong
run.status = "x"  # wrong
run.outputs(3)  # wrong
run.typed_outputs(3)  # wrong
Action.get("x")  # wrong
Action.listall()  # wrong
ActionDetails.get("x")  # wrong
File.from_local_sync(3)  # wrong
File()  # wrong
File(path="x").download_sync(3)  # wrong
Dir.from_local_sync(3)  # wrong
Dir(path="x").walk_sync(recursive="x")  # wrong
DataFrame.from_existing_remote(3)  # wrong
flyte.map(3, [1])  # wrong
flyte.map(add, 3)  # wrong
flyte.map(add, [1], concurrency="x")  # wrong
flyte.new_condition("x", data_type=list)  # wrong
flyte.new_condition()  # wrong
flyte.Cron(3)  # wrong
flyte.FixedRate("x")  # wrong
flyte.Trigger("x", automation=3)  # wrong
flyte.Trigger()  # wrong
flyte.Secret()  # wrong
flyte.Secret(key=3)  # wrong
flyte.Cache(behavior="x")  # wrong
flyte.Cache("auto", ignored_inputs=3)  # wrong
flyte.RetryStrategy(count="x")  # wrong
flyte.Backoff(base="x")  # wrong
flyte.Timeout(max_runtime="x")  # wrong
flyte.ReusePolicy(replicas="x")  # wrong
flyte.init(project=3)  # wrong
flyte.init(nope=3)  # wrong
flyte.init_from_config(3)  # wrong
flyte.rerun(3)  # wrong
flyte.group(3)  # wrong
flyte.custom_context(a=3)  # wrong
flyte.Image.from_debian_base(python_version="3.12")  # wrong
flyte.Image.from_debian_base().with_pip_packages(3)  # wrong
flyte.Image.from_base(3)  # wrong
flyte.report.log(3)  # wrong
flyte.durable.sleep("x")  # wrong
TimeFilter(after="x")  # wrong
flyte.trace(3)  # wrong
Condition.get("x")  # wrong
Condition.listall()  # wrong
flyte.errors.NoSuchError  # wrong
flyte.no_such_name  # wrong
flyte.remote.upload_file(3)  # wrong
flyte.storage.S3(nope=3)  # wrong
flyte.remote.Logs.tail("x", "y")  # wrong
flyte.remote.User.get(3)  # wrong
run.download_code(extract="x")  # wrong
run.raise_for_status(3)  # wrong
Run.listall(created_at=3)  # wrong
flyte.ctx().nope  # wrong


async def main() -> None:
    await aadd.override(retries=1)("x")  # wrong
    await flyte.run.aio(aadd, "x")  # wrong
    await run.wait.aio(wait_for="x")  # wrong
    async for r in flyte.map.aio(3, [1]):  # wrong
        print(r)
    f = File(path="x")
    await f.download(3)  # wrong
    a: str = await aadd(1)  # wrong
    b: str = add(1)  # wrong
    c = await flyte.new_condition.aio("x", data_type=int)
    d: str = await c.wait.aio()  # wrong
