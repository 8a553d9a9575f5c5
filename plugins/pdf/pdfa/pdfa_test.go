package pdfa

import (
	"bytes"
	"compress/zlib"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMetadataSurvivesAnyTitle(t *testing.T) {
	for _, title := range []string{"", "plain", "a <b> & \"c\"", "ünï 文書 😀", "bell\a\x00nul", strings.Repeat("x", 5000), "\xff\xfe", "a\nb"} {
		m := Meta{Title: title, Time: time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), Level: A2u}
		packet := m.XMP()
		d := xml.NewDecoder(bytes.NewReader(packet))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("title %q: %v", title, err)
				break
			}
		}
		if !strings.Contains(string(packet), "2024-01-02T02:04:05+00:00") {
			t.Errorf("title %q: the time is not UTC in %s", title, packet)
		}
	}
}

func TestProfilesMeanWhatTheySay(t *testing.T) {
	if _, err := exec.LookPath("transicc"); err != nil {
		t.Skip("transicc is not installed (Debian: liblcms2-utils)")
	}
	path := filepath.Join(t.TempDir(), "p.icc")
	tests := []struct {
		name    string
		profile []byte
		in      string
		want    [3]float64 // sRGB, 0 to 255
	}{
		{"sRGB red", SRGB(), "255\n0\n0\n", [3]float64{255, 0, 0}},
		{"sRGB brown", SRGB(), "128\n64\n32\n", [3]float64{128, 64, 32}},
		{"no ink", CMYK(), "0\n0\n0\n0\n", [3]float64{255, 255, 255}},
		{"black", CMYK(), "0\n0\n0\n100\n", [3]float64{0, 0, 0}},
		{"cyan", CMYK(), "100\n0\n0\n0\n", [3]float64{0, 255, 255}},
		{"half black", CMYK(), "0\n0\n0\n50\n", [3]float64{127.5, 127.5, 127.5}},
	}
	for _, tt := range tests {
		if err := os.WriteFile(path, tt.profile, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("transicc", "-i", path, "-o", "*sRGB", "-n", "-t", "1")
		cmd.Stdin = strings.NewReader(tt.in)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("transicc: %v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		var got [3]float64
		if _, err := fmt.Sscan(lines[len(lines)-1], &got[0], &got[1], &got[2]); err != nil {
			t.Fatalf("transicc says %q: %v", out, err)
		}
		for i := range got {
			if math.Abs(got[i]-tt.want[i]) > 1 {
				t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
				break
			}
		}
	}
}

func TestProfilesAreValidAndSmall(t *testing.T) {
	for _, tt := range []struct {
		name       string
		data       []byte
		components int
		limit      int // deflated
	}{{"sRGB", SRGB(), 3, 2400}, {"CMYK", CMYK(), 4, 35000}} {
		p, ok := ParseProfile(tt.data)
		if !ok || p.Components != tt.components || !A1b.Allows(p) {
			t.Errorf("%s: profile %+v, ok %v", tt.name, p, ok)
		}
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		if _, err := z.Write(tt.data); err != nil {
			t.Fatal(err)
		}
		z.Close()
		t.Logf("%s: %d bytes, %d deflated", tt.name, len(tt.data), b.Len())
		if b.Len() > tt.limit {
			t.Errorf("%s: %d bytes deflated, want at most %d", tt.name, b.Len(), tt.limit)
		}
	}
}

func TestForeignProfilesAreLookedAt(t *testing.T) {
	good := SRGB()
	change := func(at int, v ...byte) []byte {
		p := bytes.Clone(good)
		copy(p[at:], v)
		return p
	}
	for name, p := range map[string][]byte{"empty": nil, "short": good[:100], "cut": good[:500], "mark": change(36, 'x'),
		"version 5": change(8, 5), "device link": change(12, []byte("link")...), "unknown space": change(16, []byte("5CLR")...)} {
		if got, ok := ParseProfile(p); ok {
			t.Errorf("%s is taken: %+v", name, got)
		}
	}
}
