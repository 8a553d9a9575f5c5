package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core"
)

type submitFlags struct {
	profile string
	lang    string
	name    string
	dest    []string
	key     string
	out     string
	wait    bool
	each    bool
	asJSON  bool
}

func newSubmit(a *app) *cobra.Command {
	var f submitFlags
	c := &cobra.Command{
		Use: "submit FILE...", Short: "Hand scans to a server",
		Long: "Hands the files to a server as one document, in that order, and prints the job's id\n" +
			"when the job is durable. With -o FOLDER, or --each, every file is a document of its own.\n\n" +
			"With both servers of a pair in --server, the second one gets what the first cannot take,\n" +
			"and the document is made once all the same.",
		Example: "  twinleaf submit scan.tif --server https://north:8080,https://south:8080 --wait",
		Args:    atLeastOne("a file"),
	}
	fl := c.Flags()
	fl.StringVar(&f.profile, "profile", "", "profile (default \"default\")")
	fl.StringVarP(&f.lang, "lang", "l", "", "languages, e.g. eng+deu, instead of the profile's")
	fl.StringVar(&f.name, "name", "", "name of the document")
	fl.StringSliceVar(&f.dest, "destination", nil, "destinations instead of the profile's")
	fl.StringVar(&f.key, "key", "", "idempotency key: the same key and scan give the same job")
	fl.StringVarP(&f.out, "output", "o", "", "wait, and fetch the PDF into this file or folder; of a job that is split, one file each")
	fl.BoolVar(&f.wait, "wait", false, "wait until the job has ended")
	fl.BoolVar(&f.each, "each", false, "make one document of each file")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error { return a.submit(c.Context(), f, args) }
	return c
}

func (a *app) submit(ctx context.Context, f submitFlags, args []string) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	f.wait = f.wait || f.out != ""
	f.each = f.each || isFolder(f.out)
	if f.each && f.key != "" && len(args) > 1 {
		return usage("submit them one by one, each under a key of its own", "one --key cannot serve %d documents", len(args))
	}
	if !f.each {
		return a.submitOne(ctx, cl, f, args, map[string]bool{})
	}
	worst := exitOK
	names := map[string]bool{}
	for _, file := range args {
		if err := a.submitOne(ctx, cl, f, []string{file}, names); err != nil {
			explain(a.std.err, err)
			worst = worse(worst, code(err))
		}
	}
	if worst == exitOK {
		return nil
	}
	return &worstError{worst}
}

// submitOne makes one job and, when asked, waits for it and fetches its PDF. names
// are those of the PDFs that this command has fetched.
func (a *app) submitOne(ctx context.Context, cl *client.Client, f submitFlags, paths []string, names map[string]bool) error {
	sub := client.Submission{Name: f.name, Profile: f.profile, Languages: api.Languages(f.lang), Destinations: f.dest, Key: f.key}
	for _, p := range paths {
		file, done, err := localFile(ctx, p, a.std.in)
		if err != nil {
			return err
		}
		defer done() // what was kept of standard input
		sub.Files = append(sub.Files, file)
	}
	what := strings.Join(paths, ", ")
	acc, err := cl.Submit(ctx, sub)
	if err != nil {
		return fmt.Errorf("submit %s: %w", what, err)
	}
	if !f.wait {
		if f.asJSON {
			return writeJSON(a.std.out, acc)
		}
		_, err := fmt.Fprintln(a.std.out, acc.ID)
		return err
	}
	m := newMeter(a.std.err, filepath.Base(paths[0]))
	job, err := cl.Wait(ctx, acc.ID, m.see)
	m.end()
	if err != nil {
		return fmt.Errorf("wait for job %s: %w\nhint: the job goes on; see twinleaf job %s", acc.ID, err, acc.ID)
	}
	if err := a.tellEnd(f, job); err != nil {
		return err
	}
	return a.fetch(ctx, cl, f, job, names)
}

// tellEnd prints how the job ended; a job that made nothing is an error.
func (a *app) tellEnd(f submitFlags, j api.Job) error {
	var err error
	if f.asJSON {
		err = writeJSON(a.std.out, j)
	} else {
		_, err = fmt.Fprintf(a.std.out, "%s %s\n", j.ID, j.State)
	}
	if err != nil {
		return err
	}
	switch {
	case j.State == core.Failed && j.Error != nil:
		return fmt.Errorf("job %s failed: %w", j.ID, j.Error)
	case j.State == core.Failed:
		return fmt.Errorf("job %s failed\nhint: see twinleaf job %s", j.ID, j.ID)
	case j.State == core.Cancelled:
		return fmt.Errorf("job %s was cancelled%s", j.ID, because(j.Reason))
	}
	return nil
}

