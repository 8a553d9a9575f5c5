package head

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// seed gives a fuzz target the committed images of one kind.
func seed(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds %s: %v", pattern, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

func open(t testing.TB, name string) (*bytes.Reader, int64) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b), int64(len(b))
}

func TestContentTellsTheFormat(t *testing.T) {
	for content, want := range map[string]Format{
		"\xff\xd8\xff\xe0": FormatJPEG, pngSignature: FormatPNG, "II*\x00": FormatTIFF, "MM\x00*": FormatTIFF,
		"II+\x00\x08\x00": FormatTIFF, "MM\x00+": FormatTIFF, "P4 1": FormatPNM, "P1#x": FormatPNM,
		"": "", "P7\n": "", "%PDF-1.7": "", "GIF89a": "", "II": "", "P44": "",
	} {
		if got := Sniff(bytes.NewReader([]byte(content))); got != want {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

func TestJPEGHeadsAreReadWhole(t *testing.T) {
	r, n := open(t, "progressive.jpg")
	got, err := ReadJPEG(r, n)
	if err != nil {
		t.Fatal(err)
	}
	want := JPEG{
		Width: 200, Height: 120, Precision: 8, Components: 3, IDs: []byte{1, 2, 3}, Process: 2,
		JFIF: true, Orient: 1, XDPI: 118 * 2.54, YDPI: 118 * 2.54, End: n,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAJPEGPassesOnlyWhereEveryReaderAgrees(t *testing.T) {
	rgb := JPEG{Precision: 8, Components: 3, IDs: []byte("RGB")}
	adobe := rgb
	adobe.Adobe = true
	for _, c := range []struct {
		name string
		j    JPEG
		want bool
	}{
		{"gray", JPEG{Precision: 8, Components: 1}, true},
		{"colour", JPEG{Precision: 8, Components: 3, IDs: []byte{1, 2, 3}, Process: 2}, true},
		{"ink", JPEG{Precision: 8, Components: 4}, true},
		{"components called RGB without a marker", rgb, false},
		{"components called RGB with a marker", adobe, true},
		{"12 bit", JPEG{Precision: 12, Components: 1, Process: 1}, false},
		{"arithmetic coding", JPEG{Precision: 8, Components: 1, Process: 9}, false},
		{"two components", JPEG{Precision: 8, Components: 2}, false},
	} {
		if got := c.j.Passes(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestBigTIFFAndBothByteOrdersSayTheSame(t *testing.T) {
	var heads []TIFFPage
	for _, name := range []string{"g4-one-strip.tif", "g4-big-big.tif"} {
		r, n := open(t, name)
		got, err := ReadTIFF(r, n, 10)
		if err != nil || len(got.Pages) != 1 {
			t.Fatalf("%s: %d pages, %v", name, len(got.Pages), err)
		}
		p := got.Pages[0]
		p.Directory, p.Offsets, p.Counts, p.BigEndian = 0, nil, nil, false
		heads = append(heads, p)
	}
	if !reflect.DeepEqual(heads[0], heads[1]) {
		t.Errorf("got  %+v\nand  %+v", heads[0], heads[1])
	}
	if p := heads[0]; p.Width != 200 || p.Height != 120 || math.Round(p.XDPI) != 300 || math.Round(p.YDPI) != 300 || p.Compression != CompressionG4 {
		t.Errorf("got %+v", p)
	}
}

// The parsers must come to an end on any input, allocate little and never
// disagree with their own limits.

func FuzzReadJPEG(f *testing.F) {
	seed(f, "*.jpg")
	f.Fuzz(func(t *testing.T, b []byte) {
		j, err := ReadJPEG(bytes.NewReader(b), int64(len(b)))
		if err == nil && (j.Width < 1 || j.Height < 1 || j.Components < 1 || j.Orient < 1 || j.Orient > 8 || j.End > int64(len(b))) {
			t.Errorf("accepted %+v", j)
		}
	})
}

func FuzzReadEXIF(f *testing.F) {
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x1a\x01\x05\x00\x01\x00\x00\x00\x08\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e := readEXIF(b); e.orient < 0 || e.orient > 8 || e.xdpi < 0 || e.ydpi < 0 {
			t.Errorf("accepted %+v", e)
		}
	})
}

func FuzzReadPNG(f *testing.F) {
	seed(f, "*.png")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPNG(bytes.NewReader(b), int64(len(b)))
		if err == nil && (p.Width < 1 || p.Height < 1 || p.Samples() == 0 || p.Data < 33) {
			t.Errorf("accepted %+v", p)
		}
	})
}

func FuzzReadPNM(f *testing.F) {
	f.Add([]byte("P4 8 2\n\xAA\x55P5 1 1 255\n\x00"))
	f.Add([]byte("P3\n# words\n1 1 15 1 2 3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := ReadPNM(bytes.NewReader(b), int64(len(b)), 100)
		for _, p := range all {
			if err == nil && (p.Width < 1 || p.Height < 1 || p.Max < 1 || p.end() > int64(len(b))) {
				t.Errorf("accepted %+v of %d bytes", p, len(b))
			}
		}
	})
}

func FuzzReadTIFF(f *testing.F) {
	seed(f, "*.tif")
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadTIFF(bytes.NewReader(b), int64(len(b)), 100)
		for _, p := range got.Pages {
			if err != nil {
				break
			}
			if p.Width < 1 || p.Height < 1 || p.Orient < 1 || p.Orient > 8 {
				t.Errorf("accepted %+v", p)
			}
			if s, ok := OneG4Strip(p, int64(len(b))); ok && p.Damage == "" && s.At+s.Len > uint64(len(b)) {
				t.Errorf("strip %+v of %d bytes", s, len(b))
			}
			JPEGStream(bytes.NewReader(b), p)
		}
	})
}
