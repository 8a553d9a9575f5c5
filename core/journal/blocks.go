package journal

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
)

// The engine cuts a block off at the first record that it cannot read, when it
// starts, on disk and without a word; what lay behind is gone. So the journal
// looks at the blocks itself before the engine does.

// run is a stretch of frames that follow each other in one block.
type run struct {
	first, last Seq
	prev, hash  Hash   // of the first and the last frame
	left        uint32 // of the last frame: entries of its batch that should follow
	block       string
	from, to    int // bytes in the block
}

// block is what one of the engine's files holds.
type block struct {
	path string
	runs []run
	flaw string       // what is wrong with it; "" when nothing is
	torn bool         // the flaw is at its very end, as a crash leaves it
	seen map[Seq]Hash // hashes of the sequences that were asked for
}

// listBlocks gives the paths of the block files in dir in the order of their numbers.
func listBlocks(dir string) ([]string, error) {
	files, err := os.ReadDir(blockDir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the journal's blocks: %w", err)
	}
	var names []string
	for _, f := range files {
		if _, ok := blockNumber(f.Name()); ok && f.Type().IsRegular() {
			names = append(names, filepath.Join(blockDir(dir), f.Name()))
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		na, _ := blockNumber(a)
		nb, _ := blockNumber(b)
		return cmp.Compare(na, nb)
	})
	return names, nil
}

// blockNumber gives n for a file n.blk.
func blockNumber(path string) (uint32, bool) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".blk")
	n, err := strconv.ParseUint(name, 10, 32)
	return uint32(n), ok && err == nil
}

// readBlock finds all intact frames of a block, and what is wrong with it. It
// notes the hashes of the sequences in want.
func readBlock(path string, want []Seq) (block, error) {
	buf, err := os.ReadFile(path)
	if err != nil {
		return block{}, fmt.Errorf("read the journal's block: %w", err)
	}
	b := block{path: path, seen: map[Seq]Hash{}}
	for at := 0; at < len(buf); {
		f, start, end, ok := nextFrame(buf, at)
		if !ok {
			break
		}
		if err := f.decodes(); err != nil {
			return block{}, err
		}
		b.add(f, start, end)
		if slices.Contains(want, f.seq) {
			b.seen[f.seq] = f.hash
		}
		at = end
	}
	number, _ := blockNumber(path)
	if bad, why := walkRecords(buf, number); why != "" {
		b.flaw = fmt.Sprintf("%s: %s at byte %d of %d", filepath.Base(path), why, bad, len(buf))
		b.torn = len(b.runs) == 0 || b.runs[len(b.runs)-1].to <= bad
	}
	return b, nil
}

func (b *block) add(f frame, start, end int) {
	if n := len(b.runs); n > 0 {
		r := &b.runs[n-1]
		if f.seq == r.last+1 && f.prev == r.hash {
			r.last, r.hash, r.left, r.to = f.seq, f.hash, f.left, end
			return
		}
	}
	b.runs = append(b.runs, run{f.seq, f.seq, f.prev, f.hash, f.left, b.path, start, end})
}

// nextFrame finds the first intact frame at or behind at.
func nextFrame(buf []byte, at int) (f frame, start, end int, ok bool) {
	for {
		i := bytes.Index(buf[at:], []byte(frameMagic))
		if i < 0 {
			return frame{}, 0, 0, false
		}
		at += i
		size := frameSize(buf[at:])
		if f, err := parseFrame(buf[at : at+size]); err == nil {
			return f, at, at + size, true
		}
		at++
	}
}

// Layout of the engine's records: length 4, sequence 8, time 8, length of the
// subject 2, subject, with bit 31 of the length a header of 4 bytes length and
// itself, message, checksum 8.
const (
	recordHead  = 22
	recordSum   = 8
	recordsHave = 1 << 31
)

// walkRecords goes from record to record as the engine does and gives the place
// of the first one that the engine would stumble over, and why.
func walkRecords(buf []byte, number uint32) (at int, why string) {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", streamName, number))
	sum, err := highwayhash.New64(key[:])
	if err != nil {
		return 0, err.Error()
	}
	for at < len(buf) {
		if len(buf)-at < recordHead+recordSum {
			return at, "record cut short"
		}
		head := buf[at : at+recordHead]
		size, slen := binary.LittleEndian.Uint32(head), int(binary.LittleEndian.Uint16(head[20:]))
		body := slen
		if size&recordsHave != 0 {
			size, body = size&^recordsHave, body+4
		}
		if int64(at)+int64(size) > int64(len(buf)) {
			return at, "record cut short"
		}
		if int(size) < recordHead+body+recordSum {
			return at, "record with an impossible length"
		}
		data := buf[at+recordHead : at+int(size)-recordSum]
		sum.Reset()
		sum.Write(head[4:20])
		sum.Write(data[:slen])
		sum.Write(data[body:])
		if !bytes.Equal(sum.Sum(nil), buf[at+int(size)-recordSum:at+int(size)]) {
			return at, "record does not match its checksum"
		}
		at += int(size)
	}
	return at, ""
}
