// Command fault is a plug-in that misbehaves as its input or its settings say:
// it crashes, hangs, leaks, floods and lies. The tests of the host run it. As a
// filter, a recognizer and a deliverer it does what the first line of its input
// says if that begins with "do:", else what its settings say.
//
// Started under a name that begins with "lie-", it does not speak the protocol
// as it should; see lie.go.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// Settings are what all components take.
type Settings struct {
	Do       string `json:"do,omitempty" jsonschema:"what to do when the input does not say it; see deeds.go"`
	MemoryMB int    `json:"memoryMB,omitempty" jsonschema:"how much leak takes at most; default 4096"`

	Hosts []string `json:"hosts,omitempty" grant:"net" jsonschema:"hosts that it may reach"`
	Into  string   `json:"into,omitempty" grant:"write" jsonschema:"folder that it may write to"`
}

// Validate refuses what no deed is called.
func (s *Settings) Validate() error {
	if verb, _, _ := strings.Cut(s.Do, " "); s.Do != "" && deeds()[verb] == nil {
		return &sdk.SettingsError{Path: "/do", Detail: fmt.Sprintf("there is no deed called %q", verb)}
	}
	return nil
}

// netKey holds the hosts that the manifest asks for.
const netKey = "FAULT_NET"

func main() {
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case sleepArg:
			time.Sleep(5 * time.Minute)
			return
		case daemonArg:
			beDaemon()
			return
		case quitArg:
			return
		}
	}
	if lie, ok := strings.CutPrefix(filepath.Base(os.Args[0]), "lie-"); ok {
		tell(lie)
	}
	sdk.Serve(sdk.Info{Name: "fault", Version: "1.0.0", Summary: "misbehaves, for tests", License: "Apache-2.0", Engine: "none 0",
		Permissions: sdk.Permissions{Net: strings.Fields(os.Getenv(netKey))}},
		sdk.Filter(clean), sdk.Recognizer(recognize).Fingerprinted(fingerprint), sdk.Indexer(index), sdk.Deliverer(deliver))
}

func clean(ctx context.Context, r sdk.FilterRequest, s Settings) (sdk.Filtered, error) {
	f, err := misbehave(ctx, r.Image, s)
	out := sdk.Filtered{Image: f, Width: r.Width, Height: r.Height}
	switch verb, value, _ := strings.Cut(s.Do, " "); {
	case verb == "sheet" && r.Width > r.Height:
		out.Separator, out.Codes = true, []sdk.Code{{Type: "test", Value: value}}
	case verb == "show":
		out.Shown = &r.Image
	}
	return out, err
}

// index finds how many pages have text.
func index(ctx context.Context, r sdk.IndexRequest, s Settings) (sdk.Metadata, error) {
	var input sdk.File
	if len(r.Texts) > 0 {
		input = r.Texts[0]
	}
	_, err := misbehave(ctx, input, s)
	return sdk.Metadata{Fields: map[string]string{"name": r.Name, "texts": strconv.Itoa(len(r.Texts))}}, err
}

func recognize(ctx context.Context, r sdk.RecognizeRequest, s Settings) (sdk.Text, error) {
	f, err := misbehave(ctx, r.Image, s)
	if err != nil || f != nil {
		return sdk.Text{Text: orNone(f)}, err
	}
	page, err := json.Marshal(ocr.Page{Width: 100, Height: 100})
	if err != nil {
		return sdk.Text{}, err
	}
	out := sdk.File{Path: sdk.Out(ctx, "text.json"), Name: "text.json", Media: "application/json"}
	return sdk.Text{Text: out}, os.WriteFile(out.Path, page, 0o600)
}

func deliver(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
	var input sdk.File
	if len(r.Files) > 0 {
		input = r.Files[0]
	}
	_, err := misbehave(ctx, input, s)
	return sdk.Receipt{Location: "nowhere/" + r.Name, Detail: r.Key}, err
}

func orNone(f *sdk.File) sdk.File {
	if f == nil {
		return sdk.File{}
	}
	return *f
}

// misbehave does the deed that the input or the settings name.
func misbehave(ctx context.Context, input sdk.File, s Settings) (*sdk.File, error) {
	do := s.Do
	if line, ok := strings.CutPrefix(firstLine(input.Path), "do:"); ok {
		do = line
	}
	verb, arg, _ := strings.Cut(strings.TrimSpace(do), " ")
	deed, ok := deeds()[verb]
	if verb == "" || !ok {
		return nil, nil
	}
	return deed(ctx, deedCall{arg, input, s})
}

func firstLine(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 4096).ReadSlice('\n')
	return string(line)
}
