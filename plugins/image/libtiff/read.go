// Package libtiff decodes the pages of TIFF files and writes bilevel pages as G4,
// through the system's libtiff. Words of its errors come back as Go errors;
// nothing is printed.
//
// A page is named by the position of its directory, as package head found it.
package libtiff

/*
#cgo pkg-config: libtiff-4
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
)

// maxAlloc bounds one allocation inside libtiff in bytes. The decoded strip of
// 150 million RGB pixels takes 450 MB.
const maxAlloc = 700 << 20

// Page is an open page. It is not safe for use by several goroutines.
type Page struct {
	t    *C.tl_tiff
	info head.TIFFPage
	h    raster.Header
	y    int
	next func(row []byte) error
}

// Open prepares page p of the file for reading, in the order in which its rows
// are stored. Close it.
func Open(path string, p head.TIFFPage) (*Page, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	page := &Page{t: C.tl_open(name, maxAlloc), info: p}
	page.h = raster.Header{Width: p.Width, Height: p.Height}
	if page.t == nil {
		return nil, fmt.Errorf("open %s: out of memory", path)
	}
	if page.t.tif == nil || C.tl_directory(page.t, C.uint64_t(p.Directory)) == 0 {
		defer page.Close()
		return nil, page.broken("open")
	}
	if err := page.choose(); err != nil {
		page.Close()
		return nil, err
	}
	return page, nil
}

// Close frees the page.
func (p *Page) Close() {
	C.tl_close(p.t)
	p.t = nil
}

// Header is the size of the page and the form of its rows.
func (p *Page) Header() raster.Header { return p.h }

// Read gives the next row. A damaged strip is an error of code "damaged".
func (p *Page) Read(row []byte) error {
	if err := p.next(row); err != nil {
		return err
	}
	p.y++
	if p.y == p.h.Height {
		return p.verdict()
	}
	return nil
}

// verdict judges a fax page by its broken rows: the decoder mends each and goes
// on. A line's noise is a few of them; more than one in twenty means that what
// was read is not the page.
func (p *Page) verdict() error {
	if n := int(p.t.errors); n > 2+p.h.Height/20 {
		return head.Damaged("decode the TIFF page: %d of its %d rows are broken (%s)", n, p.h.Height, p.message())
	}
	return nil
}

func (p *Page) message() string {
	if m := C.GoString(&p.t.message[0]); m != "" {
		return m
	}
	return "the decoder gives no reason"
}

func (p *Page) broken(doing string) error {
	return head.Damaged("%s the TIFF page, row %d of %d: %s", doing, p.y+1, p.info.Height, p.message())
}

// choose picks the cheapest way to read the page: its own rows where they are
// plain, and libtiff's RGBA conversion for everything else.
func (p *Page) choose() error {
	i := p.info
	plain := !i.Tiled && (!i.Planar || i.Samples == 1) && i.Compression != head.CompressionOldJPEG
	switch {
	case plain && i.Bits == 1 && i.Samples == 1 && i.Photometric <= head.MinIsBlack:
		p.h.Form = raster.Bilevel
		return p.rows(i.Photometric == head.MinIsBlack)
	case plain && (i.Bits == 8 || i.Bits == 16) && i.Samples == 1 && i.Photometric <= head.MinIsBlack:
		p.h.Form = raster.Gray
		return p.rows(i.Photometric == head.MinIsWhite)
	case plain && (i.Bits == 8 || i.Bits == 16) && i.Samples == 3 && i.Photometric == head.RGB:
		p.h.Form = raster.RGB
		return p.rows(false)
	case plain && i.Bits == 8 && i.Samples == 3 && i.Photometric == head.YCbCr && i.Compression == head.CompressionJPEG:
		p.h.Form = raster.RGB
		if C.tl_jpeg_as_rgb(p.t) == 0 {
			return p.broken("prepare")
		}
		return p.rows(false)
	}
	return p.bands()
}

// rows reads row by row as they are stored.
func (p *Page) rows(invert bool) error {
	size := int(C.TIFFScanlineSize64(p.t.tif))
	deep := p.info.Bits == 16
	if want := p.h.Stride(); size < want || deep && size < 2*want {
		return head.Damaged("decode the TIFF page: its rows are %d bytes long for %d pixels", size, p.h.Width)
	}
	in := make([]byte, size)
	p.next = func(row []byte) error {
		if C.tl_scanline(p.t, unsafe.Pointer(&in[0]), C.uint32_t(p.y)) == 0 {
			return p.broken("decode")
		}
		row = row[:p.h.Stride()]
		if deep {
			highBytes(row, in)
		} else {
			copy(row, in)
		}
		if invert {
			for i := range row {
				row[i] ^= 0xFF
			}
		}
		return nil
	}
	return nil
}

// highBytes takes the upper byte of 16-bit samples in the machine's order.
func highBytes(dst, src []byte) {
	words := unsafe.Slice((*uint16)(unsafe.Pointer(&src[0])), len(src)/2)
	for i := range dst {
		dst[i] = byte(words[i] >> 8)
	}
}

// bands reads whole strips or rows of tiles as RGBA.
func (p *Page) bands() error {
	if C.tl_rgba_begin(p.t) == 0 {
		return head.Unsupported("decode the TIFF page: %s", p.message())
	}
	p.h.Form = raster.RGB
	if p.info.Photometric <= head.MinIsBlack || C.tl_is_gray(p.t) != 0 {
		p.h.Form = raster.Gray
	}
	step := p.info.RowsPerStrip
	if p.info.Tiled {
		step = p.info.TileHeight
	}
	if step <= 0 || step > p.h.Height {
		step = p.h.Height
	}
	var band []uint32
	p.next = func(row []byte) error {
		if p.y%step == 0 {
			if band == nil {
				band = make([]uint32, step*p.h.Width)
			}
			n := min(step, p.h.Height-p.y)
			if C.tl_rgba_rows(p.t, (*C.uint32_t)(unsafe.Pointer(&band[0])), C.uint32_t(p.y), C.uint32_t(n)) == 0 {
				return p.broken("decode")
			}
		}
		p.onWhite(row, band[p.y%step*p.h.Width:][:p.h.Width])
		return nil
	}
	return nil
}

// onWhite lays a row of premultiplied ABGR pixels on white.
func (p *Page) onWhite(row []byte, band []uint32) {
	if p.h.Form == raster.Gray {
		for i, v := range band {
			row[i] = over(v, 255-v>>24)
		}
		return
	}
	for i, v := range band {
		a := 255 - v>>24
		row[3*i], row[3*i+1], row[3*i+2] = over(v, a), over(v>>8, a), over(v>>16, a)
	}
}

func over(sample, white uint32) byte { return byte(min(sample&255+white, 255)) }
