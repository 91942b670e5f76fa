package render

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// isArithmetic reports whether a function calculates. sprig's functions take anything that is no
// number for 0, and round without a word: data would choose that.
func isArithmetic(name string) bool {
	return slices.Contains(strings.Fields("add add1 sub mul div mod max min biggest ceil floor round"+
		" addf add1f subf mulf divf maxf minf"), name)
}

// isWhole reports whether an arithmetic function takes only whole numbers.
func isWhole(name string) bool {
	return !strings.HasSuffix(name, "f") && name != "ceil" && name != "floor" && name != "round"
}

// mustBeNumber returns an error unless value is a number, or a text that is one.
func mustBeNumber(value any, whole bool) error {
	v := reflect.ValueOf(value)
	var number float64
	switch {
	case v.CanInt(), v.CanUint():
		return nil
	case v.CanFloat():
		number = v.Float()
	case v.Kind() == reflect.String:
		parsed, err := parseFloat(v.String())
		if number = parsed; err != nil {
			return fmt.Errorf("%q is not a number", v.String())
		}
	default:
		return fmt.Errorf("a number is wanted, not %s", kindName(v))
	}
	if whole && number != math.Trunc(number) {
		return fmt.Errorf("a whole number is wanted, not %s", strconv.FormatFloat(number, 'f', -1, 64))
	}
	return nil
}

// kindName names the kind of a value in the words of a data file.
func kindName(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Invalid:
		return "null"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map:
		return "a mapping"
	default:
		return "a text"
	}
}

// mustNotOverflow returns an error where a sum or a product would not fit into 64 bits.
func mustNotOverflow(name string, args []reflect.Value) error {
	result := 0.0
	if name == "mul" {
		result = 1
	}
	for _, arg := range args {
		number, err := parseFloat(fmt.Sprint(arg))
		switch {
		case err != nil:
			return err
		case name == "mul":
			result *= number
		case name == "add", name == "sub", name == "add1":
			result += math.Abs(number)
		}
	}
	if math.Abs(result) > 1<<62 {
		return errors.New("the numbers are too large to calculate with")
	}
	return nil
}

// isComposite reports whether a value is a list or a mapping.
func isComposite(v reflect.Value) bool {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Struct:
		_, isOpaque := reflect.TypeAssert[opaque](v)
		return !isOpaque
	default:
		return false
	}
}

var errComposite = errors.New("a list or a mapping has to be taken apart, as in {{ range LIST }} {{ shquote . }}{{ end }}")

// refuseComposite returns an error for a list or a mapping. Where inside is true, it looks at the items
// of a list instead.
func refuseComposite(value any, inside bool) error {
	v := reflect.ValueOf(value)
	if inside && (v.Kind() == reflect.Slice || v.Kind() == reflect.Array) {
		for i := range v.Len() {
			if isComposite(v.Index(i)) {
				return errComposite
			}
		}
		return nil
	}
	if isComposite(v) {
		return errComposite
	}
	return nil
}
