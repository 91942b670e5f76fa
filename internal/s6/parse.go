package s6

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// svstatFields are the fields that s6-svstat prints, in this order.
const svstatFields = "up,wantedup,pid,exitcode,signal,updownsince,updownfor"

// parseService parses the output of s6-svstat. It also returns the time of the last change.
func parseService(text string) (s Service, since time.Time, err error) {
	f := strings.Fields(text)
	if len(f) != len(strings.Split(svstatFields, ",")) {
		return s, since, fmt.Errorf("s6-svstat printed %q", text)
	}
	s.Up, s.WantedUp = f[0] == "true", f[1] == "true"
	pid, pidErr := strconv.Atoi(f[2])
	since, sinceErr := parseTAI(f[5])
	seconds, forErr := strconv.ParseInt(f[6], 10, 32)
	if err := errors.Join(pidErr, sinceErr, forErr); err != nil {
		return s, since, fmt.Errorf("s6-svstat printed %q: %w", text, err)
	}
	s.For = time.Duration(seconds) * time.Second
	if s.Up {
		s.PID = pid
		return s, since, nil
	}
	switch code, signal := f[3], f[4]; {
	case signal != "NA":
		s.Exit = signal
	case code != "-1":
		s.Exit = "exit " + code
	}
	return s, since, nil
}

// countDeaths returns the number of deaths after a time in the output of s6-svdt, which has a
// line for each death: its time, and how the process ended.
func countDeaths(tally string, after time.Time) int {
	n := 0
	for line := range strings.Lines(tally) {
		stamp, _, _ := strings.Cut(line, " ")
		if at, err := parseTAI(stamp); err == nil && at.After(after) {
			n++
		}
	}
	return n
}

// parseTAI parses a time in TAI64N form. The result is a few seconds away from UTC, by as much
// as every other result.
func parseTAI(stamp string) (time.Time, error) {
	const digits = 24 // behind the @: 16 for the seconds, 8 for the nanoseconds
	hex, found := strings.CutPrefix(stamp, "@")
	if !found || len(hex) != digits {
		return time.Time{}, fmt.Errorf("%q is no TAI64N time", stamp)
	}
	seconds, err := strconv.ParseUint(hex[:16], 16, 63)
	nanos, nerr := strconv.ParseUint(hex[16:], 16, 32)
	return time.Unix(int64(seconds-1<<62), int64(nanos)), errors.Join(err, nerr)
}
