package core

import "iter"

// Refs gives every blob that may still be needed, some of them more than once.
// What is not among them may be deleted once it is old enough not to belong to an
// event that is being written.
//
// A job keeps its inputs until it is completed or cancelled, so that it can be retried;
// its page images only as long as a stage will ask for them; its outputs until it
// is forgotten.
func (s *State) Refs() iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for _, j := range s.jobs {
			for ref := range j.refs() {
				if ref != "" && !yield(ref) {
					return
				}
			}
		}
	}
}

func (j *job) refs() iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		if j.Cancel != nil && j.plan.State != Completed {
			return
		}
		if j.Sub != nil {
			for _, in := range j.Sub.Val.Inputs {
				if !yield(in.Ref) {
					return
				}
			}
		}
		for _, a := range j.Assembled {
			for _, out := range a.Val.Outputs {
				if !yield(out.File.Ref) {
					return
				}
			}
		}
		for n, p := range j.pages {
			if !j.pageRefs(n, p, yield) {
				return
			}
		}
	}
}

// pageRefs gives the blobs of a page: the drawn image until a whole document has
// been made from it, or in a grafted document until it is recognised; the cleaned
// one until it is recognised; the text until the document is whole. The images of a sheet
// that is left out stay, for it is read after all should there be nothing but sheets.
func (j *job) pageRefs(n int, p *pageWork, yield func(Ref) bool) bool {
	if out := j.latest(); out != nil && out.Val.lacking() == 0 {
		return true
	}
	end := j.outcome(n, p)
	ended := end == blank || end == done && p.Text != nil
	if p.Image != nil && !(ended && j.index.graft) {
		if !yield(p.Image.Val.Image.Ref) || p.Image.Val.Shown != nil && !yield(p.Image.Val.Shown.Ref) {
			return false
		}
	}
	if p.Clean != nil && p.Clean.Val.Image != nil && !ended && !yield(p.Clean.Val.Image.Ref) {
		return false
	}
	if p.Clean != nil && p.Clean.Val.Shown != nil && !j.index.graft && !yield(p.Clean.Val.Shown.Ref) {
		return false
	}
	return p.Text == nil || yield(p.Text.Val.Text.Ref)
}

// BodyRefs gives the blobs that an event of whatever type names: who has the event needs them.
func BodyRefs(b Body) []Ref {
	switch b := b.(type) {
	case JobSubmitted:
		refs := make([]Ref, len(b.Inputs))
		for i, f := range b.Inputs {
			refs[i] = f.Ref
		}
		return refs
	case Snapshot:
		return []Ref{b.State}
	}
	return ResultRefs(b)
}

// ResultRefs gives the blobs that a stage's result names.
func ResultRefs(b Body) []Ref {
	switch b := b.(type) {
	case PageRasterized:
		if b.Image.Shown != nil {
			return []Ref{b.Image.Image.Ref, b.Image.Shown.Ref}
		}
		return []Ref{b.Image.Image.Ref}
	case PageCleaned:
		var refs []Ref
		for _, f := range []*File{b.Clean.Image, b.Clean.Shown} {
			if f != nil {
				refs = append(refs, f.Ref)
			}
		}
		return refs
	case PageRecognized:
		return []Ref{b.Text.Text.Ref}
	case DocumentAssembled:
		var refs []Ref
		for _, out := range b.Outputs {
			refs = append(refs, out.File.Ref)
		}
		return refs
	}
	return nil
}
