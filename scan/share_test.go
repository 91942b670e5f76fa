package scan

import (
	"iter"
	"runtime"
	"sync/atomic"
	"testing"
)

func TestWorkersShareAllParts(t *testing.T) {
	processors := runtime.GOMAXPROCS(0)
	for _, n := range []int{0, 1, 2, 1000} {
		done := make([]atomic.Int32, n)
		var made atomic.Int32
		Share(n, func(parts iter.Seq[int]) {
			made.Add(1)
			for i := range parts {
				done[i].Add(1)
			}
		})
		for i := range done {
			if times := done[i].Load(); times != 1 {
				t.Errorf("%d parts: part %d was done %d times", n, i, times)
			}
		}
		if want := max(1, min(workers, processors, n)); int(made.Load()) != want {
			t.Errorf("%d parts: %d workers, want %d", n, made.Load(), want)
		}
	}
}
