package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

const (
	stateFile     = "gateway_state.json"
	lifecycleFile = "state/gateway.lifecycle.json"
)

// ExitUnknown is the prior exit of which nothing is recorded.
const ExitUnknown = "unknown"

// maxState is the longest word that is taken as a state, in bytes. Words are written
// to the boot log and into tables, where a longer one would hide those of others.
const maxState = 256

// Running is the one intent that starts a gateway.
const Running = "running"

// Intent is what a profile's files say its gateway should be after boot.
type Intent struct {
	// State is the recorded word; it may be any text of at most 256 bytes, the empty one
	// too.
	State string
	// Known is false where nothing usable is recorded.
	Known bool
	// Key names the member of gateway_state.json that State comes from.
	Key string
	// Raw is what stands under Key, where State is derived from another word.
	Raw string
}

// String returns the intent as logs show it: escaped, or None. A state that is
// the word None is quoted.
func (i Intent) String() string {
	switch {
	case !i.Known:
		return NoState
	case i.State == NoState:
		return strconv.Quote(NoState)
	}
	return Escape(i.State)
}

// Starts tells whether the intent by itself starts the gateway.
func (i Intent) Starts() bool { return i.Known && i.State == Running }

// why says where the intent comes from.
func (i Intent) why(unreadable bool) string {
	switch {
	case unreadable:
		return "nothing usable in " + stateFile
	case !i.Known:
		return "no state recorded in " + stateFile
	case i.Raw != "":
		return fmt.Sprintf("%s %q in %s counts as running: it was killed while up", i.Key, i.Raw, stateFile)
	}
	return i.Key + " " + strconv.QuoteToASCII(i.State) + " in " + stateFile
}

// intent reads gateway_state.json of a profile (docs/design.md, "State"). A file that
// can be read and says nothing usable is no intent with a warning; a failing
// read is an error, since nothing was decided.
func (r *reader) intent(d dir) (Intent, string, error) {
	data, err := r.read(d, stateFile)
	var odd unusable
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Intent{}, "", nil
	case errors.As(err, &odd):
		return Intent{}, noState(d, odd), nil
	case err != nil:
		return Intent{}, "", fmt.Errorf("reading %+q: %w", d.join(stateFile), err)
	}
	intent, err := parseIntent(data)
	if err != nil {
		return Intent{}, noState(d, err), nil
	}
	return intent, "", nil
}

func noState(d dir, why error) string {
	return fmt.Sprintf("reading %+q: %s: taken as no recorded state", d.join(stateFile), why)
}

func parseIntent(data []byte) (Intent, error) {
	m, err := parseMembers(data)
	if err != nil {
		return Intent{}, err
	}
	intent, err := stateMember(m.DesiredState, "desired_state")
	if err != nil || intent.Known {
		return intent, err
	}
	intent, err = stateMember(m.GatewayState, "gateway_state")
	if intent.State == "draining" || intent.State == "degraded" {
		// Only a gateway that is up gets there: it was killed before it could say more.
		intent.Raw, intent.State = intent.State, Running
	}
	return intent, err
}

func stateMember(raw json.RawMessage, key string) (Intent, error) {
	if raw == nil || string(raw) == "null" {
		return Intent{}, nil
	}
	state, ok := parseString(raw)
	if !ok {
		return Intent{}, fmt.Errorf("%s is not a string", key)
	}
	if len(state) > maxState {
		return Intent{}, fmt.Errorf("%s is longer than %d bytes", key, maxState)
	}
	return Intent{State: state, Known: true, Key: key}, nil
}

// priorExit reads how the gateway last ended. It is a label for the log: what
// can't be read is "unknown", never an error.
func (r *reader) priorExit(d dir) string {
	data, err := r.read(d, lifecycleFile)
	if err != nil {
		return ExitUnknown
	}
	return parsePriorExit(data)
}

func parsePriorExit(data []byte) string {
	m, err := parseMembers(data)
	if err != nil {
		return ExitUnknown
	}
	switch phase, _ := parseString(m.Phase); phase {
	case "exited":
		return "clean"
	case Running:
		return "unclean"
	}
	return ExitUnknown
}
