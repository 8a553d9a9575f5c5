package head

import "encoding/binary"

// exif is what matters of an EXIF block: its first directory's words on how the
// picture lies and how large it is.
type exif struct {
	orient     int // 0: not said
	xdpi, ydpi float64
}

// readEXIF reads a TIFF-like block. A broken one says nothing: pictures are not
// refused for their metadata.
func readEXIF(b []byte) exif {
	var e exif
	order, ok := byteOrder(b)
	if !ok || len(b) < 8 {
		return e
	}
	at := int(order.Uint32(b[4:]))
	if at < 8 || at > len(b)-2 {
		return e
	}
	n := int(order.Uint16(b[at:]))
	perInch := 1.0
	for i := range n {
		p := at + 2 + 12*i
		if p+12 > len(b) {
			break
		}
		field, value := b[p:p+12], b[p+8:p+12]
		switch order.Uint16(field) {
		case tagOrientation:
			if o := int(order.Uint16(value)); o >= 1 && o <= 8 {
				e.orient = o
			}
		case tagXResolution:
			e.xdpi = exifRational(b, order, value)
		case tagYResolution:
			e.ydpi = exifRational(b, order, value)
		case tagResolutionUnit:
			if order.Uint16(value) == 3 {
				perInch = 2.54
			}
		}
	}
	e.xdpi *= perInch
	e.ydpi *= perInch
	return e
}

func exifRational(b []byte, order binary.ByteOrder, value []byte) float64 {
	p := int64(order.Uint32(value))
	if p+8 > int64(len(b)) {
		return 0
	}
	return ratio(order.Uint32(b[p:]), order.Uint32(b[p+4:]))
}

func ratio(num, den uint32) float64 {
	if den == 0 {
		return 0
	}
	return float64(num) / float64(den)
}

func byteOrder(b []byte) (binary.ByteOrder, bool) {
	if len(b) < 4 {
		return nil, false
	}
	switch string(b[:2]) {
	case "II":
		return binary.LittleEndian, true
	case "MM":
		return binary.BigEndian, true
	}
	return nil, false
}
