package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/core"
)

// note is what is known of a file that became a job, or that was refused.
type note struct {
	File   string   `json:"file"`             // base name
	Folder string   `json:"folder,omitempty"` // the subfolder that it came in
	Ref    core.Ref `json:"ref,omitempty"`
	Job    string   `json:"job,omitempty"`
	Code   string   `json:"-"`
	Cause  string   `json:"-"`
	Remedy string   `json:"-"`
}

// noteOf is the note of a file that had that path in the watched folder.
func noteOf(name string) note {
	dir, base := path.Split(name)
	return note{File: base, Folder: strings.TrimSuffix(dir, "/")}
}

func (n note) because(f *core.Failure) note {
	n.Code, n.Cause, n.Remedy = f.Code, f.Detail, f.Remedy
	return n
}

func codeOf(v Verdict) string {
	if v == Unknown {
		return core.CodeNotAScan
	}
	return core.CodeDamaged
}

// text is what stands in the file beside the refused one.
func (n note) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s was not taken.\n\ncode:  %s\ncause: %s\n", n.File, n.Code, n.Cause)
	if n.Remedy != "" {
		fmt.Fprintf(&b, "hint:  %s\n", n.Remedy)
	}
	if n.Folder != "" {
		fmt.Fprintf(&b, "from:  the subfolder %s, that of its profile\n", n.Folder)
	}
	if n.Job != "" {
		fmt.Fprintf(&b, "job:   %s\n", n.Job)
	}
	return b.String()
}

// remember keeps, over restarts, which file became which job.
func (w *Watcher) remember(id core.JobID, n note) {
	n.Job = string(id)
	w.jobs[id] = n
	data, err := json.Marshal(n)
	if err == nil {
		err = w.root.WriteFile(path.Join(jobsDir, string(id)), data, 0o644)
	}
	if err != nil {
		w.log.Warn("job of a file cannot be noted; after a restart its failure is not told in the folder", "job", id, "error", err)
	}
}

func (w *Watcher) resumeJobs() {
	entries, err := fs.ReadDir(w.root.FS(), jobsDir)
	if err != nil {
		w.log.Warn("jobs of earlier files cannot be listed", "error", err)
	}
	for _, e := range entries {
		var n note
		data, err := w.root.ReadFile(path.Join(jobsDir, e.Name()))
		if err != nil || json.Unmarshal(data, &n) != nil || n.Job != e.Name() {
			_ = w.root.Remove(path.Join(jobsDir, e.Name())) // half written; the job's list has it
			continue
		}
		w.jobs[core.JobID(n.Job)] = n
	}
}

// follow tells, for every job that has ended, whether its file was refused after
// all; then the original comes back into failed.
func (w *Watcher) follow(ctx context.Context) {
	for id, n := range w.jobs {
		view, found, err := w.parts.Jobs.Job(ctx, id)
		if err != nil {
			return // the data service is away; ask again
		}
		if found && view.State.Open() {
			continue
		}
		if found && view.State == core.Failed && view.Error != nil && view.Error.Refused() {
			if err := w.giveBack(n.because(view.Error)); err != nil {
				w.log.Warn("refused file cannot be given back; trying on", "job", id, "error", err)
				continue
			}
		}
		delete(w.jobs, id)
		_ = w.root.Remove(path.Join(jobsDir, string(id))) // found again at the next start at worst
	}
}

// giveBack writes the original and its note into failed.
func (w *Watcher) giveBack(n note) error {
	in, err := w.parts.Blobs.Open(n.Ref)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	name, out, err := w.reserve(failedDir, n.File)
	if err != nil {
		return err
	}
	if err = w.write(name, n); err == nil {
		_, err = io.Copy(out, in)
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, w.discard(name))
	}
	return nil
}

// putAway moves a file to failed. Its note is written first, so that no file lies
// there without one; what cannot be put away stays where it is.
func (w *Watcher) putAway(from string, n note) error {
	name, placeholder, err := w.reserve(failedDir, n.File)
	if err != nil {
		return err
	}
	if err = errors.Join(placeholder.Close(), w.write(name, n)); err == nil {
		err = w.root.Rename(from, name)
	}
	if err != nil {
		return errors.Join(err, w.discard(name))
	}
	return nil
}

// write puts a note beside a file in failed.
func (w *Watcher) write(name string, n note) error {
	return w.root.WriteFile(name+".txt", []byte(n.text()), 0o644)
}

// discard frees a name in failed again.
func (w *Watcher) discard(name string) error {
	_ = w.root.Remove(name + ".txt") // was never made, perhaps
	return w.root.Remove(name)
}

// move renames a file into dir under a name that is free there.
func (w *Watcher) move(from, dir, name string) (to string, err error) {
	to, placeholder, err := w.reserve(dir, name)
	if err != nil {
		return "", err
	}
	if err := errors.Join(placeholder.Close(), w.root.Rename(from, to)); err != nil {
		return "", errors.Join(err, w.root.Remove(to))
	}
	return to, nil
}

// maxName is how many bytes file systems take in one name.
const maxName = 255

// reserve creates a file in dir: NAME, or NAME-2 and so on where that or its note
// is there already. A long name is shortened so that there is room for both.
func (w *Watcher) reserve(dir, name string) (string, *os.File, error) {
	if err := w.root.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	ext := path.Ext(name)
	if len(ext) > 20 {
		ext = "" // a dot somewhere in a sentence
	}
	stem := clip(strings.TrimSuffix(name, ext), maxName-len("-9999")-len(ext)-len(".txt"))
	for i := 1; i < 10_000; i++ {
		to := path.Join(dir, stem+ext)
		if i > 1 {
			to = path.Join(dir, fmt.Sprintf("%s-%d%s", stem, i, ext))
		}
		if _, err := w.root.Lstat(to + ".txt"); err == nil {
			continue
		}
		f, err := w.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return to, f, err
		}
	}
	return "", nil, fmt.Errorf("%s holds ten thousand files called %s", dir, name)
}

// clip cuts a name to at most n bytes, between characters where it is UTF-8.
func clip(name string, n int) string {
	if len(name) <= n {
		return name
	}
	end := n
	for end > n-utf8.UTFMax && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}
