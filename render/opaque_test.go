package render

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/template"

	"slotgen/internal/testenv"
	"slotgen/scan"
)

// dataWith returns data that hold a secret in every place. Two of them differ in the secret alone.
func dataWith(secret string) map[string]any {
	hide := func(key string) scan.Opaque {
		return scan.NewOpaque(scan.DataText{Text: secret, Key: key, Place: "t.yaml:1:1"})
	}
	return map[string]any{
		"s": hide(".Data.s"), "n": 65, "f": 1.5, "b": true, "nil": nil, "empty": "",
		"l": []any{hide(".Data.l[0]"), []any{hide(".Data.l[1][0]")}},
		"m": map[string]any{"k": hide(".Data.m.k"), "m": map[string]any{"k": hide(".Data.m.m.k")}},
	}
}

// secrets returns two texts that differ in every byte, and that no shell takes as a word.
func secrets() [2]string { return [2]string{`Zq;'"$(%<é=~`, `Xw|"'` + "`&{>ö!^"} }

// rooms renders one template at a time with two data, and compares the results.
type rooms struct {
	parser *template.Template
	boxes  [2]*box
	data   [2]map[string]any
}

func newRooms(t testing.TB) *rooms {
	t.Helper()
	r := &rooms{parser: template.New("").Option("missingkey=error").Funcs(Functions())}
	for i, secret := range secrets() {
		b, err := newBox(template.New("").Option("missingkey=error").Funcs(Functions()))
		if err != nil {
			t.Fatal(err)
		}
		r.boxes[i], r.data[i] = b, dataWith(secret)
	}
	return r
}

// render returns the output, where data that shquote or execquote has quoted is a Q, and the error.
func (r *rooms) render(i int, text string) (string, string) {
	b := r.boxes[i]
	parsed, err := r.parser.New("t").Parse(text)
	if err != nil {
		return "", "parsing: " + err.Error()
	}
	for _, t := range parsed.Templates() {
		tree := t.Copy()
		addSinks(tree.Root)
		if _, err := b.root.AddParseTree(t.Name(), tree); err != nil {
			return "", err.Error()
		}
	}
	p := coder()
	p.Data = r.data[i]
	f, _, err := b.render(file{Origin: Origin{Path: "t"}}, p)
	if err != nil {
		return "", err.Error()
	}
	out := string(f.Data)
	for _, s := range slices.Backward(b.spans) {
		out = out[:s.start] + "Q" + out[s.end:]
	}
	return out, ""
}

// compare renders a template with both data. It reports a template whose output or error differs.
func (r *rooms) compare(t *testing.T, text string) (out string) {
	t.Helper()
	var outs, errs [2]string
	for i := range outs {
		outs[i], errs[i] = r.render(i, text)
	}
	if outs[0] != outs[1] || errs[0] != errs[1] || strings.Contains(outs[0], mark) {
		t.Errorf("%s: the data shows:\n%q %q\n%q %q", text, outs[0], errs[0], outs[1], errs[1])
	}
	return outs[0]
}

// builtins names the functions of text/template.
func builtins() []string {
	return strings.Fields("and call html index slice js len not or print printf println urlquery eq ge gt le lt ne")
}

// dataArguments returns expressions for the data.
func dataArguments() []string {
	return []string{".Data.s", ".Data.l", ".Data.m", "(shquote .Data.s)", "."}
}

// ordinary returns expressions for a parameter of that type.
func ordinary(param reflect.Type) []string {
	switch param.Kind() {
	case reflect.String:
		return []string{`"%s"`, `"a"`}
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Float64:
		return []string{"1"}
	case reflect.Bool:
		return []string{"true"}
	case reflect.Map:
		return []string{`(dict "a" "b")`}
	case reflect.Slice:
		return []string{`(list "a" 1)`}
	default:
		return []string{`"a"`, "2", `(list "a" 1)`, `(dict "k" "b")`, "nil"}
	}
}

