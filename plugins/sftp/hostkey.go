package main

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// hostKeys are the keys that a server may show.
type hostKeys struct {
	prints []string // SHA256:…
	types  []string // of those that are known in full
}

// parseHostKeys reads fingerprints, public keys and lines of known_hosts. The host
// names in a line do not count: the setting belongs to one address.
func parseHostKeys(text string) (hostKeys, error) {
	var keys hostKeys
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if print, ok := strings.CutPrefix(line, "SHA256:"); ok {
			sum, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(print, "="))
			if err != nil || len(sum) != sha256.Size || strings.ContainsAny(print, "\r\n") { // which base64 passes over
				return hostKeys{}, fmt.Errorf("%.80q is not a fingerprint as ssh-keygen -l prints it", line)
			}
			keys.prints = append(keys.prints, "SHA256:"+base64.RawStdEncoding.EncodeToString(sum))
			continue
		}
		key, err := parseKeyLine(line)
		if err != nil {
			return hostKeys{}, err
		}
		keys.prints = append(keys.prints, ssh.FingerprintSHA256(key))
		keys.types = append(keys.types, key.Type())
	}
	return keys, nil
}

// parseKeyLine reads "ssh-ed25519 AAAA…" and "host ssh-ed25519 AAAA…".
func parseKeyLine(line string) (ssh.PublicKey, error) {
	if marker, _, key, _, _, err := ssh.ParseKnownHosts([]byte(line)); err == nil {
		if marker != "" {
			return nil, fmt.Errorf("a line that begins with @%s is not supported; give the host's own key", marker)
		}
		return key, nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, fmt.Errorf("%.80q is neither a fingerprint SHA256:… nor a line of known_hosts; ssh-keyscan prints such lines", line)
	}
	return key, nil
}

// families are the kinds of host keys, the preferred first, with the algorithms that
// ask a server for each. One connection shows one key.
var families = [][]string{
	{ssh.KeyAlgoED25519},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521},
	{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512},
}

// wanted gives the families worth asking for: where all keys are known in full, only
// theirs.
func (k hostKeys) wanted() [][]string {
	if len(k.types) == 0 || len(k.types) < len(k.prints) {
		return families
	}
	var out [][]string
	for _, f := range families {
		if slices.ContainsFunc(k.types, func(t string) bool {
			return slices.Contains(f, t) || t == ssh.KeyAlgoRSA && slices.Contains(f, ssh.KeyAlgoRSASHA256)
		}) {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return families
	}
	return out
}

// wrongKeyError says that the server showed other keys than the settings name.
type wrongKeyError struct {
	named bool     // the settings name any
	shown []string // "ssh-ed25519 SHA256:…"
}

func (e *wrongKeyError) Error() string {
	shown := strings.Join(e.shown, ", ")
	if !e.named {
		return "the settings name no hostKey; the server shows " + shown
	}
	return "the server's host key is not the one in the settings; it shows " + shown
}

// check is told of every key that the server shows.
func (k hostKeys) check(seen *wrongKeyError) ssh.HostKeyCallback {
	seen.named = len(k.prints) > 0
	return func(_ string, _ net.Addr, key ssh.PublicKey) error {
		print := ssh.FingerprintSHA256(key)
		if slices.Contains(k.prints, print) {
			return nil
		}
		seen.shown = append(seen.shown, key.Type()+" "+print)
		return errUnknownKey
	}
}

var errUnknownKey = errors.New("unknown host key")
