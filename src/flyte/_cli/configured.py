"""The configuration, with what the command line says on top."""

from flyte import _config
from flyte._cli.state import settings
from flyte._config import Config


def load_config() -> Config:
    """What is in force for this command.

    Raises:
        ConfigurationError: a file or variable holds something that cannot be used.
    """
    given = settings()
    return _config.load(given.config or None).override(
        "the command line",
        endpoint=given.endpoint or None,
        insecure=given.insecure,
        org=given.org or None,
        auth_type=given.auth_type or None,
        image_builder=given.image_builder,
        project=given.project or None,
        domain=given.domain or None,
    )
