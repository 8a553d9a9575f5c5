package farm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// maxName bounds the name of an answer's file, and who made it.
const maxName = 200

// accept checks an answer as a stranger's and lays its file into the call's folder. An
// answer that is refused here is no failure of the page.
func accept(a Answer, c core.RecognizeCall) (core.PageText, error) {
	if err := a.check(c); err != nil {
		return core.PageText{}, fmt.Errorf("its answer is no text: %w", err)
	}
	text := a.Text
	text.Text = core.File{Name: a.Text.Text.Name, Media: "application/json"}
	text.By = strings.ToValidUTF8(text.By[:min(len(text.By), maxName)], "")
	return text, os.WriteFile(filepath.Join(c.Dir, text.Text.Name), a.Page, 0o600)
}

func (a Answer) check(c core.RecognizeCall) error {
	if name := a.Text.Text.Name; !plain(name) {
		return fmt.Errorf("its file %.80q is no plain name", name)
	}
	if len(a.Page) == 0 || len(a.Page) > ocr.MaxJSON {
		return fmt.Errorf("it has %d bytes, at most %d are taken", len(a.Page), ocr.MaxJSON)
	}
	page, err := ocr.Decode(bytes.NewReader(a.Page), ocr.MaxJSON)
	if err != nil {
		return err
	}
	if c.Width > 0 && (page.Width != c.Width || page.Height != c.Height) {
		return fmt.Errorf("text of a page of %d x %d pixels where the image has %d x %d", page.Width, page.Height, c.Width, c.Height)
	}
	if n := page.CountWords(); a.Text.Words != n {
		return fmt.Errorf("it counts %d words where there are %d", a.Text.Words, n)
	}
	return nil
}

// plain reports whether a name is that of a file in a folder and of nothing else.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxName &&
		filepath.Base(name) == name && !strings.ContainsRune(name, 0)
}
