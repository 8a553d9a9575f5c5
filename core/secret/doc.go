// Package secret keeps the secrets of settings sealed: in the journal, in snapshots
// and in jobs stands {"sealed": "v1:…"}, and only the call of the plug-in that needs a
// secret has it in clear.
//
// A secret is sealed with AES-256-GCM under the server's [Key]. The place of the
// secret is authenticated with it, so that a sealed secret that was copied to another
// place does not open: of a destination the setting's key and the field, of a step of a
// profile the plug-in, the component and the field.
package secret
