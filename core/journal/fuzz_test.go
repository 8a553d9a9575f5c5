package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/minio/highwayhash"

	"github.com/twinleaf-scan/twinleaf/core"
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

// FuzzPut gives a copy and a journal any bytes: they take them, or refuse them
// with an error they know and change nothing. What is taken comes back as it was.
func FuzzPut(f *testing.F) {
	owner := memoryWith(f, 1, 30)
	frames, err := owner.Frames(f.Context(), 1, maxBytes)
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []int{0, 9, 10, 11, 20} { // before, over and behind what is there
		for mend := range byte(4) {
			f.Add(bytes.Join(frames[n:n+3], nil), mend)
		}
	}
	other, _ := chain{4, Hash{1}}.next([][]byte{frames[4][frameHeader+1:]}, "b", 7)
	f.Add(other[0], byte(3))
	f.Add(frames[10][:100], byte(1))
	f.Add([]byte{}, byte(0))
	f.Fuzz(func(t *testing.T, b []byte, mend byte) {
		given := mendFrames(cutFrames(b), mend)
		own, cp, empty := NewMemory(Config{Writer: "a"}), NewMemoryCopy(Config{}), NewMemoryCopy(Config{})
		for _, put := range []func(context.Context, [][]byte) (Seq, error){own.Restore, cp.Put} {
			if _, err := put(t.Context(), frames[:10]); err != nil {
				t.Fatal(err)
			}
		}
		for name, c := range map[string]interface {
			shipper
			Reader
			give(context.Context, [][]byte) (Seq, error)
		}{"journal": own.memstore, "copy": cp.store, "empty copy": empty.store} {
			before, hash := c.End()
			seq, err := c.give(t.Context(), given)
			after, now := c.End()
			if err != nil {
				checkRefusal(t, name, err)
				if before != after || hash != now {
					t.Fatalf("%s: refused with %v, but it goes from %d to %d", name, err, before, after)
				}
				continue
			}
			if seq != after || after < before {
				t.Fatalf("%s: took up to %d, but ends at %d, before %d", name, seq, after, before)
			}
			for e, err := range c.Read(t.Context(), 0) {
				if err != nil {
					t.Fatalf("%s: entry %d cannot be read back: %v", name, e.Seq, err)
				}
			}
			first, _ := c.Bounds()
			for i, raw := range given {
				fr, err := parseFrame(raw)
				if err != nil || fr.seq < first {
					t.Fatalf("%s: took frame %d, of entry %d: %v", name, i, fr.seq, err)
				}
				got, err := c.Frames(t.Context(), fr.seq, 1)
				if err != nil || !bytes.Equal(got[0], raw) {
					t.Fatalf("%s: entry %d comes back as another: %v", name, fr.seq, err)
				}
			}
		}
	})
}

// cutFrames cuts bytes before each frame's magic.
func cutFrames(b []byte) [][]byte {
	var frames [][]byte
	for len(b) > 0 {
		n := bytes.Index(b[1:], []byte(frameMagic)) + 1
		if n == 0 {
			n = len(b)
		}
		frames, b = append(frames, b[:n]), b[n:]
	}
	return frames
}

// mendFrames gives frames a hash and a size that are right (bit 0), and each the
// hash of the one before (bit 1): chance would not find any.
func mendFrames(frames [][]byte, mend byte) [][]byte {
	if mend&1 == 0 {
		return frames
	}
	for i, raw := range frames {
		if len(raw) < frameHeader {
			continue
		}
		raw = bytes.Clone(raw)
		if i > 0 && mend&2 != 0 && len(frames[i-1]) >= frameHeader {
			copy(raw[64:], frames[i-1][8:40])
		}
		copy(raw, frameMagic)
		binary.LittleEndian.PutUint32(raw[40:], uint32(len(raw)))
		hash := sha256.Sum256(raw[40:])
		copy(raw[8:], hash[:])
		frames[i] = raw
	}
	return frames
}

func checkRefusal(t *testing.T, name string, err error) {
	t.Helper()
	var gap *Gap
	var stranger *Stranger
	if errors.As(err, &gap) || errors.As(err, &stranger) {
		return
	}
	for _, known := range []error{ErrForked, ErrFrame, ErrTooLarge, core.ErrUnknownEvent} {
		if errors.Is(err, known) {
			return
		}
	}
	if !strings.HasPrefix(err.Error(), "entry ") { // JSON that is no event, under a hash that is right
		t.Fatalf("%s: refused with %v", name, err)
	}
}
