"""What an attempt knows about itself: read from its command line and environment."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from flyte._context import Handling
from flyte._runtime.a0 import Options
from flyte_core.dataflow import Edge
from flyte_core.frozen import frozen
from flyte_core.model import ActionKey, ActionName, RunKey, Token
from flyte_core.supervision import DISABLE_CACHE, ON_DIVERGENCE, RECOVERS


@frozen
class AttemptContext:
    """One attempt, as the SDK's `flyte._authoring.invoke` gets it.

    That module offers `invoke(task, inputs, context) -> bytes` (runs the body on this thread; a
    coroutine gets a loop of its own), `async ainvoke(task, inputs, context) -> bytes` (for several
    async bodies in one loop) and `is_async(task) -> bool`. `inputs` are serialized
    `flyteidl2.task.Inputs`; they return serialized `flyteidl2.task.Outputs`, let the user's
    exceptions pass, and make the controller of children only when the body calls one.
    """

    key: ActionKey
    attempt: int
    """Counted from 1."""
    token: Token | None
    endpoint: str
    """`host:port` of the server; empty: there is none."""
    output_dir: Path
    run_base: str
    options: Options
    recovers: bool = False
    """Its run recovers another one."""
    strict: bool = False
    """A divergence from an earlier attempt fails it."""
    disable_run_cache: bool = False
    """The cache is not to be asked about the calls of this run."""
    edges: list[Edge] = field(default_factory=list)
    """Where the outputs came from; filled when the body has returned."""
    handling: Handling = field(default_factory=Handling)


def from_environment(options: Options, env: Mapping[str, str]) -> AttemptContext:
    """The context that the variables of an attempt (`ACTION_NAME`, `_U_EP_OVERRIDE`, ...) describe."""
    run = RunKey(
        env.get("FLYTE_INTERNAL_EXECUTION_PROJECT", ""),
        env.get("FLYTE_INTERNAL_EXECUTION_DOMAIN", ""),
        options.run_name or env.get("RUN_NAME", ""),
    )
    token = env.get("FLYTE_ATTEMPT_TOKEN", "")
    return AttemptContext(
        key=ActionKey(run, ActionName(options.name or env.get("ACTION_NAME", ""))),
        attempt=int(env.get("FLYTE_ATTEMPT_NUMBER") or 0) + 1,
        token=Token(int(token)) if token else None,
        endpoint=env.get("_U_EP_OVERRIDE", ""),
        output_dir=Path(options.outputs_path or "."),
        run_base=env.get("_U_RUN_BASE", ""),
        options=options,
        recovers=RECOVERS in env,
        strict=env.get(ON_DIVERGENCE) == "fail",
        disable_run_cache=DISABLE_CACHE in env,
    )
