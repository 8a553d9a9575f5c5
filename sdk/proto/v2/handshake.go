// Package pluginv2 is generation 2 of the plug-in protocol: the generated service
// and what both sides say before it. Plug-in authors use package sdk instead.
package pluginv2

// What both sides of the handshake agree on. The cookie is no secret: it only
// tells a program that it was started by a host.
const (
	Generation  = 2
	CookieKey   = "TWINLEAF_PLUGIN"
	CookieValue = "a plug-in of twinleaf is started by its host"
	Name        = "plugin" // under which go-plugin dispenses the service

	// LeashKey in the environment, with the value "stdin", asks the plug-in to
	// exit when its standard input ends: then its host is gone.
	LeashKey = "TWINLEAF_PLUGIN_LEASH"

	// EgressKey in the environment names the unix socket of a proxy that opens
	// connections for the plug-in (HTTP CONNECT).
	EgressKey = "TWINLEAF_EGRESS"

	// MaxMessage is the largest message in bytes that either side takes.
	MaxMessage = 16 << 20
)
