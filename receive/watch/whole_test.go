package watch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
)

// samples are small real files by name.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{
		"p1.pbm":        []byte("P1\n# a comment\n3 2\n010\n1 0 1\n"),
		"p2.pgm":        []byte("P2 3 2 255\n1 2 3\n40 50 255\n"),
		"p3.ppm":        []byte("P3\n1 2\n255\n1 2 3 4 5 255\n"),
		"p4.pbm":        []byte("P4\n9 2\n\x01\x80\xff\x00"),
		"p5.pgm":        append([]byte("P5 4 3 255\n"), bytes.Repeat([]byte{7}, 12)...),
		"p5-16bit.pgm":  append([]byte("P5 4 3 65535\n"), bytes.Repeat([]byte{7}, 24)...),
		"comment.pgm":   []byte("P5# a comment\n1 2\n# another\r255\nab"),
		"p6.ppm":        append([]byte("P6\n2 2\n255\n"), bytes.Repeat([]byte{9}, 12)...),
		"thumbnail.jpg": withThumbnail(t),
	}
	paths, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if filepath.Ext(p) == ".sh" {
			continue
		}
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(p)] = data
	}
	return files
}

// withThumbnail is a JPEG that carries a whole JPEG in its header.
func withThumbnail(t testing.TB) []byte {
	t.Helper()
	var pic bytes.Buffer
	if err := jpeg.Encode(&pic, image.NewGray(image.Rect(0, 0, 20, 20)), nil); err != nil {
		t.Fatal(err)
	}
	n := pic.Len() + 2
	out := append([]byte{0xff, 0xd8, 0xff, 0xe1, byte(n >> 8), byte(n)}, pic.Bytes()...)
	return append(out, pic.Bytes()[2:]...)
}

func look(data []byte) (Verdict, string) { return Look(bytes.NewReader(data), int64(len(data))) }

func TestWholeFilesAreSeenAsWhole(t *testing.T) {
	for name, data := range samples(t) {
		if v, why := look(data); v != Whole {
			t.Errorf("%s: got %v (%s), want whole", name, v, why)
		}
		padded := append(bytes.Clone(data), 0, 0, '\n')
		if v, why := look(padded); v != Whole && !strings.HasSuffix(name, "m") {
			t.Errorf("%s with padding: got %v (%s), want whole", name, v, why)
		}
	}
}

// A file that is cut anywhere is never taken, however long it stands still.
func TestNoPrefixOfAFileIsTaken(t *testing.T) {
	for name, data := range samples(t) {
		end := len(data)
		if filepath.Ext(name) == ".pdf" || name == "p1.pbm" { // the last line's end says nothing
			end = len(bytes.TrimRight(data, "\r\n"))
		}
		last := end // where the last number begins, if its digits alone tell that it is whole
		if name == "p2.pgm" || name == "p3.ppm" {
			last = bytes.LastIndexByte(data, ' ') + 1
		}
		for n := range end {
			want := Cut
			if n > last {
				want = Doubtful
			}
			if v, why := look(data[:n]); v != want {
				t.Errorf("%s cut after %d of %d bytes: got %v (%s), want %v", name, n, len(data), v, why, want)
				break
			}
		}
	}
}

// Pixels as text need no end of line; a file without one is taken after a while.
func TestPlainPNMWithoutAFinalNewlineIsTaken(t *testing.T) {
	for _, data := range []string{"P2\n2 1\n255\n0 7", "P3 1 1 255 1 2 3"} {
		f := newFolder(t, Config{Patience: 2 * unsureFor})
		f.write("a.pnm", []byte(data))
		f.polls(60)
		f.wantFiles("a.pnm")
		f.polls(10)
		f.wantJobs("a.pnm")
	}
	for _, data := range []string{"P2 2 1 255 7", "P2 2 1 255 0 x", "P2 2 1 255"} {
		if v, why := look([]byte(data)); v != Cut {
			t.Errorf("%q: got %v (%s), want cut", data, v, why)
		}
	}
}

func TestPreallocatedFilesAreNotWhole(t *testing.T) {
	for name, data := range samples(t) {
		switch filepath.Ext(name) {
		case ".pgm", ".ppm", ".pbm": // their pixels may be zeros
			continue
		case ".tif": // checked by structure only where the directories come last
			continue
		}
		for _, n := range []int{0, 20, len(data) / 2, len(data) - 20} {
			part := make([]byte, len(data))
			copy(part, data[:n])
			if v, why := look(part); v != Cut {
				t.Errorf("%s, its first %d bytes written and zeros behind: got %v (%s), want cut", name, n, v, why)
			}
		}
	}
}

