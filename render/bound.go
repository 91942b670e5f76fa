package render

import (
	"errors"
	"math"
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
// for a number that is too large. Otherwise one number could take all memory, and end the
// pass for every profile.
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
		if count > maxText {
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
		if isLongSeq(params) {
			return "", errTooMuch
		}
		return seq(params...), nil
	}
	return funcs
}

// isTooFar reports whether more than maxText steps lead from start to stop, or whether a step
// could overflow an int. With a step of 0 sprig makes nothing.
func isTooFar(start, stop, step int) bool {
	const far = math.MaxInt / 4
	for _, n := range []int{start, stop, step} {
		if n < -far || n > far {
			return true
		}
	}
	if step == 0 {
		return false
	}
	steps := (stop - start) / step
	return steps < -maxText || steps > maxText
}

// isLongSeq is isTooFar for the arguments of seq(1): LAST, or FIRST LAST, or FIRST STEP LAST.
func isLongSeq(params []int) bool {
	switch len(params) {
	case 1:
		return isTooFar(1, params[0], 1)
	case 2:
		return isTooFar(params[0], params[1], 1)
	case 3:
		return isTooFar(params[0], params[2], params[1])
	}
	return false
}
