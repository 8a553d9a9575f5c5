package main

import (
	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// pluginView is a plug-in as the API tells it.
func pluginView(s host.Status) api.Plugin {
	p := api.Plugin{
		Name: s.Name, Version: s.Version, Summary: s.Summary, Engine: s.Engine, SHA256: s.SHA256, Digest: s.Digest, Signer: s.Signer,
		Protocol: s.Protocol, Permissions: s.Permissions, Sandbox: s.Sandbox, State: pluginState(s),
		LastProblem: s.LastProblem, LastProblemAt: s.LastProblemAt.UTC(), Size: s.Size, MemoryMB: s.MemoryMB, LimitMB: s.LimitMB,
		Calls: s.Calls, Starts: s.Starts, Crashes: s.Crashes, Hung: s.Hung, Restarts: s.Restarts, Refused: s.Refused,
		Kinds: []string{}, Processes: []api.PluginProcess{},
	}
	for _, k := range s.Kinds {
		p.Kinds = append(p.Kinds, string(k))
	}
	if s.Quarantined {
		p.Quarantine = &api.Quarantine{Until: s.Until.UTC(), Cause: s.Cause}
	}
	for _, r := range s.Processes {
		p.Processes = append(p.Processes, api.PluginProcess{
			PID: r.PID, State: string(r.State), Since: r.Since.UTC(), Started: r.Started.UTC(), Calls: r.Calls, MemoryMB: r.MemoryMB, Writes: r.Writes,
		})
	}
	return p
}

// pluginState says in a few words whether a plug-in serves.
func pluginState(s host.Status) string {
	switch {
	case s.Problem != "":
		return s.Problem
	case s.Quarantined:
		return "in quarantine until " + s.Until.Local().Format("15:04:05")
	case s.Starting:
		return "starting"
	}
	return "ready"
}
