package overnats

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/strict"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// packer makes bytes of answers and answers of bytes. It may be used from any goroutine.
//
// An answer is one line of JSON, which says all but the page, and the page behind it, in
// one zstd frame: some 200 KB of text become 30.
type packer struct {
	in  *zstd.Decoder
	out *zstd.Encoder
}

func newPacker() (*packer, error) {
	in, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxAnswer), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		return nil, err
	}
	out, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		in.Close()
		return nil, err
	}
	return &packer{in, out}, nil
}

func (p *packer) close() {
	p.in.Close()
	_ = p.out.Close() // nothing is being written
}

// pack refuses what the other side would not take.
func (p *packer) pack(a farm.Answer) ([]byte, error) {
	if len(a.Page) > ocr.MaxJSON {
		return nil, fmt.Errorf("the text of the page has %d bytes", len(a.Page))
	}
	line, err := json.Marshal(a.Text)
	if err != nil {
		return nil, err
	}
	packed := p.out.EncodeAll(append(append(line, '\n'), a.Page...), nil)
	if len(packed) > maxPacked {
		return nil, fmt.Errorf("the text of the page has %d bytes, packed", len(packed))
	}
	return packed, nil
}

func (p *packer) unpack(packed []byte) (farm.Answer, error) {
	if len(packed) > maxPacked {
		return farm.Answer{}, fmt.Errorf("an answer of %d bytes", len(packed))
	}
	raw, err := p.in.DecodeAll(packed, nil)
	if err != nil {
		return farm.Answer{}, fmt.Errorf("an answer: %w", err)
	}
	end := bytes.IndexByte(raw, '\n')
	if end < 0 || len(raw)-end-1 > ocr.MaxJSON {
		return farm.Answer{}, errors.New("an answer without a page, or with too large a one")
	}
	var text core.PageText
	if err := strict.JSON(raw[:end], &text); err != nil {
		return farm.Answer{}, fmt.Errorf("an answer: %w", err)
	}
	return farm.Answer{Text: text, Page: raw[end+1:]}, nil
}

// cut makes messages of an answer, none over limit bytes.
func cut(packed []byte, limit int64) [][]byte {
	sum := sha256.Sum256(packed)
	size := int(piece(limit))
	f := frame{Kind: kindPart, Parts: (len(packed) + size - 1) / size, Sum: hex.EncodeToString(sum[:])}
	var out [][]byte
	for ; f.Part < f.Parts; f.Part++ {
		at := f.Part * size
		out = append(out, f.encode(packed[at:min(at+size, len(packed))]))
	}
	return out
}

// assembly is an answer whose parts come in order.
type assembly struct {
	first frame
	next  int
	bytes []byte
}

// add takes a part, and reports that it was the last one.
func (a *assembly) add(f frame, load []byte) (whole bool, err error) {
	if a.next == 0 {
		a.first = f
	}
	if f.Part != a.next || f.Parts != a.first.Parts || f.Sum != a.first.Sum {
		return false, fmt.Errorf("part %d of an answer came where part %d was to come", f.Part, a.next)
	}
	if len(a.bytes)+len(load) > maxPacked {
		return false, fmt.Errorf("an answer of more than %d bytes", maxPacked)
	}
	a.next++
	a.bytes = append(a.bytes, load...)
	if a.next < f.Parts {
		return false, nil
	}
	if sum := sha256.Sum256(a.bytes); hex.EncodeToString(sum[:]) != f.Sum {
		return false, errors.New("an answer came damaged")
	}
	return true, nil
}
