package render

import (
	"bytes"
	"errors"
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
