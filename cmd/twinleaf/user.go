package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// roleFlag adds --role to a command. machines are the roles that people do not have.
func roleFlag(c *cobra.Command, role *string, fallback core.Role, machines ...core.Role) {
	var known []string
	for _, r := range append(machines, core.Submitter, core.Operator, core.Administrator) {
		known = append(known, string(r))
	}
	last := len(known) - 1
	c.Flags().StringVar(role, "role", string(fallback), strings.Join(known[:last], ", ")+" or "+known[last])
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp))
}

// roleOf reads a role that was typed.
func roleOf(text string) (core.Role, error) {
	r, err := core.ParseRole(text)
	if err != nil {
		return "", usage("", "%s", err)
	}
	return r, nil
}

func newUser(a *app) *cobra.Command {
	return group("user", "The people who may log in to the servers", newUserAdd(a), newUserList(a), newUserRemove(a), newUserPassword(a), newUserRole(a))
}

func newUserAdd(a *app) *cobra.Command {
	var role string
	c := &cobra.Command{
		Use: "add NAME", Short: "Add a user; asks for the password, or reads it from standard input", Args: exactly(1, "a name"),
		Long: "Adds a user. The password is asked for without being shown; in a pipe it is the first line.\n" +
			"The first user must be an administrator. From then on everybody has to say who they are.",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := roleOf(role)
			if err != nil {
				return err
			}
			return a.addUser(c.Context(), args[0], r)
		},
	}
	roleFlag(c, &role, core.Submitter)
	return c
}

func (a *app) addUser(ctx context.Context, name string, role core.Role) error {
	var users []api.User
	if err := a.get(ctx, "users", &users); err != nil {
		return fmt.Errorf("add user %s: %w", name, err)
	}
	if slices.ContainsFunc(users, func(u api.User) bool { return u.Name == name }) {
		return fmt.Errorf("there is a user %s already\nhint: change them with \"twinleaf user password\" or \"twinleaf user role\"", name)
	}
	if err := a.setUser(ctx, name, api.UserChange{Role: role}, true); err != nil {
		return fmt.Errorf("add user %s: %w", name, err)
	}
	fmt.Fprintf(a.std.out, "%s may log in as %s\n", name, role)
	if len(users) == 0 {
		fmt.Fprintf(a.std.err, "from now on everybody has to say who they are\nhint: export TWINLEAF_TOKEN=$(twinleaf login %s)\n", name)
	}
	return nil
}

// setUser changes a user; askFor says that a password belongs to it.
func (a *app) setUser(ctx context.Context, name string, change api.UserChange, askFor bool) error {
	if askFor {
		var err error
		if change.Password, err = a.newPassword(ctx, name); err != nil {
			return err
		}
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	return cl.Put(ctx, "users/"+url.PathEscape(name), change)
}

func newUserList(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Short: "List the users", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error {
		users := []api.User{}
		if err := a.get(c.Context(), "users", &users); err != nil {
			return fmt.Errorf("list the users: %w", err)
		}
		if asJSON {
			return writeJSON(a.std.out, users)
		}
		t := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tROLE\tCREATED\tCHANGED")
		for _, u := range users {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", u.Name, u.Role, u.Created.Local().Format(time.DateTime), u.Changed.Local().Format(time.DateTime))
		}
		return t.Flush()
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newUserRemove(a *app) *cobra.Command {
	return &cobra.Command{Use: "remove NAME", Short: "Remove a user; their sessions end", Args: exactly(1, "a name"), RunE: func(c *cobra.Command, args []string) error {
		return a.removeAccount(c.Context(), "user", args[0])
	}}
}

// removeAccount removes a user or a token.
func (a *app) removeAccount(ctx context.Context, what, name string) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var out api.Removed
	if err := cl.Send(ctx, http.MethodDelete, what+"s/"+url.PathEscape(name), nil, &out); err != nil {
		return fmt.Errorf("remove %s %s: %w", what, name, err)
	}
	fmt.Fprintf(a.std.out, "%s %s is removed\n", what, name)
	if out.Open {
		fmt.Fprintln(a.std.err, "there is no user or token any more: nobody has to say who they are")
	}
	return nil
}

func newUserPassword(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "password NAME", Short: "Set a user's password; their sessions end", Args: exactly(1, "a name"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.setUser(c.Context(), args[0], api.UserChange{}, true); err != nil {
				return fmt.Errorf("set the password of %s: %w", args[0], err)
			}
			_, err := fmt.Fprintf(a.std.out, "%s has a new password; their sessions have ended\n", args[0])
			return err
		},
	}
}

func newUserRole(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "role NAME ROLE", Short: "Give a user another role; their sessions end", Args: exactly(2, "a name and submitter, operator or administrator"),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := roleOf(args[1])
			if err != nil {
				return err
			}
			if err := a.setUser(c.Context(), args[0], api.UserChange{Role: r}, false); err != nil {
				return fmt.Errorf("give %s another role: %w", args[0], err)
			}
			_, err = fmt.Fprintf(a.std.out, "%s is %s now\n", args[0], r)
			return err
		},
	}
}
