package render

import (
	"bytes"
	"errors"
	"path"
	"sort"
	"strings"

	"slotgen/templates"
)

// source is one template file.
type source struct {
	// slotPath is the file that the template makes: "run", "log/run". A template whose base
	// name begins with "_" makes no file and holds shared blocks.
	slotPath string
	// file is the name for messages: the path in the override directory, or the slot path of
	// an embedded template.
	file     string
	text     string
	embedded bool
	// err is the reason why slotgen refuses the template, or nil.
	err error
}

func (s source) describe() string {
	if s.embedded {
		return "embedded template " + s.file
	}
	return "template " + s.file
}

func isOverride(s source) bool { return !s.embedded }

func (s source) isPartial() bool { return strings.HasPrefix(path.Base(s.slotPath), "_") }

// layer holds the sources of one level of precedence by their slot paths.
type layer map[string]source

// embeddedLayer returns the templates in the binary.
func embeddedLayer() layer {
	l := layer{}
	for slotPath, text := range templates.Slot() {
		l[slotPath] = source{slotPath: slotPath, file: slotPath, text: text, embedded: true}
	}
	return l
}

// parseColumn returns the place of the mistake in a text that does not parse. Package
// text/template reports only the line. parseColumn finds the first action at whose end the
// text up to there no longer parses, and returns its start.
func parseColumn(text string, parses func(string) error) (line, column int) {
	actions := actionsOf(text)
	first := sort.Search(len(actions), func(i int) bool {
		err := parses(text[:actions[i].end])
		return err != nil && !isUnexpectedEOF(err)
	})
	before := ""
	if len(actions) > 0 {
		before = text[:actions[min(first, len(actions)-1)].start]
	}
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

type action struct{ start, end int }

// actionsOf returns the actions in a text. The last one may lack its "}}".
func actionsOf(text string) []action {
	var actions []action
	for from := 0; ; {
		start := strings.Index(text[from:], "{{")
		if start < 0 {
			return actions
		}
		start += from
		length := strings.Index(text[start:], "}}")
		if length < 0 {
			return append(actions, action{start, len(text)})
		}
		from = start + length + len("}}")
		actions = append(actions, action{start, from})
	}
}

func isUnexpectedEOF(err error) bool { return strings.HasSuffix(err.Error(), "unexpected EOF") }

// isBlank reports whether a rendered text makes no file.
func isBlank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

var errMustRender = errors.New("renders to nothing: a service directory has to have it")
