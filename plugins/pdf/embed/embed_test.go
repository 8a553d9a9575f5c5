package embed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/ccitt"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/bilevel"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/write"
)

// opened embeds data and gives the image with its stream.
func opened(t testing.TB, data []byte, media string, o Options) (*Image, []byte, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	img, err := Open(path, media, o)
	if err != nil {
		return nil, nil, err
	}
	defer img.Close()
	body, err := io.ReadAll(img.Body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(body)) != img.Size {
		t.Fatalf("the stream has %d bytes, Size says %d", len(body), img.Size)
	}
	return img, body, nil
}

func dict(img *Image) string { return string(write.Append(nil, img.Dict)) }

func jpegFile(t testing.TB, pic image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, pic, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngFile(t testing.TB, pic image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, pic); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// segment puts a segment behind the first marker of a JPEG.
func segment(file []byte, marker byte, body string) []byte {
	out := append([]byte{0xFF, 0xD8, 0xFF, marker}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return append(append(out, body...), file[2:]...)
}

// idat joins the picture data of a PNG.
func idat(file []byte) (out []byte) {
	for file = file[8:]; len(file) >= 12; {
		n := int(binary.BigEndian.Uint32(file))
		if string(file[4:8]) == "IDAT" {
			out = append(out, file[8:8+n]...)
		}
		file = file[12+n:]
	}
	return out
}

// chunk puts a chunk behind the header of a PNG.
func chunk(file []byte, kind, body string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
	return append(append(bytes.Clone(file[:33]), out...), file[33:]...)
}

// tiffFile is a TIFF of one page with short values; strips lie behind the directory.
func tiffFile(order binary.ByteOrder, values map[int]int, strip []byte) []byte {
	out := []byte("II*\x00")
	if order == binary.ByteOrder(binary.BigEndian) {
		out = []byte("MM\x00*")
	}
	put16 := func(v int) { b := make([]byte, 2); order.PutUint16(b, uint16(v)); out = append(out, b...) }
	put32 := func(v int) { b := make([]byte, 4); order.PutUint32(b, uint32(v)); out = append(out, b...) }
	put32(8)
	values[tagStripOffsets], values[tagStripCounts] = 8+2+12*(len(values)+2)+4, len(strip)
	put16(len(values))
	for tag := range 400 {
		v, ok := values[tag]
		if !ok {
			continue
		}
		put16(tag)
		put16(4)
		put32(1)
		put32(v)
	}
	put32(0)
	return append(out, strip...)
}

// marked is a bitmap that is black in its upper left part.
func marked(w, h int) bilevel.Bitmap {
	b := bilevel.New(w, h)
	for y := range h / 2 {
		for x := range w / 3 {
			b.Pix[y*b.Stride+x/8] |= 0x80 >> (x % 8)
		}
	}
	return b
}

func picture(model string) image.Image {
	r := image.Rect(0, 0, 40, 30)
	var out interface {
		image.Image
		Set(x, y int, c color.Color)
	}
	switch model {
	case "gray":
		out = image.NewGray(r)
	case "gray16":
		out = image.NewGray16(r)
	case "rgb16":
		out = image.NewRGBA64(r)
	case "clear":
		out = image.NewNRGBA(r)
	case "palette":
		out = image.NewPaletted(r, color.Palette{color.RGBA{255, 0, 0, 255}, color.White, color.Black})
	case "two":
		out = image.NewPaletted(r, color.Palette{color.White, color.Black})
	default:
		out = image.NewRGBA(r)
	}
	for y := range 30 {
		for x := range 40 {
			c := color.RGBA{uint8(6 * x), uint8(8 * y), 77, 255}
			if model == "clear" && x < 20 {
				c = color.RGBA{}
			}
			out.Set(x, y, c)
		}
	}
	return out
}

func TestJPEGStaysAsItIs(t *testing.T) {
	gray, rgb := jpegFile(t, picture("gray")), jpegFile(t, picture("rgb"))
	adobe := "Adobe\x00\x64\x00\x00\x00\x00\x00"
	four := bytes.Clone(gray)
	at := bytes.Index(four, []byte{0xFF, 0xC0})
	four = append(append(bytes.Clone(four[:at]), "\xFF\xC0\x00\x14\x08\x00\x1E\x00\x28\x04\x01\x11\x00\x02\x11\x00\x03\x11\x00\x04\x11\x00"...), four[at+13:]...)
	sum := pdfa.CMYK()
	tests := []struct {
		name       string
		data       []byte
		level      pdfa.Level
		components int
		profile    int // bytes
		decode     bool
	}{
		{"gray", gray, pdfa.A2u, 1, 0, false},
		{"colour", rgb, pdfa.A2u, 3, 0, false},
		{"colour with an sRGB profile", segment(rgb, 0xE2, "ICC_PROFILE\x00\x01\x01"+string(pdfa.SRGB())), pdfa.A2u, 3, 0, false},
		{"colour with another profile", segment(rgb, 0xE2, "ICC_PROFILE\x00\x01\x01"+strings.ReplaceAll(string(pdfa.SRGB()), "sRGB", "Mine")), pdfa.A2u, 3, len(pdfa.SRGB()), false},
		{"profile for other components", segment(gray, 0xE2, "ICC_PROFILE\x00\x01\x01"+strings.ReplaceAll(string(pdfa.SRGB()), "sRGB", "Mine")), pdfa.A2u, 1, 0, false},
		{"profile with a missing part", segment(rgb, 0xE2, "ICC_PROFILE\x00\x01\x02"+string(pdfa.SRGB())), pdfa.A2u, 3, 0, false},
		{"CMYK", four, pdfa.A2u, 4, len(sum), false},
		{"CMYK of Adobe", segment(four, 0xEE, adobe), pdfa.A1b, 4, len(sum), true},
		{"CMYK, plain PDF", segment(four, 0xEE, adobe), pdfa.None, 4, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			img, body, err := opened(t, tt.data, "", Options{Level: tt.level})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(body, tt.data) || !img.Kept {
				t.Error("the stream is not the file")
			}
			if img.Width != 40 || img.Height != 30 || img.Components != tt.components || len(img.Profile) != tt.profile {
				t.Errorf("got %d × %d, %d components, a profile of %d bytes; want 40 × 30, %d, %d", img.Width, img.Height, img.Components, len(img.Profile), tt.components, tt.profile)
			}
			if got := strings.Contains(dict(img), "/Decode[1 0 1 0 1 0 1 0]"); got != tt.decode {
				t.Errorf("inverted %v, want %v: %s", got, tt.decode, dict(img))
			}
		})
	}
}

func TestPNGKeepsItsRowsWherePDFKnowsThem(t *testing.T) {
	tests := []struct {
		model      string
		level      pdfa.Level
		kept       bool
		components int
		want       string // of the dictionary
	}{
		{"gray", pdfa.A2u, true, 1, "/Predictor 15"},
		{"rgb", pdfa.A2u, true, 3, "/Colors 3"},
		{"palette", pdfa.A2u, true, 3, "/BitsPerComponent 2"},
		{"two", pdfa.A2u, true, 1, "/Decode[1 0]"},
		{"gray16", pdfa.A2u, true, 1, "/BitsPerComponent 16"},
		{"gray16", pdfa.A1b, false, 1, "/BitsPerComponent 8"},
		{"rgb16", pdfa.A1b, false, 3, "/BitsPerComponent 8"},
		{"clear", pdfa.A2u, false, 3, "/Colors 3"},
	}
	for _, tt := range tests {
		t.Run(tt.model+" "+string(tt.level), func(t *testing.T) {
			data := pngFile(t, picture(tt.model))
			img, body, err := opened(t, data, "", Options{Level: tt.level})
			if err != nil {
				t.Fatal(err)
			}
			if same := bytes.Equal(body, idat(data)); same != tt.kept || img.Kept != tt.kept {
				t.Errorf("same bytes %v, kept %v, want %v", same, img.Kept, tt.kept)
			}
			if img.Components != tt.components || !strings.Contains(dict(img), tt.want) {
				t.Errorf("%d components, %s; want %d, %s", img.Components, dict(img), tt.components, tt.want)
			}
		})
	}
}

func TestDamagedPNGIsRefused(t *testing.T) {
	data := pngFile(t, picture("rgb"))
	flipped := bytes.Clone(data)
	flipped[len(flipped)/2] ^= 1
	for name, bad := range map[string][]byte{"flipped": flipped, "cut": data[:len(data)/2], "no end": data[:len(data)-12],
		"two headers": chunk(data, "IHDR", strings.Repeat("\x01", 13)), "header late": append(bytes.Clone(data[:8]), chunk(data, "tEXt", "x")[33:]...)} {
		if _, _, err := opened(t, bad, "", Options{}); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	big := bytes.Clone(data)
	if _, _, err := opened(t, big, "", Options{Pixels: 40*30 - 1}); err == nil {
		t.Error("an image over the limit is taken")
	}
}

func TestGroup4StripStaysAsItIs(t *testing.T) {
	page := marked(100, 60)
	strip := bilevel.EncodeG4(page)
	turned := bytes.Clone(strip)
	for i := range turned {
		turned[i] = bits.Reverse8(turned[i])
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, tt := range []struct {
			name   string
			values map[int]int
			strip  []byte
			want   string
		}{
			{"white is zero", map[int]int{tagPhotometric: 0}, strip, "/K -1/Rows 60"},
			{"black is zero", map[int]int{tagPhotometric: 1}, strip, "/BlackIs1 true"},
			{"bits from the right", map[int]int{tagPhotometric: 0, tagFillOrder: 2}, turned, "/K -1"},
		} {
			values := map[int]int{tagWidth: 100, tagHeight: 60, tagCompression: 4}
			for k, v := range tt.values {
				values[k] = v
			}
			img, body, err := opened(t, tiffFile(order, values, tt.strip), "", Options{})
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if !bytes.Equal(body, strip) || !strings.Contains(dict(img), tt.want) {
				t.Errorf("%s: %s, same bytes %v", tt.name, dict(img), bytes.Equal(body, strip))
			}
		}
	}
	whole := tiffFile(binary.LittleEndian, map[int]int{tagWidth: 100, tagHeight: 60, tagCompression: 4}, strip)
	if _, _, err := opened(t, whole[:len(whole)-1], "", Options{}); err == nil {
		t.Error("a strip that leaves the file is taken")
	}
}

// unpack decodes a Group 4 stream.
func unpack(t *testing.T, w, h int, data []byte) []byte {
	t.Helper()
	out, err := io.ReadAll(ccitt.NewReader(bytes.NewReader(data), ccitt.MSB, ccitt.Group4, w, h, &ccitt.Options{Invert: true}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBlackAndWhiteBecomesGroup4OrJBIG2(t *testing.T) {
	page := marked(80, 60)
	two := image.NewGray(image.Rect(0, 0, 80, 60))
	ppm := []byte("P6\n# a comment\n80 60\n255\n")
	for i := range two.Pix {
		two.Pix[i] = 255
		if page.Pix[i/8]&(0x80>>(i%8)) != 0 {
			two.Pix[i] = 0
		}
		ppm = append(ppm, two.Pix[i], two.Pix[i], two.Pix[i])
	}
	inverted := bytes.Clone(page.Pix)
	for i := range inverted {
		inverted[i] ^= 0xFF
	}
	pgm := append([]byte("P5 80 60 255\n"), two.Pix...)
	want := bilevel.EncodeJBIG2(page)
	tests := []struct {
		name   string
		data   []byte
		always bool // also without "lossless"
	}{
		{"PBM", append([]byte("P4\n80 60\n"), page.Pix...), true},
		{"TIFF, uncompressed", tiffFile(binary.LittleEndian, map[int]int{tagWidth: 80, tagHeight: 60, tagBits: 1, tagPhotometric: 1}, inverted), true},
		{"TIFF, white is zero", tiffFile(binary.BigEndian, map[int]int{tagWidth: 80, tagHeight: 60, tagBits: 1, tagPhotometric: 0}, page.Pix), true},
		{"PGM", pgm, false},
		{"PPM", ppm, false},
		{"PNG", pngFile(t, two), false},
		{"G4 TIFF", tiffFile(binary.LittleEndian, map[int]int{tagWidth: 80, tagHeight: 60, tagCompression: 4, tagPhotometric: 0}, append(bilevel.EncodeG4(page), make([]byte, 999)...)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			img, body, err := opened(t, tt.data, "", Options{Lossless: true})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(body, want) || !strings.Contains(dict(img), "JBIG2Decode") {
				t.Errorf("lossless gives %s, the right bytes: %v", dict(img), bytes.Equal(body, want))
			}
			img, body, err = opened(t, tt.data, "", Options{})
			if err != nil {
				t.Fatal(err)
			}
			if g4 := strings.Contains(dict(img), "CCITTFaxDecode") && !img.Kept; g4 != tt.always {
				t.Errorf("without it: %s, want Group 4 %v", dict(img), tt.always)
			} else if g4 && !bytes.Equal(unpack(t, 80, 60, body), page.Pix) {
				t.Error("Group 4 gives other pixels")
			}
		})
	}
}

func TestGroup4ThatBlackIsOneTurnsIntoTheSameJBIG2(t *testing.T) {
	page, negative := marked(80, 60), marked(80, 60)
	for i := range negative.Pix {
		negative.Pix[i] ^= 0xFF
	}
	strip := append(bilevel.EncodeG4(negative), make([]byte, 999)...)
	data := tiffFile(binary.LittleEndian, map[int]int{tagWidth: 80, tagHeight: 60, tagCompression: 4, tagPhotometric: 1}, strip)
	_, body, err := opened(t, data, "", Options{Lossless: true})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(body, bilevel.EncodeJBIG2(page)) {
		t.Error("the page is not the one that the file shows")
	}
}

func TestPreparedStreamsAreTaken(t *testing.T) {
	jb := bilevel.EncodeJBIG2(marked(123, 45))
	img, body, err := opened(t, jb, "image/jbig2", Options{})
	if err != nil || !bytes.Equal(body, jb) || img.Width != 123 || img.Height != 45 {
		t.Errorf("JBIG2: %+v, %v", img, err)
	}
	box := func(kind, body string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))) + kind + body
	}
	jp2 := "\x00\x00\x00\x0CjP  \r\n\x87\n" + box("ftyp", "jp2 ....") +
		box("jp2h", box("ihdr", "\x00\x00\x00\x2D\x00\x00\x00\x7B\x00\x03\x07\x07\x00\x00")+box("colr", "\x01\x00\x00\x00\x00\x00\x10")) + box("jp2c", "...")
	img, body, err = opened(t, []byte(jp2), "", Options{Level: pdfa.A2u})
	if err != nil || string(body) != jp2 || img.Width != 123 || img.Height != 45 || img.Components != 3 {
		t.Errorf("JPEG 2000: %+v, %v", img, err)
	}
	for name, tt := range map[string]struct {
		data  string
		level pdfa.Level
	}{"in PDF/A-1": {jp2, pdfa.A1b}, "sYCC": {strings.Replace(jp2, "\x00\x10"+box("jp2c", "...")[:8], "\x00\x12"+box("jp2c", "...")[:8], 1), pdfa.A2u}, "unknown format": {"GIF89a", pdfa.A2u}} {
		if _, _, err := opened(t, []byte(tt.data), "", Options{Level: tt.level}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	page := marked(80, 60)
	for _, data := range [][]byte{jpegFile(f, picture("rgb")), pngFile(f, picture("palette")), pngFile(f, picture("clear")), []byte("P5 2 2 255\nabcd"), []byte("P4 9 1\n\xFF\xFF"),
		tiffFile(binary.LittleEndian, map[int]int{tagWidth: 80, tagHeight: 60, tagCompression: 4}, bilevel.EncodeG4(page)), bilevel.EncodeJBIG2(page)} {
		f.Add(data, false)
		f.Add(data, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, lossless bool) {
		media := ""
		if len(data) > 4 && data[4] == 48 {
			media = "image/jbig2"
		}
		img, _, err := opened(t, data, media, Options{Lossless: lossless, Pixels: 1 << 16, Level: pdfa.A2u})
		if err == nil && (img.Width*img.Height > 1<<16 || img.Width < 1 || img.Height < 1 || img.Components < 1) {
			t.Errorf("%d × %d, %d components", img.Width, img.Height, img.Components)
		}
	})
}
