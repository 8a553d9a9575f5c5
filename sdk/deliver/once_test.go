package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

// folder is the plainest destination: a directory of this machine.
type folder string

func (d folder) at(name string) string { return filepath.Join(string(d), name) }

func (d folder) Put(_ context.Context, name string, content deliver.Content, size int64) error {
	f, err := os.Create(d.at(name))
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, content, size)
	return errors.Join(err, f.Close())
}

// Move links and removes, under the folder's lock: for others it is one step.
func (d folder) Move(_ context.Context, from, to string) error {
	dir, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if err := os.Link(d.at(from), d.at(to)); err != nil {
		return err
	}
	return os.Remove(d.at(from))
}

func (d folder) Stat(_ context.Context, name string) (deliver.Entry, error) {
	info, err := os.Stat(d.at(name))
	if err != nil {
		return deliver.Entry{}, err
	}
	return deliver.Entry{Name: info.Name(), Size: info.Size(), Modified: info.ModTime()}, nil
}

func (d folder) Read(_ context.Context, name string) ([]byte, error) { return os.ReadFile(d.at(name)) }

func (d folder) Remove(_ context.Context, name string) error { return os.Remove(d.at(name)) }

func (d folder) List(ctx context.Context, name string) (out []deliver.Entry, err error) {
	entries, err := os.ReadDir(d.at(name))
	for _, e := range entries {
		if entry, err := d.Stat(ctx, filepath.Join(name, e.Name())); err == nil {
			out = append(out, entry)
		}
	}
	return out, err
}

func newFolder(t testing.TB) folder {
	t.Helper()
	d := folder(t.TempDir())
	if err := os.Mkdir(d.at(deliver.Private), 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

func place(t *testing.T) delivertest.Place {
	d := newFolder(t)
	p := delivertest.PlaceIn(string(d))
	p.Deliver = func(r sdk.DeliverRequest, reached func(string)) (receipt sdk.Receipt, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		plan, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: d, Reached: reached})
		if err != nil {
			return sdk.Receipt{}, err
		}
		return sdk.Receipt{Location: d.at(plan.Main())}, nil
	}
	p.Over = func(r sdk.DeliverRequest, way func(delivertest.Destination) delivertest.Destination) error {
		_, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: way(d)})
		return err
	}
	return p
}

func TestEveryStoryHoldsInAFolder(t *testing.T) { delivertest.Run(t, place) }

// deaf does what it is told, once, and then answers that it failed.
type deaf struct {
	folder
	after int // moves until the answer is lost
}

var errLost = errors.New("connection reset")

func (d *deaf) Move(ctx context.Context, from, to string) error {
	err := d.folder.Move(ctx, from, to)
	if d.after--; d.after == 0 {
		return errLost
	}
	return err
}

func TestALostAnswerLosesAndDoublesNothing(t *testing.T) {
	for n := 1; n <= 3; n++ {
		d := newFolder(t)
		r := delivertest.Request(t, "k", "scan")
		if _, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: &deaf{d, n}}); !errors.Is(err, errLost) {
			t.Fatalf("move %d: error = %v", n, err)
		}
		if _, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: d}); err != nil {
			t.Fatalf("move %d: %v", n, err)
		}
		if got := delivertest.Folder(t, string(d)); len(got) != 2 || got["scan.pdf"] == "" || got["scan.txt"] == "" {
			t.Errorf("move %d: the folder holds %q", n, got)
		}
	}
}

func TestAVanishedPrivateFolderIsNotTakenForDone(t *testing.T) {
	d := newFolder(t)
	r := delivertest.Request(t, "k", "scan")
	_, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: d, Reached: func(step string) {
		if step == "plan" {
			_ = os.Rename(d.at(deliver.Private), d.at("elsewhere"))
		}
	}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v, want that the plan has vanished", err)
	}
}

// TestAShortUploadIsNotDelivered, be it one of the files or that of the plan.
func TestAShortUploadIsNotDelivered(t *testing.T) {
	r := delivertest.Request(t, "k", "scan")
	for n := 1; n <= len(r.Files)+1; n++ {
		d := newFolder(t)
		_, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: &short{d, n}})
		if err == nil || !strings.Contains(err.Error(), "holds 3 of") {
			t.Errorf("upload %d: error = %v, want the sizes", n, err)
		}
		if got := delivertest.Folder(t, string(d)); len(got) != 0 {
			t.Errorf("upload %d: the folder holds %q", n, got)
		}
		if _, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: d}); err != nil {
			t.Errorf("upload %d: the next call: %v", n, err)
		}
	}
}

// short is cut off in one of its uploads.
type short struct {
	folder
	left int // uploads until that
}

func (s *short) Put(ctx context.Context, name string, content deliver.Content, size int64) error {
	if s.left--; s.left == 0 {
		size = 3
	}
	return s.folder.Put(ctx, name, content, size)
}

// failing does what it is told, as long as the call goes on and fail allows it.
type failing struct {
	folder
	fail func(what string) error
}

