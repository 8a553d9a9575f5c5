// Package delivertest holds the stories that every deliverer to a destination with
// names should pass: a document comes once and whole, whatever happens between two
// steps, and nobody else's is touched. Call [Run] from a test with a real server.
package delivertest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Place is a destination, empty when a story begins.
type Place struct {
	// Deliver makes one call. reached is told after each step, and may panic there,
	// which stands for the end of the process.
	Deliver func(r sdk.DeliverRequest, reached func(step string)) (sdk.Receipt, error)
	Have    func(t testing.TB) map[string]string // names and contents that readers see
	Put     func(t testing.TB, name, content string)
	Take    func(t testing.TB, name string) // removes, as a reader does who is done with it

	// Over makes one call whose requests go over a way of the story's own. It is nil where
	// nothing is moved.
	Over func(r sdk.DeliverRequest, way func(Destination) Destination) error

	// Doubled are the steps after which a crash may deliver again what a reader has
	// taken away since, because the protocol knows no better.
	Doubled []string
}

// Request is a delivery of a PDF and its text.
func Request(t testing.TB, key, name string) sdk.DeliverRequest {
	t.Helper()
	r := sdk.DeliverRequest{Key: key, Job: "here-01", Name: name}
	Add(t, &r, "pdf", "the pdf of "+key)
	Add(t, &r, "text", "the text of "+key)
	return r
}

// Add gives a request one more file.
func Add(t testing.TB, r *sdk.DeliverRequest, kind, content string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(content))
	r.Files = append(r.Files, sdk.File{Path: path, Name: "f", SHA256: hex.EncodeToString(sum[:])})
	r.Kinds = append(r.Kinds, kind)
}

// Run tells all stories, each at a place of its own.
func Run(t *testing.T, place func(t *testing.T) Place) {
	stories := []struct {
		name string
		tell func(*testing.T, func(*testing.T) Place)
	}{
		{"a delivery comes once", comesOnce},
		{"it does not come back when somebody took it away", staysAway},
		{"a taken name is left alone", leavesAlone},
		{"a name taken while delivering is left alone", leavesAloneInBetween},
		{"a crash at any step loses and doubles nothing", survivesCrashes},
		{"a move that is repeated loses and doubles nothing", survivesRepetition},
		{"two servers deliver the same once", comesOnceFromTwo},
		{"every kind has its ending", hasEndings},
		{"names and contents of all sorts arrive", arrives},
		{"a damaged input is not delivered", refusesDamage},
	}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { s.tell(t, place) })
	}
}

func (p Place) send(t testing.TB, r sdk.DeliverRequest) sdk.Receipt {
	t.Helper()
	receipt, err := p.Deliver(r, func(string) {})
	if err != nil {
		t.Fatalf("deliver %s: %v", r.Key, err)
	}
	return receipt
}

func (p Place) want(t testing.TB, want map[string]string) {
	t.Helper()
	if got := p.Have(t); !maps.Equal(got, want) {
		t.Errorf("the destination holds %.2000q, want %.2000q", got, want)
	}
}

func comesOnce(t *testing.T, place func(*testing.T) Place) {
	p := place(t)
	r := Request(t, "k", "scan")
	first := p.send(t, r)
	want := map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"}
	p.want(t, want)
	if !strings.HasSuffix(first.Location, "/scan.pdf") {
		t.Errorf("location = %q, want … /scan.pdf", first.Location)
	}
	if second := p.send(t, r); second != first {
		t.Errorf("second receipt = %+v, want the first, %+v", second, first)
	}
	p.want(t, want)
}

func staysAway(t *testing.T, place func(*testing.T) Place) {
	p := place(t)
	r := Request(t, "k", "scan")
	p.send(t, r)
	p.Take(t, "scan.pdf")
	p.Take(t, "scan.txt")
	p.send(t, r)
	p.want(t, map[string]string{})
}

func leavesAlone(t *testing.T, place func(*testing.T) Place) {
	p := place(t)
	p.Put(t, "scan.txt", "theirs")
	p.send(t, Request(t, "k", "scan"))
	p.send(t, Request(t, "l", "scan"))
	p.want(t, map[string]string{
		"scan.txt":         "theirs",
		"scan-here-01.pdf": "the pdf of k", "scan-here-01.txt": "the text of k",
		"scan-here-01-2.pdf": "the pdf of l", "scan-here-01-2.txt": "the text of l",
	})
}

