package join

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// Problem is one reason for which two servers cannot be a pair. Both servers look for
// problems; two of one code about one thing are the same, in whatever words.
type Problem struct {
	Code   string `json:"code"`
	About  string `json:"about,omitempty"` // id of a server, a licence's key
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// Codes of problems, beside those of package parity.
const (
	ProblemSelf     = "same-server"
	ProblemPaired   = "in-a-pair"
	ProblemProtocol = "other-protocol"
	ProblemNone     = "license-missing"
	ProblemDamaged  = "license-damaged"
	ProblemSigner   = "license-signer"
	ProblemRole     = "license-role"
	ProblemTrial    = "license-trial"
	ProblemExpired  = "license-expired"
	ProblemCores    = "license-cores"
	ProblemMACs     = "license-macs"
	ProblemSettings = "settings"
	ProblemSealKey  = "secret-key"
	ProblemReach    = "unreachable"
	ProblemJoiner   = "joiner" // it goes no further
)

// meeting is what a server knows once both have told what they are.
type meeting struct {
	primary, joiner Proposal
	here            pair.Role // whose view it is
	trusted         []string  // public keys of whose licences count here
	now             time.Time
}

func (m meeting) name(p Proposal) string {
	if m.primary.Server.Name == m.joiner.Server.Name || p.Server.Name == "" {
		return p.Server.ID
	}
	return p.Server.Name
}

// problems are all reasons against the pair.
func (m meeting) problems() []Problem {
	if m.primary.Server.ID == m.joiner.Server.ID {
		return []Problem{itself(m.primary.Server.ID)}
	}
	all := m.membership()
	if m.primary.Protocol != m.joiner.Protocol {
		all = append(all, Problem{ProblemProtocol, "", fmt.Sprintf("the servers speak two generations of the pair's protocol: %s %d, %s %d",
			m.name(m.primary), m.primary.Protocol, m.name(m.joiner), m.joiner.Protocol), "install the same version of Twinleaf on both servers"})
	}
	all = append(all, m.licences()...)
	all = append(all, m.parity()...)
	all = append(all, m.sealing()...)
	return append(all, m.settings()...)
}

func itself(id string) Problem {
	return Problem{ProblemSelf, id, fmt.Sprintf("both are the server %s: its code was given to itself, or one data folder is a copy of the other", id),
		"give the code to the other server; if its data folder was copied: " + identity.Copied}
}

// membership refuses a server that is in another pair.
func (m meeting) membership() []Problem {
	var all []Problem
	for _, both := range [][2]Proposal{{m.primary, m.joiner}, {m.joiner, m.primary}} {
		p, other := both[0], both[1]
		switch {
		case p.Pair == nil:
		case p.Pair.Peer != other.Server.ID:
			all = append(all, Problem{ProblemPaired, p.Server.ID, fmt.Sprintf("%s is in a pair with %s", m.name(p), p.Pair.Peer),
				"leave that pair first, on both of its servers: twinleaf pair leave"})
		case other.Pair != nil && other.Pair.Peer == p.Server.ID && other.Pair.Pair != p.Pair.Pair:
			all = append(all, Problem{ProblemPaired, p.Server.ID, fmt.Sprintf("%s is in another pair with %s than the latter knows of", m.name(p), m.name(other)),
				"run twinleaf pair leave on both servers, then form the pair again"})
		}
	}
	return all
}

// pair is the id of the pair that one of both is in with the other already, which is
// formed once more; empty: a new one.
func (m meeting) pair() string {
	for _, p := range []Proposal{m.primary, m.joiner} {
		if p.Pair != nil {
			return p.Pair.Pair
		}
	}
	return ""
}

// parity names what package parity holds against forming a pair. The licences are looked
// at more closely elsewhere.
func (m meeting) parity() []Problem {
	primary, joiner := m.primary.Manifest, m.joiner.Manifest
	primary.Clock = m.now
	joiner.Clock = m.now.Add(-m.joiner.Skew)
	r := parity.Compare(primary, joiner, parity.Pair{Here: parity.Primary, There: parity.Secondary})
	here, there := m.name(m.primary), m.name(m.joiner)
	if m.here == pair.Secondary {
		r = parity.Compare(joiner, primary, parity.Pair{Here: parity.Secondary, There: parity.Primary})
		here, there = there, here
	}
	var all []Problem
	for _, d := range r.Differences {
		if d.Code == parity.LicensePair || d.Severity != parity.BlocksForming && d.Severity != parity.BlocksSync {
			continue
		}
		all = append(all, Problem{string(d.Code), "", fmt.Sprintf("%s: %s has %s, %s has %s", d.What, here, d.Here, there, d.There), d.Remedy})
	}
	return all
}

// sealing wants that the joiner can open the secrets in the primary's settings.
func (m meeting) sealing() []Problem {
	if !m.joiner.SealFixed || m.joiner.SealKey == m.primary.SealKey {
		return nil
	}
	return []Problem{{ProblemSealKey, m.joiner.Server.ID, fmt.Sprintf("the key of secrets of %s is given to it from outside, and is another than that of %s", m.name(m.joiner), m.name(m.primary)),
		"give it the same key file, or none, and start it again"}}
}

// settings lists what the joiner would lose. In a pair that is formed once more it has lost
// already what the primary set later.
func (m meeting) settings() []Problem {
	if m.joiner.TakeSettings {
		return nil
	}
	var keys []string
	for _, s := range m.overruled() {
		if s.Digest != "" && (m.pair() == "" || m.atPrimary(s.Key).Revision <= s.Revision) {
			keys = append(keys, s.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	const most = 20
	list := strings.Join(keys[:min(len(keys), most)], ", ")
	if len(keys) > most {
		list += fmt.Sprintf(" and %d more", len(keys)-most)
	}
	return []Problem{{ProblemSettings, m.joiner.Server.ID, fmt.Sprintf("%s has shared settings of its own that differ: %s", m.name(m.joiner), list),
		"the primary's settings count in a pair: have them replace these with twinleaf pair join CODE --take-settings"}}
}

// overruled are the joiner's settings that are not as the primary has them, those that it
// removed among them.
func (m meeting) overruled() []Setting {
	var all []Setting
	for _, s := range m.joiner.Settings {
		if m.atPrimary(s.Key).Digest != s.Digest {
			all = append(all, s)
		}
	}
	return all
}

// atPrimary is a setting as the primary has it; the zero Setting where it was never set.
func (m meeting) atPrimary(key string) Setting {
	list := m.primary.Settings
	i, known := slices.BinarySearchFunc(list, key, func(s Setting, key string) int { return strings.Compare(s.Key, key) })
	if !known {
		return Setting{}
	}
	return list[i]
}

// merge adds to what is found here what only the other server has found.
func merge(here, there []Problem) []Problem {
	all := slices.Clone(here)
	for _, p := range there {
		if !slices.ContainsFunc(all, func(o Problem) bool { return o.Code == p.Code && o.About == p.About }) {
			all = append(all, p)
		}
	}
	return all
}
