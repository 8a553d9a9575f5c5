package pipeline

import (
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestALimitLeavesFewerSlotsForPagesOnly(t *testing.T) {
	d := newDispatcher(&Pipeline{cfg: Config{Workers: 4, DocumentSlots: 2, DeliverSlots: 3}})
	for _, c := range []struct{ limit, pages int }{{0, 4}, {1, 1}, {3, 3}, {4, 4}, {9, 4}, {-1, 4}} {
		if d.Limit(c.limit); d.free(pages) != c.pages || d.free(documents) != 2 || d.free(deliveries) != 3 {
			t.Errorf("limit %d: got %d pages, %d documents, %d deliveries; want %d, 2, 3",
				c.limit, d.free(pages), d.free(documents), d.free(deliveries), c.pages)
		}
	}
	d.Limit(2)
	for _, page := range []int{1, 2, 3} {
		d.occupy(core.Task{Job: "a-1", Stage: core.Recognize, Page: page})
	}
	if d.free(pages) > 0 {
		t.Errorf("%d slots are free while three of two are taken", d.free(pages))
	}
}
