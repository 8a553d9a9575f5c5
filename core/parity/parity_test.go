package parity

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// server is a complete one; each call gives a new manifest.
func server() Manifest {
	m := Manifest{
		Format: Format, Product: "1.4.0", Platform: "linux/amd64", Server: Server{Name: "alpha"},
		Plugins: []Plugin{
			{Name: "folder", Version: "1.0.0", Kinds: []string{"deliverer"}, Protocol: 2, Digest: "h1:folder", Permissions: "none", Schema: "sha256:folder"},
			{Name: "image", Version: "1.0.0", Kinds: []string{"reader"}, Media: []string{"image/png", "image/tiff"}, Protocol: 2, Digest: "h1:image", Permissions: "none", Schema: "sha256:image"},
			{Name: "leptonica", Version: "1.0.0", Kinds: []string{"filter"}, Protocol: 2, Digest: "h1:leptonica", Permissions: "none", Schema: "sha256:leptonica"},
			{Name: "pdf", Version: "1.0.0", Kinds: []string{"assembler", "reader"}, Media: []string{"application/pdf"}, Protocol: 2, Digest: "h1:pdf", Permissions: "exec:pdftoppm", Schema: "sha256:pdf"},
			{Name: "stamp", Version: "0.3.0", Kinds: []string{"filter"}, Protocol: 1, Digest: "h1:stamp", Signer: "office+1234abcd", Permissions: "memory:256", Schema: "sha256:stamp", Form: "sha256:form"},
			{Name: "tesseract", Version: "1.0.0", Kinds: []string{"recognizer"}, Protocol: 2, Digest: "h1:tesseract", Permissions: "memory:2048", Schema: "sha256:tesseract"},
			{Name: "webhook", Version: "1.0.0", Kinds: []string{"deliverer"}, Protocol: 2, Digest: "h1:webhook", Permissions: "none", Schema: "sha256:webhook"},
		},
		Own: map[core.StepKind][]string{
			core.StepReader: {"image", "pdf"}, core.StepFilter: {"leptonica"}, core.StepRecognizer: {"tesseract"},
			core.StepAssembler: {"pdf"}, core.StepDeliverer: {"folder"},
		},
		Engines: []Engine{{
			Plugin: "tesseract", Name: "tesseract", Version: "5.3.0", Libraries: map[string]string{"build": "the distribution's", "leptonica": "1.82.0", "libjpeg": "6b"},
			SIMD: "avx2", Data: map[string]string{"eng": "e1", "deu": "d1", "osd": "o1"}, Golden: "g1",
		}},
		Settings: []Setting{
			{Key: "destination/archive", Revision: 3, User: "ann", Digest: "a1", Plugin: "webhook"},
			{Key: "profile/office", Revision: 7, Digest: "p1"},
		},
		Zone: "Europe/Berlin", Clock: noon, Cores: 4, MemoryMB: 8000,
	}
	m.Sort()
	return m
}

// peer is the other server after a change.
func peer(change func(*Manifest)) Manifest {
	m := server()
	m.Server.Name = "beta"
	if change != nil {
		change(&m)
	}
	m.Sort()
	return m
}

func (m *Manifest) at(name string) *Plugin { return find(m.Plugins, pluginName, name) }

func (m *Manifest) without(name string) {
	var left []Plugin
	for _, p := range m.Plugins {
		if p.Name != name {
			left = append(left, p)
		}
	}
	m.Plugins = left
}

func lines(r Report) string {
	var b strings.Builder
	for _, d := range r.Differences {
		b.WriteString(string(d.Severity) + " " + string(d.Code) + " " + d.String() + "\n")
	}
	return b.String()
}

func TestTwoServersAlikeAreAtParity(t *testing.T) {
	r := Compare(server(), peer(nil), Pair{})
	if !r.At || len(r.Differences) != 0 {
		t.Errorf("got %s", lines(r))
	}
	for _, ask := range []func() (string, bool){r.Forms, r.Syncs} {
		if reason, ok := ask(); !ok {
			t.Errorf("refused: %s", reason)
		}
	}
}

