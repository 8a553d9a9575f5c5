package egress

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddressesHaveOneForm(t *testing.T) {
	for in, want := range map[string]string{
		"api.example.com:443":       "api.example.com:443",
		"API.Example.COM.:443":      "api.example.com:443",
		"api.example.com:https":     "api.example.com:443",
		"bücher.example:443":        "xn--bcher-kva.example:443",
		"BÜCHER.example.:443":       "xn--bcher-kva.example:443",
		"ａｐｉ。example．com:80":        "api.example.com:80",
		"192.0.2.7:0443":            "192.0.2.7:443",
		"[::ffff:192.0.2.7]:80":     "192.0.2.7:80",
		"[2001:DB8:0:0::1]:22":      "[2001:db8::1]:22",
		"[0:0:0:0:0:ffff:7f00:1]:1": "127.0.0.1:1",
		"my_service:8080":           "my_service:8080",
	} {
		got, err := Parse(in)
		if err != nil || got.String() != want {
			t.Errorf("Parse(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	for _, in := range []string{
		"", ":80", "host", "host:", "host:0", "host:65536", "host:-1", "host:+80", "host:0x50", "host:https2", "a:b:80",
		"127.1:80", "127.0.1:80", "0x7f000001:80", "0X7F.1:80", "2130706433:80", "0177.0.0.1:80", "127.0.0.1.:80x", "1.2.3.4.5:80",
		"１２７.1:80", "127。1:80", "example.0x7f:80", "[::1%lo]:80", "[fe80::1%25eth0]:80", "[127.0.0.1:80", "[]:80", "..:80", ".a:80", "a..b:80",
		"user@host:80", "ho st:80", "host\x00:80", "host/path:80", "http://host:80", "a\r\nb:80", "%6c:80", "*:443", "*.example.com:443",
		strings.Repeat("a", 64) + ".example:80", strings.Repeat("abcdefg.", 40) + "example:80",
	} {
		if got, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, got)
		}
	}
}

func TestAuthorsAskForPublicHosts(t *testing.T) {
	for in, words := range map[string]string{
		"127.0.0.1:80": "loopback", "[::ffff:10.0.0.1]:80": "private", "169.254.169.254:80": "link-local", "[64:ff9b::a00:1]:80": "private",
		"api.example.com": "host:port", "https://api.example.com": "not a port",
	} {
		if _, err := OfAuthor(in); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("OfAuthor(%q): %v, want … %s …", in, err, words)
		}
	}
	if a, err := OfAuthor("api.example.com:443"); err != nil || a != (Address{"api.example.com", 443}) {
		t.Errorf("a good one: %v, %v", a, err)
	}
}

func TestOperatorsValuesAreUnderstood(t *testing.T) {
	for _, test := range []struct {
		in   string
		port uint16
		want string
	}{
		{"https://api.example.com/v1?x=1", 0, "api.example.com:443"},
		{"HTTP://NAS.lan", 0, "nas.lan:80"},
		{"https://nas.lan:8443/dav", 0, "nas.lan:8443"},
		{"https://user:secret@nas.lan/dav", 0, "nas.lan:443"},
		{"sftp://10.0.0.5/in", 0, "10.0.0.5:22"},
		{"ssh://[fd00::5]", 0, "[fd00::5]:22"},
		{"smtp://mail", 0, "mail:25"}, {"smtps://mail", 0, "mail:465"}, {"submission://mail", 0, "mail:587"},
		{"ftp://files", 0, "files:21"}, {"dav://files", 0, "files:80"}, {"davs://files", 0, "files:443"},
		{"mail.lan:587", 0, "mail.lan:587"}, {"mail.lan:submission", 25, "mail.lan:587"},
		{"mail.lan", 587, "mail.lan:587"}, {"fd00::5", 22, "[fd00::5]:22"}, {"[fd00::5]", 22, "[fd00::5]:22"}, {"custom://box", 99, "box:99"},
		{" 192.168.1.1:9000 ", 0, "192.168.1.1:9000"},
	} {
		got, err := OfValue(test.in, test.port)
		if err != nil || got.String() != test.want {
			t.Errorf("OfValue(%q, %d) = %v, %v, want %s", test.in, test.port, got, err, test.want)
		}
	}
	for in, words := range map[string]string{
		"mail.lan": "which port", "custom://box": "which port", "https://": "URL", "127.1": "four numbers", "http://0x7f000001/": "four numbers",
		"http://[fe80::1%25eth0]/": "interface", "": "not a host",
	} {
		if got, err := OfValue(in, 0); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("OfValue(%q) = %v, %v, want … %s …", in, got, err, words)
		}
	}
	if _, err := OfValue("custom://user:secret@", 0); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the password of a URL is told: %v", err)
	}
}

func TestHiddenAddresses(t *testing.T) {
	for _, in := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "127.0.0.1", "127.9.9.9", "100.64.0.1", "100.100.100.200", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.168.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
		"255.255.255.255", "168.63.129.16", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8%lo", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
		"2001:db8::1", "2001::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "3fff::1", "100::1", "5f00::1",
	} {
		if hidden(netip.MustParseAddr(in)) == "" {
			t.Errorf("%s passes for public", in)
		}
	}
	for _, in := range []string{"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8"} {
		if why := hidden(netip.MustParseAddr(in)); why != "" {
			t.Errorf("%s is taken for %s", in, why)
		}
	}
	if hidden(netip.Addr{}) == "" {
		t.Error("no address passes for public")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"api.example.com:443", "127.1:80", "[::ffff:1.2.3.4]:https", "ＡＰＩ。x:1", "bücher.:9", "https://a@b:1/c", "xn--a:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, read := range []func(string) (Address, error){Parse, OfAuthor, func(s string) (Address, error) { return OfValue(s, 1) }} {
			a, err := read(in)
			if err != nil {
				continue
			}
			again, err := Parse(a.String())
			if err != nil || again != a {
				t.Fatalf("%q gives %v, and that %v, %v", in, a, again, err)
			}
			if strings.ToLower(a.Host) != a.Host || a.Port == 0 {
				t.Fatalf("%q gives %+v", in, a)
			}
			if _, isIP := a.IP(); !isIP && strings.ContainsAny(a.Host, ":%/@ []\x00") {
				t.Fatalf("%q gives a name %q", in, a.Host)
			}
		}
	})
}
