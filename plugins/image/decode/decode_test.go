package decode

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
)

// TestPNGRowsAreThoseOfTheStandardLibrary makes a picture of every type that the
// standard encoder writes, and compares.
func TestPNGRowsAreThoseOfTheStandardLibrary(t *testing.T) {
	r := image.Rect(0, 0, 37, 21)
	gray, gray16 := image.NewGray(r), image.NewGray16(r)
	rgba, nrgba, deep := image.NewRGBA(r), image.NewNRGBA(r), image.NewNRGBA64(r)
	few := image.NewPaletted(r, color.Palette{color.White, color.Black, color.RGBA{200, 30, 60, 255}})
	for y := range 21 {
		for x := range 37 {
			v := uint8(x*7 ^ y*11)
			gray.SetGray(x, y, color.Gray{Y: v})
			gray16.SetGray16(x, y, color.Gray16{Y: uint16(v)<<8 | 3})
			rgba.Set(x, y, color.RGBA{v, v / 2, uint8(x), 255})
			nrgba.Set(x, y, color.NRGBA{v, v / 2, uint8(x), uint8(y * 12)})
			deep.Set(x, y, color.NRGBA64{uint16(v) << 8, 9, 99, uint16(y) << 11})
			few.SetColorIndex(x, y, uint8((x+y)%3))
		}
	}
	for name, img := range map[string]image.Image{"gray": gray, "gray16": gray16, "rgb": rgba, "rgba": nrgba, "rgba16": deep, "palette": few} {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		rows := rowsOf(t, b.Bytes())
		each := 3
		if len(rows[0]) == 37 {
			each = 1
		}
		for y := range 21 {
			for x := range 37 {
				got := rows[y][x*each : x*each+each]
				want := onPaper(img.At(x, y))
				for k, g := range got {
					if d := int(g) - int(want[k]); d < -1 || d > 1 {
						t.Fatalf("%s at %d, %d: got %v, want %v", name, x, y, got, want)
					}
				}
			}
		}
	}
}

func onPaper(c color.Color) [3]uint8 {
	r, g, b, a := c.RGBA()
	f := func(v uint32) uint8 { return uint8((v + 0xFFFF - a) >> 8) }
	return [3]uint8{f(r), f(g), f(b)}
}

func rowsOf(t testing.TB, b []byte) [][]byte {
	t.Helper()
	p, err := head.ReadPNG(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := PNG(bytes.NewReader(b), int64(len(b)), p)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]byte
	for range r.Header().Height {
		row := make([]byte, r.Header().Stride())
		if err := r.Read(row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func FuzzPNG(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("..", "testdata", "*.png"))
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := head.ReadPNG(bytes.NewReader(b), int64(len(b)))
		if err != nil || head.CheckPixels(p.Width, p.Height, 1<<16) != nil {
			return
		}
		r, err := PNG(bytes.NewReader(b), int64(len(b)), p)
		if err == nil {
			_ = raster.Copy(raster.Discard{}, r)
		}
		_ = CheckSums(bytes.NewReader(b), int64(len(b)), p)
	})
}

func FuzzPNM(f *testing.F) {
	f.Add([]byte("P1 3 2 1 0 1 010"))
	f.Add([]byte("P3 1 1 15 1 2 #x\n 3"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := head.ReadPNM(bytes.NewReader(b), int64(len(b)), 10)
		if err != nil {
			return
		}
		for _, p := range all {
			if head.CheckPixels(p.Width, p.Height, 1<<16) == nil {
				_ = raster.Copy(raster.Discard{}, PNM(bytes.NewReader(b), int64(len(b)), p))
			}
		}
	})
}
