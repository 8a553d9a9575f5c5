package embed

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/bilevel"
)

// pnm reads binary PBM, PGM and PPM.
func (in *input) pnm() (*Image, error) {
	head := pnmHead{r: bufio.NewReaderSize(io.NewSectionReader(in.f, 0, in.size), 512)}
	kind, width, height, top, err := head.read()
	if err != nil {
		return nil, fmt.Errorf("PNM: %w", err)
	}
	if err := in.check(width, height); err != nil {
		return nil, err
	}
	if kind == '4' {
		return in.pbm(head.at, width, height)
	}
	r := &rows{width: width, height: height, components: 1, bits: 8}
	if kind == '6' {
		r.components = 3
	}
	if top > 255 {
		r.bits = 16
	}
	if top != 255 && top != 65535 {
		return nil, fmt.Errorf("%w: PNM with a maximum of %d", ErrUnsupported, top)
	}
	if need := int64(r.stride()) * int64(height); in.size-head.at < need {
		return nil, fmt.Errorf("PNM: %d bytes of pixels, want %d", in.size-head.at, need)
	}
	r.start = func() func([]byte) error {
		src := bufio.NewReaderSize(io.NewSectionReader(in.f, head.at, in.size-head.at), 1<<16)
		return func(row []byte) error {
			_, err := io.ReadFull(src, row)
			return err
		}
	}
	return in.encode(r, nil)
}

func (in *input) pbm(at int64, width, height int) (*Image, error) {
	b := bilevel.New(width, height)
	if _, err := io.ReadFull(io.NewSectionReader(in.f, at, in.size-at), b.Pix); err != nil {
		return nil, fmt.Errorf("PBM: %w", unexpected(err))
	}
	return in.bilevel(b)
}

// pnmHead reads the header of a PNM file and counts its bytes.
type pnmHead struct {
	r  *bufio.Reader
	at int64
}

func (h *pnmHead) read() (kind byte, width, height, top int, err error) {
	h.next()
	kind = h.next()
	width, height, top = h.number(), h.number(), 1
	if kind != '4' {
		top = h.number()
	}
	if width < 1 || height < 1 || top < 1 || top > 65535 {
		return 0, 0, 0, 0, errors.New("the header is not one")
	}
	return kind, width, height, top, nil
}

func (h *pnmHead) next() byte {
	b, err := h.r.ReadByte()
	if err != nil {
		return 0
	}
	h.at++
	return b
}

// number reads white space and comments, digits and one character after them. It is
// -1 where there is no number.
func (h *pnmHead) number() int {
	b := h.next()
	for b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '#' {
		for b == '#' {
			for b != '\n' && b != 0 {
				b = h.next()
			}
		}
		b = h.next()
	}
	n := -1
	for b >= '0' && b <= '9' && n < 1<<30 {
		n = max(n, 0)*10 + int(b-'0')
		b = h.next()
	}
	return n
}