var errFull = errors.New("quota exceeded")

func (d failing) Put(ctx context.Context, name string, content deliver.Content, size int64) error {
	if err := d.folder.Put(ctx, name, content, size); err != nil { // what has come so far is there
		return err
	}
	return d.fail("put " + name)
}

func (d failing) Move(ctx context.Context, from, to string) error {
	if err := d.fail("move to " + to); err != nil {
		return err
	}
	return d.folder.Move(ctx, from, to)
}

func (d failing) Remove(ctx context.Context, name string) error {
	return errors.Join(ctx.Err(), d.folder.Remove(ctx, name))
}

func (d failing) Lock(context.Context) (func(), error) { return func() {}, d.fail("lock") }

func TestACallThatFailsLeavesNoUploads(t *testing.T) {
	d := newFolder(t)
	r := delivertest.Request(t, "k", "scan")
	for _, at := range []string{"-0.upload", "-1.upload", "lock", "plan"} {
		for _, ended := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := deliver.Once(ctx, deliver.Delivery{Request: r, To: failing{d, func(what string) error {
				plan := strings.HasPrefix(what, "put ") && strings.Count(what, "-") == 1
				if !strings.HasSuffix(what, at) && (at != "plan" || !plan) {
					return nil
				}
				if ended {
					cancel()
				}
				return errFull
			}}})
			cancel()
			if !errors.Is(err, errFull) {
				t.Errorf("%s: error = %v", at, err)
			}
			left, err := d.List(t.Context(), deliver.Private)
			if err != nil || len(left) != 0 {
				t.Errorf("%s, call ended=%v: %v, %v is left", at, ended, left, err)
			}
		}
	}
	if _, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: d}); err != nil {
		t.Fatal(err)
	}
	if got := delivertest.Folder(t, string(d)); len(got) != 2 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestAPlanThatIsSaidToBeThereAndIsNotIsAnError(t *testing.T) {
	for _, number := range []string{".1.json", ".2.json"} {
		d := newFolder(t)
		moves := 0
		_, err := deliver.Once(t.Context(), deliver.Delivery{Request: delivertest.Request(t, "k", "scan"), To: failing{d, func(what string) error {
			if moves++; moves > 50 {
				return errors.New("it goes on for ever")
			}
			if strings.HasSuffix(what, number) || what == "move to scan.pdf" {
				return fs.ErrExist
			}
			return nil
		}}})
		if !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: error = %v", number, err)
		}
	}
}

