package sdk

import (
	"context"
	"log/slog"
)

// Component is one thing that a plug-in does. Make it with Reader, Filter,
// Recognizer, Indexer, Assembler or Deliverer.
type Component struct{}

// The constructors. S is the author's settings struct; its JSON Schema is made by
// reflection and an unknown field is refused.
func Reader[S any](ReaderFuncs[S]) Component                                               { panic("") }
func Filter[S any](func(context.Context, FilterRequest, S) (Filtered, error)) Component    { panic("") }
func Recognizer[S any](func(context.Context, RecognizeRequest, S) (Text, error)) Component { panic("") }
func Indexer[S any](func(context.Context, IndexRequest, S) (Metadata, error)) Component    { panic("") }
func Assembler[S any](func(context.Context, Document, S) (Assembled, error)) Component     { panic("") }
func Deliverer[S any](func(context.Context, DeliverRequest, S) (Receipt, error)) Component { panic("") }

// Serve runs the plug-in and never returns.
func Serve(Info, ...Component) { panic("") }

// Out is the path of a new output file; a File of an answer has Path: Out(ctx, name), Name: name.
func Out(ctx context.Context, name string) string { panic("") }

// TempDir is a scratch folder that is emptied after the call.
func TempDir(ctx context.Context) string { panic("") }

// Log writes to the server's log.
func Log(ctx context.Context) *slog.Logger { panic("") }

// Progress tells how far the call is, 0 to 1.
func Progress(ctx context.Context, fraction float64) { panic("") }

// Error is an error that the host understands. Code is one of the codes of
// package core (not-a-scan, damaged, encrypted, over-limit, dynamic-form,
// unsupported, no-language, destination) or the plug-in's own.
type Error struct {
	Code      string
	Detail    string
	Remedy    string
	Temporary bool
}

func (e *Error) Error() string { return e.Detail }

// Refuse says that the input is at fault: trying again will not help.
func Refuse(code, remedy, format string, a ...any) error { panic("") }

// Temporary says that trying again later may help.
func Temporary(err error) error { panic("") }
