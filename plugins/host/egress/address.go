package egress

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is a host and a port in the one form in which they are compared: a name in
// lower case and ASCII without a dot at its end, or an IP address as [netip] writes it,
// an IPv4 address never dressed as IPv6.
type Address struct {
	Host string
	Port uint16
}

// High is the port of an [Address] that stands for all ports from 1024 on, those that any
// program may listen on. An operator can grant it; nobody dials it.
const (
	High      = 0
	firstHigh = 1024
)

// String is the address as one dials it.
func (a Address) String() string {
	port := strconv.Itoa(int(a.Port))
	if a.Port == High {
		port = strconv.Itoa(firstHigh) + "-65535"
	}
	return net.JoinHostPort(a.Host, port)
}

// IP is the host where that is an address and no name.
func (a Address) IP() (netip.Addr, bool) {
	ip, err := netip.ParseAddr(a.Host)
	return ip, err == nil
}

// Parse reads host:port. The port is a number or a scheme such as https.
func Parse(s string) (Address, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Address{}, fmt.Errorf("%s is not host:port", quote(s))
	}
	return address(host, port)
}

// OfAuthor reads an entry of a manifest's net permissions: host:port, where the host may
// well be public.
func OfAuthor(s string) (Address, error) {
	a, err := Parse(s)
	if err != nil {
		return a, err
	}
	if ip, ok := a.IP(); ok {
		if why := hidden(ip); why != "" {
			return a, fmt.Errorf("%s is %s; a plug-in's author can ask for public hosts only", a, why)
		}
	}
	return a, nil
}

// OfValue reads an operator's own value: a URL, host:port, or a host alone, which takes
// the port that is given for that; 0 says that there is none.
func OfValue(value string, port uint16) (Address, error) {
	value = strings.TrimSpace(value)
	if strings.Contains(value, "://") {
		return ofURL(value, port)
	}
	if a, err := Parse(value); err == nil {
		return a, nil
	}
	host, err := canonical(strings.TrimSuffix(strings.TrimPrefix(value, "["), "]"))
	if err != nil {
		return Address{}, err
	}
	if port == 0 {
		return Address{}, fmt.Errorf("%s does not say which port: write host:port or a URL", quote(value))
	}
	return Address{host, port}, nil
}

func ofURL(value string, port uint16) (Address, error) {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return Address{}, fmt.Errorf("%s is not a URL with a host", quote(withoutUser(value)))
	}
	if named := u.Port(); named != "" {
		return address(u.Hostname(), named)
	}
	if known := schemePort(u.Scheme); known != 0 {
		port = known
	}
	if port == 0 {
		return Address{}, fmt.Errorf("%s does not say which port", quote(u.Redacted()))
	}
	host, err := canonical(u.Hostname())
	return Address{host, port}, err
}

// withoutUser keeps a password out of an error.
func withoutUser(value string) string {
	if i := strings.LastIndex(value, "@"); i >= 0 {
		return "…" + value[i:]
	}
	return value
}

func address(host, port string) (Address, error) {
	name, err := canonical(host)
	if err != nil {
		return Address{}, err
	}
	n, err := portOf(port)
	return Address{name, n}, err
}

func portOf(s string) (uint16, error) {
	if n := schemePort(s); n != 0 {
		return n, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || strings.TrimLeft(s, "0123456789") != "" {
		return 0, fmt.Errorf("%s is not a port", quote(s))
	}
	return uint16(n), nil
}

// schemePort is the port of a URL's scheme, 0 if that is not known.
func schemePort(scheme string) uint16 {
	switch strings.ToLower(scheme) {
	case "http", "ws", "dav", "webdav":
		return 80
	case "https", "wss", "davs", "webdavs", "s3":
		return 443
	case "ssh", "sftp", "scp":
		return 22
	case "ftp":
		return 21
	case "ftps":
		return 990
	case "smtp":
		return 25
	case "smtps", "submissions":
		return 465
	case "submission":
		return 587
	}
	return 0
}

// maxHost is the longest host name of the DNS in bytes.
const maxHost = 253

// canonical gives a host the form in which hosts are compared. What a resolver might
// take for an address although it is not written as one (127.1, 0x7f000001) is refused.
func canonical(host string) (string, error) {
	if host == "" || len(host) > 4*maxHost || !utf8.ValidString(host) {
		return "", fmt.Errorf("%s is not a host", quote(host))
	}
	if ip, err := literal(host); err != nil || ip != "" {
		return ip, err
	}
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))
	name, err := profile.ToASCII(host)
	if err != nil {
		return "", fmt.Errorf("%s is not a host: %w", quote(host), err)
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ip, err := literal(name); err != nil || ip != "" {
		return ip, err
	}
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("%s is not a host: %w", quote(host), err)
	}
	return name, nil
}

// literal gives an IP address its one form, and "" for what is none.
func literal(host string) (string, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "", nil // a name
	}
	if ip.Zone() != "" {
		return "", fmt.Errorf("%s names a network interface, which no grant can", quote(host))
	}
	return ip.Unmap().String(), nil
}

func checkName(name string) error {
	if name == "" || len(name) > maxHost {
		return errors.New("too short or too long")
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return errors.New("a part of its name is too short or too long")
		}
		if strings.ContainsFunc(label, odd) {
			return errors.New("a name has letters, digits, dashes and dots")
		}
	}
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == "" {
		return errors.New("an IPv4 address is written as four numbers, like 192.0.2.1")
	}
	return nil
}

func odd(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// quote makes foreign words fit for people.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(s, "?"))
}
