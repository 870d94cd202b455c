"""Who is at the other end of a loopback connection: the kernel knows the account and the process."""

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from flyte_core.frozen import frozen

_TABLES = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}


@frozen
class Peer:
    """The other end: its account, and the number of its socket. `uid` is None when nobody knows."""

    uid: int | None
    inode: int = 0


def supported() -> bool:
    """Whether this machine tells who is at the other end."""
    return _TABLES[socket.AF_INET].exists()


def find(their_host: str, their_port: int, our_host: str, our_port: int) -> Peer:
    """The socket at the other end of a connection within this machine."""
    local, remote = _hex(their_host, their_port), _hex(our_host, our_port)
    if local is None or remote is None:
        return Peer(None)
    for table, here, there in _places(local, remote):
        found = _search(table, here, there)
        if found is not None:
            return found
    return Peer(None)


def _places(local: bytes, remote: bytes) -> Iterator[tuple[Path, bytes, bytes]]:
    if len(local) == len(remote) == _V4_LENGTH:
        yield _TABLES[socket.AF_INET], local, remote
        # A client's IPv6 socket that speaks IPv4 is listed with mapped addresses.
        yield _TABLES[socket.AF_INET6], _MAPPED + local, _MAPPED + remote
    else:
        yield _TABLES[socket.AF_INET6], local, remote


_V4_LENGTH = 8 + 1 + 4
_MAPPED = b"0000000000000000FFFF0000"


def _search(table: Path, here: bytes, there: bytes) -> Peer | None:
    try:
        data = table.read_bytes()
    except OSError:
        return None
    at = data.find(b": " + here + b" " + there + b" ")
    if at < 0:
        return None
    # sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode
    fields = data[at + 2 : data.index(b"\n", at)].split()
    return Peer(int(fields[6]), int(fields[8]))


def _hex(host: str, port: int) -> bytes | None:
    """`address:port` as the kernel's tables have it: each word of the address in host byte order."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    words = struct.unpack(f"={len(address.packed) // 4}I", address.packed)
    return ("".join(f"{word:08X}" for word in words) + f":{port:04X}").encode()


def process_of(inode: int) -> int | None:
    """The pid that holds a socket, among those this account may look into. Reads many files: not on the loop."""
    if not inode:
        return None
    wanted = f"socket:[{inode}]"
    with os.scandir("/proc") as processes:
        for entry in processes:
            if entry.name.isdecimal() and _holds(entry.path, wanted):
                return int(entry.name)
    return None


def _holds(process: str, wanted: str) -> bool:
    try:
        with os.scandir(f"{process}/fd") as files:
            for file in files:
                try:
                    if os.readlink(file.path) == wanted:  # noqa: PTH115
                        return True
                except OSError:
                    continue
    except OSError:
        return False
    return False
