package license

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Code is how a licence stands. The numbers are what operators of capture software look for.
type Code int

// The codes.
const (
	Valid      Code = 800000
	NearExpiry Code = 800001 // it ends within 30 days
	Expired    Code = 800002 // or does not hold yet
	KeyMissing Code = 800005
	Unknown    Code = 800006
)

// NearDays is when a licence counts as near its end.
const NearDays = 30

// The messages that stand in the log word for word; the apostrophe is U+2019.
const (
	CPULimit     = "CPU limit exhausted. Can’t allocate more CPUs."
	MultiInvalid = "Invalid license for multi-server environment setup."
)

// Problem is something that a person has to see to.
type Problem struct {
	Code    Code   `json:"code,omitempty"`
	Message string `json:"message"`
	Cause   string `json:"cause"`
	Remedy  string `json:"remedy"`
}

func (p Problem) Error() string { return p.Message + " " + p.Cause }

// ID is what stands for the problem in a log: its code, or a word for those two that
// have none.
func (p Problem) ID() string {
	switch {
	case p.Code != 0:
		return strconv.Itoa(int(p.Code))
	case p.Message == CPULimit:
		return "license-cores"
	case p.Message == MultiInvalid:
		return "license-macs"
	}
	return "license"
}

// State is how a licence stands at a time, with the days that are left where it ends.
func (l License) State(now time.Time) (Code, int) {
	switch left := l.Expires.Sub(now); {
	case now.Before(l.NotBefore):
		return Expired, 0
	case l.Expires.IsZero():
		return Valid, 0
	case left <= 0:
		return Expired, 0
	case left < NearDays*24*time.Hour:
		return NearExpiry, int(left / (24 * time.Hour))
	default:
		return Valid, int(left / (24 * time.Hour))
	}
}

// Text is a code in words.
func (c Code) Text() string {
	switch c {
	case Valid:
		return "valid"
	case NearExpiry:
		return "near expiry"
	case Expired:
		return "expired or not yet valid"
	case KeyMissing:
		return "key missing"
	}
	return "unknown"
}

// Use is what a licence is held against: the servers that work under it.
type Use struct {
	Cores int      // of all servers together
	MACs  []string // of this server, as [ParseMAC] gives them
}

// Problems are what is wrong with the licence as it is used at a time, the gravest last.
func (l License) Problems(now time.Time, u Use) []Problem {
	var all []Problem
	switch code, days := l.State(now); code {
	case NearExpiry:
		all = append(all, Problem{code, "The licence ends soon.",
			fmt.Sprintf("Licence %s ends in %d days, on %s.", l.Key, days, l.Expires.Format(time.DateOnly)),
			"Issue a new licence and activate it on both servers before that day."})
	case Expired:
		cause := fmt.Sprintf("Licence %s ended on %s.", l.Key, l.Expires.Format(time.DateOnly))
		if now.Before(l.NotBefore) {
			cause = fmt.Sprintf("Licence %s holds from %s on.", l.Key, l.NotBefore.Format(time.DateOnly))
		}
		all = append(all, Problem{code, "The licence does not hold now.", cause,
			"Check the server's clock, or issue a new licence and activate it."})
	}
	if u.Cores > l.Cores {
		all = append(all, Problem{Message: CPULimit,
			Cause:  fmt.Sprintf("The servers have %d cores together; licence %s allows %d.", u.Cores, l.Key, l.Cores),
			Remedy: "Issue a new licence with the right number of cores; until then fewer pages are worked on at once."})
	}
	if !slices.ContainsFunc(u.MACs, func(m string) bool { return slices.Contains(l.MACs, m) }) {
		all = append(all, Problem{Message: MultiInvalid,
			Cause:  fmt.Sprintf("None of this server's MAC addresses (%s) is in licence %s.", list(u.MACs), l.Key),
			Remedy: "Issue a new licence with the MAC addresses of all servers."})
	}
	return all
}

func list(macs []string) string {
	if len(macs) == 0 {
		return "it has none"
	}
	s := macs[0]
	for _, m := range macs[1:] {
		s += ", " + m
	}
	return s
}

// Allow is how many cores a server may use for work when the other one uses others: the
// active server comes first, and one core is always left to each.
func (l License) Allow(own, others int, active bool) int {
	if own+others <= l.Cores {
		return own
	}
	if active {
		return max(min(own, l.Cores-1), 1)
	}
	return max(l.Cores-min(others, l.Cores-1), 1)
}
