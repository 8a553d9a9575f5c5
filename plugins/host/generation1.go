package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv1 "github.com/twinleaf-scan/twinleaf/sdk/proto/v1"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// generation1 is the frozen one: a program is one component, whose id is its kind;
// calls cannot be cancelled, errors have no code.
type generation1 struct{ rpc pluginv1.PluginClient }

func (g generation1) describe(ctx context.Context) ([]byte, error) {
	info, err := g.rpc.Info(ctx, &pluginv1.InfoRequest{})
	if err != nil {
		return nil, err
	}
	kind := sdk.Kind(info.Kind)
	op, known := translations()[kind]
	if !known {
		return nil, fmt.Errorf("a plug-in of generation 1 cannot be a %s", quote(info.Kind))
	}
	schema := json.RawMessage(info.SettingsSchema)
	if len(schema) == 0 {
		schema = json.RawMessage(`{"type":"object"}`)
	}
	if !json.Valid(schema) {
		return nil, errors.New("its settings schema is not JSON")
	}
	return json.Marshal(sdk.Manifest{
		Info:       sdk.Info{Name: info.Name, Version: info.Version, Summary: info.Summary},
		Protocol:   pluginv1.Generation,
		Components: []sdk.ComponentManifest{{ID: string(kind), Kind: kind, Ops: []string{op.op}, Schema: schema}},
	})
}

func (g generation1) validate(ctx context.Context, _ string, settings []byte) (*pluginv2.Diagnostics, error) {
	checked, err := g.rpc.CheckSettings(ctx, &pluginv1.CheckSettingsRequest{SettingsJson: settings})
	if err != nil || checked.Problem == "" {
		return &pluginv2.Diagnostics{}, err
	}
	return &pluginv2.Diagnostics{Diagnostics: []*pluginv2.Diagnostic{{Detail: checked.Problem}}}, nil
}

func (g generation1) cancel(context.Context, string) error {
	return errors.New("generation 1 knows no cancelling")
}

func (g generation1) process(ctx context.Context, job *pluginv2.Job) answer {
	t, known := translations()[sdk.Kind(job.Component)]
	if !known || t.op != job.Op {
		return answer{err: fmt.Errorf("a %s of generation 1 has no operation %s", job.Component, job.Op)}
	}
	request, err := t.request(job)
	if err != nil {
		return answer{err: err}
	}
	ran, err := g.rpc.Run(ctx, &pluginv1.RunRequest{
		InDir: job.InDir, OutDir: job.OutDir, RequestJson: request, SettingsJson: job.SettingsJson,
	})
	if err != nil {
		return answer{err: err}
	}
	if ran.Error != "" {
		return answer{refusal: &pluginv2.Error{Detail: ran.Error, Temporary: ran.Retry}}
	}
	return t.answer(ran.AnswerJson)
}

// translation turns the words of generation 2 for one operation into those of
// generation 1, and back.
type translation struct {
	op      string
	request func(*pluginv2.Job) ([]byte, error)
	answer  func([]byte) answer
}

func translations() map[sdk.Kind]translation {
	return map[sdk.Kind]translation{
		sdk.KindFilter:     {sdk.OpClean, to(filterOut), from(filteredIn)},
		sdk.KindRecognizer: {sdk.OpRecognize, to(recognizeOut), from(textIn)},
		sdk.KindDeliverer:  {sdk.OpDeliver, to(deliverOut), from(receiptIn)},
	}
}

func to[In, Out any](turn func(In) Out) func(*pluginv2.Job) ([]byte, error) {
	return func(job *pluginv2.Job) ([]byte, error) {
		var in In
		if err := json.Unmarshal(job.ArgsJson, &in); err != nil {
			return nil, err
		}
		return json.Marshal(turn(in))
	}
}

func from[In, Out any](turn func(In) Out) func([]byte) answer {
	return func(raw []byte) answer {
		var in In
		if err := json.Unmarshal(raw, &in); err != nil {
			return answer{err: fmt.Errorf("answer: %w", err)}
		}
		result, err := json.Marshal(turn(in))
		return answer{result: result, err: err}
	}
}

// The messages of generation 1, as its plug-ins know them.

type filterRequest1 struct {
	Image  string  `json:"image"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	DPI    float64 `json:"dpi"`
}

func filterOut(r sdk.FilterRequest) filterRequest1 {
	return filterRequest1{Image: r.Image.Path, Width: r.Width, Height: r.Height, DPI: r.XDPI}
}

type filtered1 struct {
	Image  string `json:"image"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Blank  bool   `json:"blank"`
}

func filteredIn(f filtered1) sdk.Filtered {
	out := sdk.Filtered{Blank: f.Blank, Width: f.Width, Height: f.Height}
	if f.Image != "" {
		image := fileIn(f.Image)
		out.Image = &image
	}
	return out
}

type recognizeRequest1 struct {
	Image     string   `json:"image"`
	DPI       float64  `json:"dpi"`
	Languages []string `json:"languages"`
}

func recognizeOut(r sdk.RecognizeRequest) recognizeRequest1 {
	return recognizeRequest1{Image: r.Image.Path, DPI: r.DPI, Languages: r.Languages}
}

type text1 struct {
	Page       string  `json:"page"`
	Confidence float64 `json:"confidence"`
	Words      int     `json:"words"`
}

func textIn(t text1) sdk.Text {
	return sdk.Text{Text: fileIn(t.Page), Confidence: t.Confidence, Words: t.Words}
}

type deliverRequest1 struct {
	Key   string           `json:"key"`
	Name  string           `json:"name"`
	Files []deliveredFile1 `json:"files"`
}

type deliveredFile1 struct {
	Path string `json:"path"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

func deliverOut(r sdk.DeliverRequest) deliverRequest1 {
	out := deliverRequest1{Key: r.Key, Name: r.Name}
	for i, f := range r.Files {
		out.Files = append(out.Files, deliveredFile1{Path: f.Path, Name: f.Name, Kind: r.Kinds[i]})
	}
	return out
}

type receipt1 struct {
	Location string `json:"location"`
}

func receiptIn(r receipt1) sdk.Receipt { return sdk.Receipt{Location: r.Location} }

// fileIn names a file of an answer; generation 1 gives no media type, the name's
// ending says it.
func fileIn(path string) sdk.File {
	media := map[string]string{
		".png": "image/png", ".tif": "image/tiff", ".tiff": "image/tiff", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
		".pnm": "image/x-portable-anymap", ".pgm": "image/x-portable-graymap", ".pbm": "image/x-portable-bitmap", ".ppm": "image/x-portable-pixmap",
		".json": "application/json",
	}[strings.ToLower(filepath.Ext(path))]
	return sdk.File{Path: path, Name: filepath.Base(path), Media: media}
}
