package reconcile

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// Fields returns the outcome as stdout and the boot log print it:
// "profile=coder prior_state=running action=started".
func (o Outcome) Fields() string {
	return fmt.Sprintf("profile=%s prior_state=%s action=%s",
		scan.Escape(o.Entry.Profile.Name), o.Entry.Intent, o.Action)
}

// Plan describes the outcome of a preview: what a pass would do with the slot, and what s6
// does with it then. A pass starts and stops no live slot.
func (o Outcome) Plan() string {
	verb, planned := map[scandir.Change]string{
		scandir.Created: "create", scandir.Updated: "update", scandir.Unchanged: "keep",
	}[o.Change]
	switch {
	case !o.Published():
		return map[Action]string{Skipped: "skip", Failed: "fail", Ignored: "ignore", Orphan: "orphan"}[o.Action]
	case !planned:
		return string(o.Effect)
	case o.Live:
		return verb
	case o.Action == Started:
		return verb + ", start"
	}
	return verb + ", stay down"
}

// Messages returns the messages about the outcomes. It reports an error that several profiles
// share once.
func Messages(outcomes []Outcome) []message.Message {
	var all []message.Message
	for _, o := range outcomes {
		all = append(all, o.messages()...)
	}
	return append(all, Failures(outcomes)...)
}

// Failures returns a message about each error of the outcomes, with the profiles that fail
// with it.
func Failures(outcomes []Outcome) []message.Message {
	profiles := map[string][]string{}
	for _, o := range outcomes {
		if o.Action == Failed {
			profiles[o.Reason] = append(profiles[o.Reason], o.Entry.Profile.Name)
		}
	}
	var all []message.Message
	for _, o := range outcomes {
		names := profiles[o.Reason]
		if o.Action != Failed || names[0] != o.Entry.Profile.Name {
			continue
		}
		m := message.Message{Level: message.Error, Hint: o.Hint, Profile: names[0], Event: true}
		m.Text = fmt.Sprintf("profile %+q: %s", names[0], o.Reason)
		if len(names) > 1 {
			m.Profile = ""
			m.Text = fmt.Sprintf("%d profiles (%s): %s", len(names), SomeNames(names), o.Reason)
		}
		all = append(all, m)
	}
	return all
}

// messages returns the warnings of the outcome and a message about its effect.
func (o Outcome) messages() []message.Message {
	name, service := o.Entry.Profile.Name, o.Entry.Profile.Service
	var all []message.Message
	for _, w := range o.Warnings {
		all = append(all, message.Warn("%s", w).About(name))
	}
	switch {
	case o.Action == Skipped:
		all = append(all, message.Warn("skipping profile %+q: %s", name, o.Reason).About(name))
	case o.Effect == scandir.NeedsRestart:
		all = append(all, message.Message{
			Level: message.Warning, Profile: name,
			Text: fmt.Sprintf("slot %q is live and needs restart, left as it is: "+
				"its logger would have to come or go, or a directory and a file change places", service),
			Hint: "it takes effect at the next start of the container",
		})
	case o.Effect == scandir.AtNextStart:
		m := message.Event("slot %q is live, in force at next start", service)
		if len(o.Differences) > 0 { // diff has printed them
			m.Text += ": " + describe(o.Differences)
		}
		m.Hint = o.Hint
		all = append(all, m)
	}
	return all
}

// ChangeMessages returns the messages of a watch about an outcome that is news and no failure.
func (o Outcome) ChangeMessages() []message.Message {
	service, fields := o.Entry.Profile.Service, o.Fields()
	switch {
	case o.Change == scandir.Created:
		if o.Reason != "" {
			fields += " reason=" + strconv.QuoteToASCII(o.Reason)
		}
		return []message.Message{message.Event("created slot %q: %s", service, fields)}
	case o.Change == scandir.Updated && !o.Live:
		return []message.Message{message.Event("updated slot %q: %s", service, describe(o.Differences))}
	case o.Change == scandir.Unchanged:
		return []message.Message{message.Event("slot %q: the problem is gone: %s", service, fields)}
	}
	o.Warnings = nil
	return o.messages()
}

// describe lists the differing paths of a slot, each with its difference.
func describe(diffs []scandir.Difference) string {
	words := make([]string, 0, len(diffs))
	for _, d := range diffs {
		words = append(words, fmt.Sprintf("%s (%s)", cmp.Or(d.Path, "."), d.What))
	}
	return strings.Join(words, ", ")
}

// Summary describes the pass in one line: "7 profiles: 7 created, 0 updated, 0 unchanged
// (5 ms)".
func (r Report) Summary(took time.Duration) string {
	changes := map[scandir.Change]int{}
	actions := map[Action]int{}
	for _, o := range r.Outcomes {
		actions[o.Action]++
		if o.Published() {
			changes[o.Change]++
		}
	}
	var parts []string
	for _, c := range []scandir.Change{scandir.Created, scandir.Updated, scandir.Unchanged} {
		parts = append(parts, fmt.Sprintf("%d %s", changes[c], c))
	}
	if n := changes[scandir.None]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d left as they are", n))
	}
	for _, a := range []Action{Skipped, Failed} {
		if n := actions[a]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, a))
		}
	}
	if n := len(r.Pruned); n > 0 {
		parts = append(parts, fmt.Sprintf("%d pruned", n))
	}
	return fmt.Sprintf("%s: %s (%d ms)", Counted(len(r.Outcomes), "profile"), strings.Join(parts, ", "), took.Milliseconds())
}

// Counted returns the number and the word, with a plural "s" unless n is 1: "2 slots".
func Counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// SomeNames lists three names at most, and the number of the others: "a, b, c and 2 more". It
// shortens a long name.
func SomeNames(names []string) string {
	const most = 3
	var shown []string
	for _, name := range names[:min(most, len(names))] {
		shown = append(shown, shortened(name))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// shortened returns a name, or the start of a long name and its length.
func shortened(name string) string {
	const room = 40
	if len(name) <= room {
		return name
	}
	return fmt.Sprintf("%s… of %d letters", name[:room/2], len(name))
}
