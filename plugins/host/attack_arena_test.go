package host

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

// arena is a host with one attacker on one level, and all that there is to attack.
type arena struct {
	h     *Host
	level sandbox.Level
	base  string

	neighbour *worker   // another process of plug-ins, in the middle of a call
	bystander *exec.Cmd // another process of the host's user
	tcp       net.Listener
	taken     atomic.Int64 // connections to tcp
	granted   net.Listener // a web server that the operator's settings allow
	author    string       // host:port of the manifest, by a name that leads to this machine
}

// Limits of the arena, small for the machine's sake.
const (
	arenaMemoryMB = 128
	arenaFileMB   = 100
	arenaSlotMB   = 128
	arenaFiles    = 2000
)

// newArena gives why where the level does not work here.
func newArena(t *testing.T, level sandbox.Level) (a *arena, why string) {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "tl")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(base) })
	must(t, os.Chmod(base, 0o755))
	a = &arena{level: level, base: base}
	a.furnish(t)
	a.serve(t)
	fault, err := buildFault()
	must(t, err)
	plugins := filepath.Join(base, "plugins")
	must(t, os.Mkdir(plugins, 0o755))
	for _, name := range []string{"fault", "lie-giant", "lie-private", "lie-progress"} {
		must(t, os.Symlink(fault, filepath.Join(plugins, name)))
	}
	h, err := Open(context.Background(), Config{
		Dir: plugins, Run: filepath.Join(base, "r"), Spool: filepath.Join(base, "spool"), Private: []string{a.path("data")},
		Level: level, Workers: 2, MemoryMB: arenaMemoryMB, OutputBytes: arenaFileMB << 20, SlotBytes: arenaSlotMB << 20, SlotFiles: arenaFiles,
		Env:     map[string][]string{"fault": {"FAULT_NET=" + a.author}},
		Strikes: 1000, Patience: time.Minute, Grace: 200 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	must(t, err)
	t.Cleanup(func() { a.close(t) })
	a.h = h
	if problem := h.List()[0].Problem; problem != "" {
		return nil, problem
	}
	a.neighbour, err = h.plugins[0].pool.acquire(t.Context(), want{})
	must(t, err)
	_, err = a.neighbour.slot.write([]byte("secret"), "page")
	must(t, err)
	return a, ""
}

func (a *arena) path(parts ...string) string {
	return filepath.Join(append([]string{a.base}, parts...)...)
}

// furnish makes the server's files: its settings, open to all users, and its data.
func (a *arena) furnish(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"conf", "data", "data/journal", "data/blobs", "mail"} {
		must(t, os.Mkdir(a.path(dir), 0o755))
	}
	must(t, os.Chmod(a.path("data"), 0o700))
	must(t, os.WriteFile(a.path("conf", "server.yaml"), []byte("password: secret"), 0o644))
	for _, file := range []string{"data/secret.key", "data/journal/1", "data/blobs/1"} {
		must(t, os.WriteFile(a.path(file), []byte("secret"), 0o600))
	}
}

// serve opens what can be connected to.
func (a *arena) serve(t *testing.T) {
	t.Helper()
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		must(t, err)
		t.Cleanup(func() { l.Close() })
		return l
	}
	a.tcp = listen("tcp", "127.0.0.1:0")
	go a.accept(a.tcp, &a.taken)
	_, port, _ := net.SplitHostPort(a.tcp.Addr().String())
	a.author = "localhost:" + port
	for _, service := range []string{a.path("service"), a.abstract()} {
		go a.accept(listen("unix", service), new(atomic.Int64))
	}
	must(t, os.Chmod(a.path("service"), 0o777))
	a.granted = listen("tcp", "127.0.0.1:0")
	go http.Serve(a.granted, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	}))
}

func (a *arena) abstract() string { return "@twinleaf-attack-" + filepath.Base(a.base) }

// accept answers everybody who says something.
func (a *arena) accept(l net.Listener, taken *atomic.Int64) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		taken.Add(1)
		go func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			_, _ = conn.Read(make([]byte, 256))
			_, _ = io.WriteString(conn, "welcome\n")
		}()
	}
}

// blind reports whether the host cannot see which files a plug-in has open.
func (a *arena) blind() bool {
	_, err := os.Stat(filepath.Join("/proc", a.neighbour.ID(), "fd", "0"))
	return err != nil
}

// standBy gives the number of the bystander, which is started again when it was killed.
func (a *arena) standBy(t *testing.T) int {
	t.Helper()
	if a.bystander != nil && alive(a.bystander.Process.Pid) {
		return a.bystander.Process.Pid
	}
	if a.bystander != nil {
		_ = a.bystander.Wait()
	}
	a.bystander = exec.Command("sleep", "600")
	a.bystander.Env = []string{"PASSWORD=secret"}
	must(t, a.bystander.Start())
	return a.bystander.Process.Pid
}

