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
	whole       Seq    // the last frame that ends a batch; 0: none here does
	block       string
	from, to    int // bytes in the block
}

// block is what one of the engine's files holds.
type block struct {
	path string
	runs []run
	flaw string       // what is wrong with it; "" when nothing is
	bad  int          // where the flaw begins; no run goes across
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
	return scanBlock(path, buf, want)
}

// scanBlock is readBlock for the bytes of a block.
func scanBlock(path string, buf []byte, want []Seq) (block, error) {
	b := block{path: path, bad: len(buf), seen: map[Seq]Hash{}}
	number, _ := blockNumber(path)
	if bad, why := walkRecords(buf, number); why != "" {
		b.bad, b.flaw = bad, fmt.Sprintf("%s: %s at byte %d of %d", filepath.Base(path), why, bad, len(buf))
	}
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
	return b, nil
}

func (b *block) add(f frame, start, end int) {
	n := len(b.runs)
	if n == 0 || f.seq != b.runs[n-1].last+1 || f.prev != b.runs[n-1].hash || b.runs[n-1].to <= b.bad && b.bad < start {
		b.runs = append(b.runs, run{first: f.seq, prev: f.prev, block: b.path, from: start})
		n++
	}
	r := &b.runs[n-1]
	r.last, r.hash, r.left, r.to = f.seq, f.hash, f.left, end
	if f.left == 0 {
		r.whole = f.seq
	}
}

// cutTorn takes the end off that a crash in the middle of a write leaves: what
// lies behind the flaw was not acknowledged yet. It reports whether that is all
// that is wrong. acked is the last acknowledged sequence as far as it is known.
func (b *block) cutTorn(acked Seq, known bool) bool {
	keep := len(b.runs)
	for keep > 0 && b.runs[keep-1].from > b.bad {
		keep--
		if !known || b.runs[keep].first <= acked {
			return false
		}
	}
	b.runs = b.runs[:keep]
	return true
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

// startsFrame reports whether a frame, or nothing, lies behind a record's header. The
// header's length is the one thing in a record that its checksum does not cover.
func startsFrame(length, data []byte) bool {
	if len(length) == 0 {
		return true // there is no header
	}
	n := binary.LittleEndian.Uint32(length)
	return int64(n) <= int64(len(data)) && (int(n) == len(data) || bytes.HasPrefix(data[n:], []byte(frameMagic)))
}

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
		if !startsFrame(data[slen:body], data[body:]) {
			return at, "record with a header of another length"
		}
		at += int(size)
	}
	return at, ""
}
