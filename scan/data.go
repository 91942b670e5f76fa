package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"

	"go.yaml.in/yaml/v4"
)

const (
	// maxData is the largest data file, in bytes, maxValues the largest number of its values, with
	// what aliases repeat, and maxLevels the deepest nesting.
	maxData   = 64 << 10
	maxValues = 1000
	maxLevels = 20
	// freeMarks is the number of marks that no data file takes from the sum of all.
	freeMarks = 100
)

// readData reads the layout's data file in d, YAML or JSON. A missing file is an empty mapping. The
// error is printable, whatever the file holds.
func (o Options) readData(d dir) (map[string]any, error) {
	if o.layout.Data == "" {
		return nil, nil
	}
	data, err := readParsed(d, o.layout.Data, maxData, &d.patience.sums.configs, func(text []byte) (map[string]any, error) {
		return d.parseData(text, o.layout.Data)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]any{}, nil
	}
	if err != nil {
		return nil, failure(d.join(o.layout.Data), err)
	}
	return data, nil
}

// parseData parses a data file and takes its marks from the sum of all files.
func (d dir) parseData(text []byte, file string) (map[string]any, error) {
	count, err := countMarks(text)
	if err != nil {
		return nil, err
	}
	if !d.patience.sums.nodes.take(count - freeMarks) {
		return nil, errTooManyNodes
	}
	data, err := parseData(text, file)
	if err != nil {
		err = errors.New(Printable(err.Error()))
	}
	return data, err
}

// parseData parses the only document of a data file. A file without a document, or with null, is an
// empty mapping.
func parseData(data []byte, file string) (map[string]any, error) {
	doc, err := onlyDocument(data)
	if err != nil {
		return nil, err
	}
	if doc == nil {
		return map[string]any{}, nil
	}
	r := dataReader{file: file}
	value, err := r.value(doc, ".Data", 0)
	if err != nil {
		return nil, err
	}
	m, isMapping := value.(map[string]any)
	if value != nil && !isMapping {
		return nil, at(doc, "not a mapping of keys to values")
	}
	if m == nil {
		m = map[string]any{}
	}
	return m, nil
}

func at(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d, column %d: %s", n.Line, n.Column, fmt.Sprintf(format, args...))
}

// dataReader makes values of the nodes of one file.
type dataReader struct {
	file string
	read int
}

// value returns the value of a node. Key is the expression of a template for it.
func (r *dataReader) value(n *yaml.Node, key string, level int) (any, error) {
	r.read++
	switch {
	case r.read > maxValues:
		return nil, at(n, "more than %d values", maxValues)
	case level > maxLevels:
		return nil, at(n, "nested more than %d levels deep", maxLevels)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return r.value(n.Content[0], key, level)
	case yaml.AliasNode:
		return r.value(n.Alias, key, level+1)
	case yaml.MappingNode:
		return r.mapping(n, key, level)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if list[i], err = r.value(item, fmt.Sprintf("%s[%d]", key, i), level+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	default:
		return r.scalar(n, key)
	}
}

func (r *dataReader) mapping(n *yaml.Node, key string, level int) (any, error) {
	if tag := n.ShortTag(); tag != "!!map" {
		return nil, at(n, "no value of a template has the tag %q", tag)
	}
	m := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode || !isDataKey(name.Value) {
			return nil, at(name, "key %+q does not match ^[A-Za-z_][A-Za-z0-9_]*$", name.Value)
		}
		if _, twice := m[name.Value]; twice {
			return nil, at(name, "key %q is there twice", name.Value)
		}
		value, err := r.value(n.Content[i+1], key+"."+name.Value, level+1)
		if err != nil {
			return nil, err
		}
		m[name.Value] = value
	}
	return m, nil
}

// isDataKey reports whether a key is a plain name. Templates may print keys.
func isDataKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if c != '_' && (c|' ' < 'a' || c|' ' > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return key != ""
}

// scalar returns the value of a single word, number or text. A date is a text. The numbers are those
// that print as they are written.
func (r *dataReader) scalar(n *yaml.Node, key string) (any, error) {
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp":
		if n.Value == "" {
			return "", nil
		}
		place := fmt.Sprintf("%s:%d:%d", r.file, n.Line, n.Column)
		return NewOpaque(DataText{Text: n.Value, Key: key, Place: place}), nil
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return nil, at(n, "neither true nor false")
		}
		return b, nil
	case "!!int":
		i, err := strconv.Atoi(n.Value)
		if err != nil || strconv.Itoa(i) != n.Value {
			return nil, at(n, "a number that is not plainly decimal, or too large: put it in quotes for a text")
		}
		return i, nil
	case "!!float":
		return float(n)
	default:
		return nil, at(n, "no value of a template has the tag %+q", tag)
	}
}

// float returns a finite number. A whole one is an int.
func float(n *yaml.Node) (any, error) {
	const exact = 1 << 53
	f, err := strconv.ParseFloat(n.Value, 64)
	switch {
	case err != nil || math.IsNaN(f) || math.Abs(f) > exact:
		return nil, at(n, "a number that is not plainly decimal, or too large: put it in quotes for a text")
	case f == math.Trunc(f):
		return int(f), nil
	}
	return f, nil
}

// Opaque is a text from a data file. The volume is not trusted, and templates become scripts that
// root runs. So a closure holds the text: no fmt verb, encoder or reflection reaches a byte of it.
// The zero Opaque holds no text.
type Opaque struct{ open func() DataText }

// DataText is a text from a data file.
type DataText struct {
	// Text is never empty, and not trusted.
	Text string
	// Key is the expression of a template for the text: ".Data.name", ".Data.list[0]".
	Key string
	// Place is the file in the profile, the line and the column.
	Place string
}

// NewOpaque hides a text.
func NewOpaque(t DataText) Opaque { return Opaque{func() DataText { return t }} }

// Reveal returns the text in o. Only package render calls it, to quote the text.
func Reveal(o Opaque) DataText { return o.open() }

// Format writes a word in place of the text.
func (o Opaque) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, "(data)") }

// MarshalText returns an error.
func (o Opaque) MarshalText() ([]byte, error) { return nil, errors.New("text of a data file") }
