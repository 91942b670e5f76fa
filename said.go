package main

import "maps"

// said is what the passes of a watch say, so that none repeats what the one
// before it said. The nil one knows of nothing.
type said struct{ before, now map[string]bool }

func newSaid() *said { return &said{before: map[string]bool{}, now: map[string]bool{}} }

// first tells whether a text has not been said yet, and notes it.
func (s *said) first(text string) bool {
	if s == nil {
		return true
	}
	known := s.before[text] || s.now[text]
	s.now[text] = true
	return !known
}

// turn ends a pass. One that was refused has not said all there is to say.
func (s *said) turn(refused bool) {
	if refused {
		maps.Copy(s.now, s.before)
	}
	s.before, s.now = s.now, map[string]bool{}
}
