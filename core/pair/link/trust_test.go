package link

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
)

// refused wants a failure with a remedy.
func refused(t *testing.T, err error, code, detail string) {
	t.Helper()
	f := (*core.Failure)(nil)
	if !errors.As(err, &f) || f.Code != code || !strings.Contains(f.Detail, detail) || f.Remedy == "" || !f.Permanent {
		t.Errorf("got %#v (%v), want code %s, %q and a remedy", f, err, code, detail)
	}
}

// told wants a line in the log exactly once.
func (r *rig) told(t *testing.T, what string) {
	t.Helper()
	eventually(t, "the log says "+what, func() bool { return strings.Contains(r.log.String(), what) })
	if n := strings.Count(r.log.String(), what); n != 1 {
		t.Errorf("the log says %d times in a minute: %s", n, what)
	}
}

func TestAnUnknownClientIsRefusedOnBothSides(t *testing.T) {
	r := newRig(t)
	stranger, print := someone(t)
	c := r.as(t, func(cfg *ClientConfig) { cfg.Self = stranger })
	for range 3 {
		refused(t, c.Send(t.Context(), pair.AskRest{}), CodeUnknownCertificate, "the certificate "+short(print)+" is not that")
	}
	for what, call := range calls(t, c) {
		if f := (*core.Failure)(nil); !errors.As(call(), &f) || f.Code != CodeUnknownCertificate {
			t.Errorf("%s is open to strangers", what)
		}
	}
	if len(r.received()) != 0 || r.last() != "" {
		t.Error("the handler was asked")
	}
	r.told(t, "the certificate "+short(print)+" is not that of this server's peer")
	if strings.Contains(c.Send(t.Context(), pair.AskRest{}).Error(), "; the peer's is") {
		t.Error("a stranger is told who the peer is")
	}
}

func TestAClientWithoutCertificateIsRefused(t *testing.T) {
	r := newRig(t)
	c := r.as(t, func(cfg *ClientConfig) { cfg.Self = tls.Certificate{} })
	for range 2 {
		refused(t, c.Send(t.Context(), pair.AskRest{}), CodeUnknownCertificate, "no certificate")
	}
	r.told(t, "shows no certificate")
}

func TestAServerInNoPairServesNobody(t *testing.T) {
	r := newRig(t)
	r.server.Unpin()
	err := r.client.Send(t.Context(), pair.AskRest{})
	refused(t, err, CodeUnknownCertificate, "no peer at present")
	r.server.Alone()
	err = r.client.Send(t.Context(), pair.AskRest{})
	refused(t, err, CodeNoPair, "in no pair")
	if errors.Is(err, ErrUnreachable) {
		t.Errorf("the peer's own word looks like a broken way: %v", err)
	}
}

func TestAnUnknownServerIsRefusedOnBothSides(t *testing.T) {
	r := newRig(t)
	_, other := someone(t)
	c := r.as(t, func(cfg *ClientConfig) { cfg.Pin = other })
	for range 3 {
		err := c.Send(t.Context(), pair.AskRest{})
		refused(t, err, CodeUnknownCertificate, "the peer's is "+short(other))
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), r.address) {
			t.Errorf("%v does not say where", err)
		}
	}
	r.told(t, "the peer's is "+short(other))               // by the client
	r.told(t, "does not accept this server's certificate") // by the server
	if len(r.received()) != 0 {
		t.Error("the message went to a stranger")
	}
}

