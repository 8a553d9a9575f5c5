package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core"
)

// jobStates are the states that a job can be in.
var jobStates = []string{"queued", "running", "held", "completed", "partial", "failed", "cancelled"}

func newJobs(a *app) *cobra.Command {
	var state string
	var limit int
	var asJSON bool
	c := &cobra.Command{Use: "jobs", Short: "List the server's jobs, the newest first", Args: exactly(0, "no arguments")}
	c.Flags().StringVar(&state, "state", "", "only jobs in this state: "+strings.Join(jobStates, ", "))
	c.Flags().IntVar(&limit, "limit", 100, "how many at most")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if state != "" && !slices.Contains(jobStates, state) {
			return usage("known are: "+strings.Join(jobStates, ", "), "%q is no state of a job", state)
		}
		if limit < 1 {
			return usage("leave it out for 100", "--limit %d lists nothing", limit)
		}
		cl, err := a.client()
		if err != nil {
			return err
		}
		jobs, err := listJobs(c, cl, api.Query{State: core.JobState(state)}, limit)
		if err != nil {
			return fmt.Errorf("list jobs: %w", err)
		}
		if asJSON {
			return writeJSON(a.std.out, jobs)
		}
		return tableOfJobs(a.std.out, jobs)
	}
	return c
}

// listJobs asks page by page until it has limit jobs.
func listJobs(c *cobra.Command, cl *client.Client, q api.Query, limit int) ([]api.Job, error) {
	jobs := []api.Job{}
	for len(jobs) < limit {
		q.Limit = min(limit-len(jobs), 1000)
		l, err := cl.Jobs(c.Context(), q)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, l.Jobs...)
		if q.After = l.Next; q.After == "" {
			break
		}
	}
	return jobs, nil
}

func tableOfJobs(w io.Writer, jobs []api.Job) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSTATE\tPAGES\tSUBMITTED\tPROFILE\tNAME\tWHY")
	for _, j := range jobs {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", j.ID, j.State, pages(j), j.Submitted.Local().Format(time.DateTime), j.Profile, printable(j.Name), why(j))
	}
	return t.Flush()
}

// why is the reason of a job's state in one line.
func why(j api.Job) string {
	const most = 100 // characters
	text := j.Reason
	switch {
	case j.Error != nil:
		text = j.Error.Code + ": " + j.Error.Detail
	case len(j.Failures) > 0:
		text = fmt.Sprintf("page %d: %s: %s", j.Failures[0].Page, j.Failures[0].Failure.Code, j.Failures[0].Failure.Detail)
	case len(j.Unindexed) > 0:
		text = fmt.Sprintf("indexer %s: %s", j.Unindexed[0].Indexer, j.Unindexed[0].Failure.Detail)
	}
	text, _, _ = strings.Cut(text, "\n")
	if r := []rune(text); len(r) > most {
		text = string(r[:most-1]) + "…"
	}
	return printable(text)
}

func pages(j api.Job) string {
	if j.Pages.Total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", j.Pages.Done, j.Pages.Total)
}

// printable keeps foreign words from moving the terminal's cursor, and from reading as
// something else: no control characters, no line breaks of any kind, none that turn the line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, s)
}

func newJob(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "job ID | job retry|cancel|hold|release ID", Short: "Look at a job, or change what becomes of it",
		Args: exactly(1, "a job's id, or retry, cancel, hold or release and the id"),
	}
	c.PersistentFlags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.showJob(asJSON, func(cl *client.Client) (api.Job, error) {
			j, err := cl.Job(c.Context(), core.JobID(args[0]))
			return j, wrap("look at job "+args[0], err)
		})
	}
	for _, action := range [][2]string{
		{client.Retry, "Try what failed once more; what is finished stays finished"},
		{client.Cancel, "End a job for good"},
		{client.Hold, "Stop new work on a job"},
		{client.Release, "Let a held job go on"},
	} {
		c.AddCommand(&cobra.Command{Use: action[0] + " ID", Short: action[1], Args: exactly(1, "a job's id"), RunE: func(c *cobra.Command, args []string) error {
			return a.showJob(asJSON, func(cl *client.Client) (api.Job, error) {
				j, err := cl.Act(c.Context(), core.JobID(args[0]), action[0])
				return j, wrap(action[0]+" job "+args[0], err)
			})
		}})
	}
	return c
}

func wrap(tried string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", tried, err)
}

func (a *app) showJob(asJSON bool, ask func(*client.Client) (api.Job, error)) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	j, err := ask(cl)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(a.std.out, j)
	}
	return describeJob(a.std.out, j)
}

// describeJob tells a job line by line.
func describeJob(w io.Writer, j api.Job) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	line("id", "%s", j.ID)
	line("name", "%s", printable(j.Name))
	line("state", "%s%s", j.State, because(j.Reason))
	line("profile", "%s", j.Profile)
	line("pages", "%d of %d done, %d blank, %d as images only", j.Pages.Done, j.Pages.Total, j.Pages.Blank, j.Pages.Failed)
	line("server", "%s", j.Server)
	line("submitted", "%s%s", j.Submitted.Local().Format(time.DateTime), by(j.User))
	if !j.Finished.IsZero() {
		line("finished", "%s (after %s)", j.Finished.Local().Format(time.DateTime), j.Finished.Sub(j.Submitted).Round(time.Millisecond))
	}
	for _, d := range j.Destinations {
		line("destination", "%s: %s%s", d.Destination, delivered(j, d), where(d))
	}
	for _, p := range j.Parts {
		line("document", "%d: %s, %s%s", p.Part, printable(p.Name), span(p), found(p.Fields))
	}
	if fields := found(j.Fields); fields != "" {
		line("fields", "%s", strings.TrimPrefix(fields, "; "))
	}
	for _, u := range j.Unindexed {
		line("indexer", "%s: %s: %s", printable(u.Indexer), printable(u.Failure.Code), printable(u.Failure.Detail))
	}
	for _, p := range j.Failures {
		line("page", "%d: %s (%s): %s", p.Page, printable(p.Failure.Code), p.Stage, printable(p.Failure.Detail))
		if p.Failure.Remedy != "" {
			line("hint", "%s", printable(p.Failure.Remedy))
		}
	}
	if j.Error != nil {
		line("error", "%s: %s", printable(j.Error.Code), printable(j.Error.Detail))
		if j.Error.Remedy != "" {
			line("hint", "%s", printable(j.Error.Remedy))
		}
	}
	return t.Flush()
}

// by names who submitted a job.
func by(user string) string {
	if user == "" {
		return ""
	}
	return " by " + printable(user)
}

// span names the pages of the job that a part has.
func span(p core.PartInfo) string {
	if p.From == p.To {
		return fmt.Sprintf("page %d", p.From)
	}
	return fmt.Sprintf("pages %d to %d", p.From, p.To)
}

// found lists fields as "; name=value" each.
func found(fields map[string]string) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&out, "; %s=%s", printable(name), printable(fields[name]))
	}
	return out.String()
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + printable(reason) + ")"
}

// delivered is the state of a delivery; nothing is pending any more for a job that
// ended without a document.
func delivered(j api.Job, d core.Delivery) string {
	if !j.State.Open() && d.State == core.DeliveryPending {
		return "nothing delivered"
	}
	return d.State
}

func where(d core.Delivery) string {
	switch {
	case d.Receipt != nil && d.Receipt.Location != "":
		return ", " + printable(d.Receipt.Location)
	case d.Failure != nil:
		return ", " + printable(d.Failure.Detail)
	}
	return ""
}
