package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// codeNoLanguage is core's code for a missing language pack.
const codeNoLanguage = "no-language"

// maxLanguages bounds a request: each language makes recognition slower.
const maxLanguages = 16

// tessdata finds the folder of the language packs: the settings', the
// environment's, or the first that distributions use.
func tessdata(s settings) (string, error) {
	if s.Tessdata != "" {
		return s.Tessdata, nil
	}
	if dir := os.Getenv("TESSDATA_PREFIX"); dir != "" {
		return dir, nil
	}
	for _, pattern := range []string{"/usr/share/tesseract-ocr/5*/tessdata", "/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata"} {
		found, err := filepath.Glob(pattern)
		if err == nil && len(found) > 0 {
			return found[0], nil
		}
	}
	return "", errors.New("no folder of Tesseract language packs was found")
}

// checkLanguages refuses languages whose packs are not in dir.
func checkLanguages(dir string, languages []string) error {
	if len(languages) == 0 || len(languages) > maxLanguages {
		return sdk.Refuse(codeNoLanguage, "name one to three languages, e.g. --lang eng+deu",
			"%d languages were asked for, 1 to %d are possible", len(languages), maxLanguages)
	}
	for _, l := range languages {
		if !isLanguage(l) {
			return sdk.Refuse(codeNoLanguage, `languages have names such as eng, deu or chi_sim; "tesseract --list-langs" prints those installed`,
				"%q is not the name of a language", l)
		}
		if _, err := os.Stat(filepath.Join(dir, l+".traineddata")); err != nil {
			return sdk.Refuse(codeNoLanguage, remedy(l), "the language pack %q is not installed in %s", l, dir)
		}
	}
	return nil
}

// isLanguage keeps paths out: a name is letters, digits and underscores, with
// script/ before it where a pack covers a script. Packs that only help the engine
// with the layout are no languages.
func isLanguage(name string) bool {
	name = strings.TrimPrefix(name, "script/")
	if name == "" || len(name) > 64 || name == "osd" || name == "equ" {
		return false
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

func remedy(language string) string {
	if strings.HasPrefix(language, "script/") {
		return `"apt-cache search tesseract-ocr-script" lists the packages of scripts`
	}
	return fmt.Sprintf("apt install tesseract-ocr-%s", strings.ReplaceAll(strings.ToLower(language), "_", "-"))
}
