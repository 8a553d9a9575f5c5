package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/mail"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/ports"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

func TestRecipientsGetTheFiles(t *testing.T) {
	at := newServer(t, nil)
	s := at.settings("Büro <office@example.org>", "second@example.org")
	s.CC, s.BCC, s.ReplyTo = []string{"copy@example.org"}, []string{"hidden@example.org"}, "desk@example.org"
	receipt, err := send(t, request(t, "k", "Rechnung Müller – 日本", "text", "pdf", "manifest"), s)
	if err != nil {
		t.Fatal(err)
	}
	got := at.only(t)
	if want := []string{"office@example.org", "second@example.org", "copy@example.org", "hidden@example.org"}; !reflect.DeepEqual(got.To, want) || got.From != "scans@sender.example" {
		t.Errorf("envelope from %s to %v, want %v", got.From, got.To, want)
	}
	if !got.TLS || got.User != "scans" || got.Hello != "sender.example" {
		t.Errorf("TLS %v, user %q, hello %q", got.TLS, got.User, got.Hello)
	}
	for _, kind := range []string{"pdf", "text", "manifest"} {
		name := "Rechnung Müller – 日本" + map[string]string{"pdf": ".pdf", "text": ".txt", "manifest": ".json"}[kind]
		if !bytes.Equal(got.attachments[name], content(kind)) {
			t.Errorf("%s arrived with %d bytes, want the %d that were sent; there are %v", name, len(got.attachments[name]), len(content(kind)), got.media)
		}
	}
	if got.subject(t) != "Rechnung Müller – 日本" || !strings.Contains(got.text, "3 pages") || !strings.Contains(got.text, "Job here-01") {
		t.Errorf("subject %q, text %q", got.subject(t), got.text)
	}
	from, err := got.header.AddressList("From")
	if err != nil || *from[0] != (mail.Address{Name: "Scänner", Address: "scans@sender.example"}) {
		t.Errorf("From: %v, %v", from, err)
	}
	if to, err := got.header.AddressList("To"); err != nil || len(to) != 2 || to[0].Name != "Büro" {
		t.Errorf("To: %v, %v", to, err)
	}
	if got.header.Get("Bcc") != "" || got.header.Get("Cc") != "<copy@example.org>" || got.header.Get("Reply-To") != "<desk@example.org>" || got.header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("headers: %v", got.header)
	}
	if date, err := got.header.Date(); err != nil || time.Since(date).Abs() > time.Minute {
		t.Errorf("Date: %v, %v", date, err)
	}
	if id := strings.Trim(got.header.Get("Message-Id"), "<>"); receipt.Location != "mid:"+id || !strings.Contains(receipt.Detail, "taken as 1") {
		t.Errorf("receipt %+v, Message-ID %s", receipt, id)
	}
}