func leavesAloneInBetween(t *testing.T, place func(*testing.T) Place) {
	p := place(t)
	_, err := p.Deliver(Request(t, "k", "scan"), func(step string) {
		if step == "plan" && p.Have(t)["scan.pdf"] == "" {
			p.Put(t, "scan.pdf", "theirs")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"scan.pdf": "theirs", "scan.txt": "the text of k", "scan-here-01.pdf": "the pdf of k"}
	p.want(t, want)
	p.send(t, Request(t, "k", "scan"))
	p.want(t, want)
}

// crashAt delivers and stops right after the n-th step; it gives the step, or "" when
// there were fewer.
func (p Place) crashAt(t testing.TB, r sdk.DeliverRequest, n int) string {
	t.Helper()
	steps, last := 0, ""
	_, err := p.Deliver(r, func(step string) {
		if steps++; steps == n {
			last = step
			panic("crash")
		}
	})
	if last == "" && err != nil {
		t.Fatal(err)
	}
	if last != "" && (err == nil || !strings.Contains(err.Error(), "crash")) {
		t.Fatalf("error = %v after the crash", err)
	}
	return last
}

func survivesCrashes(t *testing.T, place func(*testing.T) Place) {
	for n := 1; ; n++ {
		if place(t).crashAt(t, Request(t, "k", "scan"), n) == "" {
			if n < 4 {
				t.Errorf("a delivery of two files has only %d steps", n-1)
			}
			return
		}
		for _, taken := range []bool{false, true} {
			t.Run(fmt.Sprintf("step %d, reader takes=%v", n, taken), func(t *testing.T) { survivesCrash(t, place(t), n, taken) })
		}
	}
}

func survivesCrash(t *testing.T, p Place, n int, taken bool) {
	r := Request(t, "k", "scan")
	step := p.crashAt(t, r, n)
	all := map[string]string{}
	if taken {
		all = p.Have(t)
		for name := range all {
			p.Take(t, name)
		}
	}
	p.send(t, r)
	for name, content := range p.Have(t) {
		if _, twice := all[name]; twice && !slices.Contains(p.Doubled, step) {
			t.Errorf("%s came twice", name)
		}
		all[name] = content
	}
	if want := map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"}; !maps.Equal(all, want) {
		t.Errorf("after a crash at %s readers saw %q, want %q", step, all, want)
	}
}

func comesOnceFromTwo(t *testing.T, place func(*testing.T) Place) {
	p := place(t)
	r := Request(t, "k", "scan")
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() {
			if _, err := p.Deliver(r, func(string) {}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	p.want(t, map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"})
}

func hasEndings(t *testing.T, place func(*testing.T) Place) {
	p := place(t)
	r := sdk.DeliverRequest{Key: "k", Job: "j", Name: "scan"}
	for _, kind := range []string{"pdf", "text", "hocr", "alto", "manifest", "original", "ümlaut/kind"} {
		Add(t, &r, kind, kind)
	}
	p.send(t, r)
	got := slices.Sorted(maps.Keys(p.Have(t)))
	want := []string{"scan-original.pdf", "scan-ümlaut_kind.bin", "scan.alto.xml", "scan.hocr", "scan.json", "scan.pdf", "scan.txt"}
	if !slices.Equal(got, want) {
		t.Errorf("names = %q, want %q", got, want)
	}
}

func arrives(t *testing.T, place func(*testing.T) Place) {
	p := place(t)
	want := map[string]string{}
	for i, name := range []string{"Größe 日本 & Co", "100% #1+1=2; 'a' [b] {c}", "../../etc/passwd", strings.Repeat("lang ", 100)} {
		r := sdk.DeliverRequest{Key: fmt.Sprint("key/", i, " ä"), Job: "j", Name: name}
		Add(t, &r, "pdf", name)
		receipt := p.send(t, r)
		if receipt.Location == "" {
			t.Errorf("%q has no location", name)
		}
		want[Named(name, ".pdf")] = name
	}
	large := sdk.DeliverRequest{Key: "large", Job: "j", Name: "large"}
	content := strings.Repeat("0123456789abcdef", 20<<20/16) + "end"
	Add(t, &large, "pdf", content)
	Add(t, &large, "text", "")
	p.send(t, large)
	want["large.pdf"], want["large.txt"] = content, ""
	got := p.Have(t)
	for name, content := range want {
		if there, ok := got[name]; !ok || there != content {
			t.Errorf("%q holds %d bytes (there=%v), want the %d that were sent", name, len(there), ok, len(content))
		}
	}
	if len(got) != len(want) {
		t.Errorf("there are %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func refusesDamage(t *testing.T, place func(*testing.T) Place) {
	p := place(t)
	r := Request(t, "k", "scan")
	r.Files[1].SHA256 = strings.Repeat("0", 64)
	_, err := p.Deliver(r, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "instead of 0000") {
		t.Errorf("error = %v, want the wrong hash named", err)
	}
	if _, came := p.Have(t)["scan.txt"]; came {
		t.Error("the damaged file was delivered")
	}
}
