package parity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Severity is what a difference stands in the way of. Each keeps from everything that
// those before it keep from.
type Severity string

// The severities, the least first.
const (
	Warning       Severity = "warning"        // nothing; somebody should know
	Differs       Severity = "difference"     // parity, and the jobs that need what differs
	BlocksForming Severity = "blocks-forming" // a pair does not form
	BlocksSync    Severity = "blocks-sync"    // nor are settings and plug-ins synchronised; jobs are shipped all the same
)

func (s Severity) rank() int {
	return slices.Index([]Severity{Warning, Differs, BlocksForming, BlocksSync}, s)
}

// Code is the way in which something differs.
type Code string

// The codes.
const (
	Missing          Code = "missing"  // the peer has it, this server does not
	Extra            Code = "extra"    // this server has it, the peer does not
	Unusable         Code = "unusable" // one of the two cannot use it
	OtherVersion     Code = "other-version"
	OtherHash        Code = "other-hash"
	OtherProtocol    Code = "other-protocol"
	OtherPermissions Code = "other-permissions"
	OtherSigner      Code = "other-signer"
	OtherSchema      Code = "other-schema"
	OtherForm        Code = "other-form"
	OtherKinds       Code = "other-kinds"
	OtherOwn         Code = "other-own"
	OtherSetting     Code = "other-setting"
	SettingsUnknown  Code = "settings-unknown"
	EngineMissing    Code = "engine-missing" // no server has one
	EngineOneSide    Code = "engine-one-side"
	EngineLost       Code = "engine-lost" // on the secondary of a pair that has formed
	OtherLibrary     Code = "other-library"
	OtherSIMD        Code = "other-simd"
	OtherText        Code = "other-text" // of the golden page
	OtherProduct     Code = "other-product"
	OtherPlatform    Code = "other-platform"
	LicensePair      Code = "license"
	ClockSkew        Code = "clock-skew"
	OtherZone        Code = "other-zone"
	OtherCores       Code = "other-cores"
	OtherMemory      Code = "other-memory"
)

// Difference is one thing that is not the same on both servers.
type Difference struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"`
	Here     string   `json:"here"`
	There    string   `json:"there"`
	Remedy   string   `json:"remedy"`
	Needs    []Need   `json:"needs,omitempty"` // a job that needs one of these may not run here; none: every job may
}

// String is the difference in one line: what, here, there, remedy.
func (d Difference) String() string {
	return fmt.Sprintf("%s: here %s, there %s; %s", d.What, d.Here, d.There, d.Remedy)
}

// Role is what a server is in a pair.
type Role string

// The roles. The empty one is not known.
const (
	Primary   Role = "primary"
	Secondary Role = "secondary"
)

// Pair is what Compare must know beside the manifests. The zero value compares two
// servers that are no pair yet; their licences tell their roles, if they have any.
type Pair struct {
	Here, There Role
	Formed      bool          // the pair has formed before
	MaxSkew     time.Duration // of the clocks; default 1 s
}

func (p Pair) withDefaults(here, there Manifest) Pair {
	p.Here, p.There = cmp.Or(p.Here, here.role()), cmp.Or(p.There, there.role())
	if p.Here == p.There {
		p.Here, p.There = "", "" // two of one role are none; the licences say so
	}
	if p.MaxSkew == 0 {
		p.MaxSkew = time.Second
	}
	return p
}

func (m Manifest) role() Role {
	if m.License == nil {
		return ""
	}
	return map[string]Role{"03": Primary, "04": Secondary}[m.License.Role]
}

// Report is what Compare found.
type Report struct {
	At          bool         `json:"at"` // at parity: there are warnings at most
	Differences []Difference `json:"differences"`

	here, there Manifest // what a job needs is looked up in them
}

// Compare names the differences between this server and its peer, the gravest first.
// Equal arguments give equal reports. Compare(there, here) with the roles exchanged
// gives the same differences seen from the other side.
func Compare(here, there Manifest, p Pair) Report {
	c := &comparison{here: here, there: there, pair: p.withDefaults(here, there), found: []Difference{}}
	c.servers()
	c.clocks()
	c.engines()
	c.plugins()
	c.settings()
	c.capacity()
	slices.SortStableFunc(c.found, func(a, b Difference) int { return b.Severity.rank() - a.Severity.rank() })
	r := Report{Differences: c.found, here: here, there: there}
	_, r.At = r.within(Warning)
	return r
}

// within reports whether nothing is graver than s, and if not, the first that is.
func (r Report) within(s Severity) (Difference, bool) {
	for _, d := range r.Differences {
		if d.Severity.rank() > s.rank() {
			return d, false
		}
	}
	return Difference{}, true
}

// Forms reports whether the two servers may form a pair, and if not, why.
func (r Report) Forms() (reason string, ok bool) { return r.blocked(Differs) }

// Syncs reports whether settings and plug-ins may be synchronised between the two
// servers, and if not, why. It says nothing about shipping jobs, which goes on always.
func (r Report) Syncs() (reason string, ok bool) { return r.blocked(BlocksForming) }

func (r Report) blocked(least Severity) (string, bool) {
	d, ok := r.within(least)
	if ok {
		return "", true
	}
	return d.String(), false
}

// comparison is one Compare under way.
type comparison struct {
	here, there Manifest
	pair        Pair
	found       []Difference
	covered     string // plug-in whose absence the engine's rule has told
}

func (c *comparison) add(d Difference) {
	d.Here, d.There = cmp.Or(d.Here, "none"), cmp.Or(d.There, "none")
	c.found = append(c.found, d)
}

// differ adds a difference of a thing that both servers have.
func (c *comparison) differ(code Code, what, here, there, remedy string, needs ...Need) {
	if here != there {
		c.add(Difference{Code: code, Severity: Differs, What: what, Here: here, There: there, Remedy: remedy, Needs: needs})
	}
}

// follower is where to mend things: the secondary follows the primary.
func (c *comparison) follower() string {
	switch {
	case c.pair.Here == Secondary || c.pair.There == Primary:
		return "here"
	case c.pair.There == Secondary || c.pair.Here == Primary:
		return "there"
	}
	return "on one of the two"
}

// short is enough of a digest to tell it from another.
func short(digest string) string {
	kind, sum, ok := strings.Cut(digest, ":")
	if !ok {
		kind, sum = "", digest
	} else {
		kind += ":"
	}
	if len(sum) > 12 {
		sum = sum[:12] + "…"
	}
	return kind + sum
}
