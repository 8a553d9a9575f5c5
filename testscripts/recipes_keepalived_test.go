package testscripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecipeKeepalivedIsValid lets keepalived read both files, on machines with an eth0.
func TestRecipeKeepalivedIsValid(t *testing.T) {
	program := programOf(t, "keepalived")
	here, _ := machines(t)
	read := func(side string, words ...string) (string, error) {
		// Version 2.2.7, Debian 12's, ends the check by a signal to itself where the
		// script runs as another user than root.
		words = append(words, "script_user nobody", "script_user root", "/etc/keepalived/check-twinleaf", "/usr/bin/true")
		cfg := recipe(t, "keepalived/keepalived-"+side+".conf", words...)
		out, err := exec.Command("ip", "netns", "exec", here.space, program, "--config-test", "-f", cfg).CombinedOutput()
		return string(out), err
	}
	for _, side := range []string{"north", "south"} {
		if out, err := read(side); err != nil || out != "" {
			t.Errorf("%s: %v\n%s", side, err, out)
		}
	}
	if _, err := read("north", "virtual_router_id 51", "virtual_router_id 500"); err == nil {
		t.Error("a wrong file passes the check")
	}
}

// script is the recipe's script where user nobody finds it.
func script(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", "recipes", "keepalived", "check-twinleaf"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(open(t), "check-twinleaf")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// open is a folder that everybody may read.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "twinleaf-recipe-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // in a temporary folder
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// machine is one of two machines on a cable: a network namespace with an eth0.
type machine struct {
	space, ready string // namespace; file that is there while the server takes jobs
}

// set runs a command that sets up the machines.
func set(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Skipf("%s: %v\n%s(network namespaces cannot be had here)", strings.Join(args, " "), err, out)
	}
}

// machines joins two of them. The floating address is tested without any other network.
func machines(t *testing.T) (north, south *machine) {
	t.Helper()
	programOf(t, "ip")
	if os.Geteuid() != 0 {
		t.Skip("network namespaces and keepalived need root")
	}
	dir := open(t)
	made := make([]*machine, 2)
	for i, side := range []string{"north", "south"} {
		m := &machine{space: fmt.Sprintf("twinleaf-%d-%s", os.Getpid(), side), ready: filepath.Join(dir, side, "readyz")}
		if err := os.Mkdir(filepath.Dir(m.ready), 0o755); err != nil {
			t.Fatal(err)
		}
		set(t, "ip", "netns", "add", m.space)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", m.space).Run() }) // with all that is in it
		made[i] = m
	}
	set(t, "ip", "link", "add", "eth0", "netns", made[0].space, "type", "veth", "peer", "name", "eth0", "netns", made[1].space)
	for i, m := range made {
		set(t, "ip", "-n", m.space, "address", "add", fmt.Sprintf("192.0.2.%d/24", 11+i), "dev", "eth0")
		set(t, "ip", "-n", m.space, "link", "set", "lo", "up")
		set(t, "ip", "-n", m.space, "link", "set", "eth0", "up")
	}
	return made[0], made[1]
}

// turn puts the answer of /readyz where curl reads it, or takes it away.
func (m *machine) turn(t *testing.T, ready bool) {
	t.Helper()
	err := os.Remove(m.ready)
	if ready {
		err = os.WriteFile(m.ready, []byte("{}"), 0o644)
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func (m *machine) has(address string) bool {
	out, err := exec.Command("ip", "-n", m.space, "-4", "-o", "address", "show", "dev", "eth0").Output()
	return err == nil && strings.Contains(string(out), " "+address+"/")
}

// keepalived runs the recipe on the machine.
func (m *machine) keepalived(t *testing.T, side, check string) func() {
	t.Helper()
	dir := t.TempDir()
	cfg := recipe(t, "keepalived/keepalived-"+side+".conf", "    enable_script_security\n", "", "/etc/keepalived/check-twinleaf", check,
		"https://"+side+".example:8080", "file://"+filepath.Dir(m.ready))
	cmd := daemon(t, programOf(t, "ip"), "netns", "exec", m.space, programOf(t, "keepalived"), "--dont-fork", "--log-console", "--vrrp",
		"-f", cfg, "-p", filepath.Join(dir, "pid"), "-r", filepath.Join(dir, "vrrp.pid"))
	return func() { _ = cmd.Process.Kill() }
}

// TestRecipeKeepalived moves the floating address between two machines.
func TestRecipeKeepalived(t *testing.T) {
	programOf(t, "keepalived")
	programOf(t, "curl")
	north, south := machines(t)
	const floating = "192.0.2.10"
	at := func(here, not *machine) func() error {
		return func() error {
			if !here.has(floating) || not.has(floating) {
				return fmt.Errorf("%s has it: %v, %s has it: %v", here.space, here.has(floating), not.space, not.has(floating))
			}
			return nil
		}
	}
	check := script(t)
	north.turn(t, true)
	killNorth := north.keepalived(t, "north", check)
	south.keepalived(t, "south", check)

	within(t, "all is well", at(north, south))
	north.turn(t, false) // in maintenance; the other takes over and says so
	south.turn(t, true)
	within(t, "over to the secondary", at(south, north))
	south.turn(t, false)
	within(t, "both are unfit: there is one who has it all the same", at(north, south))
	north.turn(t, true)
	south.turn(t, true)
	killNorth()
	if err := exec.Command("ip", "-n", north.space, "address", "flush", "dev", "eth0").Run(); err != nil {
		t.Fatal(err)
	}
	within(t, "the primary's machine is gone", at(south, north))
}
