// Package pluginv1 is generation 1 of the plug-in protocol, frozen: the generated
// service and what both sides say before it.
package pluginv1

// What both sides of the handshake agree on. The cookie is no secret: it only
// tells a program that it was started by a host.
const (
	Generation  = 1
	CookieKey   = "TWINLEAF_PLUGIN"
	CookieValue = "a plug-in of twinleaf is started by its host"
	Name        = "plugin" // under which go-plugin dispenses the service

	// LeashKey in the environment, with the value "stdin", asks the plug-in to
	// exit when its standard input ends: then its host is gone.
	LeashKey = "TWINLEAF_PLUGIN_LEASH"
)
