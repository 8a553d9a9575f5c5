package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// The operations, by the kind of component that does them.
const (
	OpInspect   = "inspect"   // reader
	OpPage      = "page"      // reader
	OpText      = "text"      // reader
	OpClean     = "clean"     // filter
	OpRecognize = "recognize" // recognizer
	OpIndex     = "index"     // indexer
	OpAssemble  = "assemble"  // assembler
	OpDeliver   = "deliver"   // deliverer
)

// Component is one thing that a plug-in does. Make it with [Reader], [Filter],
// [Recognizer], [Indexer], [Assembler] or [Deliverer].
//
// The settings struct S of each becomes a JSON Schema: `json` names a field,
// `jsonschema` describes it, a field without omitempty or omitzero is required,
// and an unknown field is refused. Where *S has a method Validate() error, it is
// asked too.
type Component struct {
	id     string
	kind   Kind
	media  []string
	schema *jsonschema.Schema
	err    error // why it cannot be served
	check  func(settings []byte) error
	ops    map[string]operation
}

// operation does one call: JSON in, a value for JSON out.
type operation func(ctx context.Context, args, settings []byte) (any, error)

// Reader makes a component that turns documents into page images.
func Reader[S any](f ReaderFuncs[S]) Component {
	c := component[S](KindReader)
	c.media = f.Media
	add(&c, OpInspect, f.Inspect)
	add(&c, OpPage, f.Page)
	if f.Text != nil {
		add(&c, OpText, f.Text)
	}
	if len(f.Media) == 0 || f.Inspect == nil || f.Page == nil {
		c.err = fmt.Errorf("a reader needs Media, Inspect and Page")
	}
	return c
}

// Filter makes a component that looks at page images and may prepare them for recognition.
func Filter[S any](fn func(context.Context, FilterRequest, S) (Filtered, error)) Component {
	return single(KindFilter, OpClean, fn)
}

// Recognizer makes a component that reads the text of page images.
func Recognizer[S any](fn func(context.Context, RecognizeRequest, S) (Text, error)) Component {
	return single(KindRecognizer, OpRecognize, fn)
}

// Indexer makes a component that finds metadata in text.
func Indexer[S any](fn func(context.Context, IndexRequest, S) (Metadata, error)) Component {
	return single(KindIndexer, OpIndex, fn)
}

// Assembler makes a component that writes documents from pages and text.
func Assembler[S any](fn func(context.Context, Document, S) (Assembled, error)) Component {
	return single(KindAssembler, OpAssemble, func(ctx context.Context, r AssembleRequest, s S) (Assembled, error) {
		doc, err := readDocument(r.Document.Path)
		if err != nil {
			return Assembled{}, err
		}
		return fn(ctx, doc, s)
	})
}

// Deliverer makes a component that hands documents to a destination.
func Deliverer[S any](fn func(context.Context, DeliverRequest, S) (Receipt, error)) Component {
	return single(KindDeliverer, OpDeliver, fn)
}

// Named gives the component an id of its own, so that a plug-in can have several
// of one kind. Without it the id is the kind.
func (c Component) Named(id string) Component {
	c.id = id
	return c
}

func component[S any](kind Kind) Component {
	s := settingsOf[S]()
	return Component{
		id: string(kind), kind: kind, schema: s.schema, err: s.err, ops: map[string]operation{},
		check: func(raw []byte) error { _, err := s.decode(raw); return err },
	}
}

func single[In, Out, S any](kind Kind, op string, fn func(context.Context, In, S) (Out, error)) Component {
	c := component[S](kind)
	add(&c, op, fn)
	return c
}

func add[In, Out, S any](c *Component, op string, fn func(context.Context, In, S) (Out, error)) {
	s := settingsOf[S]()
	c.ops[op] = func(ctx context.Context, args, settings []byte) (any, error) {
		var in In
		if err := json.Unmarshal(args, &in); err != nil {
			return nil, fmt.Errorf("request of %s: %w", op, err)
		}
		cfg, err := s.decode(settings)
		if err != nil {
			return nil, &Error{Code: "settings", Detail: err.Error(), Remedy: `"PROGRAM describe" prints the settings that it knows`}
		}
		return fn(ctx, in, cfg)
	}
}

// Call is one call of a component, as the host makes it.
type Call struct {
	ID       string // for the log
	Op       string
	Args     []byte // JSON of the operation's request
	Settings []byte // JSON; empty: none
	Out      string // folder for the files of the answer
	Temp     string // scratch folder
	Deadline time.Time
	Logger   *slog.Logger
	Progress func(float64)
}

// Do makes one call and gives its answer as JSON. A panic of the handler comes
// back as an error. [Serve] calls it for the host; a test may call it directly.
func (c Component) Do(ctx context.Context, k Call) (answer []byte, err error) {
	op, ok := c.ops[k.Op]
	if !ok {
		return nil, Refuse("unsupported", "", "%s %q has no operation %q", c.kind, c.id, k.Op)
	}
	if !k.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, k.Deadline)
		defer cancel()
	}
	log := k.Logger
	if log == nil {
		log = slog.Default()
	}
	t := &throttle{send: k.Progress, stopped: k.Progress == nil}
	defer t.stop()
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &Error{Code: "internal", Detail: fmt.Sprintf("panic in %s: %v", k.Op, p)}
		}
	}()
	this := &call{out: k.Out, tmp: k.Temp, log: log, progress: t.progress}
	defer this.hangUp()
	out, err := op(withCall(ctx, this), k.Args, k.Settings)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// maxDocument bounds the JSON of a Document in bytes: 10,000 pages take about 15 MB.
const maxDocument = 256 << 20

func readDocument(path string) (Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return Document{}, fmt.Errorf("document to assemble: %w", err)
	}
	defer f.Close()
	var doc Document
	if err := json.NewDecoder(io.LimitReader(f, maxDocument)).Decode(&doc); err != nil {
		return Document{}, fmt.Errorf("document to assemble: %w", err)
	}
	return doc, nil
}