func TestAnotherProtocolIsRefused(t *testing.T) {
	r := newRig(t)
	by := *r.client.messages
	by.Transport = roundTrip(func(q *http.Request) (*http.Response, error) {
		q.Header.Set(headerProtocol, "2")
		return r.client.messages.Transport.RoundTrip(q)
	})
	c := &Client{cfg: r.client.cfg, messages: &by}
	for range 2 {
		refused(t, c.Send(t.Context(), pair.AskRest{}), pair.CodeOtherVersion, `generation "2"`)
	}
	r.told(t, pair.CodeOtherVersion)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOlderTLSIsRefused(t *testing.T) {
	r := newRig(t)
	conf := ClientTLS(r.config.Self, "")
	conf.MinVersion, conf.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if conn, err := tls.Dial("tcp", r.address, conf); err == nil {
		conn.Close()
		t.Error("TLS 1.2 was accepted")
	}
}

func TestHTTP2IsNotSpoken(t *testing.T) {
	r := newRig(t)
	conf := ClientTLS(r.config.Self, "")
	conf.NextProtos = []string{"h2", "http/1.1"}
	conn, err := tls.Dial("tcp", r.address, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if p := conn.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Errorf("they speak %q", p)
	}
}

func TestWhoIsUnpinnedLosesTheCallsUnderWay(t *testing.T) {
	r := newRig(t)
	r.hold = func(ctx context.Context) error {
		r.server.Unpin()
		<-ctx.Done()
		return ctx.Err()
	}
	if err := r.client.PutBlob(t.Context(), refOf([]byte("x")), strings.NewReader("x"), 1); err == nil {
		t.Error("the blob was kept for who is no peer any more")
	}
	refused(t, r.client.Send(t.Context(), pair.AskRest{}), CodeUnknownCertificate, "no peer at present")
}

func TestJoiningIsOpenOnlyWhenAsked(t *testing.T) {
	r := newRig(t)
	stranger, print := someone(t)
	var seen string // what the client saw of the server
	conf := ClientTLS(stranger, "")
	conf.VerifyConnection = func(s tls.ConnectionState) error { seen = identity.Fingerprint(s.PeerCertificates[0]); return nil }
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: conf}}
	defer c.CloseIdleConnections()
	ask := func(body io.Reader) (int, string) {
		t.Helper()
		resp, err := c.Post("https://"+r.address+"/join/hello", "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(raw)
	}
	if code, body := ask(nil); code != http.StatusConflict || !strings.Contains(body, "waits for nobody") {
		t.Errorf("closed: %d %s", code, body)
	}
	r.server.Join(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		raw, err := io.ReadAll(q.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		_, _ = io.WriteString(w, FingerprintOf(q)+" "+string(raw))
	}))
	if code, body := ask(strings.NewReader("code")); code != http.StatusOK || body != print+" code" {
		t.Errorf("open: %d %s, want the fingerprint %s", code, body, print)
	}
	if code, _ := ask(strings.NewReader(strings.Repeat("x", maxJoin+1))); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body without end: %d", code)
	}
	if seen != r.config.Pin {
		t.Errorf("the server shows %s, want %s", seen, r.config.Pin)
	}
	r.server.Join(nil)
	if code, _ := ask(nil); code != http.StatusConflict {
		t.Errorf("closed again: %d", code)
	}
}

// Whoever just opens connections must not keep the peer out.
func TestGuestsDoNotKeepThePeerOut(t *testing.T) {
	r := newRig(t)
	var guests []net.Conn
	for range 4 * maxGuests {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		guests = append(guests, conn)
	}
	if err := r.client.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Errorf("the peer is kept out: %v", err)
	}
	if _, err := guests[0].Read(make([]byte, 1)); err == nil {
		t.Error("the guest who came first is still there")
	}
	stranger, _ := someone(t)
	c := r.as(t, func(cfg *ClientConfig) { cfg.Self = stranger })
	for range 3 * maxGuests {
		refused(t, c.Send(t.Context(), pair.AskRest{}), CodeUnknownCertificate, "is not that")
	}
	if err := r.client.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Errorf("the peer is kept out: %v", err)
	}
	if n := r.listens.n.Load(); n < 4*maxGuests {
		t.Errorf("only %d connections came", n)
	}
}

func TestTheLogNeverShowsAKey(t *testing.T) {
	r := newRig(t)
	stranger, print := someone(t)
	c := r.as(t, func(cfg *ClientConfig) { cfg.Self = stranger })
	refused(t, c.Send(t.Context(), pair.AskRest{}), CodeUnknownCertificate, "")
	r.told(t, short(print))
	if strings.Contains(r.log.String(), print) || strings.Contains(r.log.String(), "PRIVATE") {
		t.Errorf("the log says more than is needed to compare: %s", r.log)
	}
}
