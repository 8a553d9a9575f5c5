package main

import (
	"strings"
	"testing"
)

func TestPlanHasEveryKillAndEveryScene(t *testing.T) {
	o := options{kills: 1003, burst: 25, rounds: 2}
	rounds, err := plan(o, scenes())
	if err != nil {
		t.Fatal(err)
	}
	kills, others := 0, map[string]int{}
	for i, p := range rounds {
		if p.number != i+1 {
			t.Errorf("round %d has the number %d", i+1, p.number)
		}
		if p.scene.kills > 0 {
			kills += p.kills
			continue
		}
		others[p.scene.name]++
	}
	if kills < 1003 || kills > 1005 {
		t.Errorf("%d kills, want 1003 or a few more", kills)
	}
	for _, s := range scenes() {
		if s.kills == 0 && others[s.name] != 2 {
			t.Errorf("%s is played %d times, want 2", s.name, others[s.name])
		}
	}
}

// TestOneRoundIsThatOfTheWholeRun: what a broken round says of itself plays it again.
func TestOneRoundIsThatOfTheWholeRun(t *testing.T) {
	o := options{kills: 100, burst: 25, rounds: 2, only: "kills,wipe,freeze"}
	all, err := plan(o, scenes())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		o.round = p.number
		one, err := plan(o, scenes())
		if err != nil || len(one) != 1 || one[0].number != p.number || one[0].scene.name != p.scene.name || one[0].kills != p.kills {
			t.Errorf("round %d alone is %+v (%v)", p.number, one, err)
		}
	}
	o.round = len(all) + 1
	if _, err := plan(o, scenes()); err == nil {
		t.Error("a round that there is not was planned")
	}
}

func TestUnknownSceneIsRefused(t *testing.T) {
	_, err := plan(options{only: "kills,earthquake"}, scenes())
	if err == nil || !strings.Contains(err.Error(), `no scene "earthquake"`) {
		t.Errorf("error %v", err)
	}
}
