package main

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/console/client"
)

func newPair(a *app) *cobra.Command {
	return group("pair", "Two servers that stand in for each other",
		newPairInit(a), newPairJoin(a), newPairLeave(a), newPairStatus(a),
		newPairOrder(a, "takeover", "take over", "Take over the other server's jobs",
			"Has this server take over the jobs of the other one. That goes by itself when the other server cannot\n"+
				"work, unless the configuration leaves it to people (pair.takeover: manual). A server that is well is asked to\n"+
				"stop first, so no page is worked on twice."),
		newPairOrder(a, "handback", "hand back", "Give the other server its jobs back",
			"Gives the other server its jobs back. That goes by itself as soon as the other server works again; by hand\n"+
				"it ends what \"twinleaf pair takeover\" began."),
		newPairMaintenance(a), newPairSync(a),
	)
}

// firstServer is a client of the first server that the flags name: what is asked of one
// server must not go to the other one because the first does not answer.
func (a *app) firstServer() (*client.Client, error) {
	one := *a
	one.server, _, _ = strings.Cut(cmp.Or(a.server, os.Getenv("TWINLEAF_SERVER"), defaultServer), ",")
	return one.client()
}

// ofFirst ends the help of the commands that go to one server.
const ofFirst = "\n\nIt goes to the first server of --server and to no other."

func newPairOrder(a *app, order, verb, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: order, Short: short, Long: long + ofFirst, Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.orderPair(c, verb, order, nil)
		},
	}
}

func newPairMaintenance(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "maintenance on|off", Short: "Put this server into maintenance, or end it",
		Long: "In maintenance a server works on nothing and takes no jobs: the other one does, and takes over what is\n" +
			"open. The command comes back when that is done, after two seconds at most; then the server may be stopped,\n" +
			"upgraded and started. It stays in maintenance until \"off\", over any restart." + ofFirst,
		ValidArgs: []string{"on", "off"},
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "on" && args[0] != "off" {
				return usage("see "+c.CommandPath()+" --help", "%s takes on or off", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return a.orderPair(c, "maintenance "+args[0], "maintenance", api.Maintenance{On: args[0] == "on"})
		},
	}
}

// orderPair asks the server for something and tells how the pair stands then.
func (a *app) orderPair(c *cobra.Command, verb, resource string, in any) error {
	cl, err := a.firstServer()
	if err != nil {
		return err
	}
	var p api.Pair
	if err := cl.Send(c.Context(), http.MethodPost, "pair/"+resource, in, &p); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	for _, s := range []*api.PairServer{p.Here, p.There} {
		if s != nil {
			fmt.Fprintln(a.std.out, pairSentence(s))
		}
	}
	return nil
}
