package host

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

// allAttacks is set by `make attacks`. Without it the best level alone is attacked.
var allAttacks = flag.Bool("attacks", false, "attack the sandbox on all of its levels, and none, and print what came of it")

// columnKey makes the test binary attack as the user that it is; it holds the file in
// which it tells what came of that.
const columnKey = "TWINLEAF_TEST_ATTACKS"

// leakedKey is in the environment of every host that is attacked.
const leakedKey = "TWINLEAF_TEST_LEAKED"

// nobody is an ordinary user.
const nobody = 65534

// column is what one user's attacks came to.
type column struct {
	User   string
	Levels map[string]map[string]cell // by level and attack
	Lacks  []string                   // levels that this machine has not, and why
}

// cell is what one attack came to on one level.
type cell struct {
	Held bool
	How  string // what stopped it, or what it got
}

// TestAttacks lets the fault plug-in do what a stranger's plug-in might, as root and as
// an ordinary user. On the best level nothing may get through; the table says from which
// level on each attack is stopped. On level none, where that does no harm, the attacks
// must get through: that proves that they are attacks.
func TestAttacks(t *testing.T) {
	if file := os.Getenv(columnKey); file != "" {
		tell(t, file, attackAs(t))
		return
	}
	users := []int{os.Geteuid()}
	if os.Geteuid() == 0 {
		users = append(users, nobody)
	}
	before := mounts(t)
	base := openBase(t)
	columns := make([]column, len(users))
	var all errgroup.Group
	for i, uid := range users { // at once: much of it is waiting
		all.Go(func() (err error) {
			columns[i], err = attackBy(base, uid)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	printTable(columns)
	if *allAttacks {
		checkProofs(t, columns)
	}
	if len(users) == 1 {
		fmt.Println("not run: the attacks under root, for which the tests must run as root")
	}
	checkMounts(t, before)
	for _, left := range leftovers(t, base) {
		t.Errorf("left behind: %s", left)
	}
}

// openBase is a folder that all users can enter, with the programs that they run.
func openBase(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "tl")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(base) })
	fault, err := buildFault()
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	must(t, os.Chmod(base, 0o755))
	must(t, errors.Join(copyProgram(fault, filepath.Join(base, "fault")), copyProgram(self, filepath.Join(base, "attacker"))))
	return base
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return copyTo(in, to, 0o755)
}

// attackBy runs this program again as a user and gives what its attacks came to. A file
// is left open to it, as by a parent that does not close what it has.
func attackBy(base string, uid int) (column, error) {
	home := filepath.Join(base, fmt.Sprint(uid))
	fault, file, secret := filepath.Join(home, "fault"), filepath.Join(home, "column.json"), filepath.Join(base, fmt.Sprintf("leaked-%d", uid))
	err := errors.Join(
		os.Mkdir(home, 0o755), copyProgram(filepath.Join(base, "fault"), fault), os.Chown(home, uid, uid),
		os.WriteFile(secret, []byte("leaked-words"), 0o600),
	)
	if err != nil {
		return column{}, err
	}
	leaked, err := os.Open(secret)
	if err != nil {
		return column{}, err
	}
	defer leaked.Close()
	cmd := exec.Command(filepath.Join(base, "attacker"), "-test.run=^(TestAttacks|TestNothingIsLeftOfAHostThatWasKilled)$", "-test.v", "-test.timeout=4m",
		fmt.Sprintf("-attacks=%v", *allAttacks))
	cmd.Dir, cmd.ExtraFiles = home, []*os.File{leaked}
	cmd.Env = []string{"PATH=" + programPath, "HOME=" + home, "TMPDIR=" + home, columnKey + "=" + file, leakedKey + "=leaked-words", faultKey + "=" + fault}
	if uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	out, failed := cmd.CombinedOutput()
	var c column
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err := errors.Join(failed, err); err != nil {
		return c, fmt.Errorf("as user %d: %w\n%s", uid, err, out)
	}
	return c, nil
}

func tell(t *testing.T, file string, c column) {
	t.Helper()
	raw, err := json.Marshal(c)
	must(t, err)
	must(t, os.WriteFile(file, raw, 0o600))
}

// attackAs attacks on all levels that this user has here.
func attackAs(t *testing.T) column {
	c := column{User: "root", Levels: map[string]map[string]cell{}}
	if os.Geteuid() != 0 {
		c.User = "user"
	}
	report := sandbox.Probe(t.Context())
	for _, m := range report.Missing {
		c.Lacks = append(c.Lacks, fmt.Sprintf("%s as %s: %s", m.Level, c.User, m.Why))
	}
	levels := []sandbox.Level{report.Level}
	if *allAttacks {
		levels = nil
		for l := sandbox.None; l <= report.Level; l++ {
			levels = append(levels, l)
		}
	}
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			a, why := newArena(t, level)
			if a == nil && level == report.Level {
				t.Fatalf("the best level does not work: %s", why)
			}
			if a == nil {
				c.Lacks = append(c.Lacks, fmt.Sprintf("%s as %s: %s", level, c.User, why))
				return
			}
			c.Levels[level.String()] = a.attackAll(t)
		})
	}
	return c
}

