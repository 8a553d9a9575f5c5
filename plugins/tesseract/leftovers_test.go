package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// An engine that waits holds neither the answer nor the pictures of the page before.
func TestWhatAPageHoldsIsLetGo(t *testing.T) {
	e := newEngine()
	pg := page{image: scan("letter-rgb.jpg"), dpi: 200, segmentation: 3}
	before := answersLetGo()
	for range 3 {
		if _, err := e.read(installed(t), pg); err != nil {
			t.Fatal(err)
		}
		if got := measure(imageOf(e.client)); got.width != 8 || got.height != 8 {
			t.Errorf("the engine still has a picture of %d x %d pixels", got.width, got.height)
		}
	}
	if n := answersLetGo() - before; n != 3 {
		t.Errorf("%d of 3 answers were let go", n)
	}
}

// While it waits, its allocator keeps nothing back either.
func TestAnEngineThatWaitsGivesMemoryBack(t *testing.T) {
	pack := installed(t)
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		defer e.rest.Stop()
		if _, err := e.read(pack, page{image: scan("letter-rgb.jpg"), dpi: 200, segmentation: 3}); err != nil {
			t.Fatal(err)
		}
		kept := unused()
		time.Sleep(restAfter)
		synctest.Wait()
		if left := unused(); kept < 1<<20 || left > kept/10 {
			t.Errorf("%d bytes were kept for the next page and %d are left", kept, left)
		}
	})
}
