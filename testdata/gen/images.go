package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
)

func jpegs(m *maker, p pages) error {
	scan := noisy(blurred(p.letter.image), 3, 11)
	gray, err := encodeJPEG(scan, p.letter.dpi)
	if err != nil {
		return err
	}
	colour, err := encodeJPEG(tinted(noisy(blurred(p.letter.image), 2, 12)), p.letter.dpi)
	if err != nil {
		return err
	}
	sideways, err := encodeJPEG(turned(scan, 3), p.letter.dpi)
	if err != nil {
		return err
	}
	cmyk, err := m.tool(encodeTIFF(cmykPicture(tinted(blurred(p.note.image)), int(p.note.dpi))), ".tif", ".jpg",
		"convert", "IN", "-strip", "-quality", "60", "OUT")
	if err != nil {
		return err
	}
	return errors.Join(
		m.write("letter-gray.jpg", gray, p.letter),
		m.write("letter-rgb.jpg", colour, p.letter),
		m.write("letter-exif6.jpg", withOrientation(sideways, 6), p.letter),
		m.write("note-cmyk.jpg", cmyk, p.note),
	)
}

// encodeJPEG writes a JPEG with a JFIF header that tells the resolution.
func encodeJPEG(img image.Image, dpi float64) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 45}); err != nil {
		return nil, err
	}
	head := []byte{0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(head[12:], uint16(dpi))
	binary.BigEndian.PutUint16(head[14:], uint16(dpi))
	return insert(b.Bytes(), 2, head), nil
}

// withOrientation adds an EXIF segment that holds the orientation and nothing else.
func withOrientation(jpeg []byte, orientation byte) []byte {
	exif := []byte{0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,
		'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0}
	return insert(jpeg, 20, exif)
}

func insert(data []byte, at int, more []byte) []byte {
	return bytes.Join([][]byte{data[:at], more, data[at:]}, nil)
}

func pngs(m *maker, p pages) error {
	return errors.Join(
		m.png("letter-1bit.png", twoTone(blurred(p.letter.image)), p.letter),
		m.png("letter-gray.png", p.letter.image, p.letter),
		m.png("note-rgba.png", transparent(p.note.image), p.note),
		m.png("note-16bit.png", deep(blurred(p.note.image)), p.note),
		m.png("note-rgb.png", tinted(p.note.image), p.note),
		m.png("two-columns.png", twoTone(blurred(p.columns.image)), p.columns),
		m.png("skewed.png", twoTone(skewed(p.letter.image, 2.5)), p.letter),
		m.png("upside-down.png", twoTone(turned(blurred(p.letter.image), 2)), p.letter),
		m.png("blank.png", twoTone(specked(blank(p.letter), 40, 13))),
	)
}

func (m *maker) png(name string, img image.Image, shown ...sheet) error {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, img); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return m.write(name, b.Bytes(), shown...)
}

// blank is a white sheet of the size of another.
func blank(like sheet) *image.Gray {
	img := image.NewGray(like.image.Bounds())
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	return img
}

func pnms(m *maker, p pages) error {
	head := func(kind string, s sheet, depth string) []byte {
		return fmt.Appendf(nil, "%s\n%d %d\n%s", kind, s.image.Bounds().Dx(), s.image.Bounds().Dy(), depth)
	}
	label := tinted(p.label.image)
	var ppm []byte
	for i := 0; i < len(label.Pix); i += 4 {
		ppm = append(ppm, label.Pix[i:i+3]...)
	}
	return errors.Join(
		m.write("note.pbm", append(head("P4", p.note, ""), packed(bilevel(p.note.image))...), p.note),
		m.write("label.pgm", append(head("P5", p.label, "255\n"), p.label.image.Pix...), p.label),
		m.write("label.ppm", append(head("P6", p.label, "255\n"), ppm...), p.label),
	)
}
