package journal

import (
	"bytes"
	"os"
	"testing"
)

// FuzzBlock reads any bytes as one of the engine's blocks: every frame that is
// found must be one that was really made, and nothing may panic.
func FuzzBlock(f *testing.F) {
	cfg := testConfig(f)
	cfg.Logger = nil
	j := mustOpen(f, cfg)
	fillTo(f, j, 3)
	mustClose(f, j)
	paths, err := listBlocks(cfg.Dir)
	if err != nil || len(paths) == 0 {
		f.Fatalf("no blocks: %v", err)
	}
	buf, err := os.ReadFile(paths[0])
	if err != nil {
		f.Fatal(err)
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
