package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	lib "github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// delivery is one call.
type delivery struct {
	api      *api
	request  sdk.DeliverRequest
	settings Settings
	rest     func(context.Context, time.Duration) error
	progress *lib.Progress
	fields   []field // of every document
}

// deliver gives each PDF of a request to paperless.
func deliver(ctx context.Context, r sdk.DeliverRequest, s Settings, rest func(context.Context, time.Duration) error) (sdk.Receipt, error) {
	plan, err := lib.NewPlan(r)
	if err != nil {
		return sdk.Receipt{}, err
	}
	if !slices.Contains(r.Kinds, "pdf") {
		return sdk.Receipt{}, sdk.Refuse("destination", "let the profile deliver pdf", "paperless gets PDFs, and there are only %s", strings.Join(r.Kinds, ", "))
	}
	a, err := newAPI(ctx, s)
	if err != nil {
		return sdk.Receipt{}, err
	}
	d := &delivery{api: a, request: r, settings: s, rest: rest, progress: lib.NewProgress(ctx, r)}
	if err := d.lookUp(ctx); err != nil {
		return sdk.Receipt{}, err
	}
	return d.all(ctx, plan)
}

// all hands over the PDFs in order; what else the profile delivers is left out, and
// the receipt says so.
func (d *delivery) all(ctx context.Context, plan *lib.Plan) (receipt sdk.Receipt, err error) {
	var details, left []string
	n := 0
	slices.SortFunc(plan.Files, func(a, b lib.Item) int { return a.Index - b.Index })
	for _, item := range plan.Files {
		if item.Kind != "pdf" {
			left = append(left, item.Kind)
			continue
		}
		n++
		got, err := d.one(ctx, d.request.Files[item.Index], n)
		if err != nil {
			return sdk.Receipt{}, err
		}
		if n == 1 {
			receipt.Location = d.location(got.id)
		}
		details = append(details, got.detail)
	}
	if len(left) > 0 {
		details = append(details, "left out: "+strings.Join(left, ", "))
	}
	receipt.Detail = strings.Join(details, "; ")
	return receipt, nil
}

func (d *delivery) location(id int) string {
	if id <= 0 {
		return d.api.base.String()
	}
	return d.api.base.String() + "/documents/" + strconv.Itoa(id)
}

// taken is a document that paperless has; its id is 0 where it did not tell.
type taken struct {
	id     int
	detail string
}

// title is what people see; fileName is how a repetition finds the n-th document.
func (d *delivery) title(n int) string {
	title := lib.Stem(d.request.Name, d.request.Job, 0)
	if n > 1 {
		title += " " + strconv.Itoa(n)
	}
	short := []rune(title)
	return string(short[:min(len(short), maxTitle)])
}

// maxTitle is the most characters that paperless takes.
const maxTitle = 128

func (d *delivery) fileName(n int) string {
	return fmt.Sprintf("twinleaf-%s-%d.pdf", lib.ID(d.request.Key), n)
}

// one sees to it that paperless has the n-th document.
func (d *delivery) one(ctx context.Context, f sdk.File, n int) (taken, error) {
	name := d.fileName(n)
	if got, err := d.find(ctx, name); err != nil || got.id != 0 {
		return got, err
	}
	running, err := d.running(ctx, name)
	if err != nil {
		return taken{}, err
	}
	id := ""
	if !running {
		if id, err = d.upload(ctx, f, name, n); err != nil {
			return taken{}, err
		}
	}
	return d.await(ctx, name, id)
}

// find looks for a document that came under this file name.
func (d *delivery) find(ctx context.Context, name string) (taken, error) {
	type document struct {
		ID   int    `json:"id"`
		File string `json:"original_file_name"`
	}
	list, err := get[document](ctx, d.api, "/api/documents/", url.Values{"original_filename__iexact": {name}, "fields": {"id,original_file_name"}})
	if err != nil {
		return taken{}, err
	}
	for _, doc := range list { // a version that does not know the filter gives all documents
		if doc.File == name {
			return taken{doc.ID, fmt.Sprintf("document %d, which came before", doc.ID)}, nil
		}
	}
	return taken{}, nil
}

