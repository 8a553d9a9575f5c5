package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// wantRefused wants the SDK to say not-granted, in words.
func wantRefused(t *testing.T, address string, words ...string) {
	t.Helper()
	conn, err := sdk.Dial(context.Background(), address)
	if err == nil {
		conn.Close()
		t.Errorf("%s: connected", address)
		return
	}
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Code != "not-granted" || e.Temporary {
		t.Errorf("%s: error %#v, want not-granted for good", address, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q misses %q", address, err, w)
		}
	}
}

// wantEcho has a conversation through the proxy.
func wantEcho(t *testing.T, address string) {
	t.Helper()
	conn, err := sdk.Dial(context.Background(), address)
	if err != nil {
		t.Errorf("%s: %v", address, err)
		return
	}
	defer conn.Close()
	if got := conn.RemoteAddr(); got.Network() != "tcp" || !strings.HasPrefix(address, got.String()[:strings.LastIndex(got.String(), ":")]) {
		t.Errorf("the far end is %s, want %s", got, address)
	}
	if _, err := conn.Write([]byte("hello ")); err != nil {
		t.Errorf("%s: %v", address, err)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Errorf("%s: %v", address, err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "hello bye" {
		t.Errorf("%s: heard %q, %v", address, got, err)
	}
}

func TestAuthorsPublicHostIsReached(t *testing.T) {
	r := newRig(t, Config{})
	server := echo(t)
	r.names["api.example.com"] = []netip.Addr{netip.MustParseAddr("2606:4700::1"), netip.MustParseAddr("93.184.216.34")}
	r.roads["[2606:4700::1]:443"] = "127.0.0.1:1" // nobody there: the next address is tried
	r.roads["93.184.216.34:443"] = server.String()
	r.Allow([]Address{must(t, "api.example.com:443")}, nil)
	for _, asked := range []string{"api.example.com:443", "API.example.COM:443", "api.example.com.:https", "ａｐｉ.example.com:443"} {
		wantEcho(t, asked)
	}
	if n := r.refused.Load(); n != 0 {
		t.Errorf("%d refusals", n)
	}
}

func TestWhatNobodyGrantedIsRefused(t *testing.T) {
	r := newRig(t, Config{})
	r.names["api.example.com"], r.names["evil.example"] = ip("93.184.216.34"), ip("93.184.216.35")
	wantRefused(t, "api.example.com:443", "plug-in tested may not connect to api.example.com:443", "nothing is allowed")
	r.Allow([]Address{must(t, "api.example.com:443")}, []Address{must(t, "nas.lan:22")})
	wantRefused(t, "evil.example:443", "may not connect to evil.example:443", "api.example.com:443 by its manifest", "nas.lan:22 by its settings")
	for _, asked := range []string{
		"api.example.com:80", "api.example.com.evil.example:443", "xapi.example.com:443", "93.184.216.34:443", "nas.lan:23", "127.0.0.1:443",
		"127.1:443", "0x7f000001:443", "[::1%lo]:443", "[::ffff:127.0.0.1]:443", "user@api.example.com:443", "*:443",
	} {
		wantRefused(t, asked)
	}
	for _, asked := range []string{"api.example.com", "api.example.com:0443x", "api.example.com:70000"} {
		if _, err := sdk.Dial(context.Background(), asked); err == nil || !strings.Contains(err.Error(), "connect to") {
			t.Errorf("%s: %v", asked, err)
		}
	}
	if n := r.refused.Load(); n != 13 || r.dialled.Load() != 0 {
		t.Errorf("%d refusals and %d connections, want 13 and none", n, r.dialled.Load())
	}
}

func TestAuthorsHostThatLeadsInsideIsRefused(t *testing.T) {
	r := newRig(t, Config{})
	r.Allow([]Address{must(t, "api.example.com:443")}, nil)
	for kind, all := range map[string][]netip.Addr{
		"loopback":         ip("127.0.0.1"),
		"private":          {netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("10.0.0.5")},
		"link-local":       ip("169.254.169.254"),
		"this server":      ip("93.184.1.1"),
		"carrier":          ip("100.64.3.2"),
		"cloud":            ip("168.63.129.16"),
		"a reserved":       ip("2002:7f00:1::"),
		"a multicast":      ip("ff02::1"),
		"an unspecified":   nil,
		"no plain address": ip("fe80::1%eth0"),
	} {
		r.names["api.example.com"] = all
		if all != nil {
			wantRefused(t, "api.example.com:443", "public hosts only", kind)
		}
	}
	r.names["api.example.com"] = ip("::ffff:127.0.0.1")
	wantRefused(t, "api.example.com:443", "127.0.0.1 is a loopback address")
	if n := r.dialled.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestOperatorsOwnHostMayBePrivate(t *testing.T) {
	r := newRig(t, Config{})
	server := echo(t)
	r.Allow(nil, []Address{server})
	wantEcho(t, server.String())
	mapped := Address{"::ffff:127.0.0.1", server.Port}.String()
	wantEcho(t, mapped) // the same host in other clothes
	r.Clear()
	wantRefused(t, server.String(), "nothing is allowed")
}

func TestAHostWithManyPortsIsReachedWhereItWasFirst(t *testing.T) {
	r := newRig(t, Config{})
	first, second := echo(t), echo(t)
	r.roads["files.example:21"] = first.String()
	r.roads["127.0.0.1:50000"] = second.String()
	r.Allow(nil, []Address{must(t, "files.example:21"), {"files.example", High}})
	wantRefused(t, "files.example:22", "allowed are files.example:21, files.example:1024-65535 by its settings")
	wantRefused(t, "other.example:50000")
	wantRefused(t, "files.example:1023")
	wantEcho(t, "files.example:21")
	wantEcho(t, "files.example:50000") // on the way of 127.0.0.1, where the name led to
	r.Clear()
	wantRefused(t, "files.example:50000", "nothing is allowed")
}

func TestHTTPGoesThroughTheProxy(t *testing.T) {
	r := newRig(t, Config{})
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/away" {
			http.Redirect(w, q, "https://elsewhere.example/", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "well")
	}))
	defer site.Close()
	server := must(t, site.Listener.Addr().String())
	r.Allow(nil, []Address{server})
	c := sdk.Filter(func(ctx context.Context, _ sdk.FilterRequest, _ struct{}) (sdk.Filtered, error) {
		client := sdk.HTTP(ctx)
		client.Transport.(*http.Transport).TLSClientConfig = site.Client().Transport.(*http.Transport).TLSClientConfig
		answer, err := client.Get(site.URL)
		if err != nil {
			return sdk.Filtered{}, err
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || string(body) != "well" {
			t.Errorf("answer = %q, %v", body, err)
		}
		answer.Body.Close()
		if _, err = client.Get(site.URL + "/away"); err == nil || !strings.Contains(err.Error(), "may not connect to elsewhere.example:443") {
			t.Errorf("a redirect elsewhere: %v", err)
		}
		return sdk.Filtered{}, nil
	})
	if _, err := c.Do(context.Background(), sdk.Call{Op: sdk.OpClean, Args: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
}

func TestTunnelsEndWithTheCall(t *testing.T) {
	r := newRig(t, Config{})
	server := echo(t)
	r.Allow(nil, []Address{server})
	conn, err := sdk.Dial(context.Background(), server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.Allow(nil, []Address{server}) // the next call, with the same grants
	if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Logf("the end of the tunnel: %v", err)
	}
	eventually(t, "the proxy has no connection", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.open == 0 })
	wantEcho(t, server.String())
}

func TestNoGoroutineOutlivesTheProxy(t *testing.T) {
	server := echo(t)
	before := runtime.NumGoroutine()
	r := newRig(t, Config{})
	r.Allow(nil, []Address{server})
	var conns []net.Conn
	for range 8 {
		conn, err := sdk.Dial(context.Background(), server.String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, conn := range conns {
		conn.Close()
	}
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
	_, err := sdk.Dial(context.Background(), server.String())
	if err == nil || !strings.Contains(err.Error(), "reach the server's proxy") {
		t.Errorf("dial without a proxy: %v", err)
	}
	r.Allow(nil, []Address{server}) // too late, and harmless
}

func TestDiallingEndsWithItsContextAndWithTheCall(t *testing.T) {
	waiting, ended := make(chan struct{}, 2), make(chan error, 2)
	r := newRig(t, Config{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		waiting <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}})
	slow := must(t, "slow.lan:22")
	r.Allow(nil, []Address{slow})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-waiting; cancel() }()
	if _, err := sdk.Dial(ctx, slow.String()); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	go func() { <-waiting; r.Clear() }()
	if _, err := sdk.Dial(context.Background(), slow.String()); err == nil {
		t.Error("a connection after the call")
	}
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("dial ended with %v", err)
		}
	}
}

func TestAHostThatCannotBeReachedIsTold(t *testing.T) {
	r := newRig(t, Config{DialTimeout: 200 * time.Millisecond})
	r.Allow([]Address{must(t, "gone.example:443")}, []Address{must(t, "127.0.0.1:1")})
	for asked, words := range map[string]string{"127.0.0.1:1": "connection refused", "gone.example:443": "no such host"} {
		_, err := sdk.Dial(context.Background(), asked)
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || !e.Temporary || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want a temporary error … %s …", asked, err, words)
		}
	}
	if n := r.refused.Load(); n != 0 {
		t.Errorf("%d refusals: a host that is down is not one that is forbidden", n)
	}
}
