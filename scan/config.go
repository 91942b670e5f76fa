package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const configFile = "config.yaml"

const (
	// maxConfig is the largest config.yaml that is parsed, in bytes.
	maxConfig = 256 << 10
	// maxMarks is the largest number of characters in it that may separate or mark values. One of
	// them costs the parser up to 10 microseconds and 4 KiB: it reads a list in brackets whole
	// before it begins. A megabyte of text costs it less than 1000 of them.
	maxMarks = 32_000
	marks    = ",:[]{}-?&*!'\""
	// maxDirectives is the largest number of %TAG directives. The parser compares each of them
	// with all others.
	maxDirectives = 100
)

// config holds the switches of a config.yaml.
type config struct{ multiplex, gatewayMultiplex, standalone setting }

// setting is a switch in a config.yaml. Odd is the place of a value that is not a switch, or "".
type setting struct {
	toggle toggle
	odd    string
}

// warning returns a warning about an odd value of the key in a file, or "".
func (s setting) warning(file, key string) string {
	if s.odd == "" {
		return ""
	}
	return fmt.Sprintf("reading %+q: %s: %s is neither true nor false: taken as unset", file, s.odd, key)
}

// readConfig reads config.yaml in d. A missing file is an empty one. The error quotes the
// path and gives line and column. It is errTooMuchRead or errTooManyNodes where the sums of the
// scan do not suffice.
//
// A file without the key counts as empty and is not parsed: that would take longer than all
// other work on a profile. Every file has the key "".
func readConfig(d dir, key string) (config, error) {
	c, err := readParsed(d, configFile, maxConfig, &d.patience.sums.configs, func(data []byte) (config, error) {
		if !mayHold(data, key) {
			return config{}, nil
		}
		return parseWithin(&d.patience.sums.nodes, data)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, nil
	}
	if err != nil {
		return config{}, failure(d.join(configFile), err)
	}
	return c, nil
}

// parseWithin parses a file and takes its nodes from a sum. It does not parse a file that would
// cost too much.
func parseWithin(nodes *sum, data []byte) (config, error) {
	count, err := countMarks(data)
	switch {
	case err != nil:
		return config{}, err
	case nodes.left.Load() <= 0 && count > freeNodes:
		return config{}, errTooManyNodes
	}
	c, size, err := parseConfig(data)
	if err != nil {
		size = count
	}
	if !nodes.take(size - freeNodes) {
		nodes.left.Store(0)
		return config{}, errTooManyNodes
	}
	return c, err
}

// countMarks counts the characters of YAML that may separate or mark values. It returns an error for
// a text that would cost the parser too much.
func countMarks(data []byte) (count int, err error) {
	for _, c := range data {
		if strings.IndexByte(marks, c) >= 0 {
			count++
		}
	}
	switch {
	case bytes.Count(data, []byte("%TAG")) > maxDirectives:
		return count, unusable(fmt.Sprintf("more than %d %%TAG directives", maxDirectives))
	case count > maxMarks:
		return count, unusable(fmt.Sprintf("more than %d characters that may separate values", maxMarks))
	}
	return count, nil
}

// mayHold reports whether YAML can have a key of ASCII letters: as plain text, in an escape of
// a quoted string, or in an encoding of two or four bytes for each character.
func mayHold(data []byte, key string) bool {
	return bytes.Contains(data, []byte(key)) || bytes.IndexByte(data, 0) >= 0 || hidesLetters(data)
}

// hidesLetters reports whether a backslash may stand for a letter, or for nothing at the end of a line.
func hidesLetters(data []byte) bool {
	for {
		_, after, found := bytes.Cut(data, []byte{'\\'})
		if !found || len(after) == 0 {
			return false
		}
		if strings.IndexByte("xuU\r\n \t", after[0]) >= 0 || after[0] >= utf8.RuneSelf {
			return true
		}
		data = after[1:]
	}
}

// parseConfig parses the only document, and counts its nodes. As in Python, the last of equal keys
// counts. A value of another type than slotgen looks for counts as missing. It decodes only the
// switches, so it expands no alias of the other values.
func parseConfig(data []byte) (c config, nodes int, err error) {
	doc, err := onlyDocument(data)
	if doc == nil || err != nil {
		return c, 0, err
	}
	var values struct {
		Multiplex yaml.Node `yaml:"multiplex_profiles"`
		Gateway   struct {
			Multiplex  yaml.Node `yaml:"multiplex_profiles"`
			Standalone yaml.Node `yaml:"standalone"`
		} `yaml:"gateway"`
	}
	err = doc.Load(&values, yaml.WithV3Defaults(), yaml.WithUniqueKeys(false))
	if err != nil && !errors.As(err, new(*yaml.LoadErrors)) { // which are about values of other types
		return c, 0, plainError(err)
	}
	c = config{settingOf(values.Multiplex), settingOf(values.Gateway.Multiplex), settingOf(values.Gateway.Standalone)}
	return c, countNodes(doc), nil
}

// onlyDocument returns the only document of a file, or nil where it has none. As in Python, a second
// document is an error.
func onlyDocument(data []byte) (*yaml.Node, error) {
	l, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithV3Defaults())
	if err != nil {
		return nil, err
	}
	var doc, more yaml.Node
	if err = l.Load(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		err = l.Load(&more)
	}
	switch {
	case err == nil:
		return nil, at(&more, "a second document")
	case !errors.Is(err, io.EOF):
		return nil, plainError(err)
	}
	return &doc, nil
}

// plainError returns an error of the parser without its own words for the file. It cuts a long one,
// which quotes the file.
func plainError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var bad *yaml.LoadError
	if errors.As(err, &bad) && bad.Mark.Line > 0 {
		text = fmt.Sprintf("line %d, column %d: %s", bad.Mark.Line, bad.Mark.Column, bad.Message)
	}
	const most = 200
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return errors.New(text)
}

func countNodes(n *yaml.Node) int {
	count := 1
	for _, child := range n.Content {
		count += countNodes(child)
	}
	return count
}

// toggle is a switch that may also be unset.
type toggle int

const (
	unset toggle = iota
	off
	on
)

// settingOf returns the switch in a node: a boolean, or a word that parseToggle knows. Any other
// value is odd and unset.
func settingOf(n yaml.Node) setting {
	value := &n
	if n.Kind == yaml.AliasNode {
		value = n.Alias
	}
	if value.ShortTag() == "!!null" {
		return setting{}
	}
	if value.Kind == yaml.ScalarNode && (value.ShortTag() == "!!bool" || value.ShortTag() == "!!str") {
		if t, ok := parseToggle(value.Value); ok {
			return setting{toggle: t}
		}
	}
	return setting{odd: fmt.Sprintf("line %d, column %d", value.Line, value.Column)}
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
