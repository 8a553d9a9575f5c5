package main

import (
	"strings"
	"testing"
)

// Were another allocator in front of it, nothing would tell but the time pages take.
func TestTheEngineAllocatesWithJemalloc(t *testing.T) {
	if v := allocator(); !strings.HasPrefix(v, "5.") {
		t.Errorf("the allocator says %q, want a version 5 of jemalloc", v)
	}
	if n := arenas(); n != 1 {
		t.Errorf("the allocator has %d arenas, want 1: it does not see malloc_conf", n)
	}
}
