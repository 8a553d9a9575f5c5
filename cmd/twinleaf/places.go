package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// checkDelivered asks the host of the plug-ins whether the built-in destination may have
// its folder, by the rule that every other destination is held to.
func (c config) checkDelivered(ctx context.Context) error {
	d := c.defaults().Destinations[core.DefaultDestination]
	settings, err := json.Marshal(d.Settings)
	if err != nil {
		return fmt.Errorf("delivered: %w", err)
	}
	return withTemp(func(tmp string) error {
		how := c.host()
		how.Store = ""                                                                     // none of those that were added is needed
		how.Spool, how.Workers, how.Sparing, how.Patience = tmp, 1, true, time.Millisecond // Validate waits for the one it needs
		how.Private = append(c.private(), c.Store, c.spool())
		h, err := host.Open(ctx, how)
		if err != nil {
			return fmt.Errorf("look at the plug-ins in %s: %w", c.Plugins, err)
		}
		err = h.Validate(ctx, core.Step{Plugin: d.Plugin, Settings: settings}, sdk.KindDeliverer)
		if f, ok := errors.AsType[*core.Failure](err); ok {
			err = usage(f.Remedy, "delivered: %s", f.Detail)
		}
		return errors.Join(err, h.Close())
	})
}

// deliveredFinding tells whether documents may go where they are to go.
func deliveredFinding(ctx context.Context, c config) finding {
	var err error
	if c.Plugins, err = findPlugins(c.Plugins); err == nil {
		err = c.checkDelivered(ctx)
	}
	if err != nil {
		return fail("delivered", firstLine(err), hintOf(err))
	}
	return good("delivered", "%s", c.Delivered)
}

// addressFindings tells whether the server can have its addresses.
func addressFindings(ctx context.Context, c config) []finding {
	list := []finding{taken(ctx, c, address(c), c.webListen())}
	if f := taken(ctx, c, good("pair address", "%s", c.Pair.Listen), c.Pair.Listen); c.inPair() || f.State != "ok" {
		if !c.inPair() { // nothing listens there yet
			f.State = "warn"
		}
		list = append(list, f)
	}
	if c.Nats.Listen != "" {
		list = append(list, taken(ctx, c, good("workers' address", "%s", c.Nats.Listen), c.Nats.Listen))
	}
	return list
}

// inPair reports whether the server is in a pair.
func (c config) inPair() bool {
	dir := filepath.Join(c.Data, serverFolder)
	if _, err := os.Stat(filepath.Join(dir, "identity.json")); err != nil {
		return false // Open would make one
	}
	self, err := identity.Open(dir, c.Name, true)
	if err != nil {
		return false
	}
	formed, err := self.Formed()
	return err == nil && formed != nil
}

// taken is the finding as it is, or why nobody can listen on its address. A server that
// runs with this data folder may have it: it is the one that is meant.
func taken(ctx context.Context, c config, f finding, listen string) finding {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err == nil {
		_ = l.Close() // nobody was let in
		return f
	}
	busy := errors.Is(err, unix.EADDRINUSE)
	if busy && serverRuns(c.Data) {
		return f
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	hint := "choose an address of this machine that this user may listen on"
	if busy {
		hint = "is another server running? choose another address"
	}
	return fail(f.What, fmt.Sprintf("%s: %s", listen, err), hint)
}

// serverRuns reports whether a process has the journal of a data folder open.
func serverRuns(data string) bool {
	f, err := os.Open(filepath.Join(data, "journal", "lock"))
	if err != nil {
		return false
	}
	defer f.Close() // gives back what it may have
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
