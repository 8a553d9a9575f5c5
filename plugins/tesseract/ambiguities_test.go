package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// packWith writes a language pack whose head says where its components lie.
func packWith(t *testing.T, dir, name string, offsets ...int64) string {
	t.Helper()
	raw := binary.LittleEndian.AppendUint32(nil, uint32(len(offsets)))
	for _, at := range offsets {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(at))
	}
	path := filepath.Join(dir, name+".traineddata")
	if err := os.WriteFile(path, append(raw, make([]byte, 300)...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAPackIsNeuralWhereItsHeadHasNoShapes(t *testing.T) {
	dir := t.TempDir()
	with := func(at int64) []int64 {
		offsets := slices.Repeat([]int64{-1}, components)
		offsets[shapes] = at
		return offsets
	}
	for name, c := range map[string]struct {
		path string
		want bool
	}{
		"neural":            {packWith(t, dir, "a", with(-1)...), true},
		"old, too":          {packWith(t, dir, "b", with(4096)...), false},
		"shapes of no size": {packWith(t, dir, "c", with(0)...), false},
		"few components":    {packWith(t, dir, "d", -1, 100), false},
		"too many":          {packWith(t, dir, "e", slices.Repeat([]int64{-1}, components+1)...), false},
		"older head":        {packWith(t, dir, "f", slices.Repeat([]int64{-1}, 11)...), true},
		"not there":         {filepath.Join(dir, "g.traineddata"), false},
	} {
		if got := neuralOnly(c.path); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	short := filepath.Join(dir, "h.traineddata")
	if err := os.WriteFile(short, []byte{24, 0, 0, 0}, 0o600); err != nil {
		t.Fatal(err)
	}
	if neuralOnly(short) {
		t.Error("nothing is known of a pack that is cut, but it is called neural")
	}
}

// What the table costs is spared, and what is read is the same with it: a pack for the old
// recognizer that only lies in the folder has it loaded.
func TestTheTableOfAmbiguitiesChangesNothingThatIsRead(t *testing.T) {
	dir := packsHere(t, "eng", "osd")
	if oldRecognizer(dir) {
		t.Fatalf("the packs in %s are said to serve the old recognizer", dir)
	}
	read := func(name string) (string, int) {
		before := unloaded()
		e := newEngine()
		defer e.drop()
		a, err := e.read(packOf(dir, []string{"eng"}), page{image: scan(name), dpi: 200, segmentation: 3})
		if err != nil {
			t.Fatal(err)
		}
		return a.hocr, unloaded() - before
	}
	names := []string{"letter-gray.jpg", "invoice-g3.tif", "letter-1bit.png"}
	without := map[string]string{}
	for _, name := range names {
		var n int
		if without[name], n = read(name); n != 1 {
			t.Errorf("%s: the engine did without the table %d times, want once", name, n)
		}
	}
	copyPack(t, filepath.Join(dir, "osd.traineddata"), filepath.Join(dir, "old.traineddata"))
	if !oldRecognizer(dir) {
		t.Fatal("a pack with shapes is not said to serve the old recognizer")
	}
	for _, name := range names {
		with, n := read(name)
		if n != 0 {
			t.Errorf("%s: the table was not loaded beside an old pack", name)
		}
		if with != without[name] || len(with) < 3000 {
			t.Errorf("%s: %d bytes with the table, %d others without it", name, len(with), len(without[name]))
		}
	}
}

func copyPack(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}
