package decode

import (
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
)

// chunks joins the IDAT chunks of a PNG, checking the sum of each.
type chunks struct {
	r    io.ReaderAt
	size int64
	next int64 // where the next chunk begins
	at   int64 // in the present chunk's data
	left int64 // bytes of it to come
	sum  hash.Hash32
}

var errSum = errors.New("a block of image data has a wrong checksum")

func (c *chunks) Read(b []byte) (int, error) {
	for c.left == 0 {
		if err := c.open(); err != nil {
			return 0, err
		}
	}
	n, err := c.r.ReadAt(b[:min(int64(len(b)), c.left)], c.at)
	if n == 0 {
		return 0, err
	}
	c.sum.Write(b[:n])
	c.at += int64(n)
	c.left -= int64(n)
	return n, c.close()
}

// open reads the header of the next chunk. The first that holds no image data ends them.
func (c *chunks) open() error {
	var h [8]byte
	if _, err := c.r.ReadAt(h[:], c.next); err != nil {
		return io.ErrUnexpectedEOF
	}
	if string(h[4:]) != "IDAT" {
		return io.EOF
	}
	c.left = int64(binary.BigEndian.Uint32(h[:]))
	c.at = c.next + 8
	c.next = c.at + c.left + 4
	c.sum = crc32.NewIEEE()
	c.sum.Write(h[4:])
	return nil
}

// close checks the sum of a chunk that has been read through.
func (c *chunks) close() error {
	if c.left > 0 {
		return nil
	}
	var s [4]byte
	if _, err := c.r.ReadAt(s[:], c.at); err != nil {
		return nil // cut short: what follows is missing, and will be missed
	}
	if binary.BigEndian.Uint32(s[:]) != c.sum.Sum32() {
		return errSum
	}
	return nil
}

// CheckSums reads the image data of a PNG through and gives an error where a sum
// is wrong, without decoding anything.
func CheckSums(r io.ReaderAt, size int64, p head.PNG) error {
	if _, err := io.Copy(io.Discard, &chunks{r: r, size: size, next: p.Data}); err != nil {
		return pngDamaged(p, 0, err)
	}
	return nil
}
