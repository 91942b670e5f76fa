package render

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// grammar makes random templates. A template of the same seed is the same.
type grammar struct {
	*rand.Rand
	names []string
	types map[string]reflect.Type
}

func newGrammar(seed uint64) grammar {
	types := functionTypes()
	var names []string
	for name := range types {
		names = append(names, name)
	}
	slices.Sort(names)
	return grammar{rand.New(rand.NewPCG(seed, 1)), names, types}
}

func (g grammar) oneOf(words ...string) string { return words[g.IntN(len(words))] }

// expression returns a value: data, an ordinary one, or what a function returns.
func (g grammar) expression(depth int) string {
	if depth == 0 || g.IntN(4) == 0 {
		return g.oneOf(".Data.s", "$.Data.l", ".Data.m", "$.Data", "$.Data.n", "$.Data.m.k", "$.Data.empty", "$x", "$x", ".", "$",
			`"%s%v"`, `"%c"`, `"a"`, `"k"`, `"^.*$"`, "0", "1", "-3", "2.5", "true", "nil", "(list)", "(dict)")
	}
	if g.IntN(6) == 0 {
		return "(" + g.oneOf("shquote", "execquote", "plain", "int", "toString", "toJson", "first", "list") + " " + g.expression(depth-1) + ")"
	}
	return "(" + g.call(depth) + ")"
}

// call returns a function with arguments, or a pipeline.
func (g grammar) call(depth int) string {
	name := g.names[g.IntN(len(g.names))]
	count := 1 + g.IntN(3)
	if f := g.types[name]; f != nil && !f.IsVariadic() {
		count = f.NumIn()
	}
	words := []string{name}
	for i := range count {
		arg := g.expression(depth - 1)
		if f := g.types[name]; f != nil && g.IntN(3) > 0 && i < f.NumIn() { // of the right type, mostly
			fill := ordinary(f.In(i))
			arg = fill[g.IntN(len(fill))]
		}
		words = append(words, arg)
	}
	if last := len(words) - 1; g.IntN(3) == 0 {
		return words[last] + " | " + strings.Join(words[:last], " ")
	}
	return strings.Join(words, " ")
}

// template returns a template of some actions. It defines $x first.
func (g grammar) template() string {
	var b strings.Builder
	b.WriteString(`{{ define "d" }}{{ . }}{{ end }}{{ $x := ` + g.expression(2) + " }}")
	for range 1 + g.IntN(4) {
		format := g.oneOf("{{ %s }}", "{{ $x = %s }}{{ $x }}", "{{ range %s }}{{ . }}{{ $x = . }}{{ end }}", "{{ range $k, $v := %s }}{{ $k }}{{ $v }}{{ end }}",
			"{{ with %s }}{{ . }}{{ printf `%%s %%q` . }}{{ end }}", "{{ if %s }}y{{ else }}n{{ end }}", "{{ template `d` %s }}", "{{ (%s).k }}", "{{ %s | shquote }}")
		fmt.Fprintf(&b, format, g.expression(3))
	}
	return b.String()
}

// twoTexts returns two texts of the same length, and of the same kind to every function that asks
// about a text. They have no character in common, nor with the templates of a grammar.
func twoTexts(choice []byte) [2]string {
	one, other := []rune("Zq;'\"$(<é="), []rune("Xw|\\`&{>ö!")
	texts := [2]string{";", "|"} // no plain words
	for _, c := range choice {
		i := int(c) % len(one)
		texts[0] += string(one[i])
		texts[1] += string(other[i])
	}
	return texts
}

// FuzzData renders random templates with two data. What comes out is the same for both, with a
// letter in place of the texts that the box has quoted itself.
func FuzzData(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed, []byte{byte(seed), 1, 2, 3, 4, 5, 6, 7, 8, 9})
	}
	boxes := newRooms(f)
	f.Fuzz(func(t *testing.T, seed uint64, choice []byte) {
		g, texts := newGrammar(seed), twoTexts(choice)
		boxes.data = [2]map[string]any{dataWith(texts[0]), dataWith(texts[1])}
		for range 20 {
			boxes.compare(t, g.template())
		}
	})
}
