package watch

import (
	"bufio"
	"io"
)

// Markers of a JPEG.
const (
	markerSOI = 0xd8
	markerEOI = 0xd9
	markerSOS = 0xda
	markerTEM = 0x01
	markerRST = 0xd0 // to 0xd7
)

// lookJPEG reads the segments from SOI to the EOI that belongs to it, so that the
// end of a thumbnail in the header is not taken for the end of the picture.
func lookJPEG(r io.ReaderAt, size int64) (Verdict, string) {
	j := &jpegReader{br: bufio.NewReaderSize(io.NewSectionReader(r, 2, size-2), 64<<10)}
	for {
		m, err := j.marker()
		if err != nil {
			return Cut, "ends before the JPEG's end marker"
		}
		switch {
		case m == markerEOI:
			return j.rest()
		case m == markerSOI || m == markerTEM || (m >= markerRST && m < markerRST+8):
		default:
			if j.skipSegment() != nil {
				return Cut, "ends inside a JPEG segment"
			}
		}
	}
}

type jpegReader struct{ br *bufio.Reader }

// marker finds the next marker and passes over picture data on its way: there FF
// is followed by 0, or by a restart marker.
func (j *jpegReader) marker() (byte, error) {
	for {
		b, err := j.br.ReadByte()
		if err != nil {
			return 0, err
		}
		for b == 0xff {
			if b, err = j.br.ReadByte(); err != nil {
				return 0, err
			}
			if b != 0xff && b != 0 {
				return b, nil
			}
		}
	}
}

func (j *jpegReader) skipSegment() error {
	var n [2]byte
	if _, err := io.ReadFull(j.br, n[:]); err != nil {
		return err
	}
	_, err := j.br.Discard(max(0, int(n[0])<<8+int(n[1])-2))
	return err
}

// rest looks at what follows the picture. Padding is harmless; anything else may
// be the beginning of something that is still on its way.
func (j *jpegReader) rest() (Verdict, string) {
	for n := 0; n < 8<<10; n++ {
		b, err := j.br.ReadByte()
		if err != nil {
			return Whole, "is a whole JPEG"
		}
		if b != 0 && b != 0xff && !isSpace(b) {
			return Doubtful, "has other data after the JPEG's end marker"
		}
	}
	return Doubtful, "has a long tail after the JPEG's end marker"
}
