package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	joinpair "github.com/twinleaf-scan/twinleaf/core/pair/join"
	"github.com/twinleaf-scan/twinleaf/core/secret"
)

// propose writes down what this server is for one with which it is to form a pair, as it
// is reached from there.
func (m *membership) propose(ctx context.Context, self *identity.Identity, address string) (joinpair.Proposal, error) {
	e, err := m.live.get()
	if err != nil {
		return joinpair.Proposal{}, err
	}
	manifest, err := takeManifest(ctx, m.config, e.host, e.pipe.Journaled(), false)
	if err != nil {
		return joinpair.Proposal{}, err
	}
	manifest.Server.ID = self.ID
	licence, err := m.license.file()
	if err != nil {
		return joinpair.Proposal{}, err
	}
	key, err := secret.Load(m.config.Data, os.Getenv)
	if err != nil {
		return joinpair.Proposal{}, err
	}
	on := m.license.machine()
	return joinpair.Proposal{
		Protocol: pairProtocol, Product: version,
		Server: identity.Peer{
			ID: self.ID, Name: self.Name, Fingerprint: self.Fingerprint,
			Addresses: []string{address}, URL: publicURL(m.config, address),
		},
		Licence: licence, Cores: on.cores, MACs: on.macs,
		Manifest: manifest, Settings: proposedSettings(e.pipe.Revised()),
		SealKey: key.Digest(), SealFixed: secret.Fixed(os.Getenv),
	}, nil
}

// proposedSettings names every setting that was ever set, with a digest for its value.
func proposedSettings(list []core.Setting) []joinpair.Setting {
	all := []joinpair.Setting{}
	for _, s := range list {
		out := joinpair.Setting{Key: s.Key, Revision: s.Revision}
		if len(s.Value) > 0 {
			sum := sha256.Sum256(s.Value)
			out.Digest = hex.EncodeToString(sum[:])
		}
		all = append(all, out)
	}
	return all
}

// file is the licence in force as it was signed; nil: there is none.
func (l *licensing) file() ([]byte, error) {
	signed, err := l.active()
	if errors.Is(err, license.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	shelf, err := l.open()
	if err != nil {
		return nil, err
	}
	return shelf.File(signed.Key)
}

// trusted are the public keys of whose licences count here.
func (l *licensing) trusted() ([]string, error) {
	shelf, err := l.open()
	if err != nil {
		return nil, err
	}
	return shelf.Trusted()
}

// peerAddress is host:port under which another server reaches this one's listener: as it is
// configured, where it listens, or the address of this host on the way to the other one.
func peerAddress(c config, toward string) (string, error) {
	if c.Pair.Address != "" {
		return c.Pair.Address, nil
	}
	host, port, err := net.SplitHostPort(c.Pair.Listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return c.Pair.Listen, nil
	}
	if host = ownAddress(toward); host == "" {
		return "", core.Refuse(core.CodeBadRequest, "write pair: {address: HOST:PORT} into the configuration, as the other server reaches this one",
			"it is not known at which address another server reaches this one")
	}
	return net.JoinHostPort(host, port), nil
}

// anywhere is an address far away, of a network that documents are written with.
const anywhere = "192.0.2.1:9"

// ownAddress is the address from which this host would send to another one; empty: it
// sends nowhere. Nothing is sent.
func ownAddress(toward string) string {
	conn, err := net.Dial("udp", cmp.Or(toward, anywhere))
	if err != nil {
		return ""
	}
	defer conn.Close() // nothing was sent
	a, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return ""
	}
	return a.IP.String()
}

// publicURL is under which clients reach this server: as it is configured, or where the web
// service listens. One that listens everywhere is reached as its peer reaches it.
func publicURL(c config, address string) string {
	if c.Pair.URL != "" {
		return c.Pair.URL
	}
	scheme := "http://"
	if c.Web.TLSCert != "" {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(cmp.Or(c.Web.Listen, strings.TrimPrefix(defaultServer, "http://")))
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, _, err = net.SplitHostPort(address); err != nil {
			return ""
		}
	}
	return scheme + net.JoinHostPort(host, port)
}
