package embed

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image/png"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa"
)

const (
	pngGray, pngRGB, pngPalette = 0, 2, 3

	maxChunks = 1 << 20
)

// pngHead is what the chunks of a PNG say.
type pngHead struct {
	width, height  int
	bits, kind     int
	interlaced     bool
	transparent    bool
	palette        []byte
	profile        []byte
	data           []section // of IDAT
	dataSize       int64
	header, closed bool
}

type section struct{ at, size int64 }

func (in *input) png() (*Image, error) {
	h, err := in.parsePNG()
	if err != nil {
		return nil, fmt.Errorf("PNG: %w", err)
	}
	if err := in.check(h.width, h.height); err != nil {
		return nil, err
	}
	plain := h.kind == pngGray || h.kind == pngRGB || h.kind == pngPalette
	deep := h.bits == 16 && in.o.Level == pdfa.A1b
	if !plain || h.interlaced || h.transparent || deep || in.o.Lossless && in.mayBeBilevel(h) {
		return in.decodePNG(h, plain && !h.interlaced && !h.transparent && !deep)
	}
	return in.keepPNG(h), nil
}

// mayBeBilevel tells whether an image is worth decoding in search of one that has
// only black and white.
func (in *input) mayBeBilevel(h pngHead) bool {
	return h.bits <= 8 && h.profile == nil
}

// keepPNG takes the compressed rows over: PDF knows PNG's filters as predictor 15.
func (in *input) keepPNG(h pngHead) *Image {
	colors := 1
	if h.kind == pngRGB {
		colors = 3
	}
	dict := types.Dict{"Filter": types.Name("FlateDecode"), "BitsPerComponent": types.Integer(h.bits),
		"DecodeParms": types.Dict{"Predictor": types.Integer(15), "Colors": types.Integer(colors),
			"BitsPerComponent": types.Integer(h.bits), "Columns": types.Integer(h.width)}}
	img := &Image{Width: h.width, Height: h.height, Dict: dict, Components: colors, Kept: true, Size: h.dataSize, Body: in.join(h.data)}
	switch blackIs := twoColors(h); {
	case h.kind != pngPalette:
		img.Profile = in.profile(h.profile, colors)
	case blackIs == 0:
	case blackIs == 1:
		dict["Decode"] = inverted(1)
	default:
		img.Components, img.Palette = 3, h.palette
		img.Profile = in.profile(h.profile, 3)
	}
	return img
}

// twoColors gives the index of black in a palette of just black and white, else -1.
func twoColors(h pngHead) int {
	if h.kind != pngPalette || h.bits != 1 {
		return -1
	}
	switch string(h.palette) {
	case "\x00\x00\x00\xFF\xFF\xFF":
		return 0
	case "\xFF\xFF\xFF\x00\x00\x00":
		return 1
	}
	return -1
}

// decodePNG decodes and compresses anew. If that only served to look for black and
// white, keepable is true and anything else stays as it is.
func (in *input) decodePNG(h pngHead, keepable bool) (*Image, error) {
	if size := int64(h.width) * int64(h.height) * int64(max(h.bits, 8)/8) * 4; size > maxDecoded {
		if keepable {
			return in.keepPNG(h), nil
		}
		return nil, fmt.Errorf("%w: PNG of %d × %d pixels has to be decoded", ErrUnsupported, h.width, h.height)
	}
	pic, err := png.Decode(io.NewSectionReader(in.f, 0, in.size))
	if err != nil {
		return nil, fmt.Errorf("PNG: %w", err)
	}
	rows := pictureRows(pic)
	if keepable {
		if kind, err := rows.classify(); err != nil || kind != blackAndWhite {
			return in.keepPNG(h), err
		}
	}
	return in.encode(rows, in.profile(h.profile, rows.components))
}