// Each case changes one thing of the peer and wants one line.
func TestEachDifferenceIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*Manifest)
		code     Code
		severity Severity
		line     string // has these parts in this order, parted by …
	}{
		"GS13 setting, other": {func(m *Manifest) { m.Settings[1].Digest, m.Settings[1].Revision = "p2", 8 },
			OtherSetting, Differs, "setting profile/office: here revision 7 (p1), there revision 8 (p2); the secondary takes it over"},
		"GS13 setting, missing": {func(m *Manifest) {
			m.Settings = append(m.Settings, Setting{Key: "profile/x", Revision: 1, User: "bo", Digest: "x"})
		},
			Missing, Differs, "setting profile/x: here none, there revision 1 by bo (x)"},
		"GS13 setting, extra": {func(m *Manifest) { m.Settings = m.Settings[:1] }, Extra, Differs, "setting profile/office: here revision 7 (p1), there none"},
		"GS14 plug-in, missing": {func(m *Manifest) {
			m.Plugins = append(m.Plugins, Plugin{Name: "dates", Version: "0.1.0", Digest: "h1:0123456789abcdef"})
		},
			Missing, Differs, "plug-in dates: here none, there 0.1.0 h1:0123456789ab…; add dates here"},
		"GS14 plug-in, extra":        {func(m *Manifest) { m.without("stamp") }, Extra, Differs, "plug-in stamp: here 0.3.0 h1:stamp, there none; add stamp there, or remove it here"},
		"GS14 plug-in, version":      {func(m *Manifest) { m.at("pdf").Version = "1.10.0"; m.at("pdf").Digest = "h1:new" }, OtherVersion, Differs, "plug-in pdf, version: here 1.0.0, there 1.10.0; install pdf 1.10.0 here"},
		"GS14 plug-in, hash":         {func(m *Manifest) { m.at("pdf").Digest = "h1:edited" }, OtherHash, Differs, "plug-in pdf, program: here h1:pdf, there h1:edited; install the same pdf 1.0.0"},
		"GS14 plug-in, protocol":     {func(m *Manifest) { m.at("stamp").Protocol = 2 }, OtherProtocol, Differs, "plug-in stamp, protocol: here 1, there 2;"},
		"GS13 plug-in, permission":   {func(m *Manifest) { m.at("pdf").Permissions = "none" }, OtherPermissions, Differs, "plug-in pdf, permissions: here exec:pdftoppm, there none;"},
		"GS13 plug-in, signer":       {func(m *Manifest) { m.at("stamp").Signer = "" }, OtherSigner, Differs, "plug-in stamp, signer: here office+1234abcd, there none;"},
		"GS13 plug-in, schema":       {func(m *Manifest) { m.at("webhook").Schema = "sha256:x" }, OtherSchema, Differs, "plug-in webhook, settings that it knows: here sha256:webhook, there sha256:x;"},
		"GS15 client part":           {func(m *Manifest) { m.at("stamp").Form = "" }, OtherForm, Differs, "plug-in stamp, form for clients: here sha256:form, there none;"},
		"GS14 plug-in, unusable":     {func(m *Manifest) { *m.at("webhook") = Plugin{Name: "webhook", Problem: "not started: quarantine"} }, Unusable, Differs, "plug-in webhook: here ready, there unusable (not started: quarantine); mend it"},
		"GS13 own plug-ins":          {func(m *Manifest) { m.Own[core.StepFilter] = []string{"stamp"} }, OtherOwn, Differs, "the server's own filter plug-ins: here leptonica, there stamp;"},
		"GS16 zone":                  {func(m *Manifest) { m.Zone = "UTC" }, OtherZone, BlocksSync, "time zone: here Europe/Berlin, there UTC; set the same zone"},
		"GS17 clock ahead":           {func(m *Manifest) { m.Clock = noon.Add(1001 * time.Millisecond) }, ClockSkew, BlocksSync, "clock, 1.001s apart where 1s is allowed: here 2026-03-01T12:00:00.000Z, there 2026-03-01T12:00:01.001Z;"},
		"GS17 clock behind":          {func(m *Manifest) { m.Clock = noon.Add(-5 * time.Second) }, ClockSkew, BlocksSync, "clock, 5s apart"},
		"GS22 engine, version":       {func(m *Manifest) { m.Engines[0].Version = "5.4.1" }, OtherVersion, Differs, "OCR engine tesseract: here tesseract 5.3.0, there tesseract 5.4.1; install the latest, tesseract 5.4.1, here"},
		"GS22 plug-in, older":        {func(m *Manifest) { m.at("tesseract").Version = "0.9.9" }, OtherVersion, Differs, "plug-in tesseract, version: here 1.0.0, there 0.9.9; install the latest, tesseract 1.0.0, there"},
		"GS22 engine, build":         {func(m *Manifest) { m.Engines[0].Libraries["build"] = "native, sha256 0123456789abcdef" }, OtherLibrary, Differs, "OCR engine tesseract, build of the engine: here the distribution's, there native, sha256 0123456789abcdef; copy the folder of the native engine"},
		"GS22 engine, library":       {func(m *Manifest) { m.Engines[0].Libraries["libjpeg"] = "8" }, OtherLibrary, Differs, "OCR engine tesseract, library libjpeg: here 6b, there 8;"},
		"GS22 engine, text":          {func(m *Manifest) { m.Engines[0].Golden = "g2" }, OtherText, Differs, "OCR engine tesseract, text of the golden page: here g1, there g2;"},
		"GS22 engine, path":          {func(m *Manifest) { m.Engines[0].SIMD = "sse4.1" }, OtherSIMD, Warning, "code path of the processor: here avx2, there sse4.1;"},
		"GS22 engine, language":      {func(m *Manifest) { m.Engines[0].Data["deu"] = "d2" }, OtherHash, Differs, "language deu of tesseract: here d1, there d2; install the same language pack"},
		"GS22 language, missing":     {func(m *Manifest) { m.Engines[0].Data["fra"] = "f1" }, Missing, Differs, "language fra of tesseract: here none, there f1; install the language pack here"},
		"GS22 language, extra":       {func(m *Manifest) { delete(m.Engines[0].Data, "deu") }, Extra, Differs, "language deu of tesseract: here d1, there none; install the language pack there"},
		"EP12 cores":                 {func(m *Manifest) { m.Cores = 8 }, OtherCores, Warning, "cores: here 4, there 8;"},
		"EP12 memory":                {func(m *Manifest) { m.MemoryMB = 7000 }, OtherMemory, Warning, "memory: here 8000 MB, there 7000 MB;"},
		"settings that nobody knows": {func(m *Manifest) { m.Settings = nil }, SettingsUnknown, Warning, "shared settings: here 2 of them, there not known; they were not compared"},
		"other version of ours":      {func(m *Manifest) { m.Product = "1.5.0" }, OtherProduct, BlocksForming, "version of Twinleaf: here 1.4.0, there 1.5.0; install the same"},
		"other platform":             {func(m *Manifest) { m.Platform = "linux/arm64" }, OtherPlatform, Differs, "platform: here linux/amd64, there linux/arm64;"},
	} {
		r := Compare(server(), peer(c.change), Pair{})
		if len(r.Differences) != 1 {
			t.Errorf("%s: %d differences\n%s", name, len(r.Differences), lines(r))
			continue
		}
		d := r.Differences[0]
		if d.Code != c.code || d.Severity != c.severity || !strings.Contains(d.String(), c.line) {
			t.Errorf("%s: got %s %s %q, want %s %s with %q", name, d.Severity, d.Code, d, c.severity, c.code, c.line)
		}
		if at := c.severity == Warning; r.At != at {
			t.Errorf("%s: at parity is %t", name, r.At)
		}
		if strings.Contains(d.String(), "\n") {
			t.Errorf("%s: more than one line: %q", name, d)
		}
	}
}

