"""How each cloud's object store is reached."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Self

from flyte_core.frozen import frozen


@frozen
class Storage:
    """What holds for every object store.

    Attributes:
        retries: How often a request that failed for a passing reason is sent again.
        backoff: The longest pause between two of these.
        enable_debug: Accepted for scripts that set it; requests are not logged.
        attach_execution_metadata: Accepted for scripts that set it; objects carry no metadata.
    """

    schemes: ClassVar[tuple[str, ...]] = ()

    retries: int = 3
    backoff: timedelta = timedelta(seconds=5)
    enable_debug: bool = False
    attach_execution_metadata: bool = True

    @classmethod
    def auto(cls) -> Self:
        """As the environment says."""
        return cls(**_common(os.environ))

    def store_options(self) -> dict[str, Any]:
        """The settings in `obstore`'s words; what is not given, it takes from the environment itself."""
        retries = {"max_retries": self.retries, "backoff": {"max_backoff": self.backoff}}
        return {"retry_config": retries}


@frozen
class S3(Storage):
    """Amazon S3, and servers that speak its protocol.

    Without keys here, they come from the `AWS_*` variables, the web identity of the machine or its
    metadata service.

    Attributes:
        endpoint: Of a server that is not Amazon's, such as `http://localhost:9000`.
        addressing_style: `path` or `virtual`; other servers than Amazon's are asked by path unless told
            otherwise.
    """

    schemes: ClassVar[tuple[str, ...]] = ("s3", "s3a")

    endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    region: str | None = None
    addressing_style: str | None = None

    @classmethod
    def auto(cls, region: str | None = None) -> Self:
        """As `FLYTE_AWS_ENDPOINT`, `FLYTE_AWS_ACCESS_KEY_ID`, `FLYTE_AWS_SECRET_ACCESS_KEY` and the
        usual `AWS_*` variables say."""
        env = os.environ
        return cls(
            endpoint=env.get("FLYTE_AWS_ENDPOINT") or env.get("AWS_ENDPOINT_URL_S3") or None,
            access_key_id=env.get("FLYTE_AWS_ACCESS_KEY_ID") or None,
            secret_access_key=env.get("FLYTE_AWS_SECRET_ACCESS_KEY") or None,
            region=region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or None,
            addressing_style=env.get("FLYTE_AWS_S3_ADDRESSING_STYLE") or None,
            **_common(env),
        )

    @classmethod
    def for_sandbox(cls) -> Self:
        """The object store of a Flyte sandbox on this machine."""
        return cls(
            endpoint="http://localhost:4566",
            access_key_id="minio",
            secret_access_key="miniostorage",
            region="us-east-1",
            addressing_style="path",
        )

    def store_options(self) -> dict[str, Any]:
        endpoint = self.endpoint or os.environ.get("AWS_ENDPOINT_URL") or ""
        given = {
            "endpoint": self.endpoint,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            # Servers that are not Amazon's do not care, but a signature has to name one.
            "region": self.region or ("us-east-1" if endpoint else None),
            "virtual_hosted_style_request": True if self.addressing_style == "virtual" else None,
        }
        plain = {"client_options": {"allow_http": True}} if endpoint.startswith("http://") else {}
        return {**Storage.store_options(self), **_given(given), **plain}


@frozen
class GCS(Storage):
    """Google Cloud Storage. Credentials come from `GOOGLE_APPLICATION_CREDENTIALS`, or the machine's
    own identity."""

    schemes: ClassVar[tuple[str, ...]] = ("gs", "gcs")


@frozen
class ABFS(Storage):
    """Azure Blob Storage: `abfs://container/path` in one account, `abfs://container@account.../path` in any.

    Without keys here, they come from the `AZURE_STORAGE_*` variables, or the machine's own identity.
    """

    schemes: ClassVar[tuple[str, ...]] = ("abfs", "abfss", "az")

    account_name: str | None = None
    account_key: str | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = None

    @classmethod
    def auto(cls) -> Self:
        """As `AZURE_STORAGE_ACCOUNT_NAME`, `AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_TENANT_ID`,
        `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET` say."""
        env = os.environ
        return cls(
            account_name=env.get("AZURE_STORAGE_ACCOUNT_NAME") or None,
            account_key=env.get("AZURE_STORAGE_ACCOUNT_KEY") or None,
            tenant_id=env.get("AZURE_TENANT_ID") or None,
            client_id=env.get("AZURE_CLIENT_ID") or None,
            client_secret=env.get("AZURE_CLIENT_SECRET") or None,
            **_common(env),
        )

    def store_options(self) -> dict[str, Any]:
        names = ("account_name", "account_key", "tenant_id", "client_id", "client_secret")
        return {**Storage.store_options(self), **_given({name: getattr(self, name) for name in names})}


CLOUDS: tuple[type[Storage], ...] = (S3, GCS, ABFS)


def kind_of(scheme: str) -> type[Storage] | None:
    """The cloud that addresses of this scheme belong to."""
    return next((each for each in CLOUDS if scheme in each.schemes), None)


def _common(env: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if env.get("FLYTE_STORAGE_RETRIES"):
        found["retries"] = int(env["FLYTE_STORAGE_RETRIES"])
    if env.get("FLYTE_STORAGE_BACKOFF_SECONDS"):
        found["backoff"] = timedelta(seconds=float(env["FLYTE_STORAGE_BACKOFF_SECONDS"]))
    return found


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
