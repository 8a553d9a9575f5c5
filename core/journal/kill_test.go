package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestKilledServerHasEverythingAcknowledged kills a process that appends and
// compares what it was told with what is there.
func TestKilledServerHasEverythingAcknowledged(t *testing.T) {
	if dir := os.Getenv("JOURNAL_TEST_APPEND"); dir != "" {
		appendForEver(t, dir)
		return
	}
	cfg := testConfig(t)
	known := 0
	for round := range 5 {
		acked := killAfter(t, "JOURNAL_TEST_APPEND", cfg.Dir, known+60+round*13)
		j := mustOpen(t, cfg)
		got := numbers(t, j, 0)
		if acked <= known || len(got) < acked {
			t.Fatalf("round %d: %d acknowledged (%d before), %d there", round, acked, known, len(got))
		}
		if want := wholeAppends(len(got)); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: appends are torn:\n got %v\nwant %v", round, got, want)
		}
		known = len(got)
		mustClose(t, j)
	}
}

// killAfter runs this test once more with env set to dir in a process of its own,
// kills that when it has acknowledged the entry n, and gives the last it acknowledged.
func killAfter(t *testing.T, env, dir string, n int) (acked int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), env+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); { // also what was acknowledged before it died
		if at, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "acked ")); err == nil {
			acked = max(acked, at)
		}
		if acked > n && !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	return acked
}

// appendSize is how many events the append that begins at the nth entry has.
func appendSize(n int) int { return 1 + n%11 }

// wholeAppends gives what n entries look like when no append is torn: each event
// carries the number of its append's first entry. It fits no n inside an append.
func wholeAppends(n int) []int {
	var ns []int
	for len(ns) < n {
		first := len(ns)
		for range appendSize(first) {
			ns = append(ns, first)
		}
	}
	return ns
}

func appendForEver(t *testing.T, dir string) {
	j, err := Open(context.Background(), Config{Dir: dir, smallBlocks: true})
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, last := j.Bounds()
		first := int(last)
		es := events(1, appendSize(first))
		for i := range es {
			es[i] = event(first)
		}
		seq, err := j.Append(context.Background(), es...)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("acked %d\n", seq)
	}
}

// TestKilledCopyHasEverythingAcknowledged does the same to a process that puts
// what a peer ships, from an entry in the middle of the peer's journal on.
func TestKilledCopyHasEverythingAcknowledged(t *testing.T) {
	const size, from = 20_000, 42
	if dir := os.Getenv("JOURNAL_TEST_PUT"); dir != "" {
		putForEver(t, dir, size, from)
		return
	}
	owner, ends := killOwner(t, size)
	cfg := testConfig(t)
	known := from
	for round := range 6 {
		acked := killAfter(t, "JOURNAL_TEST_PUT", cfg.Dir, known+round*47)
		c := mustOpenCopy(t, cfg)
		seq, hash := c.End()
		want, err := owner.HashAt(t.Context(), seq)
		if err != nil || hash != want || int(seq) < acked || acked <= known || !ends[seq] {
			t.Fatalf("round %d: %d acknowledged (%d before), the copy ends at %d (an append does: %v) with %s, want %s, %v",
				round, acked, known, seq, ends[seq], hash, want, err)
		}
		if n := len(numbers(t, c, from)); n != int(seq)-from+1 {
			t.Fatalf("round %d: %d entries to read, want %d-%d", round, n, from, seq)
		}
		known = int(seq)
		mustClose(t, c)
	}
}

// killOwner makes the same journal in every process, and tells where appends end.
func killOwner(t *testing.T, size int) (*Memory, map[Seq]bool) {
	t.Helper()
	m, ends := NewMemory(Config{Writer: "a"}), map[Seq]bool{}
	for last := 0; last < size; {
		seq, err := m.Append(context.Background(), events(last+1, last+appendSize(last))...)
		if err != nil {
			t.Fatal(err)
		}
		last, ends[seq] = int(seq), true
	}
	return m, ends
}

func putForEver(t *testing.T, dir string, size int, from Seq) {
	owner, _ := killOwner(t, size)
	c, err := OpenCopy(context.Background(), Config{Dir: dir, smallBlocks: true})
	if err != nil {
		t.Fatal(err)
	}
	for {
		if seq, _ := c.End(); seq > 0 {
			from = seq + 1
		}
		frames, err := owner.Frames(context.Background(), from, 500+int(from)%20_000)
		if err != nil {
			t.Fatal(err)
		}
		seq, err := c.Put(context.Background(), frames)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("acked %d\n", seq)
	}
}
