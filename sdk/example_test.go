package sdk_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// A filter that calls a page blank when its file is tiny: a whole plug-in, with Serve
// in main instead of Do.
func ExampleFilter() {
	type Settings struct {
		Bytes int64 `json:"bytes,omitempty" jsonschema:"a page image of fewer bytes is blank"`
	}
	look := func(ctx context.Context, r sdk.FilterRequest, s Settings) (sdk.Filtered, error) {
		info, err := os.Stat(r.Image.Path)
		if err != nil {
			return sdk.Filtered{}, sdk.Temporary(err)
		}
		return sdk.Filtered{Blank: info.Size() < s.Bytes}, nil
	}
	answer, err := sdk.Filter(look).Do(context.Background(), sdk.Call{
		Op: sdk.OpClean, Args: []byte(`{"image":{"path":"go.mod"}}`), Settings: []byte(`{"bytes":1000000}`),
	})
	fmt.Println(string(answer), err)
	// Output: {"blank":true} <nil>
}

// An indexer that counts words. ctx ends when the call is cancelled or out of time.
func ExampleIndexer() {
	count := func(ctx context.Context, r sdk.IndexRequest, _ struct{}) (sdk.Metadata, error) {
		n := 0
		for i, file := range r.Texts {
			if err := ctx.Err(); err != nil {
				return sdk.Metadata{}, err
			}
			f, err := os.Open(file.Path)
			if err != nil {
				return sdk.Metadata{}, sdk.Temporary(err)
			}
			page, err := ocr.Decode(f, ocr.MaxJSON)
			f.Close()
			if err != nil {
				return sdk.Metadata{}, sdk.Refuse("damaged", "", "text of page %d: %v", i+1, err)
			}
			n += page.CountWords()
			sdk.Progress(ctx, float64(i+1)/float64(len(r.Texts)))
		}
		return sdk.Metadata{Fields: map[string]string{"words": fmt.Sprint(n)}}, nil
	}
	m, err := sdk.Describe(sdk.Info{Name: "example.words", Version: "1.0.0"}, sdk.Indexer(count))
	fmt.Println(m.Components[0].Kind, m.Components[0].Ops, err)
	// Output: indexer [index] <nil>
}

// A deliverer that may reach the address that the operator writes into its settings,
// and nothing else. Key makes the second delivery find itself done.
func ExampleHTTP() {
	type Settings struct {
		URL   string `json:"url" grant:"net" jsonschema:"where documents are sent to"`
		Token string `json:"token" secret:"true" jsonschema:"of the receiver"`
	}
	send := func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		f, err := os.Open(r.Files[0].Path)
		if err != nil {
			return sdk.Receipt{}, sdk.Temporary(err)
		}
		defer f.Close()
		post, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, f)
		if err != nil {
			return sdk.Receipt{}, sdk.Refuse("destination", "is the address right?", "%v", err)
		}
		post.Header.Set("Authorization", "Bearer "+s.Token)
		post.Header.Set("Idempotency-Key", r.Key)
		resp, err := sdk.HTTP(ctx).Do(post)
		if err != nil {
			return sdk.Receipt{}, sdk.Temporary(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			why, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // the status alone will do
			return sdk.Receipt{}, sdk.Temporary(fmt.Errorf("%s: %s", resp.Status, why))
		}
		return sdk.Receipt{Location: s.URL}, nil
	}
	m, err := sdk.Describe(sdk.Info{Name: "example.post", Version: "1.0.0"}, sdk.Deliverer(send))
	fmt.Println(m.Name, m.Components[0].ID, err)
	// Output: example.post deliverer <nil>
}
