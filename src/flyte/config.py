"""Configuration as a value: `flyte.init_from_config(flyte.config.auto("config.yaml"))`."""

from flyte._config import Config
from flyte._config import load as auto

__all__ = ["Config", "auto"]