func TestUploadsThatNoPlanNamesGo(t *testing.T) {
	d := newFolder(t)
	r := delivertest.Request(t, "k", "scan")
	lost := errors.New("connection reset")
	_, err := deliver.Once(t.Context(), deliver.Delivery{Request: r, To: failing{d, func(what string) error {
		if what == "move to scan.pdf" {
			return lost
		}
		return nil
	}}})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	planned, err := d.List(t.Context(), deliver.Private) // the plan, and the PDF that was not placed
	if err != nil || len(planned) != 2 {
		t.Fatalf("%v, %v", planned, err)
	}
	want := map[string]bool{deliver.ID("k") + "-tried-0.upload": false, deliver.ID("k") + "-tried.upload": false}
	for name := range want {
		if err := os.WriteFile(d.at(deliver.Private+"/"+name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range planned {
		want[e.Name] = true
	}
	for name := range want {
		then := time.Now().Add(-3 * 24 * time.Hour)
		if err := os.Chtimes(d.at(deliver.Private+"/"+name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	young := deliver.ID("k") + "-young-0.upload" // its call may be at work
	want[young] = true
	if err := os.WriteFile(d.at(deliver.Private+"/"+young), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	deliver.Sweep(t.Context(), d)
	for name, want := range want {
		if _, err := d.Stat(t.Context(), deliver.Private+"/"+name); (err == nil) != want {
			t.Errorf("%s: %v, want it there = %v", name, err, want)
		}
	}
}

func TestOldPlansGoAndUploadsThatMatterStay(t *testing.T) {
	d := newFolder(t)
	const day = 24 * time.Hour
	old, young := deliver.ID("old"), deliver.ID("young")
	ages := map[string]time.Duration{
		old + ".1.json": 91 * day, old + "-x-0.upload": 92 * day,
		young + ".1.json": 80 * day, young + "-x-0.upload": 80 * day,
		deliver.ID("crashed") + "-x-0.upload":   3 * day,
		deliver.ID("uploading") + "-x-0.upload": 1 * day,
		"notes.txt":                             400 * day,
	}
	for name, age := range ages {
		path := d.at(deliver.Private + "/" + name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := deliver.Once(t.Context(), deliver.Delivery{Request: delivertest.Request(t, "new", "new"), To: d}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{
		old + ".1.json": false, old + "-x-0.upload": false, young + ".1.json": true, young + "-x-0.upload": true,
		deliver.ID("crashed") + "-x-0.upload": false, deliver.ID("uploading") + "-x-0.upload": true,
		"notes.txt": true, deliver.ID("new") + ".1.json": true,
	} {
		if _, err := d.Stat(t.Context(), deliver.Private+"/"+name); (err == nil) != want {
			t.Errorf("%s: %v, want it there = %v", name, err, want)
		}
	}
}

// halves is a folder whose lists leave out the plans.
type halves struct{ folder }

func (h halves) List(ctx context.Context, dir string) ([]deliver.Entry, error) {
	all, err := h.folder.List(ctx, dir)
	return slices.DeleteFunc(all, func(e deliver.Entry) bool { return strings.HasSuffix(e.Name, ".json") }), err
}

func TestAListThatLeavesOutPlansCostsNoUpload(t *testing.T) {
	d := halves{newFolder(t)}
	lost := errors.New("connection reset")
	_, err := deliver.Once(t.Context(), deliver.Delivery{Request: delivertest.Request(t, "k", "scan"), To: failing{d.folder, func(what string) error {
		if what == "move to scan.pdf" {
			return lost
		}
		return nil
	}}})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	left, err := d.List(t.Context(), deliver.Private)
	if err != nil || len(left) != 1 {
		t.Fatalf("%v, %v: want the PDF that was not placed", left, err)
	}
	then := time.Now().Add(-3 * 24 * time.Hour)
	if err := os.Chtimes(d.at(deliver.Private+"/"+left[0].Name), then, then); err != nil {
		t.Fatal(err)
	}
	deliver.Sweep(t.Context(), d)
	if _, err := d.Stat(t.Context(), deliver.Private+"/"+left[0].Name); err != nil {
		t.Errorf("the upload went: %v", err)
	}
}

func TestNamesAreFitForEveryFileSystem(t *testing.T) {
	for name, want := range map[string]string{
		"scan": "scan", "": "scan", "...": "scan", "../../etc/passwd": "_.._etc_passwd", ".hidden": "hidden",
		"a/b\\c:d*e?f\"g<h>i|j": "a_b_c_d_e_f_g_h_i_j", "line\nbreak\x00": "line_break_", "CON": "scanCON", "com1.x": "scancom1.x", "aux.tar.gz": "scanaux.tar.gz", "nul .x": "scannul .x", "console": "console",
		"CON" + strings.Repeat(" ", 300) + "x": "scanCON", "nul" + strings.Repeat(".", 300) + "x": "scannul",
		"trailing. ": "trailing", "Größe 日本": "Größe 日本", "bad\xffutf8": "bad_utf8", "\u202Eevil": "_evil",
	} {
		if got := deliver.Stem(name, "job", 0); got != want {
			t.Errorf("stem of %q = %q, want %q", name, got, want)
		}
	}
}

// isDevice reports whether Windows opens a device under a name.
func isDevice(name string) bool {
	before, _, _ := strings.Cut(name, ".")
	return regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[1-9]|lpt[1-9]) *$`).MatchString(before)
}

func FuzzStem(f *testing.F) {
	for _, seed := range []string{"scan", "../x", strings.Repeat("ä", 300), "CON.txt", "CON." + strings.Repeat("x", 300), "CON" + strings.Repeat(" ", 300) + "x", "com7" + strings.Repeat(".", 300) + "x", "\xff\xfe", ". . ."} {
		f.Add(seed, "here-01", 0)
		f.Add(seed, "here-01", 2)
	}
	f.Fuzz(func(t *testing.T, name, job string, n int) {
		stem := deliver.Stem(name, job, n%1000)
		if isDevice(stem) {
			t.Errorf("stem of %q, %q: %q is a device of Windows", name, job, stem)
		}
		for _, kind := range []string{"pdf", "original", strings.Repeat("k", 99)} {
			full := stem + "-999" + deliver.Suffix(kind)
			if len(full) > deliver.MaxName || !filepath.IsLocal(full) || strings.ContainsAny(full, "/\\\x00\n") || !utf8.ValidString(full) || strings.HasPrefix(full, ".") {
				t.Errorf("stem of %q, %q: %q has %d bytes", name, job, full, len(full))
			}
		}
	})
}

func FuzzReadPlan(f *testing.F) {
	f.Add([]byte(`{"key":"k","job":"j","files":[{"index":0,"kind":"pdf","part":"a.upload","final":"a.pdf"}]}`))
	f.Add([]byte(`{"key":"k","files":[{"part":"../../x","final":"/etc/passwd"}]}`))
	r := sdk.DeliverRequest{Key: "k", Files: make([]sdk.File, 1), Kinds: []string{"pdf"}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := deliver.ReadPlan(raw, r)
		if err != nil {
			return
		}
		for _, file := range p.Files {
			if strings.Contains(file.Part+file.Final, "/") || file.Part == ".." || file.Final == ".." || file.Index != 0 {
				t.Errorf("the plan leads out of the folder: %+v", file)
			}
		}
	})
}
