package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// manifests is what the programs said of themselves the last time, so that a program need not
// be started to be known: one that nobody calls costs neither time nor memory. It is kept in
// a file of the server's user, by what the file of each program looked like. Plug-ins with
// an engine are not remembered: their word changes with a library.
type manifests struct {
	path string // empty: nothing is remembered
	log  *slog.Logger

	mu      sync.Mutex // guards what follows
	said    map[string]remembered
	changed bool
}

// remembered is the manifest of the program with a look, byte for byte: a process whose
// manifest is other bytes counts as another program.
type remembered struct {
	Look     string `json:"look"`
	Manifest []byte `json:"manifest"`
}

// maxMemory bounds the file in bytes.
const maxMemory = 16 << 20

// recollect reads the file. One that is missing, damaged, or could have been written by
// somebody else is no error: every program is asked again.
func recollect(path string, log *slog.Logger) *manifests {
	m := &manifests{path: path, log: log, said: map[string]remembered{}}
	if path == "" {
		return m
	}
	raw, err := readOwn(path)
	if err == nil {
		err = json.Unmarshal(raw, &m.said)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.said = map[string]remembered{}
		log.Warn("what the plug-ins said of themselves is asked again", "error", err)
	}
	return m
}

// readOwn reads a file that nobody but this user can have written.
func readOwn(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		return nil, fmt.Errorf("%s may have been written by others", path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxMemory+1))
	if len(raw) > maxMemory {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxMemory)
	}
	return raw, err
}

// recall gives the manifest of a program that looks as it did.
func (m *manifests) recall(p *plugin) ([]byte, bool) {
	if m.path == "" || p.barred != nil {
		return nil, false
	}
	look, err := p.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	r, known := m.said[p.path]
	return r.Manifest, err == nil && known && r.Look == look
}

// note remembers what a program said, if it still looks as it did before it was asked.
func (m *manifests) note(p *plugin, before string) {
	look, err := p.look()
	if m.path == "" || err != nil || look != before || p.about.Engine != "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said[p.path] = remembered{look, p.raw}
	m.changed = true
}

// forget is for a program that says something else now.
func (m *manifests) forget(p *plugin) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.said[p.path]; known {
		delete(m.said, p.path)
		m.changed = true
	}
}

// keep writes the file if there is news. Failing that costs time at the next start only.
func (m *manifests) keep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.path == "" || !m.changed {
		return
	}
	if err := m.write(); err != nil {
		m.log.Warn("what the plug-ins said of themselves is not remembered", "error", err)
		return
	}
	m.changed = false
}

func (m *manifests) write() error {
	for path := range m.said {
		if _, err := os.Stat(path); err != nil {
			delete(m.said, path)
		}
	}
	raw, err := json.Marshal(m.said)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(m.path), 0o700); err != nil {
		return err
	}
	return durable.Write(m.path, raw, 0o600)
}

// maxBeside is how many files beside a program belong to its look.
const maxBeside = 1000

// look is all that tells whether a program is the one that it was: its own file and, since
// a program may read what lies beside it, the others in its folder that are no programs.
func (p *plugin) look() (string, error) {
	var s strings.Builder
	if p.pin != nil {
		s.WriteString(p.pin.Digest())
	}
	files := []string{p.path}
	dir := filepath.Dir(p.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 == 0 {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) > maxBeside {
		return "", fmt.Errorf("more than %d files in %s", maxBeside, dir)
	}
	for _, path := range files {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return "", err
		}
		fmt.Fprintf(&s, " %s:%d:%d:%d:%d:%d", filepath.Base(path), st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
	}
	return s.String(), nil
}
