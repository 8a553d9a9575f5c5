package head

import (
	"io"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// TIFF is the chain of directories of a TIFF file, thumbnails left out.
type TIFF struct {
	Pages []TIFFPage
}

// TIFFPage is one image of a TIFF.
type TIFFPage struct {
	Directory     uint64 // position of its directory in the file
	Next          uint64 // and of the one after it; 0: the last
	BigEndian     bool
	Subfile       int // NewSubfileType
	Width, Height int
	Bits          int // a sample; 1 when nothing is said
	Samples       int // a pixel
	SampleFormat  int // 1 unsigned
	Compression   int // one of the Compression constants, or another
	Photometric   int // one of the Photometric constants, or another
	FillOrder     int
	Planar        bool // planes apart
	Orient        int  // 1..8
	XDPI, YDPI    float64
	RowsPerStrip  int
	Tiled         bool
	TileWidth     int
	TileHeight    int
	Pieces        int      // strips or tiles
	Offsets       []uint64 // of the pieces; nil when there are more than one (a page's data, not its head)
	Counts        []uint64
	T4, T6        uint32
	Tables        Span // JPEGTables
	Old           Span // JPEGInterchangeFormat
	Damage        string
}

// Span is a piece of the file.
type Span struct{ At, Len uint64 }

// The compressions that are treated apart.
const (
	CompressionNone    = 1
	CompressionRLE     = 2
	CompressionG3      = 3
	CompressionG4      = 4
	CompressionLZW     = 5
	CompressionOldJPEG = 6
	CompressionJPEG    = 7
)

// The photometric interpretations that are treated apart.
const (
	MinIsWhite = 0
	MinIsBlack = 1
	RGB        = 2
	Palette    = 3
	CMYK       = 5
	YCbCr      = 6
	CIELab     = 8
)

// readable are the compressions that the decoder knows.
var readable = map[int]bool{
	CompressionNone: true, CompressionRLE: true, CompressionG3: true, CompressionG4: true, CompressionLZW: true,
	CompressionOldJPEG: true, CompressionJPEG: true, 8: true, 32773: true, 32771: true, 32946: true,
	34661: true, 34925: true, 50000: true, 50001: true,
}

// ReadTIFF walks the chain of directories, at most maxPages of them. A chain that
// bites its tail or leaves the file is damaged as a whole; an image whose data
// leave the file has its Damage set, and the others stand.
func ReadTIFF(r io.ReaderAt, size int64, maxPages int) (TIFF, error) {
	d, at, err := openTIFF(r, size)
	if err != nil {
		return TIFF{}, err
	}
	var t TIFF
	var small []TIFFPage
	seen := map[uint64]bool{}
	for at != 0 {
		if seen[at] {
			return t, Damaged("the TIFF's chain of pages leads back to itself after page %d", len(seen))
		}
		if len(seen) >= 2*maxPages || len(t.Pages) == maxPages {
			return t, OverPages(maxPages)
		}
		seen[at] = true
		p, err := d.page(at)
		if err != nil {
			return t, err
		}
		if p.Subfile&reducedOrMask != 0 {
			small = append(small, p)
		} else {
			t.Pages = append(t.Pages, p)
		}
		at = p.Next
	}
	if len(t.Pages) == 0 {
		t.Pages = small // a file of nothing but thumbnails is read as it is
	}
	if len(t.Pages) == 0 {
		return t, Damaged("the TIFF of %d bytes has no page", size)
	}
	return t, nil
}

// reducedOrMask are the bits of NewSubfileType that mark a thumbnail or a mask.
const reducedOrMask = 1 | 4

// check looks for what no decoder could read. It sets Damage for a page whose
// data leave the file.
func (p *TIFFPage) check(size uint64, offsets, counts []uint64) error {
	switch {
	case p.Width <= 0 || p.Height <= 0:
		return Damaged("a page of the TIFF says that it is %d x %d pixels", p.Width, p.Height)
	case !readable[p.Compression]:
		return Unsupported("a page of the TIFF is compressed by method %d", p.Compression)
	case p.SampleFormat != 1 || p.Bits > 16 || p.Photometric > CIELab:
		return Unsupported("a page of the TIFF has %d-bit samples of format %d and colour model %d", p.Bits, p.SampleFormat, p.Photometric)
	case p.Samples < 1 || p.Samples > 16:
		return Damaged("a page of the TIFF has %d samples a pixel", p.Samples)
	}
	p.Damage = p.damage(size, offsets, counts)
	return nil
}

// damage says what is wrong with the table of strips or tiles, if anything.
func (p *TIFFPage) damage(size uint64, offsets, counts []uint64) string {
	if p.Compression == CompressionOldJPEG && p.Old.Len > 0 && p.Old.At+p.Old.Len <= size {
		return ""
	}
	if want := p.wantPieces(); len(offsets) == 0 || int64(len(offsets)) < want {
		return "its table has fewer strips or tiles than the page needs"
	}
	for i, at := range offsets {
		if at >= size || at == 0 {
			return "its data lie past the end of the file, which is cut short"
		}
		if i < len(counts) && (counts[i] > size || at+counts[i] > size) {
			return "its data pass the end of the file, which is cut short"
		}
	}
	return ""
}

// wantPieces is how many strips or tiles the page must have.
func (p *TIFFPage) wantPieces() int64 {
	planes := int64(1)
	if p.Planar {
		planes = int64(p.Samples)
	}
	if p.Tiled {
		return planes * ceil(p.Width, p.TileWidth) * ceil(p.Height, p.TileHeight)
	}
	return planes * ceil(p.Height, p.RowsPerStrip)
}

func ceil(n, by int) int64 {
	if by <= 0 {
		return 1
	}
	return (int64(n) + int64(by) - 1) / int64(by)
}

// notTIFF is what a broken beginning is called.
func notTIFF(size int64) error {
	return sdk.Refuse("damaged", "scan the page again", "the TIFF of %d bytes ends inside its header", size)
}
