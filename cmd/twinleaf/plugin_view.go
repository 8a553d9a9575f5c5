package main

import (
	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// pluginView is a plug-in as the API tells it.
func pluginView(s host.Status) api.Plugin {
	p := api.Plugin{
		Name: s.Name, Version: s.Version, Summary: s.Summary, Engine: s.Engine, SHA256: s.SHA256,
		Protocol: s.Protocol, Crashes: int(s.Crashes), State: "ready", Kinds: []string{},
	}
	for _, k := range s.Kinds {
		p.Kinds = append(p.Kinds, string(k))
	}
	switch {
	case s.Problem != "":
		p.State = s.Problem
	case s.Quarantined:
		p.State = "in quarantine until " + s.Until.Local().Format("15:04:05")
	}
	return p
}
