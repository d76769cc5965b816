"""What both variants in Python are told on their command line, and the one thing they both ask of the system."""

import argparse
import resource
import signal
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True)
class Arguments:
    """Where frames come from, on which port of 127.0.0.1 they go to clients, and whether clients are waited for."""

    host: str
    upstream_port: int
    port: int
    waits: bool


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, without the usage."""
        self.exit(2, f"{self.prog}: {message}\n")


def parse(description: str) -> Arguments:
    """Takes the command line apart. A bad argument ends the program."""
    parser = Parser(description=description)
    parser.add_argument("upstream", type=address, metavar="HOST:PORT", help="where frames come from")
    parser.add_argument("port", type=port_number, metavar="PORT", help="where clients connect, on 127.0.0.1; 0: any")
    parser.add_argument("--wait", action="store_true", help="wait for a client that lags too far: it is not thrown out")
    given = parser.parse_args()
    host, upstream_port = given.upstream
    return Arguments(host, upstream_port, given.port, given.wait)


def address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} has no port")
    return host.strip("[]"), port_number(port)


def port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def prepare_process() -> None:
    """Makes room for many clients, and lets an interrupt end the program without a traceback."""
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
