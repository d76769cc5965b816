// The relay in Go: goroutines and channels.
//
// One goroutine reads the upstream and cuts it into blocks: the whole frames that one read brought, at most 64 KiB, in
// a slice that is never written to again. One goroutine, the hub, owns the set of clients, and nobody else touches it:
// joining, leaving and blocks reach it by channels. Each client has a channel of blocks, which is its backlog, a
// goroutine that writes them, and one that throws away what the client sends. The clients share the bytes of a block.
//
// What it gives up: it ends with its upstream. A backlog is bounded in blocks, so how far a client may lag depends on
// how the frames came in. It cannot tell a client that refuses bytes from one whose goroutine has not had its turn, so
// under a flood it may throw out a client for its own slowness. Every client costs two stacks and a channel, and every
// block wakes as many goroutines as there are clients: the price of code that reads from top to bottom.
//
// Build and start, in this folder: go run . HOST:PORT PORT [--wait]
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

const (
	frameSize      = 1024
	blockSize      = 64 << 10               // The most that one read asks for.
	arenaSize      = 4 * blockSize          // Allocated at once and read into block by block: small reads waste nothing.
	backlogBlocks  = 256                    // How far a client may lag. All of them together keep 16 MiB alive.
	stallTimeout   = 10 * time.Second       // A client that takes no byte for this long is thrown out.
	joinQueue      = 1024                   // Clients that have been accepted and do not get blocks yet.
	drainTimeout   = 5 * time.Second        // How long clients may take for their backlog after the upstream's end.
	closingTimeout = 2 * time.Second        // How long a client that has been given its end may take to close.
	acceptPause    = 100 * time.Millisecond // Before another try when there is no descriptor for a connection.
)

func main() {
	upstreamAddr, port, waits := parse(os.Args[1:]) // Go itself has raised the descriptor limit.
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		fail(1, "%v", err)
	}
	fmt.Fprintf(os.Stderr, "listening addr=%v\n", listener.Addr())
	upstream, err := net.Dial("tcp", upstreamAddr)
	if err != nil {
		fail(1, "%v", err)
	}
	h := hub{map[*client]struct{}{}, make(chan *client, joinQueue), make(chan *client), waits}
	go h.accept(listener)
	blocks := make(chan []byte)
	lost := make(chan error, 1)
	go func() { lost <- read(upstream, blocks) }()
	h.run(blocks)
	listener.Close()
	h.drain()
	if err := <-lost; err != io.EOF {
		fail(1, "%v", err)
	}
}

func parse(arguments []string) (upstream string, port int, waits bool) {
	if len(arguments) < 2 {
		fail(2, "HOST:PORT or PORT is missing in %q", arguments)
	}
	if _, _, err := net.SplitHostPort(arguments[0]); err != nil {
		fail(2, "HOST:PORT %q: %v", arguments[0], err)
	}
	number, err := strconv.ParseUint(arguments[1], 10, 16)
	if err != nil {
		fail(2, "PORT %q is not a number from 0 to 65535", arguments[1])
	}
	waits = len(arguments) == 3 && arguments[2] == "--wait"
	if len(arguments) > 2 && !waits {
		fail(2, "unexpected %q", arguments[2:])
	}
	return arguments[0], int(number), waits
}

// read cuts the upstream into blocks, up to its end, which is an error too. An unfinished frame goes nowhere.
func read(upstream io.Reader, blocks chan<- []byte) error {
	defer close(blocks)
	arena := make([]byte, arenaSize)
	begin, end := 0, 0 // What has been read and not been published.
	for {
		if end+blockSize > len(arena) {
			// A new arena, because clients may still be sent blocks of the old one.
			fresh := make([]byte, arenaSize)
			begin, end = 0, copy(fresh, arena[begin:end])
			arena = fresh
		}
		n, err := upstream.Read(arena[end : end+blockSize])
		end += n
		if whole := (end - begin) / frameSize * frameSize; whole > 0 {
			blocks <- arena[begin : begin+whole]
			begin += whole
		}
		if err != nil {
			return err
		}
	}
}

