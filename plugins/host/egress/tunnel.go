package egress

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// tunnel carries bytes between a plug-in and a host until both have said that they have
// no more, one fails, or neither says anything for idle, there and in tunnels that belong to it.
type tunnel struct {
	plugin, host net.Conn
	ahead        io.Reader // plugin, with what was read of it already
	idle         time.Duration
	last         *atomic.Int64 // when bytes last went either way, Unix nanoseconds; tunnels that belong together share it
}

// run returns when nothing more can be carried; both ends are then closed.
func (t *tunnel) run() {
	t.touch()
	var both sync.WaitGroup
	both.Go(func() { t.carry(t.host, t.plugin, t.ahead) })
	t.carry(t.plugin, t.host, t.host)
	both.Wait()
	t.close()
}

// carry copies what in gives, which reads from, until that ends.
func (t *tunnel) carry(to, from net.Conn, in io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		_ = from.SetReadDeadline(time.Now().Add(t.idle)) // closed: Read says it
		n, err := in.Read(buffer)
		if n > 0 {
			t.touch()
			_ = to.SetWriteDeadline(time.Now().Add(t.idle))
			if _, err := to.Write(buffer[:n]); err != nil {
				t.close()
				return
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && t.quiet() < t.idle: // the other way is busy
		case errors.Is(err, io.EOF):
			endWriting(to)
			return
		default:
			t.close()
			return
		}
	}
}

func (t *tunnel) touch() { t.last.Store(time.Now().UnixNano()) }

func (t *tunnel) quiet() time.Duration { return time.Since(time.Unix(0, t.last.Load())) }

func (t *tunnel) close() {
	_ = t.plugin.Close()
	_ = t.host.Close()
}

// endWriting says to c that no more comes, where it can be told so.
func endWriting(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = c.Close()
}
