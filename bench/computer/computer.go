// Package computer describes the machine on which something was measured. A figure
// without it says nothing.
package computer

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what the speed of a run depends on.
type Machine struct {
	CPU    string  `json:"cpu"`
	Cores  int     `json:"cores"` // that this process may use
	RAMGiB float64 `json:"ramGiB"`
	Kernel string  `json:"kernel"`
	System string  `json:"system"`
	Load   float64 `json:"load"` // of the last minute before, in waiting and running tasks: above 0.5 the machine is not quiet
}

// Look describes this machine. What the system does not tell is empty.
func Look() Machine {
	m := Machine{
		CPU: value("/proc/cpuinfo", "model name", ":"), Cores: runtime.NumCPU(),
		System: strings.Trim(value("/etc/os-release", "PRETTY_NAME", "="), `"`), Kernel: kernel(),
	}
	if kb, err := strconv.ParseFloat(strings.TrimSuffix(value("/proc/meminfo", "MemTotal", ":"), " kB"), 64); err == nil {
		m.RAMGiB = float64(int(kb/1024/102.4+0.5)) / 10
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(raw), " ")
		m.Load, _ = strconv.ParseFloat(first, 64) // the kernel writes a number
	}
	return m
}

// String is the machine in one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.1f GiB, %s, Linux %s, load %.2f", m.CPU, m.Cores, m.RAMGiB, m.System, m.Kernel, m.Load)
}

// value is the first of a name in a file of names and values.
func value(path, name, sep string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		key, v, found := strings.Cut(line, sep)
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
