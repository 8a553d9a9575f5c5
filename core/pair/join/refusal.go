package join

import (
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
)

// Codes of failures, beside CodeCode and those of package core.
const (
	CodeClosed      = "pair-closed"      // nobody waits, or not any more
	CodeWrong       = "pair-wrong-code"  // the proof is wrong: another code, or somebody sits in between
	CodeRefused     = "pair-refused"     // the two cannot be a pair, see Refusal
	CodeUnconfirmed = "pair-unconfirmed" // this server is in the pair; whether the other one is, is not known
	CodeUnreachable = "pair-unreachable" // the other server does not answer
)

// again is what to do where the exchange was cut off.
const again = `run "twinleaf pair init" and "twinleaf pair join" once more`

// Refusal is the error of two servers that cannot be a pair, with all reasons.
type Refusal struct {
	Primary, Joiner string // for people; Joiner is empty where the primary cannot even begin
	Problems        []Problem
}

func (r *Refusal) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s and %s cannot be a pair", r.Primary, r.Joiner)
	if r.Joiner == "" {
		b.Reset()
		fmt.Fprintf(&b, "%s cannot begin a pair", r.Primary)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\n  - %s; %s", p.Text, p.Remedy)
	}
	return b.String()
}

// Unwrap makes the refusal known as its Failure.
func (r *Refusal) Unwrap() error { return r.Failure() }

// Failure is the refusal for an API.
func (r *Refusal) Failure() *core.Failure {
	return &core.Failure{Code: CodeRefused, Detail: r.Error(), Remedy: "mend what is named, then " + again, Permanent: true}
}

func (m meeting) refusal(all []Problem) error {
	if len(all) == 0 {
		return nil
	}
	return &Refusal{m.name(m.primary), m.name(m.joiner), all}
}

// Lacking is what a server lacks of a primary's licence, before it asks another one to
// join; nil: nothing.
func Lacking(p Proposal, trusted []string, now time.Time) error {
	m := meeting{primary: p, trusted: trusted, now: now}
	_, found := m.licence(p, license.Primary)
	if len(found) == 0 {
		return nil
	}
	return &Refusal{m.name(p), "", found}
}
