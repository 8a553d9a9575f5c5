package content

// StripHidden takes the invisible text out of a content stream: the show operators
// in render mode 3, and every Do that drop says so of. It gives the stream without
// them and how many operators went. What the rest paints stays where it is: a show
// operator whose width visible text after it depends on is kept.
func StripHidden(body []byte, drop func(xobject string) bool) ([]byte, int) {
	s := stripper{body: body, drop: drop}
	scan := NewScanner(body)
	for {
		op, ok := scan.Next()
		if !ok {
			break
		}
		s.step(op)
	}
	return s.apply(), len(s.cuts)
}

type stripper struct {
	body   []byte
	drop   func(string) bool
	cuts   []cut
	render int
	saved  []int
	loose  int // cuts since the last operator that sets the text position
}

// cut replaces a range of bytes.
type cut struct {
	start, end int
	by         string
}

// maxSaved bounds the stack of q; deeper ones keep the mode of their parent.
const maxSaved = 4096

func (s *stripper) step(op Op) {
	switch op.Name {
	case "q":
		if len(s.saved) < maxSaved {
			s.saved = append(s.saved, s.render)
		}
	case "Q":
		if n := len(s.saved); n > 0 {
			s.render, s.saved = s.saved[n-1], s.saved[:n-1]
		}
	case "Tr":
		if len(op.Args) == 1 && op.Args[0].Kind == Number {
			s.render = int(op.Args[0].Num)
		}
	case "BT", "ET", "Td", "TD", "Tm", "T*":
		s.loose = 0
	case "Tj", "TJ":
		s.show(op, "")
	case "'":
		s.loose = 0
		s.show(op, "T*")
	case "\"":
		s.loose = 0
		s.show(op, s.spacing(op)+"T*")
	case "Do":
		if n := len(op.Args); n > 0 && op.Args[n-1].Kind == Name && s.drop(string(op.Args[n-1].Text)) {
			s.cuts = append(s.cuts, cut{op.Start, op.End, ""})
		}
	}
}

// spacing is what the operator " does beside showing: it sets word and character spacing.
func (s *stripper) spacing(op Op) string {
	if len(op.Args) != 3 || op.Args[0].Kind != Number || op.Args[1].Kind != Number {
		return ""
	}
	return string(op.Args[0].Text) + " Tw " + string(op.Args[1].Text) + " Tc "
}

func (s *stripper) show(op Op, by string) {
	if s.render == 3 {
		s.cuts = append(s.cuts, cut{op.Start, op.End, by})
		s.loose++
		return
	}
	s.cuts = s.cuts[:len(s.cuts)-s.loose] // this text begins where that text ends
	s.loose = 0
}

func (s *stripper) apply() []byte {
	out := make([]byte, 0, len(s.body))
	pos := 0
	for _, c := range s.cuts {
		out = append(append(out, s.body[pos:c.start]...), c.by...)
		pos = c.end
	}
	return append(out, s.body[pos:]...)
}
