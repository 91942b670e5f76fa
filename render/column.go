package render

import (
	"sort"
	"strings"
)

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
