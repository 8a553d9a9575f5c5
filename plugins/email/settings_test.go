package main

import (
	"strings"
	"testing"
)

func TestSettingsAreRefusedWithTheirPlace(t *testing.T) {
	good := Settings{Server: "mail.example.org:587", From: "a@example.org", To: []string{"b@example.org"}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Settings){
		`/server: "mail.example.org" is not`:     func(s *Settings) { s.Server = "mail.example.org" },
		`/server: "x:0"`:                         func(s *Settings) { s.Server = "x:0" },
		"/tls: ":                                 func(s *Settings) { s.TLS = "ssl" },
		"/ca: ":                                  func(s *Settings) { s.CA = "x" },
		"/hello: ":                               func(s *Settings) { s.Hello = "a\r\nb" },
		"/auth: \"ntlm\"":                        func(s *Settings) { s.Auth, s.User, s.Password = "ntlm", "u", "p" },
		"/user: is empty, and there is an auth":  func(s *Settings) { s.Auth = "plain" },
		"/password: ":                            func(s *Settings) { s.User = "u" },
		"/user: is empty, and there is a passwo": func(s *Settings) { s.Password = "p" },
		"/auth: plain without TLS":               func(s *Settings) { s.TLS, s.Auth, s.User, s.Password = "none", "plain", "u", "p" },
		"/from: ":                                func(s *Settings) { s.From = "nobody" },
		"/from: \"a@b\\r":                        func(s *Settings) { s.From = "a@b\r\nBcc: c@d" },
		"/to: there is nobody":                   func(s *Settings) { s.To = nil },
		"/to/1: ":                                func(s *Settings) { s.To = []string{"a@example.org", "\"a b\"@example.org"} },
		"/cc/0: ":                                func(s *Settings) { s.CC = []string{"a@example.org, b@example.org"} },
		"/bcc/0: ":                               func(s *Settings) { s.BCC = []string{"\"x>y\"@example.org"} },
		"/to: 101 recipients":                    func(s *Settings) { s.To = strings.Split(strings.Repeat("a@b.example ", 101)[:101*12-1], " ") },
		"/replyTo: ":                             func(s *Settings) { s.ReplyTo = "x" },
		"/subject: not a template:":              func(s *Settings) { s.Subject = "{{.Name" },
		"/text: not a template for documents:":   func(s *Settings) { s.Text = "{{.Pagez}}" },
		"/text: not a template for documents: makes more": func(s *Settings) { s.Text = "{{range 100000}}too long{{end}}" },
		"/maxMB: ": func(s *Settings) { s.MaxMB = 101 },
	} {
		s := good
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	d := Document{Name: "scan", Job: "j", Kinds: []string{"pdf", "text"}, Files: []FileInfo{{"scan.pdf", 999}, {"scan.txt", 1_234_567}}, Pages: 2}
	for text, want := range map[string]string{
		"{{.Name}}: {{join .Kinds \", \"}}": "scan: pdf, text",
		defaultText:                         "scan.pdf (999 bytes)\nscan.txt (1.2 MB)\n2 pages\n\nJob j\n",
	} {
		if got, err := fill(text, d); err != nil || got != want {
			t.Errorf("%q gives %q, %v, want %q", text, got, err, want)
		}
	}
	if got := oneLine(strings.Repeat("ü", 300)); len(got) > maxSubject+3 || !strings.HasSuffix(got, "ü…") {
		t.Errorf("subject of %d bytes", len(got))
	}
}

func TestThePasswordIsNotShownToReaders(t *testing.T) {
	for _, c := range []struct {
		offered, asked string
		private        bool
		want           string // empty: none
	}{
		{"LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256", "", true, "scram-sha-256"},
		{"LOGIN PLAIN CRAM-MD5", "", true, "plain"},
		{"LOGIN PLAIN CRAM-MD5", "", false, "cram-md5"},
		{"LOGIN PLAIN", "", false, ""},
		{"LOGIN PLAIN", "plain", false, ""},
		{"LOGIN PLAIN", "login", true, "login"},
		{"NTLM GSSAPI", "", true, ""},
	} {
		m, ok := choose(c.offered, c.asked, c.private)
		if m.name != c.want || ok != (c.want != "") {
			t.Errorf("of %q, asked for %q, private %v: %q, want %q", c.offered, c.asked, c.private, m.name, c.want)
		}
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("scan\r\nBcc: x")
	f.Add("\xff\u2028{{.Name}}")
	f.Fuzz(func(t *testing.T, name string) {
		d := example()
		d.Name = name
		s, err := fill(defaultSubject, d)
		if err != nil && len(name) < maxFilled {
			t.Fatal(err)
		}
		if line := oneLine(s); strings.ContainsAny(line, "\r\n\x00") || len(line) > maxSubject+3 {
			t.Errorf("subject %q", line)
		}
	})
}