// running reports whether paperless is at work on a file of this name.
func (d *delivery) running(ctx context.Context, name string) (bool, error) {
	t, err := d.task(ctx, name, "")
	return t != nil && t.end() == taskRuns, err
}

// task finds a task by its id, or else the last one about a file of this name; nil
// where there is none.
func (d *delivery) task(ctx context.Context, name, id string) (*task, error) {
	query := url.Values{"ordering": {"-date_created"}}
	if id != "" {
		query = url.Values{"task_id": {id}}
	}
	list, err := get[task](ctx, d.api, "/api/tasks/", query)
	for _, t := range list {
		if id != "" && t.ID == id || id == "" && t.file() == name {
			return &t, err
		}
	}
	return nil, err
}

func (d *delivery) upload(ctx context.Context, f sdk.File, name string, n int) (task string, err error) {
	in, err := lib.Open(ctx, f, d.progress)
	if err != nil {
		return "", err
	}
	defer in.Close()
	return d.api.post(ctx, in, name, append([]field{{"title", d.title(n)}}, d.fields...))
}

// pollRest is the rest between two looks at a task.
const pollRest = 2 * time.Second

// await looks at a task until it has ended.
func (d *delivery) await(ctx context.Context, name, id string) (taken, error) {
	for waited := time.Duration(0); waited < d.settings.patience(); waited += pollRest {
		t, err := d.task(ctx, name, id)
		if err != nil {
			return taken{}, err
		}
		if t != nil && t.end() != taskRuns {
			return d.ended(ctx, t, name)
		}
		if err := d.rest(ctx, pollRest); err != nil {
			return taken{}, d.api.unanswered(ctx, err)
		}
	}
	return taken{}, sdk.Temporary(&sdk.Error{
		Code: "destination", Detail: fmt.Sprintf("%s has the document and is not done with it after %v", d.api.place(), d.settings.patience()),
		Remedy: "look at the tasks of paperless; it is asked again, and the document is not sent twice",
	})
}

// ended makes of a task's end a document or an error.
func (d *delivery) ended(ctx context.Context, t *task, name string) (taken, error) {
	if id, yes := t.duplicate(); yes && t.end() == taskFailed {
		return taken{max(id, 0), "paperless had it already: " + d.api.quote(t.words())}, nil
	}
	if t.end() == taskFailed {
		return taken{}, d.api.refuse("look at the tasks and the log of paperless, then retry the job", "the document was not consumed: %s", t.words())
	}
	if id := t.document(); id > 0 {
		return taken{id, fmt.Sprintf("document %d", id)}, nil
	}
	return d.find(ctx, name)
}

// lookUp turns the names of the settings into the ids that paperless wants.
func (d *delivery) lookUp(ctx context.Context) error {
	type named struct{ field, path, name string }
	wanted := []named{
		{"correspondent", "/api/correspondents/", d.settings.Correspondent},
		{"document_type", "/api/document_types/", d.settings.Type},
		{"storage_path", "/api/storage_paths/", d.settings.StoragePath},
	}
	for _, tag := range d.settings.Tags {
		wanted = append(wanted, named{"tags", "/api/tags/", tag})
	}
	for _, w := range wanted {
		if w.name == "" {
			continue
		}
		id, err := d.idOf(ctx, w.path, w.name)
		if err != nil {
			return err
		}
		d.fields = append(d.fields, field{w.field, strconv.Itoa(id)})
	}
	return nil
}

// idOf finds an object by its name as it is written, or else without regard to case:
// paperless may have both Bank and BANK.
func (d *delivery) idOf(ctx context.Context, path, name string) (int, error) {
	type object struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	list, err := get[object](ctx, d.api, path, url.Values{"name__iexact": {name}})
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(list, func(o object) bool { return o.Name == name })
	if at < 0 {
		at = slices.IndexFunc(list, func(o object) bool { return strings.EqualFold(o.Name, name) })
	}
	if at >= 0 {
		return list[at].ID, nil
	}
	return 0, d.api.refuse("make it in paperless, or correct the name in the settings", "there is no %q among its %s", name, strings.Trim(strings.TrimPrefix(path, "/api"), "/"))
}
