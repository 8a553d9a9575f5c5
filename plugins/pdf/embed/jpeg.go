package embed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa"
)

const (
	maxProfile  = 4 << 20 // bytes of an ICC profile
	maxSegments = 10_000  // of a JPEG before its first scan
)

// jpegHead is what the segments before the first scan say.
type jpegHead struct {
	sof                   byte
	bits, width, height   int
	components            int
	ids                   [4]byte
	adobe, jfif, overflow bool
	profile               map[int][]byte // by chunk number
	chunks                int
	profileSize           int
}

func (in *input) jpeg() (*Image, error) {
	h, err := parseJPEG(bufio.NewReader(io.NewSectionReader(in.f, 0, in.size)))
	if err != nil {
		return nil, fmt.Errorf("JPEG: %w", err)
	}
	if h.sof > 0xC2 || h.bits != 8 || h.height == 0 || (h.components != 1 && h.components != 3 && h.components != 4) {
		return nil, fmt.Errorf("%w: JPEG of process %d with %d bits and %d components", ErrUnsupported, h.sof-0xC0, h.bits, h.components)
	}
	if err := in.check(h.width, h.height); err != nil {
		return nil, err
	}
	dict := types.Dict{"Filter": types.Name("DCTDecode"), "BitsPerComponent": types.Integer(8)}
	img := in.kept(h.width, h.height, dict, 0, in.size)
	img.Components = h.components
	img.Profile = in.profile(h.icc(), h.components)
	switch {
	case h.components == 3 && !h.adobe && !h.jfif && string(h.ids[:3]) == "RGB":
		dict["DecodeParms"] = types.Dict{"ColorTransform": types.Integer(0)}
	case h.components == 4:
		in.cmyk(img, h)
	}
	return img, nil
}

// cmyk sets what four components need: Adobe's programs write them inverted, and
// PDF/A allows no device CMYK beside an RGB output intent.
func (in *input) cmyk(img *Image, h jpegHead) {
	if h.adobe {
		img.Dict["Decode"] = inverted(4)
	}
	if img.Profile == nil && in.o.Level != "" && in.o.Level != pdfa.None {
		img.Profile = pdfa.CMYK()
	}
}

// inverted is the Decode array of n components that are stored inverted.
func inverted(n int) types.Array {
	var a types.Array
	for range n {
		a = append(a, types.Integer(1), types.Integer(0))
	}
	return a
}

var errNoScan = errors.New("no picture data")

// parseJPEG reads the segments up to the first scan.
func parseJPEG(r *bufio.Reader) (h jpegHead, err error) {
	if _, err := r.Discard(2); err != nil {
		return h, err
	}
	for range maxSegments {
		marker, err := nextMarker(r)
		if err != nil {
			return h, err
		}
		if marker == 0xD9 {
			break
		}
		if marker == 0x01 || marker >= 0xD0 && marker <= 0xD8 {
			continue
		}
		var n uint16
		if err := binary.Read(r, binary.BigEndian, &n); err != nil {
			return h, err
		}
		if n < 2 {
			return h, fmt.Errorf("segment %X of %d bytes", marker, n)
		}
		body := make([]byte, n-2)
		if _, err := io.ReadFull(r, body); err != nil {
			return h, err
		}
		if marker == 0xDA {
			if h.sof == 0 {
				break
			}
			return h, nil
		}
		if err := h.segment(marker, body); err != nil {
			return h, err
		}
	}
	return h, errNoScan
}

// nextMarker skips to the next marker and gives its second byte.
func nextMarker(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != 0xFF {
			continue
		}
		for b == 0xFF {
			if b, err = r.ReadByte(); err != nil {
				return 0, err
			}
		}
		if b != 0 {
			return b, nil
		}
	}
}

func (h *jpegHead) segment(marker byte, body []byte) error {
	switch {
	case marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC:
		return h.frame(marker, body)
	case marker == 0xE0 && len(body) >= 5 && string(body[:5]) == "JFIF\x00":
		h.jfif = true
	case marker == 0xEE && len(body) >= 12 && string(body[:5]) == "Adobe":
		h.adobe = true
	case marker == 0xE2 && len(body) > 14 && string(body[:12]) == "ICC_PROFILE\x00":
		h.chunk(int(body[12]), int(body[13]), body[14:])
	}
	return nil
}

func (h *jpegHead) frame(marker byte, body []byte) error {
	if h.sof != 0 {
		return errors.New("two frames")
	}
	if len(body) < 6 || len(body) < 6+3*int(body[5]) {
		return errors.New("frame header is cut")
	}
	h.sof, h.bits, h.components = marker, int(body[0]), int(body[5])
	h.height, h.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	for i := range min(h.components, len(h.ids)) {
		h.ids[i] = body[6+3*i]
	}
	return nil
}

func (h *jpegHead) chunk(number, of int, data []byte) {
	if h.profile == nil {
		h.profile = make(map[int][]byte)
	}
	h.profile[number], h.chunks = data, of
	h.profileSize += len(data)
	h.overflow = h.overflow || h.profileSize > maxProfile
}

// icc joins the chunks of the profile; nil if any is missing.
func (h *jpegHead) icc() (profile []byte) {
	if h.overflow || len(h.profile) != h.chunks {
		return nil
	}
	for i := range h.chunks {
		chunk, ok := h.profile[i+1]
		if !ok {
			return nil
		}
		profile = append(profile, chunk...)
	}
	return profile
}
