package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/image/libtiff"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// stored gives the picture as a camera with this EXIF orientation stores it:
// where the stored first row and first column lie in the upright picture.
func stored(upright *image.Gray, orient int) *image.Gray {
	w, h := upright.Bounds().Dx(), upright.Bounds().Dy()
	sw, sh := w, h
	if orient >= 5 {
		sw, sh = h, w
	}
	out := image.NewGray(image.Rect(0, 0, sw, sh))
	for y := range sh {
		for x := range sw {
			var ux, uy int
			switch orient {
			case 1: // row 0 top, column 0 left
				ux, uy = x, y
			case 2: // top, right
				ux, uy = w-1-x, y
			case 3: // bottom, right
				ux, uy = w-1-x, h-1-y
			case 4: // bottom, left
				ux, uy = x, h-1-y
			case 5: // row 0 is the left side, column 0 the top
				ux, uy = y, x
			case 6: // row 0 is the right side, column 0 the top
				ux, uy = w-1-y, x
			case 7: // right side, bottom
				ux, uy = w-1-y, h-1-x
			case 8: // left side, bottom
				ux, uy = y, h-1-x
			}
			out.SetGray(x, y, upright.GrayAt(ux, uy))
		}
	}
	return out
}

func reference(t testing.TB, name string) *image.Gray {
	t.Helper()
	img := testdata(t, name)
	out := image.NewGray(img.Bounds())
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			out.SetGray(x, y, color.GrayModel.Convert(img.At(x, y)).(color.Gray))
		}
	}
	return out
}

// withEXIF writes img as a JPEG whose EXIF says how it lies and how dense it is.
func withEXIF(t testing.TB, img image.Image, orient int) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	be := binary.BigEndian
	tiff := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x04")
	for _, f := range [][4]uint32{{274, 3, 1, uint32(orient) << 16}, {282, 5, 1, 62}, {283, 5, 1, 62}, {296, 3, 1, 2 << 16}} {
		tiff = be.AppendUint16(be.AppendUint16(tiff, uint16(f[0])), uint16(f[1]))
		tiff = be.AppendUint32(be.AppendUint32(tiff, f[2]), f[3])
	}
	tiff = append(tiff, 0, 0, 0, 0)
	tiff = be.AppendUint32(be.AppendUint32(tiff, 200), 1)
	app1 := be.AppendUint16([]byte{0xFF, 0xE1}, uint16(2+len(tiff)))
	path := filepath.Join(t.TempDir(), "exif.jpg")
	out := append(append([]byte{0xFF, 0xD8}, append(app1, tiff...)...), b.Bytes()[2:]...)
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryEXIFOrientationEndsUpright(t *testing.T) {
	upright := reference(t, "ref-gray.png")
	for orient := 1; orient <= 8; orient++ {
		path := withEXIF(t, stored(upright, orient), orient)
		p, err := pageOf(t, path, 1)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("image.tif 200x120 200x200 shown page.jpg orient %d unchanged", orient)
		if orient == 1 {
			want = "page.jpg 200x120 200x200 unchanged"
		}
		if answer(p) != want {
			t.Errorf("orientation %d: got %s, want %s", orient, answer(p), want)
		}
		if d := different(t, picture(t, p.Image.Path), upright, false); d > 2 {
			t.Errorf("orientation %d: the picture differs from the upright one by %.2f", orient, d)
		}
	}
}

func TestEveryTIFFOrientationEndsUpright(t *testing.T) {
	upright := reference(t, "ref-bw.png")
	names := []string{2: "TopRight", 3: "BottomRight", 4: "BottomLeft", 5: "LeftTop", 6: "RightTop", 7: "RightBottom", 8: "LeftBottom"}
	for orient := 2; orient <= 8; orient++ {
		// The file stores the upright page under a tag that says otherwise, so the
		// upright page of the file, stored as its tag says, is that page again.
		p, err := pageOf(t, "testdata/orient-"+names[orient]+".tif", 1)
		if err != nil {
			t.Fatal(err)
		}
		got := picture(t, p.Image.Path).(*image.Gray)
		if p.Orient != orient || p.Shown == nil || !p.Unchanged {
			t.Errorf("%s: got %s, want the original shown with orientation %d", names[orient], answer(p), orient)
		}
		if d := different(t, stored(got, orient), upright, false); d > 0 {
			t.Errorf("%s: the picture differs by %.2f", names[orient], d)
		}
	}
}

