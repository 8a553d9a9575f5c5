package join

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// CodeCode is the code of the failure of a code that cannot be one.
const CodeCode = "pair-code"

// Code is what a person carries from one server to the other: where the primary listens
// for its peer, and the secret that both prove to have.
type Code struct {
	Host   string // IPv4, IPv6 or a name
	Port   uint16
	Secret [5]byte
}

// Bounds and parts of a code's bytes: a head, the port unless it is the default one, the
// host, the secret.
const (
	codeVersion = 1
	defaultPort = 8443
	maxHost     = 60  // bytes of a name
	maxTyped    = 512 // bytes of what is typed

	hostIPv4, hostIPv6, hostName = 0, 1, 2
	portFlag                     = 4
)

var validHost = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$`)

// NewCode makes a code with a new secret for an address, host:port.
func NewCode(address string) (Code, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return Code{}, fmt.Errorf("%q is not host:port", address)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return Code{}, fmt.Errorf("%q has no port that can be", address)
	}
	c := Code{Host: strings.ToLower(strings.TrimSuffix(host, ".")), Port: uint16(n)}
	if ip, err := netip.ParseAddr(c.Host); err == nil {
		if ip = ip.Unmap(); ip.IsUnspecified() || ip.Zone() != "" {
			return Code{}, fmt.Errorf("%s is not an address under which another server reaches this one", host)
		}
		c.Host = ip.String()
	} else if len(c.Host) > maxHost || !validHost.MatchString(c.Host) {
		return Code{}, fmt.Errorf("%q is no name of a host of at most %d letters, digits, dots and dashes", host, maxHost)
	}
	_, err = rand.Read(c.Secret[:])
	return c, err
}

// Address is host:port.
func (c Code) Address() string { return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) }

// String is the code as people type it: groups of five, dashes between.
func (c Code) String() string { return spell(c.pack()) }

func (c Code) pack() []byte {
	kind, host := byte(hostName), append([]byte{byte(len(c.Host))}, c.Host...)
	if ip, err := netip.ParseAddr(c.Host); err == nil {
		kind, host = hostIPv6, ip.AsSlice()
		if ip.Is4() {
			kind = hostIPv4
		}
	}
	b := []byte{codeVersion<<4 | kind}
	if c.Port != defaultPort {
		b[0] |= portFlag
		b = binary.BigEndian.AppendUint16(b, c.Port)
	}
	return append(append(b, host...), c.Secret[:]...)
}

// ParseCode reads what a person typed: in any case, O for 0 and I or L for 1, with or
// without separators. What is mistyped is told by its group, without asking anybody.
func ParseCode(typed string) (Code, error) {
	b, err := unspell(typed)
	if err != nil {
		return Code{}, err
	}
	c, err := unpack(b)
	if err != nil {
		return Code{}, badCode("%v", err)
	}
	return c, nil
}

func badCode(format string, a ...any) error {
	return core.Refuse(CodeCode, `type it once more as "twinleaf pair init" shows it on the other server`, format, a...)
}

// unpack reads the bytes of a code. What follows the secret is no more than zeros that
// fill up the last group.
func unpack(b []byte) (c Code, err error) {
	r := reader{rest: b}
	head := r.next(1)[0]
	if head>>4 != codeVersion || head&8 != 0 {
		return c, fmt.Errorf("the code is of another version of Twinleaf: install the same version on both servers")
	}
	c.Port = defaultPort
	if head&portFlag != 0 {
		c.Port = binary.BigEndian.Uint16(r.next(2))
	}
	size := map[byte]int{hostIPv4: 4, hostIPv6: 16}[head&3]
	if head&3 >= hostName {
		size = int(r.next(1)[0])
	}
	host := r.next(size)
	copy(c.Secret[:], r.next(len(c.Secret)))
	if r.short {
		return c, fmt.Errorf("the code is not complete: groups are missing at its end")
	}
	if ip, ok := netip.AddrFromSlice(host); ok && head&3 < hostName {
		c.Host = ip.String()
	} else {
		c.Host = string(host)
	}
	if again, err := NewCode(c.Address()); err != nil || again.Host != c.Host {
		return c, fmt.Errorf("the code names no address of a server")
	}
	if spell(c.pack()) != spell(b) {
		return c, fmt.Errorf("the code is too long: something follows its end")
	}
	return c, nil
}

// reader takes bytes from the front. Where there are too few, it gives zeros.
type reader struct {
	rest  []byte
	short bool // there were too few
}

func (r *reader) next(n int) []byte {
	out := make([]byte, n)
	if n > len(r.rest) {
		r.rest, r.short = nil, true
		return out
	}
	copy(out, r.rest)
	r.rest = r.rest[n:]
	return out
}
