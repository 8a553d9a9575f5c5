package link

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/twinleaf-scan/twinleaf/core"
)

// proof reads a blob and fails at its end unless it is the blob of that name: whoever
// reads to io.EOF has the right one.
type proof struct {
	r    io.Reader
	ref  core.Ref
	size int64 // that it must have; -1: any
	read int64
	hash hash.Hash
}

func newProof(r io.Reader, ref core.Ref, size int64) *proof {
	return &proof{r: r, ref: ref, size: size, hash: sha256.New()}
}

func (p *proof) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.hash.Write(b[:n])
	p.read += int64(n)
	if p.read > MaxBlob {
		return 0, core.Refuse(core.CodeOverLimit, "split the document", "blob %s has more than %d bytes, which is all that goes to a peer", p.ref, int64(MaxBlob))
	}
	if err == io.EOF {
		err = p.verdict()
	}
	return n, err
}

// verdict is io.EOF when all is well.
func (p *proof) verdict() error {
	if p.size >= 0 && p.read != p.size {
		return fmt.Errorf("blob %s: %d of %d bytes came: %w", p.ref, p.read, p.size, io.ErrUnexpectedEOF)
	}
	if got := hex.EncodeToString(p.hash.Sum(nil)); got != string(p.ref) {
		return core.Refuse(core.CodeDamaged, `run "twinleaf doctor" on the server that sent it; its disk may be damaged`,
			"blob %s came with other content, %s", p.ref, got)
	}
	return io.EOF
}

func checkBlob(ref core.Ref, size int64) error {
	if raw, err := hex.DecodeString(string(ref)); err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != string(ref) {
		return core.Refuse(core.CodeBadRequest, "", "%.80q is no name of a blob", string(ref))
	}
	if size < 0 || size > MaxBlob {
		return core.Refuse(core.CodeOverLimit, "split the document", "blob %s has %d bytes; from 0 to %d go to a peer", ref, size, int64(MaxBlob))
	}
	return nil
}
