package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

const lifecycleFile = "state/gateway.lifecycle.json"

// ExitUnknown is the prior exit when none is recorded.
const ExitUnknown = "unknown"

// maxState is the length of the longest state, in bytes. The boot log and tables show states,
// where a longer one would hide those of other profiles.
const maxState = 256

// Running is the only state that starts a gateway.
const Running = "running"

// Intent is the recorded state of a gateway.
type Intent struct {
	// State is the recorded word. It may be any text of at most 256 bytes, also the empty one.
	State string
	// Known is false when nothing usable is recorded.
	Known bool
	// Key names the member of the state file that State comes from.
	Key string
	// Raw is the value of Key when State is derived from another word.
	Raw string
}

// String returns the state in the form of the logs: escaped, or None. It quotes a state that
// is the word None.
func (i Intent) String() string {
	switch {
	case !i.Known:
		return NoState
	case i.State == NoState:
		return strconv.Quote(NoState)
	}
	return Escape(i.State)
}

// Starts reports whether the state by itself starts the gateway.
func (i Intent) Starts() bool { return i.Known && i.State == Running }

// nearMiss returns why the state starts nothing though it reads like "running", or "".
func (i Intent) nearMiss(stateFile string) string {
	if i.State == Running || !strings.EqualFold(strings.TrimSpace(i.State), Running) {
		return ""
	}
	return fmt.Sprintf("%s %s in %s starts nothing: it differs from %q in letter case or white space",
		i.Key, strconv.QuoteToASCII(i.State), stateFile, Running)
}

// why names the source of the state.
func (i Intent) why(stateFile string) string {
	switch {
	case !i.Known:
		return "no state recorded in " + stateFile
	case i.Raw != "":
		return fmt.Sprintf("%s %q in %s counts as running: it was killed while up", i.Key, i.Raw, stateFile)
	}
	return i.Key + " " + strconv.QuoteToASCII(i.State) + " in " + stateFile
}

// readIntent reads the state file of a profile (docs/design.md, "State"). A file that
// can be read and holds nothing usable is no state, and doubt says why. A failing read is an
// error, since it decides nothing.
func (o Options) readIntent(d dir) (i Intent, doubt, err error) {
	if !o.readsStates() {
		return Intent{}, nil, nil
	}
	i, err = readParsed(d, o.layout.StateFile, maxStateFile, &d.patience.sums.states, parseIntent)
	var odd unusable
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Intent{}, nil, nil
	case errors.As(err, &odd):
		return Intent{}, odd, nil
	case err != nil:
		return Intent{}, nil, failure(d.join(o.layout.StateFile), err)
	}
	return i, nil, nil
}

// readsStates reports whether the scan reads the recorded states.
func (o Options) readsStates() bool { return o.Autostart != All && o.layout.StateFile != "" }

// parseIntent returns an unusable for a file that holds no usable state.
func parseIntent(data []byte) (Intent, error) {
	const desired, actual = "desired_state", "gateway_state"
	m, err := parseMembers(data, desired, actual)
	if err != nil {
		return Intent{}, unusable(err.Error())
	}
	intent, err := stateMember(desired, m[0])
	if err != nil || intent.Known {
		return intent, err
	}
	intent, err = stateMember(actual, m[1])
	if intent.State == "draining" || intent.State == "degraded" {
		// Only a gateway that is up gets there: it was killed before it recorded more.
		intent.Raw, intent.State = intent.State, Running
	}
	return intent, err
}

func stateMember(key string, state gjson.Result) (Intent, error) {
	switch {
	case state.Type == gjson.Null:
		return Intent{}, nil
	case state.Type != gjson.String:
		return Intent{}, unusable(key + " is not a string")
	case len(state.Str) > maxState:
		return Intent{}, unusable(fmt.Sprintf("%s is longer than %d bytes", key, maxState))
	default:
		return Intent{State: strings.Clone(state.Str), Known: true, Key: key}, nil // not the whole file's memory
	}
}

// readPriorExit reads how the gateway last ended. It is a label for the log: it is "unknown" when
// the file can't be read, never an error.
func readPriorExit(d dir) string {
	exit, err := readParsed(d, lifecycleFile, maxStateFile, &d.patience.sums.states, func(data []byte) (string, error) {
		return parsePriorExit(data), nil
	})
	if err != nil {
		return ExitUnknown
	}
	return exit
}

func parsePriorExit(data []byte) string {
	m, err := parseMembers(data, "phase")
	if err != nil {
		return ExitUnknown
	}
	switch m[0].Str {
	case "exited":
		return "clean"
	case Running:
		return "unclean"
	}
	return ExitUnknown
}
