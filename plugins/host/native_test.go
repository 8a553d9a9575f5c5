package host

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/host/native"
)

// libc is the one library that every program loads.
const libc = "libc.so.6"

// besideNative makes a plug-in folder with a prefix for the fault plug-in beside it. Its library
// has some content; nil: that of the system's C library.
func besideNative(t *testing.T, content []byte, needs ...string) (plugins, prefix string) {
	t.Helper()
	program, err := buildFault()
	must(t, err)
	if f, err := elf.Open(program); err != nil || !slices.Contains(imported(t, f), libc) {
		t.Skip("the fault plug-in loads no library")
	}
	found, _ := filepath.Glob("/lib/*/" + libc)
	if len(found) == 0 {
		t.Skip("there is no " + libc + " where it is looked for")
	}
	system, err := os.ReadFile(found[0])
	must(t, err)
	if content == nil {
		content = system
	}
	dir := openFolder(t)
	plugins, prefix = filepath.Join(dir, "plugins"), filepath.Join(dir, native.Folder, "fault")
	for _, d := range []string{plugins, filepath.Join(prefix, "lib")} {
		must(t, os.MkdirAll(d, 0o755))
	}
	raw, err := json.Marshal(native.Build{
		Format: native.Format, Library: libc, SHA256: hexSum(content), Source: "libc 1-2", Processor: "some processor", Needs: append(needs, ability(t)),
		Replaces: found[0], ReplacesSHA256: hexSum(system),
	})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(prefix, "lib", libc), content, 0o755))
	must(t, os.WriteFile(filepath.Join(prefix, native.BuildFile), raw, 0o644))
	return plugins, prefix
}

func imported(t *testing.T, f *elf.File) []string {
	t.Helper()
	defer f.Close()
	names, err := f.ImportedLibraries()
	must(t, err)
	return names
}

func hexSum(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

// ability is something that this processor can do.
func ability(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("/proc/cpuinfo")
	must(t, err)
	for line := range strings.Lines(string(raw)) {
		if key, value, _ := strings.Cut(line, ":"); slices.Contains([]string{"flags", "Features"}, strings.TrimSpace(key)) {
			return strings.Fields(value)[0]
		}
	}
	t.Skip("the system does not tell what the processor is able to do")
	return ""
}

// loads reports whether the processes of the one plug-in have a file of a folder loaded.
func loads(t *testing.T, h *Host, folder string) bool {
	t.Helper()
	pool, err := h.plugins[0].ready()
	must(t, err)
	mapped, err := pool.mapped()
	must(t, err)
	return slices.ContainsFunc(mapped, func(line string) bool { return strings.Contains(line, folder) })
}

func works(t *testing.T, h *Host) {
	t.Helper()
	if _, _, err := clean(t, h, "copy"); err != nil {
		t.Errorf("a call: %v", err)
	}
}

func TestALibraryForThisProcessorIsLoaded(t *testing.T) {
	plugins, prefix := besideNative(t, nil)
	h := open(t, Config{Dir: plugins, Workers: 1}, "fault")
	works(t, h)
	if s := h.List()[0].Native; s == nil || *s != (Native{Prefix: prefix, Source: "libc 1-2"}) {
		t.Errorf("it is told as %+v", s)
	}
	if !loads(t, h, prefix) {
		t.Error("it is not loaded")
	}
}

func TestTheDistributionsIsLoadedWhereTheOperatorWantsThat(t *testing.T) {
	plugins, prefix := besideNative(t, nil)
	h := open(t, Config{Dir: plugins, Workers: 1, DistributionOnly: true}, "fault")
	works(t, h)
	if s := h.List()[0].Native; s != nil || loads(t, h, prefix) {
		t.Errorf("it is told as %+v", s)
	}
}

func TestALibraryThatIsNoGoodIsLeftAside(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		needs   []string
		want    string
	}{
		"broken":            {[]byte("this is no library"), nil, "the plug-in does not start with it"},
		"another processor": {nil, []string{"tea"}, "was built for another processor (some processor); this one lacks tea"},
	} {
		t.Run(name, func(t *testing.T) {
			plugins, prefix := besideNative(t, c.content, c.needs...)
			h := open(t, Config{Dir: plugins, Workers: 1}, "fault")
			works(t, h)
			if s := h.List()[0].Native; s == nil || !strings.Contains(s.Aside, c.want) || s.Prefix != prefix {
				t.Errorf("it is told as %+v", s)
			}
			if loads(t, h, prefix) {
				t.Error("it is loaded")
			}
		})
	}
}

// A folder that goes while the server runs takes no process with it that starts later.
func TestALibraryThatIsTakenAwayIsDoneWithout(t *testing.T) {
	plugins, prefix := besideNative(t, nil)
	h := open(t, Config{Dir: plugins, Workers: 1, Recycle: 1}, "fault")
	must(t, os.Rename(prefix, prefix+".gone"))
	for range 3 {
		works(t, h)
	}
	if s := h.List()[0].Native; s == nil || !strings.Contains(s.Aside, "no such file") {
		t.Errorf("it is told as %+v", s)
	}
}

// What keeps a plug-in from starting at all is not laid at the library's door.
func TestAPlugInThatDoesNotStartEitherWayHasItsLibraryStill(t *testing.T) {
	plugins, _ := besideNative(t, nil)
	program := filepath.Join(plugins, "fault")
	must(t, os.WriteFile(program, []byte("#!/bin/sh\nexit 3\n"), 0o755))
	h := open(t, Config{Dir: plugins})
	if s := h.List()[0]; s.Problem == "" || s.Native == nil || s.Native.Aside != "" {
		t.Errorf("problem %q, native %+v", s.Problem, s.Native)
	}
}
