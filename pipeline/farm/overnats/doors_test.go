package overnats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

func TestAWorkerWhoseTokenIsRemovedIsSentAway(t *testing.T) {
	r := newRig(t, nil)
	began, stopped := make(chan struct{}), make(chan struct{})
	h := r.work(t, "desk", hang(began, stopped))
	w := r.await(t, 1)[0]
	go func() {
		<-began
		r.forbid(func() error { return fmt.Errorf("%w: its token was removed", ErrDenied) })
	}()
	ctx, late := context.WithTimeout(t.Context(), 20*time.Second)
	defer late()
	_, err := w.Recognize(ctx, farm.Task{Image: r.put(t, []byte("x"))})
	if !errors.Is(err, farm.ErrGone) || !strings.Contains(err.Error(), "connection has ended") {
		t.Errorf("the page that it had: got %v", err)
	}
	r.await(t, 0)
	if !r.logged("a worker's connection is ended") || !r.logged("its token was removed") {
		t.Errorf("the log does not say why\n%s", r.lines())
	}
	if err := <-h.ended; !errors.Is(err, ErrToken) {
		t.Errorf("the worker ends with %v, want %v", err, ErrToken)
	}
	h.ended <- nil
	<-stopped
}

func TestWorkersStayWhileNobodyCanSayWhoTheyAre(t *testing.T) {
	r := newRig(t, nil)
	r.work(t, "desk", echo)
	w := r.await(t, 1)[0]
	asked := make(chan struct{})
	r.forbid(func() error {
		select {
		case asked <- struct{}{}:
		case <-t.Context().Done():
		}
		return errors.New("the data service is down")
	})
	for range 3 {
		select {
		case <-asked:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody asks again")
		}
	}
	a, err := w.Recognize(t.Context(), farm.Task{Image: r.put(t, []byte("text"))})
	if err != nil || string(a.Page) != "text" {
		t.Errorf("got %q, %v\n%s", a.Page, err, r.lines())
	}
}

func TestThoseWhoHaveGoneAreForgotten(t *testing.T) {
	r := newHub(t)
	r.stranger(t)
	const gone = 1 << 40
	r.hub.doors.entered(gone, guest{token: secret})
	r.hub.turnOut()
	in := r.hub.doors.inside()
	if _, there := in[gone]; there || len(in) != 1 {
		t.Errorf("got %v, want the one that is there", in)
	}
}