func (a *app) fetch(ctx context.Context, cl *client.Client, f submitFlags, j api.Job, names map[string]bool) error {
	if f.out != "" {
		if err := a.fetchParts(ctx, cl, f.out, j, names); err != nil {
			return a.unfetched(j, err)
		}
	}
	if j.State == core.Partial {
		return partly(j)
	}
	return nil
}

// unfetched adds to an output that cannot be written where the server still has it.
func (a *app) unfetched(j api.Job, err error) error {
	var e *unwritableError
	if !errors.As(err, &e) {
		return err
	}
	server, _, _ := strings.Cut(a.servers(), ",")
	if server = strings.TrimSpace(server); !strings.Contains(server, "://") {
		server = "http://" + server
	}
	at := strings.TrimRight(server, "/") + "/v1/jobs/" + string(j.ID) + "/outputs/" + core.OutputPDF
	if len(j.Parts) > 0 {
		at += "?part=N"
	}
	return fmt.Errorf("job %s has ended, but its PDF was not fetched: %s\nhint: the server still has it, at %s", j.ID, e.problem(), at)
}

// fetchParts fetches the PDF of a job into a file or folder, or those of all its parts.
func (a *app) fetchParts(ctx context.Context, cl *client.Client, to string, j api.Job, names map[string]bool) error {
	if isFolder(to) {
		to = filepath.Join(to, free(names, filepath.Base(j.Name))+".pdf")
	}
	if len(j.Parts) == 0 {
		return fetchOutput(ctx, cl, j.ID, core.OutputPDF, 0, to, a.std.out)
	}
	if to == "-" {
		return severalToOne(len(j.Parts))
	}
	for _, p := range j.Parts {
		if err := fetchOutput(ctx, cl, j.ID, core.OutputPDF, p.Part, partPath(to, p.Part), a.std.out); err != nil {
			return err
		}
	}
	return nil
}

// partPath is where a part goes that shares a path with others: OUT-001.pdf for OUT.pdf.
func partPath(path string, part int) string {
	ext := filepath.Ext(path)
	return core.PartName(strings.TrimSuffix(path, ext), part) + ext
}

func severalToOne(n int) error {
	return usage("name a file or a folder", "the scan became %d documents, which cannot all go to standard output", n)
}

// partly names the pages that are images only, and says what helps the first
// of them that can be helped.
func partly(j core.JobView) error {
	var pages []string
	hint := "the manifest says more; scan the pages again"
	for i := len(j.Failures) - 1; i >= 0; i-- {
		hint = cmp.Or(j.Failures[i].Failure.Remedy, hint)
	}
	for _, p := range j.Failures {
		pages = append(pages, fmt.Sprintf("page %d (%s: %s)", p.Page, p.Failure.Code, printable(p.Failure.Detail)))
	}
	if j.Error != nil && len(pages) == 0 {
		return &partlyError{j.Error.Error()}
	}
	if u := j.Unindexed; len(u) > 0 && len(pages) == 0 {
		return &partlyError{fmt.Sprintf("%s: the fields of indexer %s are missing: %s\nhint: %s", printable(j.Name), printable(u[0].Indexer),
			printable(u[0].Failure.Detail), cmp.Or(u[0].Failure.Remedy, `see "twinleaf plugin list"`))}
	}
	return &partlyError{fmt.Sprintf("%s: %d of %d pages are images without text: %s\nhint: %s",
		printable(j.Name), j.Pages.Failed, j.Pages.Total, strings.Join(pages, ", "), hint)}
}

// fetchOutput writes an output to a file, whole or not at all; "-" is standard output.
func fetchOutput(ctx context.Context, cl *client.Client, id core.JobID, kind string, part int, to string, stdout io.Writer) error {
	body, _, err := cl.Output(ctx, id, kind, part)
	if err != nil {
		return fmt.Errorf("fetch the %s of job %s: %w", kind, id, err)
	}
	defer body.Close() // read only
	return writeWhole(to, body, stdout)
}
