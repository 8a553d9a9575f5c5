package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/otiai10/gosseract/v2"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// kept is what a fingerprint leaves with the host for the next one, which another
// process may be asked for.
type kept struct {
	Key    string            `json:"key"`    // of all that decides what the golden page reads
	Golden string            `json:"golden"` //
	Packs  map[string]packID `json:"packs"`  // by language
	Build  packID            `json:"build"`  // the engine's library, where it is not the distribution's
}

// fingerprint says what this engine is, as closely as text can depend on it. The golden
// page is read only when something has changed since the last time, or on a deep look.
func fingerprint(_ context.Context, e *engine, r sdk.FingerprintRequest) (sdk.Fingerprint, error) {
	last := lastTime(r)
	dir, err := tessdata(settings{})
	if err != nil {
		return sdk.Fingerprint{}, sdk.Refuse(codeNoLanguage, "apt install tesseract-ocr-eng", "%v", err)
	}
	packs, err := packsIn(dir, last.Packs)
	if err != nil {
		return sdk.Fingerprint{}, sdk.Temporary(fmt.Errorf("language packs: %w", err))
	}
	lang := goldenLanguage(packs)
	if lang == "" {
		return sdk.Fingerprint{}, sdk.Refuse(codeNoLanguage, "apt install tesseract-ocr-eng", "there is no language pack in %s", dir)
	}
	build, library, err := buildOf(last.Build)
	if err != nil {
		return sdk.Fingerprint{}, sdk.Temporary(fmt.Errorf("the engine's library: %w", err))
	}
	f := sdk.Fingerprint{
		Engine: "tesseract", Version: gosseract.Version(), Libraries: libraries(), SIMD: codePath(), Data: map[string]string{},
	}
	f.Libraries[sdk.LibraryBuild] = build
	for name, p := range packs {
		f.Data[name] = p.SHA256
	}
	next := kept{Key: keyOf(f, dir, lang), Golden: last.Golden, Packs: packs, Build: library}
	if last.Key != next.Key || last.Golden == "" {
		if next.Golden, err = e.readGolden(pack{dir, lang}); err != nil {
			return sdk.Fingerprint{}, sdk.Temporary(fmt.Errorf("read the golden page: %w", err))
		}
	}
	f.Golden = next.Golden
	f.Keep, err = json.Marshal(next)
	return f, err
}

// lastTime is what the last fingerprint kept; nothing on a deep look, and nothing where
// it is not understood.
func lastTime(r sdk.FingerprintRequest) kept {
	var k kept
	if r.Deep || json.Unmarshal(r.Kept, &k) != nil {
		return kept{}
	}
	return k
}

// goldenLanguage is the language in which the golden page is read: English where it is
// installed, else the first. Empty: there is none.
func goldenLanguage(packs map[string]packID) string {
	if _, ok := packs["eng"]; ok {
		return "eng"
	}
	for _, name := range slices.Sorted(maps.Keys(packs)) {
		if isLanguage(name) {
			return name
		}
	}
	return ""
}

// keyOf changes with everything that may change the text of the golden page: program,
// libraries, code path, the packs of the language that is used.
func keyOf(f sdk.Fingerprint, dir, lang string) string {
	var b strings.Builder
	fmt.Fprintln(&b, dir, lang, f.Data[lang], f.SIMD)
	for _, file := range mapped() {
		fmt.Fprintln(&b, file)
	}
	return digest([]byte(b.String()))
}

// libraries are the versions of what decodes and recognises, e.g. leptonica 1.82.0.
func libraries() map[string]string {
	all := map[string]string{"leptonica": strings.TrimPrefix(leptonicaVersion(), "leptonica-")}
	for _, lib := range strings.Split(imageLibraries(), " : ") {
		name, version, _ := strings.Cut(strings.TrimSpace(lib), " ")
		if name != "" {
			all[name] = version
		}
	}
	return all
}
