package parity

import (
	"fmt"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Need is something that a job cannot do without: plugin:NAME, language:PLUGIN/LANGUAGE,
// destination:NAME, or the engine that a server has.
type Need string

const needEngine Need = "engine"

func needPlugin(name string) Need           { return Need("plugin:" + name) }
func needLanguage(plugin, lang string) Need { return Need("language:" + plugin + "/" + lang) }
func needDestination(name string) Need      { return Need("destination:" + name) }

// orientation is the language data that tells which way up a page is.
const orientation = "osd"

// Job is what of a job decides whether it may run here.
type Job struct {
	Options      core.Options
	Media        []string // media types of the inputs; none: not known yet
	Destinations []string // by name
}

// May reports whether a job that the peer took may run here, and if not, why. Only the
// plug-ins, languages and destinations that it needs count: what differs beside them
// holds no job. With kinds, only the work of these kinds is still to be done.
func (r Report) May(j Job, kinds ...core.StepKind) (reason string, ok bool) {
	n := &needs{report: r, job: j, kinds: kinds}
	n.collect()
	for _, d := range r.Differences {
		if slices.ContainsFunc(d.Needs, func(need Need) bool { return n.all[need] }) {
			return d.String(), false
		}
	}
	return n.differs, n.differs == ""
}

// needs finds out what a job needs.
type needs struct {
	report  Report
	job     Job
	kinds   []core.StepKind
	all     map[Need]bool
	differs string // a step that one server gives to another plug-in than the other
}

func (n *needs) collect() {
	n.all = map[Need]bool{}
	o := n.job.Options.WithDefaults()
	n.readers(o)
	for _, s := range o.FilterSteps() {
		n.step(core.StepFilter, s)
	}
	n.recognizer(o.Of(core.StepRecognizer))
	for _, s := range o.Indexers {
		n.step(core.StepIndexer, s)
	}
	n.step(core.StepAssembler, o.Of(core.StepAssembler))
	n.destinations()
	n.languages(o)
}

func (n *needs) wants(kind core.StepKind) bool {
	return len(n.kinds) == 0 || slices.Contains(n.kinds, kind)
}

// readers needs the plug-ins that read the inputs; while nobody knows what these are, all
// that may come to read them.
func (n *needs) readers(o core.Options) {
	if !n.wants(core.StepReader) {
		return
	}
	for _, media := range n.job.Media {
		n.both(core.StepReader, n.report.here.reader(media, o.Readers), n.report.there.reader(media, o.Readers))
	}
	if len(n.job.Media) > 0 {
		return
	}
	for _, m := range []Manifest{n.report.here, n.report.there} {
		for _, name := range slices.Concat(o.Readers, m.Own[core.StepReader]) {
			n.all[needPlugin(name)] = true
		}
	}
}

func (n *needs) step(kind core.StepKind, s core.Step) {
	if n.wants(kind) {
		n.both(kind, n.report.here.serves(kind, s.Plugin), n.report.there.serves(kind, s.Plugin))
	}
}

func (n *needs) recognizer(s core.Step) {
	n.step(core.StepRecognizer, s)
	if s.Plugin == "" && n.wants(core.StepRecognizer) {
		n.all[needEngine] = true
	}
}

// both needs the plug-in that serves here and the one that serves there, which should
// be one and the same. Where one server has none at all, its lack is a difference with
// a line of its own.
func (n *needs) both(kind core.StepKind, here, there string) {
	for _, name := range []string{here, there} {
		if name != "" {
			n.all[needPlugin(name)] = true
		}
	}
	if here != there && here != "" && there != "" && n.differs == "" {
		n.differs = fmt.Sprintf("%s of the job: here %s, there %s; install the same plug-ins on both servers", kind, here, there)
	}
}

func (n *needs) destinations() {
	if !n.wants(core.StepDeliverer) {
		return
	}
	for _, name := range n.job.Destinations {
		n.all[needDestination(name)] = true
		n.both(core.StepDeliverer, n.report.here.deliverer(name), n.report.there.deliverer(name))
	}
}

func (n *needs) languages(o core.Options) {
	named := o.Of(core.StepRecognizer).Plugin
	for _, m := range []Manifest{n.report.here, n.report.there} {
		if n.wants(core.StepRecognizer) {
			for _, lang := range o.Languages {
				n.all[needLanguage(m.serves(core.StepRecognizer, named), lang)] = true
			}
		}
		if n.wants(core.StepFilter) {
			n.all[needLanguage(m.serves(core.StepRecognizer, ""), orientation)] = true
		}
	}
}

// serves is the plug-in that does a step: the one that it names, else the server's own,
// else the first of the kind by name, as the plug-in host chooses. Empty: none.
func (m Manifest) serves(kind core.StepKind, named string) string {
	if named != "" {
		return named
	}
	return m.choose(m.Own[kind], func(p Plugin) bool { return slices.Contains(p.Kinds, string(kind)) })
}

// reader is the plug-in that reads a media type.
func (m Manifest) reader(media string, preferred []string) string {
	return m.choose(slices.Concat(preferred, m.Own[core.StepReader]), func(p Plugin) bool { return slices.Contains(p.Media, media) })
}

// choose is the first usable plug-in of a list that fits, else the first of all.
func (m Manifest) choose(first []string, fits func(Plugin) bool) string {
	for _, name := range first {
		if p := m.plugin(name); p != nil && p.Problem == "" && fits(*p) {
			return name
		}
	}
	for _, p := range m.Plugins {
		if p.Problem == "" && fits(p) {
			return p.Name
		}
	}
	return ""
}

// deliverer is the plug-in of a destination: that of the setting, or of the built-in one.
func (m Manifest) deliverer(destination string) string {
	if s := find(m.Settings, settingName, core.DestinationKey(destination)); s != nil {
		return s.Plugin
	}
	return m.serves(core.StepDeliverer, "")
}
