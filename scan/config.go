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

// config is a parsed config.yaml. It holds the nodes of the values that slotgen asks for: the
// other values are not decoded, so none of their aliases is expanded.
type config struct {
	name string // for messages

	Multiplex yaml.Node `yaml:"multiplex_profiles"`
	Gateway   struct {
		Multiplex  yaml.Node `yaml:"multiplex_profiles"`
		Standalone yaml.Node `yaml:"standalone"`
	} `yaml:"gateway"`
}

// readConfig reads config.yaml in d. A missing file is an empty one. The error quotes the
// path and gives line and column.
//
// A file without the key counts as empty and is not parsed: that would take longer than all
// other work on a profile. Every file has the key "".
func readConfig(d dir, key string) (config, error) {
	c := config{name: d.join(configFile)}
	data, err := readFile(d, configFile)
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
		err = c.parse(data)
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

// parse reads the only document. As in Python, a second document is an error, and the last of
// equal keys counts. A value of another type than slotgen looks for counts as missing.
func (c *config) parse(data []byte) error {
	l, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithV3Defaults())
	if err != nil {
		return err
	}
	var doc, more yaml.Node
	if err = l.Load(&doc); err == nil {
		err = l.Load(&more)
	}
	if err == nil {
		return fmt.Errorf("line %d, column %d: a second document", more.Line, more.Column)
	}
	if errors.Is(err, io.EOF) {
		err = doc.Load(c, yaml.WithV3Defaults(), yaml.WithUniqueKeys(false))
	}
	var bad *yaml.LoadError
	var otherTypes *yaml.LoadErrors
	switch {
	case err == nil, errors.As(err, &otherTypes):
		return nil
	case errors.As(err, &bad) && bad.Mark.Line > 0:
		return fmt.Errorf("line %d, column %d: %s", bad.Mark.Line, bad.Mark.Column, bad.Message)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
}

// toggle is a switch that may also be unset.
type toggle int

const (
	unset toggle = iota
	off
	on
)

// toggle returns the switch in a node: a boolean, or a word that parseToggle knows. Any other
// value is unset and gets a warning, which calls it by the key.
func (c *config) toggle(n *yaml.Node, key string) (toggle, string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.ShortTag() == "!!null" {
		return unset, ""
	}
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!bool" || n.ShortTag() == "!!str") {
		if t, ok := parseToggle(n.Value); ok {
			return t, ""
		}
	}
	return unset, fmt.Sprintf("reading %+q: line %d, column %d: %s is neither true nor false: taken as unset",
		c.name, n.Line, n.Column, key)
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
