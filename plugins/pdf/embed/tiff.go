package embed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/bilevel"
)

// Tags of TIFF 6.0.
const (
	tagWidth, tagHeight, tagBits           = 256, 257, 258
	tagCompression, tagPhotometric         = 259, 262
	tagFillOrder, tagStripOffsets          = 266, 273
	tagSamples, tagStripCounts, tagT6      = 277, 279, 293
	tagTileWidth                           = 322
	maxEntries                             = 1000
	compressionG4                          = 4
	uncompressedMode                  uint = 2
)

// tiffHead is the first page of a TIFF file: the first value of each tag, and how
// many there are.
type tiffHead struct {
	value map[int]uint
	count map[int]uint
}

func (h tiffHead) get(tag int, missing uint) uint {
	if v, ok := h.value[tag]; ok {
		return v
	}
	return missing
}

func (in *input) tiff() (*Image, error) {
	h, err := in.parseTIFF()
	if err != nil {
		return nil, fmt.Errorf("TIFF: %w", err)
	}
	width, height := int(h.get(tagWidth, 0)), int(h.get(tagHeight, 0))
	if err := in.check(width, height); err != nil {
		return nil, err
	}
	if !h.wholeG4() {
		return in.decodeTIFF(h, width, height)
	}
	img, err := in.keepG4(h, width, height)
	if err != nil || !in.o.Lossless {
		return img, err
	}
	return in.smaller(img, h), nil
}

// wholeG4 tells whether the page is one strip of Group 4.
func (h tiffHead) wholeG4() bool {
	_, tiled := h.value[tagTileWidth]
	return h.get(tagCompression, 1) == compressionG4 && h.get(tagBits, 1) == 1 && h.get(tagSamples, 1) == 1 &&
		h.count[tagStripOffsets] == 1 && h.count[tagStripCounts] == 1 && !tiled &&
		h.get(tagPhotometric, 0) <= 1 && h.get(tagT6, 0)&uncompressedMode == 0
}

// keepG4 takes the strip over.
func (in *input) keepG4(h tiffHead, width, height int) (*Image, error) {
	at, size := int64(h.get(tagStripOffsets, 0)), int64(h.get(tagStripCounts, 0))
	if at <= 0 || size <= 0 || at > in.size-size {
		return nil, fmt.Errorf("TIFF: strip of %d bytes at %d in a file of %d", size, at, in.size)
	}
	parms := faxParms(width, height)
	if h.get(tagPhotometric, 0) == 1 {
		parms["BlackIs1"] = types.Boolean(true)
	}
	dict := types.Dict{"Filter": types.Name("CCITTFaxDecode"), "DecodeParms": parms, "BitsPerComponent": types.Integer(1)}
	img := in.kept(width, height, dict, at, size)
	if h.get(tagFillOrder, 1) == 2 {
		img.Body, img.Kept = reversed{img.Body}, false
	}
	return img, nil
}

// smaller gives the page as JBIG2 if it can be decoded and gains by it.
func (in *input) smaller(img *Image, h tiffHead) *Image {
	if img.Width > bilevel.MaxSide || img.Height > bilevel.MaxSide {
		return img
	}
	order := ccitt.MSB
	if h.get(tagFillOrder, 1) == 2 {
		order = ccitt.LSB
	}
	at, size := int64(h.get(tagStripOffsets, 0)), int64(h.get(tagStripCounts, 0))
	white := h.get(tagPhotometric, 0) == 1 // what the code calls black is white
	r := ccitt.NewReader(io.NewSectionReader(in.f, at, size), order, ccitt.Group4, img.Width, img.Height, &ccitt.Options{Invert: !white})
	b := bilevel.New(img.Width, img.Height)
	if _, err := io.ReadFull(r, b.Pix); err != nil {
		return img // as it came: a viewer may make more of it than we do
	}
	small, err := in.bilevel(b)
	if err != nil || small.Size >= img.Size {
		return img
	}
	return small
}

// reversed turns the bits of each byte round.
type reversed struct{ r io.Reader }

func (r reversed) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	for i := range p[:n] {
		p[i] = bits.Reverse8(p[i])
	}
	return n, err
}

// decodeTIFF decodes the page and compresses it anew.
func (in *input) decodeTIFF(h tiffHead, width, height int) (*Image, error) {
	perPixel := int64(1)
	if h.get(tagSamples, 1) > 1 {
		perPixel = 4
	}
	if h.get(tagBits, 1) > 8 {
		perPixel *= 2
	}
	if int64(width)*int64(height)*perPixel > maxDecoded {
		return nil, fmt.Errorf("%w: TIFF of %d × %d pixels has to be decoded", ErrUnsupported, width, height)
	}
	pic, err := tiff.Decode(io.NewSectionReader(in.f, 0, in.size))
	var kind tiff.UnsupportedError
	if errors.As(err, &kind) {
		return nil, fmt.Errorf("%w: TIFF: %w", ErrUnsupported, err)
	}
	if err != nil {
		return nil, fmt.Errorf("TIFF: %w", err)
	}
	r := pictureRows(pic)
	if h.get(tagBits, 1) == 1 && r.components == 1 {
		b, err := r.bitmap()
		if err != nil {
			return nil, err
		}
		return in.bilevel(b)
	}
	return in.encode(r, nil)
}

// parseTIFF reads the first directory.
func (in *input) parseTIFF() (tiffHead, error) {
	h := tiffHead{value: map[int]uint{}, count: map[int]uint{}}
	var head [8]byte
	if _, err := in.f.ReadAt(head[:], 0); err != nil {
		return h, unexpected(err)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(head[4:]))
	var n [2]byte
	if _, err := in.f.ReadAt(n[:], at); err != nil {
		return h, fmt.Errorf("directory at %d: %w", at, unexpected(err))
	}
	entries := int(order.Uint16(n[:]))
	if entries > maxEntries {
		return h, fmt.Errorf("directory at %d has %d entries", at, entries)
	}
	dir := make([]byte, 12*entries)
	if _, err := in.f.ReadAt(dir, at+2); err != nil {
		return h, fmt.Errorf("directory at %d: %w", at, unexpected(err))
	}
	for ; len(dir) > 0; dir = dir[12:] {
		if err := in.entry(h, order, dir[:12]); err != nil {
			return h, err
		}
	}
	return h, nil
}

// entry reads the first value of one entry, if it is a whole number.
func (in *input) entry(h tiffHead, order binary.ByteOrder, e []byte) error {
	tag, kind, count := int(order.Uint16(e)), order.Uint16(e[2:]), uint(order.Uint32(e[4:]))
	size := map[uint16]uint{1: 1, 3: 2, 4: 4}[kind]
	if size == 0 || count == 0 {
		return nil
	}
	value := e[8:]
	if count > 4/size {
		value = make([]byte, 4)
		if _, err := in.f.ReadAt(value[:size], int64(order.Uint32(e[8:]))); err != nil {
			return fmt.Errorf("tag %d: %w", tag, unexpected(err))
		}
	}
	h.count[tag] = count
	switch size {
	case 1:
		h.value[tag] = uint(value[0])
	case 2:
		h.value[tag] = uint(order.Uint16(value))
	default:
		h.value[tag] = uint(order.Uint32(value))
	}
	return nil
}
