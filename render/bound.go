package render

import (
	"bytes"
	"errors"
	"math"
	"text/template"
)

// maxText bounds what one template comes to, in bytes: a loop without end fails the
// profiles that use it, and does not take all memory.
const maxText = 1 << 20

var errTooLong = errors.New("it comes to more than 1 MiB: does a loop go on too long?")

// boundedText takes the text of one file, behind what out holds.
type boundedText struct {
	out  *bytes.Buffer
	most int
}

func boundedBehind(out *bytes.Buffer) boundedText { return boundedText{out, out.Len() + maxText} }

// Write takes all of a text, or nothing and returns errTooLong.
func (b boundedText) Write(text []byte) (int, error) {
	if b.out.Len()+len(text) > b.most {
		return 0, errTooLong
	}
	return b.out.Write(text)
}

var errTooMuch = errors.New("it would make more than 1 MiB")

// bounded returns the functions of sprig that repeat something as often as they are
// told, so that they fail instead. One number too large would take all memory, and end
// the pass for every profile.
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
		if isFar(start, stop, step) {
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

// isFar reports whether many steps lead from start to stop, or a step could lead beyond
// the last number there is. Step 0 leads nowhere.
func isFar(start, stop, step int) bool {
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

// isLongSeq is isFar for the arguments of seq(1): the last number, the first before it,
// the step between them.
func isLongSeq(params []int) bool {
	switch len(params) {
	case 1:
		return isFar(1, params[0], 1)
	case 2:
		return isFar(params[0], params[1], 1)
	case 3:
		return isFar(params[0], params[2], params[1])
	}
	return false
}
