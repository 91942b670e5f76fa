package main

import (
	"maps"
	"slices"
)

// owed is what a pass has to look at.
type owed struct {
	all   bool
	names map[string]bool
}

func (o *owed) add(names ...string) {
	if o.names == nil {
		o.names = map[string]bool{}
	}
	for _, name := range names {
		o.names[name] = true
	}
}

func (o *owed) merge(other owed) {
	o.all = o.all || other.all
	o.add(slices.Collect(maps.Keys(other.names))...)
}

func (o *owed) isEmpty() bool { return !o.all && len(o.names) == 0 }

// manyNames are worth a look at everything: a pass that is limited looks each profile up
// among its names, and holds the scandir's lock meanwhile.
const manyNames = 1000

// only is the choice of a pass: nil for everything.
func (o *owed) only() []string {
	if o.all || len(o.names) > manyNames {
		return nil
	}
	return slices.Sorted(maps.Keys(o.names))
}
