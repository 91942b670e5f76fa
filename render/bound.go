package render

import (
	"errors"
	"slices"
	"text/template"
)

// maxText bounds the output of one template, in bytes. A template with an endless loop fails
// the profiles that use it, and does not take all memory.
const maxText = 1 << 20

var errTooLong = errors.New("it comes to more than 1 MiB: does a loop go on too long?")

// boundedText is the text of one file.
type boundedText []byte

// Write appends all of a text, or appends nothing and returns errTooLong.
func (b *boundedText) Write(text []byte) (int, error) {
	if len(*b)+len(text) > maxText {
		return 0, errTooLong
	}
	*b = append(*b, text...)
	return len(text), nil
}

var errTooMuch = errors.New("it would make more than 1 MiB")

// bounded wraps the sprig functions that repeat something a given number of times. They fail
// for a number that is too large. The number may come from the data of a profile, and the bound
// of the output is too late for it: repeat 1000000000 "x" takes 1.9 GiB, until 100000000 4.6 GiB.
// Where a container has less, that ends the pass for every profile.
func bounded(sprig template.FuncMap) template.FuncMap {
	funcs := template.FuncMap{}
	for _, name := range []string{"repeat", "indent", "nindent"} {
		repeat := sprig[name].(func(int, string) string)
		funcs[name] = func(count int, text string) (string, error) {
			if count > maxText/max(len(text), 1) {
				return "", errTooMuch
			}
			return repeat(count, text), nil
		}
	}
	until := sprig["until"].(func(int) []int)
	funcs["until"] = func(count int) ([]int, error) {
		if isTooFar(count) {
			return nil, errTooMuch
		}
		return until(count), nil
	}
	untilStep := sprig["untilStep"].(func(int, int, int) []int)
	funcs["untilStep"] = func(start, stop, step int) ([]int, error) {
		if isTooFar(start, stop, step) {
			return nil, errTooMuch
		}
		return untilStep(start, stop, step), nil
	}
	seq := sprig["seq"].(func(...int) string)
	funcs["seq"] = func(params ...int) (string, error) {
		if isTooFar(params...) {
			return "", errTooMuch
		}
		return seq(params...), nil
	}
	return funcs
}

// isTooFar reports whether one of the numbers is more than maxText, or less than -maxText. A
// list of numbers between the two has a bounded length.
func isTooFar(numbers ...int) bool {
	return slices.ContainsFunc(numbers, func(n int) bool { return n < -maxText || n > maxText })
}
