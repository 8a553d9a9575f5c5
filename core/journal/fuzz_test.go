package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/minio/highwayhash"
)

// FuzzBlock reads any bytes as one of the engine's blocks: every frame that is
// found must be one that was really made, and nothing may panic.
func FuzzBlock(f *testing.F) {
	lines, err := encodeAll(events(1, 3))
	if err != nil {
		f.Fatal(err)
	}
	frames, _ := chain{}.next(lines, "a", 0)
	var buf []byte
	for i, raw := range frames {
		buf = appendRecord(buf, 1, uint64(i+1), raw)
	}
	if at, why := walkRecords(buf, 1); why != "" {
		f.Fatalf("the records of the test are no good: %s at %d", why, at)
	}
	f.Add(buf)
	f.Add(buf[:len(buf)-3])
	f.Add(buf[5:])
	f.Add(bytes.Repeat([]byte(frameMagic), 20))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, buf []byte) {
		b, err := scanBlock("1.blk", buf, []Seq{1, 2})
		if err != nil {
			return // an event of an unknown type, with a valid hash
		}
		for _, r := range b.runs {
			if r.first > r.last || r.from >= r.to || r.to > len(buf) {
				t.Fatalf("run %+v of a block of %d bytes", r, len(buf))
			}
			for at := r.from; at < r.to; {
				fr, start, end, ok := nextFrame(buf[:r.to], at)
				if !ok {
					t.Fatalf("run %+v has no frame at %d", r, at)
				}
				again, hash := appendFrame(nil, fr)
				if hash != fr.hash || !bytes.Equal(again, buf[start:end]) {
					t.Fatalf("frame %d is not the one that would be written", fr.seq)
				}
				if place := recordAt(buf, start); place > start {
					t.Fatalf("record of the frame at %d begins at %d", start, place)
				}
				at = end
			}
		}
		_ = b.cutTorn(2, true)
	})
}

// appendRecord appends a record as the engine writes it.
func appendRecord(buf []byte, number uint32, seq uint64, msg []byte) []byte {
	start := len(buf)
	header := []byte("NATS/1.0\r\nNats-Expected-Last-Sequence: 0\r\n\r\n")
	size := recordHead + len(subject) + 4 + len(header) + len(msg) + recordSum
	buf = binary.LittleEndian.AppendUint32(buf, uint32(size)|recordsHave)
	buf = binary.LittleEndian.AppendUint64(buf, seq)
	buf = binary.LittleEndian.AppendUint64(buf, 12345) // time
	buf = binary.LittleEndian.AppendUint16(buf, uint16(len(subject)))
	buf = append(buf, subject...)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(header)))
	buf = append(append(buf, header...), msg...)
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", streamName, number))
	sum, err := highwayhash.New64(key[:])
	if err != nil {
		panic(err)
	}
	sum.Write(buf[start+4 : start+20])
	sum.Write([]byte(subject))
	sum.Write(buf[start+recordHead+len(subject)+4:])
	return sum.Sum(buf)
}

func FuzzWatermark(f *testing.F) {
	f.Add(encodeMark(mark{end: chain{7, Hash{1}}, base: chain{3, Hash{2}}}, 9))
	f.Add(make([]byte, markSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, count, ok := decodeMark(b)
		if ok && !bytes.Equal(encodeMark(m, count), b) {
			t.Fatalf("%x was read as %+v, %d", b, m, count)
		}
	})
}
