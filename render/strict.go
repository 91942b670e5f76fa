package render

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// openers returns the functions that open a text of the data: they quote it, or make a number of it.
func (b *box) openers() template.FuncMap {
	funcs := sprig.HermeticTxtFuncMap()
	toInt, toInt64 := funcs["int"].(func(any) int), funcs["int64"].(func(any) int64)
	toFloat, atoi := funcs["float64"].(func(any) float64), funcs["atoi"].(func(string) int)
	return template.FuncMap{
		"shquote":   quoter(shellQuoted, shquote),
		"execquote": quoter(execlineQuoted, execquote),
		"plain":     quoter(plainWord, plain),
		"int":       number(strconv.Atoi, toInt),
		"int64":     number(func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }, toInt64),
		"float64":   number(parseFloat, toFloat),
		"atoi": func(value any) (int, error) {
			if _, isOpaque := value.(opaque); isOpaque {
				return number(strconv.Atoi, toInt)(value)
			}
			text, err := stringOf(value)
			return atoi(text), err
		},
	}
}

// quoter returns quote for ordinary values and for texts of the data. It refuses control characters
// of the data, and in execline ${, which s6's programs would replace even in a quoted word.
func quoter(q quoting, quote func(any) (string, error)) func(any) (any, error) {
	return func(value any) (any, error) {
		o, isOpaque := value.(opaque)
		if !isOpaque {
			if err := refuseComposite(value, false); err != nil {
				return nil, err
			}
			return quote(value)
		}
		text, err := openedText(o)
		if err != nil {
			return nil, err
		}
		d := o.open()
		if hasControl(text) {
			return nil, d.refusal("holds a control character or a line break")
		}
		if q == execlineQuoted && strings.Contains(text, "${") {
			return nil, d.refusal("holds ${, which execline may replace")
		}
		quoted, err := quote(text)
		if err != nil {
			return nil, d.refusal("is no plain word: " + err.Error())
		}
		return d.quoted(q, quoted), nil
	}
}

// openedText returns the text of an opaque that is not quoted yet.
func openedText(o opaque) (string, error) {
	if o.open == nil || o.open().quote != unquoted {
		return "", misuseOf(o)
	}
	return o.open().Text, nil
}

// number returns convert for ordinary values, and parse for texts of the data. It refuses a text
// that is no number, for which sprig's functions give 0.
func number[N any](parse func(string) (N, error), convert func(any) N) func(any) (N, error) {
	return func(value any) (N, error) {
		o, isOpaque := value.(opaque)
		if !isOpaque {
			_, isFloat := any(*new(N)).(float64)
			return convert(value), mustBeNumber(value, !isFloat)
		}
		text, err := openedText(o)
		if err != nil {
			return *new(N), err
		}
		n, err := parse(text)
		if err != nil {
			return n, o.open().refusal("is not a number, or too large")
		}
		return n, nil
	}
}

// parseFloat parses a finite number.
func parseFloat(text string) (float64, error) {
	if strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// revealed returns the text of an opaque, a list with the texts of its opaques, and any other value as it is.
func revealed(value any) (any, error) {
	switch v := value.(type) {
	case opaque:
		return openedText(v)
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			var err error
			if items[i], err = revealed(item); err != nil {
				return nil, err
			}
		}
		return items, nil
	}
	return value, nil
}

// equalsAny reports whether a value equals one of the others, as eq of text/template.
func equalsAny(value any, others ...any) (bool, error) {
	if len(others) == 0 {
		return false, errors.New("missing argument for comparison")
	}
	for _, other := range others {
		if same, err := equals(value, other); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

// differs reports whether two values differ, as ne of text/template.
func differs(a, b any) (bool, error) {
	same, err := equals(a, b)
	return !same && err == nil, err
}

func equals(a, b any) (bool, error) {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case !va.IsValid() || !vb.IsValid():
		return va.IsValid() == vb.IsValid(), nil
	case va.CanInt() && vb.CanInt():
		return va.Int() == vb.Int(), nil
	case va.CanUint() && vb.CanUint(): // semver has such numbers, and the bytes of a name are some
		return va.Uint() == vb.Uint(), nil
	case va.CanInt() && vb.CanUint():
		return va.Int() >= 0 && uint64(va.Int()) == vb.Uint(), nil
	case va.CanUint() && vb.CanInt():
		return equals(b, a)
	case va.Type() == vb.Type() && va.Comparable() && vb.Comparable():
		return a == b, nil
	}
	return false, fmt.Errorf("incompatible types for comparison: %T and %T", a, b)
}

// printf is fmt.Sprintf for a template that sees data. A number comes out in decimal alone:
// the data would choose a character with %c.
func printf(format string, args ...any) (string, error) {
	var err error
	shown := make([]any, len(args))
	for i, arg := range args {
		shown[i] = printed{arg, &err}
	}
	if fmt.Fprintf(io.Discard, format, shown...); err != nil {
		return "", err
	}
	return fmt.Sprintf(format, args...), nil
}

// printed is an argument of printf. Its Format only looks at the verb: text may be printed by any
// verb, other values in decimal.
type printed struct {
	value any
	err   *error
}

func (p printed) Format(s fmt.State, verb rune) {
	_, isText := p.value.(string)
	if !isText && (s.Flag('#') || !strings.ContainsRune("dvstfFgGeE", verb)) {
		*p.err = fmt.Errorf("%%%c is refused where templates see data: only %%d, %%v and the like print numbers and lists", verb)
	}
}
