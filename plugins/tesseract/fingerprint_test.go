package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// printed asks for a fingerprint, keeping what the last one kept.
func printed(t testing.TB, e *engine, r sdk.FingerprintRequest) sdk.Fingerprint {
	t.Helper()
	f, err := plugintest.Call[sdk.FingerprintRequest, sdk.Fingerprint](t, component(e), sdk.OpFingerprint, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// packsHere makes a folder with copies of language packs and has the engine use it.
func packsHere(t *testing.T, names ...string) string {
	t.Helper()
	from, err := tessdata(settings{})
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(from, name+".traineddata"))
		if err != nil {
			t.Skip(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".traineddata"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TESSDATA_PREFIX", dir)
	return dir
}

// GS22: the fingerprint says all that text depends on.
func TestTheFingerprintIsComplete(t *testing.T) {
	packsHere(t, "eng", "osd")
	f := printed(t, newEngine(), sdk.FingerprintRequest{})
	if f.Engine != "tesseract" || !strings.HasPrefix(f.Version, "5.") || f.SIMD == "" || len(f.Golden) != 64 {
		t.Errorf("got %+v", f)
	}
	for _, lib := range []string{"leptonica", "libpng", "zlib"} {
		if f.Libraries[lib] == "" {
			t.Errorf("no version of %s in %v", lib, f.Libraries)
		}
	}
	if f.Libraries[sdk.LibraryBuild] != buildSystem {
		t.Errorf("the engine is said to be %q", f.Libraries[sdk.LibraryBuild])
	}
	if len(f.Data) != 2 || len(f.Data["eng"]) != 64 || len(f.Data["osd"]) != 64 {
		t.Errorf("packs %v", f.Data)
	}
	if again := printed(t, newEngine(), sdk.FingerprintRequest{Deep: true}); again.Golden != f.Golden {
		t.Errorf("the golden page reads %s, then %s", f.Golden, again.Golden)
	}
}

// The golden page is worth its name only if the engine reads its three lines.
func TestTheGoldenPageHasThreeLines(t *testing.T) {
	dir := packsHere(t, "eng")
	image := file(t, "golden.png", golden)
	page := recognised(t, component(newEngine()), sdk.RecognizeRequest{
		Image: sdk.File{Path: image, Name: "golden.png"}, DPI: goldenDPI, Languages: []string{"eng"},
	})
	if lines := strings.Count(strings.TrimSpace(page.Text()), "\n") + 1; lines < 3 || !strings.Contains(page.Text(), "quick brown fox") {
		t.Errorf("read %q", page.Text())
	}
	sum, err := newEngine().readGolden(pack{dir, "eng"})
	if err != nil || sum != digest([]byte(page.Text())) {
		t.Errorf("digest %s (%v) is not that of the text", sum, err)
	}
}

// marked is a fingerprint's memory with another golden text, by which one sees whether
// the page is read again.
func marked(t *testing.T, f sdk.Fingerprint) json.RawMessage {
	t.Helper()
	var k kept
	if err := json.Unmarshal(f.Keep, &k); err != nil {
		t.Fatal(err)
	}
	k.Golden = "as kept"
	raw, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTheGoldenPageIsReadAgainOnlyWhenSomethingChanged(t *testing.T) {
	dir := packsHere(t, "eng", "osd")
	e := newEngine()
	first := printed(t, e, sdk.FingerprintRequest{})
	kept := marked(t, first)
	for name, other := range map[string]*engine{"same process": e, "another process": newEngine()} {
		if f := printed(t, other, sdk.FingerprintRequest{Kept: kept}); f.Golden != "as kept" {
			t.Errorf("%s: it was read again", name)
		}
	}
	if f := printed(t, e, sdk.FingerprintRequest{Kept: kept, Deep: true}); f.Golden != first.Golden {
		t.Error("a deep look did not read it")
	}
	if f := printed(t, e, sdk.FingerprintRequest{Kept: json.RawMessage(`["rubbish"]`)}); f.Golden != first.Golden {
		t.Error("rubbish was taken for a memory")
	}
	osd := filepath.Join(dir, "osd.traineddata")
	if err := os.WriteFile(osd, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := printed(t, e, sdk.FingerprintRequest{Kept: kept})
	if f.Golden != "as kept" || f.Data["osd"] != digest([]byte("other")) {
		t.Errorf("a pack that the page is not read with changed: golden %s, osd %s", f.Golden, f.Data["osd"])
	}
	packsHere(t, "eng")
	if f := printed(t, e, sdk.FingerprintRequest{Kept: kept}); f.Golden != first.Golden || f.Data["osd"] != "" {
		t.Errorf("other packs: golden %s, data %v", f.Golden, f.Data)
	}
}

// A pack is hashed once while its file is the same file, untouched.
func TestAPackIsHashedAgainOnlyWhenItsFileChanged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "eng.traineddata")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := packsIn(dir, nil)
	if err != nil || first["eng"].SHA256 != digest([]byte("one")) {
		t.Fatalf("got %v, %v", first, err)
	}
	trusted := map[string]packID{"eng": {first["eng"].File, "as kept"}}
	if again, _ := packsIn(dir, trusted); again["eng"].SHA256 != "as kept" {
		t.Error("it was hashed again")
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, _ := packsIn(dir, trusted); again["eng"].SHA256 != digest([]byte("two")) {
		t.Errorf("another file of the same size: %v", again)
	}
}

func TestWithoutPacksThereIsNoFingerprint(t *testing.T) {
	t.Setenv("TESSDATA_PREFIX", t.TempDir())
	_, err := plugintest.Call[sdk.FingerprintRequest, sdk.Fingerprint](t, component(newEngine()), sdk.OpFingerprint, sdk.FingerprintRequest{}, nil)
	if err == nil || !strings.Contains(err.Error(), "there is no language pack") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	e := newEngine()
	e.warmUp()
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			printed(b, e, sdk.FingerprintRequest{Deep: true})
		}
	})
	b.Run("known", func(b *testing.B) {
		kept := printed(b, e, sdk.FingerprintRequest{}).Keep
		for b.Loop() {
			printed(b, e, sdk.FingerprintRequest{Kept: kept})
		}
	})
}
