package store

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// manifest is that of the plug-in that most tests pack.
func manifest(version string) sdk.Manifest {
	return sdk.Manifest{
		Info: sdk.Info{Name: "example.invert", Version: version, Permissions: sdk.Permissions{MemoryMB: 64}}, Protocol: 2,
		Components: []sdk.ComponentManifest{{ID: "invert", Kind: sdk.KindFilter, Ops: []string{"filter"}, Schema: []byte(`{"type":"object"}`)}},
	}
}

func manifestText(t testing.TB, m sdk.Manifest, program string) string {
	t.Helper()
	raw, err := json.Marshal(packed{program, m})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// entry is one entry of a zip that a test makes.
type entry struct {
	name   string
	body   string
	mode   fs.FileMode
	claims uint64 // size that it says it has, instead of its own
	spy    func(*zip.FileHeader)
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode == 0 {
			e.mode = 0o644
		}
		h.SetMode(e.mode)
		if e.spy != nil {
			e.spy(h)
		}
		create := z.CreateHeader
		if h.UncompressedSize64 = e.claims; e.claims > 0 {
			create = z.CreateRaw
		}
		w, err := create(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// good are the entries that every archive has.
func good(t testing.TB) []entry {
	return []entry{{name: ManifestFile, body: manifestText(t, manifest("1.0.0"), "invert")}, {name: "invert", body: "#!", mode: 0o755}}
}

func writeArchive(t testing.TB, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

const goodName = "example.invert_1.0.0_any.zip"

func TestAnArchiveIsUnpackedReadOnly(t *testing.T) {
	file := writeArchive(t, goodName, zipOf(t, append(good(t), entry{name: "data/", mode: fs.ModeDir | 0o777}, entry{name: "data/words", body: "w", mode: 0o666})...))
	a, err := OpenArchive(file)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	dir := t.TempDir()
	t.Cleanup(func() { _ = removeSealed(dir) })
	h1, err := a.Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want, _, err := digestOf(dir); err != nil || h1 != want {
		t.Errorf("digest %s, want %s (%v)", h1, want, err)
	}
	for name, want := range map[string]fs.FileMode{"invert": 0o555, ManifestFile: 0o444, "data/words": 0o444, "data": 0o555 | fs.ModeDir, ".": 0o555 | fs.ModeDir} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v (%v), want %v", name, info.Mode(), err, want)
		}
	}
}

func TestHostileArchivesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		entries []entry
		want    string
	}{
		{"parent", []entry{{name: "../evil"}}, "leads out of the folder"},
		{"parent inside", []entry{{name: "a/../../evil"}}, "leads out of the folder"},
		{"folder of the parent", []entry{{name: "../evil/"}}, "leads out of the folder"},
		{"absolute", []entry{{name: "/etc/passwd"}}, "is absolute"},
		{"drive", []entry{{name: "C:evil"}}, "a backslash or a colon"},
		{"backslash", []entry{{name: `..\evil`}}, "a backslash or a colon"},
		{"dot", []entry{{name: "./a"}}, "no plain path"},
		{"empty part", []entry{{name: "a//b"}}, "no plain path"},
		{"control character", []entry{{name: "a\x1b[2Jb"}}, "cannot be printed"},
		{"right to left", []entry{{name: "a\u202efdp"}}, "cannot be printed"},
		{"not UTF-8", []entry{{name: "a\xff"}}, "cannot be printed"},
		{"long", []entry{{name: strings.Repeat("a", 201)}}, "is too long"},
		{"deep", []entry{{name: strings.Repeat("a/", 11) + "b"}}, "is too long"},
		{"twice", []entry{{name: "a"}, {name: "a"}}, "is there twice"},
		{"case", []entry{{name: "readme"}, {name: "README"}}, "upper and lower case"},
		{"long s", []entry{{name: "s"}, {name: "ſ"}}, "upper and lower case"},
		{"composed", []entry{{name: "\u00e9"}, {name: "e\u0301"}}, "is there twice"},
		{"file as folder", []entry{{name: "a"}, {name: "a/b"}}, "lies below another file"},
		{"folder as file", []entry{{name: "a/b"}, {name: "A"}}, "is there twice"},
		{"symlink", []entry{{name: "a", body: "/etc/passwd", mode: fs.ModeSymlink | 0o777}}, "a link, a device"},
		{"device", []entry{{name: "a", mode: fs.ModeDevice | 0o666}}, "a link, a device"},
		{"pipe", []entry{{name: "a", mode: fs.ModeNamedPipe | 0o666}}, "a link, a device"},
		{"set-user-ID", []entry{{name: "a", mode: fs.ModeSetuid | 0o755}}, "set-user-ID"},
		{"encrypted", []entry{{name: "a", spy: func(h *zip.FileHeader) { h.Flags |= 1 }}}, "is encrypted"},
		{"bomb", []entry{{name: "a", claims: freeRatio + 1}}, "more than is allowed"},
		{"giant", []entry{{name: "a", claims: maxUnpacked + 1}}, "more than is allowed"},
		{"giant in parts", []entry{{name: "a", claims: maxUnpacked}, {name: "b", claims: 1 << 62}, {name: "c", claims: 1 << 63}}, "more than is allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenArchive(writeArchive(t, goodName, zipOf(t, append(good(t), c.entries...)...)))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), goodName) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestArchivesWithBadManifestsAreRefused(t *testing.T) {
	program := entry{name: "invert", body: "#!", mode: 0o755}
	for _, c := range []struct {
		name, manifest, want string
	}{
		{"garbage", "{", ManifestFile},
		{"no program", manifestText(t, manifest("1.0.0"), ""), "which file is the program"},
		{"program not there", manifestText(t, manifest("1.0.0"), "bin/other"), "is not in it"},
		{"program outside", manifestText(t, manifest("1.0.0"), "../../bin/sh"), "leads out of the folder"},
		{"other version", manifestText(t, manifest("2.0.0"), "invert"), "its name says example.invert 1.0.0"},
		{"no components", `{"program":"invert","name":"example.invert","version":"1.0.0","protocol":2}`, "has no components"},
		{"huge", strings.Repeat(" ", maxManifest+1), "more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenArchive(writeArchive(t, goodName, zipOf(t, entry{name: ManifestFile, body: c.manifest}, program)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	_, err := OpenArchive(writeArchive(t, goodName, zipOf(t, program)))
	if err == nil || !strings.Contains(err.Error(), "it has no manifest.json") {
		t.Errorf("without a manifest: %v", err)
	}
	_, err = OpenArchive(writeArchive(t, goodName, []byte("no zip at all")))
	if err == nil || !strings.Contains(err.Error(), "it is no zip") {
		t.Errorf("no zip: %v", err)
	}
	_, err = OpenArchive(writeArchive(t, "invert.zip", zipOf(t, good(t)...)))
	if err == nil || !strings.Contains(err.Error(), "want NAME_VERSION_OS_ARCH.zip") {
		t.Errorf("bad name: %v", err)
	}
}

func TestALongListOfFilesIsNotHeldInMemory(t *testing.T) {
	stored := func(h *zip.FileHeader) { h.Method = zip.Store }
	long, many := good(t), good(t)
	for i := range 100 {
		long = append(long, entry{name: fmt.Sprintf("%060000d", i), spy: stored})
	}
	for i := range maxFiles {
		many = append(many, entry{name: fmt.Sprint(i), spy: stored})
	}
	_, err := OpenArchive(writeArchive(t, goodName, zipOf(t, long...)))
	wantError(t, err, errLongList.Error())
	_, err = OpenArchive(writeArchive(t, goodName, zipOf(t, many...)))
	wantError(t, err, "it has 5002 files, more than 5000")
}

func TestAFileLargerThanItsEntrySaysIsRefused(t *testing.T) {
	content := zipOf(t, append(good(t), entry{name: "a", body: strings.Repeat("x", 1000)})...)
	// The size stands in the list of files at the end, 24 bytes into the last entry.
	at := bytes.LastIndex(content, []byte("PK\x01\x02")) + 24
	content[at], content[at+1] = 10, 0
	a, err := OpenArchive(writeArchive(t, goodName, content))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	dir := t.TempDir()
	t.Cleanup(func() { _ = removeSealed(dir) })
	if _, err := a.Unpack(dir); err == nil || !strings.Contains(err.Error(), `unpack "a"`) {
		t.Errorf("got %v", err)
	}
}

// FuzzArchive looks for an archive that is taken and writes outside of its folder, or
// whose files are not what its list says.
func FuzzArchive(f *testing.F) {
	f.Add(zipOf(f, good(f)...))
	f.Add(zipOf(f, append(good(f), entry{name: "../evil"})...))
	f.Add(zipOf(f, append(good(f), entry{name: "a/b", body: "x"}, entry{name: "l", mode: fs.ModeSymlink})...))
	f.Fuzz(func(t *testing.T, content []byte) {
		a := &Archive{}
		if a.read(bytes.NewReader(content), int64(len(content))) != nil {
			return
		}
		around := t.TempDir()
		dir := filepath.Join(around, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = removeSealed(dir) }()
		if _, err := a.Unpack(dir); err != nil {
			return
		}
		beside, err := os.ReadDir(around)
		if err != nil || len(beside) != 1 {
			t.Errorf("it wrote outside: %v %v", beside, err)
		}
		_, seen, err := digestOf(dir)
		files := 0
		for _, id := range seen {
			if !id.folder() {
				files++
			}
		}
		if err != nil || files != len(a.files) {
			t.Errorf("%d files for %d entries: %v", files, len(a.files), err)
		}
	})
}
