package host

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// maxHandshake bounds the one line that a plug-in says before the protocol.
const maxHandshake = 4096

// handshake checks the line that a plug-in prints when it is ready, and gives
// the line that go-plugin may see and the socket that it names. A plug-in can name
// nothing but a socket in dir, and cannot bring a certificate.
func handshake(line, dir string) (clean, socket string, err error) {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 5 || len(parts) > 7 {
		return "", "", fmt.Errorf("the first line on its standard output is no handshake: %s; nothing may be printed before it", quote(line))
	}
	core, generation, network, address, protocol := parts[0], parts[1], parts[2], parts[3], parts[4]
	switch {
	case core != "1":
		return "", "", fmt.Errorf("core protocol %s instead of 1", quote(core))
	case !speaks(generation):
		return "", "", fmt.Errorf("it speaks generation %s, this host up to %d", quote(generation), pluginv2.Generation)
	case network != "unix":
		return "", "", fmt.Errorf("it listens on %s, not on a unix socket", quote(network))
	case protocol != "grpc":
		return "", "", fmt.Errorf("it speaks %s, not grpc", quote(protocol))
	case filepath.Clean(address) != address || filepath.Dir(address) != dir:
		return "", "", fmt.Errorf("its socket %s is outside the folder that it was given", quote(address))
	}
	return strings.Join(parts[:5], "|"), address, nil
}

// quote makes foreign words fit for a log and for people.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(s, "?"))
}
