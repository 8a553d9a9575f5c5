package join

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core/license"
)

// licences checks the prerequisites of a pair: a permanent licence of the role 03 on the
// primary (GS7), one of 04 on the joiner (GS8), each by the name of what fails (GS9); both
// of one signer, for all cores (EP17) and with addresses of both servers (EP18).
func (m meeting) licences() []Problem {
	var all []Problem
	for _, side := range []struct {
		p    Proposal
		want license.Role
	}{{m.primary, license.Primary}, {m.joiner, license.Secondary}} {
		l, found := m.licence(side.p, side.want)
		all = append(all, found...)
		if l != nil {
			all = append(all, m.extent(*l)...)
		}
	}
	return all
}

// licence checks one server's own; nil: it cannot be read.
func (m meeting) licence(p Proposal, want license.Role) (*license.Signed, []Problem) {
	who, id := m.name(p), p.Server.ID
	if len(p.Licence) == 0 {
		return nil, []Problem{{ProblemNone, id, fmt.Sprintf("%s has no licence in force: in a pair it needs a permanent one with the role %s", who, want),
			"activate one on " + who + ": twinleaf activate FILE"}}
	}
	if len(m.trusted) == 0 {
		return nil, nil // this server has no licence, which is told
	}
	l, err := license.Read(p.Licence, m.trusted...)
	if errors.Is(err, license.ErrUntrusted) {
		return nil, []Problem{{ProblemSigner, "", fmt.Sprintf("the licence of %s is signed by another key than this server trusts (%s): %s", who, license.NameOf(m.trusted[0]), firstLine(err)),
			"have both licences signed by one key"}}
	}
	if err != nil {
		return nil, []Problem{{ProblemDamaged, id, fmt.Sprintf("the licence of %s is not valid: %s", who, firstLine(err)),
			"activate the licence as it was issued on " + who + ": twinleaf activate FILE"}}
	}
	var all []Problem
	if l.Key.Role() != want {
		all = append(all, Problem{ProblemRole, id, fmt.Sprintf("licence %s of %s has the role %s: it needs %s, as the primary is where the pair is begun", l.Key, who, l.Key.Role(), want),
			"begin the pair on the server that has 03; or on " + who + " run twinleaf deactivate, then activate a licence with the role " + string(want)})
	}
	if l.Kind != license.Permanent {
		all = append(all, Problem{ProblemTrial, id, fmt.Sprintf("licence %s of %s is a %s one: a pair needs permanent ones", l.Key, who, l.Kind),
			"activate a permanent licence on " + who})
	}
	if code, _ := l.State(m.now); code == license.Expired {
		all = append(all, Problem{ProblemExpired, id, fmt.Sprintf("licence %s of %s is %s (%d)", l.Key, who, code.Text(), code),
			"check the clock of " + who + ", or activate another licence there"})
	}
	return &l, all
}

// extent holds a licence against both servers.
func (m meeting) extent(l license.Signed) []Problem {
	var all []Problem
	if n := m.primary.Cores + m.joiner.Cores; n > l.Cores {
		all = append(all, Problem{ProblemCores, string(l.Key), fmt.Sprintf("%s The servers have %d cores together; licence %s allows %d.", license.CPULimit, n, l.Key, l.Cores),
			"issue a licence with the right number of cores and activate it"})
	}
	for _, p := range []Proposal{m.primary, m.joiner} {
		if !slices.ContainsFunc(p.MACs, func(mac string) bool { return slices.Contains(l.MACs, mac) }) {
			all = append(all, Problem{ProblemMACs, string(l.Key) + " " + p.Server.ID,
				fmt.Sprintf("%s None of the MAC addresses of %s (%s) is in licence %s.", license.MultiInvalid, m.name(p), listed(p.MACs), l.Key),
				"issue licences with the MAC addresses of both servers and activate them"})
		}
	}
	return all
}

func listed(macs []string) string {
	if len(macs) == 0 {
		return "it has none"
	}
	const most = 8
	s := strings.Join(macs[:min(len(macs), most)], ", ")
	if len(macs) > most {
		s += ", …"
	}
	return s
}

// signer is the public key under which a licence is valid here; empty: none.
func signer(file []byte, trusted []string) string {
	for _, key := range trusted {
		if _, err := license.Read(file, key); err == nil {
			return key
		}
	}
	return ""
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// signerOf is what both servers pin.
func (m meeting) signerOf() string { return signer(m.primary.Licence, m.trusted) }
