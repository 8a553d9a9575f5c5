package egress

import "net/netip"

// hidden says what kind of address ip is when it is not one of the public internet, and
// "" when it is. The kinds are those of the IANA special-purpose registries; in doubt an
// address is hidden.
func hidden(ip netip.Addr) string {
	if ip.Zone() != "" {
		return "no plain address"
	}
	ip = ip.Unmap()
	if v4, ok := embedded(ip); ok {
		return hidden(v4)
	}
	switch {
	case !ip.IsValid():
		return "no plain address"
	case ip.IsUnspecified():
		return "the unspecified address"
	case ip.IsLoopback():
		return "a loopback address"
	case ip.IsLinkLocalUnicast():
		return "a link-local address"
	case ip.IsMulticast():
		return "a multicast address"
	case ip.IsPrivate():
		return "a private address"
	}
	for kind, blocks := range special() {
		for _, block := range blocks {
			if block.Contains(ip) {
				return kind
			}
		}
	}
	if ip.Is6() && !netip.MustParsePrefix("2000::/3").Contains(ip) {
		return "an address outside the public internet"
	}
	return ""
}

// embedded is the IPv4 address that a translator (RFC 6052) would connect to.
func embedded(ip netip.Addr) (netip.Addr, bool) {
	if !netip.MustParsePrefix("64:ff9b::/96").Contains(ip) {
		return netip.Addr{}, false
	}
	raw := ip.As16()
	return netip.AddrFrom4([4]byte(raw[12:])), true
}

// special are the blocks, by kind, that the methods of [netip.Addr] do not tell.
func special() map[string][]netip.Prefix {
	p := func(all ...string) (out []netip.Prefix) {
		for _, s := range all {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	return map[string][]netip.Prefix{
		"an address of a carrier's inner network": p("100.64.0.0/10"),
		"a metadata address of a cloud":           p("168.63.129.16/32"),
		"a reserved address": p("0.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4",
			"2001::/23", "2002::/16"), // the last two may carry an IPv4 address to a tunnel's end
		"an address for documentation": p("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
		"an address for benchmarks":    p("198.18.0.0/15"),
	}
}
