package parity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// any1 is one of some words.
func any1(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// some is a random server that has an engine.
func some(r *rand.Rand) Manifest {
	m := server()
	m.Product, m.Zone, m.Platform = any1(r, "1.4.0", "1.5.0"), any1(r, "UTC", "Europe/Berlin"), any1(r, "linux/amd64", "linux/arm64")
	m.Clock, m.Cores, m.MemoryMB = noon.Add(time.Duration(r.IntN(4000))*time.Millisecond), 1+r.IntN(3), int64(1000+r.IntN(100))
	m.Plugins, m.Settings = nil, []Setting{}
	for _, name := range []string{"tesseract", "pdf", "image", "leptonica", "a", "b", "c", "d"} {
		if name != "tesseract" && r.IntN(3) == 0 {
			continue
		}
		m.Plugins = append(m.Plugins, Plugin{
			Name: name, Version: any1(r, "1.0.0", "1.2.0", "2.0.0"), Kinds: []string{any1(r, "reader", "filter", "recognizer", "assembler")},
			Protocol: 1 + r.IntN(2), Digest: any1(r, "h1:a", "h1:b"), Signer: any1(r, "", "office+00000001"),
			Permissions: any1(r, "none", "memory:256"), Schema: any1(r, "s1", "s2"), Form: any1(r, "", "f1"), Problem: any1(r, "", "", "", "broken"),
		})
	}
	m.Sort()
	m.at("tesseract").Problem = ""
	m.Engines = []Engine{{
		Plugin: "tesseract", Name: "tesseract", Version: any1(r, "5.3.0", "5.4.0"), SIMD: any1(r, "avx2", "sse4.1"), Golden: any1(r, "g1", "g2"),
		Libraries: map[string]string{"leptonica": any1(r, "1.82", "1.84")}, Data: map[string]string{"eng": any1(r, "e1", "e2"), any1(r, "deu", "fra"): "x"},
	}}
	for i := range r.IntN(5) {
		m.Settings = append(m.Settings, Setting{Key: fmt.Sprintf("profile/%d", i), Revision: r.IntN(3), Digest: any1(r, "a", "b")})
	}
	if r.IntN(2) == 0 {
		role := any1(r, "03", "04")
		m = licensed(m, fmt.Sprintf("JBVTXUI%s%07d", role, r.IntN(9)), role)
	}
	return m
}

func rounds(t *testing.T, do func(r *rand.Rand)) {
	for seed := range uint64(2000) {
		do(rand.New(rand.NewPCG(seed, 7)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestAServerIsAtParityWithItself(t *testing.T) {
	rounds(t, func(r *rand.Rand) {
		m := some(r)
		m.Server.ID = "same"
		if report := Compare(m, m, Pair{}); !report.At || len(report.Differences) > 0 {
			t.Errorf("got %s", lines(report))
		}
		if reason, ok := Compare(m, m, Pair{}).May(Job{}); !ok {
			t.Errorf("held: %s", reason)
		}
	})
}

// mirrored is a difference seen from the other side. What to do and whom it holds up
// depends on the side.
func mirrored(d Difference) Difference {
	d.Here, d.There = d.There, d.Here
	switch d.Code {
	case Missing:
		d.Code = Extra
	case Extra:
		d.Code = Missing
	}
	d.Remedy, d.Needs = "", nil
	return d
}

func TestTheOtherServerSeesTheSameDifferences(t *testing.T) {
	seen := map[Code]bool{}
	rounds(t, func(r *rand.Rand) {
		a, b := some(r), some(r)
		switch r.IntN(6) {
		case 0:
			a.Engines = nil
		case 1:
			b.Engines = nil
		}
		p := Pair{Here: Primary, There: Secondary, Formed: r.IntN(2) == 0}
		one, other := Compare(a, b, p), Compare(b, a, Pair{Here: p.There, There: p.Here, Formed: p.Formed})
		var want []Difference
		for _, d := range one.Differences {
			seen[d.Code] = true
			d.Remedy, d.Needs = "", nil
			want = append(want, d)
		}
		var got []Difference
		for _, d := range other.Differences {
			got = append(got, mirrored(d))
		}
		if !reflect.DeepEqual(got, want) || one.At != other.At {
			t.Errorf("one side:\n%s\nthe other:\n%s", lines(one), lines(other))
		}
	})
	for _, code := range []Code{Missing, Extra, Unusable, OtherVersion, OtherHash, OtherSetting, EngineOneSide, EngineLost, OtherSIMD, LicensePair, ClockSkew, OtherCores} {
		if !seen[code] {
			t.Errorf("%s never came up", code)
		}
	}
}

func encoded(t testing.TB, m Manifest) []byte {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAManifestComesBackAsItWasWritten(t *testing.T) {
	rounds(t, func(r *rand.Rand) {
		m := some(r)
		got, err := Decode(bytes.NewReader(encoded(t, m)))
		if err != nil || !bytes.Equal(encoded(t, got), encoded(t, m)) {
			t.Errorf("got %+v (%v), want %+v", got, err, m)
		}
	})
}

func TestABadManifestIsRefused(t *testing.T) {
	whole := string(encoded(t, server()))
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"", "no manifest"},
		"another file":       {`{"jobs": []}`, "no manifest"},
		"a later form":       {`{"format": 2, "moon": 1}`, "form 2, this version of Twinleaf knows form 1"},
		"an unknown field":   {strings.Replace(whole, `"zone"`, `"moon":1,"zone"`, 1), "moon"},
		"two of them":        {whole + whole, "no manifest"},
		"a plug-in twice":    {strings.Replace(whole, `"name":"image"`, `"name":"folder"`, 1), `plug-in "folder" is named twice`},
		"no name":            {strings.Replace(whole, `"name":"image"`, `"name":""`, 1), "has no name"},
		"control characters": {strings.Replace(whole, `Europe/Berlin`, `\u001b[2J`, 1), "no plain text"},
		"a long text":        {strings.Replace(whole, `Europe/Berlin`, strings.Repeat("x", maxText+1), 1), "no plain text"},
		"negative cores":     {strings.Replace(whole, `"cores":4`, `"cores":-4`, 1), "less than no cores"},
		"too much":           {`{"format": 1, "zone": "` + strings.Repeat("x", maxBytes) + `"}`, "more than"},
		"too many plug-ins":  {`{"format": 1, "plugins": [` + strings.Repeat(`{"name":"x"},`, maxPlugins) + `{"name":"x"}]}`, "at most 5000"},
		"too many libraries": {string(encoded(t, peer(func(m *Manifest) {
			for i := range maxEntries + 1 {
				m.Engines[0].Libraries[fmt.Sprint(i)] = "1"
			}
		}))), "a table of 1004"},
	} {
		if _, err := Decode(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, server()))
	f.Add([]byte(`{"format":1,"engines":[{"plugin":"x"}],"own":{"filter":["x"]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Decode(bytes.NewReader(raw))
		if err != nil {
			return
		}
		again, err := Decode(bytes.NewReader(encoded(t, m)))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		m.Server.ID = "same"
		again.Server.ID = "same"
		if r := Compare(m, again, Pair{}); m.engine() != nil && len(r.Differences) > 0 {
			t.Fatalf("a server differs from itself: %s", lines(r))
		}
		for _, d := range Compare(server(), m, Pair{}).Differences {
			if strings.Contains(d.String(), "\n") {
				t.Fatalf("more than one line: %q", d)
			}
		}
		Compare(server(), m, Pair{}).May(Job{Destinations: []string{"archive"}})
	})
}

// Fifty plug-ins are to be compared in less than a second.
func BenchmarkCompare50(b *testing.B) {
	here, there := server(), peer(nil)
	for i := range 50 {
		p := Plugin{Name: fmt.Sprintf("extra%02d", i), Version: "1.0.0", Kinds: []string{"filter"}, Digest: "h1:x", Schema: "s"}
		here.Plugins = append(here.Plugins, p)
		p.Digest = "h1:y"
		there.Plugins = append(there.Plugins, p)
	}
	here.Sort()
	there.Sort()
	raw := encoded(b, there)
	job := Job{Options: core.Options{Filters: []core.Step{{Plugin: "extra49"}}}}
	for b.Loop() {
		m, err := Decode(bytes.NewReader(raw))
		if err != nil {
			b.Fatal(err)
		}
		if _, ok := Compare(here, m, Pair{}).May(job); ok {
			b.Fatal("a job with another filter runs")
		}
	}
}
