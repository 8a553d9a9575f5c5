package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/plugins/host"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

// finding is one line of the doctor's.
type finding struct {
	State string `json:"state"` // ok, warn, fail
	What  string `json:"what"`
	Found string `json:"found"`
	Hint  string `json:"hint,omitempty"`
}

func good(what, format string, a ...any) finding {
	return finding{"ok", what, fmt.Sprintf(format, a...), ""}
}

func warn(what, found, hint string) finding { return finding{"warn", what, found, hint} }

func fail(what, found, hint string) finding { return finding{"fail", what, found, hint} }

func newDoctor(a *app) *cobra.Command {
	var f serveFlags
	var asJSON bool
	c := &cobra.Command{
		Use: "doctor", Short: "Say what is installed and which limits hold",
		Long: "Looks at programs, plug-ins, languages, data folder, limits and addresses as `serve` with the same\nflags would use them. Exit code 1 when something keeps Twinleaf from working.",
		Args: exactly(0, "no arguments"),
	}
	f.register(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		found := diagnose(c.Context(), a, f)
		if asJSON {
			if err := writeJSON(a.std.out, found); err != nil {
				return err
			}
		} else {
			for _, l := range found {
				fmt.Fprintf(a.std.out, "%-4s  %-18s %s\n", l.State, l.What, l.Found)
				if l.Hint != "" {
					fmt.Fprintf(a.std.out, "      hint: %s\n", l.Hint)
				}
			}
		}
		if slices.ContainsFunc(found, func(l finding) bool { return l.State == "fail" }) {
			return &worstError{exitFailed}
		}
		return nil
	}
	return c
}

// diagnose looks at everything; a thing that is missing does not hide the next.
func diagnose(ctx context.Context, a *app, f serveFlags) []finding {
	list := []finding{good("twinleaf", "%s, %s, %d CPUs", version, runtime.Version(), runtime.NumCPU())}
	list = append(list,
		program(ctx, "tesseract", "--version", "install tesseract-ocr"),
		program(ctx, "pdftoppm", "-v", "install poppler-utils; PDF pages that are more than one image need it"),
		optional(ctx, "qpdf", "--version", "install qpdf; only checks and tests use it"),
	)
	list = append(list, languages(ctx))
	c, err := f.config(a)
	if err != nil {
		list = append(list, fail("configuration", firstLine(err), hintOf(err)))
		c.Plugins = f.plugins
	}
	list = append(list, sandboxFinding(ctx, c.Sandbox))
	list = append(list, pluginFindings(ctx, c.Plugins, c.Native)...)
	if err == nil {
		list = append(list, dataFindings(c.Data)...)
		list = append(list, licenseFinding(c))
		list = append(list, deliveredFinding(ctx, c))
		list = append(list, addressFindings(ctx, c)...)
		list = append(list, workerFinding(c)...)
	}
	return append(list, limits()...)
}

func program(ctx context.Context, name, flag, hint string) finding {
	v, err := versionOf(ctx, name, flag)
	if err != nil {
		return fail(name, err.Error(), hint)
	}
	return good(name, "%s", v)
}

func optional(ctx context.Context, name, flag, hint string) finding {
	f := program(ctx, name, flag, hint)
	if f.State == "fail" {
		f.State = "warn"
	}
	return f
}

func versionOf(ctx context.Context, name, flag string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("not found")
	}
	out, err := exec.CommandContext(ctx, path, flag).CombinedOutput()
	if err != nil && len(out) == 0 {
		return "", fmt.Errorf("%s does not run: %w", path, err)
	}
	line, _, _ := strings.Cut(string(bytes.TrimSpace(out)), "\n")
	return fmt.Sprintf("%s (%s)", line, path), nil
}

func languages(ctx context.Context) finding {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "tesseract", "--list-langs").CombinedOutput()
	if err != nil {
		return fail("languages", "tesseract does not list them", "install tesseract-ocr")
	}
	list := slices.DeleteFunc(strings.Fields(afterFirstLine(string(out))), func(l string) bool { return l == "osd" })
	slices.Sort(list)
	if !slices.Contains(list, "eng") {
		return fail("languages", strings.Join(list, " "), "install tesseract-ocr-eng; the default profile needs it")
	}
	if !strings.Contains(string(out), "osd") {
		return warn("languages", strings.Join(list, " "), "install tesseract-ocr-osd, so that turned pages are noticed")
	}
	return good("languages", "%s", strings.Join(list, " "))
}

func afterFirstLine(s string) string {
	_, rest, _ := strings.Cut(s, "\n")
	return rest
}

