package ocr

import (
	"bytes"
	"html"
	"strings"
)

// scanner cuts HTML or XHTML into tags and text. It knows just enough for hOCR:
// it never fails, skips what it does not understand, and reads each byte once.
type scanner struct {
	data []byte
	pos  int
}

// token is one piece of markup.
type token struct {
	kind tokenKind
	name string // of a tag, lower case
	raw  []byte // of text: entities not yet replaced; of a start tag: its attributes
}

type tokenKind int

const (
	textToken tokenKind = iota
	startTag
	endTag
	emptyTag // a start tag that ends itself
)

// next gives the next token, false at the end.
func (s *scanner) next() (token, bool) {
	for s.pos < len(s.data) {
		if s.data[s.pos] != '<' {
			return s.text(), true
		}
		if s.skipDeclaration() {
			continue
		}
		return s.tag(), true
	}
	return token{}, false
}

func (s *scanner) text() token {
	end := bytes.IndexByte(s.data[s.pos:], '<')
	if end < 0 {
		end = len(s.data) - s.pos
	}
	raw := s.data[s.pos : s.pos+end]
	s.pos += end
	return token{kind: textToken, raw: raw}
}

// skipDeclaration skips a comment, a doctype or a processing instruction.
func (s *scanner) skipDeclaration() bool {
	rest := s.data[s.pos:]
	closing := ""
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		closing = "-->"
	case bytes.HasPrefix(rest, []byte("<?")), bytes.HasPrefix(rest, []byte("<!")):
		closing = ">"
	default:
		return false
	}
	end := bytes.Index(rest, []byte(closing))
	if end < 0 {
		s.pos = len(s.data)
		return true
	}
	s.pos += end + len(closing)
	return true
}

func (s *scanner) tag() token {
	start := s.pos + 1
	end := start
	quote := byte(0)
	for ; end < len(s.data); end++ {
		c := s.data[end]
		if quote != 0 {
			if c == quote {
				quote = 0
			}
			continue
		}
		if c == '"' || c == '\'' {
			quote = c
			continue
		}
		if c == '>' {
			break
		}
	}
	body := s.data[start:end]
	s.pos = min(end+1, len(s.data))
	kind := startTag
	if len(body) > 0 && body[0] == '/' {
		kind, body = endTag, body[1:]
	} else if len(body) > 0 && body[len(body)-1] == '/' {
		kind, body = emptyTag, body[:len(body)-1]
	}
	n := bytes.IndexAny(body, " \t\r\n")
	if n < 0 {
		n = len(body)
	}
	return token{kind: kind, name: tagName(body[:n]), raw: body[n:]}
}

// tagName avoids an allocation for the tags that hOCR is made of.
func tagName(b []byte) string {
	switch string(b) {
	case "span":
		return "span"
	case "div":
		return "div"
	case "p":
		return "p"
	}
	return strings.ToLower(string(b))
}

// attributes calls use for each attribute of a start tag, in order.
func (t token) attributes(use func(name string, value []byte)) {
	rest := t.raw
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n/")
		n := bytes.IndexAny(rest, "= \t\r\n")
		if n <= 0 {
			return
		}
		name := rest[:n]
		rest = bytes.TrimLeft(rest[n:], " \t\r\n")
		if len(rest) == 0 || rest[0] != '=' {
			continue
		}
		var value []byte
		value, rest = attributeValue(bytes.TrimLeft(rest[1:], " \t\r\n"))
		use(string(name), value)
	}
}

func attributeValue(b []byte) (value, rest []byte) {
	if len(b) > 0 && (b[0] == '"' || b[0] == '\'') {
		end := bytes.IndexByte(b[1:], b[0])
		if end < 0 {
			return b[1:], nil
		}
		return b[1 : 1+end], b[end+2:]
	}
	end := bytes.IndexAny(b, " \t\r\n")
	if end < 0 {
		return b, nil
	}
	return b[:end], b[end:]
}

// unescape replaces entities; text without any is only copied.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '&') < 0 {
		return string(b)
	}
	return html.UnescapeString(string(b))
}
