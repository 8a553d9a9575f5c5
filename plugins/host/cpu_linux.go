package host

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of CPU times in /proc, the same on all Linux systems that
// Go runs on.
const ticksPerSecond = 100

// cpuOf is the CPU time that a process and its living descendants have used.
func cpuOf(pid int) time.Duration { return cpuBelow(pid, 0) }

func cpuBelow(pid, depth int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || depth > 8 {
		return 0
	}
	total := time.Duration(ticksOf(string(stat))) * time.Second / ticksPerSecond
	for _, child := range childrenOf(pid) {
		total += cpuBelow(child, depth+1)
	}
	return total
}

// ticksOf reads user and system time from the content of a stat file.
func ticksOf(stat string) int64 {
	i := strings.LastIndex(stat, ") ")
	if i < 0 {
		return 0
	}
	fields := strings.Fields(stat[i+2:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64) // proc_pid_stat(5): fields 14 and 15
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return user + system
}