// join reads sections of the file one after the other.
func (in *input) join(parts []section) io.Reader {
	readers := make([]io.Reader, len(parts))
	for i, p := range parts {
		readers[i] = io.NewSectionReader(in.f, p.at, p.size)
	}
	return io.MultiReader(readers...)
}

var errPNG = errors.New("chunks are not in order")

// parsePNG goes through the chunks and checks their sums.
func (in *input) parsePNG() (h pngHead, err error) {
	at := int64(8)
	for range maxChunks {
		var head [8]byte
		if _, err := in.f.ReadAt(head[:], at); err != nil {
			return h, fmt.Errorf("chunk at %d: %w", at, unexpected(err))
		}
		size, kind := int64(binary.BigEndian.Uint32(head[:])), string(head[4:])
		if size > in.size-at-12 {
			return h, fmt.Errorf("chunk %q at %d: %w", kind, at, io.ErrUnexpectedEOF)
		}
		data, err := in.chunk(head[4:], at+8, size, kind != "IDAT")
		if err != nil {
			return h, fmt.Errorf("chunk %q at %d: %w", kind, at, err)
		}
		if err := h.chunk(kind, data, section{at + 8, size}); err != nil {
			return h, err
		}
		if h.closed {
			return h, h.validate()
		}
		at += size + 12
	}
	return h, errors.New("too many chunks")
}

// chunk checks the sum of a chunk and gives its data if wanted.
func (in *input) chunk(kind []byte, at, size int64, want bool) ([]byte, error) {
	if want && size > maxProfile {
		want = false
	}
	sum := crc32.NewIEEE()
	sum.Write(kind)
	var keep bytes.Buffer
	var w io.Writer = sum
	if want {
		w = io.MultiWriter(sum, &keep)
	}
	if _, err := io.Copy(w, io.NewSectionReader(in.f, at, size)); err != nil {
		return nil, err
	}
	var stored [4]byte
	if _, err := in.f.ReadAt(stored[:], at+size); err != nil {
		return nil, unexpected(err)
	}
	if binary.BigEndian.Uint32(stored[:]) != sum.Sum32() {
		return nil, errors.New("wrong checksum")
	}
	return keep.Bytes(), nil
}

func (h *pngHead) chunk(kind string, data []byte, where section) error {
	if !h.header && kind != "IHDR" {
		return errPNG
	}
	switch kind {
	case "IHDR":
		if h.header || len(data) != 13 {
			return errPNG
		}
		h.header = true
		h.width, h.height = int(binary.BigEndian.Uint32(data)), int(binary.BigEndian.Uint32(data[4:]))
		h.bits, h.kind, h.interlaced = int(data[8]), int(data[9]), data[12] != 0
	case "PLTE":
		h.palette = data
	case "tRNS":
		h.transparent = true
	case "iCCP":
		h.profile = inflateProfile(data)
	case "IDAT":
		h.data = append(h.data, where)
		h.dataSize += where.size
	case "IEND":
		h.closed = true
	}
	return nil
}

func (h *pngHead) validate() error {
	switch {
	case len(h.data) == 0:
		return errors.New("no picture data")
	case h.kind == pngPalette && (len(h.palette) < 3 || len(h.palette)%3 != 0 || len(h.palette) > 3<<h.bits):
		return errors.New("palette is missing or of a wrong size")
	case h.bits != 1 && h.bits != 2 && h.bits != 4 && h.bits != 8 && h.bits != 16,
		h.kind == pngRGB && h.bits < 8, h.kind == pngPalette && h.bits > 8:
		return fmt.Errorf("colour type %d with %d bits", h.kind, h.bits)
	}
	return nil
}

// inflateProfile gives the profile of an iCCP chunk, or nil.
func inflateProfile(data []byte) []byte {
	_, rest, ok := bytes.Cut(data, []byte{0})
	if !ok || len(rest) < 2 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(rest[1:]))
	if err != nil {
		return nil
	}
	profile, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil || len(profile) > maxProfile {
		return nil
	}
	return profile
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
