package node

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// A peer that left the pair is silent, but there, and works on its jobs.
func TestWhoLeftThePairIsNotStoodInFor(t *testing.T) {
	said := &core.Failure{Code: link.CodeNoPair, Detail: "this server is in no pair any more", Remedy: "leave it, too", Permanent: true}
	copied := &core.Failure{Code: pair.CodeCopiedServer, Detail: "two servers speak as this one", Remedy: "stop one", Permanent: true}
	for _, c := range []struct {
		name  string
		err   error
		stand pair.Stand
	}{
		{"it says that it left", fmt.Errorf("told: %w", said), pair.Standby},
		{"it says that another server is this one", copied, pair.Standby},
		{"somebody on the way says so", fmt.Errorf("%w: %w", link.ErrUnreachable, said), pair.Ours},
		{"it serves nobody for a while", &core.Failure{Code: link.CodeUnknownCertificate}, pair.Ours},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := lazily(t)
				a.accept("job")
				agree(t, a, b, "job")
				a.wire.silence(true)
				b.wire.fails(func(string) error { return c.err })
				began := time.Now()
				eventually(t, "time has passed", func() bool { return time.Since(began) > 12*time.Second })
				s := b.node.Status()
				if s.Stand != c.stand || !b.works() {
					t.Errorf("it stands %s and is %s, want %s", s.Stand, s.Phase, c.stand)
				}
				if why := (*core.Failure)(nil); c.stand == pair.Standby && errors.As(c.err, &why) && s.Refused != why.Code {
					t.Errorf("the status says %q", s.Refused)
				}
			})
		})
	}
}
