package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// The protocol, whose every step may be the last before a crash. Objects cannot be
// moved, but they appear whole, in one step, and on request only where none is:
//
//  1. plan: PREFIX/.twinleaf/ID.1.json names the final names. Where it is there
//     already, it is followed.
//  2. place: each file is put under its final name, only where no object is, with
//     the delivery's id in its metadata. An object with that id is this delivery's.
//  3. mark: the plan says that the file is placed.
//
// So, on a second call: a file is placed when the plan says so, or when an object
// says so. A crash just between place and mark, and a reader who removes the object
// before the second call, is the one case in which a document comes twice.

// A store may refuse a name that nobody can see: another server's object is on its way, or
// a reader has just taken it. Then the delivery rests and looks again.

// delivery is one call.
type delivery struct {
	request sdk.DeliverRequest
	to      *bucket
	reached func(step string) // told after each step; tests crash there
}

// maxTries bounds how often other names are chosen because somebody was faster.
const maxTries = 100

// errUnseen is that a name was refused, and nothing is there under it.
var errUnseen = errors.New("the store says that it is there, and that it is not")

const (
	unseenTries = 30 // of a name that is refused and unseen
	unseenRest  = 100 * time.Millisecond
)

func (d *delivery) run(ctx context.Context) (*deliver.Plan, error) {
	plan, err := d.plan(ctx)
	if err != nil {
		return nil, err
	}
	done := deliver.NewProgress(ctx, d.request)
	for range maxTries {
		again, err := d.placeAll(ctx, plan, done)
		if err != nil {
			return nil, err
		}
		if !again {
			deliver.Sweep(ctx, d.to)
			return plan, nil
		}
		if err := plan.Choose(d.request.Name, d.request.Job, d.taken(ctx, plan)); err != nil {
			return nil, err
		}
		if err := d.write(ctx, plan); err != nil {
			return nil, err
		}
		d.reached("plan")
	}
	return nil, fmt.Errorf("no free name for %q", d.request.Name)
}

func (d *delivery) planName() string {
	return deliver.Private + "/" + deliver.ID(d.request.Key) + ".1.json"
}

// plan gives the delivery's plan, which is made where there is none.
func (d *delivery) plan(ctx context.Context) (*deliver.Plan, error) {
	for n := 1; ; n++ {
		plan, err := d.recallOrMake(ctx)
		if !errors.Is(err, errUnseen) || n == unseenTries {
			return plan, err
		}
		if err := deliver.Pause(ctx, unseenRest); err != nil {
			return nil, err
		}
	}
}

func (d *delivery) recallOrMake(ctx context.Context) (*deliver.Plan, error) {
	plan, err := deliver.NewPlan(d.request)
	if err != nil {
		return nil, err
	}
	stored, err := d.recall(ctx)
	if !errors.Is(err, fs.ErrNotExist) {
		return stored, err
	}
	if err := plan.Choose(d.request.Name, d.request.Job, d.taken(ctx, plan)); err != nil {
		return nil, err
	}
	raw, err := plan.Encode()
	if err != nil {
		return nil, err
	}
	err = d.to.putNew(ctx, d.planName(), object{content: deliver.Bytes(raw), size: int64(len(raw)), media: "application/json"})
	if errors.Is(err, fs.ErrExist) {
		stored, err := d.recall(ctx)
		return stored, unseen(err)
	}
	if err != nil {
		return nil, err
	}
	d.reached("plan")
	return plan, nil
}

// unseen is the error of looking for what was refused because it is there.
func unseen(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", errUnseen, err)
	}
	return err
}

func (d *delivery) recall(ctx context.Context) (*deliver.Plan, error) {
	raw, err := d.to.Read(ctx, d.planName())
	if err != nil {
		return nil, err
	}
	return deliver.ReadPlan(raw, d.request)
}

// write brings the stored plan up to date. Two servers may overwrite each other's
// marks; then the objects tell.
func (d *delivery) write(ctx context.Context, plan *deliver.Plan) error {
	raw, err := plan.Encode()
	if err != nil {
		return err
	}
	return d.to.Put(ctx, d.planName(), deliver.Bytes(raw), int64(len(raw)))
}

// sign is what the metadata of a file's object says.
func (d *delivery) sign(f deliver.Item) string {
	return deliver.ID(d.request.Key) + "-" + strconv.Itoa(f.Index)
}

// taken tells of names that somebody else's object has.
func (d *delivery) taken(ctx context.Context, plan *deliver.Plan) func(string) (bool, error) {
	return func(final string) (bool, error) {
		sign, err := d.to.sign(ctx, final)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		for _, f := range plan.Files {
			if f.Final == final && sign == d.sign(f) {
				return false, err
			}
		}
		return err == nil, err
	}
}

// placeAll reports whether a name was taken and others have to be chosen.
func (d *delivery) placeAll(ctx context.Context, plan *deliver.Plan, done *deliver.Progress) (again bool, err error) {
	for i := range plan.Files {
		f := &plan.Files[i]
		if f.Done {
			continue
		}
		ours, err := d.place(ctx, *f, done)
		if err != nil || !ours {
			return !ours && err == nil, err
		}
		d.reached("place")
		f.Done = true
		if err := d.write(ctx, plan); err != nil {
			return false, err
		}
		d.reached("mark")
	}
	return false, nil
}

// place puts a file, unless that has happened. It reports whether the name is ours.
func (d *delivery) place(ctx context.Context, f deliver.Item, done *deliver.Progress) (ours bool, err error) {
	for n := 1; ; n++ {
		ours, err := d.lookAndPut(ctx, f, done)
		if !errors.Is(err, errUnseen) || n == unseenTries {
			return ours, err
		}
		if err := deliver.Pause(ctx, unseenRest); err != nil {
			return false, err
		}
		if d.marked(ctx, f) {
			return true, nil
		}
	}
}

// marked reports whether another server has placed a file of this delivery meanwhile: it
// need not be there any more.
func (d *delivery) marked(ctx context.Context, f deliver.Item) bool {
	stored, err := d.recall(ctx)
	return err == nil && slices.ContainsFunc(stored.Files, func(o deliver.Item) bool {
		return o.Index == f.Index && o.Final == f.Final && o.Done
	})
}

func (d *delivery) lookAndPut(ctx context.Context, f deliver.Item, done *deliver.Progress) (ours bool, err error) {
	// Stores that do not know the condition ignore it: so look first.
	sign, err := d.to.sign(ctx, f.Final)
	if err == nil {
		return sign == d.sign(f), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	content, err := deliver.Open(ctx, d.request.Files[f.Index], done)
	if err != nil {
		return false, err
	}
	defer content.Close()
	err = d.to.putNew(ctx, f.Final, object{content: content, size: content.Size, media: deliver.Media(d.request.Files[f.Index], f.Kind), sign: d.sign(f)})
	if !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	// Somebody's; or ours, when the answer to a first try was lost.
	sign, err = d.to.sign(ctx, f.Final)
	return sign == d.sign(f), unseen(err)
}
