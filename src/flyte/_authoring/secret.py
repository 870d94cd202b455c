"""Secrets a task asks for by name; their values never pass through declarations."""

from pathlib import Path

from flyte.errors import DeclarationError
from flyte_core.frozen import frozen


@frozen
class Secret:
    """A secret, given to the task as an environment variable or as a file.

    Attributes:
        key: Its name in the store of secrets.
        group: The group it is filed under.
        mount: The directory in which it is a file called like its key, instead of a variable.
        as_env_var: The variable; by default the key in upper case with `_` for `-` and `.`.
    """

    key: str
    group: str | None = None
    mount: str | Path | None = None
    as_env_var: str | None = None

    def __post_init__(self) -> None:
        if not self.key:
            raise DeclarationError("A Secret has no key.", hint='Name it: flyte.Secret(key="api-key").')
        name = self.as_env_var
        if name is not None and not (name.isidentifier() and name.isascii()):
            raise DeclarationError(
                f"Secret(as_env_var={name!r}) is no name of an environment variable.",
                hint="Use letters, digits and _, such as API_KEY.",
            )

    @property
    def env_var(self) -> str | None:
        """The variable that holds it; None for a secret that is mounted as a file."""
        return None if self.as_env_var is None and self.mount is not None else self.source

    @property
    def source(self) -> str:
        """The variable that has its value on one machine."""
        words = "_".join((self.group or "", self.key)).strip("_").upper()
        return self.as_env_var or words.replace("-", "_").replace(".", "_")

    @property
    def file(self) -> Path | None:
        """The file that holds it; None for one that is a variable."""
        return None if self.mount is None else Path(self.mount) / self.key


SecretRequest = str | Secret | list[str | Secret]


def secrets_of(request: SecretRequest | None) -> tuple[Secret, ...]:
    """The secrets that a name, a `Secret` or a list of them stands for."""
    if request is None:
        return ()
    several = request if isinstance(request, list | tuple) else [request]
    return tuple(Secret(each) if isinstance(each, str) else each for each in several)