// hub owns the set of clients.
type hub struct {
	clients       map[*client]struct{}
	joins, leaves chan *client // A client may leave twice.
	waits         bool         // For room in a full backlog, instead of throwing the client out.
}

// run serves until there are no more blocks.
func (h *hub) run(blocks <-chan []byte) {
	for {
		select {
		case c := <-h.joins:
			h.clients[c] = struct{}{}
			for len(h.joins) > 0 { // All who wait: one for every block would take long.
				h.clients[<-h.joins] = struct{}{}
			}
		case c := <-h.leaves:
			h.remove(c)
		case block, ok := <-blocks:
			if !ok {
				return
			}
			for c := range h.clients {
				h.publish(block, c)
			}
		}
	}
}

// publish makes a block part of a client's backlog, or throws the client out.
func (h *hub) publish(block []byte, c *client) {
	if h.waits {
		select {
		case c.backlog <- block:
		case <-c.gone:
		}
		return
	}
	select {
	case c.backlog <- block:
	default:
		c.socket.Close()
		h.remove(c)
	}
}

// drain gives every client the rest of its backlog and its end.
func (h *hub) drain() {
	deadline := time.After(drainTimeout)
	for c := range h.clients {
		close(c.backlog)
	}
	for len(h.clients) > 0 {
		select {
		case c := <-h.leaves:
			delete(h.clients, c)
		case <-deadline:
			for c := range h.clients {
				c.socket.Close()
			}
			return
		}
	}
}

func (h *hub) remove(c *client) {
	if _, ok := h.clients[c]; ok {
		delete(h.clients, c)
		close(c.backlog)
	}
}

func (h *hub) accept(listener *net.TCPListener) {
	for {
		socket, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		} else if err != nil {
			time.Sleep(acceptPause)
			continue
		}
		socket.SetLinger(0) // However it is closed, it is a reset, until its stream has ended.
		c := &client{socket, make(chan []byte, backlogBlocks), make(chan struct{}), make(chan struct{})}
		h.joins <- c
		go c.hear(h.leaves)
		go c.serve(h.leaves)
	}
}

type client struct {
	socket  *net.TCPConn
	backlog chan []byte   // Closed by the hub when nothing more will come.
	gone    chan struct{} // Closed when nothing more is taken from the backlog.
	silent  chan struct{} // Closed when the client will send nothing more.
}

// serve writes the backlog until that ends or the client is lost.
func (c *client) serve(leaves chan<- *client) {
	var err error
	for block := range c.backlog {
		if err = c.write(block); err != nil {
			break
		}
	}
	close(c.gone)
	if err == nil {
		c.socket.SetLinger(-1)
		c.socket.CloseWrite()
		// Input that nobody has read would turn closing into a reset, and destroy what is still on its way.
		c.socket.SetReadDeadline(time.Now().Add(closingTimeout))
		<-c.silent
	}
	c.socket.Close()
	leaves <- c
}

// write gives the client a block, and lets it take its time as long as it takes something.
func (c *client) write(block []byte) error {
	for len(block) > 0 {
		c.socket.SetWriteDeadline(time.Now().Add(stallTimeout))
		n, err := c.socket.Write(block)
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
		block = block[n:]
	}
	return nil
}

// hear throws away what the client sends. The end of that is not the client's end, but an error is.
func (c *client) hear(leaves chan<- *client) {
	var waste [512]byte
	var err error
	for err == nil {
		_, err = c.socket.Read(waste[:])
	}
	if err != io.EOF {
		c.socket.Close()
		leaves <- c
	}
	close(c.silent)
}

func fail(code int, format string, values ...any) {
	fmt.Fprintf(os.Stderr, "fanout: "+format+"\n", values...)
	os.Exit(code)
}
