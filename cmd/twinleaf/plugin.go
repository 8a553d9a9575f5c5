package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/plugins/host"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
)

// pluginFlags say where plug-ins lie; all commands of the group take them.
type pluginFlags struct {
	folder string
	store  string
	config string
	native nativeMode
	asJSON bool
}

func newPlugin(a *app) *cobra.Command {
	f := &pluginFlags{}
	c := group("plugin", "The plug-ins",
		newPluginList(a, f), newPluginDescribe(a, f), newPluginAdd(a, f), newPluginUse(a, f), newPluginRemove(a, f),
		newPluginVerify(a, f), newPluginPack(a), newPluginLock(a, f), newPluginKey(a, f),
		newPluginNew(a), newPluginTest(a),
	)
	fl := c.PersistentFlags()
	fl.StringVar(&f.folder, "plugins", "", "plug-in folder (or TWINLEAF_PLUGINS; default: beside the program)")
	fl.StringVar(&f.store, "store", "", "folder of the plug-ins that were added (or TWINLEAF_STORE; default: plugins in the data folder)")
	fl.StringVar(&f.config, "config", os.Getenv("TWINLEAF_CONFIG"), "the server's configuration, which may name both (or TWINLEAF_CONFIG)")
	return c
}

// whereabouts are the folder and the store of one set of flags.
type whereabouts struct {
	folder string
	store  *store.Store
	policy store.Policy
	wanted sandbox.Policy // of plug-ins of the store
	data   string         // of the server
	native nativeMode
}

// added finds the store alone.
func (f *pluginFlags) added() (whereabouts, error) {
	c, err := f.settings()
	if err != nil {
		return whereabouts{}, err
	}
	s, err := store.At(c.Store)
	return whereabouts{store: s, policy: store.Policy{Signed: c.Signatures == signaturesRequired}, wanted: c.Sandbox, data: c.Data, native: c.Native}, err
}

// all finds the plug-in folder too.
func (f *pluginFlags) all() (whereabouts, error) {
	p, err := f.added()
	if err != nil {
		return p, err
	}
	c, err := f.settings()
	if err != nil {
		return p, err
	}
	p.folder, err = findPlugins(c.Plugins)
	return p, err
}

// settings are those of a server's configuration that tell where plug-ins lie and
// which may run, with environment and flags over it.
func (f *pluginFlags) settings() (config, error) {
	c, err := readConfig(f.config)
	if err != nil {
		return c, err
	}
	for _, o := range []struct {
		field     *string
		env, flag string
	}{
		{&c.Data, "TWINLEAF_STATE", ""},
		{&c.Plugins, "TWINLEAF_PLUGINS", f.folder},
		{&c.Store, "TWINLEAF_STORE", f.store},
	} {
		override(o.field, os.Getenv(o.env), os.Getenv(o.env) != "")
		override(o.field, o.flag, o.flag != "")
	}
	override(&c.Data, defaultData(), c.Data == "")
	if c.Native, err = f.native.over(c.Native); err != nil {
		return c, err
	}
	return c, c.completeStore()
}

// config names both whereabouts to a host.
func (p whereabouts) config() host.Config {
	return host.Config{Dir: p.folder, Store: p.store.Dir(), Signed: p.policy.Signed, Sandbox: p.wanted, DistributionOnly: p.native == nativeOff}
}

func openPlugins(ctx context.Context, c host.Config) (list []host.Status, err error) {
	err = withTemp(func(tmp string) error {
		c.Spool, c.Workers, c.Patience = tmp, 1, time.Minute // every one is waited for
		h, err := host.Open(ctx, c)
		if err != nil {
			return fmt.Errorf("look at the plug-ins in %s: %w", c.Dir, err)
		}
		list = h.List()
		return h.Close()
	})
	return list, err
}

// describeProgram starts a program as a server would, and gives what it says.
func describeProgram(ctx context.Context, program string) (host.Description, error) {
	return describeUnder(ctx, "", program)
}

// describeUnder does so under a sandbox policy.
func describeUnder(ctx context.Context, wanted sandbox.Policy, program string) (d host.Description, err error) {
	err = withTemp(func(tmp string) error {
		d, err = host.Describe(ctx, host.Config{Spool: tmp, Sandbox: wanted}, program)
		return err
	})
	return d, err
}

func withTemp(do func(dir string) error) error {
	tmp, err := os.MkdirTemp("", "twinleaf-plugins-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w\nhint: TMPDIR names another place", err)
	}
	defer os.RemoveAll(tmp) // temporary; the system clears what stays
	return do(tmp)
}
