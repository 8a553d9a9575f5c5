package parity

import (
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Only what a job needs holds it, by its name.
func TestAJobIsHeldByWhatItNeedsAndByNothingElse(t *testing.T) {
	plain := Job{Media: []string{"image/png"}, Destinations: []string{"delivered"}}
	with := func(change func(*Job)) Job {
		j := plain
		change(&j)
		return j
	}
	edited := func(name string) func(*Manifest) { return func(m *Manifest) { m.at(name).Digest = "h1:x" } }
	for name, c := range map[string]struct {
		change func(*Manifest)
		job    Job
		kinds  []core.StepKind
		held   string // part of the reason; empty: it runs
	}{
		"nothing differs":                    {nil, plain, nil, ""},
		"own recognizer":                     {edited("tesseract"), plain, nil, "plug-in tesseract, program"},
		"own recognizer, text is there":      {edited("tesseract"), plain, []core.StepKind{core.StepAssembler, core.StepDeliverer}, ""},
		"own filter":                         {edited("leptonica"), plain, nil, "plug-in leptonica"},
		"own filter, another is named":       {edited("leptonica"), with(func(j *Job) { j.Options.Filters = []core.Step{{Plugin: "stamp"}} }), nil, ""},
		"own assembler, which reads too":     {edited("pdf"), plain, nil, "plug-in pdf"},
		"reader of another type":             {edited("image"), with(func(j *Job) { j.Media = []string{"application/pdf"} }), nil, ""},
		"reader of the type":                 {edited("image"), with(func(j *Job) { j.Media = []string{"application/pdf", "image/tiff"} }), nil, "plug-in image"},
		"reader, type not known yet":         {edited("image"), with(func(j *Job) { j.Media = nil }), nil, "plug-in image"},
		"filter that is not named":           {edited("stamp"), plain, nil, ""},
		"filter that is named":               {edited("stamp"), with(func(j *Job) { j.Options.Filters = []core.Step{{Plugin: "leptonica"}, {Plugin: "stamp"}} }), nil, "plug-in stamp"},
		"indexer that is missing here":       {func(m *Manifest) { m.Plugins = append(m.Plugins, Plugin{Name: "dates"}) }, with(func(j *Job) { j.Options.Indexers = []core.Step{{Plugin: "dates"}} }), nil, "plug-in dates: here none"},
		"deliverer of no destination of its": {edited("webhook"), plain, nil, ""},
		"deliverer of its destination":       {edited("webhook"), with(func(j *Job) { j.Destinations = []string{"archive"} }), nil, "plug-in webhook"},
		"built-in destination":               {edited("folder"), plain, nil, "plug-in folder"},
		"destination that was set anew":      {func(m *Manifest) { m.Settings[0].Digest = "a2" }, with(func(j *Job) { j.Destinations = []string{"archive"} }), nil, "setting destination/archive"},
		"destination of others":              {func(m *Manifest) { m.Settings[0].Digest = "a2" }, plain, nil, ""},
		"destination that is not here yet": {func(m *Manifest) {
			m.Settings = append(m.Settings, Setting{Key: "destination/new", Digest: "n", Plugin: "webhook"})
		}, with(func(j *Job) { j.Destinations = []string{"new"} }), nil, "setting destination/new: here none"},
		"profile, for options are frozen":         {func(m *Manifest) { m.Settings[1].Digest = "p2" }, plain, nil, ""},
		"language of others":                      {func(m *Manifest) { m.Engines[0].Data["deu"] = "d2" }, plain, nil, ""},
		"its language":                            {func(m *Manifest) { m.Engines[0].Data["deu"] = "d2" }, with(func(j *Job) { j.Options.Languages = []string{"eng", "deu"} }), nil, "language deu"},
		"orientation, which filters want":         {func(m *Manifest) { delete(m.Engines[0].Data, "osd") }, plain, nil, "language osd"},
		"orientation, pages are clean":            {func(m *Manifest) { delete(m.Engines[0].Data, "osd") }, plain, []core.StepKind{core.StepRecognizer}, ""},
		"engine reads otherwise":                  {func(m *Manifest) { m.Engines[0].Golden = "g2" }, plain, nil, "golden page"},
		"weaker machine":                          {func(m *Manifest) { m.Cores, m.MemoryMB = 1, 1000 }, plain, nil, ""},
		"other version of ours":                   {func(m *Manifest) { m.Product = "1.5.0" }, plain, nil, ""},
		"other own filter":                        {func(m *Manifest) { m.Own[core.StepFilter] = []string{"stamp"} }, plain, nil, "filter of the job: here leptonica, there stamp"},
		"own filter is not there, another serves": {func(m *Manifest) { m.without("leptonica") }, plain, nil, "plug-in leptonica"},
	} {
		reason, ok := Compare(server(), peer(c.change), Pair{}).May(c.job, c.kinds...)
		if ok != (c.held == "") || !strings.Contains(reason, c.held) || ok && reason != "" {
			t.Errorf("%s: runs %t because %q, want it held by %q", name, ok, reason, c.held)
		}
	}
}
