"""The configuration of a Git repository: `flyte.init_from_config(flyte.git.config_from_root())`."""

from pathlib import Path

from flyte._config import Config, load, repository_of

__all__ = ["config_from_root"]


def config_from_root(path: str | Path = ".flyte/config.yaml") -> Config | None:
    """The configuration in a file of the Git repository that the current directory is in.

    Args:
        path: The file, from the root of the repository.

    Returns:
        None where there is no repository, or no such file in it: `flyte.init_from_config` then looks
        where it always does.
    """
    root = repository_of(Path.cwd())
    return load(root / path) if root is not None and (root / path).is_file() else None
