package scan

import (
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
)

// workers is how many goroutines share work at most: in the kernel they wait for the
// same directories, so that a third one gains nothing.
const workers = 2

// Share has the parts of a whole, numbered from 0, done by the caller and, where there are
// several and a processor for it, by a second goroutine at the same time. Work gets the
// parts of one goroutine. Share returns when all are done.
func Share(parts int, work func(parts iter.Seq[int])) {
	var next atomic.Int64
	mine := func(yield func(int) bool) {
		for {
			part := int(next.Add(1)) - 1
			if part >= parts || !yield(part) {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range min(workers, runtime.GOMAXPROCS(0), parts) - 1 {
		wg.Go(func() { work(mine) })
	}
	work(mine)
	wg.Wait()
}
