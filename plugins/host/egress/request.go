package egress

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
)

// readRequest reads a CONNECT request of at most most bytes. What follows it stays
// readable from the reader that comes back. A target that is no address is a refusal.
func readRequest(from io.Reader, most int) (*bufio.Reader, Address, error) {
	limited := &io.LimitedReader{R: from, N: int64(most)}
	in := bufio.NewReader(limited)
	r, err := http.ReadRequest(in)
	if err != nil {
		if limited.N <= 0 {
			err = fmt.Errorf("it is longer than %d bytes", most)
		}
		return nil, Address{}, fmt.Errorf("read the request: %w", err)
	}
	limited.N = math.MaxInt64
	if r.Method != http.MethodConnect {
		return nil, Address{}, fmt.Errorf("this proxy makes tunnels with CONNECT and knows no %s", quote(r.Method))
	}
	if r.ContentLength > 0 || len(r.TransferEncoding) > 0 {
		return nil, Address{}, fmt.Errorf("a CONNECT has no body")
	}
	to, err := Parse(r.RequestURI)
	if err != nil {
		return nil, Address{}, &refusal{err.Error()}
	}
	return in, to, nil
}

// reply answers a request that gets no tunnel. Whether the plug-in reads it is its own
// affair.
func reply(to io.Writer, status int, words string) {
	words = strings.ToValidUTF8(words, "?")
	_, _ = fmt.Fprintf(to, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(words), words)
}
