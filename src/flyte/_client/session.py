"""The connection that a configuration describes."""

from functools import lru_cache
from pathlib import Path

from flyte._client.connect import Connect
from flyte._client.endpoint import Endpoint, parse_endpoint
from flyte._config import Config
from flyte.errors import ConfigurationError


def connect(config: Config) -> Connect:
    """The client of the configured endpoint; the same for the same configuration.

    Raises:
        ConfigurationError: the endpoint, or what is needed to use it, cannot be used.
    """
    insecure = config.insecure if config.source("insecure") != "default" else None
    try:
        endpoint = parse_endpoint(
            config.endpoint,
            insecure=insecure,
            verify=not config.insecure_skip_verify,
            ca_file=config.ca_cert_file_path,
        )
    except ValueError as error:
        raise ConfigurationError(
            f"admin.endpoint ({config.source('endpoint')}) cannot be used: {error}.",
            hint="Write host:port, or https://host:port.",
        ) from None
    if endpoint.ca_file and not Path(endpoint.ca_file).is_file():
        raise ConfigurationError(f"admin.caCertFilePath: there is no file {endpoint.ca_file}.")
    return _client(endpoint)


@lru_cache(maxsize=8)
def _client(endpoint: Endpoint) -> Connect:
    return Connect(endpoint)
