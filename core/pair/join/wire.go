package join

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/strict"
)

// Paths of the exchange, in their order. All are asked by POST.
const (
	pathHello   = "/join/hello"
	pathProve   = "/join/prove"
	pathPropose = "/join/propose"
	pathVerdict = "/join/verdict"
	pathConfirm = "/join/confirm"
)

// maxSmall bounds everything but proposals, in bytes.
const maxSmall = 256 << 10

// What the two servers send, in the order in which they do.
type (
	greeting struct { // asked and answered by hello
		Format int       `json:"format"`
		Clock  time.Time `json:"clock,omitzero"` // of the primary
	}
	proof struct { // asked and answered by prove
		Proof []byte `json:"proof"`
	}
	offer struct { // answered by propose
		Proposal json.RawMessage `json:"proposal"` // of the primary
		Problems []Problem       `json:"problems"` // that it sees
	}
	verdict struct { // asked by verdict: what the joiner sees
		Problems []Problem `json:"problems"`
	}
	grant struct { // answered by verdict, if nobody sees a problem
		Pair    string    `json:"pair"`
		SealKey string    `json:"sealKey,omitempty"` // the key with which secrets are sealed
		At      time.Time `json:"at"`
	}
	confirmation struct { // asked by confirm
		Pair string `json:"pair"`
	}
	refused struct { // answered by each, as the link answers errors
		Failure *core.Failure `json:"failure"`
	}
)

// readJSON decodes at most limit bytes.
func readJSON(r io.Reader, limit int64, into any) error {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return err
	}
	if int64(len(raw)) > limit {
		return fmt.Errorf("more than %d bytes", limit)
	}
	return strict.JSON(raw, into)
}

// answer writes a value, or why there is none.
func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		f := core.AsFailure(err)
		w.WriteHeader(http.StatusConflict)
		v = refused{&f}
	}
	_ = json.NewEncoder(w).Encode(v) // fails only with the connection
}

// caller asks the primary.
type caller struct {
	http *http.Client
	base string // https://host:port
}

// errAnswer is an answer that is none of a server of this version.
var errAnswer = errors.New("the answer is not one of a Twinleaf server of this version")

// ask sends in and decodes the answer into out, within a time. A refusal is a *core.Failure.
func (c caller) ask(ctx context.Context, path string, limit time.Duration, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // read only
	if resp.StatusCode != http.StatusOK {
		return refusedBy(resp)
	}
	if err := readJSON(resp.Body, 2*maxProposal, out); err != nil {
		return fmt.Errorf("%w: %v", errAnswer, err)
	}
	return nil
}

// maxSaid bounds what another server says of a failure, in bytes.
const maxSaid = 8 << 10

// refusedBy is the failure that an answer tells.
func refusedBy(resp *http.Response) error {
	var in refused
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxSmall))
	if err != nil || json.Unmarshal(raw, &in) != nil || in.Failure == nil || in.Failure.Detail == "" {
		return fmt.Errorf("%w: %s", errAnswer, resp.Status)
	}
	f := in.Failure
	f.Detail, f.Remedy = f.Detail[:min(len(f.Detail), maxSaid)], f.Remedy[:min(len(f.Remedy), maxSaid)]
	return f
}