func TestWhatIsNoDifference(t *testing.T) {
	for name, change := range map[string]func(*Manifest){
		"GS16 a second exactly":          func(m *Manifest) { m.Clock = noon.Add(time.Second) },
		"clock not to be compared":       func(m *Manifest) { m.Clock = time.Time{} },
		"other revision, same value":     func(m *Manifest) { m.Settings[0].Revision, m.Settings[0].User = 9, "bo" },
		"EP12 memory, but for the crumb": func(m *Manifest) { m.MemoryMB = 7900 },
		"other name of the server":       func(m *Manifest) { m.Server = Server{ID: "x", Name: "gamma"} },
	} {
		if r := Compare(server(), peer(change), Pair{}); len(r.Differences) != 0 {
			t.Errorf("%s: %s", name, lines(r))
		}
	}
}

// GS16-17: what a clock or zone keeps from, and what not.
func TestAClockThatIsWrongKeepsFromFormingAndSyncButHoldsNoJob(t *testing.T) {
	r := Compare(server(), peer(func(m *Manifest) { m.Clock, m.Zone = noon.Add(time.Minute), "UTC" }), Pair{})
	if _, ok := r.Forms(); ok {
		t.Error("a pair forms")
	}
	reason, ok := r.Syncs()
	if ok || !strings.Contains(reason, "time zone: here Europe/Berlin, there UTC") {
		t.Errorf("settings flow: %t, %q", ok, reason)
	}
	if reason, ok := r.May(Job{}); !ok {
		t.Errorf("a job is held: %s", reason)
	}
	if r := Compare(server(), peer(func(m *Manifest) { m.Clock = noon.Add(time.Minute) }), Pair{MaxSkew: time.Hour}); !r.At {
		t.Errorf("within the limit, but %s", lines(r))
	}
}

