package scan

import "bytes"

// jsonText goes through a JSON text from front to back. Each of its methods takes
// one thing of the grammar (RFC 8259) and tells whether it was there. It may give
// up on valid JSON too, but never takes what is none.
type jsonText struct {
	data  []byte
	at    int
	depth int
	found members
}

// maxNesting is package json's own bound.
const maxNesting = 10000

// document takes the whole text, which has to be one object, and keeps its members.
func (t *jsonText) document() bool {
	t.space()
	if t.peek() != '{' || !t.object() {
		return false
	}
	t.space()
	return t.at == len(t.data)
}

// peek returns the next byte, 0 at the end.
func (t *jsonText) peek() byte {
	if t.at == len(t.data) {
		return 0
	}
	return t.data[t.at]
}

// skip takes c where it is next.
func (t *jsonText) skip(c byte) bool {
	if t.peek() != c {
		return false
	}
	t.at++
	return true
}

func (t *jsonText) space() {
	for t.at < len(t.data) {
		switch t.data[t.at] {
		case ' ', '\n', '\t', '\r':
			t.at++
		default:
			return
		}
	}
}

func (t *jsonText) value() bool {
	switch c := t.peek(); {
	case c == '"':
		return t.string()
	case c == '{':
		return t.object()
	case c == '[':
		return t.list(']', t.value)
	case c == '-' || isDigit(c):
		return t.number()
	}
	return t.word("null") || t.word("false") || t.word("true")
}

func (t *jsonText) word(word string) bool {
	if !bytes.HasPrefix(t.data[t.at:], []byte(word)) {
		return false
	}
	t.at += len(word)
	return true
}

func (t *jsonText) object() bool { return t.list('}', t.member) }

// list takes a bracket, items with commas between them, and the closing bracket.
func (t *jsonText) list(closing byte, item func() bool) bool {
	if t.depth++; t.depth > maxNesting {
		return false
	}
	t.at++
	t.space()
	if t.skip(closing) {
		t.depth--
		return true
	}
	for item() {
		t.space()
		if t.skip(closing) {
			t.depth--
			return true
		}
		if !t.skip(',') {
			return false
		}
		t.space()
	}
	return false
}

// member takes a name and its value. A name with escapes in it may spell one of those
// that are looked for.
func (t *jsonText) member() bool {
	start := t.at
	if t.peek() != '"' || !t.string() {
		return false
	}
	name := t.data[start:t.at]
	t.space()
	if !t.skip(':') {
		return false
	}
	t.space()
	start = t.at
	if !t.value() {
		return false
	}
	if t.depth == 1 {
		text, _ := parseString(name)
		t.found.set(text, t.data[start:t.at])
	}
	return true
}

func (t *jsonText) string() bool {
	for t.at++; t.at < len(t.data); t.at++ {
		switch c := t.data[t.at]; {
		case c == '"':
			t.at++
			return true
		case c < ' ':
			return false
		case c == '\\' && !t.escape():
			return false
		}
	}
	return false
}

// escape takes what follows a backslash but for its last byte.
func (t *jsonText) escape() bool {
	t.at++
	c := t.peek()
	if c != 'u' {
		return c != 0 && bytes.IndexByte([]byte(`"\/bfnrt`), c) >= 0
	}
	for range 4 {
		t.at++
		if c := t.peek(); !isDigit(c) && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

func (t *jsonText) number() bool {
	t.skip('-')
	if !t.skip('0') && !t.digits() {
		return false
	}
	if t.skip('.') && !t.digits() {
		return false
	}
	if t.skip('e') || t.skip('E') {
		_ = t.skip('+') || t.skip('-')
		return t.digits()
	}
	return true
}

func (t *jsonText) digits() bool {
	start := t.at
	for isDigit(t.peek()) {
		t.at++
	}
	return t.at > start
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
