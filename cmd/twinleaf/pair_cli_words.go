package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// phaseWords says where a server stands with its own jobs.
func phaseWords(phase string) string {
	switch pair.Phase(phase) {
	case pair.Meeting:
		return "looks for the other server"
	case pair.Restoring:
		return "takes back what it lost"
	case pair.Returning:
		return "asks for its jobs"
	case pair.Barrier:
		return "catches up"
	case pair.Working:
		return "works on them"
	case pair.Resting:
		return "leaves them to the other server"
	case pair.Out:
		return "left out, another primary works"
	}
	return "unknown"
}

// standWords says where a server stands with the other one's jobs.
func standWords(stand string) string {
	switch pair.Stand(stand) {
	case pair.Standby:
		return "leaves them alone"
	case pair.Taking:
		return "takes them over"
	case pair.Ours:
		return "works on them"
	case pair.Giving, pair.Closing:
		return "hands them back"
	}
	return "unknown"
}

// causeWords says why a server's jobs are another's.
func causeWords(cause string) string {
	switch pair.Cause(cause) {
	case pair.Network:
		return "it could not be reached"
	case pair.Web:
		return "its web service was down"
	case pair.Data:
		return "its data service was down"
	case pair.Maintenance:
		return "it was put into maintenance"
	case pair.Operator:
		return "an operator asked for it"
	case pair.Engine:
		return "it has no OCR engine"
	}
	return printable(cause)
}

// pairSentence tells of one server in a line.
func pairSentence(s *api.PairServer) string {
	return fmt.Sprintf("%s (%s) is %s; its own jobs: %s; the other server's: %s",
		printable(s.Name), s.Role, itemWords(s.Mode), phaseWords(s.Phase), standWords(s.Stand))
}

func itemWords(i core.Item) string {
	words := printable(cmp.Or(i.State, "unknown"))
	if i.Cause != "" {
		words += " (" + printable(i.Cause) + ")"
	}
	return words
}

func licenseWords(l *api.PairLicense) string {
	if l == nil {
		return "unknown"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", l.Code, printable(l.State), printable(l.Key)))
}

// licensed reports whether a licence needs nobody now.
func licensed(l *api.PairLicense) bool {
	return l == nil || l.Code == int(license.Valid)
}

// moment is a time as people read it: without the day if that is today.
func moment(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// since is how long ago a time was.
func since(t, now time.Time) string {
	d := now.Sub(t)
	if d < 10*time.Second {
		return max(d, 0).Round(100*time.Millisecond).String() + " ago"
	}
	return d.Round(time.Second).String() + " ago"
}

// pairTroubles says what is not as it should be with a pair; nothing: it is well.
func pairTroubles(p api.Pair) []string {
	if !p.Paired || p.Here == nil || p.There == nil {
		return []string{"this server is in no pair"}
	}
	var all []string
	note := func(wrong bool, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	if p.Link == nil || !p.Link.Linked {
		note(true, "%s is not heard", printable(p.There.Name))
	}
	if p.Link != nil && !p.Link.Protected {
		note(true, "unprotected: what is taken now is on one server only")
	}
	for _, s := range []*api.PairServer{p.Here, p.There} {
		name := printable(s.Name)
		note(s.Web.State == "down", "the web service of %s is %s", name, itemWords(s.Web))
		note(s.Data.State == "down", "the data service of %s is %s", name, itemWords(s.Data))
		note(s.Mode.State == pair.ModeMaintenance || s.Mode.State == pair.ModeDraining, "%s is in the mode %s", name, itemWords(s.Mode))
		note(s.Phase == string(pair.Out), "%s is a second primary and left out", name)
		note(!licensed(s.License), "licence of %s: %s", name, licenseWords(s.License))
	}
	note(p.Here.Stand == string(pair.Ours), "%s works on the jobs of %s", printable(p.Here.Name), printable(p.There.Name))
	note(p.There.Stand == string(pair.Ours), "%s works on the jobs of %s", printable(p.There.Name), printable(p.Here.Name))
	note(p.Parity != nil && p.Parity.Checked.IsZero(), "the servers were not compared yet")
	note(p.Parity != nil && !p.Parity.Checked.IsZero() && !p.Parity.At, "not at parity: %s; see \"twinleaf parity\"", counted(p.Parity.Differences, "difference"))
	note(p.Withheld > 0, "%s withheld because of that", counted(p.Withheld, "job"))
	if p.Refused != nil {
		note(true, "%s: %s", printable(p.Refused.Code), printable(p.Refused.Detail))
	}
	return all
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