func TestOddEndsAreDoubtful(t *testing.T) {
	all := samples(t)
	cases := map[string][]byte{
		"JPEG and more":          append(bytes.Clone(all["baseline.jpg"]), "something else"...),
		"PDF and more":           append(bytes.Clone(all["classic.pdf"]), "2 0 obj <<"...),
		"PDF with a lost xref":   bytes.Replace(bytes.Clone(all["classic.pdf"]), []byte("startxref\n"), []byte("startxref\n9"), 1),
		"TIFF that bites itself": {'I', 'I', '*', 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 0},
		"PNM of no size":         []byte("P5 0 0 255\n"),
		"PNM and more":           append(bytes.Clone(all["p5.pgm"]), 'x'),
	}
	for name, data := range cases {
		if v, why := look(data); v != Doubtful {
			t.Errorf("%s: got %v (%s), want doubtful", name, v, why)
		}
	}
}

// tiffOf is a TIFF with directories that all follow the header and an array of
// zeros behind them, which every entry names as the offsets of strips.
func tiffOf(directories, entries, zeros int) []byte {
	le := binary.LittleEndian
	size := 2 + entries*12 + 4
	array := uint32(8 + directories*size)
	b := le.AppendUint32([]byte("II*\x00"), 8)
	for d := range directories {
		b = le.AppendUint16(b, uint16(entries))
		for range entries {
			b = le.AppendUint16(le.AppendUint16(b, tagStripOffsets), 1)
			b = le.AppendUint32(le.AppendUint32(b, uint32(zeros)), array)
		}
		next := uint32(8 + (d+1)*size)
		if d == directories-1 {
			next = 0
		}
		b = le.AppendUint32(b, next)
	}
	return append(b, make([]byte, zeros)...)
}

// nested is a TIFF whose directories lie over each other.
func nested(directories, entries int) []byte {
	le := binary.LittleEndian
	b := make([]byte, 8+directories*16+entries*12)
	copy(b, "II*\x00")
	le.PutUint32(b[4:], 8)
	for d := range directories {
		at := 8 + 6*d
		le.PutUint16(b[at:], uint16(entries))
		if d < directories-1 {
			le.PutUint32(b[at+2+12*entries:], uint32(at+6))
		}
	}
	return b
}

// allocated is how many bytes fn allocates.
func allocated(fn func()) uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	before := s[0].Value.Uint64()
	fn()
	metrics.Read(s)
	return s[0].Value.Uint64() - before
}

// maxLook bounds what a look at any file may allocate.
const maxLook = 256 << 20

// A small file that names the same bytes again and again must not fill the memory.
func TestTIFFThatNamesPixelsOverAndOver(t *testing.T) {
	cases := []struct {
		name string
		data []byte
		want Verdict
	}{
		{"one tag 400 times", tiffOf(1, 400, 100_000), Whole}, // the first one counts
		{"one array in 400 directories", tiffOf(400, 1, 100_000), Doubtful},
		{"directories in each other", nested(5_000, 4_000), Doubtful},
	}
	for _, c := range cases {
		var v Verdict
		var why string
		if got := allocated(func() { v, why = look(c.data) }); got > maxLook {
			t.Errorf("%s: a look at %d bytes took %d bytes of memory, want at most %d", c.name, len(c.data), got, maxLook)
		}
		if v != c.want {
			t.Errorf("%s: got %v (%s), want %v", c.name, v, why, c.want)
		}
	}
}

// Its first directory says where 5,000 strips lie, and none of that is there yet.
func TestTIFFWithoutItsStripsYetIsCut(t *testing.T) {
	all := tiffOf(1, 1, 5_000)
	if v, why := look(all[:100]); v != Cut {
		t.Errorf("got %v (%s), want cut", v, why)
	}
}

func TestOtherFilesAreUnknown(t *testing.T) {
	for _, data := range []string{"hello", "GIF89a...", "PK\x03\x04", "P7\n", "RIFF....WEBP"} {
		if v, _ := look([]byte(data)); v != Unknown {
			t.Errorf("%q: got %v, want unknown", data, v)
		}
	}
	for _, data := range []string{"", "P", "II*", "%PD", "\x00\x00\x00", "\x89PN"} {
		if v, _ := look([]byte(data)); v != Cut {
			t.Errorf("%q: got %v, want cut", data, v)
		}
	}
}

func FuzzLook(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v Verdict
		var why string
		if got := allocated(func() { v, why = look(data) }); got > maxLook {
			t.Errorf("a look at %d bytes took %d bytes of memory, want at most %d", len(data), got, maxLook)
		}
		if why == "" {
			t.Error(fmt.Sprint(v, " without a reason"))
		}
	})
}
