package host

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// ErrNoBasis is returned by [Host.Basis] for a step whose answers may depend on what
// nobody can know.
var ErrNoBasis = errors.New("what its answers rest on is not known")

// basis is all that the answer of a component rests on beside the question, the settings
// and the files of this machine.
type basis struct {
	Plugin, Version, Component string
	Digest                     string       // of the program
	Pin                        string       // of the plug-in as it was added; empty: it is one of the plug-in folder
	Engine                     *Fingerprint // of a recognizer
}

// Basis gives a digest of all that the answers of a step's component rest on beside the
// question and the settings: the program, the code that its processes have loaded, the
// fingerprint of a recognizer's engine. Where two are the same, so are the answers.
//
// It has two parts with a dot between them. The code that is loaded, as files of this
// machine, is the second; the first is the same on all machines with that program and that
// engine.
//
// There is none, and the error is ErrNoBasis, for a recognizer that gives no
// fingerprint, a filter that was added, a plug-in that runs other programs or reaches the
// network, and settings that name a file: what lies there may change. about is what the
// component was asked about last, if it was; the process that answered then is looked at.
func (h *Host) Basis(ctx context.Context, kind core.StepKind, s core.Step, about string) (string, error) {
	ops := map[core.StepKind]string{core.StepRecognizer: sdk.OpRecognize, core.StepFilter: sdk.OpClean}
	t, err := h.step(s, sdk.Kind(kind), ops[kind])
	if err != nil {
		return "", err
	}
	if err := t.groundless(sdk.Kind(kind), s.Settings); err != nil {
		return "", err
	}
	b := basis{Plugin: t.plugin.about.Name, Version: t.plugin.about.Version, Component: t.component}
	if b.Digest, err = t.plugin.sum(); err != nil {
		return "", err
	}
	if t.plugin.pin != nil {
		b.Pin = t.plugin.pin.Digest()
	}
	if kind == core.StepRecognizer {
		f, err := h.engine(ctx, t, false, about)
		if err != nil {
			return "", err
		}
		b.Engine = &f
	}
	mapped, err := t.pool.mapped()
	if err != nil {
		return "", err
	}
	anywhere, err := digestOf(b)
	if err != nil {
		return "", err
	}
	here, err := digestOf(mapped)
	return anywhere + "." + here, err
}

// digestOf is the SHA-256 of what JSON says of v, in hexadecimal.
func digestOf(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// groundless says why nobody can know what answers of t rest on.
func (t target) groundless(kind sdk.Kind, settings json.RawMessage) error {
	because := func(why string) error { return fmt.Errorf("%s: %w: %s", t.plugin.name(), ErrNoBasis, why) }
	may := t.plugin.about.Permissions
	switch {
	case len(may.Exec) > 0 || len(may.Net) > 0:
		return because("it runs other programs or reaches the network")
	case kind == sdk.KindRecognizer && !t.tells():
		return because("it gives no fingerprint")
	case kind != sdk.KindRecognizer && t.plugin.stored:
		return because("it was added, and reads what it likes")
	}
	g, err := grantsOf(t.schema(), settings)
	if err != nil {
		return err
	}
	if len(g.net) > 0 || len(g.writes) > 0 {
		return because("its settings grant it more than the page")
	}
	var v any
	if len(settings) > 0 && json.Unmarshal(settings, &v) != nil || namesFile(v) {
		return because("its settings name a file")
	}
	return nil
}

// namesFile reports whether a text in v is a path.
func namesFile(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, filepath.Separator)
	case []any:
		return slices.ContainsFunc(v, namesFile)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), namesFile)
	}
	return false
}

// mapped is the code that the processes of a pool have loaded, each file once. Where two
// processes have different files of one name, there are both.
func (p *pool) mapped() ([]string, error) {
	p.mu.Lock()
	var pids []string
	for _, w := range p.idle {
		pids = append(pids, w.ID())
	}
	for w := range p.busy {
		pids = append(pids, w.ID())
	}
	p.mu.Unlock()
	all := map[string]bool{}
	for _, pid := range pids {
		if err := mappedBy(pid, all); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %w: no process of it runs", p.plugin.name(), ErrNoBasis)
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// maxMapped bounds the lines that are read of one process's memory map.
const maxMapped = 20_000

// mappedBy adds the files with code that a process has loaded, with device, inode and,
// while the file is still there, its size and times.
func mappedBy(pid string, all map[string]bool) error {
	f, err := os.Open(filepath.Join("/proc", pid, "maps"))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 0; lines.Scan() && n < maxMapped; n++ {
		// 7f32c0000000-7f32c0021000 r-xp 00000000 08:01 1234   /usr/lib/x.so
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || !strings.Contains(fields[1], "x") || !strings.HasPrefix(fields[5], "/") {
			continue
		}
		path := strings.Join(fields[5:], " ")
		key := fields[3] + " " + fields[4] + " " + path
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err == nil && fmt.Sprint(st.Ino) == fields[4] {
			key += fmt.Sprintf(" %d %d %d", st.Size, st.Mtim.Nano(), st.Ctim.Nano())
		}
		all[key] = true
	}
	return lines.Err()
}
