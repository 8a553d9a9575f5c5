package bilevel

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
)

// fromBytes fills a bitmap with bits of data, again and again.
func fromBytes(width, height int, data []byte) Bitmap {
	b := New(width, height)
	if len(data) == 0 {
		return b
	}
	for i := range b.Pix {
		b.Pix[i] = data[i%len(data)]
	}
	return b
}

// masked gives the pixels with cleared padding.
func masked(b Bitmap) []byte {
	out := bytes.Clone(b.Pix)
	if rest := b.Width % 8; rest != 0 {
		for y := range b.Height {
			out[y*b.Stride+b.Stride-1] &= 0xFF << (8 - rest)
		}
	}
	return out
}

func decodeG4(t *testing.T, b Bitmap, code []byte) []byte {
	t.Helper()
	r := ccitt.NewReader(bytes.NewReader(code), ccitt.MSB, ccitt.Group4, b.Width, b.Height, &ccitt.Options{})
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%d × %d: %v", b.Width, b.Height, err)
	}
	for i := range got {
		got[i] ^= 0xFF // the decoder gives 0 for black
	}
	plain := Bitmap{b.Width, b.Height, (b.Width + 7) / 8, got}
	return masked(plain)
}

// random draws runs of random lengths, with rows that resemble each other.
func random(r *rand.Rand, width, height int) Bitmap {
	b := New(width, height)
	scale := 1 + r.IntN(1+width/3)
	for y := range height {
		if y > 0 && r.IntN(3) > 0 {
			copy(b.Pix[y*b.Stride:], b.Pix[(y-1)*b.Stride:y*b.Stride])
			if r.IntN(2) == 0 {
				continue
			}
		}
		for x := r.IntN(scale); x < width; x += 1 + r.IntN(scale) {
			b.Pix[y*b.Stride+x/8] ^= 0x80 >> (x % 8)
		}
	}
	return b
}

func shapes() []Bitmap {
	r := rand.New(rand.NewPCG(1, 2))
	out := []Bitmap{New(1, 1), New(64, 3), New(5000, 2), fromBytes(1, 1, []byte{0xFF}), fromBytes(8000, 3, []byte{0xFF}),
		fromBytes(65, 9, []byte{0xAA, 0x55}), fromBytes(17, 5, []byte{0x80, 0, 1})}
	for i := range 300 {
		out = append(out, random(r, 1+r.IntN(200)*(1+i%30), 1+r.IntN(40)))
	}
	return out
}

func TestGroup4ComesBackFromAnotherDecoder(t *testing.T) {
	for i, b := range shapes() {
		if got := decodeG4(t, b, EncodeG4(b)); !bytes.Equal(got, masked(b)) {
			t.Fatalf("shape %d, %d × %d: other pixels came back", i, b.Width, b.Height)
		}
	}
}

func FuzzGroup4RoundTrip(f *testing.F) {
	f.Add(uint16(9), []byte{1, 2, 3, 0xFF, 0, 0, 7})
	f.Add(uint16(3000), []byte{0, 0, 0, 0, 0, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, width uint16, data []byte) {
		w := 1 + int(width)%6000
		b := fromBytes(w, 1+min(len(data)*8/w, 200), data)
		if got := decodeG4(t, b, EncodeG4(b)); !bytes.Equal(got, masked(b)) {
			t.Fatalf("%d × %d: other pixels came back", b.Width, b.Height)
		}
	})
}

func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// pbm gives the pixels of a binary PBM file.
func pbm(t *testing.T, path string, b Bitmap) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size := b.Height * ((b.Width + 7) / 8)
	if len(data) < size {
		t.Fatalf("%s has %d bytes, want %d pixels' worth", path, len(data), size)
	}
	return masked(Bitmap{b.Width, b.Height, (b.Width + 7) / 8, data[len(data)-size:]})
}

func TestJBIG2ComesBackFromJbig2dec(t *testing.T) {
	need(t, "jbig2dec")
	dir := t.TempDir()
	for i, b := range shapes()[:60] {
		in, out := filepath.Join(dir, "x.jb2"), filepath.Join(dir, "x.pbm")
		if err := os.WriteFile(in, EncodeJBIG2(b), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "jbig2dec", "-e", "-t", "pbm", "-o", out, in)
		if !bytes.Equal(pbm(t, out, b), masked(b)) {
			t.Fatalf("shape %d, %d × %d: other pixels came back", i, b.Width, b.Height)
		}
	}
}

// scan gives a real black-and-white page.
func scan(t testing.TB, name string) Bitmap {
	t.Helper()
	path := shared.File(t, "scans-with-truth/"+name)
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("no test scan: %v", err)
	}
	defer f.Close()
	img, err := tiff.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return threshold(img)
}

func threshold(img image.Image) Bitmap {
	r := img.Bounds()
	b := New(r.Dx(), r.Dy())
	for y := range b.Height {
		for x := range b.Width {
			if v, _, _, _ := img.At(r.Min.X+x, r.Min.Y+y).RGBA(); v < 0x8000 {
				b.Pix[y*b.Stride+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return b
}

func TestRealPagesComeBackAndJBIG2IsSmaller(t *testing.T) {
	need(t, "jbig2dec")
	for _, name := range []string{"eng-magazine-8087_054-g4.tif", "eng-book-a023.tif"} {
		b := scan(t, name)
		g4, jb := EncodeG4(b), EncodeJBIG2(b)
		if !bytes.Equal(decodeG4(t, b, g4), masked(b)) {
			t.Errorf("%s: G4 gives other pixels", name)
		}
		in, out := filepath.Join(t.TempDir(), "x.jb2"), filepath.Join(t.TempDir(), "x.pbm")
		if err := os.WriteFile(in, jb, 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "jbig2dec", "-e", "-t", "pbm", "-o", out, in)
		if !bytes.Equal(pbm(t, out, b), masked(b)) {
			t.Errorf("%s: JBIG2 gives other pixels", name)
		}
		t.Logf("%s: G4 %d, JBIG2 %d bytes (%+.0f %%)", name, len(g4), len(jb), 100*float64(len(jb)-len(g4))/float64(len(g4)))
		if len(jb) > len(g4)*85/100 {
			t.Errorf("%s: JBIG2 has %d bytes, want at most 85 %% of the %d of G4", name, len(jb), len(g4))
		}
	}
}

func TestSizesThatDoNotFitAreRefused(t *testing.T) {
	for _, b := range []Bitmap{{}, {Width: -1, Height: 1}, {8, 2, 1, []byte{0}}, {9, 1, 1, []byte{0, 0}}, {MaxSide + 1, 1, MaxSide, make([]byte, MaxSide)}} {
		if err := b.Validate(); err == nil {
			t.Errorf("%d × %d with %d bytes is taken", b.Width, b.Height, len(b.Pix))
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	page := scan(b, "eng-magazine-8087_054-g4.tif")
	for _, e := range []struct {
		name string
		f    func(Bitmap) []byte
	}{{"G4", EncodeG4}, {"JBIG2", EncodeJBIG2}} {
		b.Run(fmt.Sprintf("%s/%dx%d", e.name, page.Width, page.Height), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(len(e.f(page))), "bytes")
			}
		})
	}
}
