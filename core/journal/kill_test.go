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
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledServerHasEverythingAcknowledged$")
		cmd.Env = append(os.Environ(), "JOURNAL_TEST_APPEND="+cfg.Dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acked, lines := 0, bufio.NewScanner(out)
		for lines.Scan() {
			if n, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "acked ")); err == nil {
				acked = max(acked, n)
			}
			if acked > known+60+round*13 {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what was acknowledged before it died
			if n, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "acked ")); err == nil {
				acked = max(acked, n)
			}
		}
		_ = cmd.Wait() // killed

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
