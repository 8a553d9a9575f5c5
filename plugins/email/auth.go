package main

import (
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// mechanism is a way of proving who we are.
type mechanism struct {
	name     string // as settings call it; the protocol's is upper case
	readable bool   // who reads the connection reads the password
	make     func(user, password, host string) smtp.Auth
}

// mechanisms, the best first.
func mechanisms() []mechanism {
	return []mechanism{
		{"scram-sha-256", false, func(u, p, _ string) smtp.Auth { return smtp.ScramSHA256Auth(u, p) }},
		{"scram-sha-1", false, func(u, p, _ string) smtp.Auth { return smtp.ScramSHA1Auth(u, p) }},
		{"plain", true, func(u, p, host string) smtp.Auth { return smtp.PlainAuth("", u, p, host, false) }},
		{"login", true, func(u, p, host string) smtp.Auth { return smtp.LoginAuth(u, p, host, false) }},
		{"cram-md5", false, func(u, p, _ string) smtp.Auth { return smtp.CRAMMD5Auth(u, p) }},
	}
}

func mechanismNames() (names []string) {
	for _, m := range mechanisms() {
		names = append(names, m.name)
	}
	return names
}

func mechanismOf(name string) (mechanism, bool) {
	for _, m := range mechanisms() {
		if m.name == name {
			return m, true
		}
	}
	return mechanism{}, false
}

// choose picks the mechanism that is asked for, or the best, of those in the server's
// list. Where others may be reading, the readable ones do not count.
func choose(offered, asked string, private bool) (mechanism, bool) {
	list := strings.Fields(strings.ToLower(offered))
	for _, m := range mechanisms() {
		if (asked == "" || asked == m.name) && slices.Contains(list, m.name) && (private || !m.readable) {
			return m, true
		}
	}
	return mechanism{}, false
}
