package message

// Dedupe remembers the last text about each subject, so that one pass after the other does
// not repeat it.
type Dedupe map[Subject]statement

// Subject identifies the subject of a message.
type Subject struct {
	Profile string // empty when the message is not about one profile
	What    string // distinguishes the subjects of one profile
}

// statement is the last text about a subject.
type statement struct {
	text    string
	current bool // seen since the last Forget
}

// Seen reports whether the text equals the last one about its subject, and remembers it.
// The empty text means that the subject is settled, as every new subject is.
func (d Dedupe) Seen(s Subject, text string) bool {
	last := d[s].text
	d[s] = statement{text: text, current: true}
	return text == last
}

// Forget ends a pass. Among the subjects that the pass looked at, it deletes each one that
// Seen has not met since the last Forget.
func (d Dedupe) Forget(looked func(Subject) bool) {
	for s, last := range d {
		if !last.current && looked(s) {
			delete(d, s)
		} else {
			d[s] = statement{text: last.text}
		}
	}
}

// New reports whether the message has to be printed, and remembers it. Every event has to
// be printed.
func (d Dedupe) New(m Message) bool {
	return m.Event || !d.Seen(Subject{m.Profile, m.Text}, m.Text)
}
