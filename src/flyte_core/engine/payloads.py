"""Values as the engine sees them: bytes to keep in the store, or a reference to a blob."""

from hashlib import sha256

from flyte_core.model import Digest, InvalidArgument, PayloadRef


def reference(data: bytes) -> PayloadRef:
    """What names bytes that are kept in the store itself."""
    return PayloadRef(Digest(sha256(data).hexdigest()), len(data))


def given(data: bytes | None, ref: PayloadRef | None) -> PayloadRef | None:
    """The reference of a value that came as bytes or as a reference; `None` when it did not come."""
    if data is not None:
        if ref is not None:
            raise InvalidArgument("A value is given as bytes or as a reference, not as both.")
        return reference(data)
    return ref
