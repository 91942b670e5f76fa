package render

import (
	"errors"
	"fmt"
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

// executing matches the words of text/template for the place of an error, which repeat the
// name of the file.
var executing = regexp.MustCompile(`: executing ".*?" at (<.*?>): `)

// explain returns an error with the text of one of text/template in the words of a template's
// author. It adds advice where the text shows the mistake.
func explain(text string) error {
	if isUnexpectedEOF(text) {
		return errors.New(text + ": an if, range, with, define or block before it has no {{end}}")
	}
	if _, name, found := strings.Cut(text, `: function "`); found && strings.HasSuffix(name, `" not defined`) {
		return errors.New(text + functionAdvice(strings.TrimSuffix(name, `" not defined`)))
	}
	place := executing.FindStringIndex(text)
	if _, name, found := strings.Cut(text, ": can't evaluate field "); found && place != nil {
		name, kind, _ := strings.Cut(name, " in type ")
		return errors.New(text[:place[0]] + ": no field ." + name + fieldAdvice(name, kind))
	}
	at := executing.ReplaceAllString(text, ": at $1: ")
	if _, key, found := strings.Cut(text, `: map has no entry for key "`); found && place != nil && strings.Contains(text[place[0]:place[1]], ".Data") {
		at += fmt.Sprintf(`: {{ dig "%s" DEFAULT .Data }} goes without it`, strings.TrimSuffix(key, `"`))
	}
	return errors.New(at)
}

// LacksKey reports whether a mapping has no value for a key that a template asks for.
func LacksKey(err error) bool { return strings.Contains(err.Error(), ": map has no entry for key ") }

// IsRefusal reports whether a template itself refused a profile, by fail or required.
func IsRefusal(err error) bool {
	return strings.Contains(err.Error(), "error calling fail: ") || strings.Contains(err.Error(), "error calling required: ")
}

func functionAdvice(name string) string {
	if _, left := sprig.TxtFuncMap()[name]; left {
		return fmt.Sprintf(": sprig's %s is left out, since a template comes to the same text at every pass", name)
	}
	if name == "include" {
		return `: {{template "NAME" .}} puts in what a define holds`
	}
	if near := hint.Nearest(name, slices.Sorted(maps.Keys(Functions()))); near != "" {
		return ", did you mean " + near + "?"
	}
	return ": there are sprig's functions, and shquote, execquote and required"
}

// fieldAdvice returns the advice about an unknown field. In a range or with, the dot is not the
// profile.
func fieldAdvice(name, kind string) string {
	context := reflect.TypeFor[scan.Profile]()
	var known []string
	for _, f := range reflect.VisibleFields(context) {
		known = append(known, f.Name)
	}
	if kind != context.String() {
		if slices.Contains(known, name) {
			return " here: in a range or with the profile is $, so write $." + name
		}
		return " here"
	}
	if near := hint.Nearest(name, known); near != "" {
		return ", did you mean ." + near + "?"
	}
	return ": a profile has ." + strings.Join(known, ", .")
}

// parseColumn returns the place of the mistake in a text that does not parse. Package
// text/template reports only the line. parseColumn finds the first action at whose end the
// text up to there no longer parses, and returns its start.
func parseColumn(text string) (line, column int) {
	actions := regexp.MustCompile(`(?s){{.*?(}}|$)`).FindAllStringIndex(text, -1)
	functions := Functions()
	first := sort.Search(len(actions), func(i int) bool {
		_, err := template.New("").Funcs(functions).Parse(text[:actions[i][1]])
		return err != nil && !isUnexpectedEOF(err.Error())
	})
	before := ""
	if len(actions) > 0 {
		before = text[:actions[min(first, len(actions)-1)][0]]
	}
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

func isUnexpectedEOF(text string) bool { return strings.HasSuffix(text, "unexpected EOF") }
