package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// deedKey makes the test binary do what it says instead of running tests: this
// is the confined side of the tests.
const deedKey = "TWINLEAF_TEST_DEED"

func inside(deed string) int {
	var err error
	switch deed {
	case "facts":
		err = json.NewEncoder(os.Stdout).Encode(look())
	case "change":
		err = json.NewEncoder(os.Stdout).Encode(change(os.Args[1]))
	case "children":
		err = children()
	case "host":
		err = host()
	case "sleep apart":
		_, _ = unix.Setsid() // refused below full
		time.Sleep(time.Minute)
	case "sleep":
		time.Sleep(time.Minute)
	default:
		err = fmt.Errorf("there is no deed %q", deed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// facts are what a process finds out about itself.
type facts struct {
	Env      []string
	Files    []int // open, but for the first three
	UID, GID int
	Groups   []int
	PID      int
	Root     []string // entries of /
	Caps     []uint32 // effective, permitted, inheritable
	NoNew    int      // 1: no new rights
	Filter   int      // 2: there is a filter for system calls
	Bounding []uintptr
	Limits   map[int]uint64
	Nice     int
	Dir      string
	Hostname string
}

func look() facts {
	f := facts{Env: os.Environ(), UID: os.Getuid(), GID: os.Getgid(), PID: os.Getpid(), Limits: map[int]uint64{}}
	for fd := 3; fd < 256; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		target, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if err == nil && flags&unix.FD_CLOEXEC == 0 && target != "" {
			f.Files = append(f.Files, fd)
		}
	}
	f.Groups, _ = os.Getgroups()
	f.Dir, _ = os.Getwd()
	f.Hostname, _ = os.Hostname()
	entries, _ := os.ReadDir("/")
	for _, e := range entries {
		f.Root = append(f.Root, e.Name())
	}
	var caps [2]unix.CapUserData
	_ = unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &caps[0])
	f.Caps = []uint32{caps[0].Effective, caps[0].Permitted, caps[0].Inheritable, caps[1].Effective, caps[1].Permitted, caps[1].Inheritable}
	f.NoNew, _ = unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	f.Filter, _ = unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	for c := uintptr(0); ; c++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if err != nil {
			break
		}
		if has == 1 {
			f.Bounding = append(f.Bounding, c)
		}
	}
	for _, resource := range []int{unix.RLIMIT_NOFILE, unix.RLIMIT_FSIZE, unix.RLIMIT_CPU, unix.RLIMIT_CORE, unix.RLIMIT_NPROC, unix.RLIMIT_DATA, unix.RLIMIT_AS} {
		var limit unix.Rlimit
		if unix.Getrlimit(resource, &limit) == nil {
			f.Limits[resource] = limit.Max
		}
	}
	if nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil {
		f.Nice = 20 - nice // as the system call gives it
	}
	return f
}

// change tries every way to change a file and its folder, and gives those that worked.
func change(path string) []string {
	dir := filepath.Dir(path)
	var worked []string
	try := func(what string, err error) {
		if err == nil {
			worked = append(worked, what)
		}
	}
	try("write", os.WriteFile(path, []byte("changed"), 0o644))
	try("truncate", os.Truncate(path, 0))
	try("chmod", os.Chmod(path, 0o666))
	try("chtimes", os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
	try("rename", os.Rename(path, path+"2"))
	try("link out", os.Link(path, "linked"))
	try("add", os.WriteFile(filepath.Join(dir, "added"), nil, 0o644))
	try("remove", os.Remove(path))
	if f, err := os.Open(path); err == nil {
		again, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), os.O_RDWR, 0)
		try("open again", err)
		try("fchmod", f.Chmod(0o666))
		_ = errors.Join(f.Close(), again.Close())
	}
	try("mount", unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND, ""))
	return worked
}

// children starts two children, of which one tries to have a session of its own, so
// that no signal to the group reaches it; says so and waits.
func children() error {
	for _, deed := range []string{"sleep", "sleep apart"} {
		cmd := exec.Command("/proc/self/exe") // its path may be out of reach
		cmd.Env = append(os.Environ(), deedKey+"="+deed)
		if err := cmd.Start(); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	time.Sleep(time.Minute)
	return nil
}

// host starts a confined process with children from the Spec in its environment, and
// says when they are there.
func host() error {
	runtime.LockOSThread()
	s, err := decode(os.Getenv("SPEC"))
	if err != nil {
		return err
	}
	cmd, err := Command(s)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