// calls returns calls of a function with data in each place of its arguments.
func calls(name string, f reflect.Type, dataArguments []string) (all [][]string) {
	count := 3
	param := func(int) reflect.Type { return reflect.TypeFor[any]() }
	if f != nil {
		count = f.NumIn()
		param = func(i int) reflect.Type {
			if f.IsVariadic() && i >= f.NumIn()-1 {
				return f.In(f.NumIn() - 1).Elem()
			}
			return f.In(i)
		}
		if f.IsVariadic() {
			count += 2
		}
	}
	for length := 1; length <= count; length++ {
		for place := range length {
			for _, data := range dataArguments {
				for variant := range 2 {
					args := []string{name}
					for i := range length {
						fill := ordinary(param(i))
						arg := fill[(variant+i)%len(fill)]
						if i == place {
							arg = data
						}
						args = append(args, arg)
					}
					all = append(all, args)
				}
			}
		}
	}
	return all
}

// forms returns templates that print what a call returns, on several ways.
func forms(call []string) []string {
	direct, last := strings.Join(call, " "), len(call)-1
	texts := []string{
		"{{ %s }}", "{{ $x := %s }}{{ $x }}", "{{ range %s }}{{ . }}{{ end }}", "{{ with %s }}{{ . }}{{ end }}",
		`{{ define "d" }}{{ . }}{{ end }}{{ template "d" (%s) }}`, `{{ (%s) | toString | trunc 4 }}`, `{{ (%s) | printf "%%v" | b64enc }}`,
		`{{ (%s) | first | toString | upper }}`, `{{ range $k, $v := %s }}{{ $k }}{{ $v }}{{ end }}`, `{{ if %s }}y{{ end }}`,
		`{{ (%s) | toJson }}`, `{{ fail (print (%s)) }}`, `{{ (%s).k }}`, `{{ index (%s) "k" }}`, `{{ printf "%%#v %%T %%x %%q %%p" (%[1]s) (%[1]s) }}`,
		`{{ printf "%%s%%d%%q" (%s) 1 2 }}`,
	}
	for i := range texts {
		texts[i] = fmt.Sprintf(texts[i], direct)
	}
	return append(texts, fmt.Sprintf("{{ %s | %s }}", call[last], strings.Join(call[:last], " ")))
}

// functionTypes returns the types of all functions, nil for those of text/template.
func functionTypes() map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for name, f := range Functions() {
		types[name] = reflect.TypeOf(f)
	}
	for _, name := range builtins() {
		types[name] = nil
	}
	return types
}

// Every function gets data in every place of its arguments. Whatever comes out is the same for two
// different data.
func TestNoFunctionGivesDataAway(t *testing.T) {
	t.Parallel()
	testenv.NeedTime(t, "renders 40,000 templates twice")
	r, printed, turn, types := newRooms(t), 0, 0, functionTypes()
	for _, name := range slices.Sorted(maps.Keys(types)) {
		for _, call := range calls(name, types[name], dataArguments()) {
			texts := forms(call)
			for range 4 { // each form of every function has its turn
				turn++
				if r.compare(t, texts[turn%len(texts)]) != "" {
					printed++
				}
			}
			if t.Failed() {
				return
			}
		}
	}
	if printed < 900 {
		t.Errorf("only %d templates printed anything", printed)
	}
}

// A number of the data chooses no character, through whatever function it goes.
func TestNumbersOfDataChooseNoCharacter(t *testing.T) {
	t.Parallel()
	testenv.NeedTime(t, "renders 10,000 templates")
	r, types := newRooms(t), functionTypes()
	r.data[0] = map[string]any{"n": ';', "l": []any{int(';'), int(';')}}
	r.data[0]["n"] = int(';')
	turn := 0
	for _, name := range slices.Sorted(maps.Keys(types)) {
		for _, call := range calls(name, types[name], []string{".Data.n", ".Data.l", "(add .Data.n 0)", "(index .Data.l 0 | toString)"}) {
			texts := append(forms(call), "{{ printf `%c %+q %U %x %#U` "+strings.Join(call[1:], " ")+" }}")
			for range 3 {
				turn++
				text := texts[turn%len(texts)]
				if out, _ := r.render(0, text); strings.Contains(out, ";") {
					t.Errorf("%s: %q", text, out)
				}
			}
		}
	}
}
