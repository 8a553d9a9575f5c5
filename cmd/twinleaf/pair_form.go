package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core"
	joinpair "github.com/twinleaf-scan/twinleaf/core/pair/join"
)

func newPairInit(a *app) *cobra.Command {
	var detach bool
	c := &cobra.Command{
		Use: "init", Short: "Begin a pair: makes the code with which another server joins this one", Args: exactly(0, "no arguments"),
		Long: "Makes this server, whose licence has the role 03, the primary of a pair: prints a code that is typed on\n" +
			"the other server within ten minutes, once, and waits until that has joined. Ctrl-C makes the code useless.\n" +
			"In a pair already, the same two servers form it again; that heals one that was formed half." + ofFirst,
		RunE: func(c *cobra.Command, _ []string) error { return a.initPair(c.Context(), detach) },
	}
	c.Flags().BoolVar(&detach, "detach", false, "print the code alone and do not wait")
	return c
}

func (a *app) initPair(ctx context.Context, detach bool) error {
	cl, err := a.firstServer()
	if err != nil {
		return err
	}
	var code api.PairCode
	if err := cl.Send(ctx, http.MethodPost, "pair/init", nil, &code); err != nil {
		return fmt.Errorf("begin a pair: %w", err)
	}
	if detach {
		_, err := fmt.Fprintln(a.std.out, code.Code)
		return err
	}
	fmt.Fprintf(a.std.out, "\n    %s\n\n", code.Code)
	fmt.Fprintf(a.std.err, "Type this on the other server before %s:\n\n    twinleaf pair join %s\n\n", code.Expires.Local().Format(time.TimeOnly), code.Code)
	err = a.awaitJoiner(ctx, cl)
	if errors.Is(err, context.Canceled) {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		if e := cl.Delete(stop, "pair/init"); e != nil {
			return fmt.Errorf("make the code useless: %w", e)
		}
		fmt.Fprintln(a.std.err, "the code is of no use any more")
	}
	return err
}

// Times of pair init and join.
const (
	lookAgain = 500 * time.Millisecond
	stopTime  = 5 * time.Second
	openTime  = 30 * time.Second // for the data service of a server that has joined
)

// awaitJoiner tells how far joining is until the pair is formed, or will not be.
func (a *app) awaitJoiner(ctx context.Context, cl *client.Client) error {
	told := ""
	for {
		p, err := lookAtPair(ctx, cl)
		if err != nil {
			return fmt.Errorf("wait for the other server: %w", err)
		}
		w := p.Window
		switch {
		case w == nil:
			return errors.New("the server does not wait for another one any more\nhint: was it started again? run \"twinleaf pair init\" again")
		case w.Why != nil:
			return w.Why
		case w.Stage == string(joinpair.Formed):
			_, err := fmt.Fprintf(a.std.out, "paired with %s\n", printable(w.Peer))
			return err
		}
		if now := windowSentence(*w); now != told {
			told = now
			fmt.Fprintln(a.std.err, now)
		}
		pause(ctx, lookAgain)
	}
}

// lookAtPair asks how the pair stands. A server that forms one opens its data service anew,
// which takes a moment.
func lookAtPair(ctx context.Context, cl *client.Client) (p api.Pair, err error) {
	for end := time.Now().Add(openTime); ; {
		p = api.Pair{}
		err := cl.Get(ctx, "pair", &p)
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		var problem *api.Problem
		if !errors.As(err, &problem) || problem.Status != http.StatusServiceUnavailable || time.Now().After(end) {
			return p, err
		}
		pause(ctx, lookAgain/5)
	}
}

// windowSentence says how far joining is.
func windowSentence(w api.PairWindow) string {
	who := "the other server"
	if w.Peer != "" {
		who = printable(w.Peer)
	}
	s := map[joinpair.Stage]string{
		joinpair.Waiting: "waiting for the other server …", joinpair.Proven: who + " has the code; the servers tell each other what they are …",
		joinpair.Checking: who + " and this server are compared …", joinpair.Granted: who + " stores the pair …", joinpair.Forming: "this server stores the pair …",
	}[joinpair.Stage(w.Stage)]
	if w.Wrong > 0 {
		s += fmt.Sprintf(" (%d with a wrong code)", w.Wrong)
	}
	return s
}

func newPairJoin(a *app) *cobra.Command {
	var take bool
	c := &cobra.Command{
		Use: "join CODE", Short: "Join the server that made the code; this one becomes the secondary", Args: atLeastOne("the code that \"twinleaf pair init\" shows on the other server"),
		Long: "Makes this server, whose licence has the role 04, the secondary of a pair with the server on which\n" +
			"\"twinleaf pair init\" made the code. If the two cannot be a pair, all reasons are told, on both." + ofFirst,
		Example: "  twinleaf pair join 20R00-1M7QK-4PZ83-W0T6N",
		RunE: func(c *cobra.Command, args []string) error {
			return a.joinPair(c.Context(), strings.Join(args, " "), take)
		},
	}
	c.Flags().BoolVar(&take, "take-settings", false, "let the primary's settings replace those of this server")
	return c
}

func (a *app) joinPair(ctx context.Context, code string, take bool) error {
	if _, err := joinpair.ParseCode(code); err != nil {
		f := core.AsFailure(err)
		return usage(f.Remedy, "%s", f.Detail)
	}
	cl, err := a.firstServer()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.std.err, "joining …")
	if err := cl.Send(ctx, http.MethodPost, "pair/join", api.JoinPair{Code: code, TakeSettings: take}, nil); err != nil {
		return fmt.Errorf("join the pair: %w", err)
	}
	peer, err := awaitPair(ctx, cl)
	if err != nil {
		fmt.Fprintf(a.std.err, "twinleaf: the pair is formed, but this server does not say how it stands: %s\n", printable(firstLine(err)))
		peer = "the other server"
	}
	_, err = fmt.Fprintf(a.std.out, "paired with %s\n", printable(peer))
	return err
}

// awaitPair waits until the server has opened its part of the pair, and names the other one.
func awaitPair(ctx context.Context, cl *client.Client) (string, error) {
	for end := time.Now().Add(openTime); ; {
		p, err := lookAtPair(ctx, cl)
		if err != nil {
			return "", err
		}
		if p.There != nil {
			return p.There.Name, nil
		}
		if time.Now().After(end) {
			return "", errors.New("its data service is still opening")
		}
		pause(ctx, lookAgain/5)
	}
}

func newPairLeave(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "leave", Short: "Leave the pair; this server keeps what it has", Args: exactly(0, "no arguments"),
		Long: "Takes this server out of its pair. It keeps its jobs, settings and copies, and works alone from then on.\n" +
			"Leave it on the other server too; until then that one waits for this one." + ofFirst,
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.firstServer()
			if err == nil {
				err = cl.Delete(c.Context(), "pair")
			}
			if err != nil {
				return fmt.Errorf("leave the pair: %w", err)
			}
			fmt.Fprintln(a.std.err, `run "twinleaf pair leave" on the other server, too, unless it has left already`)
			_, err = fmt.Fprintln(a.std.out, "this server is in no pair any more")
			return err
		},
	}
}
