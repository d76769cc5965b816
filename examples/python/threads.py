"""The relay as the exercise is first solved: a thread and a queue per client, a lock around the registry.

The main thread reads the upstream and puts the whole frames that one read brought into the queue of every client. Each
client has a thread that sends them, and one that throws away what the client says. That is the version of 45 minutes;
here its usual defects are mended:

- one recv() is taken for one frame          -> bytes are kept until their frame is whole: `blocks`
- send() is taken for sendall()              -> what was not taken is sent again: `Client.give`
- the queues have no bound                   -> who lags too far is thrown out, or waited for: `Backlog.put`
- the registry changes while it is walked    -> a copy is walked, and the lock is never held while anything waits
- a dead client kills the loop               -> only its own threads touch its socket, and the failure stays with them
- the thread of a dead client waits for ever -> a backlog can be closed (queue.Queue learned that in Python 3.13)
- the end of its input is taken for its end  -> only an error is; but input is read, or close() would be a reset
- an abort looks like an end                 -> every end but the clean one is a reset (SO_LINGER 0)

What it gives up: it ends with its upstream. Two threads per client share one interpreter lock, so it scales with
neither cores nor clients, and a client whose thread has not had its turn may be thrown out as slow. As nothing wakes a
thread from send() but bytes or time, a client that takes nothing is thrown out a second after it was found to lag.

Start: python3 examples/python/threads.py HOST:PORT PORT [--wait]
"""

import collections
import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

import command_line

FRAME_SIZE = 1024
READ_SIZE = 64 * 1024
BACKLOG_SIZE = 16 * 1024 * 1024  # Bytes that a client may lag. Blocks are shared: all backlogs together keep as many.
SEND_TIMEOUT = 1  # Seconds after which send() gives up, so that its thread can look around.
STALL_TIMEOUT = 10  # Seconds after which a client that takes no byte is thrown out.
DRAIN_TIMEOUT = 5  # Seconds that clients may take for their backlog after the upstream's end.
CLOSING_TIMEOUT = 2  # Seconds that a client which has been given its end may take to close.
SWITCH_INTERVAL = 0.0005  # Seconds that a thread may keep the interpreter from others. Newcomers wait behind them all.
ACCEPT_QUEUE = 4096
ACCEPT_PAUSE = 0.1  # Seconds before another try, when there is no descriptor or thread for a connection.


class Backlog:
    """The blocks that a client has not been given: one thread puts them in, another takes them out."""

    def __init__(self) -> None:
        self._blocks: collections.deque[bytes] = collections.deque()
        self._size = 0
        self._changed = threading.Condition()
        self._is_closed = False
        self.is_abandoned = False

    def put(self, block: bytes, waits: bool) -> bool:
        """Appends a block. False if there was no room, unless it waits for that."""
        with self._changed:
            while waits and self._size >= BACKLOG_SIZE and not self._is_closed:
                self._changed.wait()
            if self._size >= BACKLOG_SIZE:
                return False
            self._blocks.append(block)
            self._size += len(block)
            self._changed.notify()
            return True

    def take(self) -> bytes | None:
        """Waits for the next block. None if no more will come."""
        with self._changed:
            while not self._blocks and not self._is_closed:
                self._changed.wait()
            if not self._blocks:
                return None
            block = self._blocks.popleft()
            self._size -= len(block)
            self._changed.notify()
            return block

    def close(self) -> None:
        """Says that nothing more will be put in."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def abandon(self) -> None:
        """Says that nothing more will be taken out."""
        with self._changed:
            self.is_abandoned = True
            self._blocks.clear()
            self._size = 0
        self.close()


class Client:
    """An accepted connection, with the threads that serve it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_TIMEOUT, 0))
        # However it ends, until the end is known to be clean: a reset. That goes for the end of the program too.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket = connection
        self.backlog = Backlog()
        self.serving = threading.Thread(target=self._serve, daemon=True)
        self.serving.start()

    def _serve(self) -> None:
        """Gives the client its backlog, and then its end."""
        hearing = threading.Thread(target=self._hear, daemon=True)
        try:
            hearing.start()
            while (block := self.backlog.take()) is not None:
                self._give(block)
            if not self.backlog.is_abandoned:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
                self._socket.shutdown(socket.SHUT_WR)
                hearing.join(CLOSING_TIMEOUT)
        except (OSError, RuntimeError):
            pass  # It has gone, or it stalls, or there are no threads left.
        self.backlog.abandon()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)  # Wakes the other thread, and sends nothing.
        if hearing.is_alive():
            hearing.join()
        self._socket.close()

    def _give(self, block: bytes) -> None:
        """Sends all of a block, as sendall() does, as long as the client takes something and is wanted."""
        rest = memoryview(block)
        taken_at = time.monotonic()
        while rest and not self.backlog.is_abandoned:
            try:
                rest = rest[self._socket.send(rest) :]
                taken_at = time.monotonic()
            except BlockingIOError:
                if time.monotonic() - taken_at >= STALL_TIMEOUT:
                    raise

    def _hear(self) -> None:
        """Throws away what the client says. The end of that is not the client's end, an error is."""
        try:
            while self._socket.recv(4096):
                pass
        except OSError:
            self.backlog.abandon()


class Registry:
    """The clients that are served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: set[Client] = set()

    def add(self, client: Client) -> None:
        with self._lock:
            self._clients.add(client)

    def copy(self) -> list[Client]:
        """The clients of this moment, without those that have left."""
        with self._lock:
            self._clients = {client for client in self._clients if not client.backlog.is_abandoned}
            return list(self._clients)


def accept(listener: socket.socket, registry: Registry) -> NoReturn:
    while True:
        try:
            registry.add(Client(listener.accept()[0]))
        except (OSError, RuntimeError):
            time.sleep(ACCEPT_PAUSE)


def blocks(upstream: socket.socket) -> Iterator[bytes]:
    """The whole frames that each read brings. What is left of an unfinished one at the end goes nowhere."""
    rest = b""
    while piece := upstream.recv(READ_SIZE):
        piece = rest + piece
        whole = len(piece) // FRAME_SIZE * FRAME_SIZE
        if whole:
            yield piece[:whole]
        rest = piece[whole:]


def publish(block: bytes, registry: Registry, waits: bool) -> None:
    for client in registry.copy():
        if not client.backlog.put(block, waits):
            client.backlog.abandon()


def drain(registry: Registry) -> None:
    """Lets every client have its backlog. The end of the program cuts off those that take too long."""
    clients = registry.copy()
    for client in clients:
        client.backlog.close()
    deadline = time.monotonic() + DRAIN_TIMEOUT
    for client in clients:
        client.serving.join(max(0, deadline - time.monotonic()))


def main() -> None:
    arguments = command_line.parse("The relay with a thread and a queue per client.")
    command_line.prepare_process()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        listener = socket.create_server(("127.0.0.1", arguments.port), backlog=ACCEPT_QUEUE)
    except OSError as error:
        sys.exit(f"fanout: port {arguments.port}: {error}")
    print("listening addr={}:{}".format(*listener.getsockname()), file=sys.stderr)
    try:
        upstream = socket.create_connection((arguments.host, arguments.upstream_port))
    except OSError as error:
        sys.exit(f"fanout: upstream {arguments.host}:{arguments.upstream_port}: {error}")
    registry = Registry()
    threading.Thread(target=accept, args=(listener, registry), daemon=True).start()
    failure = None
    try:
        for block in blocks(upstream):
            publish(block, registry, arguments.waits)
    except OSError as error:
        failure = f"fanout: upstream: {error}"
    drain(registry)
    sys.exit(failure)


if __name__ == "__main__":
    main()
