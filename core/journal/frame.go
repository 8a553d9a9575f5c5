package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
)

// An entry is stored as one frame:
//
//	 0  magic    8   begins with a byte that JSON never has
//	 8  hash    32   SHA-256 of everything after it
//	40  size     4   of the whole frame, little endian like all numbers
//	44  left     4   entries of the same batch still to come
//	48  seq      8
//	56  epoch    8
//	64  prev    32   hash of the frame before
//	96  n        1   length of the writer's name
//	97  writer   n
//	    event        JSON, to the end
//
// A frame can be found and proven inside any bytes, whatever the engine puts
// around it; that is what Open's check and Recover live on.
const (
	frameMagic  = "\x00TWJ1\n\xf7\xff"
	frameHeader = 97
	maxName     = 255 // bytes of a writer's name
	frameMax    = frameHeader + maxName + MaxEvent
)

type frame struct {
	seq    Seq
	epoch  uint64
	left   uint32
	prev   Hash
	hash   Hash
	writer []byte // into the frame's bytes, as event
	event  []byte
}

// appendFrame appends the frame to dst; f.hash is ignored. It gives the hash.
func appendFrame(dst []byte, f frame) ([]byte, Hash) {
	start := len(dst)
	dst = append(dst, frameMagic...)
	dst = append(dst, make([]byte, len(Hash{}))...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(frameHeader+len(f.writer)+len(f.event)))
	dst = binary.LittleEndian.AppendUint32(dst, f.left)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(f.seq))
	dst = binary.LittleEndian.AppendUint64(dst, f.epoch)
	dst = append(dst, f.prev[:]...)
	dst = append(dst, byte(len(f.writer)))
	dst = append(dst, f.writer...)
	dst = append(dst, f.event...)
	hash := Hash(sha256.Sum256(dst[start+40:]))
	copy(dst[start+8:], hash[:])
	return dst, hash
}

// frameSize gives the length of the frame that b begins with, as far as its
// header tells; 0 when b begins with none.
func frameSize(b []byte) int {
	if len(b) < frameHeader || string(b[:8]) != frameMagic {
		return 0
	}
	size := int(binary.LittleEndian.Uint32(b[40:]))
	if size < frameHeader || size > frameMax || size > len(b) {
		return 0
	}
	return size
}

// parseFrame reads a frame that b consists of. The result points into b.
func parseFrame(b []byte) (frame, error) {
	if frameSize(b) != len(b) || len(b) == 0 {
		return frame{}, ErrFrame
	}
	if Hash(b[8:40]) != sha256.Sum256(b[40:]) {
		return frame{}, ErrFrame
	}
	event := frameHeader + int(b[96])
	if event > len(b) {
		return frame{}, ErrFrame
	}
	return frame{
		hash:   Hash(b[8:40]),
		left:   binary.LittleEndian.Uint32(b[44:]),
		seq:    Seq(binary.LittleEndian.Uint64(b[48:])),
		epoch:  binary.LittleEndian.Uint64(b[56:]),
		prev:   Hash(b[64:96]),
		writer: b[frameHeader:event],
		event:  b[event:],
	}, nil
}

// entry decodes the frame's event.
func (f frame) entry() (Entry, error) {
	e, err := core.DecodeEvent(f.event)
	if err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", f.seq, err)
	}
	return Entry{Seq: f.seq, Writer: string(f.writer), Epoch: f.epoch, Prev: f.prev, Hash: f.hash, Event: e}, nil
}

// encodeAll encodes the events of one Append and holds them to the limits.
func encodeAll(events []core.Event) ([][]byte, error) {
	if len(events) > MaxBatch {
		return nil, fmt.Errorf("append %d events at once, limit %d: %w", len(events), MaxBatch, ErrTooLarge)
	}
	lines := make([][]byte, len(events))
	sum := 0
	for i, e := range events {
		line, err := core.EncodeEvent(e)
		if err != nil {
			return nil, fmt.Errorf("append: %w", err)
		}
		if len(line) > MaxEvent {
			return nil, fmt.Errorf("append %s of %d bytes, limit %d: %w", e.Body.Type(), len(line), MaxEvent, ErrTooLarge)
		}
		sum += len(line)
		lines[i] = line
	}
	if sum > maxBytes {
		return nil, fmt.Errorf("append %d bytes at once, limit %d: %w", sum, maxBytes, ErrTooLarge)
	}
	return lines, nil
}

// chain is the end of a journal: what the next frame goes onto.
type chain struct {
	last Seq
	hash Hash
}

// next frames the lines as one batch behind c and gives the chain after them.
func (c chain) next(lines [][]byte, writer string, epoch uint64) ([][]byte, chain) {
	frames := make([][]byte, len(lines))
	for i, line := range lines {
		f := frame{
			seq: c.last + 1, prev: c.hash, epoch: epoch, left: uint32(len(lines) - 1 - i),
			writer: []byte(writer), event: line,
		}
		frames[i], c.hash = appendFrame(make([]byte, 0, frameHeader+len(writer)+len(line)), f)
		c.last++
	}
	return frames, c
}
