package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func written(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// patched is a file of testdata with bytes at offset replaced.
func patched(t testing.TB, name string, offset int, with ...byte) []byte {
	t.Helper()
	b := bytes.Clone(read(t, filepath.Join("testdata", name)))
	copy(b[offset:], with)
	return b
}

// retagged is a little-endian TIFF of testdata with the value of a field replaced.
func retagged(t testing.TB, name string, tag uint16, value uint32) []byte {
	t.Helper()
	b := bytes.Clone(read(t, filepath.Join("testdata", name)))
	le := binary.LittleEndian
	at := int(le.Uint32(b[4:]))
	for i := range int(le.Uint16(b[at:])) {
		if f := b[at+2+12*i:]; le.Uint16(f) == tag {
			le.PutUint32(f[8:], value)
			return b
		}
	}
	t.Fatalf("%s has no field %d", name, tag)
	return nil
}

// closedChain is a TIFF whose directory names itself as the next.
func closedChain(t testing.TB) []byte {
	t.Helper()
	b := bytes.Clone(read(t, "testdata/g4-one-strip.tif"))
	le := binary.LittleEndian
	at := le.Uint32(b[4:])
	n := le.Uint16(b[at:])
	le.PutUint32(b[at+2+12*uint32(n):], at)
	return b
}

func pngOf(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, w), h)
	b = append(b, 8, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, crc(b[12:]))
	return append(b, "\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e\x00\x00\x00\x00IEND\xae\x42\x60\x82"...)
}

func jpegOf(t testing.TB, w, h uint16) []byte {
	t.Helper()
	b := bytes.Clone(read(t, "testdata/gray.jpg"))
	at := bytes.Index(b, []byte{0xFF, 0xC0})
	binary.BigEndian.PutUint16(b[at+5:], h)
	binary.BigEndian.PutUint16(b[at+7:], w)
	return b
}

func TestHostileFilesAreRefusedBeforeDecoding(t *testing.T) {
	jpg := read(t, "testdata/rgb.jpg")
	for _, c := range []struct {
		name string
		file []byte
		code string
		says string
	}{
		{"empty", nil, "not-a-scan", "no TIFF, JPEG, PNG or PNM"},
		{"text", []byte("Dear Sir"), "not-a-scan", "no TIFF, JPEG, PNG or PNM"},
		{"tiff of 65535 squared", retagged2(t, 65535, 65535), "over-limit", "4294.8 million; the limit is 150.0 million"},
		{"tiff without width", retagged(t, "g4-one-strip.tif", 256, 0), "damaged", "0 x 120 pixels"},
		{"tiff in a circle", closedChain(t), "damaged", "leads back to itself after page 1"},
		{"tiff cut in its header", []byte("II*\x00\x08"), "damaged", "ends inside its header"},
		{"tiff with its directory outside", []byte("II*\x00\xff\xff\x00\x00"), "damaged", "past its end at 8"},
		{"tiff strip outside", retagged(t, "g4-one-strip.tif", 273, 1<<30), "damaged", "cut short"},
		{"tiff strip too long", retagged(t, "g4-one-strip.tif", 279, 1<<20), "damaged", "cut short"},
		{"tiff of unknown compression", retagged(t, "g4-one-strip.tif", 259, 34712), "unsupported", "method 34712"},
		{"png of 20000 squared", pngOf(20000, 20000), "over-limit", "20000 x 20000 pixels, 400.0 million"},
		{"png of nothing", pngOf(0, 5), "damaged", "0 x 5"},
		{"png with a wrong sum", patched(t, "bw.png", 20, 9), "damaged", "wrong checksum"},
		{"png cut in its data", read(t, "testdata/gray-16.png")[:900], "damaged", "cut short"},
		{"png with nothing after its header", pngOf(5, 5)[:33], "damaged", "ends before its image data"},
		{"jpeg of 65500 squared", jpegOf(t, 65500, 65500), "over-limit", "65500 x 65500"},
		{"jpeg without height", jpegOf(t, 100, 0), "unsupported", "height open"},
		{"jpeg cut in its data", jpg[:len(jpg)/2], "damaged", "cut short"},
		{"jpeg cut in its head", jpg[:100], "damaged", "no frame header"},
		{"progressive jpeg without its end", trimmed(t, "progressive.jpg", 2), "damaged", "progressive JPEG is cut short"},
		{"lossless jpeg", bytes.Replace(jpg, []byte{0xFF, 0xC0}, []byte{0xFF, 0xC3}, 1), "unsupported", "process 3"},
		{"pnm without data", []byte("P5 100 100 255\n"), "damaged", "needs 10015 bytes"},
		{"pnm of 20000 squared", append([]byte("P4 20000 20000\n"), make([]byte, 50_000_000)...), "over-limit", "400.0 million"},
		{"pnm with a bad header", []byte("P5 x 100 255\n"), "damaged", "header says"},
	} {
		_, err := inspectFile(t, written(t, "input", c.file), limits)
		if code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %s: %v; want %s: …%s…", c.name, code(err), err, c.code, c.says)
			continue
		}
		if e := err.(*sdk.Error); e.Remedy == "" {
			t.Errorf("%s: the refusal has no hint", c.name)
		}
	}
}