// attackAll makes every attack, and checks that the ones that must be stopped are.
func (a *arena) attackAll(t *testing.T) map[string]cell {
	cells := map[string]cell{}
	for _, k := range attackTable() {
		if a.level == sandbox.None && !k.mayGetThrough() {
			continue
		}
		got := a.attack(t, k)
		cells[k.name] = got
		if k.stoppedOn(a.level) && !(k.looked && a.blind()) && !got.Held {
			t.Errorf("%s: %s gets through: %s", a.level, k.name, got.How)
		}
		if err := a.fine(t); err != nil {
			t.Errorf("%s: the call after %s: %v", a.level, k.name, err)
		}
	}
	return cells
}

// mayGetThrough reports whether an attack is made where nothing stops it: it must do no
// harm and, where it could do all that root can, be there to prove something.
func (k attackCase) mayGetThrough() bool {
	return !k.harms && (os.Geteuid() != 0 || k.proof != unproven)
}

// stoppedOn reports whether the table wants the attack to be stopped on a level.
func (k attackCase) stoppedOn(level sandbox.Level) bool {
	from := k.user
	if os.Geteuid() == 0 {
		from = k.root
	}
	if k.programs && landlockABI() == 0 || level == sandbox.Landlock && k.abi > landlockABI() {
		return false
	}
	return level >= max(from, sandbox.RLimit)
}

// checkProofs looks for attacks that got through nowhere: they prove nothing.
func checkProofs(t *testing.T, columns []column) {
	t.Helper()
	for _, k := range attackTable() {
		if k.proof == unproven || k.proof == onlyRoot && !allRights(t) {
			continue
		}
		through := slices.ContainsFunc(columns, func(c column) bool {
			for _, cells := range c.Levels {
				if got, ran := cells[k.name]; ran && !got.Held {
					return true
				}
			}
			return false
		})
		if !through {
			t.Errorf("%s got through nowhere, not even without a sandbox: it is no attack", k.name)
		}
	}
}

// printTable prints one line an attack: on each level what stopped it; where it got
// through, X.
func printTable(columns []column) {
	levels := []string{"none", "rlimit", "landlock", "full"}
	fmt.Printf("\n%-44s", "attack (X: gets through, ·: not tried)")
	for _, c := range columns {
		for _, l := range levels {
			if _, ran := c.Levels[l]; ran {
				fmt.Printf(" %-14s", c.User+" "+l)
			}
		}
	}
	fmt.Println()
	for _, k := range attackTable() {
		fmt.Printf("%-44s", k.name)
		for _, c := range columns {
			for _, l := range levels {
				if cells, ran := c.Levels[l]; ran {
					got, tried := cells[k.name]
					fmt.Printf(" %-14s", got.inTable(tried))
				}
			}
		}
		fmt.Println()
	}
	for _, c := range columns {
		for _, lack := range c.Lacks {
			fmt.Println("this machine has not", lack)
		}
	}
	fmt.Println()
}

func (c cell) inTable(tried bool) string {
	switch {
	case !tried:
		return "·"
	case c.Held:
		return c.How[:min(len(c.How), 13)]
	}
	return "X"
}

// checkMounts wants the machine to have the mounts that it had. Other tests mount disks of
// their own, and take them away again; what an attack has left stays.
func checkMounts(t *testing.T, before []string) {
	t.Helper()
	after := mounts(t)
	more := slices.DeleteFunc(slices.Clone(after), func(m string) bool { return slices.Contains(before, m) })
	eventually(t, "nobody has more mounts: "+strings.Join(more, ", "), func() bool {
		now := mounts(t)
		return !slices.ContainsFunc(more, func(m string) bool { return slices.Contains(now, m) })
	})
	for _, m := range before {
		if at := strings.Fields(m)[4]; !slices.Contains(after, m) && !strings.HasPrefix(at, os.TempDir()+"/") {
			t.Errorf("no longer mounted: %s", m)
		}
	}
}

// mounts are the lines of all that is mounted.
func mounts(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

// leftovers are the processes and sockets that still have to do with base.
func leftovers(t *testing.T, base string) []string {
	t.Helper()
	var all []string
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, path := range processes {
		words, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(words), base) {
			all = append(all, "process "+strings.ReplaceAll(string(words), "\x00", " "))
		}
	}
	sockets, err := os.ReadFile("/proc/net/unix")
	must(t, err)
	for line := range strings.Lines(string(sockets)) {
		if strings.Contains(line, base) {
			all = append(all, "socket "+strings.TrimSpace(line))
		}
	}
	must(t, filepath.WalkDir(base, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type()&(os.ModeSocket|os.ModeNamedPipe|os.ModeDevice) != 0 {
			all = append(all, path)
		}
		return err
	}))
	return all
}

// allRights reports whether this is root as outside of containers.
func allRights(t *testing.T) bool {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	must(t, unix.Capget(&header, &data[0]))
	const wanted = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_OVERRIDE
	return data[0].Effective&wanted == wanted
}

// landlockABI is the kernel's generation of Landlock, 0 if it has none.
func landlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(abi)
}
