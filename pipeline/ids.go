package pipeline

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/twinleaf-scan/twinleaf/core"
)

// idSource makes job ids that sort by time.
type idSource struct {
	server  string
	mu      sync.Mutex // guards entropy
	entropy *ulid.MonotonicEntropy
}

func newIDs(server string) *idSource {
	return &idSource{server: server, entropy: ulid.Monotonic(rand.Reader, 0)}
}

func (s *idSource) next(now time.Time) (core.JobID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := ulid.New(ulid.Timestamp(now), s.entropy)
	if err != nil {
		return "", err
	}
	return core.JobID(s.server + "-" + id.String()), nil
}
