package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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
