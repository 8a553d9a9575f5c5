package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

func newPairStatus(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "status", Short: "Show how the pair stands", Args: exactly(0, "no arguments"),
		Long: "Shows how the pair stands, as the first server of --server that answers sees it. The exit code is 0 while\n" +
			"both servers work, what is taken is on both, and they are at parity; it is 1 otherwise, and for a server in no\n" +
			"pair. The last lines say what is wrong.",
		RunE: func(c *cobra.Command, _ []string) error {
			var p api.Pair
			if err := a.get(c.Context(), "pair", &p); err != nil {
				return fmt.Errorf("show the pair: %w", err)
			}
			var err error
			if asJSON {
				err = writeJSON(a.std.out, p)
			} else {
				err = describePair(a.std.out, p, time.Now(), coloured(a.std.out))
			}
			if err == nil && len(pairTroubles(p)) > 0 {
				err = &worstError{exitFailed}
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// coloured reports whether a person looks who has nothing against colours.
func coloured(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}

// Colours of words that say how something is.
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	plains = "\x1b[0m"
)

// table is what describePair has to say: a name and up to two columns in each row.
type table struct {
	rows   [][]string
	colour bool
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// write lays the columns out; colours take no room.
func (t *table) write(w io.Writer) error {
	var widths [3]int
	for _, r := range t.rows {
		for i, cell := range r[:len(r)-1] {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, r := range t.rows {
		for i, cell := range r {
			b.WriteString(t.paint(cell))
			if i < len(r)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// paint colours a cell by its first word.
func (t *table) paint(cell string) string {
	if !t.colour {
		return cell
	}
	word, _, _ := strings.Cut(cell, " ")
	switch strings.Trim(word, ",;:()") {
	case "up", "active", "protected", "at", "well":
		return green + cell + plains
	case "standby", "unknown", "draining", "maintenance":
		return yellow + cell + plains
	case "down", "unprotected", "not", "trouble":
		return red + cell + plains
	}
	return cell
}

// describePair tells a pair for people: the servers side by side, then what is between
// them, then what is wrong.
func describePair(w io.Writer, p api.Pair, now time.Time, colour bool) error {
	if !p.Paired || p.Here == nil || p.There == nil {
		_, err := fmt.Fprintln(w, "this server is in no pair")
		return err
	}
	servers := &table{colour: colour}
	describeServers(servers, p.Here, p.There, now)
	between := &table{colour: colour}
	describeBetween(between, p, now)
	if err := servers.write(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return between.write(w)
}

func describeServers(t *table, here, there *api.PairServer, now time.Time) {
	both := func(what string, tell func(*api.PairServer) string) { t.row(what, tell(here), tell(there)) }
	t.row("", "HERE", "THERE")
	both("server", func(s *api.PairServer) string { return printable(s.Name) + " (" + s.Role + ")" })
	both("id", func(s *api.PairServer) string { return printable(s.ID) })
	both("address", func(s *api.PairServer) string { return printable(s.URL) })
	both("web service", func(s *api.PairServer) string { return itemWords(s.Web) })
	both("data service", func(s *api.PairServer) string { return itemWords(s.Data) })
	both("mode", func(s *api.PairServer) string { return itemWords(s.Mode) })
	both("own jobs", func(s *api.PairServer) string { return phaseWords(s.Phase) })
	both("jobs of the other", func(s *api.PairServer) string { return standWords(s.Stand) })
	if !here.Since.IsZero() || !there.Since.IsZero() {
		both("since", func(s *api.PairServer) string {
			if s.Since.IsZero() {
				return "-"
			}
			return moment(s.Since, now)
		})
	}
	if here.Cause != "" || there.Cause != "" {
		both("because", func(s *api.PairServer) string {
			if s.Cause == "" {
				return "-"
			}
			return printable(s.Cause) + ": " + causeWords(s.Cause)
		})
	}
	both("epoch", func(s *api.PairServer) string { return fmt.Sprint(s.Epoch) })
	both("licence", func(s *api.PairServer) string { return licenseWords(s.License) })
	heard := "not since the start"
	if !there.Heard.IsZero() {
		heard = since(there.Heard, now)
	}
	t.row("heard", "-", heard)
}

func describeBetween(t *table, p api.Pair, now time.Time) {
	if l := p.Link; l != nil {
		words := "protected: what is taken here is on the other server too"
		if !l.Protected {
			words = "unprotected: what is taken here is on this server only"
		}
		if !l.Unprotected.IsZero() {
			words += ", since " + moment(l.Unprotected, now)
		}
		t.row("pair "+printable(p.ID), words)
		t.row("lag", counted(int(l.Lag), "event"))
		t.row("clocks", (time.Duration(l.SkewMS)*time.Millisecond).Abs().String()+" apart")
	}
	if r := p.Parity; r != nil {
		t.row("parity", parityWords(r, now))
	}
	if w := p.Worker; w != nil {
		t.row("reads pages", workerWords(*w))
	}
	if p.Withheld > 0 {
		t.row("withheld", counted(p.Withheld, "job")+" of the other server, until the servers are at parity or it has its jobs back")
	}
	t.row("sessions", fmt.Sprintf("%d open here", p.Sessions))
	if o := p.Takeover; o != nil {
		words := fmt.Sprintf("epoch %d, %s: jobs of %s, because %s", o.Epoch, moment(o.At, now), nameOfServer(p, o.Of), causeWords(o.Cause))
		if o.Back {
			words += "; handed back"
		}
		t.row("last takeover", words)
	}
	if f := p.First; f != nil {
		t.row("first job there", fmt.Sprintf("%s, %s", printable(string(f.Job)), moment(f.At, now)))
	}
	for i, e := range p.Events {
		name := ""
		if i == 0 {
			name = "lately"
		}
		t.row(name, eventWords(e, now))
	}
	troubles := pairTroubles(p)
	if len(troubles) == 0 {
		t.row("verdict", "well")
	}
	for _, what := range troubles {
		t.row("trouble", what)
	}
}

func parityWords(r *api.PairParity, now time.Time) string {
	words := "at parity"
	switch {
	case r.Checked.IsZero():
		return "unknown, the servers were not compared yet"
	case !r.At:
		words = "not at parity, " + counted(r.Differences, "difference")
	}
	if r.Warnings > 0 {
		words += ", " + counted(r.Warnings, "warning")
	}
	return words + ", compared " + moment(r.Checked, now)
}

func eventWords(e api.PairEvent, now time.Time) string {
	words := moment(e.At, now) + "  " + printable(e.What)
	if e.Cause != "" {
		words += ", " + printable(e.Cause)
	}
	if e.Epoch > 0 {
		words += fmt.Sprintf(", epoch %d", e.Epoch)
	}
	if e.Detail != "" {
		words += ": " + printable(e.Detail)
	}
	return words
}

// nameOfServer is what people call a server of the pair.
func nameOfServer(p api.Pair, id string) string {
	for _, s := range []*api.PairServer{p.Here, p.There} {
		if s.ID == id {
			return printable(s.Name)
		}
	}
	return printable(id)
}

// workerWords tell what the other server reads for this one.
func workerWords(w api.PairWorker) string {
	words := fmt.Sprintf("the other server has %d of the %s that it takes at once, and has read %d", w.Busy, counted(w.Slots, "page"), w.Pages)
	if w.Problem != "" {
		words += fmt.Sprintf("; %s read here instead, the last because %s", counted(int(w.Failures), "page"), printable(w.Problem))
	}
	return words
}
