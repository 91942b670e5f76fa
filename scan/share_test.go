package scan

import (
	"runtime"
	"sync/atomic"
	"testing"
)

func TestWorkersShareAllPartsAndGiveTheProcessorsBack(t *testing.T) {
	processors := runtime.GOMAXPROCS(0)
	for _, n := range []int{0, 1, fewParts, fewParts + 1, 1000} {
		done := make([]atomic.Int32, n)
		var made atomic.Int32
		var spared atomic.Bool
		Share(n, func() func(int) {
			made.Add(1)
			spared.Store(runtime.GOMAXPROCS(0) > processors)
			return func(i int) { done[i].Add(1) }
		})
		for i := range done {
			if times := done[i].Load(); times != 1 {
				t.Errorf("%d parts: part %d was done %d times", n, i, times)
			}
		}
		if want := max(1, min(workers, processors, n)); int(made.Load()) != want {
			t.Errorf("%d parts: %d workers, want %d", n, made.Load(), want)
		}
		if want := n > fewParts && processors <= workers; spared.Load() != want {
			t.Errorf("%d parts: a processor is spared: %v, want %v", n, spared.Load(), want)
		}
		if got := runtime.GOMAXPROCS(0); got != processors {
			t.Errorf("%d parts: %d processors afterwards, not %d", n, got, processors)
		}
	}
}
