package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// inputs are the files of a call in the process's in folder.
type inputs struct {
	slot  *slot
	paths map[string]string // outside path to path in the slot
}

// add places a source, once however often it is named.
func (in *inputs) add(s core.Source) (sdk.File, error) {
	f := sdk.File{Path: in.paths[s.Path], Name: s.Name, Media: s.Media, SHA256: string(s.Ref)}
	if f.Path != "" {
		return f, nil
	}
	var err error
	if f.Path, err = in.slot.place(s.Path, s.Name); err != nil {
		return sdk.File{}, err
	}
	in.paths[s.Path] = f.Path
	return f, nil
}

// addIf places a source that need not be there.
func (in *inputs) addIf(s *core.Source) (*sdk.File, error) {
	if s == nil {
		return nil, nil
	}
	f, err := in.add(*s)
	return &f, err
}

// outside is the source that was placed at path; empty if none was.
func (in *inputs) outside(path string) string {
	for from, to := range in.paths {
		if to == path {
			return from
		}
	}
	return ""
}

// outputs takes the files of an answer.
type outputs struct {
	slot   *slot
	placed *inputs
	dir    string
	limit  int64
}

// file brings a file of an answer into the call's folder. A plug-in may answer with
// one of its inputs, unchanged.
func (o *outputs) file(f sdk.File) (core.File, error) {
	if o.dir == "" {
		return core.File{}, errors.New("the call has no folder for files")
	}
	name := baseName(f.Name, f.Path)
	to := filepath.Join(o.dir, name)
	if _, err := os.Lstat(to); err == nil {
		return core.File{}, fmt.Errorf("two files are called %s", quote(name))
	}
	var err error
	if source := o.placed.outside(f.Path); source != "" {
		err = linkOrCopy(source, to)
	} else {
		err = o.slot.take(f.Path, to, o.limit)
	}
	if err != nil {
		return core.File{}, err
	}
	return core.File{Name: name, Media: brief(f.Media)}, nil
}

func (o *outputs) fileIf(f *sdk.File) (*core.File, error) {
	if f == nil {
		return nil, nil
	}
	out, err := o.file(*f)
	return &out, err
}
