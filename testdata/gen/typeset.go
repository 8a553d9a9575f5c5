package main

import (
	"image"
	"image/color"
	"image/draw"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// paper is a blank sheet: its size in inches and its resolution.
type paper struct {
	width, height float64
	dpi           float64
}

func a4(dpi float64) paper { return paper{8.27, 11.69, dpi} }
func a5(dpi float64) paper { return paper{5.83, 8.27, dpi} }
func a6(dpi float64) paper { return paper{4.13, 5.83, dpi} }

// sheet is a typeset page: black on white, and the text that stands on it.
type sheet struct {
	image *image.Gray
	dpi   float64
	truth string
}

// setter puts lines on a page.
type setter struct {
	image         *image.Gray
	regular, bold font.Face
	left, right   int // of the column, pixels
	y             int // of the next baseline
	leading       int
	truth         strings.Builder
}

func newSetter(p paper, points float64) (*setter, error) {
	img := image.NewGray(image.Rect(0, 0, int(p.width*p.dpi), int(p.height*p.dpi)))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	regular, err := face(goregular.TTF, points, p.dpi)
	if err != nil {
		return nil, err
	}
	bold, err := face(gobold.TTF, points, p.dpi)
	if err != nil {
		return nil, err
	}
	margin := int(min(0.6, 0.15*p.height) * p.dpi)
	leading := int(1.4 * points / 72 * p.dpi)
	return &setter{image: img, regular: regular, bold: bold, left: margin, right: img.Bounds().Dx() - margin, y: margin + leading, leading: leading}, nil
}

func face(ttf []byte, points, dpi float64) (font.Face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: points, DPI: dpi, Hinting: font.HintingNone})
}

// typeset fills one sheet with blocks in letters of that size.
func typeset(p paper, points float64, blocks []block) (sheet, error) {
	s, err := newSetter(p, points)
	if err != nil {
		return sheet{}, err
	}
	s.blocks(blocks)
	return sheet{s.image, p.dpi, s.truth.String()}, nil
}

// typesetColumns sets two columns side by side; the left one is read first.
func typesetColumns(p paper, points float64, left, right []block) (sheet, error) {
	s, err := newSetter(p, points)
	if err != nil {
		return sheet{}, err
	}
	top, from, to := s.y, s.left, s.right
	gutter := int(0.35 * p.dpi)
	s.right = (from+to)/2 - gutter/2
	s.blocks(left)
	s.left, s.right, s.y = (from+to)/2+gutter/2, to, top
	s.blocks(right)
	return sheet{s.image, p.dpi, s.truth.String()}, nil
}

func (s *setter) blocks(blocks []block) {
	for _, b := range blocks {
		face := s.regular
		if b.bold {
			face = s.bold
		}
		for _, l := range s.fill(face, b) {
			s.line(face, l)
		}
		s.y += s.leading / 2
		s.truth.WriteByte('\n')
	}
}

// fill breaks a block into lines.
func (s *setter) fill(face font.Face, b block) []string {
	if b.kept {
		return strings.Split(b.text, "\n")
	}
	var out []string
	line := ""
	for _, word := range strings.Fields(b.text) {
		longer := strings.TrimLeft(line+" "+word, " ")
		if line != "" && font.MeasureString(face, longer).Ceil() > s.right-s.left {
			out = append(out, line)
			longer = word
		}
		line = longer
	}
	return append(out, line)
}

// line puts one line on the page; what follows a tab is set flush right.
func (s *setter) line(face font.Face, text string) {
	first, second, _ := strings.Cut(text, "\t")
	s.put(face, first, s.left)
	if second != "" {
		s.put(face, second, s.right-font.MeasureString(face, second).Ceil())
	}
	s.truth.WriteString(strings.ReplaceAll(text, "\t", " ") + "\n")
	s.y += s.leading
}

func (s *setter) put(face font.Face, text string, x int) {
	d := font.Drawer{Dst: s.image, Src: image.NewUniform(color.Black), Face: face, Dot: fixed.P(x, s.y)}
	d.DrawString(text)
}
