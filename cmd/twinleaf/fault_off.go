//go:build !faults

package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// faults are what tests have fail in a program that is built with the tag faults. In this
// one nothing ever does.
type faults struct{}

func (*faults) register(*cobra.Command) {}

// begin takes what the command line has fail from the start.
func (*faults) begin(string, *slog.Logger) error { return nil }

// run switches faults while the server runs.
func (*faults) run(context.Context) {}

// web stands before the public web service.
func (*faults) web(h http.Handler) http.Handler { return h }

// data is why journal and blobs take no writes; nil: they do.
func (*faults) data() error { return nil }

// now is the server's clock.
func (*faults) now() time.Time { return time.Now() }
