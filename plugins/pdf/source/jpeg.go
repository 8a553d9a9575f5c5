package source

import "encoding/binary"

// jpegInfo is what the markers of a JPEG say.
type jpegInfo struct {
	width, height, components int
	adobe                     bool // has an Adobe marker: CMYK samples are inverted
}

// parseJPEG reads the markers up to the frame header. false: not a baseline,
// extended or progressive JPEG of 8 bits.
func parseJPEG(b []byte) (info jpegInfo, ok bool) {
	if len(b) < 4 || b[0] != 0xFF || b[1] != 0xD8 {
		return info, false
	}
	for pos := 2; pos+4 <= len(b); {
		if b[pos] != 0xFF {
			return info, false
		}
		marker := b[pos+1]
		if marker == 0xFF { // fill byte
			pos++
			continue
		}
		size := int(binary.BigEndian.Uint16(b[pos+2:]))
		if size < 2 || pos+2+size > len(b) {
			return info, false
		}
		body := b[pos+4 : pos+2+size]
		switch marker {
		case 0xC0, 0xC1, 0xC2:
			if len(body) < 6 || body[0] != 8 {
				return info, false
			}
			info.height, info.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
			info.components = int(body[5])
			return info, info.width > 0 && info.height > 0
		case 0xEE:
			info.adobe = info.adobe || len(body) >= 12 && string(body[:5]) == "Adobe"
		case 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xD9, 0xDA:
			return info, false
		}
		pos += 2 + size
	}
	return info, false
}