func TestFaxPixelsAreMadeSquareForRecognitionAndLeftForShowing(t *testing.T) {
	p, err := pageOf(t, "testdata/fax-204x102.tif", 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := "image.tif 200x120 204x204 shown shown.tif orient 1"; answer(p) != want {
		t.Errorf("got %s, want %s", answer(p), want)
	}
	if s := picture(t, p.Shown.Path).Bounds().Size(); s != (image.Point{X: 200, Y: 60}) {
		t.Errorf("what is shown is %v, want the fax's own 200 x 60", s)
	}
	if d := different(t, picture(t, p.Image.Path), testdata(t, "ref-bw.png"), false); d > 12 {
		t.Errorf("the stretched fax differs from the page by %.2f", d)
	}
}

func TestResolutionIsGuessedOnlyWhereTheFileSaysNothingUsable(t *testing.T) {
	for _, c := range []struct {
		name   string
		w, h   int
		x, y   float64
		wx, wy float64
	}{
		{"said", 2480, 3508, 300, 300, 300, 300},
		{"fax", 1728, 1082, 204, 98, 204, 98},
		{"nothing, A4 at 300", 2480, 3508, 0, 0, 300, 300},
		{"nothing, Letter at 200", 1700, 2200, 0, 0, 200, 200},
		{"nothing, Letter lying at 200", 2200, 1700, 0, 0, 200, 200},
		{"nothing, A4 at 600", 4960, 7016, 0, 0, 600, 600},
		{"nothing, A4 at 100", 827, 1169, 0, 0, 100, 100},
		{"nothing, no sheet", 1000, 1000, 0, 0, 300, 300},
		{"one side missing", 1000, 1000, 0, 240, 240, 240},
		{"absurd ratio", 1000, 1000, 300, 11, 300, 300},
		{"a screen's 72 on a poster", 4000, 3000, 72, 72, 300, 300},
		{"a screen's 96 on a sheet", 816, 1056, 96, 96, 96, 96},
		{"below the least", 1000, 1000, 1, 1, 300, 300},
	} {
		if x, y := resolution(c.w, c.h, c.x, c.y); x != c.wx || y != c.wy {
			t.Errorf("%s: got %g x %g, want %g x %g", c.name, x, y, c.wx, c.wy)
		}
	}
}

func TestPNMOfEveryKindIsRead(t *testing.T) {
	for name, file := range map[string]string{
		"plain bitmap":   "P1\n# words\n8 2\n10101010\n0 1 0 1 0 1 0 1\n",
		"plain graymap":  "P2 8 2 15\n0 15 0 15 0 15 0 15\n15 0 15 0 15 0 15 0",
		"plain pixmap":   "P3 8 2 1\n" + "0 0 0 1 1 1 0 0 0 1 1 1 0 0 0 1 1 1 0 0 0 1 1 1\n" + "1 1 1 0 0 0 1 1 1 0 0 0 1 1 1 0 0 0 1 1 1 0 0 0\n",
		"raw bitmap":     "P4 8 2\n\xAA\x55",
		"raw graymap":    "P5 8 2 255\n\x00\xFF\x00\xFF\x00\xFF\x00\xFF\xFF\x00\xFF\x00\xFF\x00\xFF\x00",
		"deep graymap":   "P5 8 2 65535\n\x00\x00\xFF\xFF\x00\x00\xFF\xFF\x00\x00\xFF\xFF\x00\x00\xFF\xFF\xFF\xFF\x00\x00\xFF\xFF\x00\x00\xFF\xFF\x00\x00\xFF\xFF\x00\x00",
		"two raw images": "P4 8 2\n\xAA\x55P4 8 2\n\x55\xAA",
	} {
		path := filepath.Join(t.TempDir(), "x.pnm")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := inspectFile(t, path, limits)
		if want := 1 + bytes.Count([]byte(file), []byte("\x55P4")); err != nil || len(in.Pages) != want {
			t.Errorf("%s: got %d pages (%v), want %d", name, len(in.Pages), err, want)
			continue
		}
		p, err := pageOf(t, path, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		img := picture(t, p.Image.Path).(*image.Gray)
		want := []byte{0, 255, 0, 255, 0, 255, 0, 255, 255, 0, 255, 0, 255, 0, 255, 0}
		if !bytes.Equal(img.Pix, want) {
			t.Errorf("%s: got %v, want %v", name, img.Pix, want)
		}
	}
}

// gray rows from memory.
type memory struct {
	img *image.Gray
	y   int
}

func (m *memory) Header() raster.Header {
	return raster.Header{Width: m.img.Bounds().Dx(), Height: m.img.Bounds().Dy(), Form: raster.Gray}
}

func (m *memory) Read(row []byte) error {
	copy(row, m.img.Pix[m.y*m.img.Stride:][:m.img.Stride])
	m.y++
	return nil
}

func TestStretchKeepsEdgesWhereTheyWere(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 100, 50))
	for y := range 50 {
		for x := range 100 {
			img.SetGray(x, y, color.Gray{Y: uint8(255 * (y / 25))})
		}
	}
	r := raster.Stretch(&memory{img: img}, 100, 120)
	row := make([]byte, 100)
	for y := range 120 {
		if err := r.Read(row); err != nil {
			t.Fatal(err)
		}
		if want := byte(255 * (y / 60)); (y < 58 || y > 61) && (row[0] != want || row[99] != want) {
			t.Errorf("row %d: got %d, want %d", y, row[0], want)
		}
	}
}

func TestG4RefusesAnythingButBits(t *testing.T) {
	_, err := libtiff.CreateG4(filepath.Join(t.TempDir(), "x.tif"), raster.Header{Width: 1, Height: 1, Form: raster.Gray}, 300, 300)
	if err == nil {
		t.Error("gray rows were taken for G4")
	}
}

func TestASecondCallGivesTheSameFiles(t *testing.T) {
	for _, name := range []string{"rgb-tiled.tif", "g4-many-strips.tif", "interlaced-16.png"} {
		var last [2][]byte
		for i := range 2 {
			p, err := pageOf(t, filepath.Join("testdata", name), 1)
			if err != nil {
				t.Fatal(err)
			}
			now := [2][]byte{read(t, p.Image.Path), shownBytes(t, p)}
			if i == 1 && (!bytes.Equal(now[0], last[0]) || !bytes.Equal(now[1], last[1])) {
				t.Errorf("%s: the second call made other bytes", name)
			}
			last = now
		}
	}
}

func shownBytes(t testing.TB, p sdk.PageImage) []byte {
	if p.Shown == nil {
		return nil
	}
	return read(t, p.Shown.Path)
}
