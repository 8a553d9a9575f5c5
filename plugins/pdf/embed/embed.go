// Package embed turns an image file into an image of a PDF. The file's own
// compressed bytes go in as they are wherever PDF has a filter for them: JPEG, PNG,
// Group 4, JBIG2 and JPEG 2000. Everything else is decoded row by row and compressed
// again without loss. The assembler calls [Open] once a page.
package embed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/bilevel"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa"
)

// ErrUnsupported marks an image that is whole but of a kind that cannot be put into
// the document, e.g. JPEG 2000 in PDF/A-1. The caller may have another form of it.
var ErrUnsupported = errors.New("image cannot be put into this PDF")

// DefaultPixels bounds an image when Options do not.
const DefaultPixels = 150_000_000

// maxDecoded bounds the memory of an image that has to be decoded as a whole.
const maxDecoded = 512 << 20

// Options say how to embed. The zero value keeps bytes wherever it can and writes
// for plain PDF.
type Options struct {
	Pixels   int64      // at most; 0: DefaultPixels
	Lossless bool       // make it smaller where nothing is lost: black-and-white becomes JBIG2
	Level    pdfa.Level // what the document claims; "": none
}

// Image is an image ready to be written. Close it after Body is read.
type Image struct {
	Width, Height int
	Dict          types.Dict // without Length and ColorSpace
	Components    int        // 1, 3 or 4, of the base colour space
	Profile       []byte     // ICC profile; nil: the device's colours
	Palette       []byte     // RGB triples; nil: none
	Size          int64      // of Body
	Body          io.Reader
	Kept          bool // Body is the file's own compressed data
	close         func() error
}

// Close lets go of the file.
func (i *Image) Close() error {
	if i.close == nil {
		return nil
	}
	return i.close()
}

// ColorSpace is the value of the image's ColorSpace; profile is where Profile was
// written and may be nil if there is none.
func (i *Image) ColorSpace(profile *types.IndirectRef) types.Object {
	var base types.Object = types.Name(map[int]string{1: "DeviceGray", 3: "DeviceRGB", 4: "DeviceCMYK"}[i.Components])
	if profile != nil {
		base = types.Array{types.Name("ICCBased"), *profile}
	}
	if i.Palette != nil {
		return types.Array{types.Name("Indexed"), base, types.Integer(len(i.Palette)/3 - 1), types.NewHexLiteral(i.Palette)}
	}
	return base
}

// Open reads the header of the image file at path and prepares it. The format is
// told by content; only a bare JBIG2 stream needs media ("image/jbig2").
func Open(path, media string, o Options) (*Image, error) {
	if o.Pixels <= 0 {
		o.Pixels = DefaultPixels
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	in := input{f: f, size: info.Size(), o: o}
	img, err := in.open(media)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("embed image: %w", err)
	}
	img.Dict["Type"], img.Dict["Subtype"] = types.Name("XObject"), types.Name("Image")
	img.Dict["Width"], img.Dict["Height"] = types.Integer(img.Width), types.Integer(img.Height)
	img.close = f.Close
	return img, nil
}

// input is an open image file.
type input struct {
	f    *os.File
	size int64
	o    Options
}

func (in *input) open(media string) (*Image, error) {
	head := make([]byte, 16)
	n, err := in.f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	has := func(prefix string) bool { return bytes.HasPrefix(head, []byte(prefix)) }
	switch {
	case media == "image/jbig2":
		return in.jbig2()
	case has("\xFF\xD8\xFF"):
		return in.jpeg()
	case has("\x89PNG\r\n\x1A\n"):
		return in.png()
	case has("II*\x00"), has("MM\x00*"):
		return in.tiff()
	case has("P4"), has("P5"), has("P6"):
		return in.pnm()
	case has("\x00\x00\x00\x0CjP  \r\n\x87\n"), has("\xFF\x4F\xFF\x51"):
		return in.jpx()
	}
	return nil, fmt.Errorf("%w: unknown format, it begins with % x", ErrUnsupported, head[:min(n, 4)])
}

// check holds the sizes against the limits.
func (in *input) check(width, height int) error {
	if width < 1 || height < 1 || int64(width) > in.o.Pixels || int64(width)*int64(height) > in.o.Pixels {
		return fmt.Errorf("%d × %d pixels: 1 to %d are allowed", width, height, in.o.Pixels)
	}
	return nil
}

// kept makes an image of bytes from..to of the file.
func (in *input) kept(width, height int, dict types.Dict, from, size int64) *Image {
	return &Image{Width: width, Height: height, Dict: dict, Components: 1, Kept: true,
		Size: size, Body: io.NewSectionReader(in.f, from, size)}
}

// bilevel compresses a black-and-white image.
func (in *input) bilevel(b bilevel.Bitmap) (*Image, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	img := &Image{Width: b.Width, Height: b.Height, Components: 1}
	var data []byte
	if in.o.Lossless {
		data = bilevel.EncodeJBIG2(b)
		img.Dict = types.Dict{"Filter": types.Name("JBIG2Decode")}
	} else {
		data = bilevel.EncodeG4(b)
		img.Dict = types.Dict{"Filter": types.Name("CCITTFaxDecode"), "DecodeParms": faxParms(b.Width, b.Height)}
	}
	img.Dict["BitsPerComponent"] = types.Integer(1)
	img.Size, img.Body = int64(len(data)), bytes.NewReader(data)
	return img, nil
}

func faxParms(width, height int) types.Dict {
	return types.Dict{"K": types.Integer(-1), "Columns": types.Integer(width), "Rows": types.Integer(height)}
}

// takes tells whether the document may hold a foreign profile for so many components.
func (o Options) takes(profile []byte, components int) bool {
	p, ok := pdfa.ParseProfile(profile)
	return ok && p.Components == components && (o.Level == "" || o.Level.Allows(p))
}

// profile decides about the profile of a gray or RGB image. One that says sRGB is
// left out: the document's device colours are sRGB.
func (in *input) profile(profile []byte, components int) []byte {
	if !in.o.takes(profile, components) || bytes.Contains(profile[:min(len(profile), 4096)], []byte("sRGB")) {
		return nil
	}
	return profile
}