// GS13-15: a plug-in that differs keeps a pair neither from forming nor from synchronising,
// which is what mends it.
func TestAnOtherPluginDoesNotBlock(t *testing.T) {
	r := Compare(server(), peer(func(m *Manifest) { m.at("pdf").Digest = "h1:x" }), Pair{})
	if _, ok := r.Forms(); !ok || r.At {
		t.Errorf("forms %t, at parity %t", ok, r.At)
	}
	if _, ok := r.Syncs(); !ok {
		t.Error("nothing is synchronised")
	}
}

// GS20-21: both generations of the protocol stand side by side on both servers.
func TestPluginsOfBothGenerationsAreCompared(t *testing.T) {
	here, there := server(), peer(func(m *Manifest) { m.at("stamp").Digest = "h1:x" })
	if here.at("stamp").Protocol != 1 {
		t.Fatal("stamp is to be of the previous generation")
	}
	if r := Compare(here, there, Pair{}); len(r.Differences) != 1 || r.Differences[0].Code != OtherHash {
		t.Errorf("got %s", lines(r))
	}
}

func licensed(m Manifest, key, role string) Manifest {
	m.Server.ID = key
	m.License = &License{Key: key, Role: role, Kind: "permanent", Code: 800000, Signer: "office+1234abcd"}
	return m
}

// GS7-9, GS12, EP11: which licences make a pair.
func TestLicencesOfAPair(t *testing.T) {
	for name, c := range map[string]struct {
		change func(here, there *Manifest)
		remedy string // empty: they are fine
	}{
		"03 and 04":         {func(_, _ *Manifest) {}, ""},
		"near its end":      {func(h, _ *Manifest) { h.License.Code = 800001 }, ""},
		"none at all":       {func(h, o *Manifest) { h.License, o.License = nil, nil }, ""},
		"GS9 missing":       {func(_, o *Manifest) { o.License = nil }, "where there is none"},
		"GS9 trial":         {func(_, o *Manifest) { o.License.Kind = "trial" }, "two permanent licences: activate one instead of JBXDXUI040000045"},
		"GS9 expired":       {func(h, _ *Manifest) { h.License.Code = 800002 }, "in force instead of JBVTXUI030000085"},
		"GS12 two 03":       {func(_, o *Manifest) { o.License.Role = "03" }, "one primary (03) and one secondary (04)"},
		"the same key":      {func(_, o *Manifest) { o.License.Key = "JBVTXUI030000085" }, "one primary (03)"},
		"signed by another": {func(_, o *Manifest) { o.License.Signer = "else+00000000" }, "signed by one key"},
	} {
		here, there := licensed(server(), "JBVTXUI030000085", "03"), licensed(peer(nil), "JBXDXUI040000045", "04")
		c.change(&here, &there)
		r := Compare(here, there, Pair{})
		if c.remedy == "" {
			if !r.At || len(r.Differences) > 0 {
				t.Errorf("%s: %s", name, lines(r))
			}
			continue
		}
		if len(r.Differences) != 1 || r.Differences[0].Code != LicensePair || r.Differences[0].Severity != BlocksForming || !strings.Contains(r.Differences[0].Remedy, c.remedy) {
			t.Errorf("%s: got %s, want %q", name, lines(r), c.remedy)
		}
	}
}

// GS13: the remedy names the secondary, which follows the primary; licences tell who is who.
func TestTheSecondaryFollows(t *testing.T) {
	here, there := licensed(server(), "JBXDXUI040000045", "04"), licensed(peer(nil), "JBVTXUI030000085", "03")
	there.at("stamp").Version = "0.2.0"
	here.Plugins = append(here.Plugins, Plugin{Name: "zebra", Version: "1.0.0"})
	got := lines(Compare(here, there, Pair{}))
	for _, want := range []string{"install stamp 0.2.0 here", "remove zebra here, or add it to the primary"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}

func TestEqualArgumentsGiveEqualReports(t *testing.T) {
	change := func(m *Manifest) {
		m.Zone, m.Cores = "UTC", 1
		m.Engines[0].Libraries, m.Engines[0].Data = map[string]string{"a": "1", "b": "2"}, nil
		m.Own = nil
	}
	first := Compare(server(), peer(change), Pair{})
	for range 20 {
		if again := Compare(server(), peer(change), Pair{}); !reflect.DeepEqual(again, first) {
			t.Fatalf("got\n%s, then\n%s", lines(first), lines(again))
		}
	}
	if got := first.Differences[0].Severity; got != BlocksSync {
		t.Errorf("the first difference is %s", got)
	}
}
