"""The relay on asyncio: protocols and transports, one thread, nothing but the standard library.

The loop gives the upstream's protocol what one read brought. The whole frames in it make blocks, which clients share:
each is written to the transport of every client. What the kernel does not take, a transport copies and keeps, so it is
given no more while it keeps something: its limits are set to zero, and between pause_writing() and resume_writing()
blocks are put in the client's backlog, as they are. Streams (`await writer.drain()`) would read more like the exercise,
but cost a task for each client, and a turn of that task for each block.

What it gives up: it ends with its upstream. A block is written to all clients before anything else has its turn, always
in the same order, and blocks are written one by one, however many there are. The copy in the transport costs up to
64 KiB for each client that lags. Whether a client has stalled is left to the kernel (TCP_USER_TIMEOUT, Linux only).

Start: python3 examples/python/asyncio_fanout.py HOST:PORT PORT [--wait]
"""

import asyncio
import collections
import contextlib
import socket
import struct
import sys

import command_line

FRAME_SIZE = 1024
BLOCK_SIZE = 64 * 1024
BACKLOG_SIZE = 16 * 1024 * 1024  # Bytes that a client may lag. Blocks are shared: all backlogs together keep as many.
STALL_TIMEOUT = 10  # Seconds after which a client that takes no byte is thrown out.
DRAIN_TIMEOUT = 5  # Seconds that clients may take for their backlog after the upstream's end.
CLOSING_TIMEOUT = 2  # Seconds that a client which has been given its end may take to close.
ACCEPT_QUEUE = 4096


class Relay:
    """The clients, and what the upstream has to do with them."""

    def __init__(self, waits: bool) -> None:
        self.waits = waits
        self.clients: set[Client] = set()
        self.late: set[Client] = set()
        self.upstream: asyncio.Transport
        self.is_ending = False
        self._has_drained = asyncio.Event()

    def publish(self, block: memoryview) -> None:
        # Nobody joins or leaves meanwhile: that is done in a turn of its own.
        for client in self.clients:
            client.give(block)

    def hold_up(self, client: "Client") -> None:
        """Leaves the upstream unread until this client, as any other that is late, has room again."""
        self.late.add(client)
        self.upstream.pause_reading()

    def forgive(self, client: "Client") -> None:
        if client in self.late:
            self.late.remove(client)
            if not self.late:
                self.upstream.resume_reading()

    def leave(self, client: "Client") -> None:
        self.clients.discard(client)
        self.forgive(client)
        if not self.clients:
            self._has_drained.set()

    async def drain(self) -> None:
        """Lets every client have its backlog and its end. Those that take too long are left to the program's end."""
        self.is_ending = True
        for client in self.clients:
            client.end()
        if self.clients:
            self._has_drained.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._has_drained.wait(), DRAIN_TIMEOUT)


class Upstream(asyncio.Protocol):
    """The connection that frames come from."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._rest = b""
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._relay.upstream = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        whole = len(data) // FRAME_SIZE * FRAME_SIZE
        for begin in range(0, whole, BLOCK_SIZE):
            self._relay.publish(memoryview(data)[begin : min(begin + BLOCK_SIZE, whole)])
        self._rest = data[whole:]

    def connection_lost(self, error: Exception | None) -> None:
        # The bytes of an unfinished frame go nowhere.
        self.lost.set_result(error)


class Client(asyncio.BufferedProtocol):
    """A connection that frames go to. What it says is thrown away."""

    _waste = bytearray(4096)

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._transport: asyncio.Transport
        self._backlog: collections.deque[memoryview] = collections.deque()
        self._backlog_size = 0
        self._is_willing = True  # The transport keeps nothing that the kernel has refused.
        self._is_silent = False
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_TIMEOUT * 1000)
        self._set_reset(True)
        self._relay.clients.add(self)
        if self._relay.is_ending:
            self.end()

    def give(self, block: memoryview) -> None:
        """Makes a block part of the client's backlog."""
        if self._is_willing:
            self._transport.write(block)
            return
        self._backlog.append(block)
        self._backlog_size += len(block)
        if self._backlog_size > BACKLOG_SIZE:
            if self._relay.waits:
                self._relay.hold_up(self)
            else:
                self._transport.abort()

    def pause_writing(self) -> None:
        self._is_willing = False

    def resume_writing(self) -> None:
        self._is_willing = True
        while self._backlog and self._is_willing:
            block = self._backlog.popleft()
            self._backlog_size -= len(block)
            self._transport.write(block)
        if self._backlog_size <= BACKLOG_SIZE:
            self._relay.forgive(self)
        if self._relay.is_ending:
            self.end()

    def end(self) -> None:
        """Ends the stream of a client that has been given everything."""
        if not self._is_willing or self._has_ended:
            return
        self._has_ended = True
        self._set_reset(False)
        self._transport.write_eof()
        # Input that nobody has read would turn closing into a reset, and destroy what is still on its way.
        timeout = 0 if self._is_silent else CLOSING_TIMEOUT
        asyncio.get_running_loop().call_later(timeout, self._transport.close)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._waste

    def buffer_updated(self, nbytes: int) -> None:
        pass

    def eof_received(self) -> bool:
        """The end of what the client says is not its end, before it has been given that."""
        self._is_silent = True
        return not self._has_ended

    def connection_lost(self, error: Exception | None) -> None:
        self._backlog.clear()
        self._relay.leave(self)

    def _set_reset(self, is_reset: bool) -> None:
        """Whether closing the connection is a reset, which cannot be taken for the end of the stream."""
        linger = struct.pack("ii", is_reset, 0)
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


async def serve(arguments: command_line.Arguments) -> str | None:
    """Serves until the upstream ends. Gives back what went wrong."""
    loop = asyncio.get_running_loop()
    relay = Relay(arguments.waits)
    try:
        server = await loop.create_server(lambda: Client(relay), "127.0.0.1", arguments.port, backlog=ACCEPT_QUEUE)
    except OSError as error:
        return f"fanout: port {arguments.port}: {error}"
    print("listening addr={}:{}".format(*server.sockets[0].getsockname()), file=sys.stderr)
    host, port = arguments.host, arguments.upstream_port
    try:
        _, upstream = await loop.create_connection(lambda: Upstream(relay), host, port)
    except OSError as error:
        return f"fanout: upstream {host}:{port}: {error}"
    failure = await upstream.lost
    server.close()
    await relay.drain()
    return f"fanout: upstream: {failure}" if failure else None


def main() -> None:
    arguments = command_line.parse("The relay on asyncio.")
    command_line.prepare_process()
    sys.exit(asyncio.run(serve(arguments)))


if __name__ == "__main__":
    main()
