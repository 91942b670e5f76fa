package render

import (
	"cmp"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"

	"slotgen/internal/hint"
	"slotgen/scan"
)

// addHint adds a hint to an error of text/template, where the error's text shows the mistake.
func addHint(err error) error {
	text := err.Error()
	if isUnexpectedEOF(err) {
		return hint.Add(err, "an if, range, with, define or block before it has no {{end}}")
	}
	if _, name, found := strings.Cut(text, `: function "`); found && strings.HasSuffix(name, `" not defined`) {
		return addFunctionHint(err, strings.TrimSuffix(name, `" not defined`))
	}
	if _, name, found := strings.Cut(text, ": can't evaluate field "); found {
		name, kind, _ := strings.Cut(name, " in type ")
		return addFieldHint(err, name, kind)
	}
	return err
}

func addFunctionHint(err error, name string) error {
	if _, left := sprig.TxtFuncMap()[name]; left {
		return hint.Add(err, "sprig's %s is left out: a template comes to the same text at every pass", name)
	}
	if name == "include" {
		return hint.Add(err, `{{template "NAME" .}} puts in what a define holds`)
	}
	near := hint.DidYouMean(name, slices.Sorted(maps.Keys(Functions())))
	return hint.Add(err, "%s", cmp.Or(near, "there are sprig's functions, and shquote, execquote and required"))
}

// addFieldHint adds a hint to the error of an unknown field. In a range or with, the dot is not
// the profile.
func addFieldHint(err error, name, kind string) error {
	context := reflect.TypeFor[scan.Profile]()
	var known []string
	for _, f := range reflect.VisibleFields(context) {
		known = append(known, f.Name)
	}
	if kind != context.String() {
		if slices.Contains(known, name) {
			return hint.Add(err, "in a range or with the profile is $: $.%s", name)
		}
		return err
	}
	if near := hint.Nearest(name, known); near != "" {
		return hint.Add(err, "did you mean .%s?", near)
	}
	return hint.Add(err, "a profile has .%s", strings.Join(known, ", ."))
}

// parseColumn returns the place of the mistake in a text that does not parse. Package
// text/template reports only the line. parseColumn finds the first action at whose end the
// text up to there no longer parses, and returns its start.
func parseColumn(text string) (line, column int) {
	actions := regexp.MustCompile(`(?s){{.*?(}}|$)`).FindAllStringIndex(text, -1)
	functions := Functions()
	first := sort.Search(len(actions), func(i int) bool {
		_, err := template.New("").Funcs(functions).Parse(text[:actions[i][1]])
		return err != nil && !isUnexpectedEOF(err)
	})
	before := ""
	if len(actions) > 0 {
		before = text[:actions[min(first, len(actions)-1)][0]]
	}
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

func isUnexpectedEOF(err error) bool { return strings.HasSuffix(err.Error(), "unexpected EOF") }
