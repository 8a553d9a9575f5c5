package clean

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// paper is a sheet at 300 dpi to write and to make dirty.
type paper struct {
	t   testing.TB
	img *image.Gray
	rnd *rand.Rand
}

const paperDPI = 300

func mm(n float64) int { return int(n / 25.4 * paperDPI) }

// a4 is an empty sheet that lies upright.
func a4(t testing.TB) *paper { return newPaper(t, mm(210), mm(297)) }

func newPaper(t testing.TB, w, h int) *paper {
	t.Helper()
	p := &paper{t: t, img: image.NewGray(image.Rect(0, 0, w, h)), rnd: rand.New(rand.NewPCG(1, 2))}
	p.fill(p.img.Rect, 245)
	return p
}

func (p *paper) fill(r image.Rectangle, gray uint8) {
	draw.Draw(p.img, r, image.NewUniform(color.Gray{Y: gray}), image.Point{}, draw.Src)
}

// write sets a line with its baseline at x, y millimetres, in points.
func (p *paper) write(x, y, points float64, gray uint8, text string) *paper {
	p.t.Helper()
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		p.t.Fatal(err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: points, DPI: paperDPI})
	if err != nil {
		p.t.Fatal(err)
	}
	d := font.Drawer{Dst: p.img, Src: image.NewUniform(color.Gray{Y: gray}), Face: face, Dot: fixed.P(mm(x), mm(y))}
	d.DrawString(text)
	return p
}

// noise adds the grain of a sensor.
func (p *paper) noise(by float64) *paper {
	var grain [1 << 14]int
	for i := range grain {
		grain[i] = int(math.Round(p.rnd.NormFloat64() * by))
	}
	for i, v := range p.img.Pix {
		p.img.Pix[i] = uint8(min(max(int(v)+grain[(i*7919+i>>11)&(1<<14-1)], 0), 255))
	}
	return p
}

// shade darkens the sheet towards its left edge, as a book's fold does.
func (p *paper) shade() *paper {
	w := p.img.Rect.Dx()
	var by [1 << 14]float64
	for x := range w {
		by[x] = min(1, 0.75+float64(x)/float64(w))
	}
	for i, v := range p.img.Pix {
		p.img.Pix[i] = uint8(float64(v) * by[i%p.img.Stride])
	}
	return p
}

// edge draws the dark gap between the sheet and the scanner's lid.
func (p *paper) edge() *paper {
	b := p.img.Rect
	p.fill(image.Rect(b.Max.X-mm(1.5), 0, b.Max.X, b.Max.Y), 40)
	p.fill(image.Rect(0, b.Max.Y-mm(0.8), b.Max.X, b.Max.Y), 60)
	return p
}

// disc draws a dark disc at x, y millimetres.
func (p *paper) disc(x, y, diameter float64, gray uint8) *paper {
	r := mm(diameter / 2)
	for dy := -r; dy <= r; dy++ {
		for dx := -r; dx <= r; dx++ {
			if dx*dx+dy*dy <= r*r {
				p.img.Pix[(mm(y)+dy)*p.img.Stride+mm(x)+dx] = gray
			}
		}
	}
	return p
}

func (p *paper) holes() *paper { return p.disc(11, 108.5, 6, 30).disc(11, 188.5, 6, 30) }

// dust strews n specks of up to size millimetres.
func (p *paper) dust(n int, size float64) *paper {
	for range n {
		p.disc(15+p.rnd.Float64()*180, 15+p.rnd.Float64()*265, size*(0.3+0.7*p.rnd.Float64()), 60)
	}
	return p
}

func (p *paper) streak() *paper {
	p.fill(image.Rect(mm(70), 0, mm(70.3), p.img.Rect.Max.Y), 90)
	return p
}

// behind shows mirrored text through the paper.
func (p *paper) behind() *paper {
	for y := 40.0; y < 260; y += 7 {
		p.write(25, y, 11, 218, "edis rehto eht morf swohs siht rebmun dna")
	}
	return p
}

// fillText covers the sheet with lines of words taken at random.
func (p *paper) fillText(points float64, lines ...string) *paper {
	words := strings.Fields(strings.Join(lines, " "))
	w, h := float64(p.img.Rect.Dx())/paperDPI*25.4, float64(p.img.Rect.Dy())/paperDPI*25.4
	for y := 30.0; y < h-20; y += points * 0.55 {
		line := ""
		for float64(len(line))*points*0.19 < w-60 {
			line += words[p.rnd.IntN(len(words))] + " "
		}
		p.write(25, y, points, 20, line)
	}
	return p
}

// turned gives the sheet turned clockwise.
func (p *paper) turned(degrees int) *paper {
	out := p
	for ; degrees > 0; degrees -= 90 {
		w, h := out.img.Rect.Dx(), out.img.Rect.Dy()
		next := image.NewGray(image.Rect(0, 0, h, w))
		for y := range h {
			for x, v := range out.img.Pix[y*w : y*w+w] {
				next.Pix[x*h+h-1-y] = v
			}
		}
		out = &paper{t: p.t, img: next, rnd: p.rnd}
	}
	return out
}

// bits leaves black and white: what a 1-bit scanner would have made.
func (p *paper) bits() *paper {
	for i, v := range p.img.Pix {
		p.img.Pix[i] = 255 * (v / 128)
	}
	return p
}

// jpeg and pgm store the sheet.
func (p *paper) jpeg(quality int) string {
	return p.store("sheet.jpg", func(f *os.File) error { return jpeg.Encode(f, p.img, &jpeg.Options{Quality: quality}) })
}

func (p *paper) pgm() string {
	return p.store("sheet.pgm", func(f *os.File) error {
		_, err := fmt.Fprintf(f, "P5\n%d %d\n255\n%s", p.img.Rect.Dx(), p.img.Rect.Dy(), p.img.Pix)
		return err
	})
}

func (p *paper) store(name string, encode func(*os.File) error) string {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), name)
	f, err := os.Create(path)
	if err == nil {
		err = encode(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return path
}
