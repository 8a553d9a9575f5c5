package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/otiai10/gosseract/v2"
)

// settings of the plug-in. The zero value is right for office pages.
type settings struct {
	// Tessdata is the folder of the language packs.
	Tessdata string `json:"tessdata,omitempty" jsonschema:"folder of the *.traineddata files; default TESSDATA_PREFIX, else where the distribution puts them"`
	// Segmentation is the engine's page segmentation mode.
	Segmentation int `json:"segmentation,omitempty" jsonschema:"page segmentation mode: 3 automatic (default), 4 one column, 6 one block, 11 sparse text"`
}

// Validate is asked by the host before settings are taken.
func (s *settings) Validate() error {
	if s.Tessdata != "" && !filepath.IsAbs(s.Tessdata) {
		return fmt.Errorf("tessdata %q is not an absolute path", s.Tessdata)
	}
	known := []int{0, 3, 4, 6, 11}
	if !slices.Contains(known, s.Segmentation) {
		return fmt.Errorf("segmentation %d is none of %v", s.Segmentation, known[1:])
	}
	return nil
}

// segmentation is the mode with its default. The library's own default (6) would
// read across columns.
func (s settings) segmentation() int {
	if s.Segmentation == 0 {
		return int(gosseract.PSM_AUTO)
	}
	return s.Segmentation
}
