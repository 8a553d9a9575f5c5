package parity

import (
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// engines holds the OCR engines of both servers against each other.
func (c *comparison) engines() {
	here, there := c.here.engine(), c.there.engine()
	switch {
	case here == nil && there == nil:
		c.add(Difference{
			Code: EngineMissing, Severity: BlocksForming, What: "OCR engine",
			Here: lacking(c.here), There: lacking(c.there), Remedy: "install the OCR engine and its plug-in on both servers",
			Needs: []Need{needEngine},
		})
	case here == nil || there == nil:
		c.oneEngine(here, there)
	}
	for here, there := range pairs(c.here.Engines, c.there.Engines, engineName) {
		if here != nil && there != nil && c.here.works(*here) && c.there.works(*there) {
			c.engine(*here, *there)
		}
	}
}

// oneEngine is the rule of GS22-25. The engine is required on both servers. On the
// secondary alone it is allowed with a warning: OCR jobs run there. On the primary alone
// the pair does not form; lost later on the secondary, that may not take over OCR jobs.
func (c *comparison) oneEngine(here, there *Engine) {
	has, side, lacks := here, c.pair.Here, "there"
	if here == nil {
		has, side, lacks = there, c.pair.There, "here"
	}
	d := Difference{
		Code: EngineOneSide, Severity: Differs, What: "OCR engine", Here: engineText(here, c.here), There: engineText(there, c.there),
		Needs: []Need{needPlugin(has.Plugin)},
	}
	install := "install " + engineWords(*has) + " and its plug-in " + lacks
	switch {
	case side == Secondary:
		d.Severity, d.Remedy = Warning, install+"; until then OCR jobs run on the secondary alone"
		if lacks == "there" {
			d.Needs = nil // this server is the one where they run
		}
	case side == Primary && c.pair.Formed:
		d.Code, d.Remedy = EngineLost, install+"; until then the secondary takes no OCR job over"
	case side == Primary:
		d.Severity, d.Remedy = BlocksForming, install+": the engine may be on one server only if that is the secondary"
	default:
		d.Remedy = install + ", or make the server that has it the secondary"
	}
	c.covered = has.Plugin
	c.add(d)
}

func engineText(e *Engine, m Manifest) string {
	if e == nil {
		return lacking(m)
	}
	return engineWords(*e)
}

// engineWords is the engine with its version, or what its plug-in is called.
func engineWords(e Engine) string {
	if e.Name == "" {
		return e.Plugin
	}
	return strings.TrimSpace(e.Name + " " + e.Version)
}

// lacking says why a server has no engine.
func lacking(m Manifest) string {
	for _, e := range m.Engines {
		if e.Problem != "" {
			return "none (" + e.Problem + ")"
		}
	}
	for _, name := range m.Own[core.StepRecognizer] {
		if p := m.plugin(name); p != nil && p.Problem != "" {
			return "none (" + p.Problem + ")"
		}
	}
	return ""
}

// engineBuild is the name among the libraries under which an engine says how it was built
// (sdk.LibraryBuild).
const engineBuild = "build"

// engine compares the fingerprints of an engine that works on both servers.
func (c *comparison) engine(here, there Engine) {
	name, need := "OCR engine "+here.Plugin, needPlugin(here.Plugin)
	if a, b := engineWords(here), engineWords(there); a != b {
		latest, behind := a, "there"
		if older(here.Version, there.Version) {
			latest, behind = b, "here"
		}
		c.differ(OtherVersion, name, a, b, "install the latest, "+latest+", "+behind, need)
	}
	for _, lib := range keys(here.Libraries, there.Libraries) {
		what, remedy := name+", library "+lib, "install the same version of it on both servers"
		if lib == engineBuild {
			what, remedy = name+", build of the engine", "copy the folder of the native engine to the other server, if its processor can do the same, or run both with native: off"
		}
		c.differ(OtherLibrary, what, here.Libraries[lib], there.Libraries[lib], remedy, need)
	}
	c.differ(OtherText, name+", text of the golden page", short(here.Golden), short(there.Golden),
		"install the same build of the engine on both servers; different text comes from different libraries, data or processors", need)
	c.simd(name, here, there)
	c.languages(here, there)
}

// simd compares the code paths. Where the golden page reads the same on both, another
// path is a warning only: no operator can change what a processor is able to do.
func (c *comparison) simd(name string, here, there Engine) {
	if here.SIMD == there.SIMD {
		return
	}
	d := Difference{
		Code: OtherSIMD, Severity: Differs, What: name + ", code path of the processor", Here: here.SIMD, There: there.SIMD,
		Remedy: "run both servers on the same kind of processor", Needs: []Need{needPlugin(here.Plugin)},
	}
	if here.Golden != "" && here.Golden == there.Golden {
		d.Severity, d.Needs = Warning, nil
		d.Remedy += "; the golden page reads the same on both, but a rare word may not"
	}
	c.add(d)
}

// languages compares the data of each language.
func (c *comparison) languages(here, there Engine) {
	for _, lang := range keys(here.Data, there.Data) {
		a, inHere := here.Data[lang]
		b, inThere := there.Data[lang]
		if a == b && inHere == inThere {
			continue
		}
		d := Difference{
			Code: OtherHash, Severity: Differs, What: "language " + lang + " of " + here.Plugin, Here: short(a), There: short(b),
			Remedy: "install the same language pack on both servers", Needs: []Need{needLanguage(here.Plugin, lang)},
		}
		switch {
		case !inHere:
			d.Code, d.Remedy = Missing, "install the language pack here"
		case !inThere:
			d.Code, d.Remedy = Extra, "install the language pack there"
		}
		c.add(d)
	}
}
