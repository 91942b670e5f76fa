package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v4"
)

const configFile = "config.yaml"

// maxConfig is the largest config.yaml that is parsed, in bytes. The parsed tree takes 300
// times as much memory, and the time for some files grows with the square of their size.
const maxConfig = 128 << 10

// maxDirectives is the largest number of %TAG directives. The parser compares each of them
// with all others.
const maxDirectives = 100

// config is a parsed config.yaml. It stays a tree of nodes: only the values that slotgen
// asks for are decoded, so no alias is expanded.
type config struct {
	root *yaml.Node
	name string // for messages
}

// readConfig reads config.yaml in d. A missing file is an empty one. The error quotes the
// path and gives line and column.
//
// A file without the key counts as empty and is not parsed: that would take longer than all
// other work on a profile. Every file has the key "".
func (r *reader) readConfig(d dir, key string) (config, error) {
	c := config{name: d.join(configFile)}
	data, err := r.read(d, configFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !mayHold(data, key) {
		return c, nil
	}
	if err == nil && len(data) > maxConfig {
		err = unusable("larger than 128 KiB")
	}
	if err == nil && bytes.Count(data, []byte("%TAG")) > maxDirectives {
		err = unusable("more than 100 %TAG directives")
	}
	if err == nil {
		c.root, err = parseYAML(data)
	}
	if err != nil {
		return c, fmt.Errorf("reading %+q: %w", c.name, err)
	}
	return c, nil
}

// mayHold reports whether YAML can have a key of plain ASCII: as plain text, in an escape of
// a quoted string, or in an encoding of two or four bytes for each character.
func mayHold(data []byte, key string) bool {
	return bytes.Contains(data, []byte(key)) || bytes.ContainsAny(data, "\\\x00")
}

// parseYAML returns the root of the only document, or nil for an empty file. As in Python, a
// second document is an error.
func parseYAML(data []byte) (*yaml.Node, error) {
	l, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithV3Defaults())
	if err != nil {
		return nil, err
	}
	var doc, more yaml.Node
	if err = l.Load(&doc); err == nil {
		err = l.Load(&more)
	}
	var bad *yaml.LoadError
	switch {
	case err == nil:
		return nil, fmt.Errorf("line %d, column %d: a second document", more.Line, more.Column)
	case errors.As(err, &bad) && bad.Mark.Line > 0:
		return nil, fmt.Errorf("line %d, column %d: %s", bad.Mark.Line, bad.Mark.Column, bad.Message)
	case !errors.Is(err, io.EOF):
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	case len(doc.Content) == 0:
		return nil, nil
	}
	return doc.Content[0], nil
}

// toggle is a switch that may also be unset.
type toggle int

const (
	unset toggle = iota
	off
	on
)

// toggle returns the switch at a path of keys: a boolean, or a word that parseToggle knows.
// Any other value is unset and gets a warning.
func (c config) toggle(keys ...string) (toggle, string) {
	budget := maxAliases
	n := lookup(c.root, keys, &budget)
	if n == nil || n.ShortTag() == "!!null" {
		return unset, ""
	}
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!bool" || n.ShortTag() == "!!str") {
		if t, ok := parseToggle(n.Value); ok {
			return t, ""
		}
	}
	return unset, fmt.Sprintf("reading %+q: line %d, column %d: %s is neither true nor false: taken as unset",
		c.name, n.Line, n.Column, strings.Join(keys, "."))
}

// parseToggle parses a switch: 1 true yes on, 0 false no off, in any letter case. A blank
// word is unset.
func parseToggle(word string) (toggle, bool) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "":
		return unset, true
	case "1", "true", "yes", "on":
		return on, true
	case "0", "false", "no", "off":
		return off, true
	}
	return unset, false
}

// maxAliases is how many aliases and merge keys one lookup follows in all. They may form a
// circle, or branch.
const maxAliases = 100

// lookup returns the node below n at a path of keys, or nil. As in Python, the last of equal
// keys counts, and a key of the mapping itself counts before a merged one.
func lookup(n *yaml.Node, keys []string, budget *int) *yaml.Node {
	if n == nil || *budget == 0 {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		*budget--
		return lookup(n.Alias, keys, budget)
	}
	if len(keys) == 0 {
		return n
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	if value := member(n, keys[0]); value != nil {
		return lookup(value, keys[1:], budget)
	}
	return lookupMerged(member(n, "<<"), keys, budget)
}

// lookupMerged looks in the mapping, or the mappings, that a merge key names.
func lookupMerged(merged *yaml.Node, keys []string, budget *int) *yaml.Node {
	if merged == nil || *budget == 0 {
		return nil
	}
	*budget--
	if merged.Kind != yaml.SequenceNode {
		return lookup(merged, keys, budget)
	}
	for _, m := range merged.Content {
		if found := lookup(m, keys, budget); found != nil {
			return found
		}
	}
	return nil
}

func member(mapping *yaml.Node, key string) *yaml.Node {
	var value *yaml.Node
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if k := mapping.Content[i]; k.Kind == yaml.ScalarNode && k.Value == key {
			value = mapping.Content[i+1]
		}
	}
	return value
}
