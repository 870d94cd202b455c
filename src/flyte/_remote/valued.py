"""What runs and actions took and gave: as the task's own values, as values of other types, as literals."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flyte import _failures
from flyte._remote import values
from flyte._remote.source import Source
from flyte._remote.values import ActionInputs, ActionOutputs, Values
from flyte._sync import syncify
from flyte.errors import RuntimeUserError
from flyte_core import views
from flyte_core.model import Action as Record

if TYPE_CHECKING:
    from flyte._types.interface import InterfaceCodec

Deserializers = Mapping[type, Callable[[Any], Any]]


class Valued:
    """The methods that every handle has which stands for an action."""

    _source: Source
    _codec: "InterfaceCodec | None"
    """The converter of the task's own types, where it was started in this process."""

    async def _latest(self) -> Record:
        """The action; looked up again unless it has ended, or the handle is of one moment."""
        raise NotImplementedError

    @syncify
    async def inputs(self) -> ActionInputs:
        """What the task was called with, by parameter name."""
        data = await self._source.payload(await self._latest(), "inputs")
        return values.decode_inputs(data or b"", self._codec if data is not None else None)

    @syncify
    async def outputs(self) -> ActionOutputs:
        """What the task returned: a tuple, with the names in `.named_outputs`.

        Raises:
            flyte.errors.RuntimeUserError and its kin: it did not succeed; the error is the task's own.
        """
        data = await self._returned()
        return values.decode_outputs(data, self._codec) if data else ActionOutputs(())

    @syncify
    async def typed_inputs(
        self, types: Mapping[str, Any], deserializers: Deserializers | None = None
    ) -> Values:
        """Some of the inputs, as values of the given types.

        Args:
            types: The type of each input that is wanted, by its name.
            deserializers: For some of these types, what makes a value of the plain one (a dict, a
                list, a number ...) that is stored.

        Raises:
            RuntimeDataValidationError: what is stored is not of the type.
        """
        data = await self._source.payload(await self._latest(), "inputs")
        return values.typed(data or b"", "inputs", types, deserializers or {})

    @syncify
    async def typed_outputs(
        self, types: Mapping[str, Any], deserializers: Deserializers | None = None
    ) -> Values:
        """Some of the outputs, as values of the given types: `typed_outputs({"o0": MyModel})["o0"]`.

        Arguments and errors are those of `typed_inputs`; those of `outputs` besides.
        """
        return values.typed(await self._returned(), "outputs", types, deserializers or {})

    @syncify
    async def input_literals(self) -> Values:
        """The inputs by name, as they are stored: `flyteidl2.core.literals_pb2.Literal`."""
        data = await self._source.payload(await self._latest(), "inputs")
        return values.literals_of(data or b"", "inputs")

    @syncify
    async def output_literals(self) -> Values:
        """The outputs by name, as they are stored; errors as those of `outputs`."""
        return values.literals_of(await self._returned(), "outputs")

    async def _returned(self) -> bytes:
        """Serialized outputs.

        Raises:
            RuntimeUserError: it has not ended.
            BaseRuntimeError: its own failure.
        """
        record = await self._latest()
        if not record.phase.terminal:
            name = f"{record.key.run.name}/{record.key.name}"
            raise RuntimeUserError(
                f"{name} has no outputs yet: it {views.phase_sentence(record)}.",
                hint="Wait for it first: run.wait()",
            )
        if not record.phase.good:
            raise _failures.of_action(record)
        return await self._source.payload(record, "outputs") or b""
