package pair

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
)

var (
	oneSeed   = flag.Uint64("seed", 0, "replay this schedule of the simulation and show what happens")
	firstSeed = flag.Uint64("first", 1, "first seed of the simulation")
	schedules = flag.Int("schedules", 10_000, "schedules of the simulation; 500 with -short")
	planted   = flag.Int("planted", 0, "with -seed: the planted error, as the test of planted errors numbers them")
)

// TestNothingIsLostOnThousandsOfBadDays runs the machine under seeded schedules of
// crashes, wiped disks, freezes, partitions, full disks, jumping clocks and people,
// and holds each against the promises of the pair: no acknowledged job is lost while
// a disk that has it survives, every page is recognised, twice only where nobody could
// know better, no document is delivered twice, both folds are equal in the end and the
// pair comes to rest. A schedule that fails is shown by
//
//	go test ./core/pair -run BadDays -v -seed N
func TestNothingIsLostOnThousandsOfBadDays(t *testing.T) {
	if *oneSeed != 0 {
		replay(t, *oneSeed, bug(*planted))
		return
	}
	n := *schedules
	if testing.Short() {
		n = 500
	}
	var total tally
	t.Run("schedules", func(t *testing.T) {
		const shards = 8
		for shard := range shards {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for seed := *firstSeed + uint64(shard); seed < *firstSeed+uint64(n); seed += shards {
					w := newWorld(seed, noBug, false)
					w.live()
					total.add(w.acts)
					if len(w.broken) > 0 {
						t.Errorf("%s\nto see it: go test ./core/pair -run BadDays -v -seed %d", w.broken[0], seed)
						return
					}
				}
			})
		}
	})
	total.check(t, n)
}

func replay(t *testing.T, seed uint64, mutant bug) {
	w := newWorld(seed, mutant, true)
	w.live()
	t.Log("\n" + w.trace.String())
	for _, b := range w.broken {
		t.Errorf("seed %d: %s", seed, b)
	}
}

// tally sums up what the schedules were about.
type tally struct {
	protected, unprotected, excused, twice, takeovers, forks, restores, firsts atomic.Int64
}

func (t *tally) add(s stats) {
	t.protected.Add(int64(s.protected))
	t.unprotected.Add(int64(s.unprotected))
	t.excused.Add(int64(s.excused))
	t.twice.Add(int64(s.twice))
	t.takeovers.Add(int64(s.takeovers))
	t.forks.Add(int64(s.forks))
	t.restores.Add(int64(s.restores))
	t.firsts.Add(int64(s.firsts))
}

// check sees that the schedules tried what they are for.
func (t *tally) check(tb *testing.T, n int) {
	tb.Logf("%d schedules: %d jobs acknowledged protected, %d unprotected, %d gone with their disks; %d pages recognised twice, %d takeovers, %d forks, %d restores, %d first jobs on the secondary",
		n, t.protected.Load(), t.unprotected.Load(), t.excused.Load(), t.twice.Load(), t.takeovers.Load(), t.forks.Load(), t.restores.Load(), t.firsts.Load())
	for name, count := range map[string]int64{
		"protected": t.protected.Load(), "unprotected": t.unprotected.Load(), "takeovers": t.takeovers.Load(),
		"forks": t.forks.Load(), "restores": t.restores.Load(), "first jobs": t.firsts.Load(),
	} {
		if count == 0 {
			tb.Errorf("no schedule had any %s", name)
		}
	}
}

// TestPlantedErrorsAreFound sees that the simulation can fail.
func TestPlantedErrorsAreFound(t *testing.T) {
	for name, mutant := range map[string]bug{
		"skip the barrier":             skipBarrier,
		"activate before restore":      activateBeforeRestore,
		"acknowledge before ship":      ackBeforeShip,
		"forget the epoch in the fold": forgetEpoch,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const most = 2000
			for seed := uint64(1); seed <= most; seed++ {
				w := newWorld(seed, mutant, false)
				w.live()
				if len(w.broken) > 0 {
					t.Logf("found with seed %d: %s", seed, w.broken[0])
					return
				}
			}
			t.Errorf("not found in %d schedules", most)
		})
	}
}
