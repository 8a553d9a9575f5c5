// Package deliver hands the files of a delivery to a destination over a network,
// exactly once for each idempotency key: also over crashes, broken connections,
// lost answers, and two servers that deliver the same at once.
//
// The author of a deliverer says how files are put and moved there ([Files]);
// [Once] does the rest. Where nothing can be moved, as in an object store, [Plan]
// and [Stem] choose the names. Package delivertest holds the stories that every
// deliverer should pass.
package deliver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// The protocol, whose every step may be the last before a crash:
//
//  1. upload: the files go to Private/ID-NONCE-N.upload. Nobody else writes there.
//  2. plan: Private/ID-NONCE.upload, which names the final names, is moved to
//     Private/ID.1.json. Where that is there already, somebody was faster, and its
//     plan is followed instead.
//  3. place: each upload is moved to its final name, never over another file. The
//     upload is gone in the very moment in which the final file is there.
//
// So, on a second call: without a plan nothing was delivered; with one, an upload
// that is there was not delivered yet, and one that is gone was, even if a reader of
// the destination has taken the document away since. A final name that is taken
// makes a further plan, ID.2.json: plans are added and never changed.
//
// Until the plan is moved a call that fails removes what it has uploaded. From then on
// the plan may be there, whatever the answer was, and only the sweep removes uploads:
// those that no plan names, once no call can be at work on them.

// Entry is what a destination tells of a file.
type Entry struct {
	Name     string // its last element
	Size     int64  // in bytes
	Modified time.Time
}

// Files is a destination as Once needs it. Names are relative to the destination's
// folder, with slashes; folders, [Private] too, are there already. A missing file is
// fs.ErrNotExist.
type Files interface {
	// Put writes a file of size bytes, in place of one that has the name. The content
	// begins at its start and may be read again.
	Put(ctx context.Context, name string, content Content, size int64) error
	// Move gives a file another name, in one step and never over another file:
	// fs.ErrExist where the name is taken.
	Move(ctx context.Context, from, to string) error
	Stat(ctx context.Context, name string) (Entry, error)
	// Read gives a file of at most MaxPlan bytes.
	Read(ctx context.Context, name string) ([]byte, error)
}

// Locker is what Files may be besides, where moves of the destination look first and
// move then: whoever plans and places holds the lock. A lock ends by itself some time
// after its holder has crashed.
type Locker interface {
	Lock(ctx context.Context) (unlock func(), err error)
}

// Delivery is one call of a deliverer.
type Delivery struct {
	Request sdk.DeliverRequest
	To      Files
	Reached func(step string) // told after each upload, plan and place; tests crash there. May be nil
}

// Once hands over the files of d, unless that has happened. It gives the plan that
// was followed.
func Once(ctx context.Context, d Delivery) (*Plan, error) {
	if d.Reached == nil {
		d.Reached = func(string) {}
	}
	if _, err := NewPlan(d.Request); err != nil {
		return nil, err
	}
	plan, err := d.run(ctx)
	if err != nil {
		return nil, err
	}
	if t, ok := d.To.(Tidier); ok {
		Sweep(ctx, t)
	}
	return plan, nil
}

func (d *Delivery) run(ctx context.Context) (*Plan, error) {
	plan, number, err := d.recall(ctx)
	fresh := errors.Is(err, fs.ErrNotExist)
	mine := nonce(d.Request.Key)
	if fresh {
		plan, err = d.prepare(ctx, mine)
	}
	if err != nil {
		return nil, err
	}
	if l, ok := d.To.(Locker); ok {
		unlock, err := l.Lock(ctx)
		if err != nil {
			if fresh {
				d.discard(ctx, plan.parts()...)
			}
			return nil, err
		}
		defer unlock()
	}
	if fresh {
		if plan, number, err = d.propose(ctx, plan, 1, mine); err != nil {
			return nil, err
		}
	}
	return d.place(ctx, plan, number)
}

// nonce begins the names of uploads that nobody else writes.
func nonce(key string) string { return ID(key) + "-" + strings.ToLower(rand.Text()[:10]) }

func (d *Delivery) planName(number int) string {
	return Private + "/" + ID(d.Request.Key) + "." + strconv.Itoa(number) + ".json"
}

// maxPlans bounds how often other names are planned because somebody was faster.
const maxPlans = 100

// recall finds the last plan of the delivery and its number; fs.ErrNotExist where
// there is none.
func (d *Delivery) recall(ctx context.Context) (last *Plan, number int, err error) {
	for n := 1; n <= maxPlans; n++ {
		raw, err := d.To.Read(ctx, d.planName(n))
		if errors.Is(err, fs.ErrNotExist) && last != nil {
			return last, n - 1, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if last, err = ReadPlan(raw, d.Request); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", d.planName(n), err)
		}
	}
	return nil, 0, fmt.Errorf("more than %d plans for %q", maxPlans, d.Request.Name)
}

// prepare uploads the files. It leaves nothing behind when it fails: the next call has
// another nonce and begins anew.
func (d *Delivery) prepare(ctx context.Context, mine string) (*Plan, error) {
	plan, err := NewPlan(d.Request)
	if err != nil {
		return nil, err
	}
	done := NewProgress(ctx, d.Request)
	for i := range plan.Files {
		f := &plan.Files[i]
		f.Part = mine + "-" + strconv.Itoa(i) + ".upload"
		if err := d.upload(ctx, *f, done); err != nil {
			d.discard(ctx, plan.parts()...)
			return nil, err
		}
		d.Reached("upload")
	}
	return plan, nil
}

