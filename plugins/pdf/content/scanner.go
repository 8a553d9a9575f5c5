// Package content takes PDF content streams apart into operators with their
// operands. It knows the syntax and nothing of what the operators do; package
// source follows them over a page, package graft takes some of them out.
//
// Content comes from strangers: a scanner never fails, it skips what it cannot
// read, and each step costs time in proportion to the bytes that it passes.
package content

// Kind is the kind of a token.
type Kind uint8

// The kinds of operands.
const (
	Number Kind = iota
	String      // literal or hexadecimal
	Name
	Mark // [ ] << >> true false null and anything else
)

// Token is one operand. Text points into the scanned bytes: a name without its
// slash, a string with its delimiters.
type Token struct {
	Kind  Kind
	Num   float64
	Text  []byte
	Start int // offset in the scanned bytes
}

// Op is one operator. Args is valid until the next call of Next.
type Op struct {
	Name       string
	Args       []Token
	Start, End int // from the first operand to behind the operator
}

// maxArgs bounds the operands that are kept; the show operators of one long line
// have a few hundred.
const maxArgs = 1 << 16

// Scanner reads operators one by one.
type Scanner struct {
	b    []byte
	pos  int
	args []Token
}

// NewScanner reads b, which must not change meanwhile.
func NewScanner(b []byte) *Scanner { return &Scanner{b: b} }

// Next gives the next operator, or false at the end. An inline image is one
// operator named BI whose operands are those between BI and ID.
func (s *Scanner) Next() (Op, bool) {
	s.args = s.args[:0]
	start := -1
	for {
		s.skipSpace()
		if s.pos >= len(s.b) {
			return Op{}, false
		}
		if start < 0 {
			start = s.pos
		}
		t, keyword := s.token()
		if !keyword {
			if len(s.args) < maxArgs {
				s.args = append(s.args, t)
			}
			continue
		}
		name := string(t.Text)
		if name == "BI" {
			s.inlineImage()
		}
		return Op{Name: name, Args: s.args, Start: start, End: s.pos}, true
	}
}

// token reads what begins at a byte that is not white space. keyword tells that
// it is an operator.
func (s *Scanner) token() (t Token, keyword bool) {
	start := s.pos
	switch c := s.b[s.pos]; c {
	case '(':
		s.literal()
		return Token{Kind: String, Text: s.b[start:s.pos], Start: start}, false
	case '<':
		if s.peek(1) == '<' {
			s.pos += 2
			return Token{Kind: Mark, Text: s.b[start:s.pos], Start: start}, false
		}
		s.hex()
		return Token{Kind: String, Text: s.b[start:s.pos], Start: start}, false
	case '>':
		s.pos++
		if s.pos < len(s.b) && s.b[s.pos] == '>' {
			s.pos++
		}
		return Token{Kind: Mark, Text: s.b[start:s.pos], Start: start}, false
	case '[', ']', '{', '}', ')':
		s.pos++
		return Token{Kind: Mark, Text: s.b[start:s.pos], Start: start}, false
	case '/':
		s.pos++
		s.regular()
		return Token{Kind: Name, Text: s.b[start+1 : s.pos], Start: start}, false
	}
	s.regular()
	text := s.b[start:s.pos]
	if n, ok := number(text); ok {
		return Token{Kind: Number, Num: n, Text: text, Start: start}, false
	}
	switch string(text) {
	case "true", "false", "null":
		return Token{Kind: Mark, Text: text, Start: start}, false
	}
	return Token{Kind: Mark, Text: text, Start: start}, true
}

func (s *Scanner) peek(n int) byte {
	if s.pos+n < len(s.b) {
		return s.b[s.pos+n]
	}
	return 0
}

// skipSpace passes white space and comments.
func (s *Scanner) skipSpace() {
	for s.pos < len(s.b) {
		c := s.b[s.pos]
		if c == '%' {
			for s.pos < len(s.b) && s.b[s.pos] != '\n' && s.b[s.pos] != '\r' {
				s.pos++
			}
			continue
		}
		if !isSpace(c) {
			return
		}
		s.pos++
	}
}

// regular passes a run of regular characters.
func (s *Scanner) regular() {
	for s.pos < len(s.b) && !isSpace(s.b[s.pos]) && !isDelimiter(s.b[s.pos]) {
		s.pos++
	}
}

// literal passes a string in parentheses.
func (s *Scanner) literal() {
	depth := 0
	for s.pos < len(s.b) {
		c := s.b[s.pos]
		s.pos++
		switch c {
		case '\\':
			if s.pos < len(s.b) {
				s.pos++
			}
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				return
			}
		}
	}
}

// hex passes a string in angle brackets.
func (s *Scanner) hex() {
	for s.pos < len(s.b) {
		c := s.b[s.pos]
		s.pos++
		if c == '>' {
			return
		}
	}
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isDelimiter(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}
