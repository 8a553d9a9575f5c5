package parity

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/twinleaf-scan/twinleaf/core"
)

// plugins compares the plug-ins one by one (GS13-15).
func (c *comparison) plugins() {
	for here, there := range pairs(c.here.Plugins, c.there.Plugins, pluginName) {
		switch {
		case here == nil:
			c.oneSide(Missing, *there, "", text(*there))
		case there == nil:
			c.oneSide(Extra, *here, text(*here), "")
		default:
			c.plugin(*here, *there)
		}
	}
	c.own()
}

func text(p Plugin) string { return strings.TrimSpace(p.Version + " " + short(p.Digest)) }

// oneSide tells of a plug-in that one server lacks, unless the engine's rule has told.
func (c *comparison) oneSide(code Code, p Plugin, here, there string) {
	if p.Name == c.covered {
		return
	}
	has, lacks := "there", "here"
	if code == Extra {
		has, lacks = "here", "there"
	}
	remedy := fmt.Sprintf("add %s %s, or remove it %s", p.Name, lacks, has)
	switch c.follower() {
	case lacks:
		remedy = fmt.Sprintf("add %s %s", p.Name, lacks)
	case has:
		remedy = fmt.Sprintf("remove %s %s, or add it to the primary", p.Name, has)
	}
	c.add(Difference{
		Code: code, Severity: Differs, What: "plug-in " + p.Name, Here: here, There: there,
		Remedy: remedy, Needs: []Need{needPlugin(p.Name)},
	})
}

// plugin compares a plug-in that both servers have. Another version has other bytes
// and other settings: that goes without saying.
func (c *comparison) plugin(here, there Plugin) {
	name := "plug-in " + here.Name
	need := needPlugin(here.Name)
	if (here.Problem == "") != (there.Problem == "") && here.Name != c.covered {
		c.differ(Unusable, name, state(here), state(there), `mend it where it cannot be used; see "twinleaf plugin list" there`, need)
	}
	if here.Problem != there.Problem && (here.Version == "" || there.Version == "") {
		return // what a program is that does not start is not known
	}
	if here.Version != there.Version {
		c.differ(OtherVersion, name+", version", here.Version, there.Version, c.update(here, there), need)
	} else {
		same := fmt.Sprintf("install the same %s %s on both servers", here.Name, here.Version)
		c.differ(OtherHash, name+", program", short(here.Digest), short(there.Digest), same, need)
		c.differ(OtherSchema, name+", settings that it knows", short(here.Schema), short(there.Schema), same, need)
		c.differ(OtherForm, name+", form for clients", short(here.Form), short(there.Form), same, need)
		c.differ(OtherKinds, name+", kinds", strings.Join(here.Kinds, ","), strings.Join(there.Kinds, ","), same, need)
	}
	again := "add it again " + c.follower() + " as it is on the other server"
	c.differ(OtherProtocol, name+", protocol", protocol(here), protocol(there), again, need)
	c.differ(OtherPermissions, name+", permissions", here.Permissions, there.Permissions, again, need)
	c.differ(OtherSigner, name+", signer", here.Signer, there.Signer, again, need)
}

func protocol(p Plugin) string {
	if p.Protocol == 0 {
		return ""
	}
	return strconv.Itoa(p.Protocol)
}

func state(p Plugin) string {
	if p.Problem == "" {
		return "ready"
	}
	return "unusable (" + p.Problem + ")"
}

// update says which version goes where: the primary's to the secondary, but of a
// recognizer the latest to both (GS22).
func (c *comparison) update(here, there Plugin) string {
	latest, behind := here.Version, "there"
	if older(here.Version, there.Version) {
		latest, behind = there.Version, "here"
	}
	switch where := c.follower(); {
	case slices.Contains(here.Kinds, string(core.StepRecognizer)):
		return fmt.Sprintf("install the latest, %s %s, %s", here.Name, latest, behind)
	case where == "here":
		return fmt.Sprintf("install %s %s here", here.Name, there.Version)
	case where == "there":
		return fmt.Sprintf("install %s %s there", here.Name, here.Version)
	}
	return fmt.Sprintf("install %s %s %s", here.Name, latest, behind)
}

// older orders versions; one that is none comes before those that are.
func older(a, b string) bool {
	if n := semver.Compare("v"+a, "v"+b); n != 0 {
		return n < 0
	}
	return a < b
}

// own compares which plug-ins serve where a job names none.
func (c *comparison) own() {
	kinds := slices.Collect(maps.Keys(c.here.Own))
	kinds = slices.AppendSeq(kinds, maps.Keys(c.there.Own))
	slices.Sort(kinds)
	for _, kind := range slices.Compact(kinds) {
		c.differ(OtherOwn, "the server's own "+string(kind)+" plug-ins",
			strings.Join(c.here.Own[kind], ","), strings.Join(c.there.Own[kind], ","), "configure both servers alike")
	}
}

// settings compares the shared settings (GS13, GS18). Equal values are the same setting,
// whatever number their last change has. What is not known cannot be compared.
func (c *comparison) settings() {
	if (c.here.Settings == nil) != (c.there.Settings == nil) {
		c.add(Difference{
			Code: SettingsUnknown, Severity: Warning, What: "shared settings", Here: known(c.here.Settings), There: known(c.there.Settings),
			Remedy: "they were not compared: take the manifest where they are known",
		})
		return
	}
	for here, there := range pairs(c.here.Settings, c.there.Settings, settingName) {
		switch {
		case here == nil:
			c.setting(Missing, *there, "", revision(there))
		case there == nil:
			c.setting(Extra, *here, revision(here), "")
		case here.Digest != there.Digest:
			c.setting(OtherSetting, *here, revision(here), revision(there))
		}
	}
}

func known(s []Setting) string {
	if s == nil {
		return "not known"
	}
	return fmt.Sprintf("%d of them", len(s))
}

func (c *comparison) setting(code Code, s Setting, here, there string) {
	d := Difference{
		Code: code, Severity: Differs, What: "setting " + s.Key, Here: here, There: there,
		Remedy: "the secondary takes it over from the primary by itself; between servers that are no pair, set it alike on both",
	}
	if name, ok := strings.CutPrefix(s.Key, core.DestinationKey("")); ok {
		d.Needs = []Need{needDestination(name)}
	}
	c.add(d)
}

func revision(s *Setting) string {
	by := ""
	if s.User != "" {
		by = " by " + s.User
	}
	return fmt.Sprintf("revision %d%s (%s)", s.Revision, by, short(s.Digest))
}
