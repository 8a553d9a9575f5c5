package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// TestARenameBeginsWithinItsTurn: a look takes several answers, and a turn may be over by then.
func TestARenameBeginsWithinItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answer: func(command string) []string {
			switch name, _, _ := strings.Cut(command, " "); name {
			case "SIZE":
				time.Sleep(usual.stall)
				return []string{"550 there is none"}
			case "EPSV":
				time.Sleep(usual.stall)
				return []string{"229 over here (|||5000|)"}
			case "NLST":
				return []string{"150 it comes", "226 that was it"}
			case "RNFR", "RNTO":
				t.Errorf("%s after the turn", command)
			}
			return nil
		}}
		f := s.session(t)
		f.turn = turn{"mine", time.Now().Add(usual.turn)}
		if err := f.Move(t.Context(), "from", "to"); !errors.Is(err, errTurnOver) {
			t.Errorf("error = %v, want errTurnOver", err)
		}
	})
}

func TestAFileOfTheServersNewYearIsNotAYearOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2000, time.December, 31, 20, 0, 0, 0, time.UTC)
		time.Sleep(time.Until(now))
		s := &script{
			answer: func(command string) []string {
				switch name, _, _ := strings.Cut(command, " "); name {
				case "EPSV":
					return []string{"229 over here (|||5000|)"}
				case "LIST":
					return []string{"150 it comes", "226 that was it"}
				}
				return nil
			},
			list: "-rw-r--r-- 1 1 1 5 Jan  1 05:00 east\r\n-rw-r--r-- 1 1 1 5 Dec 31 15:00 west\r\n-rw-r--r-- 1 1 1 5 Dec 29  1999 old\r\n",
		}
		entries, err := s.session(t).List(t.Context(), ".twinleaf")
		want := []deliver.Entry{
			{Name: "east", Size: 5, Modified: now.Add(9 * time.Hour)},
			{Name: "west", Size: 5, Modified: now.Add(-5 * time.Hour)},
			{Name: "old", Size: 5, Modified: time.Date(1999, time.December, 29, 0, 0, 0, 0, time.UTC)},
		}
		if err != nil || !slices.Equal(entries, want) {
			t.Errorf("the list is %v, %v, want %v", entries, err, want)
		}
	})
}
