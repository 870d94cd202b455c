"""Links: addresses that belong to an action, such as its page in an experiment tracker."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from flyte._log import system_logger
from flyte.errors import DeclarationError
from flyte_core.links import LinkAddress

if TYPE_CHECKING:
    from flyte._context import TaskContext


@runtime_checkable
class Link(Protocol):
    """Makes the address that belongs to an action. Write a class with these two.

    Attributes:
        name: What people see.
    """

    name: str
    icon_uri: str | None = None

    def get_link(
        self,
        run_name: str,
        project: str,
        domain: str,
        context: dict[str, str],
        parent_action_name: str,
        action_name: str,
        pod_name: str,
        **kwargs: Any,
    ) -> str:
        """The address, for the action of that name; `context` is its custom context."""
        raise NotImplementedError


def check_links(task: str, links: tuple[Any, ...]) -> None:
    """Refuse what is no link.

    Raises:
        DeclarationError: it has no name, or gives no address.
    """
    for each in links:
        if not callable(getattr(each, "get_link", None)) or not isinstance(getattr(each, "name", None), str):
            raise DeclarationError(
                f"links of task {task} holds {each!r}, which is no link.",
                hint="Write a class with a `name` and `get_link(...)`; see flyte.Link.",
            )


def addresses(context: "TaskContext") -> Iterator[LinkAddress]:
    """Name and address of every link of the action that runs. One that fails is left out, and told in the log."""
    links = () if context.task is None else context.task.links
    action = context.action
    for link in links:
        try:
            address = link.get_link(
                run_name=action.run_name,
                project=action.project,
                domain=action.domain,
                context=dict(context.custom_context),
                parent_action_name="",
                action_name=action.name,
                pod_name="localhost",
            )
        except Exception as error:
            system_logger.warning(
                "The link %s cannot be made: %s: %s", link.name, type(error).__name__, error
            )
            continue
        yield LinkAddress(link.name, str(address))
