package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// pageTask is a task as the other server sends it.
func pageTask(t *testing.T) []byte {
	t.Helper()
	task := farm.Task{Image: core.File{Ref: core.Ref(strings.Repeat("5e", 32))}, Basis: "engine"}
	task.Options.Limits.PageTimeout = time.Minute
	raw, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func codeIs(err error, code string) bool {
	f, ok := errors.AsType[*core.Failure](err)
	return ok && f.Code == code
}

func TestNoMorePagesAreReadThanThereArePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := 2
		r := newReading(func(context.Context, farm.Task) (farm.Answer, error) {
			time.Sleep(time.Second)
			return farm.Answer{Text: core.PageText{Words: 3}, Page: []byte("{}")}, nil
		}, func() int { return places })
		errs := make(chan error)
		for range 3 {
			go func() {
				raw, err := r.Page(t.Context(), pageTask(t))
				if a, bad := farm.DecodeAnswer(raw); err == nil && (bad != nil || a.Text.Words != 3) {
					err = errors.New("another answer came")
				}
				errs <- err
			}()
		}
		if err := <-errs; !codeIs(err, farm.CodeBusy) {
			t.Errorf("the third one: %v", err)
		}
		if err := errors.Join(<-errs, <-errs); err != nil {
			t.Error(err)
		}
		places = 0
		if _, err := r.Page(t.Context(), pageTask(t)); !codeIs(err, farm.CodeBusy) || r.done.Load() != 2 {
			t.Errorf("%v after %d pages", err, r.done.Load())
		}
		if _, err := r.Page(t.Context(), []byte(`{"basis":1}`)); !codeIs(err, core.CodeBadRequest) {
			t.Error(err)
		}
	})
}

// The other server dies: its page is read to the end, for it will be needed here.
func TestAPageIsReadToItsEndForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := error(nil)
		r := newReading(func(ctx context.Context, _ farm.Task) (farm.Answer, error) {
			select {
			case <-time.After(10 * time.Second):
			case <-ctx.Done():
				ended = ctx.Err()
			}
			return farm.Answer{}, ended
		}, func() int { return 1 })
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := r.Page(gone, pageTask(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := r.Page(t.Context(), pageTask(t)); !codeIs(err, farm.CodeBusy) {
			t.Errorf("its place is taken: %v", err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if ended != nil || r.done.Load() != 1 {
			t.Errorf("%v, %d pages", ended, r.done.Load())
		}
	})
}

// When the data service is closed nothing is read any more, and nothing is taken.
func TestNothingIsReadAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReading(func(ctx context.Context, _ farm.Task) (farm.Answer, error) {
			<-ctx.Done()
			return farm.Answer{}, ctx.Err()
		}, func() int { return 5 })
		errs := make(chan error)
		go func() { _, err := r.Page(t.Context(), pageTask(t)); errs <- err }()
		synctest.Wait()
		r.stop()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := r.Page(t.Context(), pageTask(t)); !codeIs(err, farm.CodeBusy) {
			t.Error(err)
		}
	})
}

func TestAnotherEngineIsToldAsThat(t *testing.T) {
	r := newReading(func(context.Context, farm.Task) (farm.Answer, error) { return farm.Answer{}, farm.ErrBasis }, func() int { return 1 })
	if _, err := r.Page(t.Context(), pageTask(t)); !errors.Is(farm.FromFailure(err), farm.ErrBasis) {
		t.Error(err)
	}
}
