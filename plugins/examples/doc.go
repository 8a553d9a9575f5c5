// Package examples holds plug-ins to learn from that are not written in Go. Its tests
// build them and put them through what every plug-in must keep.
package examples
