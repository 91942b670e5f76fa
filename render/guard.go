package render

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template"
)

// decoders names the functions that make any byte of a word of digits. A template that sees data
// can't call them.
func decoders() []string { return strings.Fields("b64dec b32dec decryptAES derivePassword urlParse") }

// functions returns the functions for templates that see data. They do the same as Functions for
// ordinary values, and take a text of the data only where no byte of it can get out.
func (b *box) functions() template.FuncMap {
	funcs := Functions()
	funcs["html"], funcs["js"], funcs["urlquery"] = template.HTMLEscaper, template.JSEscaper, template.URLQueryEscaper
	funcs["print"], funcs["println"], funcs["printf"] = fmt.Sprint, fmt.Sprintln, printf
	funcs["eq"], funcs["ne"] = equalsAny, differs
	for name, f := range funcs {
		funcs[name] = b.guard(name, reflect.ValueOf(f))
	}
	for _, name := range decoders() {
		funcs[name] = func(...any) (string, error) {
			return "", fmt.Errorf("%s is left out where templates see data: it can make any byte of a number", name)
		}
	}
	for name, f := range b.openers() {
		funcs[name] = b.guard("required", reflect.ValueOf(f))
	}
	return funcs
}

// guard returns f with a check of the arguments before the call, and with an error when the call
// has formatted a text of the data. Where f takes strings, the guarded function takes any value, so that the
// error names the key.
func (b *box) guard(name string, f reflect.Value) any {
	admit := b.admission(name)
	kind := f.Type()
	params := make([]reflect.Type, kind.NumIn())
	for i := range params {
		params[i] = loosened(kind.In(i), kind.IsVariadic() && i == len(params)-1)
	}
	failed := func(err error) []reflect.Value {
		return []reflect.Value{reflect.Zero(kind.Out(0)), reflect.ValueOf(&err).Elem()}
	}
	guarded := reflect.FuncOf(params, []reflect.Type{kind.Out(0), reflect.TypeFor[error]()}, kind.IsVariadic())
	return reflect.MakeFunc(guarded, func(args []reflect.Value) []reflect.Value {
		args, err := admitAll(admit, args, kind)
		if err == nil && isArithmetic(name) {
			err = mustNotOverflow(name, args)
		}
		if err != nil {
			return failed(err)
		}
		results := f.Call(args)
		if b.misused != nil {
			return failed(errors.New(b.misused.advice()))
		}
		if len(results) == 1 {
			results = append(results, reflect.Zero(reflect.TypeFor[error]()))
		}
		return results
	}).Interface()
}

// admission returns the rule for the arguments of the function. The rule gets an argument, and
// whether it is the last one. It returns the value to call the function with.
func (b *box) admission(name string) func(arg any, last bool) (any, error) {
	among := func(names string) bool { return slices.Contains(strings.Fields(names), name) }
	switch {
	case among(`list tuple dict set append push mustAppend mustPush prepend mustPrepend
		default coalesce ternary required empty all any dig`): // they hand a text on unread
		return func(arg any, _ bool) (any, error) { return arg, nil }
	case among("typeOf typeIs typeIsLike kindOf kindIs"): // a text of the data is a string to them
		return func(arg any, _ bool) (any, error) {
			if _, isOpaque := arg.(opaque); isOpaque {
				arg = ""
			}
			return arg, nil
		}
	case among("eq ne has mustHas"): // they answer yes or no
		return func(arg any, _ bool) (any, error) { return revealed(arg) }
	case among("contains hasPrefix hasSuffix regexMatch mustRegexMatch"): // the same, about the last argument
		return func(arg any, last bool) (any, error) {
			if last {
				return revealed(arg)
			}
			return arg, refuseOpaque(arg)
		}
	case among("print printf println html js urlquery toString quote squote cat join toStrings"):
		// Lists and mappings would come out in Go's own form, whose words are not quoted.
		return func(arg any, _ bool) (any, error) {
			if err := refuseComposite(arg, name == "join" || name == "toStrings"); err != nil {
				return nil, err
			}
			return arg, refuseOpaque(arg)
		}
	case isArithmetic(name):
		return func(arg any, _ bool) (any, error) {
			return arg, errors.Join(refuseOpaque(arg), mustBeNumber(arg, isWhole(name)))
		}
	case among("deepEqual uniq mustUniq without mustWithout deepCopy mustDeepCopy"):
		// They would take two equal texts of the data for different ones, or lose them.
		return func(arg any, _ bool) (any, error) {
			if b.holdsOpaque(arg) {
				return nil, fmt.Errorf("%s can't compare or copy texts of the data: use eq or has", name)
			}
			return arg, nil
		}
	}
	return func(arg any, _ bool) (any, error) { return arg, refuseOpaque(arg) }
}

func refuseOpaque(arg any) error {
	if o, isOpaque := arg.(opaque); isOpaque {
		return misuseOf(o)
	}
	return nil
}

// misuseOf returns the error for an opaque in a place that is not for it.
func misuseOf(o opaque) error {
	if o.open == nil {
		return errors.New("a text of the data was copied: only the original can be quoted")
	}
	return errors.New(o.open().advice())
}

// admitAll returns the arguments of a guarded function f as f takes them. The arguments of a variadic
// parameter are one by one in the result.
func admitAll(admit func(any, bool) (any, error), args []reflect.Value, f reflect.Type) ([]reflect.Value, error) {
	last := f.NumIn() - 1
	if f.IsVariadic() {
		rest := args[last]
		args = args[:last:last]
		for i := range rest.Len() {
			args = append(args, rest.Index(i))
		}
	}
	for i, arg := range args {
		param := f.In(min(i, last))
		if f.IsVariadic() && i >= last {
			param = param.Elem()
		}
		value, err := admit(arg.Interface(), i == len(args)-1)
		if err == nil && param.Kind() == reflect.String {
			value, err = stringOf(value)
		}
		if err != nil {
			return nil, err
		}
		args[i] = reflect.ValueOf(value)
		if value == nil {
			args[i] = reflect.Zero(param)
		}
	}
	return args, nil
}

// loosened returns the type of a parameter: any in place of string.
func loosened(param reflect.Type, variadic bool) reflect.Type {
	switch {
	case param == reflect.TypeFor[string]():
		return reflect.TypeFor[any]()
	case variadic && param == reflect.TypeFor[[]string]():
		return reflect.TypeFor[[]any]()
	}
	return param
}

// stringOf returns a string, or the error of text/template for another value.
func stringOf(value any) (string, error) {
	if o, isOpaque := value.(opaque); isOpaque {
		return "", misuseOf(o)
	}
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.String {
		return "", fmt.Errorf("wrong type for value; expected string; got %T", value)
	}
	return v.String(), nil
}
