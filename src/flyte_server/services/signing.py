"""Addresses that carry their own permission, for a short while: signed with the server's key."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from flyte_core.frozen import frozen
from flyte_core.model import Micros

LONGEST_S = 15 * 60
_KEY_BYTES = 32
_FIELDS = ("expires", "md5", "sha256", "length")


def load_key(path: Path) -> bytes:
    """The key of this data directory; made on first use, readable by its owner only."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = os.urandom(_KEY_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(fd, key)
            os.fsync(fd)
        finally:
            os.close(fd)
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path} holds no key of {_KEY_BYTES} bytes; remove it and start again.")
    return key


@frozen
class Permission:
    """What a signed address allows: one method on one blob, until it expires."""

    method: str
    path: str
    expires: Micros
    md5: str = ""
    """In hexadecimal, of the content that may be put; empty: any."""
    sha256: str = ""
    length: int | None = None


class Signer:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def query(self, permission: Permission) -> str:
        """The query string that goes behind the blob's address."""
        fields = _fields(permission)
        return urlencode({**fields, "signature": self._signature(permission.method, permission.path, fields)})

    def url(self, base: str, permission: Permission) -> str:
        return f"{base}/v2/blobs/{quote(permission.path)}?{self.query(permission)}"

    def check(self, method: str, path: str, query: Mapping[str, str], now: Micros) -> Permission | None:
        """The permission in a request; None when it is forged, altered or expired."""
        fields = {name: query[name] for name in _FIELDS if query.get(name)}
        expected = self._signature(method, path, fields)
        if not hmac.compare_digest(expected, query.get("signature", "")):
            return None
        # Signed, so ours: the numbers are well-formed.
        permission = Permission(
            method=method,
            path=path,
            expires=Micros(int(fields["expires"])),
            md5=fields.get("md5", ""),
            sha256=fields.get("sha256", ""),
            length=int(fields["length"]) if "length" in fields else None,
        )
        return permission if now < permission.expires else None

    def _signature(self, method: str, path: str, fields: Mapping[str, str]) -> str:
        digest = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in (method, path, *(fields.get(name, "") for name in _FIELDS)):
            raw = part.encode()
            digest.update(len(raw).to_bytes(8, "big") + raw)
        return digest.hexdigest()


def _fields(permission: Permission) -> dict[str, str]:
    fields = {"expires": str(permission.expires)}
    if permission.md5:
        fields["md5"] = permission.md5
    if permission.sha256:
        fields["sha256"] = permission.sha256
    if permission.length is not None:
        fields["length"] = str(permission.length)
    return fields
