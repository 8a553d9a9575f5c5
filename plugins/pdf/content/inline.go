package content

// inlineImage passes an inline image, from behind BI to behind EI, and keeps its
// dictionary as operands.
func (s *Scanner) inlineImage() {
	s.args = s.args[:0]
	for {
		s.skipSpace()
		if s.pos >= len(s.b) {
			return
		}
		t, keyword := s.token()
		if keyword {
			if string(t.Text) != "ID" {
				return // broken: whatever follows is read as operators again
			}
			break
		}
		if len(s.args) < maxArgs {
			s.args = append(s.args, t)
		}
	}
	s.pos++ // the one white space behind ID
	for ; s.pos+1 < len(s.b); s.pos++ {
		if s.b[s.pos] == 'E' && s.b[s.pos+1] == 'I' && isSpace(s.b[s.pos-1]) && s.endsImage(s.pos+2) {
			s.pos += 2
			return
		}
	}
	s.pos = len(s.b)
}

// endsImage tells whether what follows an EI looks like content and not like
// more samples that happen to hold those letters.
func (s *Scanner) endsImage(pos int) bool {
	if pos < len(s.b) && !isSpace(s.b[pos]) {
		return false
	}
	for _, c := range s.b[pos:min(len(s.b), pos+16)] {
		if c >= 0x80 || c < 0x20 && !isSpace(c) {
			return false
		}
	}
	return true
}
