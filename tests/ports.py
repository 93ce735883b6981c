"""Ports for servers that are told theirs before they start."""

import random
import socket


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens at, and that no outgoing connection is given while the server starts.

    Those of outgoing connections begin at 32768: https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html
    """
    draw = random.SystemRandom()  # other workers have the same seed
    while True:
        port = draw.randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