// dataFindings tells whether the data folder can be written and has room.
func dataFindings(dir string) []finding {
	var made []string // innermost first
	for p := dir; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		made = append(made, p)
	}
	defer func() {
		for _, p := range made {
			_ = os.Remove(p) // looking must not leave a trace; a folder that is in use by then stays
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return []finding{fail("data", fmt.Sprintf("%s cannot be made: %v", dir, err), "name another folder with --data, or run as another user")}
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return []finding{fail("data", dir+" cannot be written", "let this user write in it, or name another with --data")}
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name()) // an empty file at worst
	list := []finding{good("data", "%s", dir)}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return append(list, warn("space", err.Error(), ""))
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	switch {
	case free < 256<<20:
		return append(list, fail("space", size(free)+" free", "make room: under 64 MiB the server takes no new jobs"))
	case free < 5<<30:
		return append(list, warn("space", size(free)+" free", "a big job may need more"))
	}
	return append(list, good("space", "%s free", size(free)))
}

func address(c config) finding {
	if c.Web.Insecure {
		return warn("address", c.webListen(), "anybody who reaches it may use it: TLS and a token would be better")
	}
	return good("address", "%s", c.webListen())
}

// limits are the process's own: open files and memory.
func limits() []finding {
	var list []finding
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil {
		if files.Cur < 1024 {
			list = append(list, warn("open files", strconv.FormatUint(files.Cur, 10), "raise it to 4096: ulimit -n, or LimitNOFILE in the unit"))
		} else {
			list = append(list, good("open files", "%d", files.Cur))
		}
	}
	if m, ok := memory(); ok {
		if m < int64(runtime.NumCPU())*(512<<20) {
			return append(list, warn("memory", size(m), "half a gigabyte for each worker is better; lower --workers"))
		}
		list = append(list, good("memory", "%s", size(m)))
	}
	return list
}

// memory is what the machine has, or what the control group allows if that is less.
func memory() (int64, bool) {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0, false
	}
	total := int64(info.Totalram) * int64(info.Unit)
	data, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if n, perr := strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64); err == nil && perr == nil {
		total = min(total, n)
	}
	return total, true
}

func size(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func hintOf(err error) string {
	_, hint, _ := strings.Cut(withHint(err, err.Error()), "hint: ")
	return hint
}

// sandboxFinding tells how far plug-ins are confined here and what that leaves open.
func sandboxFinding(ctx context.Context, wanted sandbox.Policy) finding {
	r := sandbox.Probe(ctx)
	found := fmt.Sprintf("level %s; not enforced: %s", r.Level, strings.Join(r.Unenforced, "; "))
	if why := r.Why(); why != "" {
		found = fmt.Sprintf("level %s (%s); not enforced: %s", r.Level, why, strings.Join(r.Unenforced, "; "))
	}
	switch {
	case !wanted.Met(r.Level):
		return fail("sandbox", found, "added plug-ins do not run with sandbox: "+string(wanted)+"; "+cmp.Or(r.Hint(), "choose another policy"))
	case r.Level < sandbox.Full:
		return warn("sandbox", found, r.Hint())
	}
	return good("sandbox", "%s", found)
}

// wantedPlugins are those without which no scan becomes a PDF.
var wantedPlugins = []string{"image", "pdf", "leptonica", "tesseract", "folder"}

// pluginFindings starts every plug-in of a folder, the usual one if dir is empty,
// once and lets it describe itself.
func pluginFindings(ctx context.Context, dir string, mode nativeMode) []finding {
	dir, err := findPlugins(dir)
	if err != nil {
		return []finding{fail("plug-ins", firstLine(err), hintOf(err))}
	}
	list := []finding{good("plug-ins", "%s", dir)}
	all, err := openPlugins(ctx, host.Config{Dir: dir, DistributionOnly: mode == nativeOff})
	if err != nil {
		return append(list, fail("plug-ins", firstLine(err), hintOf(err)))
	}
	have := map[string]bool{}
	for _, p := range all {
		have[filepath.Base(p.Path)] = true
		if p.Problem != "" {
			list = append(list, fail("plug-in "+p.Name, p.Problem, "build or install it again"))
			continue
		}
		engine := ""
		if p.Engine != "" {
			engine = ", " + p.Engine
		}
		list = append(list, good("plug-in "+p.Name, "%s%s", p.Version, engine))
	}
	for _, w := range wantedPlugins {
		if !have[w] {
			list = append(list, fail("plug-in "+w, "missing", "install it into "+dir))
		}
	}
	return append(list, nativeFindings(all, mode)...)
}
