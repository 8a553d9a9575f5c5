package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

func newLogin(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "login NAME", Short: "Log in; prints a token for the other commands", Args: exactly(1, "the name of a user"),
		Long: "Logs in and prints the session's token. It holds for half an hour on both servers of a pair;\n" +
			"what runs longer takes a token of \"twinleaf token add\".",
		Example: "  export TWINLEAF_TOKEN=$(twinleaf login ada)",
		RunE: func(c *cobra.Command, args []string) error {
			password, err := a.password(c.Context(), "Password: ")
			if err != nil {
				return err
			}
			a.token = "" // whoever was logged in before
			cl, err := a.client()
			if err != nil {
				return err
			}
			var s api.Session
			if err := cl.Send(c.Context(), http.MethodPost, "session", api.LogIn{User: args[0], Password: password}, &s); err != nil {
				return fmt.Errorf("log in as %s: %w", args[0], err)
			}
			fmt.Fprintf(a.std.err, "logged in as %s (%s) until %s\n", s.User, s.Role, s.Expires.Local().Format(time.TimeOnly))
			_, err = fmt.Fprintln(a.std.out, s.Token)
			return err
		},
	}
}

func newLogout(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End the session whose token --token or TWINLEAF_TOKEN gives", Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			return wrap("log out", cl.Delete(c.Context(), "session"))
		},
	}
}

// newPassword asks twice on a terminal, so that nobody mistypes what they cannot see.
func (a *app) newPassword(ctx context.Context, name string) (string, error) {
	first, err := a.password(ctx, "Password for "+name+": ")
	if err != nil || a.terminal() == nil {
		return first, err
	}
	second, err := a.password(ctx, "Once more: ")
	if err == nil && first != second {
		err = errors.New("the two passwords differ\nhint: try again")
	}
	return first, err
}

// password asks for one without showing it; from a pipe it is the first line.
func (a *app) password(ctx context.Context, prompt string) (string, error) {
	const most = 1 << 10
	if in := a.terminal(); in != nil {
		fmt.Fprint(a.std.err, prompt)
		defer fmt.Fprintln(a.std.err)
		return hidden(ctx, in)
	}
	line, err := bufio.NewReader(io.LimitReader(a.std.in, most)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usage("type it, or send it on standard input", "there is no password")
	}
	return line, nil
}

// hidden reads a line that is not shown. A terminal that is left with Ctrl-C shows again
// what is typed.
func hidden(ctx context.Context, in *os.File) (string, error) {
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	type typed struct {
		text []byte
		err  error
	}
	line := make(chan typed, 1)
	go func() { // reading cannot be interrupted; it ends with the program
		text, err := term.ReadPassword(int(in.Fd()))
		line <- typed{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(int(in.Fd()), before))
	case t := <-line:
		return string(t.text), t.err
	}
}

// terminal is standard input if a person sits there.
func (a *app) terminal() *os.File {
	in, ok := a.std.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	return in
}
