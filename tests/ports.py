"""Ports for servers that are told theirs before they start."""

import random
import socket


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens at, that no outgoing connection is given, and that no other test process is
    told as long as this one lives: a server takes seconds to start.

    Those of outgoing connections begin at 32768: https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html
    """
    draw = random.SystemRandom()  # other workers have the same seed
    while True:
        port = draw.randrange(12_000, 32_000)
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.close()
            continue
        # From now on it stands in nobody's way but that of the bind above: a server sets the same option.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.detach()  # stays open until the process ends
        return port