func retagged2(t testing.TB, w, h uint32) []byte {
	t.Helper()
	b := retagged(t, "g4-one-strip.tif", 256, w)
	le := binary.LittleEndian
	at := int(le.Uint32(b[4:]))
	for i := range int(le.Uint16(b[at:])) {
		f := b[at+2+12*i:]
		if le.Uint16(f) == 257 || le.Uint16(f) == 278 {
			le.PutUint16(f[2:], 4)
			le.PutUint32(f[8:], h)
		}
		if le.Uint16(f) == 256 {
			le.PutUint16(f[2:], 4)
		}
	}
	return b
}

func trimmed(t testing.TB, name string, by int) []byte {
	t.Helper()
	b := read(t, filepath.Join("testdata", name))
	return b[:len(b)-by]
}

func TestResolutionsThatCannotBeMeantAreLeftOut(t *testing.T) {
	for _, dpi := range []float64{0.01, 1e8, 4294967295} {
		if got := info(100, 100, dpi, dpi); got.XDPI != 0 || got.YDPI != 0 {
			t.Errorf("%v dpi: got %v x %v, want none", dpi, got.XDPI, got.YDPI)
		}
	}
	if got := info(100, 100, 204, 98); got.XDPI != 204 || got.YDPI != 98 {
		t.Errorf("fax: got %v x %v dpi, want 204 x 98", got.XDPI, got.YDPI)
	}
}

func TestPagesOverTheLimitAreRefused(t *testing.T) {
	l := limits
	l.Pages = 2
	if _, err := inspectFile(t, "testdata/pages-3-and-thumbnail.tif", l); code(err) != "over-limit" {
		t.Errorf("3 pages with a limit of 2: got %v, want over-limit", err)
	}
}

func TestAJPEGThatLacksOnlyItsEndMarkerIsMended(t *testing.T) {
	path := written(t, "x.jpg", trimmed(t, "rgb.jpg", 2))
	if _, err := inspectFile(t, path, limits); err != nil {
		t.Fatalf("inspect: %v", err)
	}
	p, err := pageOf(t, path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.Unchanged || !bytes.Equal(read(t, p.Image.Path), read(t, "testdata/rgb.jpg")) {
		t.Errorf("got %s, want the file with its end marker, said to be changed", answer(p))
	}
}

func TestJunkAfterTheImageIsTolerated(t *testing.T) {
	for _, name := range []string{"rgb.jpg", "bw.png", "g4-one-strip.tif", "bw-lzw-1.tif"} {
		path := written(t, name, append(bytes.Clone(read(t, "testdata/"+name)), "junk junk junk"...))
		if _, err := inspectFile(t, path, limits); err != nil {
			t.Errorf("%s: inspect: %v", name, err)
		}
		if _, err := pageOf(t, path, 1); err != nil {
			t.Errorf("%s: page: %v", name, err)
		}
	}
}

func TestAStripWithoutACountIsReadToItsEnd(t *testing.T) {
	path := written(t, "x.tif", retagged(t, "g4-one-strip.tif", 279, 0))
	p, err := pageOf(t, path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if d := different(t, picture(t, p.Image.Path), testdata(t, "ref-bw.png"), false); d > 0 {
		t.Errorf("the page differs by %.2f", d)
	}
}

// One page of a batch whose data are broken is that page's trouble alone.
func TestABadPageLeavesTheOthersAlone(t *testing.T) {
	b := bytes.Clone(read(t, "testdata/pages-3-and-thumbnail.tif"))
	whole := written(t, "whole.tif", b)
	in, err := openInput(sdk.File{Path: whole, Name: "whole.tif"})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for i, at := range stripsOf(t, in) {
		bad := bytes.Clone(b)
		copy(bad[at:], bytes.Repeat([]byte{0xA5, 0x5A, 0x00}, 30))
		path := written(t, "bad.tif", bad)
		if got, err := inspectFile(t, path, limits); err != nil || len(got.Pages) != 3 {
			t.Fatalf("inspect with page %d broken: %d pages, %v", i+1, len(got.Pages), err)
		}
		for n := 1; n <= 3; n++ {
			_, err := pageOf(t, path, n)
			if n != i+1 && err != nil {
				t.Errorf("page %d is broken, and page %d fails: %v", i+1, n, err)
			}
			if n == i+1 && code(err) != "damaged" {
				t.Errorf("page %d is broken and gives %v, want damaged", n, err)
			}
		}
	}
}

// stripsOf is where the data of each page begin.
func stripsOf(t testing.TB, in *input) []int {
	t.Helper()
	b := read(t, in.Name())
	pages, err := head.ReadTIFF(in, in.size, 10)
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	le := binary.LittleEndian
	for _, p := range pages.Pages {
		at := int(p.Directory)
		for i := range int(le.Uint16(b[at:])) {
			if f := b[at+2+12*i:]; le.Uint16(f) == 273 {
				first := int(le.Uint32(f[8:]))
				if le.Uint32(f[4:]) > 1 {
					first = int(le.Uint32(b[first:]))
				}
				all = append(all, first)
			}
		}
	}
	return all
}

func crc(b []byte) uint32 { return crc32.ChecksumIEEE(b) }