// close ends the host and looks for what is left.
func (a *arena) close(t *testing.T) {
	t.Helper()
	if a.neighbour != nil {
		a.h.plugins[0].pool.release(a.neighbour, false)
	}
	if err := a.h.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if a.bystander != nil {
		_ = a.bystander.Process.Kill()
		_ = a.bystander.Wait()
	}
	for _, dir := range []string{"r", "spool"} {
		if left, _ := os.ReadDir(a.path(dir)); len(left) > 0 {
			t.Errorf("after Close %s still holds %v", dir, left)
		}
	}
	eventually(t, "no process of the plug-ins is left", func() bool { return len(processesOf(t, a.base)) == 0 })
}

// processesOf are the processes that were started from a slot below base, and, since
// those may have thrown their environment away, all of root's spare users.
func processesOf(t *testing.T, base string) []int {
	t.Helper()
	all := processesIn(t, base)
	if os.Geteuid() != 0 {
		return all
	}
	folders, err := filepath.Glob("/proc/[0-9]*")
	must(t, err)
	for _, dir := range folders {
		if uid := userOfProcess(dir); uid >= sandbox.FirstUser && uid < sandbox.FirstUser+sandbox.Users {
			exe, _ := os.Readlink(filepath.Join(dir, "exe"))
			if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && exe == os.Getenv(faultKey) {
				all = append(all, pid)
			}
		}
	}
	return all
}

func userOfProcess(dir string) int {
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return -1
	}
	_, rest, _ := strings.Cut(string(status), "\nUid:")
	var uid int
	if _, err := fmt.Sscan(rest, &uid); err != nil {
		return -1
	}
	return uid
}

// outcome is what came of one call.
type outcome struct {
	report string // of the attack itself; empty if it gave none
	err    error
	dir    string // with the files of the answer
	file   string // the answer's file; empty if none
	page   string // the original of the page that the call was about
	took   time.Duration
}

// attack makes one and judges it.
func (a *arena) attack(t *testing.T, k attackCase) cell {
	t.Helper()
	do := a.words(t).Replace(k.do)
	if k.judge == nil {
		k.judge = reported
	}
	got := a.call(t, cmp.Or(k.plugin, "fault"), do, a.settings(k), k.deadline)
	verdict := k.judge(t, a, got)
	if k.spoils {
		a.renew(t)
	}
	return verdict
}

// words puts the arena's things in the place of their names.
func (a *arena) words(t *testing.T) *strings.Replacer {
	self, err := os.Executable()
	must(t, err)
	return strings.NewReplacer(
		"{uid}", strconv.Itoa(os.Geteuid()), "{base}", a.base, "{plugins}", a.path("plugins"), "{program}", os.Getenv(faultKey), "{server}", self,
		"{host}", strconv.Itoa(os.Getpid()), "{bystander}", strconv.Itoa(a.standBy(t)), "{neighbour}", a.neighbour.ID(),
		"{slot}", a.neighbour.slot.dir, "{sockets}", a.neighbour.sockets, "{socket}", *a.neighbour.socket.Load(),
		"{tcp}", a.tcp.Addr().String(), "{granted}", a.granted.Addr().String(), "{author}", a.author,
		"{service}", a.path("service"), "{abstract}", a.abstract(),
	)
}

func (a *arena) settings(k attackCase) json.RawMessage {
	settings := map[string]any{}
	if k.grant {
		settings["hosts"] = []string{a.granted.Addr().String()}
	}
	if k.memoryMB > 0 {
		settings["memoryMB"] = k.memoryMB
	}
	if len(settings) == 0 {
		return nil
	}
	raw, _ := json.Marshal(settings)
	return raw
}

// call has the plug-in do something with a page that everybody may read, so that it gets
// the very file where the host dares to give it.
func (a *arena) call(t *testing.T, plugin, do string, settings json.RawMessage, deadline time.Duration) outcome {
	t.Helper()
	if deadline == 0 {
		deadline = 15 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	out := outcome{dir: t.TempDir(), page: filepath.Join(t.TempDir(), "page.pgm")}
	must(t, os.WriteFile(out.page, []byte("do:"+do+"\n"), 0o644))
	must(t, os.Chmod(out.page, 0o644))
	begin := time.Now()
	got, err := a.h.Clean(ctx, core.CleanCall{
		Step:  core.Step{Plugin: plugin, Settings: settings},
		Image: core.Source{Path: out.page, File: core.File{Name: "page.pgm"}}, Dir: out.dir,
	})
	out.took, out.err = time.Since(begin), err
	if f, ok := errors.AsType[*core.Failure](err); ok && f.Code == "unknown-attack" {
		t.Fatalf("%s: %s", do, f.Detail)
	}
	if err == nil && got.Image != nil {
		out.file = filepath.Join(out.dir, got.Image.Name)
		if raw, err := os.ReadFile(out.file); err == nil && got.Image.Name == "report" {
			out.report = string(raw)
		}
	}
	return out
}

// fine makes a call that does nothing.
func (a *arena) fine(t *testing.T) error {
	t.Helper()
	return a.call(t, "fault", "fine", nil, 0).err
}

// renew ends the attacker's processes, which may have children, threads or files left.
func (a *arena) renew(t *testing.T) {
	t.Helper()
	p := a.h.plugins[0].pool
	p.mu.Lock()
	idle := append([]*worker(nil), p.idle...)
	for _, w := range idle {
		p.dismiss(w)
	}
	p.mu.Unlock()
	for _, w := range idle {
		<-w.exited
	}
}
