package decode

import "github.com/twinleaf-scan/twinleaf/plugins/image/raster"

// passes are those of Adam7: where the pixels of each begin and how far apart they are.
var passes = [7]struct{ x, y, dx, dy int }{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// interlaced gathers the seven passes into one picture, then gives its rows.
type interlaced struct {
	from *pngRows
	pix  []byte
	y    int
}

func newInterlaced(from *pngRows) *interlaced { return &interlaced{from: from} }

func (p *interlaced) Header() raster.Header { return p.from.Header() }

func (p *interlaced) Read(row []byte) error {
	stride := p.Header().Stride()
	if p.pix == nil {
		p.pix = make([]byte, stride*p.Header().Height)
		for i := range passes {
			if err := p.pass(i); err != nil {
				return err
			}
		}
	}
	copy(row[:stride], p.pix[p.y*stride:])
	p.y++
	return nil
}

func (p *interlaced) pass(i int) error {
	s, h := passes[i], p.Header()
	n := (h.Width - s.x + s.dx - 1) / s.dx
	if n <= 0 {
		return nil
	}
	p.from.start(n)
	each := h.Stride() / h.Width
	row := make([]byte, n*each)
	for y := s.y; y < h.Height; y += s.dy {
		if err := p.from.Read(row); err != nil {
			return err
		}
		for k := range n {
			at := y*h.Stride() + (s.x+k*s.dx)*each
			copy(p.pix[at:at+each], row[k*each:])
		}
	}
	return nil
}
