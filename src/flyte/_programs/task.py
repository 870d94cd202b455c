"""A task whose body is a program rather than a function: it stands for itself, wherever it was made."""

import base64
import hashlib
import pickle
import re
import sys
import typing
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from flyte._authoring.environment import alone
from flyte._authoring.interface import DeclaredInterface
from flyte._authoring.task import AsyncTask, Options

if TYPE_CHECKING:
    from flyte._authoring.image import Image

Types = Mapping[str, Any]

WORD: Final = "program"
"""Stands before the task itself among the words that name a task to a worker."""


@dataclass(frozen=True)
class Program:
    """What is run: plain data that can be pickled, so that a worker needs nothing else."""

    name: str
    inputs: Types = field(default_factory=dict)
    outputs: Types = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    async def run(self, values: dict[str, Any]) -> Any:
        """Run it with inputs by name; gives what the task returns."""
        raise NotImplementedError


class ProgramTask(AsyncTask[..., Any]):
    """A task made of a program. Call it by name of its inputs, and await it, as any async task."""

    def __init__(self, program: Program, image: "str | Image | None", options: Options, module: str) -> None:
        super().__init__(_body(program, module), alone(_slug(program.name), image), options)
        self.program = program
        self.name = program.name
        self.validate()

    @property
    def interface(self) -> DeclaredInterface:
        """Inputs and outputs, as they were declared."""
        program = self.program
        return DeclaredInterface(self.name, program.inputs, program.defaults, returned(program))

    @property
    def body_version(self) -> str:
        """The digest of all that decides what it does."""
        return hashlib.sha256(repr(self.program).encode("utf-8", "surrogatepass")).hexdigest()

    def with_options(self, options: Options) -> Self:
        task = typing.cast(Self, _again(type(self), self.program, options, self.func.__module__))
        task.env = self.env
        return task

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.program, self.options, self.func.__module__)


def _again(kind: type[ProgramTask], program: Program, options: Options, module: str) -> ProgramTask:
    task = kind.__new__(kind)
    ProgramTask.__init__(task, program, "auto", options, module)
    return task


def told(task: ProgramTask) -> list[str]:
    """The task as words for a worker, which need not find it anywhere."""
    import cloudpickle

    return [WORD, base64.b64encode(cloudpickle.dumps(task)).decode()]


def taken(word: str) -> ProgramTask:
    """The task that `told` told of."""
    task: ProgramTask = pickle.loads(base64.b64decode(word))
    return task


def _body(program: Program, module: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def body(**values: Any) -> Any:
        return await program.run({**program.defaults, **values})

    body.__name__ = body.__qualname__ = _slug(program.name)
    body.__module__ = module
    body.__doc__ = None
    return body


def returned(program: Program) -> Any:
    """What its task returns: nothing, the one output, or a tuple of several, by name."""
    types = list(program.outputs.items())
    if not types:
        return None
    if len(types) == 1:
        return types[0][1]
    return typing.NamedTuple(f"{_slug(program.name)}_outputs", types)


def declared_in() -> str:
    """The module whose code, or the code of whose caller, is none of ours: it declares the task."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("flyte."):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "__main__"))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "program"
