package sandbox

import (
	"testing"
)

func TestProbeSaysWhatWorks(t *testing.T) {
	r := Probe(t.Context())
	t.Logf("%+v", r)
	for l := RLimit; l <= Full; l++ {
		t.Log(l, try(t.Context(), l))
	}
}
