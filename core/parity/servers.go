package parity

import (
	"fmt"
	"strconv"
	"time"
)

// servers compares what the two servers are.
func (c *comparison) servers() {
	if c.here.Product != c.there.Product {
		c.add(Difference{
			Code: OtherProduct, Severity: BlocksForming, What: "version of Twinleaf",
			Here: c.here.Product, There: c.there.Product, Remedy: "install the same version on both servers, one after the other",
		})
	}
	c.differ(OtherPlatform, "platform", c.here.Platform, c.there.Platform, "run both servers on the same system and kind of processor")
	if id := c.here.Server.ID; id == "" || id != c.there.Server.ID {
		c.licenses()
	}
}

// licenses wants a permanent licence of the role 03 on one server and of 04 on the
// other, under one signer (GS7-9, GS12). Two servers without any do not differ.
func (c *comparison) licenses() {
	here, there := c.here.License, c.there.License
	if here == nil && there == nil {
		return
	}
	if remedy := licenseRemedy(here, there); remedy != "" {
		c.add(Difference{
			Code: LicensePair, Severity: BlocksForming, What: "licences of the pair",
			Here: licenseText(here), There: licenseText(there), Remedy: remedy,
		})
	}
}

// What the codes of a licence in force say; see package license.
const (
	codeValid      = 800000
	codeNearExpiry = 800001
)

// licenseRemedy says how two licences become those of a pair; empty: they are.
func licenseRemedy(here, there *License) string {
	if here == nil || there == nil {
		return "activate a permanent licence where there is none: 03 on the primary, 04 on the secondary"
	}
	for _, l := range []*License{here, there} {
		switch {
		case l.Kind != "permanent":
			return "a pair wants two permanent licences: activate one instead of " + l.Key
		case l.Code != codeValid && l.Code != codeNearExpiry:
			return "activate a licence that is in force instead of " + l.Key
		}
	}
	switch {
	case here.Role == there.Role || here.Key == there.Key:
		return "a pair has one primary (03) and one secondary (04): deactivate one licence and activate one of the other role"
	case here.Signer != there.Signer:
		return "have both licences signed by one key"
	}
	return ""
}

func licenseText(l *License) string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s, %d, signed by %s)", l.Key, l.Kind, l.Code, l.Signer)
}

// clocks compares time and zone (GS16-17).
func (c *comparison) clocks() {
	if c.here.Zone != c.there.Zone {
		c.add(Difference{
			Code: OtherZone, Severity: BlocksSync, What: "time zone", Here: c.here.Zone, There: c.there.Zone,
			Remedy: `set the same zone on both servers with "timedatectl set-timezone", then start Twinleaf again`,
		})
	}
	if c.here.Clock.IsZero() || c.there.Clock.IsZero() {
		return
	}
	if skew := c.here.Clock.Sub(c.there.Clock); skew.Abs() > c.pair.MaxSkew {
		c.add(Difference{
			Code: ClockSkew, Severity: BlocksSync, What: fmt.Sprintf("clock, %v apart where %v is allowed", skew.Abs().Round(time.Millisecond), c.pair.MaxSkew),
			Here: stamp(c.here.Clock), There: stamp(c.there.Clock), Remedy: "have both servers set their clocks by one time server",
		})
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// capacity compares what the servers can do at once (EP12).
func (c *comparison) capacity() {
	if c.here.Cores != c.there.Cores {
		c.add(Difference{
			Code: OtherCores, Severity: Warning, What: "cores", Here: strconv.Itoa(c.here.Cores), There: strconv.Itoa(c.there.Cores),
			Remedy: "give both servers as many, or expect the smaller one to be slower after a takeover",
		})
	}
	if a, b := c.here.MemoryMB, c.there.MemoryMB; !near(a, b) {
		c.add(Difference{
			Code: OtherMemory, Severity: Warning, What: "memory", Here: fmt.Sprintf("%d MB", a), There: fmt.Sprintf("%d MB", b),
			Remedy: "give both servers as much, or expect the smaller one to be slower after a takeover",
		})
	}
}

// near forgives 3 %: what firmware and kernel keep for themselves differs between
// machines of the same build.
func near(a, b int64) bool { return 100*max(a-b, b-a) <= 3*max(a, b) }
