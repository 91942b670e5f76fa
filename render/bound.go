package render

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"text/template"
)

// maxText bounds what one template comes to, in bytes, and what a function makes out of
// a number, in bytes or numbers: such a slip in an override fails the profiles that use
// it, and does not take all memory. What text/template computes without printing it, by
// a loop or by doubling a string, has no bound.
const maxText = 1 << 20

var (
	errTooLong = errors.New("it comes to more than 1 MiB: does a loop go on too long?")
	errTooMuch = errors.New("it would make more than 1 MiB")
)

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

// bounded returns those of sprig's functions that make much out of a number, so that
// they fail instead.
func bounded(sprig template.FuncMap) template.FuncMap {
	repeat := sprig["repeat"].(func(int, string) string)
	indent := sprig["indent"].(func(int, string) string)
	nindent := sprig["nindent"].(func(int, string) string)
	until := sprig["until"].(func(int) []int)
	untilStep := sprig["untilStep"].(func(int, int, int) []int)
	seq := sprig["seq"].(func(...int) string)
	return template.FuncMap{
		"repeat": func(count int, text string) (string, error) {
			return unless(isMuch(count, len(text)), func() string { return repeat(count, text) })
		},
		"indent": func(spaces int, text string) (string, error) {
			return unless(isMuch(spaces, lines(text)), func() string { return indent(spaces, text) })
		},
		"nindent": func(spaces int, text string) (string, error) {
			return unless(isMuch(spaces, lines(text)), func() string { return nindent(spaces, text) })
		},
		"until": func(count int) ([]int, error) {
			return unless(isFar(0, count, 1), func() []int { return until(count) })
		},
		"untilStep": func(start, stop, step int) ([]int, error) {
			return unless(isFar(start, stop, step), func() []int { return untilStep(start, stop, step) })
		},
		"seq": func(params ...int) (string, error) {
			return unless(isLongSeq(params), func() string { return seq(params...) })
		},
	}
}

func unless[T any](tooMuch bool, made func() T) (nothing T, _ error) {
	if tooMuch {
		return nothing, errTooMuch
	}
	return made(), nil
}

func lines(text string) int { return strings.Count(text, "\n") + 1 }

func isMuch(count, size int) bool { return size > 0 && count > maxText/size }

// isFar tells whether many steps lead from start to stop, or one could lead beyond the
// last number there is, and so round and round. Step 0 leads nowhere.
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

// isLongSeq is isFar for the arguments of seq(1): the last number, the first before
// it, the step between them.
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
