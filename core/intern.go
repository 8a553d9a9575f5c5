package core

// interner keeps one copy of strings that come back with every page: media types
// and names of plug-ins. It is bounded, for its strings come from plug-ins.
type interner struct{ seen map[string]string }

const maxInterned = 4096

func (in *interner) one(s *string) {
	if *s == "" {
		return
	}
	if in.seen == nil {
		in.seen = map[string]string{}
	}
	if same, ok := in.seen[*s]; ok {
		*s = same
	} else if len(in.seen) < maxInterned {
		in.seen[*s] = *s
	}
}

// body interns the strings of an event about one page.
func (in *interner) body(b Body) Body {
	switch b := b.(type) {
	case PageRasterized:
		in.image(&b.Image)
		return b
	case PageCleaned:
		in.one(&b.Clean.By)
		return b
	case PageRecognized:
		in.text(&b.Text)
		return b
	}
	return b
}

func (in *interner) image(i *PageImage) {
	in.one(&i.By)
	in.one(&i.Image.Media)
}

func (in *interner) text(t *PageText) {
	in.one(&t.By)
	in.one(&t.Text.Media)
	in.one(&t.Text.Name)
}
