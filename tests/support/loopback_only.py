"""Bring loopback up in a fresh network namespace, and become the given command.

Usage: unshare -rn python loopback_only.py CMD...
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys

SET_FLAGS, UP = 0x8914, 0x1


def bring_up() -> None:
    """Bring loopback up; ends the program where there is any other network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", b"lo", UP) + bytes(14))
    names = [name for _, name in socket.if_nameindex()]
    if names != ["lo"]:
        sys.exit(f"this namespace has more than loopback: {names}")


if __name__ == "__main__":
    bring_up()
    os.execvp(sys.argv[1], sys.argv[1:])
