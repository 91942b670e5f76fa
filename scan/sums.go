package scan

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// A pass may spend these sums on the volume. Each file and each path has a share of its own, which
// is free of charge: so profiles with small files never lack what others have spent.
const (
	sumStates  = 32 << 20 // bytes; to parse them takes much longer than to read them
	sumConfigs = 256 << 20
	freeBytes  = 2 << 10 // of each file

	sumNodes  = 1_000_000
	freeNodes = 20 // of each config.yaml

	sumSteps  = 100_000
	freeSteps = 8 // of each path through links
)

// exhausted is the error of a profile for which a sum does not suffice.
type exhausted string

func (e exhausted) Error() string { return string(e) }

// failure returns the error of reading something. It does not name it where a sum is exhausted: so
// all profiles that fail for that reason fail with the same error, which is printed once.
func failure(what string, err error) error {
	if over, ok := errors.AsType[exhausted](err); ok {
		return over
	}
	return fmt.Errorf("reading %+q: %w", what, err)
}

const (
	errTooMuchRead  = exhausted("the files of other profiles are too large: a pass reads a limited sum, and 2 KiB of each file in any case")
	errTooManyNodes = exhausted("the YAML files of other profiles hold too much: a pass parses 1000000 values, and 20 of each file in any case")
	errTooManySteps = exhausted("the links of other profiles are too long: a pass follows them through 100000 names, and each through 8 in any case")
)

// sums are what one scan may still spend.
type sums struct {
	states, configs, nodes, steps sum
	// seen holds what was read from files with several names or behind links. Sharing is held
	// while such a file is read.
	seen    map[fileKey]any
	sharing sync.Mutex
}

func newSums() *sums {
	s := &sums{seen: map[fileKey]any{}}
	s.states.left.Store(sumStates)
	s.configs.left.Store(sumConfigs)
	s.nodes.left.Store(sumNodes)
	s.steps.left.Store(sumSteps)
	return s
}

// sum is what is left of one of them. Two goroutines of a pass take from it.
type sum struct{ left atomic.Int64 }

// take takes n, unless it is negative, and reports whether so much was left.
func (s *sum) take(n int) bool {
	return n <= 0 || s.left.Load() >= int64(n) && s.left.Add(-int64(n)) >= 0
}
