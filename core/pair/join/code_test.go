package join

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

func sampleCode(t testing.TB, address string) Code {
	t.Helper()
	c, err := NewCode(address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACodeComesBackFromWhatIsTyped(t *testing.T) {
	for address, groups := range map[string]int{
		"192.0.2.7:8443": 4, "192.0.2.7:9000": 5, "[2001:db8::1]:8443": 9, "[2001:db8::1]:1": 10, "[::ffff:192.0.2.7]:8443": 4,
		"north.example.org:8443": 10, "N:8443": 4, "localhost:65535": 8,
	} {
		c := sampleCode(t, address)
		text := c.String()
		if got := strings.Count(text, "-") + 1; got != groups {
			t.Errorf("%s: %s has %d groups, want %d", address, text, got, groups)
		}
		if !regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{5}(-|$))+$`).MatchString(text) {
			t.Errorf("%s: %s is not in groups of five", address, text)
		}
		for _, typed := range []string{
			text, strings.ToLower(text), strings.ReplaceAll(text, "-", ""), strings.ReplaceAll(text, "-", " "), " " + strings.ReplaceAll(text, "-", " – ") + "\n",
			strings.NewReplacer("0", "o", "1", "l").Replace(text), strings.NewReplacer("0", "O", "1", "I").Replace(text),
		} {
			got, err := ParseCode(typed)
			if err != nil || got != c {
				t.Errorf("%s typed %q: got %+v %v, want %+v", address, typed, got, err, c)
			}
		}
	}
}

func TestACodeKeepsTheAddress(t *testing.T) {
	for address, want := range map[string]string{"North.Example.org.:8443": "north.example.org:8443", "[2001:DB8:0::1]:80": "[2001:db8::1]:80"} {
		if got := sampleCode(t, address).Address(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if a, b := sampleCode(t, "n:1"), sampleCode(t, "n:1"); a.Secret == b.Secret {
		t.Error("two codes have one secret")
	}
}

func TestAnAddressThatNobodyReachesMakesNoCode(t *testing.T) {
	for _, address := range []string{"", "north", "north:0", "north:x", "north:65536", ":8443", "0.0.0.0:8443", "[::]:8443", "[fe80::1%eth0]:8443", "no/rth:1", "-n:1", strings.Repeat("n", 61) + ":1"} {
		if c, err := NewCode(address); err == nil {
			t.Errorf("%q makes the code %s", address, c)
		}
	}
}

// Every single wrong character and every two that were exchanged are told, by the group.
func TestAMistypedCodeIsToldByItsGroup(t *testing.T) {
	text := Code{"192.0.2.7", 9000, [5]byte{1, 2, 3, 4, 5}}.String()
	for at := range text {
		if text[at] == '-' {
			continue
		}
		group := at/6 + 1
		for _, c := range alphabet {
			if byte(c) != text[at] {
				says(t, text, wrongCode(text[:at]+string(c)+text[at+1:]), CodeCode, "group "+string(rune('0'+group))+" (")
			}
		}
		for other := at + 1; other < len(text) && text[other] != '-'; other++ {
			if text[other] != text[at] {
				b := []byte(text)
				b[at], b[other] = b[other], b[at]
				says(t, string(b), wrongCode(string(b)), CodeCode, "group "+string(rune('0'+group))+" (")
			}
		}
	}
}

func wrongCode(typed string) error {
	_, err := ParseCode(typed)
	return err
}

func TestWhatIsNoCodeIsToldWithoutAnyNetwork(t *testing.T) {
	text := Code{"192.0.2.7", 9000, [5]byte{1, 2, 3, 4, 5}}.String()
	g := strings.Split(text, "-")
	for typed, want := range map[string]string{
		"":                                      "there is no code",
		" - ":                                   "there is no code",
		g[1] + "-" + g[0]:                       "group 1 (",
		strings.Join(g[:4], "-"):                "groups are missing at its end",
		text + "-" + text:                       "mistyped: look at group 6",
		text + spellGroup(5):                    "something follows its end",
		g[0] + "-" + g[1][:4] + "-" + g[2]:      "group 2 (" + g[1][:4] + ") of the code has 4 characters, not 5",
		strings.ReplaceAll(text, "-", "") + "0": "made of groups of 5",
		"U" + text[1:]:                          `'U' in group 1`,
		text[:12] + "*" + text[13:]:             `'*' in group 3`,
		"é" + text:                              `'É' in group 1`,
		strings.Repeat("A", 513):                "it has 513 characters",
		spell([]byte{0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9}): "another version",
		spell([]byte{0x18, 1, 2, 3, 4, 5, 6, 7, 8, 9}): "another version",
		spell([]byte{0x10, 0, 0, 0, 0, 5, 6, 7, 8, 9}): "no address",
		spell([]byte{0x12, 0, 5, 6, 7, 8, 9}):          "no address",
		spell([]byte{0x12, 1, '/', 5, 6, 7, 8, 9}):     "no address",
		spell([]byte{0x12, 200, 'a', 5, 6, 7, 8, 9}):   "groups are missing",
	} {
		says(t, typed, wrongCode(typed), CodeCode, want)
	}
}

// spellGroup is a group of zeros in the n-th place.
func spellGroup(n int) string { return "-0000" + string(alphabet[check([4]byte{}, n)]) }

// Whatever is typed, ParseCode ends; what it takes is spelled as it was typed.
func FuzzParseCode(f *testing.F) {
	for _, a := range []string{"192.0.2.7:8443", "[2001:db8::1]:1", "north.example.org:8443"} {
		f.Add(sampleCode(f, a).String())
	}
	f.Add("00000-00000")
	f.Fuzz(func(t *testing.T, typed string) {
		c, err := ParseCode(typed)
		if err != nil {
			if core.AsFailure(err).Code != CodeCode {
				t.Errorf("%q: %v", typed, err)
			}
			return
		}
		again, err := ParseCode(c.String())
		if err != nil || again != c {
			t.Errorf("%q is %+v, and that is %+v (%v)", typed, c, again, err)
		}
	})
}

func proposalText(t testing.TB) []byte {
	t.Helper()
	i := newIssuer(t)
	p := Proposal{
		Format: Format, Protocol: 1, Product: "1.0", Licence: i.issue(t, nil, northKey), Cores: 4, MACs: []string{northMAC}, SealKey: digest(1),
		Pair: &Member{"p1", "south-2345"}, Settings: []Setting{{"a", 1, digest(1)}, {"b", 2, ""}},
	}
	p.Server.ID, p.Server.Fingerprint, p.Server.Addresses = "north-2345", digest(2), []string{"north:8443"}
	p.Manifest.Format = 1
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAProposalThatCannotBeIsRefused(t *testing.T) {
	good := proposalText(t)
	if _, err := DecodeProposal(bytes.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(map[string]any){
		"knows form 1":            func(m map[string]any) { m["format"] = 2; m["new"] = 1 },
		"no proposal":             func(m map[string]any) { delete(m, "format") },
		"unknown field":           func(m map[string]any) { m["new"] = 1 },
		"cannot be the id":        func(m map[string]any) { m["server"].(map[string]any)["id"] = "a b" },
		"no fingerprint":          func(m map[string]any) { m["server"].(map[string]any)["fingerprint"] = "a" },
		"0 addresses":             func(m map[string]any) { m["server"].(map[string]any)["addresses"] = nil },
		"no plain text":           func(m map[string]any) { m["server"].(map[string]any)["name"] = "\x1b[2J" },
		"201 MAC addresses":       func(m map[string]any) { m["macs"] = make([]string, 201) },
		"a licence of":            func(m map[string]any) { m["licence"] = make([]byte, maxLicence+1) },
		"-1 cores":                func(m map[string]any) { m["cores"] = -1 },
		"a pair that cannot be":   func(m map[string]any) { m["pair"] = map[string]any{"pair": "", "peer": "a"} },
		"named twice":             func(m map[string]any) { s := m["settings"].([]any); m["settings"] = append(s, s[0]) },
		"the setting":             func(m map[string]any) { m["settings"].([]any)[0].(map[string]any)["digest"] = "x" },
		"manifest: form 7":        func(m map[string]any) { m["manifest"].(map[string]any)["format"] = 7 },
		"more than 12582912 byte": func(m map[string]any) { m["product"] = strings.Repeat("x", maxProposal) },
	} {
		var m map[string]any
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeProposal(bytes.NewReader(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want … %s …", err, want)
		}
	}
	if _, err := DecodeProposal(bytes.NewReader(append(bytes.Clone(good), '1'))); err == nil {
		t.Error("something follows the proposal")
	}
}

// Whatever another server sends, what is taken passes Check.
func FuzzDecodeProposal(f *testing.F) {
	f.Add(proposalText(f))
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := DecodeProposal(bytes.NewReader(raw))
		if err == nil && p.Check() != nil {
			t.Errorf("%q was taken: %v", raw, p.Check())
		}
	})
}