// upload brings a file under its private name.
func (d *Delivery) upload(ctx context.Context, f Item, done *Progress) error {
	content, err := Open(ctx, d.Request.Files[f.Index], done)
	if err != nil {
		return err
	}
	defer content.Close()
	return d.put(ctx, f.Part, content, content.Size)
}

// put writes a private file and checks that it has come whole: some destinations take the
// end of a connection for that of the file.
func (d *Delivery) put(ctx context.Context, part string, content Content, size int64) error {
	name := Private + "/" + part
	if err := d.To.Put(ctx, name, content, size); err != nil {
		return err
	}
	there, err := d.To.Stat(ctx, name)
	if err == nil && there.Size != size {
		err = fmt.Errorf("%s: the destination holds %d of %d bytes", part, there.Size, size)
	}
	return err
}

// propose makes a plan with free names durable under a number, and gives the one that
// stands there then: this one, or that of somebody who was faster. Where the move says
// that it could not be done, only a look tells whose plan is there.
func (d *Delivery) propose(ctx context.Context, plan *Plan, number int, mine string) (*Plan, int, error) {
	fresh := mine + ".upload"
	if err := d.draft(ctx, plan, fresh); err != nil {
		d.discard(ctx, fresh)
		if number == 1 { // later plans are about the uploads of the first
			d.discard(ctx, plan.parts()...)
		}
		return nil, 0, err
	}
	err := d.To.Move(ctx, Private+"/"+fresh, d.planName(number))
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		there, last, notThere := d.recall(ctx)
		if notThere != nil || last < number {
			return nil, 0, errors.Join(fmt.Errorf("plan %d: %w", number, err), notThere)
		}
		d.withdraw(ctx, plan, there, fresh)
		return there, last, nil
	}
	if err != nil { // it may be there all the same, so its uploads stay
		return nil, 0, err
	}
	d.Reached("plan")
	return plan, number, nil
}

// draft uploads a plan with free names.
func (d *Delivery) draft(ctx context.Context, plan *Plan, fresh string) error {
	if err := plan.Choose(d.Request.Name, d.Request.Job, d.taken(ctx)); err != nil {
		return err
	}
	raw, err := plan.Encode()
	if err != nil {
		return err
	}
	return d.put(ctx, fresh, Bytes(raw), int64(len(raw)))
}

// withdraw removes what a plan that came too late has uploaded. The plan that is there
// may be this one: whoever repeats a move whose answer was lost hears that the name is
// taken. So what that plan names stays, as all plans of a delivery name the uploads of the
// first. The plan's own upload goes before the others: it can be moved no more then.
func (d *Delivery) withdraw(ctx context.Context, plan, there *Plan, fresh string) {
	named := there.parts()
	late := slices.DeleteFunc(plan.parts(), func(part string) bool { return slices.Contains(named, part) })
	d.discard(ctx, append([]string{fresh}, late...)...)
}

// discardTimeout bounds the removing of uploads, also when the call is at its end.
const discardTimeout = 10 * time.Second

// discard removes uploads of this call that no plan names, those that are there. What is
// left is swept.
func (d *Delivery) discard(ctx context.Context, parts ...string) {
	t, ok := d.To.(Tidier)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	for _, part := range parts {
		_ = t.Remove(ctx, Private+"/"+part)
	}
}

func (d *Delivery) taken(ctx context.Context) func(string) (bool, error) {
	return func(final string) (bool, error) {
		_, err := d.To.Stat(ctx, final)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
}

// place moves every upload that is still there to its final name, and gives the plan
// that came about.
func (d *Delivery) place(ctx context.Context, plan *Plan, number int) (*Plan, error) {
	for ; number <= maxPlans; number++ {
		again, err := d.placeAll(ctx, plan)
		if err != nil || !again {
			return plan, err
		}
		if plan, number, err = d.propose(ctx, plan, number+1, nonce(d.Request.Key)); err != nil {
			return nil, err
		}
		number-- // the loop's own step
	}
	return nil, fmt.Errorf("no free name for %q", d.Request.Name)
}

// placeAll reports whether a name was taken and others have to be planned.
func (d *Delivery) placeAll(ctx context.Context, plan *Plan) (again bool, err error) {
	for i := range plan.Files {
		f := &plan.Files[i]
		if f.Done {
			continue
		}
		err := d.To.Move(ctx, Private+"/"+f.Part, f.Final)
		switch {
		case err == nil:
			f.Done = true
			d.Reached("place")
		case !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist):
			return false, err
		default:
			gone, goneErr := d.gone(ctx, f.Part)
			if goneErr != nil {
				return false, errors.Join(err, goneErr)
			}
			if !gone && !errors.Is(err, fs.ErrExist) {
				return false, fmt.Errorf("place %s: %w", f.Final, err)
			}
			if !gone {
				return true, nil
			}
			f.Done = true
		}
	}
	return false, nil
}

// gone reports whether an upload was placed before. The first plan can be read, so
// the upload's absence means something.
func (d *Delivery) gone(ctx context.Context, part string) (bool, error) {
	_, err := d.To.Stat(ctx, Private+"/"+part)
	if err == nil {
		return false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if _, err := d.To.Stat(ctx, d.planName(1)); err != nil {
		return false, fmt.Errorf("the plan has vanished: %w", err)
	}
	return true, nil
}