// A repetition is another message: mail has nothing better. But it is recognised.
func TestARepetitionHasTheSameMessageID(t *testing.T) {
	at := newServer(t, nil)
	r := request(t, "k", "scan", "pdf")
	for range 2 {
		if _, err := send(t, r, at.settings("a@example.org")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := send(t, request(t, "other", "scan", "pdf"), at.settings("a@example.org")); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range at.all(t) {
		ids = append(ids, m.header.Get("Message-Id"))
	}
	if len(ids) != 3 || ids[0] != ids[1] || ids[0] == ids[2] || ids[0] == "" {
		t.Errorf("Message-IDs %v, want the first two to be one", ids)
	}
}

func TestWhatGoesWrongAfterTheServersWordCountsForNothing(t *testing.T) {
	at := newServer(t, nil)
	if _, err := send(t, request(t, "k", "scan", "pdf"), at.settings("rude@example.org")); err != nil {
		t.Fatal(err)
	}
	at.only(t)
}

func TestAServerThatVanishesWithTheMessageIsAskedAgain(t *testing.T) {
	at := newServer(t, nil)
	r := request(t, "k", "scan", "pdf")
	_, err := send(t, r, at.settings("vanish@example.org"))
	wantError(t, err, true, "did not say whether it took it", "Message-ID")
	if _, err := send(t, r, at.settings("vanish@example.org")); err != nil {
		t.Fatal(err)
	}
	all := at.all(t)
	if len(all) != 2 || all[0].header.Get("Message-Id") != all[1].header.Get("Message-Id") {
		t.Errorf("%d messages", len(all))
	}
}

// wantError checks an error's fate and that its detail and remedy hold these words.
func wantError(t testing.TB, err error, temporary bool, words ...string) {
	t.Helper()
	delivertest.WantError(t, err, temporary, words, password)
}

func TestARefusedRecipientStopsTheMessageForAll(t *testing.T) {
	at := newServer(t, nil)
	for _, c := range []struct {
		to        []string
		temporary bool
		words     []string
	}{
		{[]string{"good@example.org", "refused@example.org", "later@example.org"}, false,
			[]string{"refused@example.org: 550 5.1.1 no such mailbox; later@example.org: 451", "correct or remove refused@example.org, then"}},
		{[]string{"good@example.org", "later@example.org"}, true, []string{"later@example.org: 451 4.7.1 greylisted", "nobody got the message yet"}},
		{[]string{"full@example.org"}, false, []string{"552 5.2.2 mailbox full", "too large"}},
	} {
		_, err := send(t, request(t, "k", "scan", "pdf"), at.settings(c.to...))
		wantError(t, err, c.temporary, c.words...)
	}
	if n := len(at.all(t)); n != 0 {
		t.Errorf("%d messages went out", n)
	}
}

func TestGreylistingPasses(t *testing.T) {
	at := newServer(t, nil)
	r, s := request(t, "k", "scan", "pdf"), at.settings("grey@example.org", "good@example.org")
	_, err := send(t, r, s)
	wantError(t, err, true, "greylisted")
	if _, err := send(t, r, s); err != nil {
		t.Fatal(err)
	}
	at.only(t)
}

func TestEveryWayOfGettingIn(t *testing.T) {
	for name, c := range map[string]struct {
		server func(*serverConfig)
		change func(*Settings)
		want   string // of the error; empty: it goes through
	}{
		"implicit TLS":      {func(c *serverConfig) { c.TLS = "implicit" }, nil, ""},
		"no TLS here":       {func(c *serverConfig) { c.TLS = "none" }, nil, ""},
		"nobody asks":       {func(c *serverConfig) { c.User, c.Password = "", "" }, nil, ""},
		"plain":             {nil, func(s *Settings) { s.Auth = "plain" }, ""},
		"login":             {nil, func(s *Settings) { s.Auth = "login" }, ""},
		"cram":              {nil, func(s *Settings) { s.Auth = "cram-md5" }, ""},
		"cram only":         {func(c *serverConfig) { c.Without = []string{"PLAIN", "LOGIN"} }, nil, ""},
		"no scram there":    {nil, func(s *Settings) { s.Auth = "scram-sha-256" }, "offers"},
		"wrong password":    {nil, func(s *Settings) { s.Password = "x" }, "authentication as scans: 535"},
		"wrong cram":        {nil, func(s *Settings) { s.Auth, s.Password = "cram-md5", "x" }, "authentication as scans: 535"},
		"no STARTTLS":       {func(c *serverConfig) { c.TLS = "none" }, func(s *Settings) { s.TLS = "starttls" }, "does not offer STARTTLS"},
		"strange signer":    {nil, func(s *Settings) { s.CA = "" }, "certificate"},
		"strange, implicit": {func(c *serverConfig) { c.TLS = "implicit" }, func(s *Settings) { s.CA = "" }, "certificate"},
		"TLS too early":     {nil, func(s *Settings) { s.TLS = "implicit" }, "TLS"},
		"TLS missing":       {nil, func(s *Settings) { s.TLS, s.User, s.Password = "none", "", "" }, "530"},
	} {
		t.Run(name, func(t *testing.T) {
			at := newServer(t, c.server)
			s := at.settings("a@example.org")
			if c.change != nil {
				c.change(&s)
			}
			_, err := send(t, request(t, "k", "scan", "pdf"), s)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := at.only(t); got.User != s.User || got.TLS != (at.TLS != "none") {
					t.Errorf("user %q, TLS %v", got.User, got.TLS)
				}
				return
			}
			wantError(t, err, false, c.want)
			if n := len(at.all(t)); n != 0 {
				t.Errorf("%d messages went out", n)
			}
		})
	}
}

func TestAMessageThatIsTooLargeIsNotSent(t *testing.T) {
	at := newServer(t, func(c *serverConfig) { c.Size = 100_000 })
	_, err := send(t, request(t, "k", "scan", "pdf"), at.settings("a@example.org"))
	wantError(t, err, false, "than the 100 kB that "+at.address+" allows", "fewer kinds")
	s := at.settings("a@example.org")
	s.MaxMB = 1
	r := request(t, "k", "scan", "pdf")
	if err := os.Truncate(r.Files[0].Path, 800_000); err != nil {
		t.Fatal(err)
	}
	_, err = send(t, r, s)
	wantError(t, err, false, "a message of 1.1 MB is larger than the 1.0 MB that maxMB allows")
}

func TestNamesCannotWriteHeaders(t *testing.T) {
	at := newServer(t, nil)
	s := at.settings("a@example.org")
	s.Subject, s.Text = "{{.Name}} {{join .Kinds \"+\"}}", "{{.Name}}"
	evil := "x\r\nBcc: victim@example.org\r\n\r\n.\r\nMAIL FROM:<y>\u2028\u202e\x00"
	r := request(t, "k\r\nX-Key: y", evil, "pdf", "text")
	r.Job = "here\r\nX-Job: y"
	if _, err := send(t, r, s); err != nil {
		t.Fatal(err)
	}
	got := at.only(t)
	for name := range got.header {
		if name == "Bcc" || name == "X-Key" || name == "X-Job" || name == "Mail From" {
			t.Errorf("there is a header %s: %q", name, got.header[name])
		}
	}
	if want := "x Bcc: victim@example.org . MAIL FROM:<y> pdf+text"; got.subject(t) != want {
		t.Errorf("subject %q, want %q", got.subject(t), want)
	}
	if len(got.To) != 1 || len(got.attachments) != 2 || !strings.Contains(got.text, "\r\n.\r\n") {
		t.Errorf("to %v, attachments %v, text %q", got.To, got.media, got.text)
	}
}

func TestADamagedFileIsNotSent(t *testing.T) {
	at := newServer(t, nil)
	r := request(t, "k", "scan", "pdf")
	if err := os.WriteFile(r.Files[0].Path, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := send(t, r, at.settings("a@example.org")); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("error = %v", err)
	}
	if n := len(at.all(t)); n != 0 {
		t.Errorf("%d messages went out", n)
	}
}

func TestASilentServerIsLeftWithTheCall(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("nobody waits any more")
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			cancel(gone)
			<-t.Context().Done()
		}
	}()
	s := Settings{Server: l.Addr().String(), From: "a@example.org", To: []string{"b@example.org"}}
	m := &message{from: "a@example.org"}
	talk := &talk{settings: s, message: m}
	wantError(t, talk.explain(ctx, talk.run(ctx)), true, gone.Error())
}

func TestAServerThatCannotBeReachedIsNoReasonToGiveUp(t *testing.T) {
	address := ports.Keep(t)
	_, err := send(t, request(t, "k", "scan", "pdf"), Settings{Server: address, From: "a@example.org", To: []string{"b@example.org"}})
	wantError(t, err, true, address, "refused")
}
