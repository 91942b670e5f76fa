package message

// Dedupe remembers what was said last about each subject, so that passes that follow
// each other do not repeat it. The nil Dedupe has seen nothing.
type Dedupe map[Subject]*statement

// Subject is what a message is about.
type Subject struct {
	Profile string // empty where it is about no single profile
	What    string // distinguishes what can be said about a profile at the same time
}

type statement struct {
	text string
	now  bool // said since the last Forget
}

// Seen reports whether a text is what was said last about its subject, and notes it. The
// empty text says that there is nothing to say.
func (d Dedupe) Seen(s Subject, text string) bool {
	if d == nil {
		return false
	}
	last, known := d[s]
	if text == "" {
		delete(d, s)
		return !known
	}
	d[s] = &statement{text: text, now: true}
	return known && last.text == text
}

// Forget ends a pass: it clears the subjects about which the pass said nothing, among
// those that it looked at.
func (d Dedupe) Forget(looked func(Subject) bool) {
	for s, last := range d {
		if !last.now && looked(s) {
			delete(d, s)
		}
		last.now = false
	}
}

// New reports whether a message is to be printed, and notes it. An event always is.
func (d Dedupe) New(m Message) bool {
	return m.Event || !d.Seen(Subject{m.Profile, m.Text}, m.Text)
}
