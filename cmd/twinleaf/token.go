package main

import (
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

func newToken(a *app) *cobra.Command {
	remove := &cobra.Command{Use: "remove NAME|ID", Short: "Remove a token; it is refused from then on", Args: exactly(1, "a name or an id"), RunE: func(c *cobra.Command, args []string) error {
		return a.removeAccount(c.Context(), "token", args[0])
	}}
	return group("token", "The tokens that machines get in with", newTokenAdd(a), newTokenList(a), remove)
}

func newTokenAdd(a *app) *cobra.Command {
	var role, ends string
	c := &cobra.Command{
		Use: "add NAME", Short: "Make a token; it is printed this once", Args: exactly(1, "a name, such as that of the machine"),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := roleOf(role)
			if err != nil {
				return err
			}
			expires, err := parseEnd(ends, time.Now())
			if err != nil {
				return err
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			var made api.MadeToken
			if err := cl.Send(c.Context(), http.MethodPost, "tokens", api.NewToken{Name: args[0], Role: r, Expires: expires}, &made); err != nil {
				return fmt.Errorf("add token %s: %w", args[0], err)
			}
			fmt.Fprintf(a.std.err, "token %s (%s) for %s; it cannot be shown again\n", made.Name, made.ID, made.Role)
			_, err = fmt.Fprintln(a.std.out, made.Text)
			return err
		},
	}
	roleFlag(c, &role, core.Submitter, core.Worker)
	c.Flags().StringVar(&ends, "expires", "", "when it ends: a day such as 2030-12-31, or a time from now such as 720h (default never)")
	return c
}

// parseEnd reads a day, whose end is meant, or a time from now; "" is never.
func parseEnd(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, usage("write it like 2030-12-31, or 720h from now", "%q is no time", text)
	}
	return day.AddDate(0, 0, 1).Add(-time.Second), nil
}

func newTokenList(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Short: "List the tokens", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error {
		tokens := []api.Token{}
		if err := a.get(c.Context(), "tokens", &tokens); err != nil {
			return fmt.Errorf("list the tokens: %w", err)
		}
		if asJSON {
			return writeJSON(a.std.out, tokens)
		}
		t := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tID\tROLE\tCREATED\tEXPIRES\tUSED")
		for _, k := range tokens {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Name, k.ID, k.Role, k.Created.Local().Format(time.DateTime), timeOr(k.Expires, "never"), timeOr(k.Used, "-"))
		}
		return t.Flush()
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func timeOr(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.Local().Format(time.DateTime)
}
