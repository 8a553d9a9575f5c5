package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// shipBytes is what Frames gives when it is not told how much.
const shipBytes = 1 << 20

// End gives the last entry's sequence and hash; 0 and none when there never was one.
func (s *store) End() (Seq, Hash) {
	end := s.tail.chain()
	return end.last, end.hash
}

// HashAt gives the hash of an entry. It knows that of the entry before the first
// too; of those before it is ErrCompacted, behind the last a *Gap.
func (s *store) HashAt(ctx context.Context, seq Seq) (Hash, error) {
	if err := s.tail.err(); err != nil {
		return Hash{}, err
	}
	return s.chained().hashAt(ctx, seq)
}

// Frames gives entries from the sequence from on as they are to be shipped: about
// max bytes, at most MaxBatch entries, at least one, never a part of an append
// whose rest is there. When there is none yet it waits for one. 0 for from means
// the first there is, 0 for max 1 MiB. It ends with ErrCompacted, a *Gap when the
// entry before from is not there, and otherwise as Read does.
func (s *store) Frames(ctx context.Context, from Seq, max int) ([][]byte, error) {
	from, end, err := s.tail.await(ctx, from)
	if err != nil {
		return nil, err
	}
	return readWhole(ctx, s.rawFrames, from, end, max)
}

// chained is the store as entries from outside are held against it.
func (s *store) chained() chained {
	base, end := s.tail.ends()
	return chained{base: base, end: end, writers: s.cfg.writers(), frame: s.frameAt}
}

// writers are the names that the first entry may bear; none: any.
func (c Config) writers() []string {
	if c.Writer == "" {
		return nil
	}
	return append([]string{c.Writer}, c.Formerly...)
}

// frameAt reads one entry that is there.
func (s *store) frameAt(ctx context.Context, seq Seq) (frame, error) {
	frames, err := s.rawFrames(ctx, seq, 1, 1)
	if err != nil {
		return frame{}, err
	}
	f, err := parseFrame(frames[0])
	if err == nil && f.seq != seq {
		err = fmt.Errorf("entry %d stands in its place", f.seq)
	}
	if err != nil {
		return frame{}, s.unreadable(seq, err.Error())
	}
	return f, nil
}

// rawFrames reads up to n entries that are there, at least one, as they lie on disk.
// No more than one of them goes over max bytes.
func (s *store) rawFrames(ctx context.Context, from Seq, n, max int) ([][]byte, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		frames, err := s.rawOnce(ctx, from, n, max)
		if !errors.Is(err, errStale) {
			return frames, err
		}
	}
}

func (s *store) rawOnce(ctx context.Context, from Seq, n, max int) ([][]byte, error) {
	src, err := s.openStream()
	if err != nil {
		return nil, err
	}
	defer src.stop()
	src.entries, src.bytes = n, max
	return src.answer(ctx, from)
}

// rawReader reads up to n entries from a sequence on, about max bytes of them.
type rawReader func(ctx context.Context, from Seq, n, max int) ([][]byte, error)

// readWhole reads entries of from..end and leaves out the beginning of an
// append whose rest did not fit, unless that is all there is.
func readWhole(ctx context.Context, read rawReader, from, end Seq, max int) ([][]byte, error) {
	if max <= 0 {
		max = shipBytes
	}
	n := int(min(end-from+1, MaxBatch))
	frames, err := read(ctx, from, n, min(max, maxBytes))
	if err != nil {
		return nil, err
	}
	whole := len(frames)
	for whole > 0 && frameLeft(frames[whole-1]) > 0 {
		whole--
	}
	if whole > 0 {
		return frames[:whole], nil
	}
	for len(frames) < n && frameLeft(frames[len(frames)-1]) > 0 {
		more, err := read(ctx, from+Seq(len(frames)), min(n-len(frames), int(frameLeft(frames[len(frames)-1]))), maxBytes)
		if err != nil {
			return nil, err
		}
		frames = append(frames, more...)
	}
	return frames, nil
}

// frameLeft is how many entries of its append follow the frame.
func frameLeft(raw []byte) uint32 {
	if frameSize(raw) == 0 {
		return 0 // whoever it is shipped to will say so
	}
	return binary.LittleEndian.Uint32(raw[44:])
}
